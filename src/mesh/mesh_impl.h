/* struct mesh, for the files of this room only. */
#ifndef MESH_MESH_IMPL_H
#define MESH_MESH_IMPL_H

#include "base/heap.h"
#include "base/ip.h"
#include "base/list.h"
#include "base/table.h"
#include "mesh/event.h"
#include "mesh/load.h"
#include "mesh/mesh.h"
#include "mesh/outside.h"
#include "mesh/past.h"
#include "mesh/peer.h"
#include "wg/allowed.h"
#include "wg/ratelimit.h"

/* AEAD work gathered from one batch, all peers mixed: job i belongs to packets[i]. */
struct mesh_work {
	struct aead_job jobs[BATCH_MAX];
	struct packet *packets[BATCH_MAX];
	struct peer *peers[BATCH_MAX];
	size_t count;
	struct mesh_found {
		uint8_t family; /* 0: nothing was looked for in this batch */
		const uint8_t *ip;
		struct peer *peer;
	} found; /* the last */
};

struct mesh {
	const struct env *env;
	struct tunnel_shared shared;
	struct cookie_checker checker;
	struct ratelimit ratelimit;
	struct load load;
	struct allowed allowed; /* owners are struct peer */
	struct table by_key;
	struct table by_id;
	uint64_t last_id; /* of a peer; never used again */
	struct list peers;
	size_t peer_count;
	struct list touched; /* peers that a batch concerned and that are not settled yet */
	struct heap deadlines;
	struct events events;
	struct past past; /* what waits for its peer */
	struct outside outside;
	uint64_t places; /* counts changes of where a peer is, or whether it is there */
	struct mesh_work work;
	char name[CONF_NAME_MAX + 1];
	uint16_t listen_port;
	uint32_t fwmark;
	size_t mtu;
	struct host host;
	bool loop_seen;             /* since the host changed */
	struct prefix overlap_told; /* the overlay's, that was warned of last */
};

/* Do what is due for this peer, if the outbox has room for it, and put it back at its place in the heap; after everything that may
 * have moved its deadline. */
void mesh_settle(struct mesh *m, struct peer *p, usec now, struct outbox *out);
/* The same once for each peer of a batch: mesh_touch() it as often as it has packets, and settle all those. */
void mesh_touch(struct mesh *m, struct peer *p);
void mesh_settle_touched(struct mesh *m, usec now, struct outbox *out);

/* Begin a batch. Its packets stay where they are until it ends. */
void mesh_begin(struct mesh *m);
/* The peer that the inner address `ip` (in a packet of the batch) belongs to, or NULL. Packets come in runs: what was asked for the packet
 * before is answered at once. */
struct peer *mesh_find(struct mesh *m, uint8_t family, const uint8_t *ip);

/* Warn of a subnet of the host's that overlaps the overlay, once; after a change of either (F40). */
void mesh_tell_overlap(struct mesh *m);
/* True for a datagram of our own, on its way to a peer, that came in by the TUN: a route leads there (F39). */
bool mesh_is_loop(struct mesh *m, const struct ip_view *ip, const uint8_t *data);

static inline void mesh_drop(struct mesh *m, enum drop why)
{
	m->shared.drops.count[why]++;
}

#endif
