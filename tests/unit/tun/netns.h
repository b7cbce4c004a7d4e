/* A network namespace of its own for a test program: what it does to interfaces and routes goes
 * with it. */
#ifndef UNIT_TUN_NETNS_H
#define UNIT_TUN_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"
#include "tun/rtnl.h"
#include "tun/tun.h"

/* Enter a new one, with lo up and TUN devices to be had. False when the host does not let us:
 * then the whole program is skipped, and has said so in TAP. */
bool netns_enter(void);

/* Let it carry packets from one interface to another. False when the host does not let us: likewise. */
bool netns_may_forward(void);

struct prefix netns_prefix(const char *text);

/* A TUN device that is up, without link-local address, with these addresses (NULL: none). */
struct tun *netns_tun(struct rtnl *r, const char *name, const char *v4, const char *v6);
void netns_link_down(struct rtnl *r, int index);
void netns_link_delete(struct rtnl *r, int index);

#endif
