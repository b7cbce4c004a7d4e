/* Instants: due or not, and never. */
#include "base/clock.h"
#include "support/test.h"

TEST(is_due_from_its_instant_on)
{
	assert_false(usec_due(SEC(2), SEC(2) - 1));
	assert_true(usec_due(SEC(2), SEC(2)));
	assert_true(usec_due(SEC(2), SEC(2) + MSEC(1)));
}

TEST(never_is_never_due)
{
	assert_false(usec_due(USEC_NEVER, INT64_MAX));
	assert_int_equal(usec_min(USEC_NEVER, SEC(1)), SEC(1));
	assert_int_equal(usec_min(SEC(1), USEC_NEVER), SEC(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(is_due_from_its_instant_on),
		RUN(never_is_never_due),
	};
	return RUN_TESTS(tests);
}
