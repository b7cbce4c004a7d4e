/* Properties of the interface, as the host shows them. */
#include "config.h"

#include "tun/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "support/test.h"

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

/* How many addresses of this family the interface has; the text of the last one in `text`. */
static int addresses(const char *name, int family, char text[static INET6_ADDRSTRLEN])
{
	struct ifaddrs *all;
	int count = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		if (strcmp(a->ifa_name, name) != 0 || a->ifa_addr == NULL ||
		    a->ifa_addr->sa_family != family)
			continue;
		const void *ip =
			family == AF_INET
				? (void *)&((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr
				: (void *)&((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr;
		assert_non_null(inet_ntop(family, ip, text, INET6_ADDRSTRLEN));
		count++;
	}
	freeifaddrs(all);
	return count;
}

static int query(const char *name, unsigned long request, struct ifreq *q)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(q, 0, sizeof *q);
	memcpy(q->ifr_name, name, strlen(name));
	int err = ioctl(fd, request, q);
	close(fd);
	return err;
}

static int mtu(const char *name)
{
	struct ifreq q;

	assert_int_equal(query(name, SIOCGIFMTU, &q), 0);
	return q.ifr_mtu;
}

TEST(sets_up_mtu_and_queue_length)
{
	struct tun *t;
	struct ifreq q;

	assert_int_equal(tun_open(&t, "wt0"), 0);
	assert_int_equal(link_set_mtu(r, tun_index(t), 1420), 0);
	assert_int_equal(mtu("wt0"), 1420);
	assert_int_equal(link_set_mtu(r, tun_index(t), 65535), 0);
	assert_int_equal(mtu("wt0"), 65535);
	assert_int_equal(link_set_txqueuelen(r, tun_index(t), 64), 0);
	assert_int_equal(query("wt0", SIOCGIFTXQLEN, &q), 0);
	assert_int_equal(q.ifr_qlen, 64);
	assert_int_equal(query("wt0", SIOCGIFFLAGS, &q), 0);
	assert_false(q.ifr_flags & IFF_UP);
	assert_int_equal(link_set_up(r, tun_index(t)), 0);
	assert_int_equal(query("wt0", SIOCGIFFLAGS, &q), 0);
	assert_true(q.ifr_flags & IFF_UP);
	tun_close(t);
}

TEST(refuses_what_the_device_cannot_have)
{
	struct tun *t;

	assert_int_equal(tun_open(&t, "wt0"), 0);
	assert_int_equal(link_set_mtu(r, tun_index(t), 65536), -EINVAL);
	assert_int_equal(link_set_mtu(r, tun_index(t), 67), -EINVAL);
	assert_int_equal(mtu("wt0"), 1500);
	struct prefix p = netns_prefix("10.66.0.1/24");
	assert_int_equal(link_add_address(r, 9999, &p), -ENODEV);
	tun_close(t);
}

TEST(adds_addresses_of_both_families_once)
{
	struct tun *t = netns_tun(r, "wt0", "10.66.0.1/24", "2001:db8::1/64");
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(addresses("wt0", AF_INET, text), 1);
	assert_string_equal(text, "10.66.0.1");
	assert_int_equal(addresses("wt0", AF_INET6, text), 1);
	assert_string_equal(text, "2001:db8::1");
	struct prefix p = netns_prefix("2001:db8::1/64");
	assert_int_equal(link_add_address(r, tun_index(t), &p), -EEXIST);
	p = netns_prefix("10.66.0.1/24");
	assert_int_equal(link_add_address(r, tun_index(t), &p), -EEXIST);
	assert_int_equal(addresses("wt0", AF_INET, text), 1);
	tun_close(t);
}

TEST(removes_an_address_and_no_other)
{
	struct tun *t = netns_tun(r, "wt0", "10.66.0.1/24", "2001:db8::1/64");
	char text[INET6_ADDRSTRLEN];
	struct prefix p = netns_prefix("10.66.0.1/24");

	assert_int_equal(link_remove_address(r, tun_index(t), &p), 0);
	assert_int_equal(addresses("wt0", AF_INET, text), 0);
	assert_int_equal(addresses("wt0", AF_INET6, text), 1);
	assert_int_equal(link_remove_address(r, tun_index(t), &p), -EADDRNOTAVAIL);
	p = netns_prefix("2001:db8::1/64");
	assert_int_equal(link_remove_address(r, tun_index(t), &p), 0);
	assert_int_equal(addresses("wt0", AF_INET6, text), 0);
	tun_close(t);
}

TEST(no_link_local_address_appears)
{
	struct tun *t;
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(tun_open(&t, "plain0"), 0);
	assert_int_equal(link_set_up(r, tun_index(t)), 0);
	assert_int_equal(addresses("plain0", AF_INET6, text), 1); /* what the host does by itself */
	tun_close(t);

	t = netns_tun(r, "wt0", NULL, NULL);
	assert_int_equal(addresses("wt0", AF_INET6, text), 0);
	tun_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(sets_up_mtu_and_queue_length),         RUN(refuses_what_the_device_cannot_have),
		RUN(adds_addresses_of_both_families_once), RUN(removes_an_address_and_no_other),
		RUN(no_link_local_address_appears),
	};

	return netns_enter() ? cmocka_run_group_tests(tests, open_rtnl, close_rtnl) : 0;
}
