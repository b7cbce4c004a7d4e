#include "cli/scrape.h"

#include "cli_world.h"
#include "daemon_fake.h"

#define REQUEST     "{\"cmd\":\"metrics\"}"
#define REPLY(text) "{\"schema\":\"warren.reply/1\",\"metrics\":\"" text "\"}\n"

/* As the daemon writes them, and as they are. */
#define PEERS(i, n)                                                                                \
	"# HELP warren_peers P.\\n# TYPE warren_peers gauge\\nwarren_peers{interface=\\\"" i       \
	"\\\"} " n "\\n"
#define PEERS_HEAD       "# HELP warren_peers P.\n# TYPE warren_peers gauge\n"
#define PEERS_LINE(i, n) "warren_peers{interface=\"" i "\"} " n "\n"
#define DROPS(i)                                                                                   \
	"# HELP warren_drops_total D.\\n# TYPE warren_drops_total "                                \
	"counter\\nwarren_drops_total{interface=\\\"" i                                            \
	"\\\",reason=\\\"a\\\"} 1\\nwarren_drops_total{interface=\\\"" i                           \
	"\\\",reason=\\\"b\\\"} 2\\n"
#define DROPS_HEAD "# HELP warren_drops_total D.\n# TYPE warren_drops_total counter\n"
#define DROPS_LINES(i)                                                                             \
	"warren_drops_total{interface=\"" i                                                        \
	"\",reason=\"a\"} 1\nwarren_drops_total{interface=\"" i "\",reason=\"b\"} 2\n"

static void start(struct world *w, struct daemon_fake *d, const char *interface, const char *answer)
{
	char path[108];

	snprintf(path, sizeof path, "%s/%s.sock", w->folder, interface);
	daemon_fake_start(d, path, REQUEST, answer, strlen(answer));
}

TEST(the_page_of_one_daemon_is_printed_as_it_is)
{
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", REPLY(PEERS("wg0", "2") DROPS("wg0")));
	assert_int_equal(world_run(&w, "metrics", "wg0"), CLI_OK);
	assert_string_equal(w.out, PEERS_HEAD PEERS_LINE("wg0", "2") DROPS_HEAD DROPS_LINES("wg0"));
	assert_string_equal(w.err, "");
	assert_int_equal(world_run(&w, "metrics"), CLI_OK);
	assert_string_equal(w.out, PEERS_HEAD PEERS_LINE("wg0", "2") DROPS_HEAD DROPS_LINES("wg0"));
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(pages_of_several_become_one_with_each_metric_once)
{
	struct world w;
	struct daemon_fake a, b;

	world_init(&w);
	start(&w, &a, "wg0", REPLY(PEERS("wg0", "2") DROPS("wg0")));
	start(&w, &b, "wg1", REPLY(PEERS("wg1", "3") DROPS("wg1")));
	assert_int_equal(world_run(&w, "metrics"), CLI_OK);
	assert_string_equal(w.out, PEERS_HEAD PEERS_LINE("wg0", "2") PEERS_LINE("wg1", "3")
					   DROPS_HEAD DROPS_LINES("wg0") DROPS_LINES("wg1"));
	daemon_fake_stop(&a);
	daemon_fake_stop(&b);
	world_free(&w);
}

/* Of two versions, during an update. */
TEST(daemons_need_not_have_the_same_metrics)
{
	struct world w;
	struct daemon_fake a, b, c;

	world_init(&w);
	start(&w, &a, "wg0", REPLY(DROPS("wg0")));
	start(&w, &b, "wg1", REPLY(""));
	start(&w, &c, "wg2", REPLY(PEERS("wg2", "3") DROPS("wg2")));
	assert_int_equal(world_run(&w, "metrics"), CLI_OK);
	assert_string_equal(w.out, DROPS_HEAD DROPS_LINES("wg0") DROPS_LINES("wg2")
					   PEERS_HEAD PEERS_LINE("wg2", "3"));
	daemon_fake_stop(&a);
	daemon_fake_stop(&b);
	daemon_fake_stop(&c);
	world_free(&w);
}

TEST(a_name_that_begins_like_another_is_another)
{
	struct world w;
	struct daemon_fake a, b;

	world_init(&w);
	start(&w, &a, "wg0", REPLY("# HELP a A.\\na 1\\n# HELP ab A.\\nab 1\\n"));
	start(&w, &b, "wg1", REPLY("# HELP ab A.\\nab 2\\n# HELP a A.\\na 2\\n"));
	assert_int_equal(world_run(&w, "metrics"), CLI_OK);
	assert_string_equal(w.out, "# HELP a A.\na 1\na 2\n# HELP ab A.\nab 1\nab 2\n");
	daemon_fake_stop(&a);
	daemon_fake_stop(&b);
	world_free(&w);
}

TEST(one_that_does_not_answer_does_not_hide_the_others)
{
	static const char *const bad[] = {
		REPLY("x\\u0000"),
		"{\"schema\":\"warren.reply/1\",\"status\":{}}\n",
		"{\"schema\":\"warren.reply/1\",\"error\":\"unknown command\"}\n",
		"{\"schema\":\"warren.reply/2\",\"metrics\":\"\"}\n",
		"rubbish\n",
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct daemon_fake a, b;
		start(&w, &a, "wg0", bad[i]);
		start(&w, &b, "wg1", REPLY(DROPS("wg1")));
		assert_int_equal(world_run(&w, "metrics"), CLI_FAILED);
		assert_string_equal(w.out, DROPS_HEAD DROPS_LINES("wg1"));
		assert_int_equal(strncmp(w.err, "warren: wg0: ", 13), 0);
		daemon_fake_stop(&a);
		daemon_fake_stop(&b);
	}
	world_free(&w);
}

TEST(no_daemon_is_exit_code_3)
{
	struct world w;
	struct daemon_fake a, b;
	char want[128];

	world_init(&w);
	snprintf(want, sizeof want, "warren: no warrend runs here (no socket in %s)\n", w.folder);
	assert_int_equal(world_run(&w, "metrics"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, want);
	start(&w, &a, "wg0", REPLY(DROPS("wg0")));
	assert_int_equal(world_run(&w, "metrics", "wg1"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, "warren: no warrend runs for `wg1`; did you mean `wg0`?\n");
	assert_string_equal(w.out, "");

	start(&w, &b, "wg1", REPLY(DROPS("wg1")));
	daemon_fake_kill(&b);
	assert_int_equal(world_run(&w, "metrics"), CLI_NOT_RUNNING);
	assert_string_equal(w.out, DROPS_HEAD DROPS_LINES("wg0"));
	daemon_fake_stop(&a);
	world_remove(w.folder, "wg1.sock");
	world_free(&w);
}

TEST(wrong_arguments_are_usage_errors)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "metrics", "--json"), CLI_USAGE);
	assert_string_equal(w.err, "warren: metrics does not know `--json`\n");
	assert_int_equal(world_run(&w, "metrics", "wg0", "wg1"), CLI_USAGE);
	assert_int_equal(world_run(&w, "metrics", "../wg0"), CLI_USAGE);
	assert_int_equal(world_run(&w, "metrics", ""), CLI_USAGE);
	assert_string_equal(w.out, "");
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_page_of_one_daemon_is_printed_as_it_is),
		RUN(pages_of_several_become_one_with_each_metric_once),
		RUN(daemons_need_not_have_the_same_metrics),
		RUN(a_name_that_begins_like_another_is_another),
		RUN(one_that_does_not_answer_does_not_hide_the_others),
		RUN(no_daemon_is_exit_code_3),
		RUN(wrong_arguments_are_usage_errors),
	};
	return RUN_TESTS(tests);
}
