/* Addresses: what is read and refused, canonical form, and the one classification. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/addr.h"
#include "base/rand.h"
#include "support/test.h"

/* By inet_pton alone, so that disguises stay as they are written. */
static struct addr raw(const char *text)
{
	struct addr a = {.family = strchr(text, ':') != NULL ? ADDR_V6 : ADDR_V4};

	assert_int_equal(inet_pton(a.family == ADDR_V6 ? AF_INET6 : AF_INET, text, a.ip), 1);
	return a;
}

static void assert_class(const char *text, enum addr_class want)
{
	struct addr a = raw(text);
	enum addr_class got = addr_class(&a);

	if (got != want)
		fail_msg("%s: class %d, not %d", text, got, want);
}

/* Every spelling of an address that no stranger may make us send to (reliability 5.1, rows 01 to
 * 05). */
static const struct {
	const char *text;
	enum addr_class class;
} spellings[] = {
	{"0.0.0.0", ADDR_CLASS_UNSPECIFIED},
	{"0.1.2.3", ADDR_CLASS_UNSPECIFIED},
	{"0.255.255.255", ADDR_CLASS_UNSPECIFIED},
	{"127.0.0.1", ADDR_CLASS_LOOPBACK},
	{"127.255.255.254", ADDR_CLASS_LOOPBACK},
	{"169.254.169.254", ADDR_CLASS_LINK_LOCAL},
	{"224.0.0.1", ADDR_CLASS_MULTICAST},
	{"239.255.255.255", ADDR_CLASS_MULTICAST},
	{"240.0.0.1", ADDR_CLASS_BROADCAST},
	{"255.255.255.255", ADDR_CLASS_BROADCAST},
	{"10.0.0.1", ADDR_CLASS_PRIVATE},
	{"100.64.0.1", ADDR_CLASS_PRIVATE},
	{"100.127.255.255", ADDR_CLASS_PRIVATE},
	{"172.16.0.1", ADDR_CLASS_PRIVATE},
	{"172.31.255.255", ADDR_CLASS_PRIVATE},
	{"192.168.0.1", ADDR_CLASS_PRIVATE},
	{"::", ADDR_CLASS_UNSPECIFIED},
	{"::1", ADDR_CLASS_LOOPBACK},
	{"::2", ADDR_CLASS_UNSPECIFIED},
	{"0:0:0:0:0:ffff:7f00:1", ADDR_CLASS_LOOPBACK},
	{"::ffff:0.0.0.0", ADDR_CLASS_UNSPECIFIED},
	{"::ffff:127.0.0.1", ADDR_CLASS_LOOPBACK},
	{"::ffff:169.254.169.254", ADDR_CLASS_LINK_LOCAL},
	{"::ffff:10.0.0.1", ADDR_CLASS_PRIVATE},
	{"::ffff:255.255.255.255", ADDR_CLASS_BROADCAST},
	{"::ffff:0:127.0.0.1", ADDR_CLASS_LOOPBACK},
	{"::127.0.0.1", ADDR_CLASS_LOOPBACK},
	{"::169.254.169.254", ADDR_CLASS_LINK_LOCAL},
	{"::10.0.0.1", ADDR_CLASS_PRIVATE},
	{"64:ff9b::127.0.0.1", ADDR_CLASS_LOOPBACK},
	{"64:ff9b::a9fe:a9fe", ADDR_CLASS_LINK_LOCAL},
	{"64:ff9b::10.1.2.3", ADDR_CLASS_PRIVATE},
	{"64:ff9b::224.0.0.1", ADDR_CLASS_MULTICAST},
	{"64:ff9b:1::127.0.0.1", ADDR_CLASS_LOOPBACK},
	{"64:ff9b:1::198.51.100.1", ADDR_CLASS_PRIVATE},
	{"2002:7f00:1::", ADDR_CLASS_LOOPBACK},
	{"2002:a9fe:a9fe::1", ADDR_CLASS_LINK_LOCAL},
	{"2002:c0a8:1::1", ADDR_CLASS_PRIVATE},
	{"2002::1", ADDR_CLASS_UNSPECIFIED},
	{"2001:0:cb00:7101::80ff:fffe", ADDR_CLASS_LOOPBACK},    /* client 127.0.0.1 */
	{"2001:0:cb00:7101::f5ff:fffe", ADDR_CLASS_PRIVATE},     /* client 10.0.0.1 */
	{"2001:0:7f00:1::39cc:9bfe", ADDR_CLASS_LOOPBACK},       /* server 127.0.0.1 */
	{"2001:0:cb00:7101::ffff:ffff", ADDR_CLASS_UNSPECIFIED}, /* client 0.0.0.0 */
	{"fe80::1", ADDR_CLASS_LINK_LOCAL},
	{"febf:ffff::1", ADDR_CLASS_LINK_LOCAL},
	{"fec0::1", ADDR_CLASS_PRIVATE},
	{"feff::1", ADDR_CLASS_PRIVATE},
	{"fc00::1", ADDR_CLASS_PRIVATE},
	{"fdff:ffff::1", ADDR_CLASS_PRIVATE},
	{"ff02::1", ADDR_CLASS_MULTICAST},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_CLASS_MULTICAST},
};

/* The first and last neighbours outside of each range. */
static const char *const globals[] = {
	"1.0.0.0",
	"9.255.255.255",
	"11.0.0.0",
	"100.63.255.255",
	"100.128.0.0",
	"126.255.255.255",
	"128.0.0.0",
	"169.253.255.255",
	"169.255.0.0",
	"172.15.255.255",
	"172.32.0.0",
	"192.167.255.255",
	"192.169.0.0",
	"223.255.255.255",
	"192.0.2.1",
	"198.51.100.1",
	"203.0.113.1",
	"2001:db8::1",
	"2000::1",
	"2003::",
	"2001:1::",
	"2001:ffff::",
	"fbff::1",
	"fe00::1",
	"fe7f:ffff::1",
	"::1:0:0:1",
	"::fffe:7f00:1",
	"64:ff9a::7f00:1",
	"64:ff9b::1:0:1",
	"64:ff9b:2::1",
	"64:ff9b::cb00:7101",
	"::203.0.113.1",
	"::ffff:203.0.113.1",
	"2002:cb00:7101::1",
	"2001:0:cb00:7101::39cc:9bfe",
};

TEST(vuln_01_vuln_05_judges_every_spelling_of_an_inner_address_alike)
{
	for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
		assert_class(spellings[i].text, spellings[i].class);
}

TEST(takes_the_neighbours_of_special_ranges_for_global)
{
	for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
		assert_class(globals[i], ADDR_CLASS_GLOBAL);
}

/* All forms that carry an IPv4 address, each for random addresses: the class is always the one
 * inside. */
TEST(vuln_03_judges_disguised_ipv4_by_the_address_inside)
{
	static const struct {
		const char *form;
		size_t at;
		uint8_t mask;
	} forms[] = {
		{"::ffff:0:0", 12, 0},
		{"::ffff:0:0:0", 12, 0},
		{"64:ff9b::", 12, 0},
		{"2002::", 2, 0},
		{"2001:0:cb00:7101::", 12, 0xff},
		{"2001:0:1:1:0:0:39cc:9bfe", 4, 0},
	};
	struct rand r = rand_seeded(5);

	for (size_t n = 0; n < 10000; n++) {
		struct addr v4 = {.family = ADDR_V4};
		rand_bytes(&r, v4.ip, 4);
		for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
			struct addr v6 = raw(forms[i].form);
			for (size_t k = 0; k < 4; k++)
				v6.ip[forms[i].at + k] = v4.ip[k] ^ forms[i].mask;
			assert_int_equal(addr_class(&v6), addr_class(&v4));
		}
	}
}

/* An IP as a number, its first bits above those that a prefix leaves open. */
static unsigned __int128 number(const uint8_t *ip, size_t len)
{
	unsigned __int128 n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | ip[i];
	return n;
}

/* Membership by bits is membership between the first and the last number of the range, for 10^6 ranges and an address near or in
 * each. */
TEST(vuln_04_membership_of_a_range_is_comparison_of_whole_numbers)
{
	struct rand r = rand_seeded(4);
	size_t inside = 0;

	for (size_t n = 0; n < 1000000; n++) {
		struct {
			uint8_t range[16], ip[16], bits, near;
		} in;
		rand_bytes(&r, &in, sizeof in);
		size_t len = n % 2 == 0 ? 4 : 16, bits = in.bits % (len * 8 + 1);
		/* Most agree in many of their first bits, or nothing would be inside. */
		size_t same = in.near % (len * 8 + 1), whole = same / 8;
		memcpy(in.ip, in.range, whole);
		if (same % 8 != 0) {
			uint8_t rest = (uint8_t)(0xff >> same % 8);
			in.ip[whole] = (uint8_t)((in.range[whole] & ~rest) | (in.ip[whole] & rest));
		}

		unsigned __int128 ip = number(in.ip, len), range = number(in.range, len);
		size_t open = len * 8 - bits;
		unsigned __int128 size = open == 128 ? 0 : (unsigned __int128)1 << open;
		unsigned __int128 first = range & ~(size - 1), last = first + (size - 1);
		bool want = ip >= first && ip <= last;
		inside += want;
		if (addr_same_bits(in.range, in.ip, bits) != want)
			fail_msg("range %zu, of /%zu", n, bits);
	}
	assert_in_range(inside, 200000, 800000);
}

TEST(judges_no_address_as_unspecified)
{
	assert_int_equal(addr_class(&(struct addr){0}), ADDR_CLASS_UNSPECIFIED);
	assert_int_equal(addr_class(&(struct addr){.family = 9, .ip = {192, 0, 2, 1}}),
			 ADDR_CLASS_UNSPECIFIED);
}

TEST(vuln_02_vuln_39_turns_mapped_ipv6_into_ipv4_at_every_entrance)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
	const struct addr want = addr_v4((const uint8_t[]){192, 0, 2, 1}, 7);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct addr a;

	a = addr_v6(mapped, 7, 3);
	assert_true(addr_equal(&a, &want));
	assert_true(addr_parse(&a, "[::ffff:192.0.2.1]:7"));
	assert_true(addr_equal(&a, &want));
	assert_true(addr_parse(&a, "[0:0:0:0:0:FFFF:c000:0201]:7"));
	assert_true(addr_equal(&a, &want));
	assert_true(addr_parse_ip(&a, "::ffff:192.0.2.1"));
	assert_true(addr_same_ip(&a, &want));
	memcpy(&in6.sin6_addr, mapped, sizeof mapped);
	assert_true(addr_from_sockaddr(&a, (struct sockaddr *)&in6, sizeof in6));
	assert_true(addr_equal(&a, &want));
}

TEST(reads_and_prints_addresses_with_port)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{"192.0.2.1:51820", "192.0.2.1:51820"},
		{"0.0.0.0:1", "0.0.0.0:1"},
		{"255.255.255.255:65535", "255.255.255.255:65535"},
		{"192.0.2.1:00080", "192.0.2.1:80"},
		{"[2001:db8::1]:51820", "[2001:db8::1]:51820"},
		{"[2001:DB8:0:0:0:0:0:1]:1", "[2001:db8::1]:1"},
		{"[::]:65535", "[::]:65535"},
		{"[fe80::1]:2", "[fe80::1]:2"},
		{"[fe80::1%2]:51820", "[fe80::1%2]:51820"},
		{"[fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
		 "[fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535"},
	};
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct addr a, again;
		if (!addr_parse(&a, rows[i].text))
			fail_msg("refused: %s", rows[i].text);
		assert_string_equal(addr_print(&a, buf), rows[i].printed);
		assert_true(addr_parse(&again, buf));
		assert_true(addr_equal(&a, &again));
	}
	assert_string_equal(addr_print(&(struct addr){0}, buf), "(none)");
	assert_string_equal(addr_print_ip(&(struct addr){0}, buf), "(none)");
}

TEST(reads_and_prints_addresses_without_port)
{
	static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "fe80::1%2", "::"};
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct addr a;
		assert_true(addr_parse_ip(&a, texts[i]));
		assert_int_equal(a.port, 0);
		assert_string_equal(addr_print_ip(&a, buf), texts[i]);
	}
}

TEST(refuses_everything_but_an_address_and_a_port)
{
	static const char *const texts[] = {
		"",
		":",
		"[",
		"]",
		"[]",
		"[]:",
		"[]:1",
		":1",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:70000",
		"192.0.2.1:99999999999999999999",
		"192.0.2.1:+1",
		"192.0.2.1:-1",
		"192.0.2.1: 1",
		"192.0.2.1:1 ",
		" 192.0.2.1:1",
		"192.0.2.1 :1",
		"192.0.2.1:0x1",
		"192.0.2.1:1a",
		"192.0.2.1:1\n",
		"192.0.2.1::1",
		"192.0.2.1:1:1",
		"192.0.2:1",
		"192.0.2.1.1:1",
		"192.0.2.256:1",
		"192.0.2.01:1",
		"0xc0.0.2.1:1",
		"3221225985:1",
		"192.0.2.1%2:1",
		"[192.0.2.1]:1",
		"2001:db8::1",
		"2001:db8::1:51820",
		"[2001:db8::1]",
		"[2001:db8::1]:",
		"[2001:db8::1]:0",
		"[2001:db8::1]:65536",
		"[2001:db8::1]51820",
		"[2001:db8::1]]:1",
		"[[2001:db8::1]:1",
		"[2001:db8::1",
		"2001:db8::1]:1",
		"[2001:db8::1%2]:1",
		"[ff02::1%2]:1",
		"[fe80::1%]:1",
		"[fe80::1%0]:1",
		"[fe80::1%eth0]:1",
		"[fe80::1%4294967296]:1",
		"[fe80::1%00000000002]:1",
		"[fe80::1%2%2]:1",
		"[fe80::1%+2]:1",
		"[%2]:1",
		"[::ffff:192.0.2.1%2]:1",
		"localhost:1",
		"[::g]:1",
		"[1:2:3:4:5:6:7:8:9]:1",
		"[1::2::3]:1",
		"[:::]:1",
		"[12345::]:1",
		"[2001:db8::1]:1]:1",
		"[::1.2.3]:1",
		"[1:2:3:4:5:6:7:8::]:1",
		"[0000000000000000000000000000000000000000000000000000000000000000::1]:1",
	};
	const struct addr before = {.family = ADDR_V4, .port = 9, .ip = {198, 51, 100, 9}};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct addr a = before;
		if (addr_parse(&a, texts[i]))
			fail_msg("took: %s", texts[i]);
		assert_memory_equal(&a, &before, sizeof a);
	}
}

TEST(refuses_everything_but_an_address_where_no_port_belongs)
{
	static const char *const texts[] = {
		"",          "192.0.2.1:1",    "[2001:db8::1]", "192.0.2.1%1",
		"fe80::1%0", "2001:db8::1/64", " ::",           ":: ",
		"%1",        "2001:db8::1%1"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct addr a = {0};
		if (addr_parse_ip(&a, texts[i]))
			fail_msg("took: %s", texts[i]);
		assert_false(addr_is_set(&a));
	}
}

/* Random text near the grammar, and text of every length in a block of just that length (for ASan).
 */
TEST(vuln_32_reads_ip_text_exactly_as_inet_pton)
{
	static const char letters[] = "0123456789abcdefF:::...%/g ";
	static const char *const seeds[] = {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1",
					    "1:2:3:4:5:6:7:8", "::"};
	struct rand r = rand_seeded(32);

	for (size_t n = 0; n < 100000; n++) {
		char text[64] = "";
		strcpy(text, seeds[rand_below(&r, 5)]);
		for (uint32_t edits = rand_below(&r, 4); edits > 0; edits--)
			text[rand_below(&r, (uint32_t)strlen(text) + 1)] =
				letters[rand_below(&r, sizeof letters)];
		uint8_t want[16] = {0}, got[16] = {0};
		bool v4 = inet_pton(AF_INET, text, want) == 1;
		bool v6 = !v4 && inet_pton(AF_INET6, text, want) == 1;
		enum addr_family family = addr_read_ip(got, text, strlen(text));
		if (family != (v4 ? ADDR_V4 : v6 ? ADDR_V6 : ADDR_NONE))
			fail_msg("family %d: %s", family, text);
		if (v4 || v6)
			assert_memory_equal(got, want, sizeof got);
	}

	for (size_t len = 0; len < 300; len++) {
		char *text = malloc(len + 1);
		uint8_t ip[16];
		memset(text, ':', len);
		assert_int_equal(addr_read_ip(ip, text, len), len == 2 ? ADDR_V6 : ADDR_NONE);
		memset(text, '1', len);
		assert_int_equal(addr_read_ip(ip, text, len), ADDR_NONE);
		free(text);
	}
	assert_int_equal(addr_read_ip((uint8_t[16]){0}, "::1\0", 4), ADDR_NONE);
}

TEST(goes_through_sockaddr_and_back)
{
	static const char *const texts[] = {"192.0.2.1:51820", "[2001:db8::1]:51820",
					    "[fe80::1%2]:1"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct addr a, again;
		struct sockaddr_storage ss;
		assert_true(addr_parse(&a, texts[i]));
		socklen_t len = addr_to_sockaddr(&a, &ss);
		assert_int_equal(ss.ss_family, a.family == ADDR_V4 ? AF_INET : AF_INET6);
		assert_true(addr_from_sockaddr(&again, (struct sockaddr *)&ss, len));
		assert_true(addr_equal(&a, &again));
		assert_false(addr_from_sockaddr(&again, (struct sockaddr *)&ss, len - 1));
		assert_false(addr_from_sockaddr(&again, (struct sockaddr *)&ss, 1));
		assert_false(addr_from_sockaddr(&again, (struct sockaddr *)&ss, 0));
	}
}

TEST(refuses_other_sockets_and_makes_nothing_of_no_address)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNIX};
	struct addr a;

	assert_false(addr_from_sockaddr(&a, (struct sockaddr *)&ss, sizeof ss));
	assert_int_equal(addr_to_sockaddr(&(struct addr){0}, &ss), 0);
	assert_int_equal(ss.ss_family, AF_UNSPEC);
}

TEST(tells_port_scope_and_family_apart)
{
	struct addr a = raw("fe80::1"), b;

	b = a, b.port = 1;
	assert_true(addr_same_ip(&a, &b));
	assert_false(addr_equal(&a, &b));
	b = a, b.scope = 1;
	assert_false(addr_same_ip(&a, &b));
	assert_false(addr_equal(&a, &b));
	b = a, b.ip[15] = 2;
	assert_false(addr_same_ip(&a, &b));
	b = a, b.family = ADDR_V4;
	assert_false(addr_same_ip(&a, &b));
}

TEST(keeps_a_scope_for_link_local_addresses_only)
{
	struct addr a = raw("fe80::1"), b = raw("2001:db8::1");

	a = addr_v6(a.ip, 1, 4);
	assert_int_equal(a.scope, 4);
	b = addr_v6(b.ip, 1, 4);
	assert_int_equal(b.scope, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(vuln_01_vuln_05_judges_every_spelling_of_an_inner_address_alike),
		RUN(takes_the_neighbours_of_special_ranges_for_global),
		RUN(vuln_03_judges_disguised_ipv4_by_the_address_inside),
		RUN(vuln_04_membership_of_a_range_is_comparison_of_whole_numbers),
		RUN(judges_no_address_as_unspecified),
		RUN(vuln_02_vuln_39_turns_mapped_ipv6_into_ipv4_at_every_entrance),
		RUN(reads_and_prints_addresses_with_port),
		RUN(reads_and_prints_addresses_without_port),
		RUN(refuses_everything_but_an_address_and_a_port),
		RUN(refuses_everything_but_an_address_where_no_port_belongs),
		RUN(vuln_32_reads_ip_text_exactly_as_inet_pton),
		RUN(goes_through_sockaddr_and_back),
		RUN(refuses_other_sockets_and_makes_nothing_of_no_address),
		RUN(tells_port_scope_and_family_apart),
		RUN(keeps_a_scope_for_link_local_addresses_only),
	};
	return RUN_TESTS(tests);
}
