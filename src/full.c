/* The full tunnel. */
#include "full.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#define FIRST_TABLE    51820 /* as wg-quick */
#define SRC_VALID_MARK "/proc/sys/net/ipv4/conf/all/src_valid_mark"

int full_init(struct full *f, struct rtnl *r)
{
	*f = (struct full){.rules = {{.family = ADDR_V4}, {.family = ADDR_V6}}};
	return rule_purge(r);
}

/* The table that the rules lead to, or the first that is free. 0 or -errno. */
static int choose_table(const struct full *f, struct rtnl *r, uint32_t *table)
{
	for (size_t i = 0; i < 2; i++) {
		if (f->rules[i].priority != 0) {
			*table = f->rules[i].table;
			return 0;
		}
	}
	*table = FIRST_TABLE;
	return rule_free_table(r, table);
}

int full_choose_mark(const struct full *f, struct rtnl *r, struct conf *c, const struct log *log)
{
	int err = 0;

	if (!conf_has_full(c, ADDR_V4) && !conf_has_full(c, ADDR_V6))
		return 0;
	if (c->fwmark == 0 && (err = choose_table(f, r, &c->fwmark)) < 0)
		log_error(log, "cannot find a free routing table: %s", strerror(-err));
	c->has_fwmark = true;
	if (c->fwmark >= RT_TABLE_DEFAULT && c->fwmark <= RT_TABLE_LOCAL) {
		log_error(log,
			  "FwMark = %u is the number of a routing table of the kernel's own: a "
			  "default route needs another",
			  c->fwmark);
		err = -EINVAL;
	}
	return err;
}

/* Or a host that checks sources strictly (rp_filter = 1) drops the answers: it looks for the way back without their mark. */
static void set_src_valid_mark(const struct log *log)
{
	int fd = open(SRC_VALID_MARK, O_RDWR | O_CLOEXEC);
	char value = '0';
	bool ok =
		fd >= 0 && read(fd, &value, 1) == 1 && (value == '1' || pwrite(fd, "1", 1, 0) == 1);

	if (!ok)
		log_warn(log, "cannot set %s: with rp_filter = 1 nothing comes back: %s",
			 SRC_VALID_MARK, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Bring the rules of a family to this table. 0 or -errno. */
static int set_table(struct rtnl *r, struct rule *rule, uint32_t table)
{
	struct rule old = *rule;
	int err;

	rule->table = table;
	if ((err = rule_add(r, rule)) < 0)
		*rule = old;
	else
		rule_remove(r, &old);
	return err;
}

int full_set_rules(struct full *f, struct rtnl *r, const struct conf *c, const struct log *log)
{
	for (size_t i = 0; i < 2; i++) {
		struct rule *rule = &f->rules[i];
		int err;

		if (!conf_has_full(c, rule->family)) {
			rule_remove(r, rule);
			continue;
		}
		if (rule->priority != 0 && rule->table == c->fwmark)
			continue;
		if (rule->family == ADDR_V4)
			set_src_valid_mark(log);
		if ((err = set_table(r, rule, c->fwmark)) < 0) {
			log_error(log, "cannot add the policy rules for table %u: %s", c->fwmark,
				  strerror(-err));
			return err;
		}
	}
	return 0;
}

int full_renew(const struct full *f, struct rtnl *r)
{
	int err = rule_renew(r, &f->rules[0]);

	return err < 0 ? err : rule_renew(r, &f->rules[1]);
}

void full_undo(struct full *f, struct rtnl *r)
{
	for (size_t i = 0; i < 2; i++)
		rule_remove(r, &f->rules[i]);
}
