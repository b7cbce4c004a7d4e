/* Randomness by libsodium: its generator, or ChaCha20 with a counter of blocks. */
#include "base/rand.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"

#define BLOCK_LEN 64 /* ChaCha20 */

_Static_assert(sizeof((struct rand *)NULL)->pool % 4 == 0, "whole numbers");

struct rand rand_system(void)
{
	return (struct rand){.seeded = false};
}

struct rand rand_seeded(uint64_t seed)
{
	struct rand r = {.seeded = true};

	store_le64(r.key, seed);
	return r;
}

void rand_bytes(struct rand *r, void *buf, size_t len)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};

	if (!r->seeded) {
		randombytes_buf(buf, len);
		return;
	}
	memset(buf, 0, len);
	crypto_stream_chacha20_xor_ic(buf, buf, len, nonce, r->block, r->key);
	r->block += (len + BLOCK_LEN - 1) / BLOCK_LEN; /* each call starts a block of its own */
}

uint32_t rand_u32(struct rand *r)
{
	uint8_t bytes[4];

	if (r->seeded) {
		rand_bytes(r, bytes, sizeof bytes);
		return load_le32(bytes);
	}
	if (r->pool_left == 0) {
		randombytes_buf(r->pool, sizeof r->pool);
		r->pool_left = sizeof r->pool;
	}
	r->pool_left -= sizeof bytes;
	return load_le32(r->pool + r->pool_left);
}

uint32_t rand_below(struct rand *r, uint32_t bound)
{
	assert(bound > 0);

	/* 2^32 mod bound values at the low end would come once too often. */
	uint32_t biased = -bound % bound, v;
	do
		v = rand_u32(r);
	while (v < biased);
	return v % bound;
}

usec rand_jitter(struct rand *r, usec most)
{
	assert(most >= 0 && most < UINT32_MAX);
	return rand_below(r, (uint32_t)most + 1);
}
