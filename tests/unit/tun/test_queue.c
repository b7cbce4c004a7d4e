/* What waits does so in order, small packets of other flows pass by, and a queue that stands loses a segment now and then. */
#include "tun/queue.h"

#include <stdlib.h>

#include "support/inner.h"
#include "support/test.h"

static struct queue q;

static int start(void **state)
{
	(void)state;
	queue_init(&q);
	return 0;
}

static void push(size_t len, uint8_t flow, usec now)
{
	queue_push(&q, &(struct vnet){.gso_type = VNET_TCPV4, .gso_size = 1000}, len,
		   &(struct queue_flow){.flow = flow, .pair = 1}, now);
}

static bool holds(uint8_t flow)
{
	return queue_holds(&q, &(struct queue_flow){.flow = flow, .pair = 1});
}

/* --- in and out ------------------------------------------------------------------------------------------------- */

TEST(what_came_first_is_first)
{
	assert_null(queue_first(&q));
	for (size_t i = 0; i < 3 * QUEUE_SLOTS; i++) {
		push(1000 + i, (uint8_t)i, (usec)i);
		if (i >= 10) {
			assert_int_equal(queue_first(&q)->len, 1000 + i - 10);
			assert_int_equal(queue_first(&q)->flow.flow, (uint8_t)(i - 10));
			assert_int_equal(queue_first(&q)->vnet.gso_size, 1000);
			queue_pop(&q);
		}
	}
	assert_int_equal(q.count, 10);
}

TEST(each_has_a_slot_of_its_own_until_it_is_taken)
{
	bool used[QUEUE_SLOTS] = {false};

	for (size_t i = 0; i < QUEUE_SLOTS; i++) {
		int slot = queue_room(&q);
		assert_in_range(slot, 0, QUEUE_SLOTS - 1);
		assert_false(used[slot]);
		used[slot] = true;
		push(1, 0, 0);
	}
	assert_int_equal(queue_room(&q), -1);
	int first = queue_first(&q)->slot;
	queue_pop(&q);
	assert_int_equal(queue_room(&q), first);
}

TEST(who_waits_is_known_by_flow)
{
	push(1, 7, 0);
	push(1, 7, 0);
	push(1, 255, 0);
	assert_false(holds(0));
	queue_pop(&q);
	assert_true(holds(7));
	queue_pop(&q);
	assert_false(holds(7));
	assert_true(holds(255));
	queue_pop(&q);
	assert_false(holds(255));
}

/* --- flows ------------------------------------------------------------------------------------------------------ */

static struct queue_flow flow_of(struct inner in)
{
	uint8_t packet[512];

	in.payload_len = 100;
	inner_write(packet, &in);
	return queue_flow_of(packet, inner_len(&in));
}

TEST(a_flow_is_addresses_protocol_and_ports)
{
	for (size_t i = 0; i < INNER_EXAMPLES; i++) {
		struct inner next = inner_examples[i], other = next;
		unsigned others = 0;

		inner_advance(&next);
		assert_int_equal(flow_of(next).flow, flow_of(inner_examples[i]).flow);
		for (int port = 0; port < 100; port++) {
			other.src_port++;
			others += flow_of(other).flow != flow_of(next).flow;
			assert_int_equal(flow_of(other).pair, flow_of(next).pair);
		}
		assert_true(others > 95);
		other = next;
		other.dst++;
		assert_int_not_equal(flow_of(other).flow, flow_of(next).flow);
		assert_int_not_equal(flow_of(other).pair, flow_of(next).pair);
	}
}

/* A fragment, of which nobody knows the flow, and a packet between the same two. */
static void check_fragments(const uint8_t *fragment, const uint8_t *whole)
{
	struct queue_flow f = queue_flow_of(fragment, 64), w = queue_flow_of(whole, 64);
	const struct vnet v = {.gso_type = VNET_UDP_L4};

	assert_true(f.fragment);
	assert_false(w.fragment);
	assert_false(queue_holds(&q, &f));
	queue_push(&q, &v, 1, &w, 0);
	assert_true(queue_holds(&q, &f));
	queue_push(&q, &v, 1, &f, 0);
	queue_pop(&q);
	assert_true(queue_holds(&q, &w)); /* behind the fragment */
	queue_pop(&q);
	assert_false(queue_holds(&q, &w));
	assert_false(queue_holds(&q, &f));
}

TEST(fragments_keep_their_place_among_whole_packets)
{
	uint8_t v4[64] = {0x45, [9] = 17, [12] = 10, [16] = 10, [20] = 7},
		v6[64] = {0x60, [6] = 17, [8] = 0x20, [24] = 0x20, [40] = 7};
	uint8_t first[64], later[64], of_v6[64];

	memcpy(first, v4, sizeof v4);
	first[6] = 0x20;
	memcpy(later, v4, sizeof v4);
	later[7] = 100;
	later[20] = 77;
	memcpy(of_v6, v6, sizeof v6);
	of_v6[6] = 44;
	check_fragments(first, v4);
	check_fragments(later, v4);
	check_fragments(of_v6, v6);
}

/* In memory of just their length. What has no whole header is of one flow, and no fragment. */
TEST(any_bytes_have_a_flow)
{
	for (size_t len = 0; len <= 64; len++) {
		uint8_t *bytes = malloc(len);
		for (unsigned first = 0; first < 256; first++) {
			bool whole =
				(first >> 4 == 4 && len >= 20) || (first >> 4 == 6 && len >= 40);
			memset(bytes, (int)first, len);
			struct queue_flow f = queue_flow_of(bytes, len);
			assert_true(whole || (!f.fragment && f.flow == 0 && f.pair == 0));
		}
		free(bytes);
	}
}

/* --- losses ----------------------------------------------------------------------------------------------------- */

/* Super-packets begin to be sent every millisecond, each after it waited so long. */
static unsigned losses(usec waited, usec from, usec until)
{
	unsigned count = 0;

	for (usec now = from; now < until; now += MSEC(1)) {
		push(1, 0, now - waited);
		count += queue_loses(&q, now);
		queue_pop(&q);
	}
	return count;
}

TEST(loses_nothing_while_one_now_and_then_did_not_wait)
{
	for (usec now = SEC(1); now < SEC(10); now += QUEUE_INTERVAL) {
		assert_int_equal(losses(SEC(1), now, now + QUEUE_INTERVAL - MSEC(1)), 0);
		assert_int_equal(losses(QUEUE_TARGET - 1, now + QUEUE_INTERVAL - MSEC(1),
					now + QUEUE_INTERVAL),
				 0);
	}
}

TEST(loses_one_after_all_have_waited_for_an_interval)
{
	push(1, 0, SEC(5) - QUEUE_TARGET);
	assert_false(queue_loses(&q, SEC(5)));
	assert_false(queue_loses(&q, SEC(5) + QUEUE_INTERVAL - 1));
	assert_true(queue_loses(&q, SEC(5) + QUEUE_INTERVAL));
	assert_false(queue_loses(&q, SEC(5) + QUEUE_INTERVAL));
}

TEST(loses_the_more_the_longer_it_stands_but_not_without_bound)
{
	unsigned early = losses(QUEUE_TARGET, SEC(1), SEC(1) + 10 * QUEUE_INTERVAL),
		 later = losses(QUEUE_TARGET, SEC(1) + 10 * QUEUE_INTERVAL,
				SEC(1) + 20 * QUEUE_INTERVAL);

	assert_in_range(early, 11, 30);
	assert_true(later > early);
	losses(QUEUE_TARGET, SEC(2), SEC(20));
	assert_in_range(losses(QUEUE_TARGET, SEC(20), SEC(20) + 10 * QUEUE_INTERVAL), 39, 41);
}

TEST(remembers_for_a_while_how_often_it_had_to)
{
	usec end = SEC(1) + 10 * QUEUE_INTERVAL;

	/* Again a full interval, then at the rate that it had reached; or from the beginning. */
	losses(QUEUE_TARGET, SEC(1), end);
	losses(0, end, end + MSEC(1));
	struct queue before = q;
	assert_int_equal(losses(QUEUE_TARGET, end, end + QUEUE_INTERVAL), 0);
	assert_true(losses(QUEUE_TARGET, end + QUEUE_INTERVAL, end + 3 * QUEUE_INTERVAL) > 4);
	q = before;
	end += 20 * QUEUE_INTERVAL;
	assert_int_equal(losses(QUEUE_TARGET, end, end + QUEUE_INTERVAL), 0);
	assert_true(losses(QUEUE_TARGET, end + QUEUE_INTERVAL, end + 3 * QUEUE_INTERVAL) <= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH(name) cmocka_unit_test_setup(name, start)
		WITH(what_came_first_is_first),
		WITH(each_has_a_slot_of_its_own_until_it_is_taken),
		WITH(who_waits_is_known_by_flow),
		WITH(a_flow_is_addresses_protocol_and_ports),
		WITH(fragments_keep_their_place_among_whole_packets),
		WITH(any_bytes_have_a_flow),
		WITH(loses_nothing_while_one_now_and_then_did_not_wait),
		WITH(loses_one_after_all_have_waited_for_an_interval),
		WITH(loses_the_more_the_longer_it_stands_but_not_without_bound),
		WITH(remembers_for_a_while_how_often_it_had_to),
	};

	return RUN_TESTS(tests);
}
