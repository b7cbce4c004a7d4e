/* ChaCha20-Poly1305 by libsodium: everywhere, without state, the reference of the others. */
#include <assert.h>
#include <sodium.h>

#include "base/defence.h"
#include "crypto/aead_backend.h"

static int start(void)
{
	return 0;
}

static void seal(struct aead_job *jobs, size_t count)
{
	for (struct aead_job *j = jobs; j < jobs + count; j++) {
		int err = crypto_aead_chacha20poly1305_ietf_encrypt_detached(
			j->data, j->data + j->len, NULL, j->data, j->len, j->ad, j->ad_len, NULL,
			j->nonce, j->key->bytes);
		assert(err == 0);
	}
}

static void open(struct aead_job *jobs, size_t count)
{
	for (struct aead_job *j = jobs; j < jobs + count; j++) {
		int err = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
			j->data, NULL, j->data, j->len, j->data + j->len, j->ad, j->ad_len,
			j->nonce, j->key->bytes);
		j->ok = !DEFENCE(55, err != 0);
	}
}

const struct aead_backend aead_sodium = {
	.name = "sodium", .start = start, .seal = seal, .open = open};
