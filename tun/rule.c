/* Policy rules by rtnetlink. The two of an interface are found again by protocol and table and by lying side by side: of several interfaces
 * each has a rule for main that is like the others'. */
#include "tun/rule.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/prefix.h"
#include "tun/route.h"

#define PURGE_MAX 16 /* rules in one go */

/* What one message of a dump says. */
struct seen {
	uint32_t table, priority;
	uint8_t protocol;
	bool inverted; /* for all but what has the mark */
};

static struct fib_rule_hdr *rule_request(union rtnl_request *q, uint16_t type, uint8_t family)
{
	mnl_nlmsg_put_header(q->bytes)->nlmsg_type = type;
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(&q->header, sizeof *m);
	m->family = family == ADDR_V4 ? AF_INET : AF_INET6;
	return m;
}

static struct fib_rule_hdr *put_rule(union rtnl_request *q, uint16_t type, const struct rule *rule,
				     uint32_t table, uint32_t priority)
{
	struct fib_rule_hdr *m = rule_request(q, type, rule->family);

	if (type == RTM_NEWRULE)
		q->header.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	m->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(&q->header, FRA_TABLE, table);
	mnl_attr_put_u32(&q->header, FRA_PRIORITY, priority);
	mnl_attr_put_u8(&q->header, FRA_PROTOCOL, RULE_PROTOCOL);
	return m;
}

static int ask_unmarked(struct rtnl *r, uint16_t type, const struct rule *rule)
{
	union rtnl_request q;
	struct fib_rule_hdr *m = put_rule(&q, type, rule, rule->table, rule->priority);

	m->flags = FIB_RULE_INVERT;
	mnl_attr_put_u32(&q.header, FRA_FWMARK, rule->table);
	return rtnl_ask(r, &q.header);
}

static int ask_main(struct rtnl *r, uint16_t type, const struct rule *rule)
{
	union rtnl_request q;

	put_rule(&q, type, rule, RT_TABLE_MAIN, rule->priority - 1);
	mnl_attr_put_u32(&q.header, FRA_SUPPRESS_PREFIXLEN, 0);
	return rtnl_ask(r, &q.header);
}

/* --- what is there ---------------------------------------------------------------------------------------------- */

static int see_attribute(const struct nlattr *a, void *ctx)
{
	struct seen *seen = ctx;
	uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);

	if (type == FRA_TABLE && len == sizeof seen->table)
		seen->table = mnl_attr_get_u32(a);
	else if (type == FRA_PRIORITY && len == sizeof seen->priority)
		seen->priority = mnl_attr_get_u32(a);
	else if (type == FRA_PROTOCOL && len == sizeof seen->protocol)
		seen->protocol = mnl_attr_get_u8(a);
	return MNL_CB_OK;
}

struct search {
	void (*look)(struct search *s, const struct seen *seen);
	uint8_t family;
	uint32_t table;   /* wanted */
	uint32_t highest; /* the least priority that is not 0 */
	bool found;
	struct rule ours[PURGE_MAX];
	size_t ours_count;
};

static void look_at(void *ctx, const struct nlmsghdr *h)
{
	struct search *s = ctx;
	const struct fib_rule_hdr *m = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(h) < sizeof *m)
		return;
	struct seen seen = {.table = m->table, .inverted = (m->flags & FIB_RULE_INVERT) != 0};
	mnl_attr_parse(h, sizeof *m, see_attribute, &seen);
	s->look(s, &seen);
}

static int look_for(struct rtnl *r, struct search *s)
{
	union rtnl_request q;

	rule_request(&q, RTM_GETRULE, s->family);
	return rtnl_dump(r, &q.header, look_at, s);
}

static void look_at_priority(struct search *s, const struct seen *seen)
{
	if (seen->priority != 0 && seen->priority < s->highest)
		s->highest = seen->priority;
}

static void look_at_table(struct search *s, const struct seen *seen)
{
	s->found |= seen->table == s->table;
}

static void look_at_ours(struct search *s, const struct seen *seen)
{
	if (seen->protocol == RULE_PROTOCOL && seen->inverted && s->ours_count < PURGE_MAX)
		s->ours[s->ours_count++] = (struct rule){
			.family = s->family, .table = seen->table, .priority = seen->priority};
}

/* --- to and fro ------------------------------------------------------------------------------------------------- */

int rule_add(struct rtnl *r, struct rule *rule)
{
	struct search s = {.look = look_at_priority, .family = rule->family, .highest = UINT32_MAX};
	int err = look_for(r, &s);

	if (err < 0)
		return err;
	if (s.highest < 3) /* there is no room before it */
		return -ERANGE;
	rule->priority = s.highest - 1;
	/* In this order, and removed in the other, so that whatever is left by one who is killed between has the rule that rule_purge
	 * looks for. */
	err = ask_unmarked(r, RTM_NEWRULE, rule);
	if (err == 0 && (err = ask_main(r, RTM_NEWRULE, rule)) < 0)
		ask_unmarked(r, RTM_DELRULE, rule);
	if (err < 0)
		rule->priority = 0;
	return err;
}

int rule_renew(struct rtnl *r, const struct rule *rule)
{
	int err;

	if (rule->priority == 0)
		return 0;
	err = ask_unmarked(r, RTM_NEWRULE, rule);
	if (err == 0 || err == -EEXIST)
		err = ask_main(r, RTM_NEWRULE, rule);
	return err == -EEXIST ? 0 : err;
}

void rule_remove(struct rtnl *r, struct rule *rule)
{
	if (rule->priority == 0)
		return;
	ask_main(r, RTM_DELRULE, rule);
	ask_unmarked(r, RTM_DELRULE, rule);
	rule->priority = 0;
}

static int purge(struct rtnl *r, uint8_t family)
{
	struct search s = {.look = look_at_ours, .family = family};
	int err = look_for(r, &s);

	for (size_t i = 0; err == 0 && i < s.ours_count; i++) {
		int any = route_any(r, family, s.ours[i].table);

		if (any == 0)
			rule_remove(r, &s.ours[i]);
		err = any < 0 ? any : 0;
	}
	return err;
}

int rule_purge(struct rtnl *r)
{
	int err = purge(r, ADDR_V4);

	return err < 0 ? err : purge(r, ADDR_V6);
}

/* 1 when something of the family is about this table, 0 when not, or -errno. */
static int is_used(struct rtnl *r, uint8_t family, uint32_t table)
{
	struct search s = {.look = look_at_table, .family = family, .table = table};
	int err = look_for(r, &s);

	return err < 0 ? err : s.found ? 1 : route_any(r, family, table);
}

int rule_free_table(struct rtnl *r, uint32_t *table)
{
	for (;; ++*table) {
		int used = is_used(r, ADDR_V4, *table);

		if (used == 0)
			used = is_used(r, ADDR_V6, *table);
		if (used <= 0)
			return used;
	}
}
