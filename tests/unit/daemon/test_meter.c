#include "meter.h"

#include "support/test.h"

static const struct udp_stats doors = {
	.rx_packets = 1,
	.rx_messages = 2,
	.rx_calls = 3,
	.tx_packets = 4,
	.tx_messages = 5,
	.tx_calls = 6,
	.tx_apart = 7,
};

TEST(each_edge_is_two_stages)
{
	const struct tun_stats tun = {
		.rx_packets = 8,
		.rx_reads = 9,
		.rx_calls = 10,
		.tx_packets = 11,
		.tx_writes = 12,
		.tx_calls = 13,
		.rx_supers = 14,
		.tx_joined = 15,
	};
	struct stages s, kept = {0};

	stages_note_batch(&kept, STAGE_TUN_READ, 5);
	meter_read(&s, &kept, &tun, &doors);
	assert_int_equal(s.stage[STAGE_UDP_RECEIVE].packets, 1);
	assert_int_equal(s.stage[STAGE_UDP_RECEIVE].messages, 2);
	assert_int_equal(s.stage[STAGE_UDP_RECEIVE].calls, 3);
	assert_int_equal(s.stage[STAGE_UDP_SEND].packets, 4);
	assert_int_equal(s.stage[STAGE_UDP_SEND].messages, 5);
	assert_int_equal(s.stage[STAGE_UDP_SEND].calls, 6);
	assert_int_equal(s.udp_apart, 7);
	assert_int_equal(s.stage[STAGE_TUN_READ].packets, 8);
	assert_int_equal(s.stage[STAGE_TUN_READ].messages, 9);
	assert_int_equal(s.stage[STAGE_TUN_READ].calls, 10);
	assert_int_equal(s.stage[STAGE_TUN_WRITE].packets, 11);
	assert_int_equal(s.stage[STAGE_TUN_WRITE].messages, 12);
	assert_int_equal(s.stage[STAGE_TUN_WRITE].calls, 13);
	assert_int_equal(s.tun_super, 14);
	assert_int_equal(s.tun_joined, 15);
	assert_int_equal(s.stage[STAGE_TUN_READ].batched, 5);
}

TEST(doors_that_were_closed_go_on_counting)
{
	const struct tun_stats tun = {0};
	struct stages s, kept = {0};

	meter_add_doors(&kept, &doors);
	meter_add_doors(&kept, &doors);
	meter_read(&s, &kept, &tun, &doors);
	assert_int_equal(s.stage[STAGE_UDP_RECEIVE].packets, 3);
	assert_int_equal(s.stage[STAGE_UDP_SEND].calls, 18);
	assert_int_equal(s.udp_apart, 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(each_edge_is_two_stages),
		RUN(doors_that_were_closed_go_on_counting),
	};
	return RUN_TESTS(tests);
}
