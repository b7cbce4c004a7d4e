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
/* Remove the one at `at` from the device and from the list, whose last one takes its place. */
void route_remove(struct rtnl *r, struct route_list *undo, int index, size_t at);
/* Put back those on the list that are gone: the kernel takes routes away with a device's last address. 0 or the first
 * -errno. */
int route_renew(struct rtnl *r, const struct route_list *undo, int index);
/* 1 when the table has any route of the family, 0 when not, or -errno. */
int route_any(struct rtnl *r, uint8_t family, uint32_t table);
/* Which table other than main has a default route of the family through the device: 1 and that, 0 when none, or -errno. */
int route_default_table(struct rtnl *r, int index, uint8_t family, uint32_t *table);
/* Remove what is on the list, newest first; errors are skipped. Frees the list. */
void route_undo(struct rtnl *r, struct route_list *undo, int index);

#endif
