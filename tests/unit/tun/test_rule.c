/* Policy rules come, and go again, also those of the dead; other people's stay. */
#include "config.h"

#include "tun/rule.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netns.h"
#include "support/test.h"
#include "tun/route.h"

#define THEIR_PROTOCOL 3 /* RTPROT_BOOT: that of ip(8) */

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

/* The rules of a family as text, in the order of lookup: "PRIORITY TABLE PROTOCOL [MARK] [/SUPPRESSED]\n". */
struct listing {
	char text[2048];
};

struct seen {
	uint32_t priority, table, mark, suppress;
	uint8_t protocol;
};

static int see(const struct nlattr *a, void *ctx)
{
	struct seen *s = ctx;

	switch (mnl_attr_get_type(a)) {
	case FRA_PRIORITY:
		s->priority = mnl_attr_get_u32(a);
		break;
	case FRA_TABLE:
		s->table = mnl_attr_get_u32(a);
		break;
	case FRA_FWMARK:
		s->mark = mnl_attr_get_u32(a);
		break;
	case FRA_SUPPRESS_PREFIXLEN:
		s->suppress = mnl_attr_get_u32(a);
		break;
	case FRA_PROTOCOL:
		s->protocol = mnl_attr_get_u8(a);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static void list_one(void *ctx, const struct nlmsghdr *h)
{
	struct listing *l = ctx;
	struct seen s = {.suppress = UINT32_MAX};
	const struct fib_rule_hdr *m = mnl_nlmsg_get_payload(h);
	size_t at = strlen(l->text);

	mnl_attr_parse(h, sizeof *m, see, &s);
	at += (size_t)snprintf(l->text + at, sizeof l->text - at, "%u %u %u", s.priority, s.table,
			       s.protocol);
	if (s.mark != 0)
		at += (size_t)snprintf(l->text + at, sizeof l->text - at, " %s%u",
				       (m->flags & FIB_RULE_INVERT) != 0 ? "not " : "", s.mark);
	if (s.suppress != UINT32_MAX)
		at += (size_t)snprintf(l->text + at, sizeof l->text - at, " /%u", s.suppress);
	snprintf(l->text + at, sizeof l->text - at, "\n");
}

#define KERNELS_V4 "0 255 2\n32766 254 2\n32767 253 2\n"
#define KERNELS_V6 "0 255 2\n32766 254 2\n"

static void assert_rules(uint8_t family, const char *expected)
{
	struct listing l = {0};
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = RTM_GETRULE;
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	m->family = family == ADDR_V4 ? AF_INET : AF_INET6;
	assert_int_equal(rtnl_dump(r, h, list_one, &l), 0);
	assert_string_equal(l.text, expected);
}

/* As an administrator or wg-quick would: not fwmark MARK table TABLE, or table TABLE with suppress_prefixlength 0. */
static void theirs(uint16_t type, uint8_t family, uint32_t priority, uint32_t table, uint32_t mark)
{
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = type == RTM_NEWRULE ? NLM_F_CREATE : 0;
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	*m = (struct fib_rule_hdr){.family = family == ADDR_V4 ? AF_INET : AF_INET6,
				   .action = FR_ACT_TO_TBL,
				   .flags = mark != 0 ? FIB_RULE_INVERT : 0};
	mnl_attr_put_u32(h, FRA_TABLE, table);
	mnl_attr_put_u32(h, FRA_PRIORITY, priority);
	mnl_attr_put_u8(h, FRA_PROTOCOL, THEIR_PROTOCOL);
	if (mark != 0)
		mnl_attr_put_u32(h, FRA_FWMARK, mark);
	else
		mnl_attr_put_u32(h, FRA_SUPPRESS_PREFIXLEN, 0);
	assert_int_equal(rtnl_ask(r, h), 0);
}

static void add_route(struct route_list *undo, const struct tun *t, const char *prefix,
		      uint32_t table)
{
	struct prefix p = netns_prefix(prefix);

	assert_int_equal(route_add(r, undo, tun_index(t), &p, table), 0);
}

TEST(adds_two_rules_before_the_others_and_takes_them_back)
{
	struct rule v4 = {.family = ADDR_V4, .table = 51820},
		    v6 = {.family = ADDR_V6, .table = 70000};

	assert_int_equal(rule_add(r, &v4), 0);
	assert_int_equal(rule_add(r, &v6), 0);
	assert_rules(ADDR_V4, "0 255 2\n32764 254 119 /0\n32765 51820 119 not 51820\n"
			      "32766 254 2\n32767 253 2\n");
	assert_rules(ADDR_V6,
		     "0 255 2\n32764 254 119 /0\n32765 70000 119 not 70000\n32766 254 2\n");
	rule_remove(r, &v4);
	rule_remove(r, &v6);
	assert_rules(ADDR_V4, KERNELS_V4);
	assert_rules(ADDR_V6, KERNELS_V6);
	assert_int_equal(v4.priority, 0);
	rule_remove(r, &v4); /* again: nothing happens */
	assert_rules(ADDR_V4, KERNELS_V4);
}

TEST(takes_back_its_own_of_several_that_are_alike)
{
	struct rule first = {.family = ADDR_V4, .table = 51820},
		    second = {.family = ADDR_V4, .table = 51821};

	assert_int_equal(rule_add(r, &first), 0);
	assert_int_equal(rule_add(r, &second), 0);
	rule_remove(r, &first);
	assert_rules(ADDR_V4, "0 255 2\n32762 254 119 /0\n32763 51821 119 not 51821\n"
			      "32766 254 2\n32767 253 2\n");
	rule_remove(r, &second);
	assert_rules(ADDR_V4, KERNELS_V4);
}

TEST(leaves_the_same_rules_of_others)
{
	struct rule ours = {.family = ADDR_V4, .table = 51820};

	assert_int_equal(rule_add(r, &ours), 0);
	theirs(RTM_NEWRULE, ADDR_V4, 32765, 51820, 51820);
	theirs(RTM_NEWRULE, ADDR_V4, 32764, RT_TABLE_MAIN, 0);
	rule_remove(r, &ours);
	assert_rules(ADDR_V4, "0 255 2\n32764 254 3 /0\n32765 51820 3 not 51820\n"
			      "32766 254 2\n32767 253 2\n");
	assert_int_equal(rule_purge(r), 0);
	assert_rules(ADDR_V4, "0 255 2\n32764 254 3 /0\n32765 51820 3 not 51820\n"
			      "32766 254 2\n32767 253 2\n");
	theirs(RTM_DELRULE, ADDR_V4, 32765, 51820, 51820);
	theirs(RTM_DELRULE, ADDR_V4, 32764, RT_TABLE_MAIN, 0);
}

TEST(puts_back_what_is_gone)
{
	static const char both[] = "0 255 2\n32764 254 119 /0\n32765 51820 119 not 51820\n"
				   "32766 254 2\n32767 253 2\n";
	struct rule ours = {.family = ADDR_V4, .table = 51820};

	assert_int_equal(rule_renew(r, &ours), 0); /* it was never there */
	assert_rules(ADDR_V4, KERNELS_V4);
	assert_int_equal(rule_add(r, &ours), 0);
	assert_int_equal(rule_renew(r, &ours), 0);
	assert_rules(ADDR_V4, both);
	assert_int_equal(rule_purge(r), 0);
	assert_rules(ADDR_V4, KERNELS_V4);
	assert_int_equal(rule_renew(r, &ours), 0);
	assert_rules(ADDR_V4, both);
	rule_remove(r, &ours);
	assert_rules(ADDR_V4, KERNELS_V4);
}

TEST(refuses_where_there_is_no_room_before_the_others)
{
	struct rule ours = {.family = ADDR_V4, .table = 51820};

	theirs(RTM_NEWRULE, ADDR_V4, 2, 1234, 1);
	assert_int_equal(rule_add(r, &ours), -ERANGE);
	assert_int_equal(ours.priority, 0);
	theirs(RTM_DELRULE, ADDR_V4, 2, 1234, 1);
	assert_rules(ADDR_V4, KERNELS_V4);
}

TEST(purges_those_whose_table_is_empty_and_no_others)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};
	struct rule dead4 = {.family = ADDR_V4, .table = 51820},
		    dead6 = {.family = ADDR_V6, .table = 51820},
		    alive4 = {.family = ADDR_V4, .table = 51821},
		    dead_too = {.family = ADDR_V4, .table = 51822};

	add_route(&undo, t, "0.0.0.0/0", 51821);
	assert_int_equal(rule_add(r, &dead4), 0);
	assert_int_equal(rule_add(r, &dead6), 0);
	assert_int_equal(rule_add(r, &alive4), 0);
	assert_int_equal(rule_add(r, &dead_too), 0);
	assert_int_equal(rule_purge(r), 0);
	assert_rules(ADDR_V4, "0 255 2\n32762 254 119 /0\n32763 51821 119 not 51821\n"
			      "32766 254 2\n32767 253 2\n");
	assert_rules(ADDR_V6, KERNELS_V6);
	route_undo(r, &undo, tun_index(t));
	assert_int_equal(rule_purge(r), 0);
	assert_rules(ADDR_V4, KERNELS_V4);
	tun_close(t);
}

TEST(a_table_with_a_route_or_a_rule_is_not_free)
{
	struct tun *t = netns_tun(r, "wt0", NULL, NULL);
	struct route_list undo = {0};
	struct rule ours = {.family = ADDR_V4, .table = 51822};
	uint32_t table = 51820;

	assert_int_equal(rule_free_table(r, &table), 0);
	assert_int_equal(table, 51820);
	add_route(&undo, t, "10.77.0.0/16", 51820);
	add_route(&undo, t, "2001:db8::/32", 51821);
	assert_int_equal(rule_add(r, &ours), 0);
	theirs(RTM_NEWRULE, ADDR_V6, 100, 51823, 7);
	assert_int_equal(rule_free_table(r, &table), 0);
	assert_int_equal(table, 51824);
	theirs(RTM_DELRULE, ADDR_V6, 100, 51823, 7);
	rule_remove(r, &ours);
	route_undo(r, &undo, tun_index(t));
	tun_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(adds_two_rules_before_the_others_and_takes_them_back),
		RUN(takes_back_its_own_of_several_that_are_alike),
		RUN(leaves_the_same_rules_of_others),
		RUN(puts_back_what_is_gone),
		RUN(refuses_where_there_is_no_room_before_the_others),
		RUN(purges_those_whose_table_is_empty_and_no_others),
		RUN(a_table_with_a_route_or_a_rule_is_not_free),
	};

	return netns_enter() ? cmocka_run_group_tests(tests, open_rtnl, close_rtnl) : 0;
}
