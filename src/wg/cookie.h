/* mac1, mac2 and cookies (WireGuard paper, 5.4.4 and 5.4.7), both ends. Nothing is kept per
 * stranger.
 *
 * Every initiation and response ends in mac1, which proves that the sender knows our public key,
 * and mac2, which under load proves that it can read what is sent to its address: mac2 is made with
 * the cookie that a cookie reply brought. */
#ifndef WG_COOKIE_H
#define WG_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/env.h"
#include "crypto/aead.h"
#include "crypto/key.h"
#include "wg/message.h"

#define COOKIE_LEN 16
/* A cookie is not used in the last seconds of its life, as the kernel does: it might end on
 * the way. */
#define COOKIE_LATENCY SEC(5)

/* Our end: checks messages sent to us. */
struct cookie_checker {
	uint8_t mac1_key[32];       /* Hash("mac1----" || our public key) */
	struct aead_key cookie_key; /* Hash("cookie--" || our public key) */
	uint8_t secret[32];
	usec secret_until; /* drawn anew when it is needed and this has come */
};

/* The other end: how we sign what we send to one peer. */
struct cookie_jar {
	uint8_t mac1_key[32]; /* both of the peer's public key */
	struct aead_key cookie_key;
	uint8_t cookie[COOKIE_LEN];
	usec cookie_until;     /* 0: there is none */
	uint8_t last_mac1[16]; /* of the last message sent: the additional data of a reply */
	bool awaits_reply;
};

enum cookie_verdict {
	COOKIE_MAC1_BAD,  /* drop in silence */
	COOKIE_MAC1_GOOD, /* mac1 holds; no valid mac2 */
	COOKIE_MAC2_GOOD, /* mac1 and mac2 hold: the source is proved */
};

void cookie_checker_init(struct cookie_checker *c, const struct key_public *ours);
/* msg: a whole initiation or response, whose last 32 bytes are mac1 and mac2. `source` is what a
 * cookie is bound to: address and port. */
enum cookie_verdict cookie_check(struct cookie_checker *c, const uint8_t *msg, size_t len,
				 const struct addr *source, usec now, const struct env *env);
/* Write a cookie reply to a message whose mac1 holds. 64 bytes for 148 or 92: never larger than
 * what it answers. */
void cookie_write_reply(struct cookie_checker *c, struct message_cookie *out, const uint8_t *msg,
			size_t len, const struct addr *source, usec now, const struct env *env);

void cookie_jar_init(struct cookie_jar *j, const struct key_public *peer);
/* Fill mac1 and, while a cookie is valid, mac2 (else zero) of a message we are about to send. */
void cookie_sign(struct cookie_jar *j, uint8_t *msg, size_t len, usec now);
/* False when it was not asked for or does not decrypt. One reply is taken per message sent; a
 * forged one does not use that up. */
bool cookie_read_reply(struct cookie_jar *j, const struct message_cookie *msg, usec now);

#endif
