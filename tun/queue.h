/* What was read from the TUN device and waits to be sent: bulk, in the order it came, while lone small packets pass by. The device's own
 * queue counts packets, of 40 bytes or of 64 KB, and everybody waits behind everybody in it: so it is emptied at every turn, and waiting
 * is done here, where a flow can be told from another (as FQ-CoDel does it, RFC 8290, with two classes).
 *
 * Streams are told that they wait too long before there is no room, by the loss of a segment now and then (CoDel, RFC 8289): when packets
 * have waited QUEUE_TARGET or longer for QUEUE_INTERVAL, and the sooner the longer that goes on. Pure; the bytes lie in the caller's memory,
 * in slots that it is told by number. */
#ifndef TUN_QUEUE_H
#define TUN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "tun/vnet.h"

/* 4 MB of super-packets: what a stream has on its way, unless told to slow down, is not more. */
#define QUEUE_SLOTS 64

/* RFC 8289, 4.3, has 5 and 100 ms, for the Internet's round trips; a stream that needs longer to answer loses some segments more, but
 * slows down no more than once. */
#define QUEUE_TARGET   MSEC(1)
#define QUEUE_INTERVAL MSEC(20)

/* Flows are told apart by so many values of a hash: an unlucky one waits with the bulk. */
#define QUEUE_FLOWS 256

/* Which flow an IP packet is of. A fragment may be of any between its two hosts. */
struct queue_flow {
	uint8_t flow; /* addresses, protocol, ports */
	uint8_t pair; /* addresses */
	bool fragment;
};

struct queue_item {
	struct vnet vnet;
	size_t len;
	usec read_at;
	uint8_t slot;
	struct queue_flow flow;
};

struct queue {
	struct queue_item items[QUEUE_SLOTS]; /* a ring */
	size_t first, count;
	uint8_t free[QUEUE_SLOTS]; /* a stack: the slot used last is still in the cache */
	size_t free_count;
	uint8_t flows[QUEUE_FLOWS], pairs[QUEUE_FLOWS]; /* items of each */
	uint8_t fragments[QUEUE_FLOWS];                 /* of each pair */
	/* of the losses */
	bool stands;
	unsigned losses; /* since it stands */
	usec lose_at;    /* the next, while it stands */
	usec lost_at;    /* the latest */
};

void queue_init(struct queue *q);

/* Any bytes will do. */
struct queue_flow queue_flow_of(const uint8_t *packet, size_t len);

/* The slot for what is read next; -1: there is none. It stays free until queue_push. */
int queue_room(const struct queue *q);
/* Something waits that may be of this flow: what is of the same flow has to wait, too. */
bool queue_holds(const struct queue *q, const struct queue_flow *flow);
/* A packet of `len` bytes was put into that slot. */
void queue_push(struct queue *q, const struct vnet *vnet, size_t len, const struct queue_flow *flow,
		usec now);

/* The oldest; NULL: none. It and its slot stay as they are until queue_pop. */
const struct queue_item *queue_first(const struct queue *q);
void queue_pop(struct queue *q);
/* A super-packet is the first: is one segment of it to be lost? Asked once for each. */
bool queue_loses(struct queue *q, usec now);

#endif
