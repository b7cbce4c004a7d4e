/* One direction of a cable: what arrives, when, and how often; rates of what happens by chance over many packets. */
#include "sim/link.h"

#include "support/test.h"

#define NOW   SEC(1000)
#define MANY  100000
#define FRAME 1400

static struct link_result send_one(const struct link_config *config)
{
	struct link l = link_of(config);
	struct rand rand = rand_seeded(1);

	return link_send(&l, FRAME, NOW, &rand);
}

/* What became of MANY packets, one each millisecond. */
static struct link_stats send_many(const struct link_config *config, uint64_t seed)
{
	struct link l = link_of(config);
	struct rand rand = rand_seeded(seed);

	for (usec at = 0; at < MANY; at++)
		link_send(&l, FRAME, NOW + MSEC(at), &rand);
	return l.stats;
}

/* Is `count` of `of` what this probability says, within five standard deviations at most? */
static void assert_about(uint64_t count, double of, double probability)
{
	double expected = of * probability, off = (double)count - expected;

	assert_true(off * off <= 25 * expected * (1 - probability));
}

TEST(a_cable_without_faults_takes_its_delay_and_no_randomness)
{
	struct link l = link_of(&(struct link_config){.delay = MSEC(40)});
	struct rand rand = rand_seeded(1);

	for (usec at = NOW; at < NOW + 100; at++) {
		struct link_result r = link_send(&l, FRAME, at, &rand);

		assert_int_equal(r.fate, LINK_CARRIED);
		assert_int_equal(r.copies, 1);
		assert_true(r.arrival[0].at == at + MSEC(40));
		assert_int_equal(r.arrival[0].bits, 0);
	}
	assert_true(rand.block == 0);
	assert_true(send_one(&(struct link_config){.delay = 0}).arrival[0].at == NOW);
}

TEST(works_from_the_first_microsecond_to_a_hundred_years)
{
	static const usec times[] = {0, SEC(100 * 365 * 86400LL)};
	struct link l = link_of(&(struct link_config){.rate = 8000, .queue = SEC(10)});
	struct rand rand = rand_seeded(1);

	for (size_t i = 0; i < 2; i++)
		for (usec n = 1; n <= 3; n++)
			assert_true(link_send(&l, 1000, times[i], &rand).arrival[0].at ==
				    times[i] + SEC(n));
}

TEST(a_block_stops_everything_and_ends)
{
	struct link l = link_of(&(struct link_config){.blocked = true});
	struct rand rand = rand_seeded(1);

	struct link_result r = link_send(&l, FRAME, NOW, &rand);
	assert_int_equal(r.fate, LINK_BLOCKED);
	assert_int_equal(r.copies, 0);
	link_change(&l, &(struct link_config){.delay = 1});
	assert_int_equal(link_send(&l, FRAME, NOW, &rand).fate, LINK_CARRIED);
	assert_int_equal(l.stats.packets[LINK_BLOCKED], 1);
	assert_int_equal(l.stats.packets[LINK_CARRIED], 1);
}

TEST(a_packet_longer_than_the_largest_does_not_pass)
{
	struct link l = link_of(&(struct link_config){.mtu = 1280});
	struct rand rand = rand_seeded(1);

	assert_int_equal(link_send(&l, 1280, NOW, &rand).fate, LINK_CARRIED);
	assert_int_equal(link_send(&l, 1281, NOW, &rand).fate, LINK_TOO_LONG);
	assert_int_equal(l.stats.packets[LINK_TOO_LONG], 1);
}

TEST(jitter_reaches_all_of_its_range_and_keeps_the_order)
{
	struct link l = link_of(&(struct link_config){.delay = MSEC(20), .jitter = 9});
	struct rand rand = rand_seeded(3);
	unsigned seen[10] = {0};
	usec last = 0;

	for (usec at = 0; at < MANY; at++) {
		usec sent = NOW + 20 * at; /* too far apart to hold each other up */
		usec took = link_send(&l, FRAME, sent, &rand).arrival[0].at - sent - MSEC(20);

		assert_in_range(took, 0, 9);
		seen[took]++;
	}
	for (size_t i = 0; i < 10; i++)
		assert_about(seen[i], MANY, 0.1);

	for (usec at = 0; at < MANY; at++) {
		struct link_result r = link_send(&l, FRAME, NOW + SEC(100) + at / 8, &rand);

		assert_true(r.arrival[0].at >= last);
		last = r.arrival[0].at;
	}
}

TEST(jitter_may_be_days)
{
	struct link l = link_of(&(struct link_config){.jitter = SEC(86400)});
	struct rand rand = rand_seeded(3);
	unsigned late = 0;

	for (usec at = 0; at < 1000; at++) {
		usec sent = NOW + SEC(86400) * at;
		usec took = link_send(&l, FRAME, sent, &rand).arrival[0].at - sent;

		assert_in_range(took, 0, SEC(86400));
		late += took > SEC(86400 / 2);
	}
	assert_about(late, 1000, 0.5);
}

TEST(loss_is_as_frequent_as_it_was_asked_for)
{
	static const uint32_t asked[] = {LINK_PERCENT(1), LINK_PERCENT(10), LINK_PERCENT(30), 100};

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		struct link_stats s = send_many(&(struct link_config){.loss = asked[i]}, i);

		assert_about(s.packets[LINK_LOST], MANY, asked[i] / 1e6);
		assert_int_equal(s.packets[LINK_LOST] + s.packets[LINK_CARRIED], MANY);
	}
	assert_int_equal(
		send_many(&(struct link_config){.loss = LINK_CERTAIN}, 1).packets[LINK_LOST], MANY);
	assert_int_equal(
		send_many(&(struct link_config){.jitter = 1, .loss = 0}, 1).packets[LINK_LOST], 0);
}

/* Bursts of 10 packets at 2 % of the time: the same loss as 2 %, in a tenth as many pieces. */
TEST(losses_in_bursts_come_in_bursts)
{
	struct link_config config = {.burst_begin = LINK_CERTAIN / 490,
				     .burst_end = LINK_CERTAIN / 10,
				     .burst_loss = LINK_CERTAIN};
	struct link l = link_of(&config);
	struct rand rand = rand_seeded(5);
	double lost = 0, bursts = 0;
	bool before = false;

	for (usec at = 0; at < 10 * MANY; at++) {
		bool now = link_send(&l, FRAME, NOW + at, &rand).fate == LINK_LOST;

		lost += now;
		bursts += now && !before;
		before = now;
	}
	assert_true(lost / (10 * MANY) > 0.018 && lost / (10 * MANY) < 0.022);
	assert_true(lost / bursts > 9 && lost / bursts < 11);

	/* No bursts, no bad times. */
	link_change(&l, &(struct link_config){.burst_begin = LINK_CERTAIN});
	link_send(&l, FRAME, NOW + SEC(99), &rand);
	link_change(&l, &(struct link_config){.jitter = 1, .burst_loss = LINK_CERTAIN});
	for (usec at = 0; at < MANY; at++)
		assert_int_equal(link_send(&l, FRAME, NOW + SEC(100) + at, &rand).fate,
				 LINK_CARRIED);
}

TEST(in_bad_times_as_much_is_lost_as_was_said)
{
	struct link_stats s = send_many(&(struct link_config){.burst_begin = LINK_CERTAIN,
							      .burst_end = 0,
							      .burst_loss = LINK_PERCENT(40)},
					1);

	assert_about(s.packets[LINK_LOST], MANY, 0.4);
}

TEST(a_duplicate_has_a_time_of_its_own)
{
	struct link_config config = {
		.delay = MSEC(10), .jitter = MSEC(5), .duplicate = LINK_PERCENT(50)};
	struct link l = link_of(&config);
	struct rand rand = rand_seeded(7);
	unsigned apart = 0;

	for (usec at = 0; at < MANY; at++) {
		usec sent = NOW + MSEC(20 * at);
		struct link_result r = link_send(&l, FRAME, sent, &rand);

		assert_in_range(r.copies, 1, 2);
		for (size_t i = 0; i < r.copies; i++)
			assert_in_range(r.arrival[i].at, sent + MSEC(10), sent + MSEC(15));
		apart += r.copies == 2 && r.arrival[1].at != r.arrival[0].at;
	}
	assert_about(l.stats.duplicated, MANY, 0.5);
	assert_true(apart > l.stats.duplicated / 3); /* the others were pushed together */
	assert_int_equal(send_one(&(struct link_config){.duplicate = LINK_CERTAIN}).copies, 2);
}

TEST(a_packet_held_back_is_overtaken_and_holds_up_nobody)
{
	struct link_config config = {
		.delay = MSEC(10), .reorder = LINK_PERCENT(3), .reorder_by = SEC(2)};
	struct link l = link_of(&config);
	struct rand rand = rand_seeded(9);
	uint64_t late = 0;
	usec latest = 0;

	for (usec at = 0; at < MANY; at++) {
		usec sent = NOW + 250 * at; /* 8000 in 2 s */
		usec took = link_send(&l, FRAME, sent, &rand).arrival[0].at - sent - MSEC(10);

		assert_in_range(took, 0, SEC(2));
		late += took > 0;
		latest = usec_max(latest, took);
	}
	assert_int_equal(late, l.stats.reordered);
	assert_about(late, MANY, 0.03);
	assert_true(latest > MSEC(1990));

	config = (struct link_config){.reorder = LINK_CERTAIN, .reorder_by = 1};
	l = link_of(&config);
	for (usec at = 0; at < 50; at++)
		assert_true(link_send(&l, FRAME, NOW + at, &rand).arrival[0].at == NOW + at + 1);
}

TEST(as_many_packets_are_corrupted_as_was_said_in_up_to_so_many_bits)
{
	struct link_config config = {.corrupt = LINK_PERCENT(2), .corrupt_bits = 4};
	struct link l = link_of(&config);
	struct rand rand = rand_seeded(11);
	unsigned seen[5] = {0};

	for (usec at = 0; at < MANY; at++) {
		unsigned bits = link_send(&l, FRAME, NOW + at, &rand).arrival[0].bits;

		assert_in_range(bits, 0, 4);
		seen[bits]++;
	}
	assert_about(MANY - seen[0], MANY, 0.02);
	for (size_t i = 1; i <= 4; i++)
		assert_about(seen[i], MANY, 0.005);
	assert_int_equal(l.stats.corrupted, MANY - seen[0]);
	assert_int_equal(send_one(&(struct link_config){.corrupt = LINK_CERTAIN}).arrival[0].bits,
			 1);
}

static unsigned ones(const uint8_t *data, size_t len)
{
	unsigned count = 0;

	for (size_t i = 0; i < len * 8; i++)
		count += data[i / 8] >> i % 8 & 1;
	return count;
}

TEST(exactly_so_many_bits_are_flipped_and_any_bit_may_be)
{
	struct rand rand = rand_seeded(13);
	uint8_t all[8] = {0};

	for (unsigned bits = 0; bits <= LINK_BITS_MAX; bits++) {
		uint8_t data[8] = {0};

		link_corrupt(data, sizeof data, bits, &rand);
		assert_int_equal(ones(data, sizeof data), bits);
		for (size_t i = 0; bits < 32 && i < sizeof data; i++)
			all[i] |= data[i];
	}
	assert_int_equal(ones(all, sizeof all), 64);

	uint8_t one[2] = {0};
	link_corrupt(one, 1, LINK_BITS_MAX, &rand);
	assert_int_equal(one[0], 0xff);
	assert_int_equal(one[1], 0);
	link_corrupt(one, 0, 3, &rand);
	assert_int_equal(one[0], 0xff);
}

TEST(a_rate_takes_each_packet_its_time)
{
	/* 1 Mbit/s: 1250 bytes in 10 ms. */
	struct link l =
		link_of(&(struct link_config){.delay = MSEC(5), .rate = 1000000, .queue = SEC(1)});
	struct rand rand = rand_seeded(1);

	for (usec i = 1; i <= 3; i++)
		assert_true(link_send(&l, 1250, NOW, &rand).arrival[0].at ==
			    NOW + MSEC(5) + MSEC(10) * i);
	/* The line is idle again at 30 ms. */
	assert_true(link_send(&l, 1250, NOW + MSEC(29), &rand).arrival[0].at == NOW + MSEC(45));
	assert_true(link_send(&l, 1250, NOW + MSEC(99), &rand).arrival[0].at == NOW + MSEC(114));
}

TEST(a_fast_line_loses_nothing_to_rounding)
{
	/* 10 Gbit/s: 1.12 microseconds for each of 1400 bytes. */
	struct link l =
		link_of(&(struct link_config){.rate = UINT64_C(10000000000), .queue = SEC(10)});
	struct rand rand = rand_seeded(1);
	usec last = 0;

	for (size_t i = 0; i < 1000000; i++)
		last = link_send(&l, FRAME, NOW, &rand).arrival[0].at;
	assert_true(last == NOW + 1120000);
	/* And its last bit is never early: 2.7 microseconds. */
	assert_true(send_one(&(struct link_config){.rate = UINT64_C(4200000000)}).arrival[0].at ==
		    NOW + 3);
}

TEST(a_queue_delays_as_long_as_it_is_and_drops_what_is_more)
{
	/* 2 s of queue at 1 Mbit/s are 200 packets, and the one under way has left it. */
	struct link_config config = {.rate = 1000000, .queue = SEC(2)};
	struct link l = link_of(&config);
	struct rand rand = rand_seeded(1);

	for (usec i = 1; i <= 201; i++)
		assert_true(link_send(&l, 1250, NOW, &rand).arrival[0].at == NOW + MSEC(10) * i);
	for (usec i = 0; i < 100; i++)
		assert_int_equal(link_send(&l, 1250, NOW, &rand).fate, LINK_QUEUE_FULL);
	assert_int_equal(l.stats.packets[LINK_QUEUE_FULL], 100);
	assert_int_equal(link_send(&l, 1250, NOW + MSEC(9), &rand).fate, LINK_QUEUE_FULL);
	assert_int_equal(link_send(&l, 1250, NOW + MSEC(10), &rand).fate, LINK_CARRIED);

	/* Nobody is lost or overtaken when the line becomes fast: later ones arrive behind the queue. */
	link_change(&l, &(struct link_config){.delay = MSEC(5)});
	assert_true(link_send(&l, 1250, NOW + MSEC(11), &rand).arrival[0].at == NOW + MSEC(2020));
	assert_true(link_send(&l, 1250, NOW + SEC(3), &rand).arrival[0].at == NOW + MSEC(3005));
}

TEST(lost_packets_had_their_share_of_the_rate)
{
	struct link_config config = {.loss = LINK_PERCENT(50), .rate = 8000000, .queue = SEC(1)};
	struct link l = link_of(&config);
	struct rand rand = rand_seeded(1);
	usec last = 0;

	for (usec i = 1; i <= 100; i++) {
		struct link_result r = link_send(&l, 1000, NOW, &rand);

		if (r.fate == LINK_CARRIED) {
			assert_true(r.arrival[0].at == NOW + MSEC(i));
			last = i;
		}
	}
	assert_true(last > 90);
}

TEST(the_same_seed_gives_the_same_fates)
{
	struct link_config config = {.delay = MSEC(10),
				     .jitter = MSEC(20),
				     .loss = LINK_PERCENT(5),
				     .burst_begin = LINK_PERCENT(1),
				     .burst_end = LINK_PERCENT(20),
				     .burst_loss = LINK_PERCENT(90),
				     .duplicate = LINK_PERCENT(10),
				     .reorder = LINK_PERCENT(5),
				     .reorder_by = MSEC(100),
				     .corrupt = LINK_PERCENT(1),
				     .corrupt_bits = 8,
				     .rate = 100000000,
				     .queue = MSEC(50)};
	struct link one = link_of(&config), same = link_of(&config), other = link_of(&config);
	struct rand rands[] = {rand_seeded(1), rand_seeded(1), rand_seeded(2)};
	bool differs = false;

	for (usec at = 0; at < 10000; at++) {
		struct link_result a = link_send(&one, FRAME, NOW + 100 * at, &rands[0]);
		struct link_result b = link_send(&same, FRAME, NOW + 100 * at, &rands[1]);
		struct link_result c = link_send(&other, FRAME, NOW + 100 * at, &rands[2]);

		assert_memory_equal(&a, &b, sizeof a);
		differs |= memcmp(&a, &c, sizeof a) != 0;
	}
	assert_true(differs);
}

TEST(each_fate_has_a_name)
{
	for (enum link_fate f = 0; f < LINK_FATES; f++)
		assert_true(strlen(link_fate_name(f)) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_cable_without_faults_takes_its_delay_and_no_randomness),
		RUN(works_from_the_first_microsecond_to_a_hundred_years),
		RUN(a_block_stops_everything_and_ends),
		RUN(a_packet_longer_than_the_largest_does_not_pass),
		RUN(jitter_reaches_all_of_its_range_and_keeps_the_order),
		RUN(jitter_may_be_days),
		RUN(loss_is_as_frequent_as_it_was_asked_for),
		RUN(losses_in_bursts_come_in_bursts),
		RUN(in_bad_times_as_much_is_lost_as_was_said),
		RUN(a_duplicate_has_a_time_of_its_own),
		RUN(a_packet_held_back_is_overtaken_and_holds_up_nobody),
		RUN(as_many_packets_are_corrupted_as_was_said_in_up_to_so_many_bits),
		RUN(exactly_so_many_bits_are_flipped_and_any_bit_may_be),
		RUN(a_rate_takes_each_packet_its_time),
		RUN(a_fast_line_loses_nothing_to_rounding),
		RUN(a_queue_delays_as_long_as_it_is_and_drops_what_is_more),
		RUN(lost_packets_had_their_share_of_the_rate),
		RUN(the_same_seed_gives_the_same_fates),
		RUN(each_fate_has_a_name),
	};

	return RUN_TESTS(tests);
}
