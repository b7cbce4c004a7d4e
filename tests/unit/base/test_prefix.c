/* Prefixes: text as inet_pton reads it, masks, and membership as comparison of whole numbers. */
#include <arpa/inet.h>

#include "base/prefix.h"
#include "base/rand.h"
#include "support/test.h"

static struct prefix parsed(const char *text)
{
	struct prefix p = {0};

	if (!prefix_parse(&p, text))
		fail_msg("refused: %s", text);
	return p;
}

TEST(reads_and_prints_prefixes)
{
	static const struct {
		const char *text, *printed, *masked;
	} rows[] = {
		{"10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8"},
		{"10.66.1.2/16", "10.66.1.2/16", "10.66.0.0/16"},
		{"10.66.1.2", "10.66.1.2/32", "10.66.1.2/32"},
		{"255.255.255.255/0", "255.255.255.255/0", "0.0.0.0/0"},
		{"255.255.255.255/31", "255.255.255.255/31", "255.255.255.254/31"},
		{"192.0.2.255/25", "192.0.2.255/25", "192.0.2.128/25"},
		{"2001:db8::/32", "2001:db8::/32", "2001:db8::/32"},
		{"2001:DB8::1", "2001:db8::1/128", "2001:db8::1/128"},
		{"2001:db8:ffff::1/33", "2001:db8:ffff::1/33", "2001:db8:8000::/33"},
		{"::/0", "::/0", "::/0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
		{"::ffff:192.0.2.1/128", "::ffff:192.0.2.1/128", "::ffff:192.0.2.1/128"},
	};
	char buf[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct prefix p = parsed(rows[i].text);
		assert_string_equal(prefix_print(&p, buf), rows[i].printed);
		prefix_mask(&p);
		assert_string_equal(prefix_print(&p, buf), rows[i].masked);
	}
}

TEST(refuses_everything_else)
{
	static const char *const texts[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		" 10.0.0.0/8",
		"10.0.0.0 /8",
		"10.0.0.0/8/8",
		"10.0.0.0/0x8",
		"10.0.0.0/255.0.0.0",
		"10.0.0/8",
		"10/8",
		"10.0.0.0.0/8",
		"010.0.0.0/8",
		"256.0.0.0/8",
		"10.0.0.0/4294967304",
		"10.0.0.0/18446744073709551624",
		"::/129",
		"::/",
		":/0",
		"2001:db8::/32a",
		"[2001:db8::]/32",
		"fe80::1%2/64",
		"2001:db8::1::/32",
		"1:2:3:4:5:6:7/64",
		"1:2:3:4:5:6:7:8:9/64",
		"12345::/16",
		"g::/16",
		"::1.2.3/8",
		"::256.0.0.1/8",
		"any",
		"10.0.0.0\\8",
	};
	const struct prefix before = {.family = ADDR_V4, .len = 7, .ip = {1, 2, 3, 4}};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct prefix p = before;
		if (prefix_parse(&p, texts[i]))
			fail_msg("took: %s", texts[i]);
		assert_memory_equal(&p, &before, sizeof p);
	}
}

/* Every text before the slash that inet_pton refuses is refused here, whatever its length. */
TEST(vuln_32_refuses_malformed_subnets_of_any_length)
{
	static const char *const parts[] = {":", "::",        "1", "ffff", "0000",
					    ".", "192.0.2.1", "%", "/",    "64"};
	struct rand r = rand_seeded(32);

	for (size_t n = 0; n < 50000; n++) {
		char text[512] = "", ip_text[512];
		for (uint32_t count = rand_below(&r, 20); count > 0; count--)
			strcat(text, parts[rand_below(&r, 10)]);
		strcpy(ip_text, text);
		char *slash = strchr(ip_text, '/');
		if (slash != NULL)
			*slash = '\0';

		uint8_t ip[16] = {0};
		bool v4 = inet_pton(AF_INET, ip_text, ip) == 1;
		bool v6 = !v4 && inet_pton(AF_INET6, ip_text, ip) == 1;
		bool len_ok =
			slash == NULL || strcmp(slash + 1, "1") == 0 ||
			strcmp(slash + 1, "11") == 0 ||
			(v6 && (strcmp(slash + 1, "64") == 0 || strcmp(slash + 1, "111") == 0)) ||
			strcmp(slash + 1, "0000") == 0 || strcmp(slash + 1, "00001") == 0;
		struct prefix p;
		bool got = prefix_parse(&p, text);
		if (got && !(v4 || v6))
			fail_msg("took: %s", text);
		if (!got && (v4 || v6) && len_ok)
			fail_msg("refused: %s", text);
		if (got)
			assert_memory_equal(p.ip, ip, sizeof ip);
	}

	char *text = malloc(65536);
	memset(text, ':', 65535);
	text[65535] = '\0';
	assert_false(prefix_parse(&(struct prefix){0}, text));
	memcpy(text + 65000, "/64", 4);
	assert_false(prefix_parse(&(struct prefix){0}, text));
	free(text);
}

/* Membership by the definition: first <= ip <= last as whole numbers (reliability 5.1, row 04). */
TEST(contains_what_lies_between_its_first_and_last_address)
{
	struct rand r = rand_seeded(4);

	for (size_t n = 0; n < 200000; n++) {
		struct prefix p = {.family = rand_below(&r, 2) ? ADDR_V4 : ADDR_V6};
		size_t ip_len = addr_ip_len(p.family);
		uint8_t first[16], last[16], ip[16];
		p.len = (uint8_t)rand_below(&r, (uint32_t)ip_len * 8 + 1);
		rand_bytes(&r, p.ip, ip_len);
		memcpy(first, p.ip, ip_len);
		memcpy(last, p.ip, ip_len);
		for (size_t bit = p.len; bit < ip_len * 8; bit++) {
			first[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
			last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		}
		/* near by: all of p but one bit */
		uint32_t flip = rand_below(&r, (uint32_t)ip_len * 8);
		memcpy(ip, p.ip, ip_len);
		ip[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);

		bool inside = memcmp(first, ip, ip_len) <= 0 && memcmp(ip, last, ip_len) <= 0;
		assert_int_equal(prefix_contains(&p, ip), inside);
		assert_true(prefix_contains(&p, first));
		assert_true(prefix_contains(&p, last));

		struct prefix masked = p;
		prefix_mask(&masked);
		assert_memory_equal(masked.ip, first, ip_len);
	}
}

TEST(overlaps_when_one_holds_the_other)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{"10.66.0.0/16", "10.66.1.0/24", true},
		{"10.66.0.0/16", "10.67.0.0/16", false},
		{"10.66.0.9/16", "10.66.7.1/16", true},
		{"0.0.0.0/0", "192.0.2.1/32", true},
		{"0.0.0.0/0", "::/0", false},
		{"2001:db8::/32", "2001:db8:1::/48", true},
		{"2001:db8::/33", "2001:db8:8000::/33", false},
		{"10.66.0.1/32", "10.66.0.1/32", true},
		{"10.66.0.1/32", "10.66.0.0/32", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct prefix a = parsed(rows[i].a), b = parsed(rows[i].b);
		assert_int_equal(prefix_overlaps(&a, &b), rows[i].overlap);
		assert_int_equal(prefix_overlaps(&b, &a), rows[i].overlap);
	}
}

TEST(equals_only_the_same_family_length_and_bits)
{
	struct prefix a = parsed("10.66.0.0/16"), b = parsed("10.66.0.0/17"),
		      c = parsed("10.66.0.1/16");
	struct prefix zero4 = parsed("0.0.0.0/0"), zero6 = parsed("::/0");

	assert_true(prefix_equal(&a, &a));
	assert_false(prefix_equal(&a, &b));
	assert_false(prefix_equal(&a, &c));
	prefix_mask(&c);
	assert_true(prefix_equal(&a, &c));
	assert_false(prefix_equal(&zero4, &zero6));
}

TEST(sorts_by_family_address_and_length)
{
	static const char *const order[] = {"10.0.0.0/8",   "10.0.0.0/24", "10.0.1.0/24",
					    "192.0.2.0/24", "::/0",        "2001:db8::/32"};

	for (size_t i = 0; i < 6; i++) {
		for (size_t j = 0; j < 6; j++) {
			struct prefix a, b;
			assert_true(prefix_parse(&a, order[i]) && prefix_parse(&b, order[j]));
			int sign = prefix_compare(&a, &b);
			assert_int_equal((sign > 0) - (sign < 0), (i > j) - (i < j));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(reads_and_prints_prefixes),
		RUN(refuses_everything_else),
		RUN(vuln_32_refuses_malformed_subnets_of_any_length),
		RUN(contains_what_lies_between_its_first_and_last_address),
		RUN(overlaps_when_one_holds_the_other),
		RUN(equals_only_the_same_family_length_and_bits),
		RUN(sorts_by_family_address_and_length),
	};
	return RUN_TESTS(tests);
}
