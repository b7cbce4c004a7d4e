/* Receiver indices: random 32-bit names of our handshakes and sessions, to their owner. Fixed
 * capacity, keyed by the index itself (it is random and ours). */
#ifndef WG_INDEX_H
#define WG_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

struct tunnel;

struct index_slot {
	uint32_t id; /* 0: free; no index is ever 0 */
	struct tunnel *owner;
};

struct index {
	struct index_slot *slots;
	size_t slot_count; /* a power of two, at least twice the capacity */
	size_t capacity, count;
};

/* 0 or -ENOMEM. */
int index_init(struct index *x, size_t capacity);
void index_free(struct index *x);
/* Grow to hold `capacity` entries: 0, or -ENOMEM and nothing changed. Never shrinks. */
int index_reserve(struct index *x, size_t capacity);

/* A fresh random index for this owner; 0 when the table is full. */
uint32_t index_add(struct index *x, struct tunnel *owner, const struct env *env);
/* NULL for 0 and unknown ids. */
struct tunnel *index_find(const struct index *x, uint32_t id);
/* 0 and unknown ids are fine. */
void index_remove(struct index *x, uint32_t id);

#endif
