/* Packets that wait for a session: queues of slots of one slab, linked by slot number. */
#include "wg/staging.h"

#include <assert.h>
#include <string.h>

_Static_assert(STAGING_POOL <= UINT16_MAX, "slot + 1 is kept in 16 bits");

int staging_init(struct staging *s)
{
	*s = (struct staging){.free = 1};
	for (uint16_t slot = 0; slot < STAGING_POOL - 1; slot++)
		s->slots[slot].next = (uint16_t)(slot + 2);
	return slab_init(&s->slab, STAGING_POOL);
}

void staging_free(struct staging *s)
{
	slab_free(&s->slab);
	*s = (struct staging){0};
}

unsigned staging_push(struct staging *s, struct staging_queue *q, const uint8_t *data, size_t len)
{
	unsigned lost = 0;

	assert(len <= PACKET_DATA);
	if (s->free == 0 || q->count == STAGING_PER_PEER) {
		if (q->count == 0)
			return 1;
		staging_pop(s, q);
		lost = 1;
	}

	uint16_t number = s->free;
	struct staging_slot *slot = &s->slots[number - 1];
	s->free = slot->next;
	*slot = (struct staging_slot){.len = (uint32_t)len};
	memcpy(slab_data(&s->slab, number - 1u), data, len);

	if (q->count == 0)
		q->first = number;
	else
		s->slots[q->last - 1].next = number;
	q->last = number;
	q->count++;
	return lost;
}

const uint8_t *staging_first(const struct staging *s, const struct staging_queue *q, size_t *len)
{
	if (q->count == 0)
		return NULL;
	*len = s->slots[q->first - 1].len;
	return slab_data(&s->slab, q->first - 1u);
}

void staging_pop(struct staging *s, struct staging_queue *q)
{
	uint16_t number = q->first;

	assert(q->count > 0);
	q->first = s->slots[number - 1].next;
	q->count--;
	if (q->count == 0)
		*q = (struct staging_queue){0};

	s->slots[number - 1].next = s->free;
	s->free = number;
}

unsigned staging_trim(struct staging *s, struct staging_queue *q, unsigned most)
{
	unsigned lost = 0;

	for (; q->count > most; lost++)
		staging_pop(s, q);
	return lost;
}
