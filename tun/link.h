/* Properties of the overlay interface: up, MTU, addresses, address generation mode, queue
 * length. By rtnetlink. */
#ifndef TUN_LINK_H
#define TUN_LINK_H

#include <stdint.h>

#include "base/prefix.h"
#include "tun/rtnl.h"

/* All: 0 or -errno; an address that is there already is -EEXIST. */
int link_set_mtu(struct rtnl *r, int index, uint32_t mtu);
int link_set_up(struct rtnl *r, int index);
int link_set_txqueuelen(struct rtnl *r, int index, uint32_t len);
/* IN6_ADDR_GEN_MODE_NONE: no fe80 address appears by itself, or `wg-quick save` would write it
 * into the user's file. Without IPv6 on the host: 0. */
int link_set_no_ll(struct rtnl *r, int index);
int link_add_address(struct rtnl *r, int index, const struct prefix *address);
int link_remove_address(struct rtnl *r, int index, const struct prefix *address);

#endif
