/* Hash table: open addressing, stated capacity, keyed hash (SipHash-2-4), so that nobody outside
 * can aim for collisions. Keys are borrowed and must live as long as their entry. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
	const void *key; /* NULL: free */
	void *value;
};

struct table {
	struct table_slot *slots;
	size_t slot_count; /* a power of two, at least twice the capacity */
	size_t key_len, capacity, count;
	uint8_t hash_key[16];
};

/* 0 or -ENOMEM. hash_key: 16 random bytes. */
int table_init(struct table *t, size_t key_len, size_t capacity, const uint8_t hash_key[static 16]);
void table_free(struct table *t);
/* Grow to hold `capacity` entries: 0 or -ENOMEM, in which case nothing changed. */
int table_reserve(struct table *t, size_t capacity);

void *table_find(const struct table *t, const void *key);
/* False when the table is full or the key is there. Neither key nor value is NULL. */
bool table_add(struct table *t, const void *key, void *value);
/* Returns the value removed, or NULL. */
void *table_remove(struct table *t, const void *key);

#endif
