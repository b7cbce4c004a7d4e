/* The control socket's requests: what is asked, what is refused, and how long a line may get. */
#include "ctl/answer.h"

#include <jansson.h>

#include "crypto/crypto.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW SEC(1000)

static int start_crypto(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

/* The member of the answer to one line. */
static json_t *member_of_answer(const char *request, const char *member)
{
	struct node *n = node_start(1);
	size_t len;
	char *line = answer_line(n->m, "warren0", "host1", request, NOW, &len);

	assert_non_null(line);
	assert_int_equal(strlen(line), len);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	json_t *answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(answer);
	assert_int_equal(json_object_size(answer), 2);
	assert_string_equal(json_string_value(json_object_get(answer, "schema")), ANSWER_SCHEMA);
	json_t *value = json_incref(json_object_get(answer, member));
	assert_non_null(value);
	json_decref(answer);
	free(line);
	node_stop(n);
	return value;
}

TEST(a_request_is_one_line)
{
	assert_int_equal(answer_frame("", 0), 0);
	assert_int_equal(answer_frame("{}", 2), 0);
	assert_int_equal(answer_frame("{}\n", 3), 3);
	assert_int_equal(answer_frame("{}\n{}\n", 6), 3);
}

TEST(a_line_that_does_not_end_is_hung_up_on)
{
	char text[ANSWER_REQUEST_MAX + 1];

	memset(text, ' ', sizeof text);
	assert_int_equal(answer_frame(text, ANSWER_REQUEST_MAX - 1), 0);
	assert_int_equal(answer_frame(text, ANSWER_REQUEST_MAX), SIZE_MAX);
	text[ANSWER_REQUEST_MAX] = '\n';
	assert_int_equal(answer_frame(text, sizeof text), SIZE_MAX);
	text[ANSWER_REQUEST_MAX - 1] = '\n';
	assert_int_equal(answer_frame(text, sizeof text), ANSWER_REQUEST_MAX);
}

TEST(status_is_the_status)
{
	json_t *status = member_of_answer("{\"cmd\": \"status\"}\n", "status");

	assert_string_equal(json_string_value(json_object_get(status, "interface")), "warren0");
	json_decref(status);
}

TEST(anything_else_is_answered_with_an_error)
{
	static const char *const requests[] = {
		"\n",
		"{}\n",
		"[]\n",
		"\"status\"\n",
		"{\"cmd\": 1}\n",
		"{\"cmd\": \"stop\"}\n",
		"{\"cmd\": \"status\", \"cmd\": \"status\"}\n",
		"{\"cmd\": \"status\"} {}\n",
		"\xff\xfe\n",
	};

	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		json_t *error = member_of_answer(requests[i], "error");
		assert_true(json_is_string(error));
		json_decref(error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_request_is_one_line),
		RUN(a_line_that_does_not_end_is_hung_up_on),
		RUN(status_is_the_status),
		RUN(anything_else_is_answered_with_an_error),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
