/* See netns.h. */
#include "config.h"

#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "tun/link.h"

static bool refused(const char *what, int err)
{
	printf("1..1\nok 1 # SKIP %s: %s\n", what, strerror(err));
	return false;
}

bool netns_enter(void)
{
	struct tun *t;
	struct rtnl *r;

	if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return refused("no network namespace", errno);
	int err = tun_open(&t, "probe0");
	if (err < 0)
		return refused("no TUN device", -err);
	tun_close(t);
	assert_int_equal(rtnl_open(&r), 0);
	assert_int_equal(link_set_up(r, (int)if_nametoindex("lo")), 0);
	rtnl_close(r);
	return true;
}

static bool set_one(const char *path)
{
	int fd = open(path, O_WRONLY);
	bool is_set = fd >= 0 && write(fd, "1", 1) == 1;

	if (fd >= 0)
		close(fd);
	return is_set;
}

bool netns_may_forward(void)
{
	bool may = set_one("/proc/sys/net/ipv4/ip_forward") &&
		   set_one("/proc/sys/net/ipv6/conf/all/forwarding");

	if (!may)
		printf("1..1\nok 1 # SKIP forwarding cannot be switched on here\n");
	return may;
}

struct prefix netns_prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

struct tun *netns_tun(struct rtnl *r, const char *name, const char *v4, const char *v6)
{
	struct tun *t;

	assert_int_equal(tun_open(&t, name), 0);
	assert_int_equal(link_set_no_ll(r, tun_index(t)), 0);
	assert_int_equal(link_set_up(r, tun_index(t)), 0);
	for (int i = 0; i < 2; i++) {
		const char *text = i == 0 ? v4 : v6;
		if (text == NULL)
			continue;
		struct prefix p = netns_prefix(text);
		assert_int_equal(link_add_address(r, tun_index(t), &p), 0);
	}
	return t;
}

static int link_ask(struct rtnl *r, uint16_t type, int index, unsigned change)
{
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	m->ifi_index = index;
	m->ifi_change = change;
	return rtnl_ask(r, h);
}

void netns_link_down(struct rtnl *r, int index)
{
	assert_int_equal(link_ask(r, RTM_NEWLINK, index, IFF_UP), 0);
}

void netns_link_delete(struct rtnl *r, int index)
{
	assert_int_equal(link_ask(r, RTM_DELLINK, index, 0), 0);
}
