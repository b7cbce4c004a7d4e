/* Policy rules that lead everything into one routing table but for the packets that carry its number as their mark: what wg-quick does for
 * a default route. The rules outlive the process that added them, so they can be told from other people's: see rule_purge. */
#ifndef TUN_RULE_H
#define TUN_RULE_H

#include <stdint.h>

#include "tun/rtnl.h"

/* In FRA_PROTOCOL: who added the rule. /etc/iproute2/rt_protos and the kernel know no other of this number. */
#define RULE_PROTOCOL 119

/* Two rules of one family, at `priority` and one before it. */
struct rule {
	uint8_t family; /* ADDR_V4, ADDR_V6 */
	uint32_t table;
	uint32_t priority; /* 0: not there */
};

/* Before all other rules but the kernel's first: look a packet up in main, yet pass over its default route; then, unless it is marked with
 * the table's number, in the table. The table has its route already, or rule_purge may take the rules. 0 and the priority, or -errno:
 * none is there then. */
int rule_add(struct rtnl *r, struct rule *rule);
/* Put back what is gone of those that were there, after the table has its route again. 0 or -errno. */
int rule_renew(struct rtnl *r, const struct rule *rule);
/* Remove both, if they are there. */
void rule_remove(struct rtnl *r, struct rule *rule);

/* Remove the rules of killed processes: those of ours whose table has no route left. A device's routes go with its process, so that such a
 * rule leads nowhere, and its removal changes no packet's way, whoever's it was. Living interfaces have their route, or lost it when their
 * link went down, and renew both when it comes up. 0 or the first -errno. */
int rule_purge(struct rtnl *r);

/* The first table from `*table` upward that has no route and that no rule leads to. 0 or -errno. */
int rule_free_table(struct rtnl *r, uint32_t *table);

#endif
