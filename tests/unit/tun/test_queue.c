/* A queue that stands loses a segment now and then, one that empties loses none. */
#include "tun/queue.h"

#include "support/test.h"

static unsigned losses(struct queue *q, usec from, usec until)
{
	unsigned count = 0;

	for (usec now = from; now < until; now += MSEC(1))
		count += queue_loses(q, now);
	return count;
}

TEST(loses_nothing_while_it_empties_now_and_then)
{
	struct queue q = {.stands = false};

	for (usec now = 0; now < SEC(10); now += QUEUE_INTERVAL) {
		assert_int_equal(losses(&q, now, now + QUEUE_INTERVAL), 0);
		queue_emptied(&q);
	}
}

TEST(loses_one_after_it_stood_for_an_interval)
{
	struct queue q = {.stands = false};

	assert_false(queue_loses(&q, SEC(5)));
	assert_false(queue_loses(&q, SEC(5) + QUEUE_INTERVAL - 1));
	assert_true(queue_loses(&q, SEC(5) + QUEUE_INTERVAL));
	assert_false(queue_loses(&q, SEC(5) + QUEUE_INTERVAL));
}

TEST(loses_the_more_the_longer_it_stands_but_not_without_bound)
{
	struct queue q = {.stands = false};
	unsigned early = losses(&q, 0, 10 * QUEUE_INTERVAL),
		 later = losses(&q, 10 * QUEUE_INTERVAL, 20 * QUEUE_INTERVAL);

	assert_in_range(early, 11, 30);
	assert_true(later > early);
	losses(&q, 20 * QUEUE_INTERVAL, 1000 * QUEUE_INTERVAL);
	assert_in_range(losses(&q, 1000 * QUEUE_INTERVAL, 1010 * QUEUE_INTERVAL), 39, 41);
}

TEST(remembers_for_a_while_how_often_it_had_to)
{
	struct queue soon = {.stands = false}, late;
	usec end = 10 * QUEUE_INTERVAL;

	losses(&soon, 0, end);
	queue_emptied(&soon);
	late = soon;

	/* Again a full interval, then at the rate that it had reached; or from the beginning. */
	assert_int_equal(losses(&soon, end, end + QUEUE_INTERVAL), 0);
	assert_true(losses(&soon, end + QUEUE_INTERVAL, end + 3 * QUEUE_INTERVAL) > 4);
	end += 20 * QUEUE_INTERVAL;
	assert_int_equal(losses(&late, end, end + QUEUE_INTERVAL), 0);
	assert_true(losses(&late, end + QUEUE_INTERVAL, end + 3 * QUEUE_INTERVAL) <= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(loses_nothing_while_it_empties_now_and_then),
		RUN(loses_one_after_it_stood_for_an_interval),
		RUN(loses_the_more_the_longer_it_stands_but_not_without_bound),
		RUN(remembers_for_a_while_how_often_it_had_to),
	};

	return RUN_TESTS(tests);
}
