/* HMAC (RFC 2104) over SHA-1 and SHA-256, and the plain hashes of long-term credentials: what STUN and TURN ask for (RFC 8489, 9.2.2,
 * 14.5, 14.6). By OpenSSL. Single thread. */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include <stddef.h>
#include <stdint.h>

#define HMAC_SHA1_LEN   20
#define HMAC_SHA256_LEN 32
#define HMAC_MD5_LEN    16
#define HMAC_BLOCK_LEN  64 /* of all three hashes: a longer key counts as its hash */

/* Fetches the algorithms, once; crypto_init() does it. 0, or -EIO where OpenSSL does not have them or answers wrongly. */
int hmac_start(void);

/* HMAC of the concatenation of a and b (b may be NULL with length 0). out may be none of the inputs. */
void hmac_sha1(uint8_t out[static HMAC_SHA1_LEN], const void *key, size_t key_len, const void *a,
	       size_t a_len, const void *b, size_t b_len);
void hmac_sha256(uint8_t out[static HMAC_SHA256_LEN], const void *key, size_t key_len,
		 const void *a, size_t a_len, const void *b, size_t b_len);

/* No HMAC: the hash itself. MD5 protects nothing; RFC 8489 makes keys by it. */
void hmac_plain_md5(uint8_t out[static HMAC_MD5_LEN], const void *data, size_t len);
void hmac_plain_sha256(uint8_t out[static HMAC_SHA256_LEN], const void *data, size_t len);

#endif
