/* Randomness: the system's, or a seeded stream so that a simulation repeats. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct rand {
	bool seeded;
	uint8_t key[32]; /* of the seeded stream (ChaCha20) */
	uint64_t block;
	uint8_t pool
		[256]; /* of the system's: numbers are taken from its end, for they are not worth a call each */
	size_t pool_left;
};

/* The system's generator (getrandom through libsodium). */
struct rand rand_system(void);
/* Deterministic: equal seeds give equal bytes. Tests and the simulator only. */
struct rand rand_seeded(uint64_t seed);

void rand_bytes(struct rand *r, void *buf, size_t len);
/* Numbers to tell things apart or to spread them in time: no keys, of which rand_bytes() leaves no trace here. */
uint32_t rand_u32(struct rand *r);
/* Uniform in 0 .. bound-1, without bias. bound > 0. */
uint32_t rand_below(struct rand *r, uint32_t bound);
/* Uniform in 0 .. most, both included. most is from 0 to 2^32 - 2 microseconds (71 minutes). */
usec rand_jitter(struct rand *r, usec most);

#endif
