/* The host's network watched (rtnetlink(7)). Attributes are read through a bounded cursor, since
 * libmnl's own walk stops in silence at one that is cut short. */
#include "tun/watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/bytes.h"
#include "tun/rtnl.h"

#define GROUPS                                                                                     \
	(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |               \
	 RTMGRP_IPV6_ROUTE)
#define HEAR_MAX    64    /* messages at a time: the data path waits for nobody's routes */
#define MESSAGE_MAX 32768 /* longer than any; one that is not counts as a change */

struct watch {
	int overlay;
	struct mnl_socket *socket; /* is told */
	struct rtnl *rtnl;         /* asks */
	struct host host, fresh;
	bool is_new; /* since the last watch_tick */
	bool torn;   /* a list changed while it was read, or held rubbish */
	usec look_at, rested_at;
	_Alignas(struct nlmsghdr) uint8_t heard[MESSAGE_MAX];
};

/* --- messages --------------------------------------------------------------------------------------------------- */

struct attribute {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

/* False at the end, and when an attribute does not fit: then r failed. */
static bool next_attribute(struct reader *r, struct attribute *a)
{
	struct nlattr head;
	const uint8_t *p = reader_left(r) > 0 ? read_bytes(r, sizeof head) : NULL;

	if (p == NULL)
		return false;
	memcpy(&head, p, sizeof head);
	if (head.nla_len < sizeof head) {
		r->failed = true;
		return false;
	}
	a->type = head.nla_type & NLA_TYPE_MASK;
	a->len = head.nla_len - sizeof head;
	a->data = read_bytes(r, a->len);

	size_t padding = -a->len % MNL_ALIGNTO, left = reader_left(r);
	read_bytes(r, padding < left ? padding : left);
	return reader_ok(r);
}

/* The fixed part of a message into `head`; a reader of its attributes, failed when it is too short. */
static struct reader open_message(const struct nlmsghdr *h, void *head, size_t len)
{
	struct reader r = reader_of(mnl_nlmsg_get_payload(h), mnl_nlmsg_get_payload_len(h));
	const uint8_t *p = read_bytes(&r, len);

	if (p == NULL)
		return r;
	memcpy(head, p, len);
	read_bytes(&r, MNL_ALIGN(len) - len);
	return r;
}

static bool take_u32(uint32_t *out, const struct attribute *a)
{
	if (a->len != sizeof *out)
		return false;
	memcpy(out, a->data, sizeof *out);
	return true;
}

static uint8_t family_of(uint8_t af)
{
	return af == AF_INET ? ADDR_V4 : af == AF_INET6 ? ADDR_V6 : ADDR_NONE;
}

static bool take_ip(uint8_t ip[static 16], uint8_t family, const struct attribute *a)
{
	if (a->len != addr_ip_len(family))
		return false;
	memcpy(ip, a->data, a->len);
	return true;
}

struct address_message {
	struct ifaddrmsg head;
	uint32_t flags;
	struct prefix prefix;
};

static bool read_address(const struct nlmsghdr *h, struct address_message *m)
{
	struct reader r = open_message(h, &m->head, sizeof m->head);
	struct attribute a;
	bool has_local = false, ok = true;

	if (!reader_ok(&r))
		return false;
	m->flags = m->head.ifa_flags;
	m->prefix = (struct prefix){.family = family_of(m->head.ifa_family),
				    .len = m->head.ifa_prefixlen};
	if (m->prefix.family == ADDR_NONE || m->prefix.len > 8 * addr_ip_len(m->prefix.family))
		return false;
	while (ok && next_attribute(&r, &a)) {
		/* Of a point-to-point link IFA_ADDRESS is the other end. */
		if (a.type == IFA_LOCAL)
			ok = has_local = take_ip(m->prefix.ip, m->prefix.family, &a);
		else if (a.type == IFA_ADDRESS && !has_local)
			ok = take_ip(m->prefix.ip, m->prefix.family, &a);
		else if (a.type == IFA_FLAGS)
			ok = take_u32(&m->flags, &a);
	}
	return ok && reader_ok(&r);
}

static bool is_usable(const struct address_message *m)
{
	bool tentative = (m->flags & IFA_F_TENTATIVE) && !(m->flags & IFA_F_OPTIMISTIC);

	return !tentative && !(m->flags & (IFA_F_DADFAILED | IFA_F_DEPRECATED)) &&
	       m->head.ifa_scope < RT_SCOPE_LINK;
}

static bool take_address(struct host *h, int overlay, const struct nlmsghdr *message)
{
	struct address_message m;
	struct host_addresses *list;

	if (!read_address(message, &m))
		return false;
	list = m.head.ifa_index == (unsigned)overlay ? &h->inside : &h->outside;
	if (is_usable(&m) && list->count < HOST_ADDRESSES_MAX)
		list->items[list->count++] =
			(struct host_address){.prefix = m.prefix, .link = m.head.ifa_index};
	return true;
}

static bool read_route(const struct nlmsghdr *h, struct rtmsg *head, struct host_default *route)
{
	struct reader r = open_message(h, head, sizeof *head);
	struct attribute a;
	uint8_t ip[16];
	bool ok = true;

	if (!reader_ok(&r))
		return false;
	*route = (struct host_default){.family = family_of(head->rtm_family),
				       .table = head->rtm_table};
	while (ok && next_attribute(&r, &a)) {
		if (a.type == RTA_OIF)
			ok = take_u32(&route->link, &a);
		else if (a.type == RTA_PRIORITY)
			ok = take_u32(&route->metric, &a);
		else if (a.type == RTA_TABLE)
			ok = take_u32(&route->table, &a);
		else if (a.type == RTA_GATEWAY && route->family != ADDR_NONE) {
			ok = take_ip(ip, route->family, &a);
			if (ok)
				route->gateway = route->family == ADDR_V4 ? addr_v4(ip, 0)
									  : addr_v6(ip, 0, 0);
		}
	}
	return ok && reader_ok(&r);
}

static bool is_default(const struct rtmsg *m)
{
	return m->rtm_dst_len == 0 && m->rtm_type == RTN_UNICAST &&
	       family_of(m->rtm_family) != ADDR_NONE &&
	       !(m->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD | RTNH_F_LINKDOWN));
}

static bool take_route(struct host *h, int overlay, const struct nlmsghdr *message)
{
	struct rtmsg head;
	struct host_default route;

	if (!read_route(message, &head, &route))
		return false;
	if (is_default(&head) && route.link != (uint32_t)overlay &&
	    h->default_count < HOST_DEFAULTS_MAX)
		h->defaults[h->default_count++] = route;
	return true;
}

static void forget_link(struct host *h, uint32_t link)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->outside.count; i++) {
		if (h->outside.items[i].link != link)
			h->outside.items[kept++] = h->outside.items[i];
	}
	h->outside.count = kept;
	kept = 0;
	for (size_t i = 0; i < h->default_count; i++) {
		if (h->defaults[i].link != link)
			h->defaults[kept++] = h->defaults[i];
	}
	h->default_count = kept;
}

struct link_message {
	struct ifinfomsg head;
	char name[HOST_NAME_MAX + 1];
	uint32_t mtu;
};

static bool read_link(const struct nlmsghdr *h, struct link_message *m)
{
	struct reader r = open_message(h, &m->head, sizeof m->head);
	struct attribute a;
	bool ok = true;

	if (!reader_ok(&r))
		return false;
	m->name[0] = '\0';
	m->mtu = 0;
	while (ok && next_attribute(&r, &a)) {
		if (a.type == IFLA_MTU) {
			ok = take_u32(&m->mtu, &a);
		} else if (a.type == IFLA_IFNAME) {
			ok = a.len > 0 && a.len <= sizeof m->name && a.data[a.len - 1] == '\0';
			if (ok)
				memcpy(m->name, a.data, a.len);
		}
	}
	return ok && reader_ok(&r);
}

static bool take_link(struct host *h, int overlay, const struct nlmsghdr *message)
{
	struct link_message m;

	if (!read_link(message, &m))
		return false;
	if (m.head.ifi_index != overlay) {
		if ((m.head.ifi_flags & (IFF_UP | IFF_RUNNING)) != (IFF_UP | IFF_RUNNING))
			forget_link(h, (uint32_t)m.head.ifi_index);
		return true;
	}
	bool up = (m.head.ifi_flags & IFF_UP) != 0;
	h->overlay.mtu = m.mtu;
	h->overlay.ups += up && !h->overlay.up;
	h->overlay.up = up;
	memcpy(h->overlay.name, m.name, sizeof m.name);
	return true;
}

bool watch_take(struct host *h, int overlay, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWADDR:
		return take_address(h, overlay, message);
	case RTM_NEWROUTE:
		return take_route(h, overlay, message);
	case RTM_NEWLINK:
		return take_link(h, overlay, message);
	default:
		return true;
	}
}

/* Of routes only default ones matter: thousands of others may come and go. */
static bool may_matter(const struct nlmsghdr *h)
{
	struct rtmsg m;
	struct reader r;

	if (h->nlmsg_type != RTM_NEWROUTE && h->nlmsg_type != RTM_DELROUTE)
		return true;
	r = open_message(h, &m, sizeof m);
	return !reader_ok(&r) || (m.rtm_dst_len == 0 && !(m.rtm_flags & RTM_F_CLONED));
}

enum watch_news watch_news(struct host *h, int overlay, const void *messages, size_t len)
{
	enum watch_news news = WATCH_NOTHING;
	struct reader r = reader_of(messages, len);
	const struct nlmsghdr *m;

	while ((m = rtnl_next(&r)) != NULL) {
		if (may_matter(m))
			news = WATCH_CHANGED;
		/* What else it says is read with the lists. */
		if (m->nlmsg_type == RTM_NEWLINK &&
		    m->nlmsg_len >= sizeof *m + sizeof(struct ifinfomsg) &&
		    ((const struct ifinfomsg *)mnl_nlmsg_get_payload(m))->ifi_index == overlay)
			take_link(h, overlay, m);
	}
	return reader_ok(&r) ? news : WATCH_CHANGED;
}

/* --- lists ------------------------------------------------------------------------------------------------------ */

static usec clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return SEC(t.tv_sec) + t.tv_nsec / 1000;
}

static void on_listed(void *ctx, const struct nlmsghdr *message)
{
	struct watch *w = ctx;

	if ((message->nlmsg_flags & NLM_F_DUMP_INTR) || !watch_take(&w->fresh, w->overlay, message))
		w->torn = true;
}

static int list(struct watch *w, uint16_t type, size_t head_len)
{
	union rtnl_request q;

	mnl_nlmsg_put_header(q.bytes)->nlmsg_type = type;
	mnl_nlmsg_put_extra_header(&q.header, head_len); /* zero: of all families, all of them */
	return rtnl_dump(w->rtnl, &q.header, on_listed, w);
}

static int look(struct watch *w, usec now)
{
	usec began = clock_now(), rest;
	int err;

	w->fresh = (struct host){
		.overlay = {.up = w->host.overlay.up, .ups = w->host.overlay.ups},
		.slept_at = w->host.slept_at,
		.woke_at = w->host.woke_at,
	};
	w->torn = false;
	if ((err = list(w, RTM_GETADDR, sizeof(struct ifaddrmsg))) == 0 &&
	    (err = list(w, RTM_GETROUTE, sizeof(struct rtmsg))) == 0)
		err = list(w, RTM_GETLINK, sizeof(struct ifinfomsg));
	if (err == 0) {
		w->host = w->fresh;
		w->is_new = true;
	}

	rest = WATCH_REST * (clock_now() - began);
	rest = err < 0 || rest > WATCH_REST_MAX ? WATCH_REST_MAX : rest;
	w->rested_at = now + rest;
	w->look_at =
		err < 0 || w->torn ? usec_max(w->rested_at, now + WATCH_GATHER_FOR) : USEC_NEVER;
	return err;
}

/* --- the watch -------------------------------------------------------------------------------------------------- */

int watch_open(struct watch **out, int overlay)
{
	struct watch *w = calloc(1, sizeof *w);
	int err;

	if (w == NULL)
		return -ENOMEM;
	w->overlay = overlay;
	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->socket == NULL || mnl_socket_bind(w->socket, GROUPS, MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	else if ((err = rtnl_open(&w->rtnl)) == 0)
		err = look(w, 0);
	if (err < 0) {
		watch_close(w);
		return err;
	}
	*out = w;
	return 0;
}

void watch_close(struct watch *w)
{
	if (w == NULL)
		return;
	if (w->socket != NULL)
		mnl_socket_close(w->socket);
	rtnl_close(w->rtnl);
	free(w);
}

int watch_fd(const struct watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

void watch_hear(struct watch *w, usec now)
{
	enum watch_news news = WATCH_NOTHING;

	for (int i = 0; i < HEAR_MAX; i++) {
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof from;
		ssize_t got = recvfrom(watch_fd(w), w->heard, sizeof w->heard, MSG_TRUNC,
				       (struct sockaddr *)&from, &from_len);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (got > 0 && from.nl_pid != 0)
			continue; /* not the kernel */
		/* Overrun, or longer than expected: anything may have been in it. */
		if (got < 0 || (size_t)got > sizeof w->heard ||
		    watch_news(&w->host, w->overlay, w->heard, (size_t)got) == WATCH_CHANGED)
			news = WATCH_CHANGED;
	}
	w->is_new |= news == WATCH_CHANGED;
	if (news == WATCH_CHANGED && w->look_at == USEC_NEVER)
		w->look_at = usec_max(now + WATCH_GATHER_FOR, w->rested_at);
}

bool watch_tick(struct watch *w, usec now)
{
	bool is_new;

	if (usec_due(w->look_at, now))
		look(w, now);
	is_new = w->is_new;
	w->is_new = false;
	return is_new;
}

usec watch_deadline(const struct watch *w)
{
	return w->look_at;
}

struct host *watch_host(struct watch *w)
{
	return &w->host;
}
