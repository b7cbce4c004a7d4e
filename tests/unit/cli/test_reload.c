#include "cli/reload.h"

#include "cli_world.h"
#include "daemon_fake.h"

#define CONF "[Interface]\nPrivateKey = mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A=\n"

/* What conf_write makes of it, as the daemon gets it. */
#define REQUEST                                                                                    \
	"{\"cmd\":\"reload\",\"config\":\"[Interface]\\u000a"                                      \
	"PrivateKey = mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A=\\u000a\"}"
#define REPLY(rest) "{\"schema\":\"warren.reply/1\"," rest "}\n"

/* Runs `warren reload` against a daemon that gives this answer (NULL: none runs). What it prints stays in w. */
static int reload(struct world *w, const char *answer)
{
	struct daemon_fake d;
	char path[64];

	world_init(w);
	world_write(w->first_dir, "wg0.conf", CONF, 0600);
	snprintf(path, sizeof path, "%s/wg0.sock", w->folder);
	if (answer != NULL)
		daemon_fake_start(&d, path, REQUEST, answer, strlen(answer));
	int code = world_run(w, "reload", "wg0");
	if (answer != NULL)
		daemon_fake_stop(&d);
	world_remove(w->first_dir, "wg0.conf");
	return code;
}

TEST(sends_the_text_and_prints_what_changed)
{
	struct world w;

	assert_int_equal(reload(&w, REPLY("\"changes\":[\"MTU 1400 -> 1380\",\"x\\u001b\"]")),
			 CLI_OK);
	assert_string_equal(w.out, "MTU 1400 -> 1380\nx\\x1b\n");
	world_free(&w);
}

TEST(nothing_changed_is_said)
{
	struct world w;

	assert_int_equal(reload(&w, REPLY("\"changes\":[]")), CLI_OK);
	assert_string_equal(w.out, "wg0: nothing changed\n");
	world_free(&w);
}

TEST(what_the_daemon_refuses_is_told_with_all_its_errors)
{
	struct world w;

	assert_int_equal(
		reload(&w, REPLY("\"error\":\"no\",\"errors\":[{\"line\":3,\"text\":\"a\"},"
				 "{\"line\":4,\"text\":\"b\"}]")),
		CLI_FAILED);
	assert_string_equal(w.err, "warren: wg0: no\nline 3: a\nline 4: b\n");
	assert_string_equal(w.out, "");
	world_free(&w);
}

TEST(without_a_daemon_it_is_3)
{
	struct world w;

	assert_int_equal(reload(&w, NULL), CLI_NOT_RUNNING);
	assert_non_null(strstr(w.err, "no warrend runs"));
	world_free(&w);
}

TEST(an_answer_that_is_none_is_a_failure)
{
	static const char *const answers[] = {"\n", "{}\n", "{\"schema\":\"other/1\"}\n", "[]\n"};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct world w;
		assert_int_equal(reload(&w, answers[i]), CLI_FAILED);
		assert_non_null(strstr(w.err, "not understood"));
		world_free(&w);
	}
}

TEST(F10_a_broken_file_is_not_sent)
{
	struct world w;

	world_init(&w);
	world_write(w.first_dir, "wg0.conf", CONF "Adress = x\nMTU = y\n", 0600);
	assert_int_equal(world_run(&w, "reload", "wg0"), CLI_FAILED);
	assert_non_null(strstr(w.err, "wg0.conf:3: "));
	assert_non_null(strstr(w.err, "wg0.conf:4: "));
	world_remove(w.first_dir, "wg0.conf");
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(sends_the_text_and_prints_what_changed),
		RUN(nothing_changed_is_said),
		RUN(what_the_daemon_refuses_is_told_with_all_its_errors),
		RUN(without_a_daemon_it_is_3),
		RUN(an_answer_that_is_none_is_a_failure),
		RUN(F10_a_broken_file_is_not_sent),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
