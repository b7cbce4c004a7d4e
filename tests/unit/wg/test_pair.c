/* Two ends over a bad wire: handshakes that cross, are lost, repeated and reordered; rekeys
 * under traffic; the end of sessions (protocol.md, section 4; reliability.md F41, F42). */
#include "support/test.h"
#include "support/wire.h"

#include "crypto/crypto.h"

static struct wire wire;

static int by_size(const void *a, const void *b)
{
	const usec *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The part in 1000 of the values, which are sorted. */
static usec quantile(usec *values, size_t count, size_t per_mille)
{
	qsort(values, count, sizeof *values, by_size);
	return values[(count - 1) * per_mille / 1000];
}

static void start_at(unsigned end, usec at)
{
	wire_run(&wire, at);
	wire_send(&wire, end, 0);
}

/* Both ends send one packet each, within 30 ms of each other. */
static void start_both(void)
{
	usec apart = rand_jitter(&wire.rand, MSEC(30));
	unsigned first = rand_below(&wire.rand, 2);

	start_at(first, 0);
	start_at(1 - first, apart);
}

#define SEEDS 1000

TEST(two_that_start_within_30_ms_are_both_up_and_agree_at_once)
{
	static usec up[SEEDS], agreed[SEEDS];

	for (size_t seed = 0; seed < SEEDS; seed++) {
		wire_reset(&wire, seed, false);
		wire.jitter = MSEC(2);
		start_both();
		assert_true(wire_run_until(&wire, wire_is_up, SEC(1)));
		up[seed] = wire.now;
		assert_true(wire_run_until(&wire, wire_agrees, SEC(1)));
		agreed[seed] = wire.now;
		wire_run(&wire, SEC(1));
		assert_true(wire_agrees(&wire));
		assert_int_equal(wire.ends[0].accepted, 1);
		assert_int_equal(wire.ends[1].accepted, 1);
	}
	print_message("# both up: median %d ms, p99 %d ms; on one session: p99 %d ms\n",
		      (int)(quantile(up, SEEDS, 500) / 1000),
		      (int)(quantile(up, SEEDS, 990) / 1000),
		      (int)(quantile(agreed, SEEDS, 990) / 1000));
	assert_true(quantile(up, SEEDS, 990) <= MSEC(150));
	assert_true(quantile(agreed, SEEDS, 990) <= MSEC(150));
}

/* Packets of both ends, one each `every`, numbered from *next on. */
static void talk(usec until, usec every, uint64_t *next)
{
	while (wire.now < until) {
		wire_send(&wire, 0, *next);
		wire_send(&wire, 1, *next);
		++*next;
		wire_run(&wire, wire.now + every);
	}
}

static const struct {
	unsigned loss, repeat;
	usec jitter;
} roads[] = {
	{10, 0, 0}, {30, 0, 0}, {0, 50, MSEC(20)}, {10, 50, MSEC(200)}, {30, 20, SEC(1)},
};

TEST(agree_in_the_end_over_every_bad_road_and_deliver_nothing_twice)
{
	enum { LIVES = 20 };

	for (size_t i = 0; i < sizeof roads / sizeof roads[0]; i++) {
		for (uint64_t seed = 0; seed < LIVES; seed++) {
			uint64_t number = 1;
			wire_reset(&wire, 7000 * (i + 1) + seed, false);
			wire.loss = roads[i].loss;
			wire.repeat = roads[i].repeat;
			wire.jitter = roads[i].jitter;
			start_both();
			talk(SEC(20), MSEC(100), &number);
			assert_true(wire_is_up(&wire));
			/* The road is mended: from now on nothing may be lost. */
			wire.loss = 0;
			wire.jitter = MSEC(5);
			size_t before[] = {wire.ends[0].accepted, wire.ends[1].accepted};
			uint64_t from = number;
			wire_run(&wire, SEC(22));
			before[0] = wire.ends[0].accepted;
			before[1] = wire.ends[1].accepted;
			talk(SEC(36), MSEC(100), &number);
			wire_run(&wire, wire.now + SEC(1));
			assert_true(wire_agrees(&wire));
			for (unsigned e = 0; e < 2; e++) {
				assert_int_equal(wire.ends[e].accepted - before[e], number - from);
				assert_int_equal(wire.ends[e].repeated, 0);
			}
		}
	}
}

TEST(are_up_within_16_s_at_30_percent_loss)
{
	enum { LIVES = 500 };
	static usec up[LIVES];

	for (size_t seed = 0; seed < LIVES; seed++) {
		wire_reset(&wire, 100000 + seed, false);
		wire.loss = 30;
		start_both();
		assert_true(wire_run_until(&wire, wire_is_up, SEC(80)));
		up[seed] = wire.now;
	}
	print_message("# 30 %% loss, both up: median %d ms, p99 %d ms\n",
		      (int)(quantile(up, LIVES, 500) / 1000),
		      (int)(quantile(up, LIVES, 990) / 1000));
	assert_true(quantile(up, LIVES, 990) <= SEC(16));
}

TEST(renew_their_session_every_120_s_without_losing_a_packet)
{
	for (uint64_t seed = 1; seed <= 2; seed++) {
		uint64_t number = 1;
		wire_reset(&wire, seed, false);
		wire.jitter = MSEC(20);
		start_both();
		talk(SEC(400), MSEC(20), &number);
		wire_run(&wire, wire.now + SEC(1));
		for (unsigned e = 0; e < 2; e++) {
			assert_int_equal(wire.ends[e].accepted, number);
			assert_int_equal(wire.ends[e].repeated, 0);
		}
		/* At 0 s (one, or two that cross), 120, 240 and 360 s. */
		uint64_t started = wire.ends[0].tunnel->stats.handshakes_started +
				   wire.ends[1].tunnel->stats.handshakes_started;
		assert_in_range(started, 4, 6);
		assert_true(wire_agrees(&wire));
		assert_true(wire.now - wire.ends[0].tunnel->current->created_at < SEC(45));
	}
}

TEST(renew_their_session_when_only_one_side_talks)
{
	for (unsigned talker = 0; talker < 2; talker++) {
		uint64_t number = 0;
		wire_reset(&wire, 5, false);
		wire_send(&wire, 0, number++); /* end 0 is the initiator */
		while (wire.now < SEC(400)) {
			wire_run(&wire, wire.now + MSEC(50));
			if (talker == 0 || wire_is_up(&wire))
				wire_send(&wire, talker, number++);
		}
		wire_run(&wire, wire.now + SEC(1));
		assert_int_equal(wire.ends[0].accepted + wire.ends[1].accepted, number);
		assert_true(wire_agrees(&wire));
	}
}

TEST(start_anew_when_one_of_them_was_restarted)
{
	uint64_t number = 1;

	wire_reset(&wire, 9, false);
	start_both();
	talk(SEC(5), MSEC(100), &number);

	/* End 1 forgets everything and talks at once; the other end still has its sessions. */
	struct wire_end *e = &wire.ends[1];
	struct noise_remote remote = e->tunnel->remote;
	tunnel_wipe(e->tunnel);
	assert_true(tunnel_init(e->tunnel, e->shared, &remote.public, &remote.psk));
	e->up_at = USEC_NEVER;
	talk(wire.now + SEC(1), MSEC(100), &number);
	assert_true(wire_agrees(&wire));
	size_t before = wire.ends[1].accepted;
	uint64_t from = number;
	talk(wire.now + SEC(5), MSEC(100), &number);
	wire_run(&wire, wire.now + SEC(1));
	assert_int_equal(wire.ends[1].accepted - before, number - from);
}

/* A tie-break must not hold on to a session that the peer lost in a restart. */
TEST(settle_although_one_was_restarted_in_the_middle_of_a_crossing)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		uint64_t number = 1;
		struct wire_end *e = &wire.ends[1];
		wire_reset(&wire, seed, false);
		start_both();
		talk(MSEC(50) + rand_jitter(&wire.rand, MSEC(800)), MSEC(20), &number);

		struct noise_remote remote = e->tunnel->remote;
		tunnel_wipe(e->tunnel);
		assert_true(tunnel_init(e->tunnel, e->shared, &remote.public, &remote.psk));
		talk(wire.now + SEC(5), MSEC(20), &number);
		assert_true(wire_agrees(&wire));
	}
}

TEST(get_cookies_under_load_and_connect_by_them)
{
	wire_reset(&wire, 11, false);
	wire.ends[0].under_load = wire.ends[1].under_load = true;
	start_both();
	assert_true(wire_run_until(&wire, wire_is_up, SEC(3)));
	wire_run(&wire, SEC(4));
	assert_true(wire_agrees(&wire));
	assert_true(wire.ends[0].sent[MESSAGE_COOKIE] + wire.ends[1].sent[MESSAGE_COOKIE] > 0);
}

/* --- next to a plain WireGuard ---------------------------------------------------------------------------------- */

TEST(one_converges_with_a_plain_peer)
{
	enum { LIVES = 200 };
	static usec up[LIVES];

	for (uint64_t seed = 0; seed < LIVES; seed++) {
		uint64_t number = 1;
		wire_reset(&wire, 30000 + seed, true);
		wire.jitter = MSEC(5);
		start_both();
		assert_true(wire_run_until(&wire, wire_is_up, SEC(20)));
		up[seed] = wire.now;
		size_t before[] = {wire.ends[0].accepted, wire.ends[1].accepted};
		wire_run(&wire, wire.now + SEC(1));
		before[0] = wire.ends[0].accepted;
		before[1] = wire.ends[1].accepted;
		talk(wire.now + SEC(3), MSEC(100), &number);
		wire_run(&wire, wire.now + SEC(1));
		for (unsigned e = 0; e < 2; e++) {
			assert_int_equal(wire.ends[e].accepted - before[e], number - 1);
			assert_int_equal(wire.ends[e].repeated, 0);
		}
	}
	print_message("# with a plain peer, both up: median %d ms, p99 %d ms\n",
		      (int)(quantile(up, LIVES, 500) / 1000),
		      (int)(quantile(up, LIVES, 990) / 1000));
	assert_true(quantile(up, LIVES, 990) <= SEC(1));
}

TEST(one_renews_its_session_with_a_plain_peer_without_losing_a_packet)
{
	for (unsigned first = 0; first < 2; first++) {
		uint64_t number = 1;
		wire_reset(&wire, 40000, true);
		start_at(first, 0);
		wire_run(&wire, MSEC(200));
		talk(SEC(400), MSEC(50), &number);
		wire_run(&wire, wire.now + SEC(1));
		assert_int_equal(wire.ends[0].accepted, number - (first == 0));
		assert_int_equal(wire.ends[1].accepted, number - (first == 1));
		assert_true(wire_agrees(&wire));
	}
}

TEST(one_converges_with_a_plain_peer_over_a_lossy_road)
{
	for (uint64_t seed = 0; seed < 30; seed++) {
		uint64_t number = 1;
		wire_reset(&wire, 50000 + seed, true);
		wire.loss = 30;
		wire.jitter = MSEC(50);
		start_both();
		talk(SEC(30), MSEC(200), &number);
		wire.loss = 0;
		wire_run(&wire, wire.now + SEC(20));
		size_t before[] = {wire.ends[0].accepted, wire.ends[1].accepted};
		uint64_t from = number;
		talk(wire.now + SEC(5), MSEC(200), &number);
		wire_run(&wire, wire.now + SEC(1));
		for (unsigned e = 0; e < 2; e++)
			assert_int_equal(wire.ends[e].accepted - before[e], number - from);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(two_that_start_within_30_ms_are_both_up_and_agree_at_once),
		RUN(agree_in_the_end_over_every_bad_road_and_deliver_nothing_twice),
		RUN(are_up_within_16_s_at_30_percent_loss),
		RUN(renew_their_session_every_120_s_without_losing_a_packet),
		RUN(renew_their_session_when_only_one_side_talks),
		RUN(start_anew_when_one_of_them_was_restarted),
		RUN(settle_although_one_was_restarted_in_the_middle_of_a_crossing),
		RUN(get_cookies_under_load_and_connect_by_them),
		RUN(one_converges_with_a_plain_peer),
		RUN(one_renews_its_session_with_a_plain_peer_without_losing_a_packet),
		RUN(one_converges_with_a_plain_peer_over_a_lossy_road),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	wire_init(&wire);
	int failed = RUN_TESTS(tests);
	wire_free(&wire);
	return failed;
}
