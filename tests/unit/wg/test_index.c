/* Receiver indices: random, unique, found until removed. */
#include "wg/index.h"

#include <errno.h>

#include "support/env_fake.h"
#include "support/test.h"

/* The table looks at no tunnel: these stand for their addresses. */
struct tunnel {
	char name;
};
static struct tunnel owners[4096];

TEST(finds_each_owner_by_its_index)
{
	struct env_fake e;
	struct index x;
	uint32_t ids[1000];

	env_fake_init(&e, 1);
	assert_int_equal(index_init(&x, 1000), 0);
	for (size_t i = 0; i < 1000; i++) {
		ids[i] = index_add(&x, &owners[i], &e.env);
		assert_int_not_equal(ids[i], 0);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(index_find(&x, ids[i]), &owners[i]);
	assert_int_equal(x.count, 1000);
	index_free(&x);
}

TEST(gives_one_owner_several_indices)
{
	struct env_fake e;
	struct index x;

	env_fake_init(&e, 2);
	assert_int_equal(index_init(&x, 3), 0);
	uint32_t a = index_add(&x, owners, &e.env), b = index_add(&x, owners, &e.env);
	assert_int_not_equal(a, b);
	index_remove(&x, a);
	assert_null(index_find(&x, a));
	assert_ptr_equal(index_find(&x, b), owners);
	index_free(&x);
}

TEST(refuses_more_than_its_capacity)
{
	struct env_fake e;
	struct index x;

	env_fake_init(&e, 3);
	for (size_t capacity = 0; capacity < 70; capacity++) {
		assert_int_equal(index_init(&x, capacity), 0);
		for (size_t i = 0; i < capacity; i++)
			assert_int_not_equal(index_add(&x, owners, &e.env), 0);
		assert_int_equal(index_add(&x, owners, &e.env), 0);
		assert_int_equal(x.count, capacity);
		index_free(&x);
	}
}

TEST(knows_nobody_by_zero_or_by_a_foreign_index)
{
	struct env_fake e;
	struct index x;

	env_fake_init(&e, 4);
	assert_int_equal(index_init(&x, 100), 0);
	assert_null(index_find(&x, 0));
	uint32_t id = index_add(&x, owners, &e.env);
	for (size_t i = 1; i < 100; i++)
		index_add(&x, owners, &e.env);

	assert_null(index_find(&x, 0));
	assert_null(index_find(&x, id ^ 0x80000000)); /* the same slot */
	index_remove(&x, 0);
	index_remove(&x, id ^ 0x80000000);
	assert_int_equal(x.count, 100);
	assert_ptr_equal(index_find(&x, id), owners);
	index_free(&x);
}

TEST(f67_draws_again_when_an_index_is_taken)
{
	struct env_fake e;
	struct index x;

	env_fake_init(&e, 5);
	assert_int_equal(index_init(&x, 2), 0);
	struct rand before = e.rand;
	uint32_t first = index_add(&x, &owners[0], &e.env);
	e.rand = before;
	uint32_t second = index_add(&x, &owners[1], &e.env);

	assert_int_not_equal(second, 0);
	assert_int_not_equal(first, second);
	assert_ptr_equal(index_find(&x, first), &owners[0]);
	assert_ptr_equal(index_find(&x, second), &owners[1]);
	index_free(&x);
}

/* Small tables that are always nearly full: clusters, and clusters across the end of the array. */
TEST(removal_hides_nobody_else)
{
	for (size_t capacity = 1; capacity <= 32; capacity++) {
		struct env_fake e;
		struct index x;
		uint32_t ids[32] = {0};

		env_fake_init(&e, capacity);
		assert_int_equal(index_init(&x, capacity), 0);
		for (int round = 0; round < 2000; round++) {
			size_t i = rand_below(&e.rand, (uint32_t)capacity);

			if (ids[i] != 0) {
				index_remove(&x, ids[i]);
				assert_null(index_find(&x, ids[i]));
				ids[i] = 0;
			} else {
				ids[i] = index_add(&x, &owners[i], &e.env);
				assert_int_not_equal(ids[i], 0);
			}
			for (size_t j = 0; j < capacity; j++)
				assert_ptr_equal(index_find(&x, ids[j]),
						 ids[j] ? &owners[j] : NULL);
		}
		index_free(&x);
	}
}

TEST(grows_and_keeps_every_entry)
{
	struct env_fake e;
	struct index x;
	static uint32_t ids[4096];
	size_t count = 0;

	env_fake_init(&e, 6);
	assert_int_equal(index_init(&x, 0), 0);
	for (size_t capacity = 1; capacity <= 4096; capacity *= 2) {
		assert_int_equal(index_reserve(&x, capacity), 0);
		for (; count < capacity; count++)
			ids[count] = index_add(&x, &owners[count], &e.env);
		assert_int_equal(index_add(&x, owners, &e.env), 0);
		for (size_t i = 0; i < count; i++)
			assert_ptr_equal(index_find(&x, ids[i]), &owners[i]);
		assert_true(x.slot_count >= 2 * x.capacity);
	}
	assert_int_equal(index_reserve(&x, 1), 0);
	assert_int_equal(x.capacity, 4096);
	index_free(&x);
}

TEST(a_capacity_beyond_all_memory_changes_nothing)
{
	struct env_fake e;
	struct index x;

	env_fake_init(&e, 7);
	assert_int_equal(index_init(&x, SIZE_MAX), -ENOMEM);
	index_free(&x);
	assert_int_equal(index_init(&x, 1), 0);
	uint32_t id = index_add(&x, owners, &e.env);
	assert_int_equal(index_reserve(&x, SIZE_MAX), -ENOMEM);
	assert_int_equal(index_reserve(&x, ((size_t)1 << 30) + 1), -ENOMEM);
	assert_int_equal(x.capacity, 1);
	assert_ptr_equal(index_find(&x, id), owners);
	index_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(finds_each_owner_by_its_index),
		RUN(gives_one_owner_several_indices),
		RUN(refuses_more_than_its_capacity),
		RUN(knows_nobody_by_zero_or_by_a_foreign_index),
		RUN(f67_draws_again_when_an_index_is_taken),
		RUN(removal_hides_nobody_else),
		RUN(grows_and_keeps_every_entry),
		RUN(a_capacity_beyond_all_memory_changes_nothing),
	};

	return RUN_TESTS(tests);
}
