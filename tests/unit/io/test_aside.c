/* Work beside a real loop. Nothing sleeps: work waits for bytes that the test sends it through a pipe. */
#include "config.h"

#include "io/aside.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "support/env_fake.h"
#include "support/test.h"

/* What these say instead of doing it; zero: they do it. */
static int create_err, eventfd_err;
int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *),
			  void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *),
			  void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *), void *ctx)
{
	return create_err != 0 ? create_err : __real_pthread_create(t, attr, run, ctx);
}
int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags)
{
	errno = eventfd_err;
	return eventfd_err != 0 ? -1 : __real_eventfd(value, flags);
}

static struct env_fake env;
static struct loop *l;
static struct aside *a;
static pthread_t loop_thread;
static int gate[2]; /* work waits for a byte */

static struct job {
	bool waits;
	unsigned lines;
	/* what became of it */
	pthread_t thread;
	sigset_t blocked;
	unsigned works, dones;
} job;

static int set_up(void **state)
{
	(void)state;
	create_err = eventfd_err = 0;
	job = (struct job){0};
	env_fake_init(&env, 1);
	loop_thread = pthread_self();
	l = loop_new();
	if (pipe(gate) < 0 || l == NULL)
		return -1;
	a = aside_new(l, &env.log);
	return a != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	aside_free(a);
	a = NULL;
	loop_free(l);
	close(gate[0]);
	close(gate[1]);
	return 0;
}

static void work(void *ctx, const struct log *log)
{
	struct job *j = ctx;
	char byte;

	if (j->waits)
		assert_int_equal(read(gate[0], &byte, 1), 1);
	j->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &j->blocked);
	for (unsigned i = 0; i < j->lines; i++)
		log_warn(log, "line %u", i);
	log_debug(log, "not wanted");
	j->works++;
}

static void done(void *ctx)
{
	struct job *j = ctx;

	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_false(aside_busy(a));
	assert_int_equal(j->works, j->dones + 1);
	j->dones++;
	loop_stop(l);
}

static void done_and_again(void *ctx)
{
	struct job *j = ctx;

	if (j->works < 100) {
		j->dones++;
		aside_start(a, work, done_and_again, j);
	} else {
		done(ctx);
	}
}

static void open_gate(void *ctx)
{
	(void)ctx;
	assert_true(aside_busy(a));
	assert_int_equal(write(gate[1], "", 1), 1);
}

TEST(the_work_is_done_by_another_thread_and_told_to_the_loops)
{
	aside_start(a, work, done, &job);
	assert_true(aside_busy(a));
	loop_run(l);
	assert_int_equal(job.works, 1);
	assert_int_equal(job.dones, 1);
	assert_false(pthread_equal(job.thread, loop_thread));
}

TEST(the_loop_goes_on_while_work_waits)
{
	job.waits = true;
	loop_on_deadline(l, open_gate, NULL);
	loop_wake_at(l, loop_now(l));
	aside_start(a, work, done, &job);
	loop_run(l); /* would never end, if starting or running the job waited for it */
	assert_int_equal(job.dones, 1);
}

TEST(one_job_may_follow_another)
{
	aside_start(a, work, done_and_again, &job);
	loop_run(l);
	assert_int_equal(job.works, 100);
	assert_int_equal(job.dones, 100);
}

TEST(signals_are_the_loops_alone)
{
	sigset_t after;

	aside_start(a, work, done, &job);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	loop_run(l);
	for (int signum = 1; signum <= SIGSYS; signum++) {
		assert_int_equal(sigismember(&after, signum), 0);
		if (signum != SIGKILL && signum != SIGSTOP)
			assert_int_equal(sigismember(&job.blocked, signum), 1);
	}
}

TEST(what_work_logs_is_told_by_the_loop)
{
	job.lines = 2;
	env.log.level = LEVEL_WARN;
	aside_start(a, work, done, &job);
	assert_int_equal(env.lines, 0);
	loop_run(l);
	assert_int_equal(env.lines, 2);
	assert_string_equal(env.last_line, "line 1");
}

TEST(of_too_many_lines_the_rest_is_counted)
{
	job.lines = ASIDE_LINES + 5;
	env.log.level = LEVEL_INFO;
	aside_start(a, work, done, &job);
	loop_run(l);
	assert_int_equal(env.lines, ASIDE_LINES + 1);
	assert_string_equal(env.last_line, "5 more lines were left out");
}

TEST(the_end_waits_for_the_work_and_tells_nobody_but_the_log)
{
	job.waits = true;
	job.lines = 1;
	aside_start(a, work, done, &job);
	assert_int_equal(write(gate[1], "", 1), 1);
	aside_free(a);
	a = NULL;
	assert_int_equal(job.works, 1);
	assert_int_equal(job.dones, 0);
	assert_true(env.lines > 0);
}

TEST(without_a_thread_to_give_the_work_is_done_all_the_same)
{
	create_err = EAGAIN;
	aside_start(a, work, done, &job);
	assert_int_equal(job.works, 1);
	assert_int_equal(job.dones, 0); /* not within the call */
	assert_non_null(strstr(env.last_line, "no thread to give"));
	assert_true(pthread_equal(job.thread, loop_thread));
	loop_run(l);
	assert_int_equal(job.dones, 1);
}

TEST(a_host_without_descriptors_is_told)
{
	eventfd_err = EMFILE;
	assert_null(aside_new(l, &env.log));
	assert_int_equal(errno, EMFILE);
}

#define RUN_WITH_LOOP(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_LOOP(the_work_is_done_by_another_thread_and_told_to_the_loops),
		RUN_WITH_LOOP(the_loop_goes_on_while_work_waits),
		RUN_WITH_LOOP(one_job_may_follow_another),
		RUN_WITH_LOOP(signals_are_the_loops_alone),
		RUN_WITH_LOOP(what_work_logs_is_told_by_the_loop),
		RUN_WITH_LOOP(of_too_many_lines_the_rest_is_counted),
		RUN_WITH_LOOP(the_end_waits_for_the_work_and_tells_nobody_but_the_log),
		RUN_WITH_LOOP(without_a_thread_to_give_the_work_is_done_all_the_same),
		RUN_WITH_LOOP(a_host_without_descriptors_is_told),
	};

	return RUN_TESTS(tests);
}
