/* The AEAD back end in use, and the one-at-a-time forms of handshakes (RFC 8439; XChaCha20:
 * draft-irtf-cfrg-xchacha). */
#include "crypto/aead.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "base/defence.h"
#include "config.h"
#include "crypto/aead_backend.h"

_Static_assert(AEAD_KEY_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(AEAD_NONCE_LEN == crypto_aead_chacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(AEAD_TAG_LEN == crypto_aead_chacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(AEAD_XNONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "long nonce");

static const struct aead_backend *const backends[] = {
#ifdef HAVE_IPSECMB
	&aead_mb,   &aead_mb_avx2,
#endif
	&aead_ossl, &aead_sodium,
#ifdef WARREN_TEST_HOOKS
	&aead_none,
#endif
};

static const struct aead_backend *in_use;

const struct aead_backend *aead_backend_find(const char *name)
{
	for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i]->start() == 0 ? backends[i] : NULL;
	return NULL;
}

void aead_backend_use(const struct aead_backend *b)
{
	in_use = b;
}

const char *aead_backend_name(void)
{
	return in_use->name;
}

void aead_nonce(uint8_t out[static AEAD_NONCE_LEN], uint64_t counter)
{
	memset(out, 0, 4);
	store_le64(out + 4, counter);
}

void aead_seal_batch(struct aead_job *jobs, size_t count)
{
	in_use->seal(jobs, count);
}

void aead_open_batch(struct aead_job *jobs, size_t count)
{
	in_use->open(jobs, count);
}

/* Handshakes seal a few dozen bytes beside X25519: libsodium, which needs no state, is fast enough
 * whatever the back end. */
void aead_seal(uint8_t *out, const struct aead_key *key, uint64_t counter, const void *text,
	       size_t len, const void *ad, size_t ad_len)
{
	uint8_t nonce[AEAD_NONCE_LEN];

	aead_nonce(nonce, counter);
	int err = crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, text, len, ad, ad_len, NULL,
							    nonce, key->bytes);
	assert(err == 0);
}

bool aead_open(uint8_t *out, const struct aead_key *key, uint64_t counter, const void *sealed,
	       size_t len, const void *ad, size_t ad_len)
{
	uint8_t nonce[AEAD_NONCE_LEN];

	aead_nonce(nonce, counter);
	int err = crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, len, ad,
							    ad_len, nonce, key->bytes);
	return !DEFENCE(55, err != 0);
}

void aead_xseal(uint8_t *out, const struct aead_key *key,
		const uint8_t nonce[static AEAD_XNONCE_LEN], const void *text, size_t len,
		const void *ad, size_t ad_len)
{
	int err = crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, text, len, ad, ad_len, NULL,
							     nonce, key->bytes);
	assert(err == 0);
}

bool aead_xopen(uint8_t *out, const struct aead_key *key,
		const uint8_t nonce[static AEAD_XNONCE_LEN], const void *sealed, size_t len,
		const void *ad, size_t ad_len)
{
	int err = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, len, ad,
							     ad_len, nonce, key->bytes);
	return !DEFENCE(55, err != 0);
}
