/* BLAKE2s (RFC 7693), its keyed form, HMAC over it and Noise's KDF, by OpenSSL. Single thread. */
#ifndef CRYPTO_BLAKE2S_H
#define CRYPTO_BLAKE2S_H

#include <stddef.h>
#include <stdint.h>

#define BLAKE2S_LEN     32
#define BLAKE2S_MAC_LEN 16

/* Fetches the algorithms, once; crypto_init() does it. 0, or -EIO where OpenSSL does not have them
 * or answers wrongly. */
int blake2s_start(void);

/* Hash of the concatenation of a and b (b may be NULL with length 0). out may be a or b. */
void blake2s(uint8_t out[static BLAKE2S_LEN], const void *a, size_t a_len, const void *b,
	     size_t b_len);

/* Keyed BLAKE2s of out_len (1-32) bytes with key_len (1-32) bytes of key: mac1, mac2 and cookies
 * use 16. */
void blake2s_mac(uint8_t *out, size_t out_len, const void *key, size_t key_len, const void *data,
		 size_t len);

/* HMAC-BLAKE2s. */
void blake2s_hmac(uint8_t out[static BLAKE2S_LEN], const uint8_t key[static BLAKE2S_LEN],
		  const void *data, size_t len);

/* Noise's HKDF: one to three outputs of 32 bytes (NULL for those not wanted) from chaining key and
 * input. Outputs may overlap the inputs. WireGuard paper, 5.4: Kdf1, Kdf2, Kdf3. */
void blake2s_kdf(uint8_t *out1, uint8_t *out2, uint8_t *out3,
		 const uint8_t chaining[static BLAKE2S_LEN], const void *input, size_t len);

#endif
