/* Keys as distinct types, so that a private key cannot be passed where a public one belongs. X25519
 * (RFC 7748). */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/text.h"

#define KEY_LEN 32

struct key_private {
	uint8_t bytes[KEY_LEN];
};
struct key_public {
	uint8_t bytes[KEY_LEN];
};
/* A secret two parties share: a PSK, or the result of a Diffie-Hellman. */
struct key_shared {
	uint8_t bytes[KEY_LEN];
};

#define KEY_TEXT_LEN  TEXT_BASE64_32_LEN
#define KEY_SHORT_MAX 9 /* first 8 of the base64, and a zero: the name of a peer in the log */

/* Clamped, from env's randomness. */
void key_private_generate(struct key_private *out, const struct env *env);
/* Clamp in place, as X25519 and wg do. */
void key_private_clamp(struct key_private *key);
void key_public_from(struct key_public *out, const struct key_private *key);

/* The one form of a public key: high bit clear, below 2^255 - 19. Two encodings of one point become
 * one identity (vuln_34). */
void key_public_canonical(struct key_public *key);

/* False, and *out wiped, when the result is all zero: the public key is of low order (vuln_45). */
bool key_dh(struct key_shared *out, const struct key_private *key, const struct key_public *remote);

/* Constant time. */
bool key_public_equal(const struct key_public *a, const struct key_public *b);
bool key_private_is_zero(const struct key_private *key);
bool key_public_is_zero(const struct key_public *key);
bool key_shared_is_zero(const struct key_shared *key);

/* Order of public keys as big-endian numbers, as memcmp has it: for the tie-break of crossing
 * handshakes. Public, so not constant time. */
int key_public_compare(const struct key_public *a, const struct key_public *b);

/* The first 8 characters of the base64 form. Returns buf. */
const char *key_public_short(const struct key_public *key, char buf[static KEY_SHORT_MAX]);

/* Erase. The compiler may not remove it. */
void key_wipe(void *secret, size_t len);

/* Constant-time equality of `len` secret bytes (vuln_53): the only compare for MACs, tags, cookies
 * and keys. */
bool key_bytes_equal(const void *a, const void *b, size_t len);

/* Zeroed memory for structs that hold secrets: between guard pages, locked against swapping and
 * left out of core dumps (libsodium). Runs on, without the lock, where the host refuses it. NULL
 * without memory. */
void *key_alloc(size_t len);
/* Wipes, then frees. NULL is fine. */
void key_free(void *secret);

#endif
