/* What engines want done: datagrams for the net, plaintext for the TUN, actions for the daemon. One
 * per loop turn, emptied by the daemon's flush. A full outbox counts and loses: every sender has a
 * timer. */
#ifndef BASE_OUTBOX_H
#define BASE_OUTBOX_H

#include <stdbool.h>

#include "base/packet.h"

/* Datagrams made by engines (handshakes, keepalives, staged packets) per turn. */
#define OUTBOX_SLOTS   192
#define OUTBOX_ACTIONS 64

enum action_kind {
	/* Look up the name of an endpoint: mesh_endpoint_name(id), answered by mesh_resolved(id). */
	ACTION_RESOLVE,
	/* Open, or close, the fresh door of this number: a socket with a port of its own, even for IPv4, odd for IPv6. What
	 * an engine has sent on it leaves after the door was opened and before it is closed. Open already: anew. */
	ACTION_OPEN_DOOR,
	ACTION_CLOSE_DOOR,
};

struct action {
	enum action_kind kind;
	uint64_t id;
};

struct outbox {
	struct batch net; /* data packets point into an edge's memory, engines' own into the slab */
	struct batch tun;
	struct action actions[OUTBOX_ACTIONS];
	size_t action_count;
	uint64_t overflows; /* what did not fit, since init */
	struct slab slab;
	size_t slots_used;
	size_t kept; /* places of net that are not for datagrams of engines */
};

/* 0 or -ENOMEM. */
int outbox_init(struct outbox *out);
void outbox_free(struct outbox *out);
/* Forget all contents, after the edges have taken them. */
void outbox_clear(struct outbox *out);

/* A new datagram of `len` bytes (<= PACKET_DATA) for `via`, in memory of the outbox with head and
 * tail room; the caller fills packet->data. NULL (and counted) when the outbox is full. */
struct packet *outbox_datagram(struct outbox *out, const struct via *via, size_t len);

/* How many datagrams of engines still fit: who can wait does, until the outbox was emptied. */
size_t outbox_room(const struct outbox *out);

/* Keep places in net for the next `count` packets of the edges: what engines have to say may leave
 * before them, but not instead of them. */
void outbox_keep(struct outbox *out, size_t count);

/* Append a packet whose bytes are the edge's. False (and counted) when the batch is full. */
bool outbox_net(struct outbox *out, const struct packet *p);
bool outbox_tun(struct outbox *out, const struct packet *p);

/* Append an action. False when there is no room: it is not counted, the caller asks again. */
bool outbox_act(struct outbox *out, const struct action *a);

#endif
