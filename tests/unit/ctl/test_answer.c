/* Requests on the control socket: a line in, a line out. */
#include "ctl/answer.h"

#include <jansson.h>

#include "crypto/crypto.h"
#include "ctl/status.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW SEC(100)

static struct node *n;

static int start(void **state)
{
	(void)state;
	n = node_start(1);
	node_apply(n, node_identity(n), NOW);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	node_stop(n);
	return 0;
}

/* The parsed answer, which is one line of JSON with its schema and one more member. */
static json_t *ask(const char *request)
{
	size_t len = 0;
	char *text = answer_line(n->m, "warren0", "host1", request, NOW, &len);

	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	json_t *answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(answer);
	assert_string_equal(json_string_value(json_object_get(answer, "schema")), ANSWER_SCHEMA);
	assert_int_equal(json_object_size(answer), 2);
	free(text);
	return answer;
}

static void assert_refused(const char *request, const char *reason)
{
	json_t *answer = ask(request);
	const char *error = json_string_value(json_object_get(answer, "error"));

	assert_non_null(error);
	assert_non_null(strstr(error, reason));
	json_decref(answer);
}

TEST(a_request_ends_with_its_line)
{
	assert_int_equal(answer_frame("", 0), 0);
	assert_int_equal(answer_frame("{\"cmd\":", 7), 0);
	assert_int_equal(answer_frame("{}\n", 2), 0);
	assert_int_equal(answer_frame("{}\n", 3), 3);
	assert_int_equal(answer_frame("\n{}\n", 4), 1);
	assert_int_equal(answer_frame("a\0b\n", 4), 4);
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

TEST(status_is_that_of_the_node)
{
	json_t *answer = ask("{\"cmd\": \"status\"}\n");
	char *expected = status_json(n->m, "warren0", "host1", NOW);
	json_t *status = json_loads(expected, 0, NULL);

	assert_true(json_equal(json_object_get(answer, "status"), status));
	json_decref(status);
	json_decref(answer);
	free(expected);
}

TEST(members_it_does_not_know_do_no_harm)
{
	json_t *answer = ask("{\"later\": [1, 2], \"cmd\": \"status\"}\n");

	assert_non_null(json_object_get(answer, "status"));
	json_decref(answer);
}

TEST(says_what_is_wrong_with_a_request)
{
	static const char *const no_requests[] = {
		"",
		"\n",
		"status\n",
		"{\"cmd\": \"status\"\n",
		"[\"cmd\", \"status\"]\n",
		"{\"cmd\": 1}\n",
		"{\"cmd\": null}\n",
		"{\"CMD\": \"status\"}\n",
		"{\"cmd\": \"status\", \"cmd\": \"status\"}\n",
		"{\"cmd\": \"status\"} {}\n",
		"{\"cmd\": \"\xff\"}\n",
	};

	for (size_t i = 0; i < sizeof no_requests / sizeof no_requests[0]; i++)
		assert_refused(no_requests[i], "one line of JSON");
	assert_refused("{\"cmd\": \"\"}\n", "unknown command");
	assert_refused("{\"cmd\": \"Status\"}\n", "unknown command");
	assert_refused("{\"cmd\": \"stop\"}\n", "unknown command");
	assert_refused("{\"cmd\": \"%n%s\"}\n", "unknown command");
}

TEST(vuln_57_no_nesting_reaches_an_assert)
{
	char *deep = malloc(200001);

	assert_non_null(deep);
	memset(deep, '[', 200000);
	deep[200000] = '\0';
	assert_refused(deep, "one line of JSON");
	memset(deep, 'x', 200000);
	deep[0] = '"';
	assert_refused(deep, "one line of JSON");
	free(deep);
}

#define RUN_WITH_NODE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_NODE(a_request_ends_with_its_line),
		RUN_WITH_NODE(a_line_that_does_not_end_is_hung_up_on),
		RUN_WITH_NODE(status_is_that_of_the_node),
		RUN_WITH_NODE(members_it_does_not_know_do_no_harm),
		RUN_WITH_NODE(says_what_is_wrong_with_a_request),
		RUN_WITH_NODE(vuln_57_no_nesting_reaches_an_assert),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
