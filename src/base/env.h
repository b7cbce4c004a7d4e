/* What the world gives to every engine, once: randomness, the log, the wall clock's offset. */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"

struct env {
	struct rand *rand;
	const struct log *log;
	/* Wall clock = now + wall_offset, since 1970: for TAI64N and reports only. */
	usec wall_offset;
};

static inline void env_rand(const struct env *env, void *buf, size_t len)
{
	rand_bytes(env->rand, buf, len);
}

#endif
