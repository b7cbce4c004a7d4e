/* Receiver indices: open addressing with linear probing. Ids are drawn by us at random, so they
 * need no hash, and nobody outside can crowd a part of the table. */
#include "wg/index.h"

#include <errno.h>
#include <stdlib.h>

static size_t home_of(const struct index *x, uint32_t id)
{
	return id & (x->slot_count - 1);
}

static size_t next_slot(const struct index *x, size_t i)
{
	return (i + 1) & (x->slot_count - 1);
}

/* How far a probe that starts at `from` goes before it comes to `to`. */
static size_t probe_len(const struct index *x, size_t from, size_t to)
{
	return (to - from) & (x->slot_count - 1);
}

/* The slot of this id, or the free one where it belongs: half of the slots are free always. */
static size_t probe(const struct index *x, uint32_t id)
{
	size_t i = home_of(x, id);

	while (x->slots[i].id != 0 && x->slots[i].id != id)
		i = next_slot(x, i);
	return i;
}

static int resize(struct index *x, size_t capacity)
{
	struct index old = *x;
	size_t slot_count = 2;

	while (slot_count / 2 < capacity) {
		if (slot_count > SIZE_MAX / 2)
			return -ENOMEM;
		slot_count *= 2;
	}
	struct index_slot *slots = calloc(slot_count, sizeof *slots);
	if (slots == NULL)
		return -ENOMEM;

	x->slots = slots;
	x->slot_count = slot_count;
	x->capacity = capacity;
	for (size_t i = 0; i < old.slot_count; i++)
		if (old.slots[i].id != 0)
			x->slots[probe(x, old.slots[i].id)] = old.slots[i];
	free(old.slots);
	return 0;
}

int index_init(struct index *x, size_t capacity)
{
	*x = (struct index){0};
	return resize(x, capacity);
}

void index_free(struct index *x)
{
	free(x->slots);
	*x = (struct index){0};
}

int index_reserve(struct index *x, size_t capacity)
{
	return capacity <= x->capacity ? 0 : resize(x, capacity);
}

uint32_t index_add(struct index *x, struct tunnel *owner, const struct env *env)
{
	uint32_t id;

	if (x->count == x->capacity)
		return 0;
	do
		id = rand_u32(env->rand);
	while (id == 0 || x->slots[probe(x, id)].id == id);

	x->slots[probe(x, id)] = (struct index_slot){.id = id, .owner = owner};
	x->count++;
	return id;
}

struct tunnel *index_find(const struct index *x, uint32_t id)
{
	/* For id 0 the probe ends at a free slot, whose owner is NULL. */
	return x->slots[probe(x, id)].owner;
}

void index_remove(struct index *x, uint32_t id)
{
	size_t hole = probe(x, id);

	if (x->slots[hole].id == 0)
		return;

	/* Close the gap: what a probe reaches only across the hole moves into it. */
	for (size_t i = next_slot(x, hole); x->slots[i].id != 0; i = next_slot(x, i)) {
		if (probe_len(x, home_of(x, x->slots[i].id), i) < probe_len(x, hole, i))
			continue;
		x->slots[hole] = x->slots[i];
		hole = i;
	}
	x->slots[hole] = (struct index_slot){0};
	x->count--;
}
