/* WireGuard with one peer: handshakes in both roles, sessions, timers, staged packets. Pure: it
 * knows no path; the caller says where a handshake message goes (`via`) and where a session's
 * packets go.
 *
 * Crossing handshakes follow protocol.md section 4, rules 1, 2 and 4: initiator and responder
 * state are separate, both initiations are answered, and both ends settle on the session whose
 * initiator has the smaller public key. */
#ifndef WG_TUNNEL_H
#define WG_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/drop.h"
#include "base/env.h"
#include "base/outbox.h"
#include "crypto/aead.h"
#include "crypto/key.h"
#include "wg/cookie.h"
#include "wg/index.h"
#include "wg/noise.h"
#include "wg/session.h"
#include "wg/staging.h"
#include "wg/timers.h"

/* What all tunnels of one node share; owned by the mesh, in locked memory. */
struct tunnel_shared {
	const struct env *env;
	struct noise_local local; /* our identity */
	struct index index;       /* with room for TUNNEL_INDICES per tunnel */
	struct staging staging;
	struct drops drops; /* what is lost in here; reasons that are returned, the caller counts */
};

struct tunnel_stats {
	uint64_t rx_bytes, tx_bytes; /* datagrams, handshakes included, as wg show counts them */
	uint64_t rx_packets, tx_packets;
	uint64_t handshakes_started; /* initiations of ours */
	uint64_t handshakes_done;    /* sessions confirmed, in either role */
	usec handshake_at;           /* when the latest was; USEC_NEVER: never */
	usec handshake_took; /* from the first message of either side; retries are part of it */
	usec data_at; /* when a packet, not a keepalive, last came for or from the peer; USEC_NEVER: never */
	usec heard_at; /* when anything authenticated came; USEC_NEVER: never */
};

enum tunnel_result {
	TUNNEL_IDLE,    /* nothing for the caller to do */
	TUNNEL_UP,      /* a session can be sent on now: tunnel_flush() the staged packets */
	TUNNEL_EXPIRED, /* handshakes went unanswered for 90 s: staged packets were dropped */
};

#define TUNNEL_ATTEMPTS    2 /* outstanding initiations that stay usable: rule 2 */
#define TUNNEL_UNCONFIRMED 2 /* sessions as responder whose first packet has not come: rule 2 */
#define TUNNEL_CONFIRMED   3 /* the one in use, the one before, and the other of a crossing */
#define TUNNEL_SESSIONS    (TUNNEL_UNCONFIRMED + TUNNEL_CONFIRMED)
#define TUNNEL_INDICES     (TUNNEL_ATTEMPTS + TUNNEL_SESSIONS) /* held at once, at most */

/* An initiation of ours that may still be answered. */
struct tunnel_attempt {
	uint32_t index; /* 0: none */
	usec sent_at;
	struct noise_initiator noise;
};

/* Embedded by value in its peer. Private to tunnel.c: others use the functions below and read
 * `stats`, and the timestamps, which are kept over restarts (mesh/past.h). Once initialised it
 * must not move: the index table points to it. */
struct tunnel {
	struct tunnel_shared *shared;
	struct noise_remote remote; /* peer's static key, PSK, precomputed DH */
	struct cookie_jar cookies;
	struct staging_queue staged;
	struct tunnel_stats stats;
	struct timers timers;

	uint8_t timestamp_sent[NOISE_TIMESTAMP_LEN];     /* the greatest; zero: none */
	uint8_t timestamp_received[NOISE_TIMESTAMP_LEN]; /* the greatest; zero: none */
	usec initiation_from; /* no initiation of the peer is taken before */
	bool stuck;           /* the last tick could not send, and nothing happened since */

	struct tunnel_attempt attempts[TUNNEL_ATTEMPTS]; /* the newest first */
	struct session sessions[TUNNEL_SESSIONS];        /* in no order */
	struct session *current;                         /* the one to send on; NULL: none */
};

/* remote: canonical. psk may be all zero. The tunnel must be in zeroed memory, and shared->index
 * have room for TUNNEL_INDICES more. False when the remote key is of low order. */
bool tunnel_init(struct tunnel *t, struct tunnel_shared *shared, const struct key_public *remote,
		 const struct key_shared *psk);
/* Wipes all keys, gives back indices and staged packets. Harmless on zeroed memory. */
void tunnel_wipe(struct tunnel *t);

/* A new PSK, for handshakes from now on. */
void tunnel_set_psk(struct tunnel *t, const struct key_shared *psk);
/* Our identity changed: sessions and handshakes made with the old one end, keys are wiped. Who
 * had a session or wanted one starts anew at the next tick. */
void tunnel_identity_changed(struct tunnel *t);
/* What an earlier life of ours sent and received as greatest timestamps, zero: none. From now on later ones
 * are sent and taken. Never goes back. */
void tunnel_recall(struct tunnel *t, const uint8_t sent[static NOISE_TIMESTAMP_LEN],
		   const uint8_t received[static NOISE_TIMESTAMP_LEN]);
/* Persistent keepalive, 0: off. Going from off to on, the next tick sends one (or an
 * initiation). */
void tunnel_set_keepalive(struct tunnel *t, uint16_t seconds, usec now);

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* Seal one inner packet (p->data/len is the plain packet, with head and tail room): fills *job,
 * after which p is the datagram once the job ran, and returns DROP_NONE. `mtu` bounds the
 * padding (0: none known). Run the job before a handshake message is given to this tunnel: it
 * points to the session's key. Without a session the packet is copied to the staging queue and
 * job->key is NULL: the caller calls tunnel_tick(), which sends an initiation as soon as the
 * schedule allows. Any other drop: the packet is lost, for that reason. */
enum drop tunnel_send(struct tunnel *t, struct packet *p, size_t mtu, usec now,
		      struct aead_job *job);

/* Seal all staged packets into the outbox, to via. Nothing happens without any, without a
 * session, or with VIA_NONE. Returns how many left; what the outbox had no room for is lost. */
unsigned tunnel_flush(struct tunnel *t, const struct via *via, size_t mtu, usec now,
		      struct outbox *out);

/* Send an empty packet (a keepalive, or the key confirmation of an initiator) on the session in
 * use. False without a session or with VIA_NONE. */
bool tunnel_keepalive(struct tunnel *t, const struct via *via, usec now, struct outbox *out);

/* --- receiving handshakes --------------------------------------------------------------------------------------- */

/* An initiation that claims to be of this peer, as noise_read_initiation() decrypted it (mac1
 * and load were checked by the caller). Nothing happens before the claim is proved (vuln_29).
 * The response goes to via, where it came from: DROP_NONE when it was answered. r is wiped in
 * any case. */
enum drop tunnel_initiation(struct tunnel *t, struct noise_responder *r, const struct via *via,
			    usec now, struct outbox *out);
/* A response or cookie reply whose receiver index is ours. After DROP_NONE of a response the
 * caller flushes or, with nothing staged, sends a keepalive: the peer may send only after our
 * first packet. A cookie serves the next retry. */
enum drop tunnel_response(struct tunnel *t, const struct message_response *msg, usec now);
enum drop tunnel_cookie(struct tunnel *t, const struct message_cookie *msg, usec now);

/* --- receiving data --------------------------------------------------------------------------------------------- */

/* Prepare to open a data message (msg: the datagram, len >= MESSAGE_DATA_MIN) that index_find()
 * gave to this tunnel. Fills *job; the plaintext will be at msg + 16, job->len bytes. Run the
 * job before a handshake message is given to this tunnel. */
enum drop tunnel_open(struct tunnel *t, uint8_t *msg, size_t len, usec now, struct aead_job *job);
/* After the tag held: replay window, key confirmation, timers. `msg` as before. data: false for
 * an empty packet (a keepalive). DROP_NONE: accepted; *result says TUNNEL_UP when this packet
 * confirmed a session to send on. */
enum drop tunnel_received(struct tunnel *t, const uint8_t *msg, size_t len, bool data, usec now,
			  enum tunnel_result *result);

/* --- time ------------------------------------------------------------------------------------------------------- */

/* Do what is due: initiations and their retries, keepalives, key erasure, surrender. Calling it
 * too early or too often does nothing; after a long sleep each thing is done once. via: where
 * to. With VIA_NONE (or without an identity) nothing can be sent: attempts wait, without burning
 * their schedule, for a tick with a via; the caller says tunnel_unblock(), or tunnel_start(), when it
 * has one. While the peer does not answer, via->local is cleared: the host is to choose our
 * address anew, as with the kernel's WireGuard. TUNNEL_IDLE or TUNNEL_EXPIRED. */
enum tunnel_result tunnel_tick(struct tunnel *t, struct via *via, usec now, struct outbox *out);
#define TUNNEL_TICK_SENDS 2 /* a keepalive and an initiation: the most that one tick sends */
/* When tunnel_tick() is to be called: never later than that. Finite while anything is
 * outstanding, but for what waits for a via. */
usec tunnel_deadline(const struct tunnel *t);

/* Start a handshake at the next tick, whatever the timers say, unless one left within the last
 * round trip (250 ms as long as that is not known) or we answered one in the last 250 ms: then
 * after that. */
void tunnel_start(struct tunnel *t, usec now);
/* There is a via now: what waited for it is due again, by its own schedule. */
void tunnel_unblock(struct tunnel *t);

bool tunnel_has_session(const struct tunnel *t, usec now);
/* When the session in use will be too old to send on; USEC_NEVER without one. */
usec tunnel_session_until(const struct tunnel *t);
/* A handshake of ours was not answered yet. */
bool tunnel_is_starting(const struct tunnel *t);
/* Since when the peer owes us an answer, to data or an initiation; USEC_NEVER: it does not. */
usec tunnel_silent_since(const struct tunnel *t);

#endif
