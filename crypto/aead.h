/* ChaCha20-Poly1305 (RFC 8439) by batches of jobs, in place, and XChaCha20-Poly1305 for cookies.
 * The back end was chosen by crypto_init(); it has one state per process, so batches belong to one
 * thread. */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY_LEN    32
#define AEAD_NONCE_LEN  12
#define AEAD_XNONCE_LEN 24
#define AEAD_TAG_LEN    16

struct aead_key {
	uint8_t bytes[AEAD_KEY_LEN];
};

/* data: `len` bytes of text followed by AEAD_TAG_LEN bytes for the tag. Any alignment. Sealing
 * writes the tag; opening reads it and sets ok; throw away what was opened with ok false. */
struct aead_job {
	const struct aead_key *key;
	uint8_t nonce[AEAD_NONCE_LEN];
	const uint8_t *ad; /* additional data, NULL with ad_len 0 for transport data */
	size_t ad_len;
	uint8_t *data;
	size_t len;
	bool ok;
};

/* WireGuard's nonce: 32 zero bits, then the counter, little endian. */
void aead_nonce(uint8_t out[static AEAD_NONCE_LEN], uint64_t counter);

void aead_seal_batch(struct aead_job *jobs, size_t count);
/* Sets ok of every job. Tags are compared in constant time. */
void aead_open_batch(struct aead_job *jobs, size_t count);

/* One at a time, for handshakes: out has len + 16 bytes (seal) or len - 16 (open, where len counts
 * the tag). out may be the input. */
void aead_seal(uint8_t *out, const struct aead_key *key, uint64_t counter, const void *text,
	       size_t len, const void *ad, size_t ad_len);
bool aead_open(uint8_t *out, const struct aead_key *key, uint64_t counter, const void *sealed,
	       size_t len, const void *ad, size_t ad_len);

void aead_xseal(uint8_t *out, const struct aead_key *key,
		const uint8_t nonce[static AEAD_XNONCE_LEN], const void *text, size_t len,
		const void *ad, size_t ad_len);
bool aead_xopen(uint8_t *out, const struct aead_key *key,
		const uint8_t nonce[static AEAD_XNONCE_LEN], const void *sealed, size_t len,
		const void *ad, size_t ad_len);

/* "mb", "mb-avx2", "openssl" or "sodium". */
const char *aead_backend_name(void);

#endif
