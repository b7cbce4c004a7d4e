/* Sliding window over message counters (RFC 6479): accepts each counter once, down to 8192 - 64
 * behind the greatest. All zero is a fresh window. */
#ifndef WG_REPLAY_H
#define WG_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WINDOW_BITS 8192
#define REPLAY_BEHIND_MAX  (REPLAY_WINDOW_BITS - 64)

struct replay {
	uint64_t greatest; /* counter accepted so far; 0 with no bit set: none */
	uint64_t bits[REPLAY_WINDOW_BITS / 64]; /* a ring of words, counter c in word c / 64 */
};

void replay_init(struct replay *r);
/* Record the counter. False when it came before or is too old. Call after the tag was verified,
 * never before. Every counter of 64 bits is fine, the last one too. */
bool replay_accept(struct replay *r, uint64_t counter);

#endif
