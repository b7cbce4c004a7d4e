/* Randomness: repeatable where it is seeded, fresh where it is not, and even. */
#include "base/rand.h"
#include "support/hexdata.h"
#include "support/test.h"

TEST(equal_seeds_and_equal_calls_give_equal_bytes)
{
	struct rand a = rand_seeded(7), b = rand_seeded(7);
	uint8_t x[300], y[300];

	for (size_t len = 0; len <= sizeof x; len++) {
		rand_bytes(&a, x, len);
		rand_bytes(&b, y, len);
		assert_memory_equal(x, y, len);
	}
	assert_int_equal(rand_u32(&a), rand_u32(&b));
}

TEST(other_seeds_and_later_calls_give_other_bytes)
{
	struct rand a = rand_seeded(7), b = rand_seeded(8);
	uint8_t x[32], y[32], z[32];

	rand_bytes(&a, x, sizeof x);
	rand_bytes(&b, y, sizeof y);
	rand_bytes(&a, z, sizeof z);
	assert_memory_not_equal(x, y, sizeof x);
	assert_memory_not_equal(x, z, sizeof x);
}

/* ChaCha20 with key and nonce zero, first 32 bytes (RFC 8439, A.1, vector 1): seeds mean the same
 * for ever. */
TEST(the_seeded_stream_is_chacha20)
{
	struct rand r = rand_seeded(0);
	uint8_t got[32], want[32];

	hexdata(want, sizeof want,
		"76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
	memset(got, 0x5a, sizeof got);
	rand_bytes(&r, got, sizeof got);
	assert_memory_equal(got, want, sizeof want);
}

TEST(a_call_longer_than_a_block_does_not_repeat_in_the_next)
{
	struct rand a = rand_seeded(1);
	uint8_t x[200], y[64];

	rand_bytes(&a, x, 65);
	rand_bytes(&a, y, sizeof y);
	a = rand_seeded(1);
	rand_bytes(&a, x, sizeof x);
	assert_memory_equal(x + 128, y, sizeof y);
}

/* Twice as many as are fetched at once. */
TEST(numbers_of_the_system_do_not_repeat)
{
	struct rand r = rand_system();
	uint32_t seen[2 * sizeof r.pool / sizeof(uint32_t)];

	for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
		seen[i] = rand_u32(&r);
		for (size_t j = 0; j < i; j++)
			assert_true(j == 0 || seen[i] != seen[j] || seen[i - 1] != seen[j - 1]);
	}
}

TEST(the_system_does_not_repeat)
{
	struct rand r = rand_system();
	uint8_t x[32], y[32];

	rand_bytes(&r, x, sizeof x);
	rand_bytes(&r, y, sizeof y);
	assert_memory_not_equal(x, y, sizeof x);
}

TEST(stays_below_its_bound_and_reaches_every_value_evenly)
{
	struct rand r = rand_seeded(3);
	unsigned hits[10] = {0};

	for (size_t i = 0; i < 100000; i++)
		hits[rand_below(&r, 10)]++;
	for (size_t i = 0; i < 10; i++)
		assert_in_range(hits[i], 9500, 10500);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(rand_below(&r, 1), 0);
}

/* A bound of 3 * 2^30 shows bias best: by plain remainder the lowest third would come half of the
 * time. */
TEST(has_no_bias_at_large_bounds)
{
	struct rand r = rand_seeded(4);
	unsigned low = 0;

	for (size_t i = 0; i < 30000; i++) {
		uint32_t v = rand_below(&r, 3u << 30);
		assert_true(v < 3u << 30);
		low += v < 1u << 30;
	}
	assert_in_range(low, 9500, 10500);
}

TEST(jitter_includes_both_ends)
{
	struct rand r = rand_seeded(5);
	bool seen[3] = {false};

	for (size_t i = 0; i < 100; i++)
		seen[rand_jitter(&r, 2)] = true;
	assert_true(seen[0] && seen[1] && seen[2]);
	assert_int_equal(rand_jitter(&r, 0), 0);
	for (size_t i = 0; i < 100; i++)
		assert_in_range(rand_jitter(&r, UINT32_MAX - 1), 0, UINT32_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(equal_seeds_and_equal_calls_give_equal_bytes),
		RUN(other_seeds_and_later_calls_give_other_bytes),
		RUN(the_seeded_stream_is_chacha20),
		RUN(a_call_longer_than_a_block_does_not_repeat_in_the_next),
		RUN(numbers_of_the_system_do_not_repeat),
		RUN(the_system_does_not_repeat),
		RUN(stays_below_its_bound_and_reaches_every_value_evenly),
		RUN(has_no_bias_at_large_bounds),
		RUN(jitter_includes_both_ends),
	};
	return RUN_TESTS(tests);
}
