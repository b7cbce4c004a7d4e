/* Staged packets: order, what is lost, and whose memory it is. */
#include "wg/staging.h"

#include "base/rand.h"
#include "support/test.h"

static struct staging *staging_new(void)
{
	static struct staging s;

	memset(&s, 0xff, sizeof s);
	assert_int_equal(staging_init(&s), 0);
	return &s;
}

static unsigned push_number(struct staging *s, struct staging_queue *q, uint32_t number)
{
	uint8_t bytes[4 + 28] = {0};

	memcpy(bytes, &number, sizeof number);
	return staging_push(s, q, bytes, sizeof bytes);
}

static void expect_number(struct staging *s, struct staging_queue *q, uint32_t number)
{
	size_t len = 0;
	const uint8_t *bytes = staging_first(s, q, &len);

	assert_non_null(bytes);
	assert_int_equal(len, 32);
	assert_memory_equal(bytes, &number, sizeof number);
	staging_pop(s, q);
}

static void expect_empty(const struct staging *s, const struct staging_queue *q)
{
	size_t len = 7;

	assert_null(staging_first(s, q, &len));
	assert_int_equal(q->count, 0);
}

TEST(keeps_the_order_of_packets)
{
	struct staging *s = staging_new();
	struct staging_queue q = {0};

	expect_empty(s, &q);
	for (uint32_t i = 0; i < STAGING_PER_PEER; i++)
		assert_int_equal(push_number(s, &q, i), 0);
	for (uint32_t i = 0; i < STAGING_PER_PEER; i++)
		expect_number(s, &q, i);
	expect_empty(s, &q);
	staging_free(s);
}

TEST(a_full_queue_loses_its_oldest)
{
	struct staging *s = staging_new();
	struct staging_queue q = {0};

	for (uint32_t i = 0; i < STAGING_PER_PEER; i++)
		assert_int_equal(push_number(s, &q, i), 0);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(push_number(s, &q, STAGING_PER_PEER + i), 1);
	assert_int_equal(q.count, STAGING_PER_PEER);
	for (uint32_t i = 0; i < STAGING_PER_PEER; i++)
		expect_number(s, &q, 10 + i);
	expect_empty(s, &q);
	staging_free(s);
}

#define QUEUES (STAGING_POOL / STAGING_PER_PEER)

static void fill_pool(struct staging *s, struct staging_queue queues[static QUEUES])
{
	for (uint32_t q = 0; q < QUEUES; q++)
		for (uint32_t i = 0; i < STAGING_PER_PEER; i++)
			assert_int_equal(push_number(s, &queues[q], q * 1000 + i), 0);
}

TEST(an_empty_pool_costs_nobody_else_a_packet)
{
	struct staging *s = staging_new();
	struct staging_queue queues[QUEUES] = {0}, late = {0};

	fill_pool(s, queues);
	assert_int_equal(push_number(s, &late, 9999), 1);
	expect_empty(s, &late);

	/* a slot given back by one is had by another; after that it has only its own to lose */
	expect_number(s, &queues[0], 0);
	assert_int_equal(push_number(s, &late, 1), 0);
	assert_int_equal(push_number(s, &late, 2), 1);
	assert_int_equal(late.count, 1);
	expect_number(s, &late, 2);

	for (uint32_t q = 0; q < QUEUES; q++)
		for (uint32_t i = q == 0; i < STAGING_PER_PEER; i++)
			expect_number(s, &queues[q], q * 1000 + i);
	staging_free(s);
}

TEST(clearing_gives_back_every_slot)
{
	struct staging *s = staging_new();
	struct staging_queue queues[QUEUES] = {0};

	for (int round = 0; round < 100; round++) {
		fill_pool(s, queues);
		for (size_t q = 0; q < QUEUES; q++) {
			assert_int_equal(staging_trim(s, &queues[q], 0), STAGING_PER_PEER);
			expect_empty(s, &queues[q]);
			assert_int_equal(staging_trim(s, &queues[q], 0), 0);
		}
	}
	staging_free(s);
}

TEST(holds_the_longest_packets_side_by_side)
{
	struct staging *s = staging_new();
	struct staging_queue q = {0};
	static uint8_t packet[PACKET_DATA];

	for (int i = 0; i < 4; i++) {
		memset(packet, 'a' + i, sizeof packet);
		assert_int_equal(staging_push(s, &q, packet, sizeof packet), 0);
	}
	for (int i = 0; i < 4; i++) {
		size_t len = 0;

		memset(packet, 'a' + i, sizeof packet);
		assert_memory_equal(staging_first(s, &q, &len), packet, sizeof packet);
		assert_int_equal(len, sizeof packet);
		staging_pop(s, &q);
	}
	staging_free(s);
}

TEST(vuln_56_a_staged_packet_outlives_its_buffer_and_other_queues)
{
	struct staging *s = staging_new();
	struct staging_queue mine = {0}, theirs = {0};
	uint32_t number = 1234;

	for (int i = 0; i < 3; i++) {
		uint8_t *buffer = calloc(1, 32);

		assert_non_null(buffer);
		memcpy(buffer, &number, sizeof number);
		staging_push(s, &mine, buffer, 32);
		free(buffer);
		push_number(s, &theirs, 1);
	}
	/* the other tunnel goes, and a third one fills what it leaves */
	assert_int_equal(staging_trim(s, &theirs, 0), 3);
	for (int i = 0; i < STAGING_PER_PEER; i++)
		push_number(s, &theirs, 2);
	for (int i = 0; i < 3; i++)
		expect_number(s, &mine, number);
	expect_empty(s, &mine);
	staging_free(s);
}

/* Twelve queues, which together want more than the pool has, against arrays of numbers. */
TEST(agrees_with_plain_arrays)
{
	struct staging *s = staging_new();
	struct staging_queue queues[12] = {0};
	static uint32_t model[12][STAGING_PER_PEER];
	struct rand rand = rand_seeded(11);
	unsigned total = 0;

	for (uint32_t number = 0; number < 100000; number++) {
		uint32_t i = rand_below(&rand, 12);
		struct staging_queue *q = &queues[i];
		bool full = q->count == STAGING_PER_PEER || total == STAGING_POOL;
		unsigned count = q->count;

		if (rand_below(&rand, 1000) == 0) {
			total -= staging_trim(s, q, 0);
			continue;
		}
		if (count > 0 && rand_below(&rand, 100) < 40) {
			expect_number(s, q, model[i][0]);
			memmove(model[i], model[i] + 1, sizeof model[i] - sizeof model[i][0]);
			total--;
			continue;
		}
		assert_int_equal(push_number(s, q, number), full);
		if (full && count == 0)
			continue;
		if (full) {
			memmove(model[i], model[i] + 1, sizeof model[i] - sizeof model[i][0]);
			count--;
			total--;
		}
		model[i][count] = number;
		total++;
		assert_int_equal(q->count, count + 1);
	}
	for (size_t i = 0; i < 12; i++)
		for (unsigned j = 0, count = queues[i].count; j < count; j++)
			expect_number(s, &queues[i], model[i][j]);
	staging_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(keeps_the_order_of_packets),
		RUN(a_full_queue_loses_its_oldest),
		RUN(an_empty_pool_costs_nobody_else_a_packet),
		RUN(clearing_gives_back_every_slot),
		RUN(holds_the_longest_packets_side_by_side),
		RUN(vuln_56_a_staged_packet_outlives_its_buffer_and_other_queues),
		RUN(agrees_with_plain_arrays),
	};

	return RUN_TESTS(tests);
}
