/* A forger of handshake messages who holds a peer's key and knows what a Diffie-Hellman with a
 * point of low order gives: zero (reliability.md, row 45). With a proper point and its true
 * results he makes proper messages. */
#ifndef SUPPORT_FORGE_H
#define SUPPORT_FORGE_H

#include "base/clock.h"
#include "wg/noise.h"

/* The points of order 1, 2, 4 and 8 of the curve and its twist, in hex, in all their forms below
 * 2^255. */
#define FORGE_LOW_ORDER_COUNT 7
extern const char *const forge_low_order[FORGE_LOW_ORDER_COUNT];

/* An initiation without macs, as `local` would send it to `remote`, but with this ephemeral key
 * and this result of "es". */
void forge_initiation(struct message_initiation *msg, const struct noise_local *local,
		      const struct noise_remote *remote,
		      const uint8_t timestamp[static NOISE_TIMESTAMP_LEN],
		      const struct key_public *ephemeral, const struct key_shared *es);
/* A response without macs to the initiation in r, whose sender was proved, but with this
 * ephemeral key and these results of "ee" and "se". */
void forge_response(struct message_response *msg, const struct noise_responder *r,
		    const struct key_shared *psk, const struct key_public *ephemeral,
		    const struct key_shared *ee, const struct key_shared *se);

/* mac1, as anybody can make it who knows the receiver's public key; and no mac2. */
void forge_sign(void *msg, size_t len, const struct key_public *receiver, usec now);

#endif
