/* The instants of one tunnel (protocol.md, section 4; WireGuard paper, section 6). */
#include "support/env_fake.h"
#include "support/test.h"
#include "wg/timers.h"

#define NOW SEC(1000)

static struct env_fake fake;

static struct timers fresh(uint64_t seed)
{
	struct timers t;

	env_fake_init(&fake, seed);
	timers_init(&t);
	return t;
}

/* Whether an instant lies from `least` to `most` after NOW. */
static bool within(usec at, usec least, usec most)
{
	return at >= NOW + least && at <= NOW + most;
}

TEST(want_nothing_at_first)
{
	struct timers t = fresh(1);

	assert_true(timers_initiate_at(&t, true) == USEC_NEVER);
	assert_true(t.give_up_at == USEC_NEVER && t.silence_at == USEC_NEVER &&
		    t.keepalive_at == USEC_NEVER);
	assert_true(t.persistent_at == USEC_NEVER && t.erase_at == USEC_NEVER);
}

TEST(initiate_at_once_when_a_session_is_wanted)
{
	struct timers t = fresh(1);

	timers_want(&t);
	assert_true(timers_initiate_at(&t, false) <= NOW);
	assert_true(timers_initiate_at(&t, true) <= NOW);
	assert_true(t.give_up_at == USEC_NEVER); /* none left yet: no schedule runs */
}

TEST(retry_fast_while_packets_wait_and_else_every_5_s)
{
	static const usec after[] = {MSEC(250),  MSEC(500),  MSEC(1000),
				     MSEC(2000), MSEC(5000), MSEC(5000)};

	for (uint64_t seed = 0; seed < 100; seed++) {
		struct timers t = fresh(seed);
		timers_want(&t);
		for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
			timers_initiated(&t, NOW, &fake.env);
			usec most =
				usec_min(after[i] + after[i] / 3, REKEY_TIMEOUT + REKEY_JITTER_MAX);
			assert_true(within(timers_initiate_at(&t, true), after[i], most));
			assert_true(
				within(timers_initiate_at(&t, false), SEC(5), SEC(5) + MSEC(333)));
		}
	}
}

TEST(spread_their_retries)
{
	usec least = USEC_NEVER, most = 0;

	for (uint64_t seed = 0; seed < 100; seed++) {
		struct timers t = fresh(seed);
		timers_want(&t);
		timers_initiated(&t, NOW, &fake.env);
		least = usec_min(least, t.fast_at);
		most = t.fast_at > most ? t.fast_at : most;
	}
	assert_true(most - least > MSEC(60)); /* of 83 */
}

TEST(wait_for_one_and_a_half_round_trips_but_never_longer_than_5_s)
{
	static const struct {
		usec round_trip, least;
	} cases[] = {{MSEC(100), MSEC(250)},
		     {MSEC(600), MSEC(900)},
		     {SEC(2), SEC(3)},
		     {SEC(60), SEC(5)}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct timers t = fresh(i);
		timers_measured(&t, NOW - cases[i].round_trip, NOW);
		timers_want(&t);
		timers_initiated(&t, NOW, &fake.env);
		assert_true(
			within(timers_initiate_at(&t, true), cases[i].least, SEC(5) + MSEC(333)));
	}
}

TEST(give_up_90_s_after_the_first_initiation)
{
	struct timers t = fresh(1);

	timers_want(&t);
	timers_initiated(&t, NOW, &fake.env);
	timers_initiated(&t, NOW + SEC(5), &fake.env);
	timers_want(&t);
	assert_true(t.give_up_at == NOW + SEC(90));
	timers_end(&t);
	assert_true(t.give_up_at == USEC_NEVER);
	assert_true(timers_initiate_at(&t, true) == USEC_NEVER);
}

TEST(begin_a_new_series_where_the_last_one_began)
{
	struct timers t = fresh(1);

	timers_want(&t);
	for (int i = 0; i < 5; i++)
		timers_initiated(&t, NOW, &fake.env);
	timers_end(&t);
	timers_want(&t);
	assert_true(timers_initiate_at(&t, true) > NOW); /* the last one may still be answered */
	timers_initiated(&t, NOW, &fake.env);
	assert_true(within(timers_initiate_at(&t, true), MSEC(250), MSEC(334)));
}

TEST(keep_quiet_for_250_ms_after_an_answer)
{
	struct timers t = fresh(1);

	timers_answered(&t, NOW);
	timers_want(&t);
	assert_true(timers_initiate_at(&t, true) == NOW + MSEC(250));
	timers_start(&t, NOW + MSEC(10));
	assert_true(timers_initiate_at(&t, false) == NOW + MSEC(250));
}

TEST(start_at_once_but_not_within_the_last_round_trip)
{
	struct timers t = fresh(1);

	timers_start(&t, NOW);
	assert_true(timers_initiate_at(&t, false) == NOW);
	timers_initiated(&t, NOW, &fake.env);
	timers_start(&t, NOW + MSEC(10));
	assert_true(timers_initiate_at(&t, false) == NOW + MSEC(250));
	timers_start(&t, NOW + MSEC(300));
	assert_true(timers_initiate_at(&t, false) == NOW + MSEC(300));

	timers_measured(&t, NOW - MSEC(400), NOW);
	timers_initiated(&t, NOW, &fake.env);
	timers_start(&t, NOW + MSEC(500));
	assert_true(timers_initiate_at(&t, false) == NOW + MSEC(600));
}

TEST(send_a_keepalive_10_s_after_data_that_nothing_followed)
{
	struct timers t = fresh(1);

	timers_received_data(&t, NOW);
	timers_received_data(&t, NOW + SEC(9));
	assert_true(t.keepalive_at == NOW + SEC(10));
	timers_sent(&t, NOW + SEC(9));
	assert_true(t.keepalive_at == USEC_NEVER);
	timers_received(&t, NOW); /* a keepalive of theirs wants none of ours */
	assert_true(t.keepalive_at == USEC_NEVER);
}

TEST(suspect_silence_15_s_after_data_that_nothing_answered)
{
	struct timers t = fresh(1);

	timers_sent_data(&t, NOW, &fake.env);
	timers_sent_data(&t, NOW + SEC(9), &fake.env);
	assert_true(within(t.silence_at, SEC(15), SEC(15) + MSEC(333)));
	timers_received(&t, NOW + SEC(10));
	assert_true(t.silence_at == USEC_NEVER);
	timers_sent(&t, NOW); /* a keepalive of ours wants no answer */
	assert_true(t.silence_at == USEC_NEVER);
}

TEST(keep_alive_persistently_after_anything_that_passed)
{
	struct timers t = fresh(1);

	timers_set_persistent(&t, SEC(25), NOW);
	assert_true(t.persistent_at == NOW); /* off to on: at once */
	timers_sent(&t, NOW);
	assert_true(t.persistent_at == NOW + SEC(25));
	timers_received(&t, NOW + SEC(3));
	assert_true(t.persistent_at == NOW + SEC(28));
	timers_set_persistent(&t, SEC(5), NOW + SEC(3));
	assert_true(t.persistent_at == NOW + SEC(8));
	timers_restart(&t);
	assert_true(t.persistent_at == NOW + SEC(8));
	timers_set_persistent(&t, 0, NOW + SEC(3));
	assert_true(t.persistent_at == USEC_NEVER);
	timers_sent(&t, NOW);
	assert_true(t.persistent_at == USEC_NEVER);
}

TEST(keep_their_persistent_keepalive_when_its_interval_is_set_again)
{
	struct timers t = fresh(1);

	timers_set_persistent(&t, SEC(25), NOW);
	timers_sent(&t, NOW);
	timers_set_persistent(&t, SEC(25), NOW + SEC(20));
	assert_true(t.persistent_at == NOW + SEC(25));
	timers_set_persistent(&t, SEC(60), NOW + SEC(20));
	assert_true(t.persistent_at == NOW + SEC(25)); /* the next one goes by the new interval */
	timers_sent(&t, NOW + SEC(25));
	assert_true(t.persistent_at == NOW + SEC(85));
}

TEST(erase_keys_540_s_after_the_last_were_made)
{
	struct timers t = fresh(1);

	timers_derived(&t, NOW);
	timers_derived(&t, NOW + SEC(7));
	assert_true(t.erase_at == NOW + SEC(547));
}

TEST(know_since_when_the_peer_owes_an_answer)
{
	struct timers t = fresh(1);

	assert_true(t.unanswered_since == USEC_NEVER);
	timers_sent_data(&t, NOW, &fake.env);
	timers_initiated(&t, NOW + 1, &fake.env);
	assert_int_equal(t.unanswered_since, NOW);
	timers_received(&t, NOW + 2);
	assert_true(t.unanswered_since == USEC_NEVER);

	timers_initiated(&t, NOW + 3, &fake.env);
	timers_sent_data(&t, NOW + 4, &fake.env);
	assert_int_equal(t.unanswered_since, NOW + 3);
	timers_end(&t); /* given up: it is no longer expected */
	assert_true(t.unanswered_since == USEC_NEVER);

	timers_sent(&t, NOW + 5); /* a keepalive is not answered */
	assert_true(t.unanswered_since == USEC_NEVER);
	timers_sent_data(&t, NOW + 6, &fake.env);
	timers_restart(&t);
	assert_true(t.unanswered_since == USEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(want_nothing_at_first),
		RUN(initiate_at_once_when_a_session_is_wanted),
		RUN(retry_fast_while_packets_wait_and_else_every_5_s),
		RUN(spread_their_retries),
		RUN(wait_for_one_and_a_half_round_trips_but_never_longer_than_5_s),
		RUN(give_up_90_s_after_the_first_initiation),
		RUN(begin_a_new_series_where_the_last_one_began),
		RUN(keep_quiet_for_250_ms_after_an_answer),
		RUN(start_at_once_but_not_within_the_last_round_trip),
		RUN(send_a_keepalive_10_s_after_data_that_nothing_followed),
		RUN(suspect_silence_15_s_after_data_that_nothing_answered),
		RUN(keep_alive_persistently_after_anything_that_passed),
		RUN(keep_their_persistent_keepalive_when_its_interval_is_set_again),
		RUN(know_since_when_the_peer_owes_an_answer),
		RUN(erase_keys_540_s_after_the_last_were_made),
	};

	return RUN_TESTS(tests);
}
