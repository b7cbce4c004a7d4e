/* The full tunnel: a default route among AllowedIPs, without leading the tunnel's own packets into the tunnel (interface.md section 2, Table =
 * auto). The route lies in a table of its own; policy rules lead there whatever has not the table's number as its mark; the tunnel's own
 * packets have it. */
#ifndef FULL_H
#define FULL_H

#include "base/log.h"
#include "conf/conf.h"
#include "tun/rule.h"

struct full {
	struct rule rules[2]; /* IPv4, IPv6 */
};

/* Where the rules are to be; removes what a killed daemon left. 0 or -errno. */
int full_init(struct full *f, struct rtnl *r);
/* Where the configuration wants a full tunnel and has no FwMark, give it one: the table in use, or else a free one. 0 or -errno, told
 * in the log. */
int full_choose_mark(const struct full *f, struct rtnl *r, struct conf *c, const struct log *log);
/* Once the routes are there, and before old ones go: bring the rules to what `c` says. 0 or -errno, told in the log. */
int full_set_rules(struct full *f, struct rtnl *r, const struct conf *c, const struct log *log);
/* Put back rules that are gone. 0 or -errno. */
int full_renew(const struct full *f, struct rtnl *r);
/* Remove all rules. What else there is stays as wg-quick leaves it: src_valid_mark is 1. */
void full_undo(struct full *f, struct rtnl *r);

#endif
