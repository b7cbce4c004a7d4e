/* WireGuard with one peer: handshakes in both roles, sessions, timers, staged packets. Pure: it knows no path; the caller says
 * where a handshake message goes (`via`) and where a session's packets go.
 *
 * Crossing handshakes follow protocol.md section 4, rules 1, 2 and 4: initiator and responder state are separate, both
 * initiations are answered, and both ends settle on the session whose initiator has the smaller public key. */
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
	struct index index;
	struct staging staging;
	struct drops drops;
};

struct tunnel_stats {
	uint64_t rx_bytes, tx_bytes; /* datagrams, as wg show counts them */
	uint64_t rx_packets, tx_packets;
	uint64_t handshakes_started, handshakes_done;
	usec handshake_at; /* when the session in use was confirmed; USEC_NEVER: never */
};

enum tunnel_result {
	TUNNEL_IDLE,	/* nothing for the caller to do */
	TUNNEL_UP,	/* a session can be sent on now: tunnel_flush() the staged packets, or tunnel_keepalive() */
	TUNNEL_EXPIRED, /* handshakes went unanswered for 90 s: staged packets were dropped */
};

/* Embedded by value in its peer. Private to tunnel.c: others use the functions below and read `stats`. */
struct tunnel {
	struct tunnel_shared *shared;
	struct noise_remote remote; /* peer's static key, PSK, precomputed DH */
	struct cookie_jar cookies;
	struct staging_queue staged;
	struct tunnel_stats stats;
	struct timers timers;
	/* ... (handshakes and sessions: the author of tunnel.c completes this) */
};

/* remote: canonical. psk may be all zero. The tunnel must be in zeroed memory. False when the remote key is of low order or
 * there is no room for its indices. */
bool tunnel_init(struct tunnel *t, struct tunnel_shared *shared, const struct key_public *remote, const struct key_shared *psk);
/* Wipes all keys, gives back indices and staged packets. */
void tunnel_wipe(struct tunnel *t);

/* A new PSK, for handshakes from now on. */
void tunnel_set_psk(struct tunnel *t, const struct key_shared *psk);
/* Our identity changed: sessions and handshakes made with the old one end, keys are wiped. */
void tunnel_identity_changed(struct tunnel *t);
/* Persistent keepalive, 0: off. Going from off to on sends one (through tunnel_tick's result at once). */
void tunnel_set_keepalive(struct tunnel *t, uint16_t seconds, usec now);

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* Seal one inner packet (p->data/len is the plain packet, with head and tail room): fills *job, after which p is the
 * datagram once the job ran, and returns DROP_NONE. `mtu` bounds the padding (0: none known).
 * Without a session the packet is copied to the staging queue and job->key is NULL: the caller calls tunnel_tick(), which
 * sends an initiation as soon as the schedule allows. Any other drop: the packet is lost, for that reason. */
enum drop tunnel_send(struct tunnel *t, struct packet *p, size_t mtu, usec now, struct aead_job *job);

/* Seal all staged packets into the outbox, to via. Without any, nothing happens. Returns how many left. */
unsigned tunnel_flush(struct tunnel *t, const struct via *via, size_t mtu, usec now, struct outbox *out);

/* Send an empty packet (a keepalive, or the key confirmation of an initiator) on the session in use. False without a session. */
bool tunnel_keepalive(struct tunnel *t, const struct via *via, usec now, struct outbox *out);

/* --- receiving handshakes --------------------------------------------------------------------------------------- */

/* An initiation of this peer that noise_read_initiation() decrypted (mac1 and load were checked by the caller). The response goes to
 * via, where it came from. Drop reason, or DROP_NONE when it was answered. */
enum drop tunnel_initiation(struct tunnel *t, struct noise_responder *r, const struct via *via, usec now, struct outbox *out);
/* A response or cookie reply whose receiver index is ours. For DROP_NONE of a response the session is up: flush or keepalive. */
enum drop tunnel_response(struct tunnel *t, const struct message_response *msg, usec now);
enum drop tunnel_cookie(struct tunnel *t, const struct message_cookie *msg, usec now);

/* --- receiving data --------------------------------------------------------------------------------------------- */

/* Prepare to open a data message (msg: the datagram, len >= MESSAGE_DATA_MIN) that index_find() gave to this tunnel. Fills *job;
 * the plaintext will be at msg + 16, job->len bytes. */
enum drop tunnel_open(struct tunnel *t, uint8_t *msg, size_t len, usec now, struct aead_job *job);
/* After the tag held: replay window, key confirmation, timers. `msg` as before. data: false for an empty packet (a keepalive).
 * DROP_NONE: accepted; *result says TUNNEL_UP when this packet confirmed a session to send on. */
enum drop tunnel_received(struct tunnel *t, const uint8_t *msg, size_t len, bool data, usec now, enum tunnel_result *result);

/* --- time ------------------------------------------------------------------------------------------------------- */

/* Do what is due: initiations and their retries, keepalives, key erasure. via: where to (VIA_NONE: nothing can be sent; attempts
 * wait). */
enum tunnel_result tunnel_tick(struct tunnel *t, const struct via *via, usec now, struct outbox *out);
usec tunnel_deadline(const struct tunnel *t);

/* Start a handshake now, whatever the timers say, unless one left within the last round trip. */
void tunnel_start(struct tunnel *t, usec now);

bool tunnel_has_session(const struct tunnel *t, usec now);

#endif
