/* The hash table against an array indexed by the key. */
#include <errno.h>
#include <sodium.h>

#include "base/bytes.h"
#include "base/rand.h"
#include "base/table.h"
#include "support/test.h"

#define KEYS 200

static const uint8_t hash_key[16] = {1, 2, 3};

/* ASan is to answer a request for too much memory as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

TEST(finds_what_was_added_and_nothing_else)
{
	static const uint8_t a[4] = {1}, a_again[4] = {1}, b[4] = {2};
	struct table t;
	int one, two;

	assert_int_equal(table_init(&t, 4, 2, hash_key), 0);
	assert_null(table_find(&t, a));
	assert_true(table_add(&t, a, &one));
	assert_ptr_equal(table_find(&t, a_again), &one);
	assert_null(table_find(&t, b));
	assert_false(table_add(&t, a_again, &two));
	assert_ptr_equal(table_find(&t, a), &one);
	assert_ptr_equal(table_remove(&t, a_again), &one);
	assert_null(table_remove(&t, a));
	assert_null(table_find(&t, a));
	assert_int_equal(t.count, 0);
	table_free(&t);
}

TEST(takes_its_capacity_and_not_one_more)
{
	uint8_t keys[KEYS + 1][2];
	struct table t;

	for (size_t capacity = 0; capacity <= KEYS; capacity += 10) {
		assert_int_equal(table_init(&t, 2, capacity, hash_key), 0);
		for (size_t i = 0; i <= capacity; i++) {
			store_be16(keys[i], (uint16_t)i);
			assert_int_equal(table_add(&t, keys[i], keys[i]), i < capacity);
		}
		assert_true(t.slot_count >= 2 * capacity);
		assert_null(table_find(&t, keys[capacity]));
		table_free(&t);
	}
}

TEST(keeps_all_entries_when_it_grows)
{
	uint8_t keys[KEYS][2];
	struct table t;

	assert_int_equal(table_init(&t, 2, 1, hash_key), 0);
	for (size_t i = 0; i < KEYS; i++) {
		store_be16(keys[i], (uint16_t)i);
		assert_int_equal(table_reserve(&t, i + 1), 0);
		assert_true(table_add(&t, keys[i], keys[i]));
	}
	assert_int_equal(table_reserve(&t, 3), 0);
	assert_int_equal(t.capacity, KEYS);
	assert_int_equal(table_reserve(&t, SIZE_MAX / 2), -ENOMEM);
	assert_int_equal(table_reserve(&t, SIZE_MAX / 64), -ENOMEM);
	assert_int_equal(t.count, KEYS);
	for (size_t i = 0; i < KEYS; i++)
		assert_ptr_equal(table_find(&t, keys[i]), keys[i]);
	table_free(&t);
}

/* Every step a table of 16 slots is filled and emptied differently: runs wrap around its end all
 * the time. */
TEST(agrees_with_an_array_after_random_changes)
{
	static const size_t capacities[] = {1, 8, 100};
	struct rand r = rand_seeded(1);

	for (size_t c = 0; c < 3; c++) {
		uint8_t keys[KEYS][3];
		bool model[KEYS] = {false};
		size_t count = 0;
		struct table t;

		assert_int_equal(table_init(&t, 3, capacities[c], hash_key), 0);
		for (size_t i = 0; i < KEYS; i++)
			memcpy(keys[i], (const uint8_t[]){7, (uint8_t)i, 9}, 3);
		for (size_t step = 0; step < 5000; step++) {
			size_t i = rand_below(&r, c == 1 ? 16 : KEYS);
			if (rand_below(&r, 2) == 0) {
				bool added = table_add(&t, keys[i], &keys[i]);
				assert_int_equal(added, !model[i] && count < capacities[c]);
				model[i] |= added;
				count += added;
			} else {
				void *removed = table_remove(&t, keys[i]);
				assert_ptr_equal(removed, model[i] ? &keys[i] : NULL);
				count -= model[i];
				model[i] = false;
			}
			assert_int_equal(t.count, count);
			for (size_t k = 0; k < KEYS; k++)
				assert_ptr_equal(table_find(&t, keys[k]),
						 model[k] ? &keys[k] : NULL);
		}
		table_free(&t);
	}
}

/* Keys aimed at one slot under a known hash key scatter under another. */
TEST(hash_keys_decide_where_entries_live)
{
	uint8_t keys[64][4];
	size_t aimed = 0, homes[2] = {0};

	for (uint32_t n = 0; aimed < 64; n++) {
		uint8_t hash[crypto_shorthash_BYTES];
		store_be32(keys[aimed], n);
		crypto_shorthash(hash, keys[aimed], 4, hash_key);
		aimed += load_le64(hash) % 128 == 0;
	}
	for (size_t other = 0; other < 2; other++) {
		uint8_t key[16] = {1, 2, (uint8_t)(3 + other)};
		for (size_t i = 0; i < 64; i++) {
			struct table t;
			assert_int_equal(table_init(&t, 4, 64, key), 0);
			assert_true(table_add(&t, keys[i], keys[i]));
			homes[other] += t.slots[0].key != NULL;
			table_free(&t);
		}
	}
	assert_int_equal(homes[0], 64);
	assert_in_range(homes[1], 0, 8);
}

TEST(is_zero_after_free)
{
	struct table t;

	assert_int_equal(table_init(&t, 4, 8, hash_key), 0);
	table_free(&t);
	assert_null(t.slots);
	table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(finds_what_was_added_and_nothing_else),
		RUN(takes_its_capacity_and_not_one_more),
		RUN(keeps_all_entries_when_it_grows),
		RUN(agrees_with_an_array_after_random_changes),
		RUN(hash_keys_decide_where_entries_live),
		RUN(is_zero_after_free),
	};
	return RUN_TESTS(tests);
}
