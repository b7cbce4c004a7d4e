/* Routes by rtnetlink. Ours are told from the kernel's own and from other people's by protocol
 * and metric, so that undoing never takes one of theirs. */
#include "tun/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel's default for IPv6, said aloud: a deletion without a metric takes any, its own
 * route of metric 256 first. */
#define METRIC_V6 1024

/* What one message of a dump says. */
struct seen {
	struct prefix dst;
	uint32_t table, index;
};

struct search {
	bool (*fits)(const struct search *s, const struct seen *seen);
	struct seen wanted;
	bool found;
	uint32_t found_table; /* of the last that fits */
};

static struct rtmsg *route_request(union rtnl_request *q, uint16_t type, uint8_t family)
{
	mnl_nlmsg_put_header(q->bytes)->nlmsg_type = type;
	struct rtmsg *m = mnl_nlmsg_put_extra_header(&q->header, sizeof *m);
	m->rtm_family = family == ADDR_V4 ? AF_INET : AF_INET6;
	return m;
}

static int route_ask(struct rtnl *r, uint16_t type, uint16_t flags, int index,
		     const struct route_entry *e)
{
	union rtnl_request q;
	struct rtmsg *m = route_request(&q, type, e->prefix.family);

	q.header.nlmsg_flags = flags;
	m->rtm_dst_len = e->prefix.len;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_type = RTN_UNICAST;
	m->rtm_scope = e->prefix.family == ADDR_V4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put(&q.header, RTA_DST, addr_ip_len(e->prefix.family), e->prefix.ip);
	mnl_attr_put_u32(&q.header, RTA_OIF, (uint32_t)index);
	mnl_attr_put_u32(&q.header, RTA_TABLE, e->table);
	if (e->prefix.family == ADDR_V6)
		mnl_attr_put_u32(&q.header, RTA_PRIORITY, METRIC_V6);
	return rtnl_ask(r, &q.header);
}

static int see_attribute(const struct nlattr *a, void *ctx)
{
	struct seen *seen = ctx;
	uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);

	if (type == RTA_DST && len == addr_ip_len(seen->dst.family))
		memcpy(seen->dst.ip, mnl_attr_get_payload(a), len);
	else if (type == RTA_TABLE && len == sizeof seen->table)
		seen->table = mnl_attr_get_u32(a);
	else if (type == RTA_OIF && len == sizeof seen->index)
		seen->index = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static void look_at(void *ctx, const struct nlmsghdr *h)
{
	struct search *s = ctx;
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(h) < sizeof *m)
		return;
	struct seen seen = {.dst = {.family = s->wanted.dst.family, .len = m->rtm_dst_len},
			    .table = m->rtm_table};
	mnl_attr_parse(h, sizeof *m, see_attribute, &seen);
	if (s->fits(s, &seen)) {
		s->found = true;
		s->found_table = seen.table;
	}
}

/* 1 when one fits, 0 when not, or -errno. */
static int look_for(struct rtnl *r, struct search *s)
{
	union rtnl_request q;

	route_request(&q, RTM_GETROUTE, s->wanted.dst.family);
	int err = rtnl_dump(r, &q.header, look_at, s);
	return err < 0 ? err : s->found;
}

static bool goes_there(const struct search *s, const struct seen *seen)
{
	return seen->index == s->wanted.index && prefix_equal(&seen->dst, &s->wanted.dst);
}

static bool is_the_same(const struct search *s, const struct seen *seen)
{
	return goes_there(s, seen) && seen->table == s->wanted.table;
}

/* 1 when the table has this very prefix through the device, 0 when not, or -errno. */
static int route_find(struct rtnl *r, int index, const struct route_entry *e)
{
	struct search s = {
		.fits = is_the_same,
		.wanted = {.dst = e->prefix, .table = e->table, .index = (uint32_t)index},
	};

	return look_for(r, &s);
}

static bool is_in_table(const struct search *s, const struct seen *seen)
{
	return seen->table == s->wanted.table;
}

int route_any(struct rtnl *r, uint8_t family, uint32_t table)
{
	struct search s = {
		.fits = is_in_table,
		.wanted = {.dst = {.family = family}, .table = table},
	};

	return look_for(r, &s);
}

static bool is_apart(const struct search *s, const struct seen *seen)
{
	return goes_there(s, seen) && seen->table != RT_TABLE_MAIN;
}

int route_default_table(struct rtnl *r, int index, uint8_t family, uint32_t *table)
{
	struct search s = {
		.fits = is_apart,
		.wanted = {.dst = {.family = family}, .index = (uint32_t)index},
	};
	int found = look_for(r, &s);

	*table = s.found_table;
	return found;
}

static int list_reserve(struct route_list *l)
{
	size_t room = l->room != 0 ? l->room * 2 : 16;
	struct route_entry *items;

	if (l->count < l->room)
		return 0;
	items = reallocarray(l->items, room, sizeof *items);
	if (items == NULL)
		return -ENOMEM;
	l->items = items;
	l->room = room;
	return 0;
}

int route_add(struct rtnl *r, struct route_list *undo, int index, const struct prefix *prefix,
	      uint32_t table)
{
	struct route_entry e = {.prefix = *prefix, .table = table != 0 ? table : RT_TABLE_MAIN};
	int err = list_reserve(undo);

	if (err < 0)
		return err;
	prefix_mask(&e.prefix);
	err = route_ask(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index, &e);
	if (err == -EEXIST) {
		int found = route_find(r, index, &e);
		return found < 0 ? found : found ? 0 : -EEXIST;
	}
	if (err == 0)
		undo->items[undo->count++] = e;
	return err;
}

void route_remove(struct rtnl *r, struct route_list *undo, int index, size_t at)
{
	route_ask(r, RTM_DELROUTE, 0, index, &undo->items[at]);
	undo->items[at] = undo->items[--undo->count];
}

int route_renew(struct rtnl *r, const struct route_list *undo, int index)
{
	for (size_t i = 0; i < undo->count; i++) {
		int err = route_ask(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index,
				    &undo->items[i]);
		if (err < 0 && err != -EEXIST)
			return err;
	}
	return 0;
}

void route_undo(struct rtnl *r, struct route_list *undo, int index)
{
	while (undo->count > 0)
		route_ask(r, RTM_DELROUTE, 0, index, &undo->items[--undo->count]);
	free(undo->items);
	*undo = (struct route_list){0};
}
