/* The queue before the TUN device, kept from standing. It holds so many packets, short or of 64 KB:
 * room for a burst of small ones is room for many MB of streams, which wait there and make all others
 * wait. So streams are told before the queue is full, by the loss of a segment now and then, as CoDel
 * does it (RFC 8289): when the queue has not been empty for QUEUE_INTERVAL, and the sooner the longer
 * it stands. How long a packet has waited cannot be asked here, but that nothing is left to read is
 * seen. */
#ifndef TUN_QUEUE_H
#define TUN_QUEUE_H

#include <stdbool.h>

#include "base/clock.h"

/* RFC 8289, 4.3, has 100 ms, for queues whose delay it measures. A stream that needs longer to answer
 * loses some segments more, but slows down no more than once. */
#define QUEUE_INTERVAL MSEC(20)

/* All zero: empty. */
struct queue {
	bool stands;
	unsigned count; /* losses since it stands */
	usec lose_at;   /* the next, while it stands */
	usec lost_at;   /* the latest */
};

/* Nothing is left to read. */
void queue_emptied(struct queue *q);
/* A super-packet was read: is one segment of it to be lost? */
bool queue_loses(struct queue *q, usec now);

#endif
