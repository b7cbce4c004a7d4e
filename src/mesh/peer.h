/* One peer: its tunnel, where its packets go, and what is said about it. One allocation, in locked memory. */
#ifndef MESH_PEER_H
#define MESH_PEER_H

#include "base/heap.h"
#include "base/host.h"
#include "base/list.h"
#include "base/outbox.h"
#include "conf/delta.h"
#include "mesh/event.h"
#include "mesh/lookup.h"
#include "mesh/moves.h"
#include "mesh/past.h"
#include "wg/tunnel.h"

struct peer {
	struct tunnel tunnel;
	struct key_public key;
	uint64_t id;          /* in actions; 0: not in a mesh */
	struct via via;       /* where packets go; VIA_NONE: not known */
	struct lookup lookup; /* of its endpoint's name */
	struct heap_node deadline;
	struct list order;   /* in mesh.peers, as added */
	struct list touched; /* in mesh.touched, or in none */
	char name[CONF_NAME_MAX + 1];
	char short_key[KEY_SHORT_MAX];
	bool anchor;
	bool leaving; /* scratch of mesh_apply */
	enum conf_path path;
	uint16_t keepalive;   /* seconds, 0: off */
	bool down;            /* the last handshake was given up, and it was not heard since */
	usec up_at;           /* the latest session came */
	usec direct_since;    /* the first of those without a gap before it did; USEC_NEVER: none */
	unsigned switches;    /* times the address it sends from changed */
	struct moves moves;   /* what was told of that */
	usec announce_at;     /* tell it where we are; USEC_NEVER: not to be told */
	uint64_t announce_tx; /* unless more than these packets left until then */
	struct addr heard_on; /* ours that its last packet came to; not set: not known */
	bool astray;          /* what we send leaves by another link than that one's */
	bool may_ask;         /* our network changed, and it was not heard where we are now */
	usec ask_at;          /* then a handshake asks whether it knows; USEC_NEVER: not yet */
	struct addr given;    /* the endpoint that the configuration gave, if any */
	struct past_peer known; /* what is to outlive the process, as last noted */
	usec known_wall_offset; /* of the clock then; 0: nothing was noted yet */
	bool known_there;       /* it had a session then */
	struct event_told told;
};

/* 0 and *out; -ENOMEM; -EINVAL for a key of low order. */
int peer_new(struct peer **out, struct tunnel_shared *shared, const struct key_public *key);
/* Wipes all keys. NULL is fine. The caller has taken it out of every table. */
void peer_free(struct peer *p);

static inline struct peer *peer_of(struct tunnel *t)
{
	return list_entry(t, struct peer, tunnel);
}

/* Its name if it has one, else the start of its key: for the log. */
const char *peer_label(const struct peer *p);

/* Packets go there from now on. */
void peer_send_to(struct peer *p, const struct addr *endpoint);

/* Take from a change what concerns this peer alone (allowed IPs are the mesh's). */
void peer_apply(struct peer *p, const struct delta_peer *d, usec now);

/* An authenticated packet came by this way: packets go back there (WireGuard's roaming; all peers are plain yet), and from the
 * address it came to, unless that one's link is not where they leave. */
void peer_heard(struct peer *p, const struct via *via, const struct host *host, usec now);

/* It proved that it is there, in a session: whether or not it was given up. */
void peer_speaks(struct peer *p, usec now);
enum mesh_peer_state peer_state(const struct peer *p, usec now);

/* A session can be sent on: staged packets leave, or an empty one when `confirm` (the initiator's key confirmation). */
void peer_up(struct peer *p, bool confirm, size_t mtu, usec now, struct outbox *out);

/* Its endpoint's name leads to these (at most LOOKUP_ADDRS; ports do not count). They are tried once the peer is silent, or has no
 * session; one that is heard stays where it is. */
void peer_resolved(struct peer *p, const struct addr *addrs, size_t count, usec now);

/* The host's network changed: let it choose our address anew; a peer that sent or received since `active_since` is told where we are
 * within PEER_ANNOUNCE_WITHIN. That one packet may be lost: a peer that knows us by an address we left, and is heard at no better one
 * for PEER_HEARD_WITHIN after it, gets a handshake, which has retries; one for each change. */
void peer_host_changed(struct peer *p, const struct host *host, usec active_since, usec now);
#define PEER_ANNOUNCE_WITHIN MSEC(200)
#define PEER_HEARD_WITHIN    MSEC(500)

/* Do what is due. */
void peer_tick(struct peer *p, usec now, struct outbox *out);
usec peer_deadline(const struct peer *p);

#endif
