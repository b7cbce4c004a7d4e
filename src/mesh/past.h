/* What outlives the process, of each peer: facts of an earlier life, which wait here until their peer is configured, and the same facts
 * of this one, to be written down (interface.md section 1, "State"; protocol.md section 7, "Timestamps"). Session keys are not among
 * them. */
#ifndef MESH_PAST_H
#define MESH_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "crypto/key.h"
#include "wg/noise.h"

struct peer;

#define PAST_RECENT_FOR SEC(180) /* who was heard so lately is called at once after a restart */
#define PAST_JITTER_MAX MSEC(200)

struct past_peer {
	struct key_public key;
	struct addr endpoint; /* from where it was last heard; not set: it was not */
	struct addr given;    /* the endpoint that the configuration gave; not set: none */
	uint8_t sent[NOISE_TIMESTAMP_LEN];     /* greatest TAI64N; zero: none */
	uint8_t received[NOISE_TIMESTAMP_LEN]; /* the same */
	uint64_t seen; /* when it was last heard: seconds since 1970, 0: never */
	bool gone;     /* scratch of the mesh: taken by its peer, or forgotten */
};

struct past {
	struct key_public self; /* whose peers these are */
	struct past_peer *peers;
	size_t count;
};

/* An empty past of this node with room for `room` peers: 0 or -ENOMEM. */
int past_init(struct past *p, const struct key_public *self, size_t room);
void past_free(struct past *p);

/* Order by key, as past_find() wants it; of several entries with one key one stays. Returns how many went. */
size_t past_sort(struct past *p);
/* Its entry, or NULL. */
struct past_peer *past_find(const struct past *p, const struct key_public *key);

/* --- one peer --------------------------------------------------------------------------------------------------- */

/* Give a peer, once it is configured and before it sends anything, what an earlier life knew of it. Its first initiation is
 * later than all that left then, what was received then is refused; where it was is where packets go, unless it has been heard
 * since or the configuration now gives another endpoint than it did; was it heard in the last PAST_RECENT_FOR, an initiation
 * leaves within PAST_JITTER_MAX. */
void past_recall(struct peer *p, const struct past_peer *then, usec now);

/* Bring p->known up to date. A timestamp received from further ahead than an hour is not noted: the clock of a plain peer that
 * was wrong once would lock it out for good. */
void past_note(struct peer *p, usec now);
/* Note where the peer is and whether it is there. True when either changed since the last call, or an
 * initiation left that is the first, or dated by a clock that was set ahead. */
bool past_note_place(struct peer *p, usec now);

#endif
