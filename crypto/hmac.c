/* HMAC over SHA-1 and SHA-256 (RFC 2104) by OpenSSL 3. Written out over the hashes for the reasons that blake2s.c has. */
#include "crypto/hmac.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/key.h"
#include "crypto/reserve.h"

/* Bytes to be hashed one after the other. */
struct piece {
	const void *data;
	size_t len;
};

static EVP_MD *md5, *sha1, *sha256;
static EVP_MD_CTX *ctx;

static void forget(void)
{
	EVP_MD_free(md5);
	EVP_MD_free(sha1);
	EVP_MD_free(sha256);
	EVP_MD_CTX_free(ctx);
	md5 = sha1 = sha256 = NULL;
	ctx = NULL;
}

static void digest(uint8_t *out, const EVP_MD *hash, const struct piece *pieces, size_t count)
{
	reserve_use(true);
	bool done = EVP_DigestInit_ex2(ctx, hash, NULL) == 1;
	for (size_t i = 0; i < count; i++)
		done = done && EVP_DigestUpdate(ctx, pieces[i].data, pieces[i].len) == 1;
	done = done && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	reserve_use(false);
	assert(done);
}

static void hmac(uint8_t *out, size_t out_len, const EVP_MD *hash, struct piece key,
		 const struct piece *text)
{
	uint8_t inner[HMAC_BLOCK_LEN], outer[HMAC_BLOCK_LEN], short_key[HMAC_BLOCK_LEN] = {0};

	if (key.len > sizeof short_key)
		digest(short_key, hash, &key, 1);
	else if (key.len > 0)
		memcpy(short_key, key.data, key.len);
	for (size_t i = 0; i < HMAC_BLOCK_LEN; i++) {
		inner[i] = short_key[i] ^ 0x36;
		outer[i] = short_key[i] ^ 0x5c;
	}
	digest(out, hash, (struct piece[]){{inner, sizeof inner}, text[0], text[1]}, 3);
	digest(out, hash, (struct piece[]){{outer, sizeof outer}, {out, out_len}}, 2);
	key_wipe(inner, sizeof inner);
	key_wipe(outer, sizeof outer);
	key_wipe(short_key, sizeof short_key);
}

/* RFC 1321, A.5; RFC 2202 and RFC 4231, second cases. */
static bool answers_right(void)
{
	static const uint8_t of_abc[HMAC_MD5_LEN] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2,
						     0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d,
						     0x28, 0xe1, 0x7f, 0x72};
	static const uint8_t of_jefe1[HMAC_SHA1_LEN] = {0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f,
							0xa2, 0xd2, 0x74, 0x16, 0xd5, 0xf1, 0x84,
							0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79};
	static const uint8_t of_jefe256[HMAC_SHA256_LEN] = {
		0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
		0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
		0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
	static const char text[] = "what do ya want for nothing?";
	uint8_t out[HMAC_SHA256_LEN];

	hmac_plain_md5(out, "abc", 3);
	if (memcmp(out, of_abc, sizeof of_abc) != 0)
		return false;
	hmac_sha1(out, "Jefe", 4, text, 12, text + 12, sizeof text - 1 - 12);
	if (memcmp(out, of_jefe1, sizeof of_jefe1) != 0)
		return false;
	hmac_sha256(out, "Jefe", 4, text, sizeof text - 1, NULL, 0);
	return memcmp(out, of_jefe256, sizeof of_jefe256) == 0;
}

int hmac_start(void)
{
	if (ctx != NULL)
		return 0;
	md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ctx = EVP_MD_CTX_new();
	if (md5 != NULL && sha1 != NULL && sha256 != NULL && ctx != NULL && answers_right())
		return 0;
	forget();
	return -EIO;
}

void hmac_sha1(uint8_t out[static HMAC_SHA1_LEN], const void *key, size_t key_len, const void *a,
	       size_t a_len, const void *b, size_t b_len)
{
	hmac(out, HMAC_SHA1_LEN, sha1, (struct piece){key, key_len},
	     (struct piece[]){{a, a_len}, {b, b_len}});
}

void hmac_sha256(uint8_t out[static HMAC_SHA256_LEN], const void *key, size_t key_len,
		 const void *a, size_t a_len, const void *b, size_t b_len)
{
	hmac(out, HMAC_SHA256_LEN, sha256, (struct piece){key, key_len},
	     (struct piece[]){{a, a_len}, {b, b_len}});
}

void hmac_plain_md5(uint8_t out[static HMAC_MD5_LEN], const void *data, size_t len)
{
	digest(out, md5, &(struct piece){data, len}, 1);
}

void hmac_plain_sha256(uint8_t out[static HMAC_SHA256_LEN], const void *data, size_t len)
{
	digest(out, sha256, &(struct piece){data, len}, 1);
}
