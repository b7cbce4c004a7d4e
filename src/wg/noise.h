/* The handshake: Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard uses it (WireGuard paper, 5.4),
 * without its macs, which are cookie.h's. Initiator and responder are separate states, so that
 * handshakes may cross.
 *
 * Every Diffie-Hellman result is checked (vuln_45); whatever fails wipes what it had. */
#ifndef WG_NOISE_H
#define WG_NOISE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/key.h"
#include "wg/message.h"

#define NOISE_TIMESTAMP_LEN 12 /* TAI64N; greater means later, as memcmp has it */

/* Our identity. An all-zero secret is none: every handshake is refused. */
struct noise_local {
	bool has_secret;
	struct key_private secret;
	struct key_public public;
};

/* A peer, as our identity sees it. */
struct noise_remote {
	struct key_public public;
	struct key_shared psk;           /* all zero: none */
	struct key_shared static_static; /* DH of both static keys, computed once */
};

struct noise_state {
	uint8_t chaining[BLAKE2S_LEN], hash[BLAKE2S_LEN];
};

/* An initiation of ours that waits for its response. */
struct noise_initiator {
	struct noise_state state;
	struct key_private ephemeral;
};

/* An initiation of somebody who claims to be remote_static. */
struct noise_responder {
	struct noise_state state;
	struct key_public remote_static; /* a claim, until noise_prove_initiator() */
	struct key_public remote_ephemeral;
	uint32_t remote_index;
	uint8_t timestamp_sealed[NOISE_TIMESTAMP_LEN + AEAD_TAG_LEN];
};

/* What a finished handshake gives. */
struct noise_keys {
	struct aead_key send, receive;
};

void noise_local_init(struct noise_local *l, const struct key_private *secret);

/* public: canonical. False when it is of low order; that shows without an identity, too. None of
 * the arguments may lie in r. */
bool noise_remote_init(struct noise_remote *r, const struct noise_local *local,
		       const struct key_public *public, const struct key_shared *psk);

/* The same peer for another identity of ours. */
void noise_remote_rekey(struct noise_remote *r, const struct noise_local *local);

/* The timestamp to send after `last`: the wall clock (microseconds since 1970) rounded down to
 * 2^24 ns, so that it does not tell our clock, as the kernel does; or the one after `last`, if
 * that is later (vuln_44). */
void noise_timestamp_next(uint8_t last[static NOISE_TIMESTAMP_LEN], usec wall);

/* Everything of an initiation but its macs. False without an identity. */
bool noise_write_initiation(struct noise_initiator *i, const struct noise_local *local,
			    const struct noise_remote *remote, uint32_t index,
			    const uint8_t timestamp[static NOISE_TIMESTAMP_LEN],
			    const struct env *env, struct message_initiation *msg);

/* Decrypts the static key: r->remote_static is the sender's claim, to look the peer up. Costs
 * one Diffie-Hellman and leaves nothing behind when it fails. After true, tunnel_initiation() or
 * noise_responder_wipe() ends it. A static key that is not in canonical form is refused: one
 * peer has one name (vuln_34). */
bool noise_read_initiation(struct noise_responder *r, const struct message_initiation *msg,
			   const struct noise_local *local);

/* Only the owner of remote's key could have sealed the timestamp. Call before anything is sent
 * or kept (vuln_29). */
bool noise_prove_initiator(struct noise_responder *r, const struct noise_remote *remote,
			   uint8_t timestamp[static NOISE_TIMESTAMP_LEN]);

/* Everything of a response but its macs, and the keys. Ends r: it is wiped. */
bool noise_write_response(struct noise_responder *r, const struct noise_remote *remote,
			  uint32_t index, const struct env *env, struct message_response *msg,
			  struct noise_keys *keys);

/* The keys, if it is the response to i. i stays as it was: a forged response does not end a
 * handshake. */
bool noise_read_response(const struct noise_initiator *i, const struct message_response *msg,
			 const struct noise_local *local, const struct noise_remote *remote,
			 struct noise_keys *keys);

void noise_responder_wipe(struct noise_responder *r);

#endif
