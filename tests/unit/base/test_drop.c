/* Drop reasons: each has a name of its own, fit for JSON and metrics, and a meaning. */
#include "base/drop.h"
#include "support/test.h"

TEST(names_every_reason_once)
{
	for (enum drop d = DROP_NONE; d < DROP_COUNT; d++) {
		const char *name = drop_name(d);
		assert_true(strlen(name) > 0);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(name));
		for (enum drop other = DROP_NONE; other < d; other++)
			assert_string_not_equal(name, drop_name(other));
	}
	assert_string_equal(drop_name(DROP_NONE), "none");
	assert_string_equal(drop_name(DROP_REPLAY), "replay");
}

TEST(explains_every_reason_in_one_line)
{
	for (enum drop d = DROP_NONE; d < DROP_COUNT; d++) {
		assert_true(strlen(drop_meaning(d)) > 0);
		assert_null(strchr(drop_meaning(d), '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(names_every_reason_once),
		RUN(explains_every_reason_in_one_line),
	};
	return RUN_TESTS(tests);
}
