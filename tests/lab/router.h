/* A home router's way with a packet: tests/lab/translate.h reads and writes the bytes, tests/sim/natbox.h decides, and
 * this is what lies between: fragments, hops, ICMP about what could not go on, pings to the router itself (RFC 3022,
 * RFC 4787, RFC 5508, RFC 1812). Pure: the lab's `warren-natbox` brings packets, time and randomness. */
#ifndef LAB_ROUTER_H
#define LAB_ROUTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "lab/translate.h"
#include "sim/natbox.h"

#define ROUTER_FRAGMENTS_MAX 64     /* fragmented packets under way */
#define ROUTER_FRAGMENT_LIFE SEC(5) /* from the first fragment: longer than any reordering here */

enum router_side { ROUTER_INSIDE, ROUTER_OUTSIDE, ROUTER_SIDES };

enum router_way {
	ROUTER_DROP,
	ROUTER_TO_INSIDE,
	ROUTER_TO_OUTSIDE,
};

/* Packets dropped before the NAT saw them, and answers that are the router's own. */
struct router_stats {
	uint64_t short_, corrupt, alien, lost_fragment, own;
	uint64_t answered, time_exceeded, unreachable;
};

struct router_fragment {
	usec until; /* 0: free */
	enum router_side from;
	uint8_t protocol;
	uint32_t id;
	struct addr src, dst, new_src, new_dst; /* without ports */
	enum router_way way;
};

struct router {
	struct natbox nb;
	struct addr own4, own6; /* its addresses inside; either may be none */
	struct router_stats stats;
	struct router_fragment fragments[ROUTER_FRAGMENTS_MAX];
	size_t next_fragment;
};

/* What natbox_init says. */
int router_init(struct router *r, const struct natbox_config *config, const struct addr *own4,
		const struct addr *own6, uint64_t seed);
void router_free(struct router *r);

/* Forget all flows and fragments. */
void router_flush(struct router *r);

/* A packet of *len bytes came from a side: it is translated in place, or replaced by what its sender is told, and *len
 * with it; `room` is the memory there. now never goes back. */
enum router_way router_packet(struct router *r, enum router_side from, uint8_t *packet, size_t *len,
			      size_t room, usec now);

#endif
