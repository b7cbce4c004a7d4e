/* The intrusive list: order, removal, removal while walking. */
#include "base/list.h"
#include "support/test.h"

struct item {
	int value;
	struct list link;
};

static void fill(struct list *head, struct item items[static 4])
{
	list_init(head);
	for (int i = 0; i < 4; i++) {
		items[i].value = i;
		list_add_tail(head, &items[i].link);
	}
}

static int digits(struct list *head)
{
	int n = 0;

	list_for_each (pos, head)
		n = n * 10 + list_entry(pos, struct item, link)->value;
	return n;
}

TEST(keeps_the_order_of_arrival)
{
	struct list head;
	struct item items[4];

	list_init(&head);
	assert_true(list_empty(&head));
	fill(&head, items);
	assert_false(list_empty(&head));
	assert_int_equal(digits(&head), 123);
}

TEST(removes_from_anywhere_and_twice)
{
	struct list head;
	struct item items[4];

	fill(&head, items);
	list_remove(&items[2].link);
	list_remove(&items[2].link);
	assert_int_equal(digits(&head), 13);
	list_add_tail(&head, &items[2].link);
	assert_int_equal(digits(&head), 132);
}

TEST(may_be_emptied_while_walked)
{
	struct list head;
	struct item items[4];

	fill(&head, items);
	list_for_each_safe (pos, tmp, &head)
		list_remove(pos);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(keeps_the_order_of_arrival),
		RUN(removes_from_anywhere_and_twice),
		RUN(may_be_emptied_while_walked),
	};
	return RUN_TESTS(tests);
}
