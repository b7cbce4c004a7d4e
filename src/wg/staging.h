/* Packets that wait for a session: one pool for all tunnels, a bounded queue for each. Buffers are
 * owned here, copied in and copied out, so that no queue points into anybody else's memory
 * (vuln_56). */
#ifndef WG_STAGING_H
#define WG_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/packet.h"

/* Packets waiting in all; beyond it a tunnel loses its own oldest, or the new one. */
#define STAGING_POOL     512
/* A ping flood, or the first window of a TCP stream. */
#define STAGING_PER_PEER 64

struct staging_slot {
	uint16_t next; /* slot + 1; 0: end */
	uint32_t len;
};

struct staging {
	struct slab slab;
	struct staging_slot slots[STAGING_POOL];
	uint16_t free; /* slot + 1 */
};

struct staging_queue {
	uint16_t first, last; /* slot + 1; 0: empty */
	uint16_t count;
};

/* 0 or -ENOMEM. */
int staging_init(struct staging *s);
void staging_free(struct staging *s);

/* Copy the bytes (at most PACKET_DATA) to the end of the queue. Returns how many packets were lost
 * for it: 0, or 1: the oldest of this queue or, when the queue is empty and the pool used up, the
 * new one. */
unsigned staging_push(struct staging *s, struct staging_queue *q, const uint8_t *data, size_t len);
/* Look at the first packet without taking it: NULL when empty. */
const uint8_t *staging_first(const struct staging *s, const struct staging_queue *q, size_t *len);
/* Take the first packet off. */
void staging_pop(struct staging *s, struct staging_queue *q);
/* Drop all but the newest `most`; returns how many. */
unsigned staging_trim(struct staging *s, struct staging_queue *q, unsigned most);

#endif
