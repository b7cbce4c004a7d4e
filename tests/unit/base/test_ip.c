/* The look into an inner packet: every length too short, and length fields that lie. */
#include "base/ip.h"
#include "support/test.h"

static void make_v4(uint8_t p[static 64], uint8_t header_words, uint16_t total)
{
	memset(p, 0, 64);
	p[0] = (uint8_t)(0x40 | header_words);
	store_be16(p + 2, total);
	memcpy(p + 12, (const uint8_t[]){10, 66, 0, 1, 10, 66, 0, 2}, 8);
}

static void make_v6(uint8_t p[static 64], uint16_t payload)
{
	memset(p, 0, 64);
	p[0] = 0x60;
	store_be16(p + 4, payload);
}

TEST(sees_an_ipv4_packet_and_its_padding)
{
	uint8_t p[64];
	struct ip_view v;

	make_v4(p, 5, 40);
	assert_true(ip_view(&v, p, 64));
	assert_int_equal(v.family, ADDR_V4);
	assert_ptr_equal(v.src, p + 12);
	assert_ptr_equal(v.dst, p + 16);
	assert_int_equal(v.len, 40);
	assert_true(ip_view(&v, p, 40));
}

TEST(sees_an_ipv6_packet_and_its_padding)
{
	uint8_t p[64];
	struct ip_view v;

	make_v6(p, 8);
	assert_true(ip_view(&v, p, 64));
	assert_int_equal(v.family, ADDR_V6);
	assert_ptr_equal(v.src, p + 8);
	assert_ptr_equal(v.dst, p + 24);
	assert_int_equal(v.len, 48);
	make_v6(p, 0);
	assert_true(ip_view(&v, p, 40));
}

TEST(refuses_less_than_a_packet)
{
	uint8_t p[64];
	struct ip_view v;

	make_v4(p, 5, 30);
	for (size_t len = 0; len < 30; len++)
		assert_false(ip_view(&v, p, len));
	make_v6(p, 4);
	for (size_t len = 0; len < 44; len++)
		assert_false(ip_view(&v, p, len));
}

TEST(refuses_lengths_that_contradict_each_other)
{
	uint8_t p[64];
	struct ip_view v;

	for (uint8_t words = 0; words < 5; words++) {
		make_v4(p, words, 40);
		assert_false(ip_view(&v, p, 64));
	}
	make_v4(p, 5, 19);
	assert_false(ip_view(&v, p, 64));
	make_v4(p, 15, 59);
	assert_false(ip_view(&v, p, 64));
	make_v4(p, 15, 60);
	assert_true(ip_view(&v, p, 64));
	make_v4(p, 5, 65);
	assert_false(ip_view(&v, p, 64));
	make_v6(p, 65535);
	assert_false(ip_view(&v, p, 64));
}

TEST(refuses_all_other_versions)
{
	uint8_t p[64];
	struct ip_view v;

	for (unsigned version = 0; version < 16; version++) {
		make_v4(p, 5, 40);
		p[0] = (uint8_t)(version << 4 | 5);
		assert_int_equal(ip_view(&v, p, 64), version == 4 || version == 6);
	}
}

static bool udp(struct ip_udp *u, uint8_t *p)
{
	struct ip_view v = {0};

	assert_true(ip_view(&v, p, 64));
	return ip_udp(u, &v, p);
}

TEST(sees_udp_ports_of_a_first_fragment)
{
	uint8_t p[64];
	struct ip_udp u;

	make_v4(p, 6, 40);
	p[9] = IP_PROTOCOL_UDP;
	store_be16(p + 24, 51820);
	store_be16(p + 26, 53);
	assert_true(udp(&u, p));
	assert_true(u.first);
	assert_int_equal(u.src_port, 51820);
	assert_int_equal(u.dst_port, 53);
	store_be16(p + 6, 0x2000); /* more follow */
	assert_true(udp(&u, p) && u.first);
	store_be16(p + 6, 0x2001);
	assert_true(udp(&u, p) && !u.first);

	make_v6(p, 20);
	p[6] = IP_PROTOCOL_UDP;
	store_be16(p + 40, 51820);
	assert_true(udp(&u, p) && u.first);
	assert_int_equal(u.src_port, 51820);
	p[6] = IP_PROTOCOL_FRAGMENT;
	p[40] = IP_PROTOCOL_UDP;
	store_be16(p + 42, 1); /* more follow */
	store_be16(p + 48, 51821);
	assert_true(udp(&u, p) && u.first);
	assert_int_equal(u.src_port, 51821);
	store_be16(p + 42, 8);
	assert_true(udp(&u, p) && !u.first);
}

TEST(refuses_other_protocols_and_ports_cut_off)
{
	uint8_t p[64];
	struct ip_udp u;

	make_v4(p, 5, 40);
	p[9] = 6;
	assert_false(udp(&u, p));
	for (uint16_t len = 20; len < 24; len++) {
		make_v4(p, 5, len);
		p[9] = IP_PROTOCOL_UDP;
		assert_false(udp(&u, p));
	}
	for (uint16_t len = 0; len < 12; len++) {
		make_v6(p, len);
		p[6] = IP_PROTOCOL_FRAGMENT;
		p[40] = IP_PROTOCOL_UDP;
		assert_false(udp(&u, p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(sees_an_ipv4_packet_and_its_padding),
		RUN(sees_an_ipv6_packet_and_its_padding),
		RUN(refuses_less_than_a_packet),
		RUN(refuses_lengths_that_contradict_each_other),
		RUN(refuses_all_other_versions),
		RUN(sees_udp_ports_of_a_first_fragment),
		RUN(refuses_other_protocols_and_ports_cut_off),
	};
	return RUN_TESTS(tests);
}
