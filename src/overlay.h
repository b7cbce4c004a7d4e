/* The overlay interface as a configuration file wants it: MTU, addresses, up, routes for AllowedIPs, policy rules for a default route; undone at the end. */
#ifndef OVERLAY_H
#define OVERLAY_H

#include "base/log.h"
#include "conf/conf.h"
#include "full.h"
#include "tun/route.h"
#include "tun/rtnl.h"

struct overlay {
	struct rtnl *rtnl;
	struct prefix *addresses; /* that were added here */
	size_t address_count;
	struct route_list routes;
	struct full full;
	int index;
	uint32_t mtu; /* as set here */
	bool up;      /* it was set up here */
};

/* The device is new: no link-local address by itself, the default MTU. With `queue_len` (0: as its
 * maker has it), that many packets may wait to be read. 0 or -errno, told in the log. */
int overlay_init(struct overlay *o, int index, uint32_t queue_len, const struct log *log);
/* A default route needs the tunnel's packets marked: where the file does not say how, `c` gets a FwMark here, the same as long as there is a
 * default route. Before anything else is made of `c`. 0 or -errno, told in the log. */
int overlay_choose_mark(struct overlay *o, struct conf *c, const struct log *log);
/* Bring the link to what [Interface] and AllowedIPs say, from whatever an earlier call made of it: what is in both stays untouched, what
 * the configuration has no more is removed if it was added here. 0 or -errno, told in the log; what was done by then is undone by the next
 * call or by overlay_undo. */
int overlay_apply(struct overlay *o, const struct conf *c, const struct log *log);
/* Set again what the kernel took of that: with a link that goes down all its routes go, and its IPv6 addresses. `c` is the configuration
 * applied last. 0 or -errno, told in the log. */
int overlay_renew(struct overlay *o, const struct conf *c, const struct log *log);
void overlay_undo(struct overlay *o);

#endif
