#include "cli/show.h"

#include "cli_world.h"
#include "daemon_fake.h"

#define REQUEST "{\"cmd\":\"status\"}"
#define STATUS(name, health, kind)                                                                 \
	"{\"schema\":\"warren.status/1\",\"interface\":\"" name                                    \
	"\",\"name\":\"me\",\"listen_port\":51820,"                                                \
	"\"health\":\"" health                                                                     \
	"\",\"health_reason\":\"a peer does not answer\",\"nat\":{\"mapping\":\"unknown\"},"       \
	"\"peers\":[{\"name\":\"nas\",\"state\":\"direct\",\"path\":{\"kind\":\"" kind             \
	"\",\"via\":\"vps\"}}]}"
#define REPLY(status) "{\"schema\":\"warren.reply/1\",\"status\":" status "}\n"

static void start(struct world *w, struct daemon_fake *d, const char *interface, const char *answer)
{
	char path[108];

	snprintf(path, sizeof path, "%s/%s.sock", w->folder, interface);
	daemon_fake_start(d, path, REQUEST, answer, strlen(answer));
}

TEST(json_is_the_status_object_in_one_line)
{
	static const char status[] = STATUS("wg0", "healthy", "plain");
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", REPLY(STATUS("wg0", "healthy", "plain")));
	assert_int_equal(world_run(&w, "status", "wg0", "--json"), CLI_OK);
	assert_int_equal(w.out_len, strlen(status) + 1);
	assert_memory_equal(w.out, status, strlen(status));
	assert_int_equal(w.out[strlen(status)], '\n');
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(the_table_is_for_people)
{
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", REPLY(STATUS("wg0", "healthy", "plain")));
	assert_int_equal(world_run(&w, "status", "wg0"), CLI_OK);
	assert_int_equal(strncmp(w.out, "wg0  me  port 51820  NAT: unknown\n\nPEER  ", 41), 0);
	assert_null(strchr(w.out, '\x1b'));
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(without_a_name_all_interfaces_come_in_order)
{
	struct world w;
	struct daemon_fake a, b;

	world_init(&w);
	start(&w, &b, "wg1", REPLY(STATUS("wg1", "healthy", "plain")));
	start(&w, &a, "wg0", REPLY(STATUS("wg0", "healthy", "plain")));
	world_write(w.folder, "state", "", 0600);

	assert_int_equal(world_run(&w, "status", "--json"), CLI_OK);
	assert_string_equal(w.out, STATUS("wg0", "healthy", "plain") "\n" STATUS("wg1", "healthy",
										 "plain") "\n");
	assert_int_equal(world_run(&w, "status"), CLI_OK);
	assert_non_null(strstr(w.out, "\n\nwg1  "));

	world_remove(w.folder, "state");
	daemon_fake_stop(&a);
	daemon_fake_stop(&b);
	world_free(&w);
}

TEST(no_daemon_is_exit_code_3)
{
	struct world w;
	struct daemon_fake d;
	char want[128];

	world_init(&w);
	snprintf(want, sizeof want, "warren: no warrend runs here (no socket in %s)\n", w.folder);
	assert_int_equal(world_run(&w, "status"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, want);
	assert_int_equal(world_run(&w, "status", "wg0"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, "warren: no warrend runs for `wg0`\n");

	start(&w, &d, "warren0", "\n");
	assert_int_equal(world_run(&w, "status", "warren1"), CLI_NOT_RUNNING);
	assert_string_equal(w.err,
			    "warren: no warrend runs for `warren1`; did you mean `warren0`?\n");
	daemon_fake_kill(&d);
	assert_int_equal(world_run(&w, "status", "warren0"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, "warren: no warrend runs for `warren0`\n");
	world_remove(w.folder, "warren0.sock");

	w.cli.run_dir = "/nonexistent/warren";
	assert_int_equal(world_run(&w, "status"), CLI_NOT_RUNNING);
	world_free(&w);
}

TEST(answers_that_are_none_are_failures)
{
	static const char *const answers[][2] = {
		{"\n",
		 "warren: wg0: the daemon's answer is not understood; is it of another version?\n"},
		{"[]\n",
		 "warren: wg0: the daemon's answer is not understood; is it of another version?\n"},
		{"{\"schema\":\"warren.reply/2\",\"status\":{}}\n",
		 "warren: wg0: the daemon's answer is not understood; is it of another version?\n"},
		{"{\"schema\":\"warren.reply/1\"}\n",
		 "warren: wg0: the daemon's answer has no status\n"},
		{"{\"schema\":\"warren.reply/1\",\"error\":\"no \\u001b[2J\"}\n",
		 "warren: wg0: no \\x1b[2J\n"},
		{REPLY("{\"schema\":\"warren.status/9\"}"),
		 "warren: wg0: the daemon's status is not understood; is it of another version?\n"},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct daemon_fake d;
		start(&w, &d, "wg0", answers[i][0]);
		assert_int_equal(world_run(&w, "status", "wg0"), CLI_FAILED);
		assert_string_equal(w.err, answers[i][1]);
		assert_string_equal(w.out, "");
		daemon_fake_stop(&d);
	}
	world_free(&w);
}

TEST(check_tells_health_by_exit_code)
{
	static const struct {
		const char *answer;
		int code;
	} cases[] = {
		{REPLY(STATUS("wg0", "healthy", "plain")), CLI_OK},
		{REPLY(STATUS("wg0", "healthy", "anchor")), CLI_OK},
		{REPLY(STATUS("wg0", "degraded", "anchor")), CLI_RELAYED},
		{REPLY(STATUS("wg0", "degraded", "turn-tls")), CLI_RELAYED},
		{REPLY(STATUS("wg0", "degraded", "plain")), CLI_FAILED},
		{REPLY(STATUS("wg0", "unhealthy", "anchor")), CLI_FAILED},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct daemon_fake d;
		start(&w, &d, "wg0", cases[i].answer);
		assert_int_equal(world_run(&w, "status", "--check", "wg0"), cases[i].code);
		assert_int_equal(world_run(&w, "status", "wg0"), CLI_OK);
		daemon_fake_stop(&d);
	}
	world_free(&w);
}

TEST(color_is_by_option_then_no_color_then_mode_then_terminal)
{
	static const struct {
		const char *option, *no_color, *mode;
		unsigned columns;
		bool colored;
	} cases[] = {
		{NULL, NULL, NULL, 0, false},          {NULL, NULL, NULL, 80, true},
		{NULL, "1", "always", 80, false},      {NULL, "", "always", 0, true},
		{NULL, NULL, "always", 0, true},       {NULL, NULL, "never", 80, false},
		{NULL, NULL, "auto", 80, true},        {NULL, NULL, "auto", 0, false},
		{"--color", "1", "never", 0, true},    {"--color=never", NULL, "always", 80, false},
		{"--color=auto", "1", NULL, 80, true},
	};
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", REPLY(STATUS("wg0", "healthy", "plain")));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		w.cli.columns = cases[i].columns;
		w.cli.no_color = cases[i].no_color;
		w.cli.color_mode = cases[i].mode;
		assert_int_equal(world_run(&w, "status", "wg0", cases[i].option), CLI_OK);
		assert_int_equal(strchr(w.out, '\x1b') != NULL, cases[i].colored);
	}
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(wrong_arguments_are_usage_errors)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "status", "--jason"), CLI_USAGE);
	assert_string_equal(w.err, "warren: status does not know `--jason`\n");
	assert_int_equal(world_run(&w, "status", "wg0", "wg1"), CLI_USAGE);
	assert_int_equal(world_run(&w, "status", "../wg0"), CLI_USAGE);
	assert_int_equal(world_run(&w, "status", "sixteen-letters-"), CLI_USAGE);
	assert_int_equal(world_run(&w, "status", ""), CLI_USAGE);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(json_is_the_status_object_in_one_line),
		RUN(the_table_is_for_people),
		RUN(without_a_name_all_interfaces_come_in_order),
		RUN(no_daemon_is_exit_code_3),
		RUN(answers_that_are_none_are_failures),
		RUN(check_tells_health_by_exit_code),
		RUN(color_is_by_option_then_no_color_then_mode_then_terminal),
		RUN(wrong_arguments_are_usage_errors),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
