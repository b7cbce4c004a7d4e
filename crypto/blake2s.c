/* BLAKE2s (RFC 7693) by OpenSSL 3, HMAC (RFC 2104) and Noise's KDF (WireGuard paper, 5.4) over it.
 *
 * The algorithms are fetched and their contexts made once: a fetch by name costs more than the
 * hash. HMAC is written out over the hash because OpenSSL's own keeps the last key in its context,
 * and with it the keys of a session that should be forgotten; cleaned after each use, it takes
 * twice as long as this. */
#include "crypto/blake2s.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/key.h"
#include "crypto/reserve.h"

#define BLAKE2S_BLOCK_LEN 64

static EVP_MD *hash;
static EVP_MD_CTX *hash_ctx;
static EVP_MAC_CTX *mac_ctx;

static void forget(void)
{
	EVP_MD_free(hash);
	EVP_MD_CTX_free(hash_ctx);
	EVP_MAC_CTX_free(mac_ctx);
	hash = NULL;
	hash_ctx = NULL;
	mac_ctx = NULL;
}

/* RFC 7693, appendix B. */
static bool answers_right(void)
{
	static const uint8_t of_abc[BLAKE2S_LEN] = {
		0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2, 0xe1, 0xa7, 0x2b,
		0xa3, 0x4e, 0xeb, 0x45, 0x2f, 0x37, 0x45, 0x8b, 0x20, 0x9e, 0xd6,
		0x3a, 0x29, 0x4d, 0x99, 0x9b, 0x4c, 0x86, 0x67, 0x59, 0x82,
	};
	uint8_t out[BLAKE2S_LEN];

	blake2s(out, "abc", 3, NULL, 0);
	return memcmp(out, of_abc, sizeof out) == 0;
}

int blake2s_start(void)
{
	if (hash != NULL)
		return 0;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
	hash = EVP_MD_fetch(NULL, "BLAKE2s256", NULL);
	hash_ctx = EVP_MD_CTX_new();
	mac_ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac); /* the context holds it */
	if (hash != NULL && hash_ctx != NULL && mac_ctx != NULL && answers_right())
		return 0;
	forget();
	return -EIO;
}

void blake2s(uint8_t out[static BLAKE2S_LEN], const void *a, size_t a_len, const void *b,
	     size_t b_len)
{
	reserve_use(true);
	bool done = EVP_DigestInit_ex2(hash_ctx, hash, NULL) == 1 &&
		    EVP_DigestUpdate(hash_ctx, a, a_len) == 1 &&
		    EVP_DigestUpdate(hash_ctx, b, b_len) == 1 &&
		    EVP_DigestFinal_ex(hash_ctx, out, NULL) == 1;
	reserve_use(false);
	assert(done);
}

void blake2s_mac(uint8_t *out, size_t out_len, const void *key, size_t key_len, const void *data,
		 size_t len)
{
	/* The length is an input of BLAKE2s: 16 bytes are not the first half of 32. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &out_len),
		OSSL_PARAM_construct_end(),
	};
	size_t made = 0;

	reserve_use(true);
	bool done = EVP_MAC_init(mac_ctx, key, key_len, params) == 1 &&
		    EVP_MAC_update(mac_ctx, data, len) == 1 &&
		    EVP_MAC_final(mac_ctx, out, &made, out_len) == 1;
	reserve_use(false);
	assert(done && made == out_len);
}

void blake2s_hmac(uint8_t out[static BLAKE2S_LEN], const uint8_t key[static BLAKE2S_LEN],
		  const void *data, size_t len)
{
	uint8_t inner[BLAKE2S_BLOCK_LEN], outer[BLAKE2S_BLOCK_LEN];

	memset(inner, 0x36, sizeof inner);
	memset(outer, 0x5c, sizeof outer);
	for (size_t i = 0; i < BLAKE2S_LEN; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	blake2s(out, inner, sizeof inner, data, len);
	blake2s(out, outer, sizeof outer, out, BLAKE2S_LEN);
	key_wipe(inner, sizeof inner);
	key_wipe(outer, sizeof outer);
}

void blake2s_kdf(uint8_t *out1, uint8_t *out2, uint8_t *out3,
		 const uint8_t chaining[static BLAKE2S_LEN], const void *input, size_t len)
{
	uint8_t *const outs[] = {out1, out2, out3};
	size_t count = out3 != NULL ? 3 : out2 != NULL ? 2 : 1;
	uint8_t secret[BLAKE2S_LEN];
	uint8_t last[BLAKE2S_LEN + 1]; /* the output before, and the number of the next */
	size_t last_len = 0;

	blake2s_hmac(secret, chaining, input, len);
	for (size_t i = 0; i < count; i++) {
		last[last_len] = (uint8_t)(i + 1);
		blake2s_hmac(last, secret, last, last_len + 1);
		last_len = BLAKE2S_LEN;
		if (outs[i] != NULL)
			memcpy(outs[i], last, BLAKE2S_LEN);
	}
	key_wipe(secret, sizeof secret);
	key_wipe(last, sizeof last);
}
