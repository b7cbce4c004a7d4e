/* What `ip link set` and `ip address add` do, by rtnetlink. */
#include "tun/link.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

/* The start of a request that changes this link. */
static struct ifinfomsg *link_request(union rtnl_request *q, int index)
{
	mnl_nlmsg_put_header(q->bytes)->nlmsg_type = RTM_NEWLINK;
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(&q->header, sizeof *link);
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = index;
	return link;
}

static int set_number(struct rtnl *r, int index, uint16_t attribute, uint32_t number)
{
	union rtnl_request q;

	link_request(&q, index);
	mnl_attr_put_u32(&q.header, attribute, number);
	return rtnl_ask(r, &q.header);
}

int link_set_mtu(struct rtnl *r, int index, uint32_t mtu)
{
	return set_number(r, index, IFLA_MTU, mtu);
}

int link_set_txqueuelen(struct rtnl *r, int index, uint32_t len)
{
	return set_number(r, index, IFLA_TXQLEN, len);
}

int link_set_up(struct rtnl *r, int index)
{
	union rtnl_request q;
	struct ifinfomsg *link = link_request(&q, index);

	link->ifi_flags = link->ifi_change = IFF_UP;
	return rtnl_ask(r, &q.header);
}

int link_set_no_ll(struct rtnl *r, int index)
{
	union rtnl_request q;

	link_request(&q, index);
	struct nlattr *families = mnl_attr_nest_start(&q.header, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(&q.header, AF_INET6);
	mnl_attr_put_u8(&q.header, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(&q.header, inet6);
	mnl_attr_nest_end(&q.header, families);

	int err = rtnl_ask(r, &q.header);
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP ? 0 : err;
}

static int address_ask(struct rtnl *r, uint16_t type, uint16_t flags, int index,
		       const struct prefix *address)
{
	union rtnl_request q;
	size_t ip_len = addr_ip_len(address->family);

	mnl_nlmsg_put_header(q.bytes)->nlmsg_type = type;
	q.header.nlmsg_flags = flags;
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(&q.header, sizeof *m);
	m->ifa_family = address->family == ADDR_V4 ? AF_INET : AF_INET6;
	m->ifa_prefixlen = address->len;
	m->ifa_index = (unsigned)index;
	mnl_attr_put(&q.header, IFA_LOCAL, ip_len, address->ip);
	mnl_attr_put(&q.header, IFA_ADDRESS, ip_len, address->ip);

	return rtnl_ask(r, &q.header);
}

int link_add_address(struct rtnl *r, int index, const struct prefix *address)
{
	return address_ask(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address);
}

int link_remove_address(struct rtnl *r, int index, const struct prefix *address)
{
	return address_ask(r, RTM_DELADDR, 0, index, address);
}
