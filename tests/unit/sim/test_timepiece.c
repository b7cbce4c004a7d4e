/* A clock that is wrong in known ways. */
#include "sim/timepiece.h"

#include "base/rand.h"
#include "support/test.h"

TEST(a_fast_clock_gains_and_a_slow_one_loses)
{
	struct timepiece t = {.world = SEC(10), .shown = SEC(500), .ppm = 500};

	assert_int_equal(timepiece_read(&t, SEC(10)), SEC(500));
	assert_int_equal(timepiece_read(&t, SEC(1010)), SEC(1500) + MSEC(500));
	timepiece_set_rate(&t, -500, SEC(1010));
	assert_int_equal(timepiece_read(&t, SEC(2010)), SEC(2500));
}

TEST(shows_what_was_waited_for_and_not_a_microsecond_before)
{
	struct rand rand = rand_seeded(1);

	for (unsigned i = 0; i < 20000; i++) {
		struct timepiece t = {.world = rand_below(&rand, 1u << 30),
				      .shown = (usec)rand_u32(&rand) << rand_below(&rand, 20),
				      .ppm = (int)rand_below(&rand, 1001) - 500};
		usec wanted = t.shown + ((usec)rand_u32(&rand) << rand_below(&rand, 16)) + 1;
		usec when = timepiece_when(&t, wanted);
		assert_true(timepiece_read(&t, when) >= wanted);
		assert_true(timepiece_read(&t, when - 1) < wanted);
	}
}

TEST(what_it_shows_already_is_waited_for_no_longer)
{
	struct timepiece t = {.world = SEC(1), .shown = SEC(500)};

	assert_int_equal(timepiece_when(&t, SEC(500)), SEC(1));
	assert_int_equal(timepiece_when(&t, SEC(499)), SEC(1));
	assert_int_equal(timepiece_when(&t, USEC_NEVER), USEC_NEVER);
}

TEST(a_clock_that_stands_shows_nothing_new_until_it_goes_on)
{
	struct timepiece t = {.shown = SEC(500)};

	timepiece_stop(&t, SEC(5));
	assert_int_equal(timepiece_read(&t, SEC(50)), SEC(505));
	assert_int_equal(timepiece_when(&t, SEC(506)), USEC_NEVER);
	timepiece_start(&t, SEC(100));
	assert_int_equal(timepiece_read(&t, SEC(101)), SEC(506));
	assert_int_equal(timepiece_when(&t, SEC(506)), SEC(101));
}

TEST(jumps_ahead)
{
	struct timepiece t = {.shown = SEC(500), .ppm = 100};

	timepiece_jump(&t, SEC(3600), SEC(10));
	assert_int_equal(timepiece_read(&t, SEC(10)), SEC(4110) + MSEC(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_fast_clock_gains_and_a_slow_one_loses),
		RUN(shows_what_was_waited_for_and_not_a_microsecond_before),
		RUN(what_it_shows_already_is_waited_for_no_longer),
		RUN(a_clock_that_stands_shows_nothing_new_until_it_goes_on),
		RUN(jumps_ahead),
	};

	return RUN_TESTS(tests);
}
