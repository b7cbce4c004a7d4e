/* Intrusive min-heap of deadlines. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>

#include "base/clock.h"

struct heap_node {
	usec at;
	size_t slot; /* place in the heap plus one; 0: not in it */
};

struct heap {
	struct heap_node **nodes;
	size_t count, room;
};

/* Make room for `room` nodes in all: 0 or -ENOMEM. Never shrinks. */
int heap_reserve(struct heap *h, size_t room);
void heap_free(struct heap *h);

/* Insert, move, or (at USEC_NEVER) remove. There must be room. */
void heap_set(struct heap *h, struct heap_node *n, usec at);
void heap_remove(struct heap *h, struct heap_node *n);

/* The earliest node, or NULL. */
struct heap_node *heap_top(const struct heap *h);
static inline usec heap_deadline(const struct heap *h)
{
	return h->count ? h->nodes[0]->at : USEC_NEVER;
}

#endif
