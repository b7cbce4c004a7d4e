/* What answers from elsewhere prove, and what silence does. */
#include "nat/filtering.h"

#include "support/test.h"

static const struct addr server = {.family = ADDR_V4, .port = 3478, .ip = {192, 0, 2, 1}};
static const struct addr other = {.family = ADDR_V4, .port = 3479, .ip = {192, 0, 2, 2}};
static const struct addr second = {.family = ADDR_V4, .port = 3479, .ip = {192, 0, 2, 1}};

static struct filtering begun(void)
{
	struct filtering f;

	filtering_begin(&f, 0, 0);
	return f;
}

static void all_tries(struct filtering_tries *t, usec from)
{
	for (int i = 0; i < 3; i++)
		assert_true(filtering_try(t, 0, from + MSEC(200 * i)));
}

static const bool all_proved[4] = {true, true, true, true};

static void hear(struct filtering *f, enum filtering_test test, const struct addr *from)
{
	filtering_heard(f, test, from, false, &server, &other);
}

TEST(an_answer_from_the_other_ip_is_endpoint_independent)
{
	struct filtering f = begun();

	hear(&f, FILTERING_BOTH, &other);
	assert_true(filtering_is_over(&f, 0));
	assert_int_equal(filtering_verdict(&f, (const bool[4]){0}, 0),
			 NAT_FILTERING_ENDPOINT_INDEPENDENT);
}

TEST(silence_is_a_verdict_only_with_proved_doors_and_a_server_that_can)
{
	static const struct {
		bool shown, port, both_proved, port_proved;
		enum nat_filtering verdict;
	} rows[] = {
		{false, false, false, false, NAT_FILTERING_UNKNOWN},
		{false, false, true, true, NAT_FILTERING_UNKNOWN},
		{false, true, true, true, NAT_FILTERING_UNKNOWN},
		{true, false, false, false, NAT_FILTERING_UNKNOWN},
		{true, false, true, false, NAT_FILTERING_UNKNOWN},
		{true, false, false, true, NAT_FILTERING_UNKNOWN},
		{true, true, false, true, NAT_FILTERING_UNKNOWN},
		{true, true, true, true, NAT_FILTERING_ADDRESS_DEPENDENT},
		{true, false, true, true, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT},
	};

	/* By the first pair or by the second. */
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		struct filtering f = begun();
		size_t row = i / 2, pair = i % 2;
		bool proved[4] = {0};
		all_tries(&f.tests[0], 0);
		filtering_begin_again(&f, 0);
		all_tries(&f.tests[1], 0);
		if (rows[row].shown)
			hear(&f, FILTERING_SHOW, &other);
		if (rows[row].port)
			hear(&f, FILTERING_PORT, &second);
		proved[2 * pair] = rows[row].both_proved;
		proved[2 * pair + 1] = rows[row].port_proved;
		assert_int_equal(filtering_verdict(&f, proved, MSEC(700)), rows[row].verdict);
		assert_int_equal(filtering_verdict(&f, proved, MSEC(700) - 1),
				 NAT_FILTERING_UNKNOWN);
	}
}

TEST(the_silence_of_one_pair_suffices_when_time_is_up)
{
	struct filtering f = begun();

	all_tries(&f.tests[0], 0);
	filtering_begin_again(&f, MSEC(500));
	all_tries(&f.tests[1], MSEC(500));
	hear(&f, FILTERING_SHOW, &other);
	assert_false(filtering_is_over(&f, MSEC(700)));
	assert_int_equal(filtering_verdict(&f, all_proved, MSEC(700)),
			 NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
	assert_int_equal(
		filtering_verdict(&f, (const bool[4]){false, false, true, true}, MSEC(700)),
		NAT_FILTERING_UNKNOWN);
}

TEST(a_server_that_answers_from_where_it_was_asked_cannot)
{
	for (int test = FILTERING_BOTH; test <= FILTERING_SHOW; test++) {
		struct filtering f = begun();
		hear(&f, (enum filtering_test)test, &server);
		assert_true(f.incapable && filtering_is_over(&f, 0));
		hear(&f, FILTERING_SHOW, &other);
		assert_int_equal(filtering_verdict(&f, all_proved, SEC(2)), NAT_FILTERING_UNKNOWN);
	}
}

TEST(the_same_ip_when_another_was_asked_for_proves_nothing)
{
	struct filtering f = begun();

	hear(&f, FILTERING_BOTH, &second);
	assert_false(f.both);
	assert_true(f.incapable);
}

TEST(an_error_from_the_server_proves_nothing)
{
	for (int test = FILTERING_BOTH; test <= FILTERING_SHOW; test++) {
		struct filtering f = begun();
		filtering_heard(&f, (enum filtering_test)test,
				test == FILTERING_PORT ? &second : &server, true, &server, &other);
		assert_true(f.incapable);
		assert_false(f.both || f.port || f.shown);
	}
}

TEST(an_answer_from_a_foreign_address_proves_nothing)
{
	const struct addr foreign = {.family = ADDR_V4, .port = 3479, .ip = {192, 0, 2, 9}};

	for (int test = FILTERING_BOTH; test <= FILTERING_SHOW; test++) {
		struct filtering f = begun();
		hear(&f, (enum filtering_test)test, &foreign);
		assert_false(f.both || f.port || f.shown || f.incapable);
	}
}

TEST(another_port_than_was_announced_proves_nothing)
{
	struct filtering f = begun();
	struct addr third = second;

	third.port = 9999;
	hear(&f, FILTERING_PORT, &third);
	assert_false(f.port);
}

TEST(tries_three_times_and_waits_two_round_trips_and_300_ms)
{
	struct filtering f = begun();
	static const usec due[] = {0, MSEC(200), MSEC(400)};

	for (int i = 0; i < 3; i++) {
		assert_int_equal(filtering_deadline(&f), due[i]);
		if (due[i] > 0)
			assert_false(filtering_try(&f.tests[0], MSEC(40), due[i] - 1));
		assert_true(filtering_try(&f.tests[0], MSEC(40), due[i]));
		assert_false(filtering_try(&f.tests[0], MSEC(40), due[i]));
	}
	assert_int_equal(filtering_deadline(&f), MSEC(400 + 2 * 40 + 300));
	assert_false(filtering_is_over(&f, MSEC(780) - 1));
	assert_true(filtering_is_over(&f, MSEC(780)));
}

TEST(waits_for_the_second_pair_and_for_the_show)
{
	struct filtering f = begun();

	all_tries(&f.tests[0], 0);
	filtering_begin_again(&f, MSEC(40));
	filtering_begin_show(&f, MSEC(100));
	all_tries(&f.tests[1], MSEC(40));
	assert_false(filtering_is_over(&f, MSEC(750)));
	all_tries(&f.show, MSEC(100));
	assert_int_equal(filtering_deadline(&f), MSEC(800));
	assert_false(filtering_is_over(&f, MSEC(740)));
	hear(&f, FILTERING_SHOW, &other);
	assert_int_equal(filtering_deadline(&f), MSEC(740));
	assert_true(filtering_is_over(&f, MSEC(740)));
}

TEST(has_no_deadline_when_it_is_not_running)
{
	struct filtering f = {0};

	assert_int_equal(filtering_deadline(&f), USEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_answer_from_the_other_ip_is_endpoint_independent),
		RUN(silence_is_a_verdict_only_with_proved_doors_and_a_server_that_can),
		RUN(the_silence_of_one_pair_suffices_when_time_is_up),
		RUN(a_server_that_answers_from_where_it_was_asked_cannot),
		RUN(the_same_ip_when_another_was_asked_for_proves_nothing),
		RUN(an_error_from_the_server_proves_nothing),
		RUN(an_answer_from_a_foreign_address_proves_nothing),
		RUN(another_port_than_was_announced_proves_nothing),
		RUN(tries_three_times_and_waits_two_round_trips_and_300_ms),
		RUN(waits_for_the_second_pair_and_for_the_show),
		RUN(has_no_deadline_when_it_is_not_running),
	};
	return RUN_TESTS(tests);
}
