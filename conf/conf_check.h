/* What must hold in a configuration beyond single values: peers that are there once and are not ourselves, addresses that
 * do not overlap, a prefix that belongs to one peer (reliability.md 3.4). */
#ifndef CONF_CONF_CHECK_H
#define CONF_CONF_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "conf/conf_error.h"

/* A prefix and where the file says so. */
struct conf_claim {
	struct prefix prefix;
	unsigned line;
	size_t peer; /* index; 0 for an Address */
};

struct conf_claims {
	struct conf_claim *items;
	size_t count, room;
};

/* Lines of what struct conf has only as a value; 0: not in the file. */
struct conf_places {
	unsigned interface_line, private_key_line, mtu_line;
	struct conf_claims addresses, allowed;
};

/* False without memory. */
bool conf_check_claim(struct conf_claims *c, const struct prefix *prefix, unsigned line,
		      size_t peer);

/* Appends what does not hold to errors. Sorts the claims. False without memory. */
bool conf_check(const struct conf *c, struct conf_places *places, struct conf_errors *errors);

#endif
