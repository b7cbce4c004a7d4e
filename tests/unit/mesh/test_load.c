/* When a node is under load, and when no more. */
#include "mesh/load.h"

#include "support/test.h"

/* So many messages, all at once. */
static bool add(struct load *l, unsigned count, usec now)
{
	bool loaded = false;

	for (unsigned i = 0; i < count; i++)
		loaded = load_add(l, now);
	return loaded;
}

TEST(bears_what_one_window_may_bring)
{
	struct load l = {0};

	for (usec now = SEC(5); now < SEC(10); now += LOAD_WINDOW)
		assert_false(add(&l, LOAD_PER_WINDOW, now));
}

TEST(comes_under_load_with_one_message_more)
{
	struct load l = {0};

	assert_false(add(&l, LOAD_PER_WINDOW, SEC(5)));
	assert_true(add(&l, 1, SEC(5) + LOAD_WINDOW - 1));
}

TEST(stays_under_load_for_one_window_after_the_last_message_too_many)
{
	struct load l = {0};
	usec last = SEC(5) + MSEC(900);

	add(&l, LOAD_PER_WINDOW, SEC(5));
	assert_true(add(&l, 1, last));
	assert_true(add(&l, 1, last + LOAD_WINDOW - 1)); /* though few come in this window */
	assert_false(add(&l, 1, last + LOAD_WINDOW));
}

TEST(goes_on_while_the_flood_does)
{
	struct load l = {0};
	bool loaded = false;

	/* One and a half times the limit, evenly: never a gap. */
	for (usec now = SEC(5); now < SEC(15); now += LOAD_WINDOW * 2 / (3 * LOAD_PER_WINDOW)) {
		bool now_loaded = load_add(&l, now);
		assert_true(now_loaded || !loaded);
		loaded = now_loaded;
	}
	assert_true(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(bears_what_one_window_may_bring),
		RUN(comes_under_load_with_one_message_more),
		RUN(stays_under_load_for_one_window_after_the_last_message_too_many),
		RUN(goes_on_while_the_flood_does),
	};
	return RUN_TESTS(tests);
}
