/* Requests on the control socket: a line in, a line out. */
#include "ctl/answer.h"

#include <jansson.h>
#include <malloc.h>

#include "crypto/crypto.h"
#include "ctl/metrics.h"
#include "ctl/status.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW SEC(100)
#define KEY "mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A="

#define RELOAD(text) "{\"cmd\": \"reload\", \"config\": \"" text "\"}\n"

static struct node *n;
static const struct stages stages = {.udp_apart = 7};

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

/* What a line is, which is an object of its schema and more; takes the line. */
static json_t *parsed(char *text, size_t len)
{
	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	json_t *answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(answer);
	assert_string_equal(json_string_value(json_object_get(answer, "schema")), ANSWER_SCHEMA);
	free(text);
	return answer;
}

static enum answer_kind kind_of(const char *text, uid_t uid)
{
	struct answer_request request;

	answer_read(&request, text, uid);
	assert_true((request.kind == ANSWER_REFUSED) == (request.refusal != NULL));
	assert_true((request.kind == ANSWER_RELOAD) == (request.conf != NULL));
	free(request.refusal);
	conf_free(request.conf);
	return request.kind;
}

static json_t *refusal_of(const char *text, uid_t uid)
{
	struct answer_request request;

	answer_read(&request, text, uid);
	assert_int_equal(request.kind, ANSWER_REFUSED);
	assert_null(request.conf);
	return parsed(request.refusal, request.refusal_len);
}

static void assert_refused_to(uid_t uid, const char *text, const char *reason)
{
	json_t *answer = refusal_of(text, uid);
	const char *error = json_string_value(json_object_get(answer, "error"));

	assert_non_null(error);
	assert_non_null(strstr(error, reason));
	json_decref(answer);
}

static void assert_refused(const char *text, const char *reason)
{
	assert_refused_to(0, text, reason);
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
	char *text = malloc(ANSWER_REQUEST_MAX + 1);

	assert_non_null(text);
	memset(text, ' ', ANSWER_REQUEST_MAX);
	assert_int_equal(answer_frame(text, ANSWER_REQUEST_MAX - 1), 0);
	assert_int_equal(answer_frame(text, ANSWER_REQUEST_MAX), SIZE_MAX);
	text[ANSWER_REQUEST_MAX] = '\n';
	assert_int_equal(answer_frame(text, ANSWER_REQUEST_MAX + 1), SIZE_MAX);
	text[ANSWER_REQUEST_MAX - 1] = '\n';
	assert_int_equal(answer_frame(text, ANSWER_REQUEST_MAX + 1), ANSWER_REQUEST_MAX);
	free(text);
}

TEST(status_is_that_of_the_node)
{
	size_t len;
	char *text = answer_status(n->m, "warren0", "host1", &stages, NOW, &len);
	json_t *answer = parsed(text, len);
	char *expected = status_json(n->m, "warren0", "host1", &stages, NOW);
	json_t *status = json_loads(expected, 0, NULL);

	assert_true(json_equal(json_object_get(answer, "status"), status));
	json_decref(status);
	json_decref(answer);
	free(expected);
}

TEST(metrics_are_those_of_the_node)
{
	size_t len, page_len;
	char *page = metrics_text(n->m, "w\"ar\\ren0", &stages, NOW, &page_len);
	char *text = answer_metrics(n->m, "w\"ar\\ren0", &stages, NOW, &len);
	json_t *answer = parsed(text, len);

	assert_string_equal(json_string_value(json_object_get(answer, "metrics")), page);
	assert_int_equal(json_object_size(answer), 2);
	json_decref(answer);
	free(page);
}

TEST(everybody_may_ask_for_the_metrics)
{
	assert_int_equal(kind_of("{\"cmd\": \"metrics\"}\n", 1000), ANSWER_METRICS);
	assert_int_equal(kind_of("{\"cmd\": \"metrics\"}\n", 0), ANSWER_METRICS);
}

TEST(everybody_may_ask_for_the_status)
{
	assert_int_equal(kind_of("{\"cmd\": \"status\"}\n", 1000), ANSWER_STATUS);
	assert_int_equal(kind_of("{\"cmd\": \"status\"}\n", 0), ANSWER_STATUS);
}

static uint64_t check_of(const char *text)
{
	struct answer_request request;

	answer_read(&request, text, 1000);
	assert_int_equal(request.kind, ANSWER_NETCHECK);
	return request.check;
}

TEST(everybody_may_have_the_nat_looked_at)
{
	assert_int_equal(check_of("{\"cmd\": \"netcheck\"}\n"), 0);
	assert_int_equal(check_of("{\"cmd\": \"netcheck\", \"check\": 7}\n"), 7);
	assert_refused_to(0, "{\"cmd\": \"netcheck\", \"check\": 0}\n", "number");
	assert_refused_to(0, "{\"cmd\": \"netcheck\", \"check\": -1}\n", "number");
	assert_refused_to(0, "{\"cmd\": \"netcheck\", \"check\": \"7\"}\n", "number");
}

static json_t *netcheck_answer(uint64_t check)
{
	size_t len;
	char *text = answer_netcheck(n->m, check, &len);

	return parsed(text, len);
}

TEST(netcheck_says_which_check_it_is_and_whether_it_is_over)
{
	struct conf_list servers = {0};
	struct delta *d = delta_new();

	assert_true(conf_list_add(&servers, "192.0.2.1"));
	d->stun = &servers;
	node_apply(n, d, NOW);
	conf_list_free(&servers);
	uint64_t check = mesh_nat_want(n->m, NOW);
	assert_int_equal(check, 1);
	json_t *answer = netcheck_answer(check);
	assert_int_equal(json_integer_value(json_object_get(answer, "check")), 1);
	assert_true(json_is_true(json_object_get(answer, "running")));
	assert_string_equal(json_string_value(json_object_get(answer, "step")), "servers");
	assert_int_equal(json_integer_value(json_object_get(answer, "servers")), 1);
	const json_t *found = json_object_get(answer, "netcheck");
	assert_string_equal(json_string_value(json_object_get(found, "schema")),
			    "warren.netcheck/1");
	json_decref(answer);

	for (usec now = NOW; mesh_deadline(n->m) < NOW + SEC(60); now = mesh_deadline(n->m)) {
		mesh_tick(n->m, now, &n->out);
		outbox_clear(&n->out);
	}
	answer = netcheck_answer(check);
	assert_true(json_is_false(json_object_get(answer, "running")));
	found = json_array_get(json_object_get(json_object_get(answer, "netcheck"), "servers"), 0);
	assert_string_equal(json_string_value(json_object_get(found, "name")), "192.0.2.1");
	assert_string_equal(json_string_value(json_object_get(found, "state")), "silent");
	json_decref(answer);
}

TEST(netcheck_without_servers_is_over_at_once)
{
	json_t *answer = netcheck_answer(mesh_nat_want(n->m, NOW));

	assert_true(json_is_false(json_object_get(answer, "running")));
	assert_int_equal(json_integer_value(json_object_get(answer, "servers")), 0);
	json_decref(answer);
}

TEST(members_it_does_not_know_do_no_harm)
{
	assert_int_equal(kind_of("{\"later\": [1, 2], \"cmd\": \"status\"}\n", 0), ANSWER_STATUS);
}

TEST(root_may_stop_it)
{
	assert_int_equal(kind_of("{\"cmd\": \"stop\"}\n", 0), ANSWER_STOP);
}

TEST(root_may_reload_and_gives_the_text)
{
	struct answer_request request;

	answer_read(&request, RELOAD("[Interface]\\nPrivateKey = " KEY "\\nListenPort = 7\\n"), 0);
	assert_int_equal(request.kind, ANSWER_RELOAD);
	assert_int_equal(request.conf->listen_port, 7);
	conf_free(request.conf);
}

TEST(vuln_52_only_root_may_change_anything)
{
	static const uid_t others[] = {1, 1000, 65534, (uid_t)-1};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_refused_to(others[i], "{\"cmd\": \"stop\"}\n", "only root");
		assert_refused_to(others[i], RELOAD("[Interface]\\nPrivateKey = " KEY "\\n"),
				  "only root");
		assert_refused_to(others[i], RELOAD("x"), "only root");
	}
}

TEST(F10_all_errors_of_a_configuration_are_in_the_answer)
{
	json_t *answer = refusal_of(
		RELOAD("[Interface]\\nPrivateKey = " KEY
		       "\\nListenPort = 70000\\n[Peer]\\nPublicKey = %n\\nAncor = yes\\n"),
		0);
	json_t *errors = json_object_get(answer, "errors");

	assert_non_null(
		strstr(json_string_value(json_object_get(answer, "error")), "nothing was changed"));
	assert_int_equal(json_array_size(errors), 3);
	for (size_t i = 0; i < 3; i++) {
		static const int lines[] = {3, 5, 6};
		const json_t *e = json_array_get(errors, i);
		assert_int_equal(json_integer_value(json_object_get(e, "line")), lines[i]);
		assert_true(json_string_length(json_object_get(e, "text")) > 5);
	}
	json_decref(answer);
}

TEST(a_configuration_that_is_no_text_is_refused)
{
	assert_refused("{\"cmd\": \"reload\"}\n", "\"config\"");
	assert_refused("{\"cmd\": \"reload\", \"config\": null}\n", "\"config\"");
	assert_refused("{\"cmd\": \"reload\", \"config\": [\"[Interface]\"]}\n", "\"config\"");
	assert_refused("{\"cmd\": \"reload\", \"path\": \"/etc/warren/a.conf\"}\n", "\"config\"");
	assert_refused(RELOAD(""), "errors");
	assert_refused(RELOAD("a\\u0000b"), "one line of JSON");
}

TEST(changes_are_sentences)
{
	struct conf_list changes = {0};
	size_t len;
	char *text;

	assert_true(conf_list_add(&changes, "one") && conf_list_add(&changes, "two \xff\n\""));
	text = answer_changes(&changes, &len);
	json_t *answer = parsed(text, len), *list = json_object_get(answer, "changes");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 0)), "one");
	assert_non_null(strstr(json_string_value(json_array_get(list, 1)), "\\xff"));
	json_decref(answer);
	conf_list_free(&changes);
}

TEST(everybody_may_listen_to_events)
{
	size_t len;

	assert_int_equal(kind_of("{\"cmd\": \"events\"}\n", 1000), ANSWER_EVENTS);
	assert_int_equal(kind_of("{\"cmd\": \"events\"}\n", 0), ANSWER_EVENTS);
	char *text = answer_events(&len);
	json_t *answer = parsed(text, len);
	assert_string_equal(json_string_value(json_object_get(answer, "events")),
			    STATUS_EVENT_SCHEMA);
	json_decref(answer);
}

TEST(an_event_is_a_line)
{
	const struct event e = {.wall = SEC(7), .peer = "nas", .took = 3};
	size_t len;
	char *line = answer_event(&e, &len), *expected = status_event(&e);

	assert_int_equal(len, strlen(line));
	assert_int_equal(len, strlen(expected) + 1);
	assert_memory_equal(line, expected, len - 1);
	assert_int_equal(line[len - 1], '\n');
	free(line);
	free(expected);
}

TEST(stopping_is_said)
{
	size_t len;
	char *text = answer_stopping(&len);
	json_t *answer = parsed(text, len);

	assert_true(json_is_true(json_object_get(answer, "stopping")));
	json_decref(answer);
}

/* --- what jansson leaves in memory ------------------------------------------------------------------------------ */

static bool seen; /* a freed block still held the key's text */

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	size_t len = p == NULL ? 0 : malloc_usable_size(p);

	seen |= len >= strlen(KEY) && memmem(p, len, KEY, strlen(KEY)) != NULL;
	__real_free(p);
}

TEST(no_key_of_a_request_stays_behind)
{
	seen = false;
	assert_int_equal(kind_of(RELOAD("[Interface]\\nPrivateKey = " KEY "\\n"), 0),
			 ANSWER_RELOAD);
	assert_int_equal(kind_of(RELOAD("[Interface]\\nPrivateKey = " KEY "\\nx = y\\n"), 0),
			 ANSWER_REFUSED);
	assert_false(seen);
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
		RUN_WITH_NODE(metrics_are_those_of_the_node),
		RUN_WITH_NODE(everybody_may_ask_for_the_metrics),
		RUN_WITH_NODE(everybody_may_ask_for_the_status),
		RUN_WITH_NODE(everybody_may_have_the_nat_looked_at),
		RUN_WITH_NODE(netcheck_says_which_check_it_is_and_whether_it_is_over),
		RUN_WITH_NODE(netcheck_without_servers_is_over_at_once),
		RUN_WITH_NODE(members_it_does_not_know_do_no_harm),
		RUN_WITH_NODE(root_may_stop_it),
		RUN_WITH_NODE(root_may_reload_and_gives_the_text),
		RUN_WITH_NODE(vuln_52_only_root_may_change_anything),
		RUN_WITH_NODE(F10_all_errors_of_a_configuration_are_in_the_answer),
		RUN_WITH_NODE(a_configuration_that_is_no_text_is_refused),
		RUN_WITH_NODE(changes_are_sentences),
		RUN_WITH_NODE(everybody_may_listen_to_events),
		RUN_WITH_NODE(an_event_is_a_line),
		RUN_WITH_NODE(stopping_is_said),
		RUN_WITH_NODE(no_key_of_a_request_stays_behind),
		RUN_WITH_NODE(says_what_is_wrong_with_a_request),
		RUN_WITH_NODE(vuln_57_no_nesting_reaches_an_assert),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	answer_init();
	return RUN_TESTS(tests);
}
