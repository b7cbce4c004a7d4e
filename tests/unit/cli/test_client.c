#include "cli/client.h"

#include <errno.h>

#include "daemon_fake.h"

static char folder[] = "/tmp/warren-client-XXXXXX";
static char path[64];

static int ask(char **answer)
{
	return client_ask(path, "{\"cmd\":\"status\"}", SEC(2), answer);
}

static void start(struct daemon_fake *d, const char *answer, size_t len)
{
	daemon_fake_start(d, path, "{\"cmd\":\"status\"}", answer, len);
}

TEST(gets_one_line)
{
	static const char reply[] = "{\"a\":1}\nrubbish after it";
	struct daemon_fake d;
	char *answer;

	start(&d, reply, strlen(reply));
	assert_int_equal(ask(&answer), 0);
	assert_string_equal(answer, "{\"a\":1}");
	free(answer);
	daemon_fake_stop(&d);
}

TEST(gets_a_long_line_whole)
{
	size_t len = 3 << 20;
	char *reply = malloc(len), *answer;
	struct daemon_fake d;

	memset(reply, 'x', len);
	reply[len - 1] = '\n';
	start(&d, reply, len);
	assert_int_equal(ask(&answer), 0);
	assert_int_equal(strlen(answer), len - 1);
	free(answer);
	free(reply);
	daemon_fake_stop(&d);
}

TEST(a_hang_up_before_the_end_is_no_answer)
{
	struct daemon_fake d;
	char *answer;

	start(&d, "{\"a\":", 5);
	assert_int_equal(ask(&answer), -ECONNRESET);
	daemon_fake_stop(&d);
}

TEST(waits_for_its_time_and_no_longer)
{
	struct daemon_fake d;
	char *answer;

	start(&d, NULL, 0);
	assert_int_equal(client_ask(path, "x", MSEC(30), &answer), -ETIMEDOUT);
	daemon_fake_stop(&d);
}

TEST(tells_no_daemon_from_a_dead_one)
{
	struct daemon_fake d;
	char *answer;

	assert_int_equal(ask(&answer), -ENOENT);
	start(&d, "\n", 1);
	daemon_fake_kill(&d);
	assert_int_equal(ask(&answer), -ECONNREFUSED);
	unlink(path);
}

struct lines {
	const char *const *expected;
	size_t count, most;
};

static bool take_line(void *ctx, const char *line)
{
	struct lines *l = ctx;

	assert_string_equal(line, l->expected[l->count]);
	return ++l->count < l->most;
}

static int follow(struct lines *l)
{
	return client_follow(path, "{\"cmd\":\"status\"}", SEC(2), take_line, l);
}

TEST(follows_line_after_line_to_the_end)
{
	static const char reply[] = "{\"a\":1}\n\n{}\n{\"cut";
	static const char *const expected[] = {"{\"a\":1}", "", "{}"};
	struct lines l = {expected, 0, 9};
	struct daemon_fake d;

	start(&d, reply, strlen(reply));
	assert_int_equal(follow(&l), -ECONNRESET);
	assert_int_equal(l.count, 3);
	daemon_fake_stop(&d);
}

TEST(follows_lines_of_any_length)
{
	size_t len = 100000;
	char *reply = malloc(3 * len), *line = malloc(len);
	const char *const expected[] = {line, line, line};
	struct lines l = {expected, 0, 9};
	struct daemon_fake d;

	memset(line, 'x', len);
	line[len - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		memset(reply + (size_t)i * len, 'x', len);
		reply[(size_t)(i + 1) * len - 1] = '\n';
	}
	start(&d, reply, 3 * len);
	assert_int_equal(follow(&l), -ECONNRESET);
	assert_int_equal(l.count, 3);
	free(line);
	free(reply);
	daemon_fake_stop(&d);
}

TEST(follows_until_told_to_stop)
{
	static const char reply[] = "a\nb\nc\n";
	static const char *const expected[] = {"a", "b"};
	struct lines l = {expected, 0, 2};
	struct daemon_fake d;

	start(&d, reply, strlen(reply));
	assert_int_equal(follow(&l), 0);
	assert_int_equal(l.count, 2);
	daemon_fake_stop(&d);
}

TEST(follows_nobody_who_does_not_answer)
{
	struct lines l = {NULL, 0, 1};
	struct daemon_fake d;

	assert_int_equal(follow(&l), -ENOENT);
	start(&d, NULL, 0);
	assert_int_equal(client_follow(path, "x", MSEC(30), take_line, &l), -ETIMEDOUT);
	assert_int_equal(l.count, 0);
	daemon_fake_stop(&d);
}

TEST(refuses_a_path_too_long_for_a_socket)
{
	char text[300], *answer;

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(client_ask(text, "x", SEC(2), &answer), -ENAMETOOLONG);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/wg0.sock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(gets_one_line),
		RUN(gets_a_long_line_whole),
		RUN(a_hang_up_before_the_end_is_no_answer),
		RUN(waits_for_its_time_and_no_longer),
		RUN(tells_no_daemon_from_a_dead_one),
		RUN(follows_line_after_line_to_the_end),
		RUN(follows_lines_of_any_length),
		RUN(follows_until_told_to_stop),
		RUN(follows_nobody_who_does_not_answer),
		RUN(refuses_a_path_too_long_for_a_socket),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
