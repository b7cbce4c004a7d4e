/* What counts as another network. */
#include "base/host.h"

#include "support/test.h"

static struct host a, b;

static int set_up(void **state)
{
	(void)state;
	a = (struct host){
		.outside = {.items = {{.link = 2}, {.link = 3}}, .count = 2},
		.inside = {.items = {{.link = 7}}, .count = 1},
		.defaults = {{.family = ADDR_V4, .link = 2, .table = 254, .metric = 100}},
		.default_count = 1,
	};
	assert_true(prefix_parse(&a.outside.items[0].prefix, "192.0.2.1/24"));
	assert_true(prefix_parse(&a.outside.items[1].prefix, "2001:db8::1/64"));
	assert_true(prefix_parse(&a.inside.items[0].prefix, "10.66.0.1/24"));
	assert_true(addr_parse_ip(&a.defaults[0].gateway, "192.0.2.254"));
	b = a;
	return 0;
}

TEST(each_fact_outside_counts)
{
	assert_true(host_same_network(&a, &b));
	b.outside.count = 1;
	assert_false(host_same_network(&a, &b));
	b = a;
	b.outside.items[1].link = 4;
	assert_false(host_same_network(&a, &b));
	b = a;
	b.outside.items[0].prefix.ip[3] = 2;
	assert_false(host_same_network(&a, &b));
	b = a;
	b.default_count = 0;
	assert_false(host_same_network(&a, &b));
	b = a;
	b.defaults[0].metric = 50;
	assert_false(host_same_network(&a, &b));
	b = a;
	b.defaults[0].link = 3;
	assert_false(host_same_network(&a, &b));
	b = a;
	b.defaults[0].table = 1;
	assert_false(host_same_network(&a, &b));
	b = a;
	b.defaults[0].gateway = (struct addr){0};
	assert_false(host_same_network(&a, &b));
}

/* From 192.0.2.1 or 2001:db8::1, to one far away or in the same subnet. */
static bool elsewhere(const char *from, const char *to)
{
	struct addr local, remote;

	assert_true(addr_parse_ip(&local, from));
	assert_true(addr_parse_ip(&remote, to));
	return host_leads_elsewhere(&a, &local, &remote);
}

TEST(packets_leave_by_the_best_default_route)
{
	assert_false(elsewhere("192.0.2.1", "198.51.100.1"));
	a.defaults[a.default_count++] =
		(struct host_default){.family = ADDR_V4, .link = 9, .table = 254, .metric = 50};
	assert_true(elsewhere("192.0.2.1", "198.51.100.1"));
	assert_false(elsewhere("192.0.2.1", "192.0.2.200")); /* in its subnet */
	a.defaults[1].table = 100;                           /* for some addresses, by a rule */
	assert_false(elsewhere("192.0.2.1", "198.51.100.1"));
	a.defaults[0].link = 8;
	assert_true(elsewhere("192.0.2.1", "198.51.100.1"));
}

TEST(where_packets_leave_is_not_always_known)
{
	a.defaults[0].link = 9;
	assert_false(elsewhere("192.0.2.2", "198.51.100.1"));    /* not ours */
	assert_false(elsewhere("192.0.2.1", "2001:db8:1::1"));   /* another family */
	assert_false(elsewhere("2001:db8::1", "2001:db8:1::1")); /* no default route at all */
	assert_false(host_leads_elsewhere(&a, &(struct addr){0}, &(struct addr){0}));
	assert_true(elsewhere("192.0.2.1", "198.51.100.1"));
}

TEST(nothing_inside_counts)
{
	b.inside.count = 0;
	b.overlay.mtu = 1280;
	b.overlay.up = true;
	b.woke_at = 1;
	assert_true(host_same_network(&a, &b));
}

TEST(addresses_are_found_on_both_sides_by_family)
{
	uint8_t four[16] = {10, 66, 0, 1}, none[16] = {0x20, 0x01, 0x0d, 0xb8};

	assert_true(host_has_address(&a, ADDR_V4, four));
	assert_false(host_has_address(&a, ADDR_V6, four));
	assert_false(host_has_address(&a, ADDR_V6, none));
	none[15] = 1;
	assert_true(host_has_address(&a, ADDR_V6, none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_fact_outside_counts, set_up),
		cmocka_unit_test_setup(packets_leave_by_the_best_default_route, set_up),
		cmocka_unit_test_setup(where_packets_leave_is_not_always_known, set_up),
		cmocka_unit_test_setup(nothing_inside_counts, set_up),
		cmocka_unit_test_setup(addresses_are_found_on_both_sides_by_family, set_up),
	};
	return RUN_TESTS(tests);
}
