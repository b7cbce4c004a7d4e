/* Binary min-heap of pointers; each node knows its own place. */
#include "base/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static void put(struct heap *h, size_t place, struct heap_node *n)
{
	h->nodes[place] = n;
	n->slot = place + 1;
}

static void sift_up(struct heap *h, size_t place, struct heap_node *n)
{
	while (place > 0) {
		size_t parent = (place - 1) / 2;
		if (h->nodes[parent]->at <= n->at)
			break;
		put(h, place, h->nodes[parent]);
		place = parent;
	}
	put(h, place, n);
}

static void sift_down(struct heap *h, size_t place, struct heap_node *n)
{
	for (;;) {
		size_t child = 2 * place + 1;
		if (child >= h->count)
			break;
		if (child + 1 < h->count && h->nodes[child + 1]->at < h->nodes[child]->at)
			child++;
		if (n->at <= h->nodes[child]->at)
			break;
		put(h, place, h->nodes[child]);
		place = child;
	}
	put(h, place, n);
}

/* n is to stand at `place` or wherever its time belongs. */
static void settle(struct heap *h, size_t place, struct heap_node *n)
{
	if (place > 0 && n->at < h->nodes[(place - 1) / 2]->at)
		sift_up(h, place, n);
	else
		sift_down(h, place, n);
}

int heap_reserve(struct heap *h, size_t room)
{
	if (room <= h->room)
		return 0;

	struct heap_node **nodes = reallocarray(h->nodes, room, sizeof nodes[0]);
	if (nodes == NULL)
		return -ENOMEM;
	h->nodes = nodes;
	h->room = room;
	return 0;
}

void heap_free(struct heap *h)
{
	free(h->nodes);
	*h = (struct heap){0};
}

void heap_set(struct heap *h, struct heap_node *n, usec at)
{
	if (at == USEC_NEVER) {
		heap_remove(h, n);
		return;
	}

	size_t place = n->slot - 1;
	if (n->slot == 0) {
		assert(h->count < h->room);
		place = h->count++;
	}
	n->at = at;
	settle(h, place, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	n->at = USEC_NEVER;
	if (n->slot == 0)
		return;

	size_t place = n->slot - 1;
	assert(place < h->count && h->nodes[place] == n);
	n->slot = 0;
	struct heap_node *last = h->nodes[--h->count];
	if (last != n)
		settle(h, place, last);
}

struct heap_node *heap_top(const struct heap *h)
{
	return h->count > 0 ? h->nodes[0] : NULL;
}
