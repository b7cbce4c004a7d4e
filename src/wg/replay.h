/* Sliding window over message counters (RFC 6479): accepts each counter once, down to 8192 - 64 behind the greatest. */
#ifndef WG_REPLAY_H
#define WG_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WINDOW_BITS 8192

struct replay {
	uint64_t greatest; /* greatest counter accepted plus one; 0: none yet */
	uint64_t bits[REPLAY_WINDOW_BITS / 64];
};

void replay_init(struct replay *r);
/* Record the counter. False when it came before or is too old. Call after the tag was verified, never before. */
bool replay_accept(struct replay *r, uint64_t counter);

#endif
