/* Routes of the overlay, with an undo list: what was added here is removed at the end, nothing
 * else. (The device's own routes go with it; this matters for adopted devices and for tables.) */
#ifndef TUN_ROUTE_H
#define TUN_ROUTE_H

#include <stddef.h>

#include "base/prefix.h"
#include "tun/rtnl.h"

struct route_list {
	struct route_entry {
		struct prefix prefix;
		uint32_t table;
	} * items;
	size_t count, room;
};

/* Add prefix dev index table (0: main); host bits are cleared. The device must be up. A route
 * that is there already through this device is fine and not noted for undo; one through another
 * device is left alone: -EEXIST. 0 or -errno. */
int route_add(struct rtnl *r, struct route_list *undo, int index, const struct prefix *prefix,
	      uint32_t table);
/* Remove what is on the list, newest first; errors are skipped. Frees the list. */
void route_undo(struct rtnl *r, struct route_list *undo, int index);

#endif
