/* The heap of deadlines against an array that is searched. */
#include <errno.h>

#include "base/heap.h"
#include "base/rand.h"
#include "support/test.h"

#define NODES 100

/* ASan is to answer a request for too much memory as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

TEST(an_empty_heap_has_no_deadline)
{
	struct heap h = {0};

	assert_null(heap_top(&h));
	assert_int_equal(heap_deadline(&h), USEC_NEVER);
	heap_free(&h);
}

TEST(gives_nodes_in_order_of_time)
{
	static const usec times[] = {5, 3, 9, 1, 7, 3, 8, 0, 2};
	struct heap_node nodes[9] = {0};
	struct heap h = {0};
	usec last = -1;

	assert_int_equal(heap_reserve(&h, 9), 0);
	for (size_t i = 0; i < 9; i++)
		heap_set(&h, &nodes[i], times[i]);
	for (size_t i = 0; i < 9; i++) {
		struct heap_node *n = heap_top(&h);
		assert_true(n->at >= last);
		assert_int_equal(heap_deadline(&h), n->at);
		last = n->at;
		heap_remove(&h, n);
	}
	assert_null(heap_top(&h));
	heap_free(&h);
}

TEST(removes_at_never_and_forgives_removing_twice)
{
	struct heap_node n = {0};
	struct heap h = {0};

	assert_int_equal(heap_reserve(&h, 1), 0);
	heap_set(&h, &n, 5);
	heap_set(&h, &n, USEC_NEVER);
	assert_int_equal(n.slot, 0);
	assert_int_equal(h.count, 0);
	heap_set(&h, &n, USEC_NEVER);
	heap_remove(&h, &n);
	assert_int_equal(h.count, 0);
	heap_free(&h);
}

TEST(keeps_its_nodes_when_it_grows_and_never_shrinks)
{
	struct heap_node n = {0};
	struct heap h = {0};

	assert_int_equal(heap_reserve(&h, 1), 0);
	heap_set(&h, &n, 5);
	assert_int_equal(heap_reserve(&h, 1000), 0);
	assert_ptr_equal(heap_top(&h), &n);
	assert_int_equal(heap_reserve(&h, 1), 0);
	assert_int_equal(h.room, 1000);
	assert_int_equal(heap_reserve(&h, SIZE_MAX / 2), -ENOMEM);
	assert_ptr_equal(heap_top(&h), &n);
	assert_int_equal(h.room, 1000);
	heap_free(&h);
}

/* Every node knows its place and no child is earlier than its parent. */
static void assert_sound(const struct heap *h)
{
	for (size_t i = 0; i < h->count; i++) {
		assert_int_equal(h->nodes[i]->slot, i + 1);
		if (i > 0)
			assert_true(h->nodes[(i - 1) / 2]->at <= h->nodes[i]->at);
	}
}

TEST(agrees_with_a_searched_array_after_random_changes)
{
	struct heap_node nodes[NODES] = {0};
	usec model[NODES];
	struct heap h = {0};
	struct rand r = rand_seeded(1);

	assert_int_equal(heap_reserve(&h, NODES), 0);
	for (size_t i = 0; i < NODES; i++)
		model[i] = USEC_NEVER;

	for (size_t step = 0; step < 20000; step++) {
		size_t i = rand_below(&r, NODES);
		if (rand_below(&r, 3) == 0) {
			model[i] = USEC_NEVER;
			heap_remove(&h, &nodes[i]);
		} else {
			model[i] = rand_below(&r, 50);
			heap_set(&h, &nodes[i], model[i]);
		}

		usec earliest = USEC_NEVER;
		size_t count = 0;
		for (size_t k = 0; k < NODES; k++) {
			earliest = usec_min(earliest, model[k]);
			count += model[k] != USEC_NEVER;
			assert_int_equal(nodes[k].slot == 0, model[k] == USEC_NEVER);
		}
		assert_int_equal(heap_deadline(&h), earliest);
		assert_int_equal(h.count, count);
		assert_sound(&h);
	}
	heap_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_empty_heap_has_no_deadline),
		RUN(gives_nodes_in_order_of_time),
		RUN(removes_at_never_and_forgives_removing_twice),
		RUN(keeps_its_nodes_when_it_grows_and_never_shrinks),
		RUN(agrees_with_a_searched_array_after_random_changes),
	};
	return RUN_TESTS(tests);
}
