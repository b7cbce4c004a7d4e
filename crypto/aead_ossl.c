/* ChaCha20-Poly1305 by OpenSSL: one context per direction, made once. Single thread. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>

#include "base/defence.h"
#include "crypto/aead_backend.h"

static EVP_CIPHER_CTX *sealer, *opener;

static const uint8_t no_key[AEAD_KEY_LEN], no_nonce[AEAD_NONCE_LEN];

static int start(void)
{
	if (opener != NULL)
		return 0;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	EVP_CIPHER_CTX *s = EVP_CIPHER_CTX_new(), *o = EVP_CIPHER_CTX_new();
	bool made = cipher != NULL && s != NULL && o != NULL &&
		    EVP_EncryptInit_ex2(s, cipher, no_key, no_nonce, NULL) == 1 &&
		    EVP_DecryptInit_ex2(o, cipher, no_key, no_nonce, NULL) == 1;
	EVP_CIPHER_free(cipher); /* the contexts hold it */
	if (!made) {
		EVP_CIPHER_CTX_free(s);
		EVP_CIPHER_CTX_free(o);
		return -ENOTSUP;
	}
	sealer = s;
	opener = o;
	return 0;
}

/* A context may not keep the key of a session that is to be forgotten. */
static void forget_key(EVP_CIPHER_CTX *ctx)
{
	bool done = EVP_CipherInit_ex2(ctx, NULL, no_key, no_nonce, -1, NULL) == 1;
	assert(done);
}

/* Key, nonce, additional data and text of one job; what is left is the tag. */
static bool run(EVP_CIPHER_CTX *ctx, const struct aead_job *j)
{
	int n;

	assert(j->len <= INT_MAX && j->ad_len <= INT_MAX);
	return EVP_CipherInit_ex2(ctx, NULL, j->key->bytes, j->nonce, -1, NULL) == 1 &&
	       (j->ad_len == 0 || EVP_CipherUpdate(ctx, NULL, &n, j->ad, (int)j->ad_len) == 1) &&
	       (j->len == 0 || EVP_CipherUpdate(ctx, j->data, &n, j->data, (int)j->len) == 1);
}

static void seal(struct aead_job *jobs, size_t count)
{
	for (struct aead_job *j = jobs; j < jobs + count; j++) {
		uint8_t *tag = j->data + j->len;
		int n;
		bool done =
			run(sealer, j) && EVP_CipherFinal_ex(sealer, tag, &n) == 1 &&
			EVP_CIPHER_CTX_ctrl(sealer, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, tag) == 1;
		assert(done); /* else the text would go out bare */
	}
	forget_key(sealer);
}

static void open(struct aead_job *jobs, size_t count)
{
	for (struct aead_job *j = jobs; j < jobs + count; j++) {
		uint8_t *tag = j->data + j->len;
		int n;
		bool done = run(opener, j) &&
			    EVP_CIPHER_CTX_ctrl(opener, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag) ==
				    1 &&
			    EVP_CipherFinal_ex(opener, tag, &n) == 1;
		j->ok = !DEFENCE(55, !done);
	}
	forget_key(opener);
}

const struct aead_backend aead_ossl = {
	.name = "openssl", .start = start, .seal = seal, .open = open};
