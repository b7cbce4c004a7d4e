/* Doors whose kernel cuts messages into datagrams, and joins them. */
#include "unit/io/doors.h"

#include "base/rand.h"

#define EACH_MAX 2000

static uint8_t bytes[BATCH_MAX][PACKET_HEAD + EACH_MAX];

/* Append a datagram of `len` bytes, all of them its number. */
static struct packet *put_whole(size_t len, struct addr remote)
{
	size_t number = out.count;
	struct packet *p = put((uint8_t)number, 1, remote);

	p->data = bytes[number] + PACKET_HEAD;
	p->len = len;
	memset(p->data, (int)(number % 256), len);
	return p;
}

static void put_many(size_t count, size_t len)
{
	for (size_t i = 0; i < count; i++)
		put_whole(len, at("127.0.0.1", udp_port(b)));
}

/* What was sent to b by IPv4 comes, bytes and order. */
static void check_all_came(void)
{
	size_t seen = 0;

	while (seen < out.count) {
		assert_true(recv_at(b, UDP_DOOR_V4) > 0);
		for (size_t i = 0; i < in.count; i++, seen++) {
			const struct packet *p = &out.packets[seen], *q = &in.packets[i];

			assert_int_equal(q->len, p->len);
			assert_memory_equal(q->data, p->data, p->len);
			assert_int_equal(q->via.remote.port, udp_port(a));
			assert_true(addr_same_ip(&q->via.local, &p->via.remote));
		}
	}
	assert_int_equal(udp_recv(b, UDP_DOOR_V4, &in), 0);
}

TEST(datagrams_of_one_length_and_way_are_one_message)
{
	put_many(45, 1452);
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_messages, 1);
	assert_int_equal(udp_stats(a)->tx_calls, 1);
	assert_int_equal(udp_stats(a)->tx_packets, 45);
	check_all_came();
	assert_int_equal(udp_stats(b)->rx_messages, 1);
	assert_int_equal(udp_stats(b)->rx_packets, 45);
}

TEST(a_shorter_one_ends_a_message_and_a_longer_one_begins_one)
{
	put_many(10, 1452);
	put_many(1, 90);
	put_many(3, 90);
	put_many(2, 91);
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_messages, 3);
	check_all_came();
}

TEST(a_message_has_no_more_datagrams_and_bytes_than_the_kernel_takes)
{
	put_many(65, 100);
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_messages, 2);
	check_all_came();
	out.count = 0;
	put_many(46, 1452); /* 45 of them are 65340 bytes */
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_messages, 4);
	assert_int_equal(udp_stats(a)->send_failed, 0);
	check_all_came();
}

TEST(equal_lengths_stay_equal_behind_a_wrapper_of_any_length)
{
	for (size_t wrapper = 0; wrapper <= 48; wrapper += 4) {
		uint64_t before = udp_stats(a)->tx_messages;

		out.count = 0;
		put_many(40, 1452);
		for (size_t i = 0; i < out.count; i++) {
			struct packet *p = &out.packets[i];

			p->data -= wrapper;
			p->len += wrapper;
			memset(p->data, 0xee, wrapper);
		}
		assert_int_equal(udp_send(a, &out), 0);
		assert_int_equal(udp_stats(a)->tx_messages - before, 1);
		check_all_came();
	}
}

TEST(other_ways_and_ttls_are_other_messages)
{
	put_many(3, 100);
	put_whole(100, at("127.0.0.2", udp_port(b)));
	put_whole(100, at("127.0.0.2", udp_port(b)))->via.local = at("127.0.0.9", 0);
	put_whole(100, at("127.0.0.2", udp_port(b)))->via.local = at("127.0.0.9", 0);
	put_whole(100, at("127.0.0.2", udp_port(b)))->ttl = 5;
	put_many(1, 0);
	put_many(1, 0);
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_messages, 6);
	check_all_came();
}

TEST(any_mixture_comes_whole_and_in_order)
{
	struct rand dice = rand_seeded(7);

	for (int round = 0; round < 300; round++) {
		size_t len = 1 + rand_below(&dice, EACH_MAX), count = rand_below(&dice, 100);

		out.count = 0;
		for (size_t i = 0; i < count; i++) {
			if (rand_below(&dice, 8) == 0)
				len = 1 + rand_below(&dice, EACH_MAX);
			put_whole(len, at(rand_below(&dice, 10) ? "127.0.0.1" : "127.0.0.2",
					  udp_port(b)));
		}
		assert_int_equal(udp_send(a, &out), 0);
		check_all_came();
	}
}

/* The kernel refuses each message of several datagrams, and takes the datagrams. */
static void check_apart(int err, bool for_good)
{
	uint64_t apart = udp_stats(a)->tx_apart, messages = udp_stats(a)->tx_messages;

	out.count = 0;
	put_many(5, 100);
	put_many(7, 300);
	host.cut_err = err;
	assert_int_equal(udp_send(a, &out), 0);
	check_all_came();
	assert_int_equal(udp_stats(a)->tx_apart - apart, 2);
	assert_int_equal(udp_stats(a)->tx_messages - messages, 12);
	host.cut_err = 0;
	assert_int_equal(udp_send(a, &out), 0);
	check_all_came();
	assert_int_equal(udp_stats(a)->tx_apart - apart, 2);

	messages = udp_stats(a)->tx_messages;
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_messages - messages, for_good ? 12 : 2);
	check_all_came();
}

TEST(f57_a_message_the_kernel_does_not_cut_leaves_datagram_by_datagram)
{
	check_apart(EMSGSIZE, false);
	check_apart(EINVAL, false);
	check_apart(EIO, true);
}

TEST(f56_a_full_queue_costs_the_rest_of_the_batch_and_no_more)
{
	static const int full[] = {EAGAIN, ENOBUFS, ENOMEM};

	for (size_t i = 0; i < 3; i++) {
		out.count = 0;
		put_many(10, 100);
		put_many(10, 200);
		put_many(10, 300);
		host.send_err[10] = full[i];
		uint64_t calls = udp_stats(a)->tx_calls;
		assert_int_equal(udp_send(a, &out), 20);
		assert_int_equal(udp_stats(a)->tx_calls - calls, 2);
		host.send_err[10] = 0;
		out.count = 10;
		check_all_came();
		assert_int_equal(udp_send(a, &out), 0); /* and goes on at once */
		check_all_came();
	}
	assert_int_equal(host.pauses, 0);
}

TEST(a_queue_that_fills_while_datagrams_leave_one_by_one_is_left_alone)
{
	put_many(10, 100);
	host.cut_err = EMSGSIZE;
	host.send_err[4] = EAGAIN;
	assert_int_equal(udp_send(a, &out), 6);
	assert_int_equal(udp_stats(a)->tx_messages, 4);
	out.count = 4;
	check_all_came();
}

TEST(a_local_address_that_is_gone_is_left_to_the_host_in_all_its_messages)
{
	put_many(60, 100);
	put_many(20, 200);
	for (size_t i = 0; i < out.count; i++)
		out.packets[i].via.local = at("192.0.2.77", 0);
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(host.pinned_err_calls, 1);
	assert_int_equal(udp_stats(a)->tx_apart, 0);
	check_all_came();
}

TEST(what_the_kernel_says_of_lengths_is_checked)
{
	static const struct {
		int said;
		size_t count; /* of datagrams made of 1000 bytes */
	} lies[] = {{0, 1},   {-1, 1},  {INT32_MIN, 1}, {1000, 1}, {1001, 1}, {INT32_MAX, 1},
		    {999, 2}, {500, 2}, {16, 63},       {15, 0},   {1, 0}};

	host.recv_lies = true;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		uint64_t refused = udp_stats(b)->truncated;

		out.count = 0;
		put_many(2, 500);
		assert_int_equal(udp_send(a, &out), 0);
		host.recv_lie = lies[i].said;
		assert_int_equal(recv_at(b, UDP_DOOR_V4), lies[i].count);
		assert_int_equal(udp_stats(b)->truncated - refused, lies[i].count == 0);
		size_t sum = 0;
		for (size_t k = 0; k < in.count; k++)
			sum += in.packets[k].len;
		assert_int_equal(sum, lies[i].count > 0 ? 1000 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_DOORS(datagrams_of_one_length_and_way_are_one_message),
		RUN_WITH_DOORS(a_shorter_one_ends_a_message_and_a_longer_one_begins_one),
		RUN_WITH_DOORS(a_message_has_no_more_datagrams_and_bytes_than_the_kernel_takes),
		RUN_WITH_DOORS(equal_lengths_stay_equal_behind_a_wrapper_of_any_length),
		RUN_WITH_DOORS(other_ways_and_ttls_are_other_messages),
		RUN_WITH_DOORS(any_mixture_comes_whole_and_in_order),
		RUN_WITH_DOORS(f57_a_message_the_kernel_does_not_cut_leaves_datagram_by_datagram),
		RUN_WITH_DOORS(f56_a_full_queue_costs_the_rest_of_the_batch_and_no_more),
		RUN_WITH_DOORS(a_queue_that_fills_while_datagrams_leave_one_by_one_is_left_alone),
		RUN_WITH_DOORS(
			a_local_address_that_is_gone_is_left_to_the_host_in_all_its_messages),
		RUN_WITH_DOORS(what_the_kernel_says_of_lengths_is_checked),
	};

	return RUN_TESTS(tests);
}
