/* What happens when: in order of time, and of what was put down first. */
#include "sim/agenda.h"

#include "base/rand.h"
#include "support/test.h"

#define MANY 2000

static struct agenda agenda;
static struct task tasks[MANY];

static int stop(void **state)
{
	(void)state;
	agenda_free(&agenda);
	memset(tasks, 0, sizeof tasks);
	return 0;
}

TEST(comes_in_order_of_time_and_then_of_arrival)
{
	agenda_set(&agenda, &tasks[0], SEC(2));
	agenda_set(&agenda, &tasks[1], SEC(1));
	agenda_set(&agenda, &tasks[2], SEC(2));
	agenda_set(&agenda, &tasks[3], SEC(1));
	assert_ptr_equal(agenda_take(&agenda, SEC(9)), &tasks[1]);
	assert_ptr_equal(agenda_take(&agenda, SEC(9)), &tasks[3]);
	assert_ptr_equal(agenda_take(&agenda, SEC(9)), &tasks[0]);
	assert_ptr_equal(agenda_take(&agenda, SEC(9)), &tasks[2]);
	assert_null(agenda_take(&agenda, SEC(9)));
}

TEST(what_comes_later_waits)
{
	agenda_set(&agenda, &tasks[0], SEC(2));
	assert_null(agenda_take(&agenda, SEC(2) - 1));
	assert_ptr_equal(agenda_take(&agenda, SEC(2)), &tasks[0]);
}

TEST(a_task_can_be_moved_and_crossed_out)
{
	agenda_set(&agenda, &tasks[0], SEC(1));
	agenda_set(&agenda, &tasks[1], SEC(2));
	agenda_set(&agenda, &tasks[0], SEC(3));
	agenda_set(&agenda, &tasks[2], USEC_NEVER);
	assert_ptr_equal(agenda_take(&agenda, SEC(9)), &tasks[1]);
	agenda_set(&agenda, &tasks[0], USEC_NEVER);
	agenda_set(&agenda, &tasks[0], USEC_NEVER);
	assert_null(agenda_take(&agenda, SEC(9)));
}

TEST(keeps_order_whatever_is_moved)
{
	struct rand rand = rand_seeded(1);
	const struct task *last = NULL;
	size_t taken = 0;

	for (unsigned i = 0; i < MANY * 5; i++) {
		usec at = rand_below(&rand, 8) == 0 ? USEC_NEVER : rand_below(&rand, 300);
		agenda_set(&agenda, &tasks[rand_below(&rand, MANY)], at);
	}
	size_t count = agenda.count;
	for (const struct task *t; (t = agenda_take(&agenda, 300)) != NULL; last = t, taken++) {
		assert_true(last == NULL || last->at < t->at ||
			    (last->at == t->at && last->order < t->order));
		assert_int_equal(t->slot, 0);
	}
	assert_int_equal(taken, count);
	assert_true(count > MANY / 2);
}

#define RUN_AFRESH(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_AFRESH(comes_in_order_of_time_and_then_of_arrival),
		RUN_AFRESH(what_comes_later_waits),
		RUN_AFRESH(a_task_can_be_moved_and_crossed_out),
		RUN_AFRESH(keeps_order_whatever_is_moved),
	};

	return RUN_TESTS(tests);
}
