#include "cli/follow.h"

#include "cli_world.h"
#include "daemon_fake.h"

#define REQUEST "{\"cmd\":\"events\"}"
#define YES     "{\"schema\":\"warren.reply/1\",\"events\":\"warren.event/1\"}\n"
#define EVENT                                                                                      \
	"{\"schema\":\"warren.event/1\",\"time_unix_ns\":45296000000000,\"peer\":\"nas\","         \
	"\"from\":\"idle\",\"to\":\"direct\",\"reason\":\"handshake\",\"took_us\":37100}\n"
#define NOT_UNDERSTOOD                                                                             \
	"warren: wg0: what the daemon tells is not understood; is it of another version?\n"
/* The daemon_fake listens on when it has hung up. */
#define HUNG_UP "warren: wg0: the daemon hung up: more happened than was read\n"

static void start(struct world *w, struct daemon_fake *d, const char *interface, const char *answer)
{
	char path[108];

	snprintf(path, sizeof path, "%s/%s.sock", w->folder, interface);
	daemon_fake_start(d, path, REQUEST, answer, strlen(answer));
}

TEST(json_is_what_the_daemon_tells_a_line_each)
{
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", YES EVENT EVENT);
	assert_int_equal(world_run(&w, "events", "wg0", "--json"), CLI_FAILED);
	assert_string_equal(w.out, EVENT EVENT);
	assert_string_equal(w.err, HUNG_UP);
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(people_get_a_heading_and_a_line_each)
{
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", YES EVENT);
	assert_int_equal(world_run(&w, "events", "wg0"), CLI_FAILED);
	assert_string_equal(
		w.out, "TIME      PEER                  FROM -> TO            REASON      TOOK\n"
		       "12:34:56  nas                   idle -> direct        handshake   37 ms\n");
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(without_a_name_it_is_the_only_one)
{
	struct world w;
	struct daemon_fake a, b;

	world_init(&w);
	start(&w, &a, "wg0", YES EVENT);
	assert_int_equal(world_run(&w, "events", "--json"), CLI_FAILED);
	assert_string_equal(w.out, EVENT);
	start(&w, &b, "wg1", YES EVENT);
	assert_int_equal(world_run(&w, "events", "--json"), CLI_USAGE);
	assert_string_equal(w.out, "");
	assert_string_equal(w.err, "warren: 2 interfaces run here: name one\n");
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
	assert_int_equal(world_run(&w, "events"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, want);
	start(&w, &d, "wg0", "\n");
	assert_int_equal(world_run(&w, "events", "wg1"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, "warren: no warrend runs for `wg1`; did you mean `wg0`?\n");
	daemon_fake_kill(&d);
	assert_int_equal(world_run(&w, "events", "--json"), CLI_NOT_RUNNING);
	assert_string_equal(w.err, "warren: no warrend runs for `wg0`\n");
	world_remove(w.folder, "wg0.sock");
	world_free(&w);
}

/* Answers once, and is gone. */
static pid_t short_lived(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(fd, 4), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int client = accept(fd, NULL, NULL);
		char last = 0;
		while (last != '\n' && read(client, &last, 1) == 1)
			continue;
		close(fd);
		_exit(write(client, YES EVENT, strlen(YES EVENT)) > 0 ? 0 : 1);
	}
	close(fd);
	return pid;
}

TEST(the_end_of_the_daemon_is_exit_code_3)
{
	struct world w;
	char path[64];

	world_init(&w);
	snprintf(path, sizeof path, "%s/wg0.sock", w.folder);
	pid_t pid = short_lived(path);
	assert_int_equal(world_run(&w, "events", "wg0", "--json"), CLI_NOT_RUNNING);
	assert_string_equal(w.out, EVENT);
	assert_string_equal(w.err, "warren: wg0: the daemon has ended\n");
	waitpid(pid, NULL, 0);
	world_remove(w.folder, "wg0.sock");
	world_free(&w);
}

TEST(what_is_no_event_ends_it)
{
	static const char *const answers[][2] = {
		{"\n",
		 "warren: wg0: the daemon's answer is not understood; is it of another version?\n"},
		{EVENT,
		 "warren: wg0: the daemon's answer is not understood; is it of another version?\n"},
		{"{\"schema\":\"warren.reply/1\",\"error\":\"too \\u001b[2Jmany\"}\n",
		 "warren: wg0: too \\x1b[2Jmany\n"},
		{"{\"schema\":\"warren.reply/1\",\"status\":{}}\n", NOT_UNDERSTOOD},
		{"{\"schema\":\"warren.reply/1\",\"events\":\"warren.event/2\"}\n", NOT_UNDERSTOOD},
		{YES "{}\n", NOT_UNDERSTOOD},
		{YES "rubbish\n", NOT_UNDERSTOOD},
		{YES YES, NOT_UNDERSTOOD},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct daemon_fake d;
		start(&w, &d, "wg0", answers[i][0]);
		assert_int_equal(world_run(&w, "events", "wg0", "--json"), CLI_FAILED);
		assert_string_equal(w.err, answers[i][1]);
		assert_string_equal(w.out, "");
		daemon_fake_stop(&d);
	}
	world_free(&w);
}

TEST(a_hang_up_before_the_answer_is_a_failure)
{
	struct world w;
	struct daemon_fake d;
	char want[128];

	world_init(&w);
	start(&w, &d, "wg0", "{\"schema\":");
	snprintf(want, sizeof want, "warren: cannot ask %s/wg0.sock: Connection reset by peer\n",
		 w.folder);
	assert_int_equal(world_run(&w, "events", "wg0"), CLI_FAILED);
	assert_string_equal(w.err, want);
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(wrong_arguments_are_usage_errors)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "events", "--check"), CLI_USAGE);
	assert_string_equal(w.err, "warren: events does not know `--check`\n");
	assert_int_equal(world_run(&w, "events", "wg0", "wg1"), CLI_USAGE);
	assert_int_equal(world_run(&w, "events", "../wg0"), CLI_USAGE);
	assert_int_equal(world_run(&w, "events", ""), CLI_USAGE);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(json_is_what_the_daemon_tells_a_line_each),
		RUN(people_get_a_heading_and_a_line_each),
		RUN(without_a_name_it_is_the_only_one),
		RUN(no_daemon_is_exit_code_3),
		RUN(the_end_of_the_daemon_is_exit_code_3),
		RUN(what_is_no_event_ends_it),
		RUN(a_hang_up_before_the_answer_is_a_failure),
		RUN(wrong_arguments_are_usage_errors),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
