/* Linear probing. Removal shifts back what follows: no tombstones, and probes stay short. */
#include "base/table.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4");

static size_t home_of(const struct table *t, const void *key)
{
	uint8_t hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, key, t->key_len, t->hash_key);
	return load_le64(hash) & (t->slot_count - 1);
}

static size_t next(const struct table *t, size_t slot)
{
	return (slot + 1) & (t->slot_count - 1);
}

/* The slot that holds the key, or the free one where it would go; half of all slots are free. */
static struct table_slot *locate(const struct table *t, const void *key)
{
	size_t i = home_of(t, key);

	while (t->slots[i].key != NULL && memcmp(t->slots[i].key, key, t->key_len) != 0)
		i = next(t, i);
	return &t->slots[i];
}

int table_init(struct table *t, size_t key_len, size_t capacity, const uint8_t hash_key[static 16])
{
	size_t slot_count = 1;

	*t = (struct table){0};
	if (capacity > SIZE_MAX / 4)
		return -ENOMEM;
	while (slot_count < 2 * capacity)
		slot_count *= 2;

	struct table_slot *slots = calloc(slot_count, sizeof slots[0]);
	if (slots == NULL)
		return -ENOMEM;
	*t = (struct table){
		.slots = slots, .slot_count = slot_count, .key_len = key_len, .capacity = capacity};
	memcpy(t->hash_key, hash_key, sizeof t->hash_key);
	return 0;
}

void table_free(struct table *t)
{
	free(t->slots);
	*t = (struct table){0};
}

int table_reserve(struct table *t, size_t capacity)
{
	struct table bigger;

	if (capacity <= t->capacity)
		return 0;
	if (table_init(&bigger, t->key_len, capacity, t->hash_key) != 0)
		return -ENOMEM;

	for (size_t i = 0; i < t->slot_count; i++)
		if (t->slots[i].key != NULL)
			*locate(&bigger, t->slots[i].key) = t->slots[i];
	bigger.count = t->count;
	free(t->slots);
	*t = bigger;
	return 0;
}

void *table_find(const struct table *t, const void *key)
{
	return locate(t, key)->value;
}

bool table_add(struct table *t, const void *key, void *value)
{
	assert(key != NULL && value != NULL);

	struct table_slot *slot = locate(t, key);
	if (slot->key != NULL || t->count == t->capacity)
		return false;
	*slot = (struct table_slot){.key = key, .value = value};
	t->count++;
	return true;
}

void *table_remove(struct table *t, const void *key)
{
	struct table_slot *found = locate(t, key);
	void *value = found->value;

	if (found->key == NULL)
		return NULL;

	/* An entry moves into the hole unless its home lies behind the hole. */
	size_t mask = t->slot_count - 1, hole = (size_t)(found - t->slots);
	for (size_t i = next(t, hole); t->slots[i].key != NULL; i = next(t, i)) {
		size_t from_home = (i - home_of(t, t->slots[i].key)) & mask;
		if (from_home >= ((i - hole) & mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = (struct table_slot){0};
	t->count--;
	return value;
}
