/* Handshake messages per source: a token bucket per /32 or /64, 20 per second with a burst of 5, in
 * a table of fixed size. Sources that collide share a bucket: an allowance is never extended. Keyed
 * hash, so that nobody chooses collisions. Ports do not count (vuln_28). */
#ifndef WG_RATELIMIT_H
#define WG_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/env.h"

#define RATELIMIT_BUCKETS  4096
#define RATELIMIT_INTERVAL MSEC(50) /* one token */
#define RATELIMIT_BURST    5

struct ratelimit {
	uint8_t hash_key[16];
	usec full_at[RATELIMIT_BUCKETS]; /* when the bucket is full again; past: it is */
};

void ratelimit_init(struct ratelimit *r, const struct env *env);
/* Take one token of this source: false when there is none. */
bool ratelimit_allow(struct ratelimit *r, const struct addr *source, usec now);

#endif
