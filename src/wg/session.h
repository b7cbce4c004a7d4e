/* One session: a pair of keys, its counters and its end (WireGuard paper, 5.4.6, 6.1, 6.2). */
#ifndef WG_SESSION_H
#define WG_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/drop.h"
#include "base/packet.h"
#include "crypto/aead.h"
#include "wg/message.h"
#include "wg/noise.h"
#include "wg/replay.h"

/* A responder renews a session only when its initiator has not: both ends may be sending on one
 * whose initiator is the other end (protocol.md, section 4, rule 1). */
#define REKEY_AFTER_RESPONDER  (REKEY_AFTER + REKEY_AFTER / 8) /* 135 s */
/* The initiator renews it on receiving, too, as the kernel does: the last moment at which a
 * passive keepalive and a handshake (REJECT_AFTER - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT) still fit
 * in. */
#define REKEY_ON_RECEIVE_AFTER (REJECT_AFTER - REJECT_AFTER / 12) /* 165 s */

struct session {
	uint32_t local_index; /* ours, in what we receive; 0: no session here */
	uint32_t remote_index;
	bool initiator;  /* our initiation made it */
	bool confirmed;  /* the peer has the keys: it may be sent on */
	usec started_at; /* our initiation left, or the peer's came */
	usec created_at; /* the keys were derived: ages count from here */
	usec heard_at;   /* the latest packet was accepted; before, as created_at */
	struct noise_keys keys;
	uint64_t send_counter; /* of the next packet */
	struct replay replay;
};

static inline bool session_exists(const struct session *s)
{
	return s->local_index != 0;
}

/* Confirmed, and within its age and message limits. */
bool session_may_send(const struct session *s, usec now);

/* True when, having sent or received on it, we should make a new one. */
bool session_is_stale(const struct session *s, usec now);
bool session_is_ending(const struct session *s, usec now);

/* Turn a plain packet into the datagram that running *job will seal, in place, and take a
 * counter. It must be one that may be sent on. Pads with zeros to a multiple of 16, but not
 * beyond `mtu` (0: none known). */
void session_seal(struct session *s, struct packet *p, size_t mtu, struct aead_job *job);

/* A data message for this session: the job that opens it in place, or DROP_EXPIRED. len >=
 * MESSAGE_DATA_MIN. */
enum drop session_open(const struct session *s, uint8_t *msg, size_t len, usec now,
		       struct aead_job *job);

/* After its tag held: DROP_REPLAY when it came before. */
enum drop session_accept(struct session *s, const uint8_t *msg, usec now);

void session_wipe(struct session *s);

#endif
