/* The root engine: all peers of one node. Datagrams and packets go in by batches, facts by one function each; what is to be sent
 * comes out through the outbox. Pure. Life of a packet: outbound.c, inbound.c. */
#ifndef MESH_MESH_H
#define MESH_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/drop.h"
#include "base/env.h"
#include "base/host.h"
#include "base/outbox.h"
#include "base/packet.h"
#include "conf/delta.h"
#include "mesh/event.h"
#include "mesh/past.h"
#include "nat/natcheck.h"

#define MESH_PEERS_MAX                                                                             \
	8192 /* each is some locked pages of its own; the kernel's limit of maps is 65530 */

struct mesh; /* mesh_impl.h, private to the files of this room */

/* NULL without memory. env must outlive it. */
struct mesh *mesh_new(const struct env *env);
/* Wipes all keys. */
void mesh_free(struct mesh *m);

/* --- facts ------------------------------------------------------------------------------------------------------ */

/* Apply a change, all of it or nothing: 0; -ENOMEM; -E2BIG for more than MESH_PEERS_MAX peers at any moment (a new
 * one that comes twice counts twice); -EINVAL for a peer's key of low order. listen_port and fwmark are only noted
 * here: the daemon has opened the sockets before it calls. What must leave at once (keepalives) goes to the outbox. */
int mesh_apply(struct mesh *m, const struct delta *d, usec now, struct outbox *out);

/* How the host's network is now. When it is another, or the host slept: our own address is forgotten on the way to every peer, and
 * those with a session or traffic in the last MESH_ACTIVE_FOR (awake) hear of us at once, by a keepalive or an initiation. */
void mesh_host_changed(struct mesh *m, const struct host *host, usec now, struct outbox *out);
#define MESH_ACTIVE_FOR SEC(120)

/* The inner MTU: bounds the padding. */
void mesh_mtu_changed(struct mesh *m, size_t mtu);
/* The port the doors are really open on. */
void mesh_port_changed(struct mesh *m, uint16_t port);

/* What the name asked for by ACTION_RESOLVE with this id leads to, ports left out; count 0: nothing, or nobody answers. Each such action
 * is to be reported once. For a peer that is gone nothing happens. */
void mesh_resolved(struct mesh *m, uint64_t id, const struct addr *addrs, size_t count, usec now,
		   struct outbox *out);
/* The name to look up; NULL when nobody waits for it any more. */
const char *mesh_endpoint_name(const struct mesh *m, uint64_t id);

/* What an earlier life of the node of key past->self knew. Taken; call it before the change that brings this key or the peers, for
 * a peer takes its part as it appears. The rest waits, until a change removes its peer or all peers. */
void mesh_restore_take(struct mesh *m, struct past *past);
/* What is to outlive the process, ordered by key, of peers and of those still waiting: 0, then past_free() it. -ENOMEM; -ENOKEY
 * without an identity. */
int mesh_past(struct mesh *m, usec now, struct past *out);
/* Grows whenever mesh_past() is worth a call: an endpoint or the set of peers with a session changed, something was forgotten, or an
 * initiation left that was the first for long or dated by a clock set ahead. */
uint64_t mesh_places(const struct mesh *m);

/* --- packets ---------------------------------------------------------------------------------------------------- */

/* Packets read from the TUN, with head and tail room; they are encrypted in place and appear in out->net. At most
 * BATCH_MAX. */
void mesh_outbound(struct mesh *m, struct batch *in, usec now, struct outbox *out);
/* Datagrams from the doors; decrypted in place, the inner packets appear in out->tun. */
void mesh_inbound(struct mesh *m, struct batch *in, usec now, struct outbox *out);

/* --- time ------------------------------------------------------------------------------------------------------- */

/* Do what is due. What the outbox has no room for stays due: empty it and call again. */
void mesh_tick(struct mesh *m, usec now, struct outbox *out);
/* When to tick; in the past while something is still due. USEC_NEVER when idle. */
usec mesh_deadline(const struct mesh *m);

/* --- what the outside sees of us ---------------------------------------------------------------------------------- */

/* Look at the NAT now. Returns the number of a check that is over once mesh_nat.done is not less (see outside_want). */
uint64_t mesh_nat_want(struct mesh *m, usec now);

struct mesh_nat {
	const struct nat_report *report; /* the last complete one */
	enum survey_step step;           /* what is found out now, while one runs */
	uint64_t started, done;          /* numbers of the last check begun, ended */
	uint64_t successes, failures;    /* checks that found our public address, or did not */
	size_t server_count;             /* configured */
	usec wall_offset;                /* as in struct env: for the report's instant */
};

void mesh_nat_look(const struct mesh *m, struct mesh_nat *out);

/* --- what others may read --------------------------------------------------------------------------------------- */

/* An edge lost packets: count them here, so that one table shows all drops. */
void mesh_count_drop(struct mesh *m, enum drop why, uint64_t count);

struct mesh_view {
	bool has_private_key;
	const struct key_private *private_key;
	struct key_public public_key;
	const char *name; /* "" unless set */
	uint16_t listen_port;
	uint32_t fwmark;
	size_t mtu;
	bool overlay_down; /* the host said so */
	size_t peer_count;
	struct drops drops;
};

struct mesh_peer_view {
	struct key_public key;
	const struct key_shared *psk; /* all zero: none */
	const char *name;             /* "" unless set */
	bool anchor, plain;
	struct addr endpoint; /* where packets go; not set: unknown */
	usec handshake_wall; /* wall clock of the latest handshake, microseconds since 1970; 0: never */
	usec direct_since_wall;                              /* 0: not direct */
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets; /* datagrams, handshakes included */
	uint64_t handshakes, initiations; /* completed in either role; begun by us, each try */
	uint16_t keepalive;
	enum conf_path path; /* as configured */
	usec idle_for;       /* since the last packet for or from it; USEC_NEVER: there was none */
	enum mesh_peer_state state;
	uint64_t switches; /* of the address it sends from */
};

void mesh_look(const struct mesh *m, struct mesh_view *out);

/* Peers in the order in which they were added. Pass NULL to begin; NULL at the end. Handles are good until the next call that
 * changes the mesh. */
struct peer;
const struct peer *mesh_peer_next(const struct mesh *m, const struct peer *after);
const struct peer *mesh_peer_find(const struct mesh *m, const struct key_public *key);
void mesh_peer_look(const struct mesh *m, const struct peer *p, usec now,
		    struct mesh_peer_view *out);
/* What happened to peers, the earliest first; taken. False when that was all. */
bool mesh_event_take(struct mesh *m, struct event *out);
/* The peer's allowed IPs in the stable order of allowed_each(). */
void mesh_peer_allowed(const struct mesh *m, const struct peer *p,
		       bool (*visit)(void *ctx, const struct prefix *prefix), void *ctx);

#endif
