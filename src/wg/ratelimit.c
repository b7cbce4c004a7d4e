/* Token buckets per source address (reliability.md, 3.6). A bucket is one instant: when it will be
 * full again. Each token missing from it is one interval until then. */
#include "wg/ratelimit.h"

#include <sodium/crypto_shorthash.h>

#include "base/bytes.h"
#include "base/defence.h"

void ratelimit_init(struct ratelimit *r, const struct env *env)
{
	_Static_assert(sizeof r->hash_key == crypto_shorthash_KEYBYTES, "SipHash key");

	*r = (struct ratelimit){0};
	env_rand(env, r->hash_key, sizeof r->hash_key);
}

static usec *bucket_of(struct ratelimit *r, const struct addr *source)
{
	uint8_t hash[crypto_shorthash_BYTES];

	/* An IPv6 host has its whole /64. The two families differ in length, so they hash apart. */
	crypto_shorthash(hash, source->ip, source->family == ADDR_V4 ? 4 : 8, r->hash_key);
	return &r->full_at[load_le32(hash) % RATELIMIT_BUCKETS];
}

bool ratelimit_allow(struct ratelimit *r, const struct addr *source, usec now)
{
	usec *full_at = bucket_of(r, source);

	if (*full_at < now)
		*full_at = now;
	if (DEFENCE(28, *full_at - now > (RATELIMIT_BURST - 1) * RATELIMIT_INTERVAL))
		return false;
	*full_at += RATELIMIT_INTERVAL;
	return true;
}
