/* BLAKE2s (RFC 7693), HMAC (RFC 2104) and Noise's KDF (WireGuard paper, 5.4) over it.
 *
 * Written out because a handshake must not fail for want of memory (reliability.md, F60): OpenSSL 3
 * takes some for every hash, also with its contexts made beforehand, and libsodium has BLAKE2b only.
 * Additions, rotations and table indices that do not depend on the input: the time does not either. */
#include "crypto/blake2s.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/key.h"

#define BLAKE2S_BLOCK_LEN 64
#define ROUNDS            10

struct state {
	uint32_t chain[8];
	uint64_t absorbed; /* bytes, those of the block included once it is compressed */
	uint8_t block[BLAKE2S_BLOCK_LEN];
	size_t block_len;
};

/* RFC 7693, 2.6 and 2.7. */
static const uint32_t iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint8_t sigma[ROUNDS][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint32_t rotated(uint32_t word, unsigned by)
{
	return word >> by | word << (32 - by);
}

/* RFC 7693, 3.1. */
static inline void mix(uint32_t v[static 16], size_t a, size_t b, size_t c, size_t d, uint32_t x,
		       uint32_t y)
{
	v[a] += v[b] + x;
	v[d] = rotated(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = rotated(v[b] ^ v[c], 12);
	v[a] += v[b] + y;
	v[d] = rotated(v[d] ^ v[a], 8);
	v[c] += v[d];
	v[b] = rotated(v[b] ^ v[c], 7);
}

/* RFC 7693, 3.2. */
static void compress(struct state *s, bool last)
{
	uint32_t m[16], v[16];

	for (size_t i = 0; i < 16; i++)
		m[i] = load_le32(s->block + 4 * i);
	memcpy(v, s->chain, sizeof s->chain);
	memcpy(v + 8, iv, sizeof iv);
	v[12] ^= (uint32_t)s->absorbed;
	v[13] ^= (uint32_t)(s->absorbed >> 32);
	v[14] ^= last ? UINT32_MAX : 0;
	for (size_t i = 0; i < ROUNDS; i++) {
		const uint8_t *o = sigma[i];

		mix(v, 0, 4, 8, 12, m[o[0]], m[o[1]]);
		mix(v, 1, 5, 9, 13, m[o[2]], m[o[3]]);
		mix(v, 2, 6, 10, 14, m[o[4]], m[o[5]]);
		mix(v, 3, 7, 11, 15, m[o[6]], m[o[7]]);
		mix(v, 0, 5, 10, 15, m[o[8]], m[o[9]]);
		mix(v, 1, 6, 11, 12, m[o[10]], m[o[11]]);
		mix(v, 2, 7, 8, 13, m[o[12]], m[o[13]]);
		mix(v, 3, 4, 9, 14, m[o[14]], m[o[15]]);
	}
	for (size_t i = 0; i < 8; i++)
		s->chain[i] ^= v[i] ^ v[i + 8];
	key_wipe(m, sizeof m);
	key_wipe(v, sizeof v);
}

/* A block is compressed once more follows: the last one is marked. */
static void absorb(struct state *s, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		size_t room = sizeof s->block - s->block_len, n = len < room ? len : room;

		if (room == 0) {
			s->absorbed += s->block_len;
			compress(s, false);
			s->block_len = 0;
			continue;
		}
		memcpy(s->block + s->block_len, at, n);
		s->block_len += n;
		at += n;
		len -= n;
	}
}

static void begin(struct state *s, size_t out_len, const void *key, size_t key_len)
{
	static const uint8_t zeros[BLAKE2S_BLOCK_LEN];

	*s = (struct state){0};
	memcpy(s->chain, iv, sizeof iv);
	/* The length of the output is an input: 16 bytes are not the first half of 32. */
	s->chain[0] ^= 0x01010000 | (uint32_t)key_len << 8 | (uint32_t)out_len;
	if (key_len == 0)
		return;
	absorb(s, key, key_len);
	absorb(s, zeros, sizeof zeros - key_len);
}

static void finish(struct state *s, uint8_t *out, size_t out_len)
{
	uint8_t whole[BLAKE2S_LEN];

	s->absorbed += s->block_len;
	memset(s->block + s->block_len, 0, sizeof s->block - s->block_len);
	compress(s, true);
	for (size_t i = 0; i < 8; i++)
		store_le32(whole + 4 * i, s->chain[i]);
	memcpy(out, whole, out_len);
	key_wipe(whole, sizeof whole);
	key_wipe(s, sizeof *s);
}

void blake2s(uint8_t out[static BLAKE2S_LEN], const void *a, size_t a_len, const void *b,
	     size_t b_len)
{
	struct state s;

	begin(&s, BLAKE2S_LEN, NULL, 0);
	absorb(&s, a, a_len);
	absorb(&s, b, b_len);
	finish(&s, out, BLAKE2S_LEN);
}

void blake2s_mac(uint8_t *out, size_t out_len, const void *key, size_t key_len, const void *data,
		 size_t len)
{
	struct state s;

	assert(out_len >= 1 && out_len <= BLAKE2S_LEN && key_len >= 1 && key_len <= 32);
	begin(&s, out_len, key, key_len);
	absorb(&s, data, len);
	finish(&s, out, out_len);
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
