/* The sweeper as an ordinary process, in a folder of the test. The "daemon" is the test itself, or a child of it that is killed. */
#include "sweeper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

static char folder[64], first[96], second[96];
static struct sweeper sweeper;

static int socket_at(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(name.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	return fd;
}

static bool there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/warren-sweeper-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(first, sizeof first, "%s/first.sock", folder);
	snprintf(second, sizeof second, "%s/second.sock", folder);
	close(socket_at(first));
	close(socket_at(second));
	return sweeper_start(&sweeper);
}

static int tear_down(void **state)
{
	(void)state;
	sweeper_end(&sweeper);
	unlink(first);
	unlink(second);
	return rmdir(folder);
}

static int watch(size_t count)
{
	return sweeper_watch(&sweeper, (const char *const[]){first, second}, count);
}

TEST(removes_the_files_before_the_end_returns)
{
	assert_int_equal(watch(2), 0);
	assert_true(there(first) && there(second));
	sweeper_end(&sweeper);
	assert_false(there(first));
	assert_false(there(second));
	assert_int_equal(sweeper.pid, 0);
}

TEST(removes_only_what_it_was_told)
{
	assert_int_equal(watch(1), 0);
	sweeper_end(&sweeper);
	assert_false(there(first));
	assert_true(there(second));
}

TEST(told_nothing_it_removes_nothing)
{
	sweeper_end(&sweeper);
	assert_true(there(first) && there(second));
}

/* A second word would come from whoever took over the daemon after it gave root away. */
TEST(listens_to_the_first_word_only)
{
	assert_int_equal(watch(1), 0);
	assert_int_equal(watch(2), 0);
	sweeper_end(&sweeper);
	assert_false(there(first));
	assert_true(there(second));
}

TEST(part_of_a_word_is_none)
{
	assert_int_equal(write(sweeper.pipe, first, strlen(first)), strlen(first));
	sweeper_end(&sweeper);
	assert_true(there(first) && there(second));
}

TEST(leaves_a_socket_that_another_made_since)
{
	char third[96];

	assert_int_equal(watch(2), 0);
	/* Both exist for a moment, so that they have not the same inode. */
	snprintf(third, sizeof third, "%s/third", folder);
	close(socket_at(third));
	assert_int_equal(rename(third, first), 0);
	sweeper_end(&sweeper);
	assert_true(there(first));
	assert_false(there(second));
}

TEST(leaves_what_is_no_socket)
{
	unlink(first);
	assert_int_equal(symlink(second, first), 0);
	assert_int_equal(watch(1), 0); /* the link itself, by its own inode */
	sweeper_end(&sweeper);
	assert_true(there(first) && there(second));
}

TEST(refuses_files_that_are_not_there)
{
	char nothing[128], long_one[200];

	snprintf(nothing, sizeof nothing, "%s/nothing", folder);
	memset(long_one, 'x', sizeof long_one);
	long_one[sizeof long_one - 1] = '\0';
	assert_int_equal(sweeper_watch(&sweeper, (const char *const[]){first, nothing}, 2),
			 -ENOENT);
	assert_int_equal(sweeper_watch(&sweeper, (const char *const[]){long_one}, 1),
			 -ENAMETOOLONG);
}

TEST(does_not_hear_the_signals_that_end_a_daemon)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	char byte;
	int turn[2];

	/* Once it has closed what it inherited, it is deaf, too. */
	sweeper_end(&sweeper);
	assert_int_equal(pipe(turn), 0);
	assert_int_equal(sweeper_start(&sweeper), 0);
	close(turn[1]);
	assert_int_equal(read(turn[0], &byte, 1), 0);
	close(turn[0]);

	assert_int_equal(watch(2), 0);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		assert_int_equal(kill(sweeper.pid, signals[i]), 0);
	sweeper_end(&sweeper);
	assert_false(there(first));
	assert_false(there(second));
}

TEST(sweeps_after_a_daemon_that_was_killed)
{
	int alive[2];
	char byte;

	/* The sweeper of the dead is then our child, for which we can wait. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(alive), 0);
	pid_t daemon = fork();
	if (daemon == 0) {
		struct sweeper s;
		const char *const paths[] = {first, second};
		bool ok = sweeper_start(&s) == 0 && sweeper_watch(&s, paths, 2) == 0;
		if (write(alive[1], ok ? "y" : "n", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(alive[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_true(there(first) && there(second));
	assert_int_equal(kill(daemon, SIGKILL), 0);
	assert_int_equal(waitpid(daemon, NULL, 0), daemon);
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_false(there(first));
	assert_false(there(second));
	close(alive[0]);
	close(alive[1]);
}

TEST(without_a_sweeper_nothing_happens)
{
	sweeper_end(&sweeper);
	sweeper_none(&sweeper);
	assert_int_equal(watch(2), 0);
	sweeper_end(&sweeper);
	assert_true(there(first) && there(second));
}

#define RUN_HERE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_HERE(removes_the_files_before_the_end_returns),
		RUN_HERE(removes_only_what_it_was_told),
		RUN_HERE(told_nothing_it_removes_nothing),
		RUN_HERE(listens_to_the_first_word_only),
		RUN_HERE(part_of_a_word_is_none),
		RUN_HERE(leaves_a_socket_that_another_made_since),
		RUN_HERE(leaves_what_is_no_socket),
		RUN_HERE(refuses_files_that_are_not_there),
		RUN_HERE(does_not_hear_the_signals_that_end_a_daemon),
		RUN_HERE(sweeps_after_a_daemon_that_was_killed),
		RUN_HERE(without_a_sweeper_nothing_happens),
	};

	return RUN_TESTS(tests);
}
