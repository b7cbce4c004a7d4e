/* Replay window (RFC 6479): against a memory of all counters ever seen, and at its edges. */
#include "wg/replay.h"

#include "base/rand.h"
#include "support/test.h"

static struct replay fresh(void)
{
	struct replay r;

	memset(&r, 0xff, sizeof r);
	replay_init(&r);
	return r;
}

TEST(accepts_counter_zero_once)
{
	struct replay r = fresh();

	assert_true(replay_accept(&r, 0));
	assert_false(replay_accept(&r, 0));
	assert_true(replay_accept(&r, 1));
	assert_false(replay_accept(&r, 0));
}

TEST(accepts_counter_zero_after_greater_ones)
{
	struct replay r = fresh();

	assert_true(replay_accept(&r, REPLAY_BEHIND_MAX));
	assert_true(replay_accept(&r, 0));
	assert_false(replay_accept(&r, 0));
}

TEST(accepts_each_counter_once_in_order)
{
	struct replay r = fresh();

	for (uint64_t c = 0; c < 3 * REPLAY_WINDOW_BITS; c++) {
		assert_true(replay_accept(&r, c));
		assert_false(replay_accept(&r, c));
	}
}

TEST(refuses_a_counter_that_came_before)
{
	struct replay r = fresh();

	for (uint64_t c = 0; c < REPLAY_BEHIND_MAX; c++)
		assert_true(replay_accept(&r, c));
	for (uint64_t c = 0; c < REPLAY_BEHIND_MAX; c++)
		assert_false(replay_accept(&r, c));
}

TEST(accepts_the_whole_window_backwards_wherever_it_ends)
{
	for (uint64_t greatest = 100000; greatest < 100064; greatest++) {
		struct replay r = fresh();

		for (uint64_t behind = 0; behind <= REPLAY_BEHIND_MAX; behind++)
			assert_true(replay_accept(&r, greatest - behind));
		for (uint64_t behind = 0; behind <= REPLAY_BEHIND_MAX; behind++)
			assert_false(replay_accept(&r, greatest - behind));
	}
}

TEST(refuses_what_is_older_than_the_window_wherever_it_ends)
{
	for (uint64_t greatest = 100000; greatest < 100064; greatest++) {
		struct replay r = fresh();

		assert_true(replay_accept(&r, greatest));
		for (uint64_t behind = REPLAY_BEHIND_MAX + 1; behind < 3 * REPLAY_WINDOW_BITS;
		     behind++)
			assert_false(replay_accept(&r, greatest - behind));
	}
}

TEST(forgets_old_counters_when_it_leaps_ahead)
{
	const uint64_t leaps[] = {1,
				  63,
				  64,
				  65,
				  8127,
				  8128,
				  8129,
				  8191,
				  8192,
				  8193,
				  8255,
				  8256,
				  65536,
				  1 << 20,
				  (uint64_t)1 << 32,
				  (uint64_t)1 << 63,
				  UINT64_MAX - 3 * 8192};

	for (size_t i = 0; i < sizeof leaps / sizeof *leaps; i++) {
		struct replay r = fresh();
		uint64_t old = 2 * REPLAY_WINDOW_BITS, now = old + leaps[i];

		/* every bit of the ring is set, then all that lies between must be free */
		for (uint64_t c = 0; c <= old; c++)
			assert_true(replay_accept(&r, c));
		assert_true(replay_accept(&r, now));
		for (uint64_t behind = 1; behind <= REPLAY_BEHIND_MAX; behind++)
			assert_int_equal(replay_accept(&r, now - behind), now - behind > old);
	}
}

TEST(accepts_the_last_counters_of_64_bits_without_wrapping)
{
	struct replay r = fresh();

	assert_true(replay_accept(&r, 7));
	assert_true(replay_accept(&r, UINT64_MAX - 1));
	assert_true(replay_accept(&r, UINT64_MAX));
	assert_false(replay_accept(&r, UINT64_MAX));
	assert_false(replay_accept(&r, 0));
	assert_false(replay_accept(&r, 7));
	assert_true(replay_accept(&r, UINT64_MAX - REPLAY_BEHIND_MAX));
	assert_false(replay_accept(&r, UINT64_MAX - REPLAY_BEHIND_MAX - 1));
}

/* Reliability, F42. */
TEST(loses_nothing_to_reordering_by_8000_and_lets_no_duplicate_through)
{
	enum { COUNT = 60000, SPREAD = 8000 };
	struct rand rand = rand_seeded(42);
	struct replay r = fresh();
	static uint64_t order[COUNT];

	/* blocks of SPREAD, shuffled: nothing overtakes another by more than that */
	for (uint64_t c = 0; c < COUNT; c++)
		order[c] = c;
	for (uint32_t start = 0; start + SPREAD <= COUNT; start += SPREAD)
		for (uint32_t i = SPREAD - 1; i > 0; i--) {
			uint32_t j = rand_below(&rand, i + 1);
			uint64_t c = order[start + i];

			order[start + i] = order[start + j];
			order[start + j] = c;
		}
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(replay_accept(&r, order[i]));
		if (rand_below(&rand, 2))
			assert_false(replay_accept(&r, order[rand_below(&rand, (uint32_t)i + 1)]));
	}
}

TEST(agrees_with_a_memory_of_every_counter)
{
	enum { SPACE = 1 << 18 };
	static bool seen[SPACE];

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct rand rand = rand_seeded(seed);
		struct replay r = fresh();
		uint32_t greatest = 0;

		memset(seen, 0, sizeof seen);
		for (int i = 0; i < 20000; i++) {
			uint32_t reach = 1u << rand_below(&rand, 15);
			uint32_t c = greatest + rand_below(&rand, reach);
			uint32_t back = rand_below(&rand, 3) ? rand_below(&rand, 9000) : 0;

			c = (c > back ? c - back : 0) % SPACE;
			if (c > greatest)
				greatest = c;
			assert_int_equal(replay_accept(&r, c),
					 !seen[c] && greatest - c <= REPLAY_BEHIND_MAX);
			seen[c] = true;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(accepts_counter_zero_once),
		RUN(accepts_counter_zero_after_greater_ones),
		RUN(accepts_each_counter_once_in_order),
		RUN(refuses_a_counter_that_came_before),
		RUN(accepts_the_whole_window_backwards_wherever_it_ends),
		RUN(refuses_what_is_older_than_the_window_wherever_it_ends),
		RUN(forgets_old_counters_when_it_leaps_ahead),
		RUN(accepts_the_last_counters_of_64_bits_without_wrapping),
		RUN(loses_nothing_to_reordering_by_8000_and_lets_no_duplicate_through),
		RUN(agrees_with_a_memory_of_every_counter),
	};

	return RUN_TESTS(tests);
}
