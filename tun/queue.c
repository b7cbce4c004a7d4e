/* See queue.h. The control law and its memory are those of RFC 8289, 5.5 and 5.6. */
#include "tun/queue.h"

#define REMEMBERED_FOR (16 * QUEUE_INTERVAL)
#define ROOTS          16 /* beyond, losses come no faster */

/* QUEUE_INTERVAL / sqrt(count), in thousandths of it. */
static usec between(unsigned count)
{
	static const uint16_t thousandths[ROOTS] = {1000, 707, 577, 500, 447, 408, 378, 354,
						    333,  316, 302, 289, 277, 267, 258, 250};

	return QUEUE_INTERVAL / 1000 * thousandths[count < ROOTS ? count - 1 : ROOTS - 1];
}

void queue_emptied(struct queue *q)
{
	q->stands = false;
}

bool queue_loses(struct queue *q, usec now)
{
	if (!q->stands) {
		bool again = q->count > 2 && now - q->lost_at < REMEMBERED_FOR;

		q->stands = true;
		q->count = again ? q->count - 2 : 0;
		q->lose_at = now + QUEUE_INTERVAL;
		return false;
	}
	if (!usec_due(q->lose_at, now))
		return false;
	q->count++;
	q->lost_at = now;
	q->lose_at = now + between(q->count);
	return true;
}
