/* Defences: always on, and in test builds off when the environment names them. */
#include "base/defence.h"
#include "support/test.h"

TEST(is_the_check_itself_unless_switched_off)
{
	assert_true(DEFENCE(1, true));
	assert_false(DEFENCE(1, false));
}

TEST(switches_off_only_in_test_builds_and_only_what_is_named)
{
#ifdef WARREN_TEST_HOOKS
	assert_false(DEFENCE(7, true));
	assert_false(DEFENCE(60, true));
#else
	assert_true(DEFENCE(7, true));
	assert_true(DEFENCE(60, true));
#endif
	assert_true(DEFENCE(6, true));
	assert_true(DEFENCE(0, true));
}

TEST(reads_the_environment_once)
{
	setenv("WARREN_DEFENCE_OFF", "1", 1);
	assert_true(DEFENCE(1, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(is_the_check_itself_unless_switched_off),
		RUN(switches_off_only_in_test_builds_and_only_what_is_named),
		RUN(reads_the_environment_once),
	};
	setenv("WARREN_DEFENCE_OFF", "07,60", 1);
	return RUN_TESTS(tests);
}
