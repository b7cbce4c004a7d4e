/* Packets read and written as a NAT does it; every checksum is looked at the slow way. */
#include "lab/translate.h"

#include "base/bytes.h"
#include "support/ipmake.h"
#include "support/test.h"

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse_ip(&a, text));
	return a;
}

#define INSIDE  at("192.168.1.2:51820")
#define PUBLIC  at("203.0.113.1:40001")
#define REMOTE  at("198.51.100.7:3478")
#define INSIDE6 at("[2001:db8:1::2]:51820")
#define REMOTE6 at("[2001:db8:f::7]:3478")

typedef size_t maker(uint8_t *, const struct addr *, const struct addr *, size_t);

static const char *ends(const struct translate *t)
{
	static char text[2 * ADDR_TEXT_MAX + 4];
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];

	snprintf(text, sizeof text, "%s > %s", addr_print(&t->own.src, src),
		 addr_print(&t->own.dst, dst));
	return text;
}

static struct translate read_all(uint8_t *packet, size_t len)
{
	struct translate t;

	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_OK);
	assert_int_equal(t.len, len);
	return t;
}

static void is_right(const uint8_t *packet, size_t len)
{
	const char *fault = ipmake_fault(packet, len);

	if (fault != NULL)
		fail_msg("%s", fault);
}

TEST(reads_the_ends_of_udp_and_tcp)
{
	maker *const makers[] = {ipmake_udp, ipmake_tcp};
	uint8_t packet[IPMAKE_MAX];

	for (size_t i = 0; i < 2; i++) {
		struct addr src = INSIDE, dst = REMOTE, src6 = INSIDE6, dst6 = REMOTE6;

		size_t len = makers[i](packet, &src, &dst, 100);
		struct translate t = read_all(packet, len);

		assert_int_equal(t.kind, TRANSLATE_FLOW);
		assert_int_equal(t.ttl, IPMAKE_TTL);
		assert_string_equal(ends(&t), "192.168.1.2:51820 > 198.51.100.7:3478");
		assert_int_equal(t.own.protocol, i == 0 ? TRANSLATE_UDP : TRANSLATE_TCP);

		len = makers[i](packet, &src6, &dst6, 100);
		t = read_all(packet, len);
		assert_string_equal(ends(&t), "[2001:db8:1::2]:51820 > [2001:db8:f::7]:3478");
	}
}

TEST(the_identifier_of_an_echo_is_the_port_of_who_asks)
{
	uint8_t packet[IPMAKE_MAX];
	struct addr asks = at("192.168.1.2:77"), answers = ip("198.51.100.7");

	struct translate t = read_all(packet, ipmake_echo(packet, &asks, &answers, 56));
	assert_true(t.is_echo_request);
	assert_string_equal(ends(&t), "192.168.1.2:77 > 198.51.100.7:0");

	t = read_all(packet, ipmake_echo(packet, &answers, &asks, 56));
	assert_false(t.is_echo_request);
	assert_string_equal(ends(&t), "198.51.100.7:0 > 192.168.1.2:77");

	asks = INSIDE6;
	answers = ip("2001:db8:f::7");
	t = read_all(packet, ipmake_echo(packet, &asks, &answers, 56));
	assert_true(t.is_echo_request);
	assert_int_equal(t.own.src.port, 51820);
}

/* Out and back again: right in between, and the same bytes at the end. */
static void goes_there_and_back(maker *make, const struct addr *src, const struct addr *dst,
				const struct addr *new_src, const struct addr *new_dst,
				size_t payload)
{
	uint8_t packet[IPMAKE_MAX], before[IPMAKE_MAX], expected[IPMAKE_MAX];
	size_t len = make(packet, src, dst, payload);

	memcpy(before, packet, len);
	struct translate t = read_all(packet, len);
	translate_write(&t, new_src, new_dst);
	is_right(packet, len);
	assert_int_equal(make(expected, new_src, new_dst, payload), len);
	assert_memory_equal(packet, expected, len);

	t = read_all(packet, len);
	assert_true(addr_equal(&t.own.src, new_src) && addr_equal(&t.own.dst, new_dst));
	translate_write(&t, src, dst);
	assert_memory_equal(packet, before, len);
}

TEST(writes_other_ends_and_keeps_every_checksum_right)
{
	struct addr inside = INSIDE, public = PUBLIC, remote = REMOTE;
	struct addr asks = at("192.168.1.2:77"), shown = at("203.0.113.1:9000"),
		    answers = ip("198.51.100.7");

	for (size_t payload = 0; payload < 70; payload++) {
		goes_there_and_back(ipmake_udp, &inside, &remote, &public, &remote, payload);
		goes_there_and_back(ipmake_udp, &remote, &public, &remote, &inside, payload);
		goes_there_and_back(ipmake_udp, &inside, &public, &public, &inside, payload);
		goes_there_and_back(ipmake_tcp, &inside, &remote, &public, &remote, payload);
		goes_there_and_back(ipmake_tcp, &remote, &public, &remote, &inside, payload);
		goes_there_and_back(ipmake_echo, &asks, &answers, &shown, &answers, payload);
		goes_there_and_back(ipmake_echo, &answers, &shown, &answers, &asks, payload);
	}
}

TEST(a_checksum_of_zero_is_never_made_nor_taken_away)
{
	uint8_t packet[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE, to = PUBLIC;
	size_t len = ipmake_udp(packet, &src, &dst, 20), ones = 0;

	store_be16(packet + 26, 0);
	struct translate t = read_all(packet, len);
	translate_write(&t, &to, &dst);
	assert_int_equal(load_be16(packet + 26), 0);

	/* Among all ports one makes the sum 0, which is written as 0xffff. */
	for (uint32_t port = 1; port < 65536; port++) {
		len = ipmake_udp(packet, &src, &dst, 20);
		t = read_all(packet, len);
		to.port = (uint16_t)port;
		translate_write(&t, &to, &dst);
		assert_int_not_equal(load_be16(packet + 26), 0);
		ones += load_be16(packet + 26) == 0xffff;
		is_right(packet, len);
	}
	assert_int_equal(ones, 1);
}

TEST(what_was_corrupt_stays_corrupt)
{
	maker *const makers[] = {ipmake_udp, ipmake_tcp, ipmake_echo};
	uint8_t packet[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE, to = PUBLIC;

	for (size_t i = 0; i < 3; i++) {
		dst.port = i == 2 ? 0 : 3478;
		size_t len = makers[i](packet, &src, &dst, 100);
		packet[len - 3] ^= 0x10;
		struct translate t = read_all(packet, len);
		translate_write(&t, &to, &dst);
		translate_hop(&t);
		assert_string_equal(ipmake_fault(packet, len), "checksum of the transport");
	}
}

TEST(a_hop_costs_one_and_the_header_stays_right)
{
	uint8_t packet[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE, src6 = INSIDE6, dst6 = REMOTE6;
	size_t len = ipmake_udp(packet, &src, &dst, 9);
	struct translate t = read_all(packet, len);

	for (int ttl = IPMAKE_TTL; ttl-- > 0;) {
		translate_hop(&t);
		assert_int_equal(packet[8], ttl);
		is_right(packet, len);
	}
	len = ipmake_udp(packet, &src6, &dst6, 9);
	t = read_all(packet, len);
	translate_hop(&t);
	assert_int_equal(packet[7], IPMAKE_TTL - 1);
	is_right(packet, len);
}

TEST(options_of_an_ipv4_header_are_skipped)
{
	uint8_t packet[IPMAKE_MAX], plain[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE, to = PUBLIC;
	size_t len = ipmake_udp(plain, &src, &dst, 40);

	memcpy(packet, plain, 20);
	memset(packet + 20, 1, 8); /* no operation */
	memcpy(packet + 28, plain + 20, len - 20);
	len += 8;
	packet[0] = 0x47;
	store_be16(packet + 2, (uint16_t)len);
	ipmake_set_ttl(packet, 64);
	struct translate t = read_all(packet, len);
	assert_string_equal(ends(&t), "192.168.1.2:51820 > 198.51.100.7:3478");
	translate_write(&t, &to, &dst);
	is_right(packet, len);
}

TEST(bytes_behind_the_packet_are_not_its_own)
{
	uint8_t packet[IPMAKE_MAX] = {0};
	struct addr src = INSIDE, dst = REMOTE;
	size_t len = ipmake_udp(packet, &src, &dst, 5);
	struct translate t;

	assert_int_equal(translate_read(&t, packet, 60), TRANSLATE_OK);
	assert_int_equal(t.len, len);
}

/* --- ICMP errors ---------------------------------------------------------------------------------------------------- */

TEST(an_error_that_comes_in_finds_whom_it_is_about)
{
	maker *const makers[] = {ipmake_udp, ipmake_tcp, ipmake_echo};
	const size_t lens[] = {8, 20, 90, 128}; /* bytes quoted behind the inner header */
	uint8_t packet[IPMAKE_MAX], quoted[IPMAKE_MAX];
	struct addr router = ip("198.51.100.1"), public = PUBLIC, inside = INSIDE,
		    host = ip("192.168.1.2");

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 4; k++) {
			struct addr remote = REMOTE, to = ip("203.0.113.1");
			remote.port = i == 2 ? 0 : remote.port;
			size_t quoted_len = makers[i](quoted, &public, &remote, 120);
			quoted_len = quoted_len < 20 + lens[k] ? quoted_len : 20 + lens[k];
			size_t len = ipmake_error(packet, &router, &to, quoted, quoted_len);

			struct translate t = read_all(packet, len);
			assert_int_equal(t.kind, TRANSLATE_ERROR);
			assert_true(addr_equal(&t.quoted.src, &public));
			assert_true(addr_equal(&t.quoted.dst, &remote));
			translate_write_quoted(&t, &inside, &remote);
			translate_write(&t, &router, &host);
			is_right(packet, len);

			t = read_all(packet, len);
			assert_true(addr_equal(&t.quoted.src, &inside));
			assert_true(addr_same_ip(&t.own.dst, &host));
			assert_true(addr_same_ip(&t.own.src, &router));
		}
}

TEST(a_quoted_packet_without_its_checksum_is_enough)
{
	uint8_t packet[IPMAKE_MAX], quoted[IPMAKE_MAX];
	struct addr router = ip("198.51.100.1"), public = PUBLIC, remote = REMOTE, inside = INSIDE;
	struct addr to = ip("203.0.113.1");

	/* Eight bytes of TCP: no checksum among them, and nothing behind may be touched. */
	ipmake_tcp(quoted, &public, &remote, 50);
	size_t len = ipmake_error(packet, &router, &to, quoted, 28);
	memset(packet + len, 0xaa, 16);
	struct translate t = read_all(packet, len);
	translate_write_quoted(&t, &inside, &remote);
	is_right(packet, len);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(packet[len + i], 0xaa);
}

TEST(an_error_is_refused_that_quotes_too_little_or_what_has_no_ports)
{
	uint8_t packet[IPMAKE_MAX], quoted[IPMAKE_MAX], error[IPMAKE_MAX];
	struct addr router = ip("198.51.100.1"), public = PUBLIC, remote = REMOTE,
		    to = ip("203.0.113.1");
	size_t quoted_len = ipmake_udp(quoted, &public, &remote, 20);
	struct translate t;

	for (size_t n = 0; n < 28; n++) {
		size_t len = ipmake_error(packet, &router, &to, quoted, n);
		assert_int_equal(translate_read(&t, packet, len), TRANSLATE_SHORT);
	}
	/* Of options that are not there. */
	for (uint8_t words = 6; words < 16; words++) {
		size_t len = ipmake_error(packet, &router, &to, quoted, 28);
		packet[28] = 0x40 | words;
		enum translate_result result = translate_read(&t, packet, len);
		assert_int_equal(result, TRANSLATE_SHORT);
	}
	/* A later fragment, another protocol, an error about an error. */
	ipmake_set_fragment(quoted, 100, 1);
	size_t len = ipmake_error(packet, &router, &to, quoted, quoted_len);
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);

	quoted_len = ipmake_udp(quoted, &public, &remote, 20);
	quoted[9] = 47;
	len = ipmake_error(packet, &router, &to, quoted, quoted_len);
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);

	len = ipmake_error(error, &router, &to, quoted, quoted_len);
	len = ipmake_error(packet, &router, &to, error, len);
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);
}

/* --- fragments ------------------------------------------------------------------------------------------------------ */

TEST(a_later_fragment_has_no_ports_and_gets_other_addresses_only)
{
	uint8_t packet[IPMAKE_MAX], before[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE, to = ip("203.0.113.1"), dst_ip = ip("198.51.100.7");
	size_t len = ipmake_udp(packet, &src, &dst, 64);

	ipmake_set_fragment(packet, 0x2000, 4711);
	struct translate t = read_all(packet, len);
	assert_int_equal(t.kind, TRANSLATE_FLOW);
	assert_true(t.is_fragment);
	assert_int_equal(t.fragment_id, 4711);
	assert_int_equal(t.own.src.port, 51820);

	ipmake_set_fragment(packet, 0x2010, 4711);
	t = read_all(packet, len);
	assert_int_equal(t.kind, TRANSLATE_LATER);
	assert_string_equal(ends(&t), "192.168.1.2:0 > 198.51.100.7:0");
	memcpy(before, packet, len);
	translate_write(&t, &to, &dst_ip);
	is_right(packet, len);
	assert_memory_equal(packet + 20, before + 20, len - 20);
}

TEST(fragments_of_ipv6_are_known_by_their_header)
{
	uint8_t whole[IPMAKE_MAX], packet[IPMAKE_MAX];
	struct addr src = INSIDE6, dst = REMOTE6;
	size_t len = ipmake_udp(whole, &src, &dst, 64) + 8;
	struct translate t;

	memcpy(packet, whole, 40);
	memcpy(packet + 48, whole + 40, len - 48);
	packet[6] = 44;
	memset(packet + 40, 0, 8);
	packet[40] = 17;
	store_be16(packet + 4, (uint16_t)(len - 40));
	store_be16(packet + 42, 1); /* offset 0, more */
	store_be32(packet + 44, 0x12345678);
	t = read_all(packet, len);
	assert_int_equal(t.kind, TRANSLATE_FLOW);
	assert_true(t.is_fragment);
	assert_int_equal(t.fragment_id, 0x12345678);
	assert_int_equal(t.own.src.port, 51820);

	store_be16(packet + 42, 8 << 3);
	t = read_all(packet, len);
	assert_int_equal(t.kind, TRANSLATE_LATER);

	for (size_t n = 40; n < 48; n++) {
		store_be16(packet + 4, (uint16_t)(n - 40));
		assert_int_equal(translate_read(&t, packet, n), TRANSLATE_SHORT);
	}
}

/* --- what is refused ------------------------------------------------------------------------------------------------ */

TEST(refuses_a_packet_that_was_cut_anywhere)
{
	maker *const makers[] = {ipmake_udp, ipmake_tcp, ipmake_echo};
	struct addr src4 = INSIDE, src6 = INSIDE6, dst4 = REMOTE, dst6 = REMOTE6;
	struct translate t;

	for (size_t i = 0; i < 6; i++) {
		uint8_t packet[IPMAKE_MAX];
		size_t len =
			makers[i / 2](packet, i % 2 ? &src6 : &src4, i % 2 ? &dst6 : &dst4, 30);

		for (size_t n = 0; n < len; n++) {
			uint8_t *cut = malloc(n + 1); /* of its size, for the sanitizer */
			memcpy(cut, packet, n);
			assert_int_equal(translate_read(&t, cut, n), TRANSLATE_SHORT);
			free(cut);
		}
	}
}

TEST(refuses_transports_shorter_than_their_headers)
{
	uint8_t packet[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE;
	struct translate t;

	ipmake_tcp(packet, &src, &dst, 0);
	for (size_t n = 20; n < 40; n++) {
		store_be16(packet + 2, (uint16_t)n);
		ipmake_set_ttl(packet, 9);
		assert_int_equal(translate_read(&t, packet, n), TRANSLATE_SHORT);
	}
	ipmake_udp(packet, &src, &dst, 0);
	for (size_t n = 20; n < 28; n++) {
		store_be16(packet + 2, (uint16_t)n);
		ipmake_set_ttl(packet, 9);
		assert_int_equal(translate_read(&t, packet, n), TRANSLATE_SHORT);
	}
}

TEST(refuses_lying_lengths_wrong_sums_and_other_protocols)
{
	uint8_t packet[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE, src6 = INSIDE6, dst6 = REMOTE6;
	size_t len = ipmake_udp(packet, &src, &dst, 30);
	struct translate t;

	packet[12] ^= 1;
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_CORRUPT);
	packet[12] ^= 1;
	packet[0] = 0x44; /* a header of 16 bytes */
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_SHORT);
	packet[0] = 0x55;
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_SHORT);
	packet[0] = 0x45;
	store_be16(packet + 2, 19);
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_SHORT);
	store_be16(packet + 2, (uint16_t)len);

	const uint8_t protocols[] = {0, 2, 47, 50, 58, 132};
	for (size_t i = 0; i < sizeof protocols; i++) {
		packet[9] = protocols[i];
		ipmake_set_ttl(packet, 64);
		assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);
	}
	/* Redirects and what neighbours say to each other. */
	src.port = 0;
	len = ipmake_echo(packet, &src, &dst, 30);
	packet[20] = 5;
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);
	packet[20] = 128; /* a ping of IPv6 in IPv4, and the other way */
	packet[9] = 58;
	ipmake_set_ttl(packet, 64);
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);
	len = ipmake_echo(packet, &src6, &dst6, 30);
	packet[6] = 1;
	packet[40] = 8;
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);
	len = ipmake_echo(packet, &src6, &dst6, 30);
	packet[40] = 135;
	assert_int_equal(translate_read(&t, packet, len), TRANSLATE_ALIEN);
}

/* --- packets of the router ------------------------------------------------------------------------------------------ */

static void tells(const char *src_text, const char *dst_text, const char *from_text, size_t payload,
		  size_t expected_len)
{
	uint8_t packet[IPMAKE_MAX], before[IPMAKE_MAX];
	struct addr src = at(src_text), dst = at(dst_text), from = ip(from_text);
	bool is_v4 = src.family == ADDR_V4;
	size_t header = is_v4 ? 20 : 40;

	for (int kind = 0; kind < 2; kind++) {
		size_t len = ipmake_udp(packet, &src, &dst, payload);
		memcpy(before, packet, len);
		struct translate t = read_all(packet, len);
		len = kind == 0 ? translate_time_exceeded(&t, sizeof packet, &from)
				: translate_unreachable(&t, sizeof packet, &from);

		assert_int_equal(len, expected_len);
		is_right(packet, len);
		assert_memory_equal(packet + header + 8, before, len - header - 8);
		assert_int_equal(packet[header],
				 is_v4 ? (kind == 0 ? 11 : 3) : (kind == 0 ? 3 : 1));
		assert_int_equal(packet[header + 1], kind == 0 ? 0 : is_v4 ? 3 : 4);
		t = read_all(packet, len);
		assert_true(addr_equal(&t.own.src, &from) && addr_same_ip(&t.own.dst, &src));
		assert_true(addr_equal(&t.quoted.src, &src) && addr_equal(&t.quoted.dst, &dst));
	}
}

TEST(tells_the_sender_and_quotes_its_packet)
{
	tells("192.168.1.2:51820", "198.51.100.7:3478", "192.168.1.1", 20, 28 + 48);
	tells("192.168.1.2:51820", "198.51.100.7:3478", "192.168.1.1", 1400, 576);
	tells("[2001:db8:1::2]:51820", "[2001:db8:f::7]:3478", "2001:db8:1::1", 20, 48 + 68);
	tells("[2001:db8:1::2]:51820", "[2001:db8:f::7]:3478", "2001:db8:1::1", 1400,
	      TRANSLATE_ERROR_MAX);
}

TEST(says_nothing_about_an_error_a_later_fragment_or_without_an_address)
{
	uint8_t packet[IPMAKE_MAX], quoted[IPMAKE_MAX];
	struct addr src = INSIDE, dst = REMOTE, from = ip("192.168.1.1"), from6 = ip("2001:db8::1"),
		    none = {0};
	size_t len = ipmake_udp(quoted, &src, &dst, 30);
	struct translate t = read_all(quoted, len);

	assert_int_equal(translate_time_exceeded(&t, sizeof quoted, &none), 0);
	assert_int_equal(translate_time_exceeded(&t, sizeof quoted, &from6), 0);
	assert_int_equal(translate_time_exceeded(&t, len + 27, &from), 0);

	t = read_all(packet, ipmake_error(packet, &src, &dst, quoted, len));
	assert_int_equal(translate_time_exceeded(&t, sizeof packet, &from), 0);
	assert_int_equal(translate_unreachable(&t, sizeof packet, &from), 0);

	ipmake_set_fragment(quoted, 9, 1);
	t = read_all(quoted, len);
	assert_int_equal(translate_time_exceeded(&t, sizeof quoted, &from), 0);
}

TEST(answers_a_ping)
{
	const char *const pings[][2] = {{"192.168.1.2:77", "192.168.1.1"},
					{"[2001:db8:1::2]:77", "2001:db8:1::1"}};
	uint8_t packet[IPMAKE_MAX], expected[IPMAKE_MAX];

	for (size_t i = 0; i < 2; i++) {
		struct addr asks = at(pings[i][0]), answers = ip(pings[i][1]);
		size_t len = ipmake_echo(packet, &asks, &answers, 56);
		struct translate t = read_all(packet, len);

		translate_answer(&t);
		assert_int_equal(ipmake_echo(expected, &answers, &asks, 56), len);
		assert_memory_equal(packet, expected, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(reads_the_ends_of_udp_and_tcp),
		RUN(the_identifier_of_an_echo_is_the_port_of_who_asks),
		RUN(writes_other_ends_and_keeps_every_checksum_right),
		RUN(a_checksum_of_zero_is_never_made_nor_taken_away),
		RUN(what_was_corrupt_stays_corrupt),
		RUN(a_hop_costs_one_and_the_header_stays_right),
		RUN(options_of_an_ipv4_header_are_skipped),
		RUN(bytes_behind_the_packet_are_not_its_own),
		RUN(an_error_that_comes_in_finds_whom_it_is_about),
		RUN(a_quoted_packet_without_its_checksum_is_enough),
		RUN(an_error_is_refused_that_quotes_too_little_or_what_has_no_ports),
		RUN(a_later_fragment_has_no_ports_and_gets_other_addresses_only),
		RUN(fragments_of_ipv6_are_known_by_their_header),
		RUN(refuses_a_packet_that_was_cut_anywhere),
		RUN(refuses_transports_shorter_than_their_headers),
		RUN(refuses_lying_lengths_wrong_sums_and_other_protocols),
		RUN(tells_the_sender_and_quotes_its_packet),
		RUN(says_nothing_about_an_error_a_later_fragment_or_without_an_address),
		RUN(answers_a_ping),
	};
	return RUN_TESTS(tests);
}
