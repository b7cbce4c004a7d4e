#include "conf/conf_error.h"

#include "support/test.h"

TEST(keeps_line_order_whatever_the_order_of_finding)
{
	struct conf_errors e = {0};

	conf_errors_add(&e, 7, "seven");
	conf_errors_add(&e, 9, "nine");
	conf_errors_add(&e, 0, "%s", "file");
	conf_errors_add(&e, 7, "seven again");
	conf_errors_finish(&e);

	assert_int_equal(e.count, 4);
	assert_string_equal(e.items[0].text, "file");
	assert_string_equal(e.items[1].text, "seven");
	assert_string_equal(e.items[2].text, "seven again");
	assert_string_equal(e.items[3].text, "nine");
	conf_errors_free(&e);
	assert_null(e.items);
}

TEST(keeps_exactly_a_hundred_without_a_word)
{
	struct conf_errors e = {0};

	for (unsigned i = 1; i <= CONF_ERRORS_MAX; i++)
		conf_errors_add(&e, i, "line");
	conf_errors_finish(&e);

	assert_int_equal(e.count, CONF_ERRORS_MAX);
	assert_string_equal(e.items[CONF_ERRORS_MAX - 1].text, "line");
	conf_errors_free(&e);
}

TEST(says_in_the_last_how_many_more_there_are)
{
	struct conf_errors e = {0};

	for (unsigned i = 1; i <= 250; i++)
		conf_errors_add(&e, i, "line");
	conf_errors_finish(&e);

	assert_int_equal(e.count, CONF_ERRORS_MAX);
	assert_string_equal(e.items[98].text, "line");
	assert_string_equal(e.items[99].text, "and 151 more errors from here on");
	assert_int_equal(e.items[99].line, 100);
	conf_errors_free(&e);
}

TEST(an_early_line_found_late_pushes_out_the_last)
{
	struct conf_errors e = {0};

	for (unsigned i = 2; i <= 150; i++)
		conf_errors_add(&e, i, "line");
	conf_errors_add(&e, 1, "first");
	conf_errors_finish(&e);

	assert_string_equal(e.items[0].text, "first");
	assert_int_equal(e.items[98].line, 99);
	assert_string_equal(e.items[99].text, "and 51 more errors from here on");
	conf_errors_free(&e);
}

TEST(cuts_a_long_text)
{
	struct conf_errors e = {0};
	char text[1000];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	conf_errors_add(&e, 1, "%s", text);
	assert_int_equal(strlen(e.items[0].text), sizeof e.items[0].text - 1);
	conf_errors_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(keeps_line_order_whatever_the_order_of_finding),
		RUN(keeps_exactly_a_hundred_without_a_word),
		RUN(says_in_the_last_how_many_more_there_are),
		RUN(an_early_line_found_late_pushes_out_the_last),
		RUN(cuts_a_long_text),
	};
	return RUN_TESTS(tests);
}
