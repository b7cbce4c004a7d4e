/* mac1, mac2 and cookies (WireGuard paper, 5.4.4, 5.4.7), both ends. Nothing is kept per stranger. */
#ifndef WG_COOKIE_H
#define WG_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/env.h"
#include "crypto/key.h"
#include "wg/message.h"

/* Our end: checks messages sent to us. */
struct cookie_checker {
	uint8_t mac1_key[32];	/* Hash("mac1----" || our public key) */
	uint8_t cookie_key[32]; /* Hash("cookie--" || our public key) */
	uint8_t secret[32];	/* changes every 120 s */
	usec secret_until;
};

/* The other end: how we sign what we send to one peer. */
struct cookie_jar {
	uint8_t mac1_key[32], cookie_key[32]; /* of the peer's public key */
	uint8_t cookie[16];
	usec cookie_until;   /* 120 s after it came */
	uint8_t last_mac1[16]; /* of the last message sent: the additional data of a reply */
	bool awaits_reply;
};

enum cookie_verdict {
	COOKIE_MAC1_BAD,   /* drop in silence */
	COOKIE_MAC1_GOOD,  /* mac1 holds; no valid mac2 */
	COOKIE_MAC2_GOOD,  /* mac1 and mac2 hold: the source is proved */
};

void cookie_checker_init(struct cookie_checker *c, const struct key_public *ours);
/* msg: a whole initiation or response, whose last 32 bytes are mac1 and mac2. `source` is what a cookie is bound to. */
enum cookie_verdict cookie_check(struct cookie_checker *c, const uint8_t *msg, size_t len, const struct addr *source, usec now,
				 const struct env *env);
/* Write a cookie reply to a message whose mac1 holds. 64 bytes for 148 or 92: never larger than what it answers. */
void cookie_write_reply(struct cookie_checker *c, struct message_cookie *out, const uint8_t *msg, size_t len,
			const struct addr *source, usec now, const struct env *env);

void cookie_jar_init(struct cookie_jar *j, const struct key_public *peer);
/* Fill mac1 and, while a cookie is valid, mac2 of a message we are about to send. */
void cookie_sign(struct cookie_jar *j, uint8_t *msg, size_t len, usec now);
/* False when it was not asked for or does not decrypt. One reply is taken per message sent. */
bool cookie_read_reply(struct cookie_jar *j, const struct message_cookie *msg, usec now);

#endif
