/* X25519 keys (RFC 7748), secret memory and constant-time compares, all by libsodium. */
#include "crypto/key.h"

#include <assert.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "base/defence.h"

_Static_assert(KEY_LEN == crypto_scalarmult_curve25519_BYTES, "X25519 output");
_Static_assert(KEY_LEN == crypto_scalarmult_curve25519_SCALARBYTES, "X25519 scalar");

#define CACHE_LINE 64

void key_private_generate(struct key_private *out, const struct env *env)
{
	env_rand(env, out->bytes, sizeof out->bytes);
	key_private_clamp(out);
}

void key_private_clamp(struct key_private *key)
{
	key->bytes[0] &= 0xf8;
	key->bytes[31] = (key->bytes[31] & 0x7f) | 0x40;
}

void key_public_from(struct key_public *out, const struct key_private *key)
{
	int err = crypto_scalarmult_curve25519_base(out->bytes, key->bytes);
	assert(err == 0);
}

/* Below p = 2^255 - 19, which is ed ff .. ff 7f in little-endian bytes. */
static bool is_canonical(const struct key_public *key)
{
	if (key->bytes[31] != 0x7f)
		return key->bytes[31] < 0x7f;
	for (size_t i = 30; i > 0; i--)
		if (key->bytes[i] != 0xff)
			return true;
	return key->bytes[0] < 0xed;
}

void key_public_canonical(struct key_public *key)
{
	if (!DEFENCE(34, !is_canonical(key)))
		return;
	key->bytes[31] &= 0x7f;
	if (is_canonical(key))
		return;
	/* p .. 2^255 - 1: only the lowest byte is left of the difference. */
	*key = (struct key_public){.bytes = {(uint8_t)(key->bytes[0] - 0xed)}};
}

bool key_dh(struct key_shared *out, const struct key_private *key, const struct key_public *remote)
{
	*out = (struct key_shared){0};
	int err = crypto_scalarmult_curve25519(out->bytes, key->bytes, remote->bytes);
	if (DEFENCE(45, err != 0)) {
		key_wipe(out, sizeof *out);
		return false;
	}
	return true;
}

bool key_public_equal(const struct key_public *a, const struct key_public *b)
{
	return key_bytes_equal(a->bytes, b->bytes, sizeof a->bytes);
}

bool key_private_is_zero(const struct key_private *key)
{
	return sodium_is_zero(key->bytes, sizeof key->bytes) == 1;
}

bool key_public_is_zero(const struct key_public *key)
{
	return sodium_is_zero(key->bytes, sizeof key->bytes) == 1;
}

bool key_shared_is_zero(const struct key_shared *key)
{
	return sodium_is_zero(key->bytes, sizeof key->bytes) == 1;
}

int key_public_compare(const struct key_public *a, const struct key_public *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

const char *key_public_short(const struct key_public *key, char buf[static KEY_SHORT_MAX])
{
	char text[KEY_TEXT_LEN + 1];

	text_base64_print(text, key->bytes);
	memcpy(buf, text, KEY_SHORT_MAX - 1);
	buf[KEY_SHORT_MAX - 1] = '\0';
	return buf;
}

void key_wipe(void *secret, size_t len)
{
	sodium_memzero(secret, len);
}

bool key_bytes_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void *key_alloc(size_t len)
{
	if (len > SIZE_MAX - CACHE_LINE)
		return NULL;
	/* libsodium ends its memory at the guard page, so only a length in whole lines makes it
	 * aligned. */
	size_t room = (len + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	void *secret = sodium_malloc(room);
	if (secret != NULL)
		memset(secret, 0, room);
	return secret;
}

void key_free(void *secret)
{
	sodium_free(secret);
}
