/* The kernel's messages, and the kernel itself in a network namespace: what changes there is noticed. */
#include "config.h"

#include "tun/watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <unistd.h>

#include "netns.h"
#include "support/test.h"
#include "tun/link.h"
#include "tun/route.h"

#define OVERLAY 7
#define OTHER   3

/* --- messages --------------------------------------------------------------------------------------------------- */

static struct host h;
static _Alignas(struct nlmsghdr) char buf[512];

static int clear(void **state)
{
	(void)state;
	h = (struct host){0};
	return 0;
}

static struct nlmsghdr *message(uint16_t type)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);

	m->nlmsg_type = type;
	return m;
}

static struct nlmsghdr *address_message(const char *text, unsigned link, uint32_t flags)
{
	struct prefix p = netns_prefix(text);
	struct nlmsghdr *m = message(RTM_NEWADDR);
	struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(m, sizeof *a);

	a->ifa_family = p.family == ADDR_V4 ? AF_INET : AF_INET6;
	a->ifa_prefixlen = p.len;
	a->ifa_index = link;
	mnl_attr_put(m, IFA_ADDRESS, addr_ip_len(p.family), p.ip);
	mnl_attr_put_u32(m, IFA_FLAGS, flags);
	return m;
}

static struct nlmsghdr *route_message(uint8_t dst_len, uint32_t link, const char *gateway)
{
	struct prefix p = netns_prefix(gateway);
	struct nlmsghdr *m = message(RTM_NEWROUTE);
	struct rtmsg *r = mnl_nlmsg_put_extra_header(m, sizeof *r);

	r->rtm_family = p.family == ADDR_V4 ? AF_INET : AF_INET6;
	r->rtm_dst_len = dst_len;
	r->rtm_type = RTN_UNICAST;
	r->rtm_table = RT_TABLE_MAIN;
	mnl_attr_put(m, RTA_GATEWAY, addr_ip_len(p.family), p.ip);
	mnl_attr_put_u32(m, RTA_OIF, link);
	mnl_attr_put_u32(m, RTA_PRIORITY, 100);
	return m;
}

static struct nlmsghdr *link_message(int index, unsigned flags, const char *name)
{
	struct nlmsghdr *m = message(RTM_NEWLINK);
	struct ifinfomsg *l = mnl_nlmsg_put_extra_header(m, sizeof *l);

	l->ifi_index = index;
	l->ifi_flags = flags;
	mnl_attr_put_u32(m, IFLA_MTU, 1380);
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
	return m;
}

static bool take(const struct nlmsghdr *m)
{
	return watch_take(&h, OVERLAY, m);
}

TEST(addresses_are_inside_or_outside)
{
	assert_true(take(address_message("192.0.2.9/24", OTHER, 0)));
	assert_true(take(address_message("2001:db8::9/64", OTHER, IFA_F_PERMANENT)));
	assert_true(take(address_message("10.66.0.1/16", OVERLAY, 0)));
	assert_int_equal(h.outside.count, 2);
	assert_int_equal(h.inside.count, 1);
	assert_int_equal(h.outside.items[1].prefix.len, 64);
	assert_int_equal(h.outside.items[1].link, OTHER);
	assert_true(host_has_address(&h, ADDR_V4, (uint8_t[]){10, 66, 0, 1}));
	assert_false(host_has_address(&h, ADDR_V4, (uint8_t[]){10, 66, 0, 2}));
}

TEST(f34_addresses_that_are_not_to_be_used_are_left_out)
{
	assert_true(take(address_message("2001:db8::1/64", OTHER, IFA_F_TENTATIVE)));
	assert_true(take(address_message("2001:db8::2/64", OTHER, IFA_F_DEPRECATED)));
	assert_true(
		take(address_message("2001:db8::3/64", OTHER, IFA_F_TENTATIVE | IFA_F_DADFAILED)));
	assert_int_equal(h.outside.count, 0);
	assert_true(
		take(address_message("2001:db8::4/64", OTHER, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)));
	assert_int_equal(h.outside.count, 1);

	struct nlmsghdr *m = address_message("fe80::1/64", OTHER, 0);
	((struct ifaddrmsg *)mnl_nlmsg_get_payload(m))->ifa_scope = RT_SCOPE_LINK;
	assert_true(take(m));
	assert_int_equal(h.outside.count, 1);
}

TEST(of_a_point_to_point_link_the_local_end_is_ours)
{
	struct nlmsghdr *m = address_message("192.0.2.200/32", OTHER, 0);

	mnl_attr_put(m, IFA_LOCAL, 4, (uint8_t[]){192, 0, 2, 1});
	assert_true(take(m));
	assert_true(host_has_address(&h, ADDR_V4, (uint8_t[]){192, 0, 2, 1}));
	assert_false(host_has_address(&h, ADDR_V4, (uint8_t[]){192, 0, 2, 200}));
}

TEST(of_routes_the_default_ones_outside_are_taken)
{
	assert_true(take(route_message(0, OTHER, "192.0.2.1")));
	assert_true(take(route_message(0, OTHER, "2001:db8::1")));
	assert_true(take(route_message(0, OVERLAY, "192.0.2.1")));
	assert_true(take(route_message(24, OTHER, "192.0.2.1")));
	assert_int_equal(h.default_count, 2);
	assert_int_equal(h.defaults[0].metric, 100);
	assert_int_equal(h.defaults[0].table, RT_TABLE_MAIN);
	assert_int_equal(h.defaults[1].gateway.family, ADDR_V6);
}

TEST(f32_what_belongs_to_a_link_that_is_down_is_taken_back)
{
	take(address_message("192.0.2.9/24", OTHER, 0));
	take(address_message("192.0.2.10/24", OTHER + 1, 0));
	take(route_message(0, OTHER, "192.0.2.1"));
	assert_true(take(link_message(OTHER + 1, IFF_UP | IFF_RUNNING, "eth1")));
	assert_true(take(link_message(OTHER, IFF_UP, "eth0"))); /* no carrier */
	assert_int_equal(h.outside.count, 1);
	assert_int_equal(h.outside.items[0].link, OTHER + 1);
	assert_int_equal(h.default_count, 0);
}

TEST(f63_the_overlay_is_known_by_its_index)
{
	assert_true(take(link_message(OVERLAY, IFF_UP, "a_long_name_15c")));
	assert_string_equal(h.overlay.name, "a_long_name_15c");
	assert_int_equal(h.overlay.mtu, 1380);
	assert_true(h.overlay.up);
	assert_int_equal(watch_news(&h, OVERLAY, link_message(OVERLAY, 0, "renamed"),
				    ((struct nlmsghdr *)(void *)buf)->nlmsg_len),
			 WATCH_CHANGED);
	assert_string_equal(h.overlay.name, "renamed");
	assert_false(h.overlay.up);
	assert_int_equal(h.overlay.ups, 1);
}

/* Every way to shorten a message by whole words, with its length field saying so. */
static void refuses_all_shorter(struct nlmsghdr *m)
{
	uint32_t whole = m->nlmsg_len, refused = 0;

	for (uint32_t len = sizeof *m; len < whole; len++) {
		static struct host before;
		m->nlmsg_len = len;
		before = h;
		if (!take(m)) {
			refused++;
			assert_memory_equal(&before, &h, sizeof h);
		}
		h = before;
	}
	assert_true(refused > whole - sizeof *m - 16);
}

TEST(refuses_messages_and_attributes_cut_short)
{
	refuses_all_shorter(address_message("192.0.2.9/24", OTHER, 0));
	refuses_all_shorter(route_message(0, OTHER, "192.0.2.1"));
	refuses_all_shorter(link_message(OVERLAY, IFF_UP, "renamed"));
}

TEST(refuses_attributes_of_another_length)
{
	struct nlmsghdr *m = address_message("192.0.2.9/24", OTHER, 0);
	mnl_attr_put(m, IFA_LOCAL, 16, buf);
	assert_false(take(m));

	m = address_message("192.0.2.9/24", OTHER, 0);
	((struct ifaddrmsg *)mnl_nlmsg_get_payload(m))->ifa_prefixlen = 33;
	assert_false(take(m));

	m = route_message(0, OTHER, "192.0.2.1");
	mnl_attr_put_u16(m, RTA_OIF, 1);
	assert_false(take(m));

	assert_false(take(link_message(OVERLAY, IFF_UP, "a_name_of_16_chr")));
	m = link_message(OVERLAY, IFF_UP, "x");
	mnl_attr_put(m, IFLA_IFNAME, 3, "abc"); /* without its zero */
	assert_false(take(m));
	assert_int_equal(h.outside.count + h.default_count + h.overlay.mtu, 0);
}

TEST(more_than_there_is_room_for_is_left_out)
{
	struct nlmsghdr *m = address_message("192.0.2.9/24", OTHER, 0);

	for (int i = 0; i < HOST_ADDRESSES_MAX + 2; i++)
		assert_true(take(m));
	assert_int_equal(h.outside.count, HOST_ADDRESSES_MAX);
	m = route_message(0, OTHER, "192.0.2.1");
	for (int i = 0; i < HOST_DEFAULTS_MAX + 2; i++)
		assert_true(take(m));
	assert_int_equal(h.default_count, HOST_DEFAULTS_MAX);
}

static enum watch_news news(const struct nlmsghdr *m)
{
	return watch_news(&h, OVERLAY, m, m->nlmsg_len);
}

TEST(f38_of_routes_only_default_ones_are_news)
{
	assert_int_equal(news(route_message(24, OTHER, "192.0.2.1")), WATCH_NOTHING);
	assert_int_equal(news(route_message(0, OTHER, "192.0.2.1")), WATCH_CHANGED);
	assert_int_equal(news(address_message("192.0.2.9/24", OTHER, 0)), WATCH_CHANGED);
	assert_int_equal(news(link_message(OTHER, 0, "eth0")), WATCH_CHANGED);
	assert_int_equal(watch_news(&h, OVERLAY, route_message(24, OTHER, "192.0.2.1"), 20),
			 WATCH_CHANGED); /* cut short: anything may have been in it */
	assert_int_equal(h.outside.count + h.default_count, 0);
}

/* --- the kernel ------------------------------------------------------------------------------------------------- */

static struct rtnl *r;
static struct tun *overlay, *uplink;
static struct watch *w;
static usec now;

static int open_watch(void **state)
{
	(void)state;
	now = SEC(100);
	assert_int_equal(rtnl_open(&r), 0);
	overlay = netns_tun(r, "wt0", "10.66.0.1/24", NULL);
	uplink = netns_tun(r, "up0", "192.0.2.9/24", NULL);
	assert_int_equal(watch_open(&w, tun_index(overlay)), 0);
	return 0;
}

static int close_watch(void **state)
{
	(void)state;
	watch_close(w);
	tun_close(overlay);
	tun_close(uplink);
	rtnl_close(r);
	return 0;
}

/* What was just done has been heard, and read when due. */
static bool noticed(void)
{
	struct pollfd p = {.fd = watch_fd(w), .events = POLLIN};

	assert_int_equal(poll(&p, 1, 1000), 1);
	watch_hear(w, now);
	now = usec_max(watch_deadline(w), now);
	return watch_tick(w, now);
}

TEST(reads_all_at_the_start)
{
	const struct host *host = watch_host(w);

	assert_true(watch_tick(w, now));
	assert_false(watch_tick(w, now));
	assert_string_equal(host->overlay.name, "wt0");
	assert_true(host->overlay.up);
	assert_int_equal(host->overlay.mtu, 1500);
	assert_int_equal(host->inside.count, 1);
	assert_int_equal(host->outside.count, 1);
}

TEST(f30_an_address_that_comes_and_goes_is_noticed)
{
	struct prefix more = netns_prefix("192.0.2.10/24");

	watch_tick(w, now);
	assert_int_equal(link_add_address(r, tun_index(uplink), &more), 0);
	assert_true(noticed());
	assert_int_equal(watch_host(w)->outside.count, 2);
	assert_int_equal(link_remove_address(r, tun_index(uplink), &more), 0);
	assert_true(noticed());
	assert_int_equal(watch_host(w)->outside.count, 1);
}

/* As the kernel does with a privacy address once another one took its place. */
static void deprecate(const struct prefix *p)
{
	struct nlmsghdr *m = message(RTM_NEWADDR);
	struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(m, sizeof *a);
	struct ifa_cacheinfo lifetime = {.ifa_prefered = 0, .ifa_valid = 600};

	m->nlmsg_flags = NLM_F_REPLACE;
	a->ifa_family = AF_INET6;
	a->ifa_prefixlen = p->len;
	a->ifa_index = (unsigned)tun_index(uplink);
	mnl_attr_put(m, IFA_LOCAL, sizeof p->ip, p->ip);
	mnl_attr_put(m, IFA_CACHEINFO, sizeof lifetime, &lifetime);
	assert_int_equal(rtnl_ask(r, m), 0);
}

/* It takes a while: until then it is tentative. */
static void wait_for_address(const struct prefix *p, bool there)
{
	while (host_has_address(watch_host(w), ADDR_V6, p->ip) != there)
		assert_true(noticed());
}

TEST(f34_ipv6_that_comes_rotates_and_goes_is_noticed)
{
	struct prefix first = netns_prefix("2001:db8::c0de:1/64"),
		      second = netns_prefix("2001:db8::c0de:2/64");

	watch_tick(w, now);
	if (link_add_address(r, tun_index(uplink), &first) < 0) {
		printf("# SKIP: this host has no IPv6\n");
		return;
	}
	wait_for_address(&first, true);
	assert_int_equal(link_add_address(r, tun_index(uplink), &second), 0);
	wait_for_address(&second, true);
	assert_int_equal(watch_host(w)->outside.count, 3);
	deprecate(&first);
	wait_for_address(&first, false);
	assert_true(host_has_address(watch_host(w), ADDR_V6, second.ip));
	assert_int_equal(link_remove_address(r, tun_index(uplink), &second), 0);
	wait_for_address(&second, false);
	assert_int_equal(watch_host(w)->outside.count, 1);
}

TEST(f32_a_default_route_that_goes_with_its_link_is_noticed)
{
	struct prefix everything = netns_prefix("0.0.0.0/0");
	struct route_list undo = {0};

	assert_int_equal(route_add(r, &undo, tun_index(uplink), &everything, 0), 0);
	assert_true(noticed());
	assert_int_equal(watch_host(w)->default_count, 1);
	netns_link_down(r, tun_index(uplink));
	assert_true(noticed());
	assert_int_equal(watch_host(w)->default_count, 0);
	assert_int_equal(watch_host(w)->outside.count, 0);
	route_undo(r, &undo, tun_index(uplink));
}

/* Routes went with it, even if it is up again before anybody looks. */
TEST(f63_that_the_overlay_was_down_is_not_missed)
{
	unsigned before = watch_host(w)->overlay.ups;

	watch_tick(w, now);
	watch_tick(w, now + SEC(10)); /* a reading alone is no change */
	assert_int_equal(watch_host(w)->overlay.ups, before);
	netns_link_down(r, tun_index(overlay));
	assert_int_equal(link_set_up(r, tun_index(overlay)), 0);
	assert_true(noticed());
	assert_true(watch_host(w)->overlay.up);
	assert_int_equal(watch_host(w)->overlay.ups, before + 1);
}

TEST(f38_after_an_overrun_everything_is_read_anew)
{
	struct prefix p = netns_prefix("192.0.2.10/24"), other = netns_prefix("10.77.0.0/32");
	struct route_list undo = {0};
	bool heard = false;

	watch_tick(w, now);
	/* Routes that mean nothing fill the buffer of 212,992 bytes; the address finds no room. */
	for (int i = 0; i < 3000; i++) {
		other.ip[2] = (uint8_t)(i >> 8);
		other.ip[3] = (uint8_t)i;
		assert_int_equal(route_add(r, &undo, tun_index(uplink), &other, 0), 0);
	}
	assert_int_equal(link_add_address(r, tun_index(uplink), &p), 0);
	for (int i = 0; i < 200 && poll(&(struct pollfd){watch_fd(w), POLLIN, 0}, 1, 0) == 1; i++) {
		watch_hear(w, now);
		heard = true;
	}
	assert_true(heard);
	now = usec_max(watch_deadline(w), now);
	assert_true(watch_tick(w, now));
	assert_int_equal(watch_host(w)->outside.count, 2);
	route_undo(r, &undo, tun_index(uplink));
}

TEST(a_burst_is_gathered_into_one_reading)
{
	struct prefix p = netns_prefix("192.0.2.10/24");

	watch_tick(w, now);
	link_add_address(r, tun_index(uplink), &p);
	watch_hear(w, now);
	assert_true(watch_deadline(w) >= now + WATCH_GATHER_FOR);
	usec due = watch_deadline(w);
	link_remove_address(r, tun_index(uplink), &p);
	watch_hear(w, now + MSEC(20));
	assert_int_equal(watch_deadline(w), due); /* a stream of changes does not put it off */
	watch_tick(w, due - 1);
	assert_int_equal(watch_deadline(w), due);
	watch_tick(w, due);
	assert_int_equal(watch_deadline(w), USEC_NEVER);
}

int main(void)
{
#define PURE(name) cmocka_unit_test_setup(name, clear)
#define LIVE(name) cmocka_unit_test_setup_teardown(name, open_watch, close_watch)
	const struct CMUnitTest tests[] = {
		PURE(addresses_are_inside_or_outside),
		PURE(f34_addresses_that_are_not_to_be_used_are_left_out),
		PURE(of_a_point_to_point_link_the_local_end_is_ours),
		PURE(of_routes_the_default_ones_outside_are_taken),
		PURE(f32_what_belongs_to_a_link_that_is_down_is_taken_back),
		PURE(f63_the_overlay_is_known_by_its_index),
		PURE(refuses_messages_and_attributes_cut_short),
		PURE(refuses_attributes_of_another_length),
		PURE(more_than_there_is_room_for_is_left_out),
		PURE(f38_of_routes_only_default_ones_are_news),
		LIVE(reads_all_at_the_start),
		LIVE(f30_an_address_that_comes_and_goes_is_noticed),
		LIVE(f34_ipv6_that_comes_rotates_and_goes_is_noticed),
		LIVE(f32_a_default_route_that_goes_with_its_link_is_noticed),
		LIVE(f63_that_the_overlay_was_down_is_not_missed),
		LIVE(f38_after_an_overrun_everything_is_read_anew),
		LIVE(a_burst_is_gathered_into_one_reading),
	};

	if (!netns_enter())
		return 0;
	return RUN_TESTS(tests);
}
