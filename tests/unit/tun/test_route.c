/* Routes come, and go again; other people's stay. */
#include "config.h"

#include "tun/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netns.h"
#include "support/test.h"
#include "tun/link.h"

static struct rtnl *r;

static int open_rtnl(void **state)
{
	(void)state;
	return rtnl_open(&r);
}

static int close_rtnl(void **state)
{
	(void)state;
	rtnl_close(r);
	return 0;
}

struct tally {
	uint32_t index, table;
	int count;
};

struct route_seen {
	uint32_t index, table;
};

static int see(const struct nlattr *a, void *ctx)
{
	struct route_seen *s = ctx;

	if (mnl_attr_get_type(a) == RTA_OIF)
		s->index = mnl_attr_get_u32(a);
	if (mnl_attr_get_type(a) == RTA_TABLE)
		s->table = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static void tally_one(void *ctx, const struct nlmsghdr *h)
{
	struct tally *t = ctx;
	struct route_seen s = {0};

	mnl_attr_parse(h, sizeof(struct rtmsg), see, &s);
	t->count += s.index == t->index && s.table == t->table;
}

/* Routes of both families that a table has through the device, multicast and the like of IPv6
 * (ff00::/8) in table 255 not. */
static int routes(const struct tun *t, uint32_t table)
{
	struct tally tally = {.index = (uint32_t)tun_index(t), .table = table};
	char buf[RTNL_REQUEST_MAX];

	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = RTM_GETROUTE;
	mnl_nlmsg_put_extra_header(h, sizeof(struct rtmsg));
	assert_int_equal(rtnl_dump(r, h, tally_one, &tally), 0);
	return tally.count;
}

static int add(struct route_list *undo, const struct tun *t, const char *prefix, uint32_t table)
{
	struct prefix p = netns_prefix(prefix);

	return route_add(r, undo, tun_index(t), &p, table);
}

TEST(adds_routes_and_takes_them_back)
{
	static const char *const prefixes[] = {"10.66.1.0/24",    "10.66.2.7/32",      "0.0.0.0/0",
					       "2001:db8:1::/48", "2001:db8:2::7/128", "::/0"};
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};
	int before = routes(t, RT_TABLE_MAIN);

	for (size_t i = 0; i < 6; i++)
		assert_int_equal(add(&undo, t, prefixes[i], 0), 0);
	assert_int_equal(undo.count, 6);
	assert_int_equal(routes(t, RT_TABLE_MAIN), before + 6);
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(routes(t, RT_TABLE_MAIN), before);
	assert_null(undo.items);
	tun_close(t);
}

TEST(adds_to_tables_with_large_numbers)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};

	for (int i = 0; i < 40; i++) {
		char text[PREFIX_TEXT_MAX];
		snprintf(text, sizeof text, "10.66.%d.0/24", i);
		assert_int_equal(add(&undo, t, text, 51820), 0);
	}
	assert_int_equal(add(&undo, t, "2001:db8::/32", 51820), 0);
	assert_int_equal(routes(t, 51820), 41);
	assert_int_equal(routes(t, RT_TABLE_MAIN), 0);
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(routes(t, 51820), 0);
	tun_close(t);
}

TEST(takes_one_back_and_keeps_the_others)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};

	assert_int_equal(add(&undo, t, "10.66.1.0/24", 51820), 0);
	assert_int_equal(add(&undo, t, "10.66.2.0/24", 51820), 0);
	assert_int_equal(add(&undo, t, "2001:db8::/32", 51820), 0);
	route_remove(r, &undo, tun_index(t), 0);
	assert_int_equal(routes(t, 51820), 2);
	assert_int_equal(undo.count, 2);
	assert_int_equal(add(&undo, t, "10.66.1.0/24", 51820), 0);
	assert_int_equal(undo.count, 3); /* it was gone indeed */
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(routes(t, 51820), 0);
	tun_close(t);
}

TEST(puts_back_what_went_with_the_last_address)
{
	struct tun *t = netns_tun(r, "wt0", "10.66.0.1/24", NULL);
	struct prefix address = netns_prefix("10.66.0.1/24");
	struct route_list undo = {0};

	assert_int_equal(add(&undo, t, "10.77.0.0/16", 0), 0);
	assert_int_equal(link_remove_address(r, tun_index(t), &address), 0);
	assert_int_equal(routes(t, RT_TABLE_MAIN), 0);
	assert_int_equal(route_renew(r, &undo, tun_index(t)), 0);
	assert_int_equal(routes(t, RT_TABLE_MAIN), 1);
	assert_int_equal(route_renew(r, &undo, tun_index(t)), 0);
	assert_int_equal(routes(t, RT_TABLE_MAIN), 1);
	route_undo(r, &undo, tun_index(t));
	tun_close(t);
}

TEST(clears_host_bits)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};

	assert_int_equal(add(&undo, t, "10.66.1.9/24", 0), 0);
	assert_int_equal(add(&undo, t, "10.66.1.0/24", 0), 0);
	assert_int_equal(undo.count, 1);
	route_undo(r, &undo, tun_index(t));
	tun_close(t);
}

TEST(keeps_the_kernels_own_route_of_an_address)
{
	struct tun *t = netns_tun(r, "wt0", "10.66.0.1/24", "2001:db8::1/64");
	struct route_list undo = {0};
	int before = routes(t, RT_TABLE_MAIN);

	assert_int_equal(before, 2);
	assert_int_equal(add(&undo, t, "10.66.0.0/24", 0), 0);
	assert_int_equal(undo.count, 0); /* it was there */
	assert_int_equal(add(&undo, t, "2001:db8::/64", 0), 0);
	assert_int_equal(undo.count, 1); /* beside the kernel's, with another metric */
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(routes(t, RT_TABLE_MAIN), before);

	/* The kernel's IPv6 route is the one left: it goes with its address, ours would not. */
	struct prefix p = netns_prefix("2001:db8::/64");
	assert_int_equal(route_add(r, &undo, tun_index(t), &p, 0), 0);
	assert_int_equal(undo.count, 1);
	route_undo(r, &undo, tun_index(t));
	tun_close(t);
}

/* Add 2001:db8::/64 as an administrator would, with a metric of 50. */
static void add_by_hand(const struct tun *t)
{
	struct prefix p = netns_prefix("2001:db8::/64");
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = RTM_NEWROUTE;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	*m = (struct rtmsg){.rtm_family = AF_INET6,
			    .rtm_dst_len = p.len,
			    .rtm_table = RT_TABLE_MAIN,
			    .rtm_protocol = RTPROT_STATIC,
			    .rtm_type = RTN_UNICAST};
	mnl_attr_put(h, RTA_DST, sizeof p.ip, p.ip);
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)tun_index(t));
	mnl_attr_put_u32(h, RTA_PRIORITY, 50);
	assert_int_equal(rtnl_ask(r, h), 0);
}

TEST(keeps_a_route_of_the_same_prefix_with_another_metric)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};

	add_by_hand(t);
	assert_int_equal(add(&undo, t, "2001:db8::/64", 0), 0);
	assert_int_equal(routes(t, RT_TABLE_MAIN), 2);
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(add(&undo, t, "2001:db8::/64", 0), 0);
	assert_int_equal(undo.count, 1); /* so the one that went was ours */
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(routes(t, RT_TABLE_MAIN), 1);
	tun_close(t);
}

TEST(refuses_a_prefix_that_goes_through_another_device)
{
	struct tun *other = netns_tun(r, "other0", NULL, NULL),
		   *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list theirs = {0}, ours = {0};

	assert_int_equal(add(&theirs, other, "10.66.0.0/16", 0), 0);
	assert_int_equal(add(&theirs, other, "2001:db8::/32", 0), 0);
	assert_int_equal(add(&ours, t, "10.66.0.0/16", 0), -EEXIST);
	assert_int_equal(add(&ours, t, "2001:db8::/32", 0), -EEXIST);
	assert_int_equal(add(&ours, t, "10.66.0.0/16", 51820), 0);
	assert_int_equal(ours.count, 1);
	route_undo(r, &ours, tun_index(t));
	assert_int_equal(routes(other, RT_TABLE_MAIN), 2);
	route_undo(r, &theirs, tun_index(other));
	tun_close(t);
	tun_close(other);
}

TEST(finds_the_table_that_has_the_default_route)
{
	struct tun *t = netns_tun(r, "wt0", "10.66.0.1/24", "2001:db8::1/64");
	struct route_list undo = {0};
	uint32_t table;

	assert_int_equal(add(&undo, t, "0.0.0.0/0", 0), 0);
	assert_int_equal(add(&undo, t, "10.77.0.0/16", 51821), 0);
	assert_int_equal(route_default_table(r, tun_index(t), ADDR_V4, &table), 0);
	assert_int_equal(add(&undo, t, "0.0.0.0/0", 51820), 0);
	assert_int_equal(route_default_table(r, tun_index(t), ADDR_V4, &table), 1);
	assert_int_equal(table, 51820);
	assert_int_equal(route_default_table(r, tun_index(t), ADDR_V6, &table), 0);
	assert_int_equal(route_default_table(r, tun_index(t) + 1, ADDR_V4, &table), 0);
	route_undo(r, &undo, tun_index(t));
	tun_close(t);
}

TEST(says_whether_a_table_has_any_route)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};

	assert_int_equal(route_any(r, ADDR_V4, 51820), 0);
	assert_int_equal(add(&undo, t, "10.77.0.0/16", 51820), 0);
	assert_int_equal(route_any(r, ADDR_V4, 51820), 1);
	assert_int_equal(route_any(r, ADDR_V4, 51821), 0);
	assert_int_equal(route_any(r, ADDR_V6, 51820), 0);
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(route_any(r, ADDR_V4, 51820), 0);
	tun_close(t);
}

TEST(says_when_the_device_is_down_or_gone)
{
	struct tun *t;
	struct route_list undo = {0};

	assert_int_equal(tun_open(&t, "wt0"), 0);
	assert_int_equal(add(&undo, t, "10.66.0.0/16", 0), -ENETDOWN);
	netns_link_delete(r, tun_index(t));
	assert_int_equal(add(&undo, t, "10.66.0.0/16", 0), -ENODEV);
	assert_int_equal(undo.count, 0);
	route_undo(r, &undo, tun_index(t));
	tun_close(t);
}

TEST(undoing_skips_what_is_gone_already)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};

	assert_int_equal(add(&undo, t, "10.66.0.0/16", 0), 0);
	netns_link_delete(r, tun_index(t));
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(undo.count, 0);
	tun_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(adds_routes_and_takes_them_back),
		RUN(adds_to_tables_with_large_numbers),
		RUN(takes_one_back_and_keeps_the_others),
		RUN(puts_back_what_went_with_the_last_address),
		RUN(clears_host_bits),
		RUN(keeps_the_kernels_own_route_of_an_address),
		RUN(keeps_a_route_of_the_same_prefix_with_another_metric),
		RUN(refuses_a_prefix_that_goes_through_another_device),
		RUN(finds_the_table_that_has_the_default_route),
		RUN(says_whether_a_table_has_any_route),
		RUN(says_when_the_device_is_down_or_gone),
		RUN(undoing_skips_what_is_gone_already),
	};

	return netns_enter() ? cmocka_run_group_tests(tests, open_rtnl, close_rtnl) : 0;
}
