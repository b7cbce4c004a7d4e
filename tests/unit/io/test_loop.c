/* The loop against real descriptors, signals and the real clock: bounds are generous, nothing
 * sleeps. */
#include "config.h"

#include "io/loop.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "support/test.h"

/* Linked with --wrap=timerfd_settime: the data path must not call it for nothing. */
static unsigned timer_calls;
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	timer_calls++;
	return __real_timerfd_settime(fd, flags, new, old);
}

/* As long as the host slept, and the process was stopped, in a test. */
static usec asleep, stopped;
int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	int err = __real_clock_gettime(clock, t);

	t->tv_sec += (stopped + (clock == CLOCK_BOOTTIME ? asleep : 0)) / SEC(1);
	return err;
}

static struct loop *l;
static struct loop_watch *watches[2];
static int pairs[2][2];
static unsigned calls;
static usec seen;

static int set_up(void **state)
{
	(void)state;
	l = loop_new();
	for (int i = 0; i < 2; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pairs[i]) < 0)
			return -1;
	calls = timer_calls = 0;
	seen = asleep = stopped = 0;
	return l != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		loop_unwatch(watches[i]);
		watches[i] = NULL;
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	loop_free(l);
	return 0;
}

static void stop_at_deadline(void *ctx)
{
	(void)ctx;
	calls++;
	seen = loop_now(l);
	loop_stop(l);
}

/* One turn: everything that is ready now is called back. */
static void turn(void)
{
	loop_on_deadline(l, stop_at_deadline, NULL);
	loop_wake_at(l, 0);
	loop_run(l);
}

TEST(wakes_at_the_deadline_and_not_before)
{
	usec at = loop_update_now(l) + MSEC(20);

	loop_on_deadline(l, stop_at_deadline, NULL);
	loop_wake_at(l, at);
	loop_run(l);
	assert_int_equal(calls, 1);
	assert_true(seen >= at);
	assert_true(seen < at + SEC(1));
}

TEST(wakes_at_once_when_the_deadline_has_passed)
{
	static const usec past[] = {-5, 0, 1};

	loop_on_deadline(l, stop_at_deadline, NULL);
	for (unsigned i = 0; i < 3; i++) {
		loop_wake_at(l, past[i]);
		loop_run(l);
		assert_int_equal(calls, i + 1);
	}
}

TEST(the_last_deadline_counts)
{
	usec now = loop_update_now(l), at = now + MSEC(30);

	loop_on_deadline(l, stop_at_deadline, NULL);
	loop_wake_at(l, now + MSEC(5));
	loop_wake_at(l, at); /* later: the timer may fire early, the callback may not */
	loop_run(l);
	assert_true(seen >= at);

	now = loop_update_now(l);
	loop_wake_at(l, now + SEC(60));
	loop_wake_at(l, now + MSEC(5)); /* earlier */
	loop_run(l);
	assert_int_equal(calls, 2);
	assert_true(seen < now + SEC(30));
}

static void stop_when_ready(void *ctx, int events)
{
	(void)ctx, (void)events;
	loop_stop(l);
}

TEST(never_means_never)
{
	struct itimerspec other_clock = {.it_value.tv_nsec = 20 * 1000 * 1000};
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK);

	loop_on_deadline(l, stop_at_deadline, NULL);
	loop_wake_at(l, loop_update_now(l) + MSEC(5));
	loop_wake_at(l, USEC_NEVER);
	__real_timerfd_settime(fd, 0, &other_clock, NULL);
	struct loop_watch *w = loop_watch(l, fd, LOOP_READ, stop_when_ready, NULL);
	loop_run(l);
	assert_int_equal(calls, 0);
	loop_unwatch(w);
	close(fd);
}

TEST(a_deadline_that_moves_later_costs_no_system_call)
{
	usec at = loop_update_now(l) + SEC(60);

	loop_wake_at(l, at);
	assert_int_equal(timer_calls, 1);
	for (usec i = 0; i < 1000; i++)
		loop_wake_at(l, at + i);
	loop_wake_at(l, USEC_NEVER);
	loop_wake_at(l, at + 5);
	assert_int_equal(timer_calls, 1);
	loop_wake_at(l, at - 1);
	assert_int_equal(timer_calls, 2);
}

static int ready_events;

static void note_events(void *ctx, int events)
{
	(void)ctx;
	ready_events = events;
	calls++;
}

TEST(tells_readable_and_writable_and_stops_when_asked)
{
	watches[0] = loop_watch(l, pairs[0][0], LOOP_READ, note_events, NULL);
	turn();
	assert_int_equal(calls, 1); /* the deadline's */
	assert_int_equal(write(pairs[0][1], "x", 1), 1);
	turn();
	assert_int_equal(ready_events, LOOP_READ);
	loop_watch_set(watches[0], LOOP_READ | LOOP_WRITE);
	turn();
	assert_int_equal(ready_events, LOOP_READ | LOOP_WRITE);
	loop_watch_set(watches[0], LOOP_WRITE);
	turn();
	assert_int_equal(ready_events, LOOP_WRITE);

	loop_watch_set(watches[0], 0);
	ready_events = 0;
	turn();
	assert_int_equal(ready_events, 0);
	loop_watch_set(watches[0], LOOP_READ);
	turn();
	assert_int_equal(ready_events, LOOP_READ);
}

static void unwatch_both(void *ctx, int events)
{
	(void)ctx, (void)events;
	calls++;
	for (int i = 0; i < 2; i++) {
		loop_unwatch(watches[i]);
		watches[i] = NULL;
	}
}

TEST(a_watch_may_end_itself_and_another_that_is_pending)
{
	for (int i = 0; i < 2; i++) {
		watches[i] = loop_watch(l, pairs[i][0], LOOP_WRITE, unwatch_both, NULL);
		assert_non_null(watches[i]);
	}
	turn();
	assert_int_equal(calls, 2); /* one of the two, and the deadline */
	turn();
	assert_int_equal(calls, 3);
	loop_unwatch(NULL);
}

static usec times[2];

static void note_time_and_linger(void *ctx, int events)
{
	(void)events;
	*(usec *)ctx = loop_now(l);
	usec until = loop_now(l) + MSEC(2);
	struct timespec t;
	do
		clock_gettime(CLOCK_BOOTTIME, &t);
	while (SEC(t.tv_sec) + t.tv_nsec / 1000 < until);
}

TEST(time_stands_still_within_a_turn)
{
	for (int i = 0; i < 2; i++)
		watches[i] =
			loop_watch(l, pairs[i][0], LOOP_WRITE, note_time_and_linger, &times[i]);
	usec before = loop_now(l);
	turn();
	usec first = times[0];
	assert_int_equal(times[0], times[1]);
	assert_true(first >= before);
	assert_true(loop_update_now(l) >= first + MSEC(2));
	turn();
	assert_true(times[0] >= first + MSEC(2));
}

TEST(the_clock_is_that_of_boot_time)
{
	struct timespec boot, wall;

	usec now = loop_update_now(l);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	assert_in_range(SEC(boot.tv_sec) + boot.tv_nsec / 1000 - now, 0, SEC(1));
	assert_in_range(SEC(wall.tv_sec) + wall.tv_nsec / 1000 - (now + loop_wall_offset()) +
				SEC(1),
			0, SEC(2));
}

static int signals_seen[2];

static void note_signal(void *ctx, int signum)
{
	*(int *)ctx = signum;
	loop_stop(l);
}

TEST(catches_signals)
{
	assert_int_equal(loop_on_signal(l, SIGUSR1, note_signal, &signals_seen[0]), 0);
	assert_int_equal(loop_on_signal(l, SIGUSR2, note_signal, &signals_seen[1]), 0);
	raise(SIGUSR1);
	loop_run(l);
	assert_int_equal(signals_seen[0], SIGUSR1);
	assert_int_equal(signals_seen[1], 0);
	raise(SIGUSR2);
	loop_run(l);
	assert_int_equal(signals_seen[1], SIGUSR2);
}

TEST(a_stop_before_the_run_counts)
{
	loop_stop(l);
	loop_run(l);
	turn();
	assert_int_equal(calls, 1);
}

static usec awake_until;
static unsigned resumes;

static void note_resume(void *ctx, usec since)
{
	(void)ctx;
	resumes++;
	awake_until = since;
}

static void stop_loop(void *ctx, int events)
{
	(void)ctx, (void)events;
	loop_stop(l);
}

static void watch_resumes(void)
{
	resumes = 0;
	assert_int_equal(loop_on_resume(l, note_resume, NULL), 0);
	turn();
	turn();
	assert_int_equal(resumes, 0);
}

TEST(f52_notices_that_the_host_slept)
{
	watch_resumes();
	usec before = loop_now(l);
	asleep = SEC(1);
	turn();
	assert_int_equal(resumes, 0); /* too short to mean anything */
	before = loop_now(l);
	asleep += SEC(3600);
	turn();
	assert_int_equal(resumes, 1);
	assert_int_equal(awake_until, before);
	assert_true(loop_now(l) >= before + SEC(3600));
	turn();
	assert_int_equal(resumes, 1);
}

static void stop_process_until_late(void *ctx, int events)
{
	(void)ctx, (void)events;
	loop_unwatch(watches[0]);
	watches[0] = NULL;
	loop_wake_at(l, loop_now(l) + MSEC(5));
	stopped += SEC(12);
}

TEST(f07_notices_that_a_deadline_passed_long_ago)
{
	watch_resumes();
	loop_on_deadline(l, stop_at_deadline, NULL);
	watches[0] = loop_watch(l, pairs[0][0], LOOP_WRITE, stop_process_until_late, NULL);
	loop_run(l);
	assert_int_equal(resumes, 1);
	assert_true(seen - awake_until >= SEC(12));
}

TEST(f07_notices_that_it_is_continued)
{
	watch_resumes();
	raise(SIGCONT);
	turn();
	assert_int_equal(resumes, 0);
	stopped += SEC(12); /* without a deadline in it */
	loop_on_deadline(l, stop_at_deadline, NULL);
	loop_wake_at(l, loop_now(l) + SEC(20));
	usec before = loop_now(l);
	watches[0] = loop_watch(l, pairs[0][0], LOOP_WRITE, stop_loop, NULL);
	loop_run(l);
	assert_int_equal(resumes, 0);
	raise(SIGCONT); /* is told in a later turn than that which saw the time */
	loop_run(l);
	loop_run(l);
	assert_int_equal(resumes, 1);
	assert_int_equal(awake_until, before);
}

#define RUN_IN_LOOP(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_IN_LOOP(wakes_at_the_deadline_and_not_before),
		RUN_IN_LOOP(wakes_at_once_when_the_deadline_has_passed),
		RUN_IN_LOOP(the_last_deadline_counts),
		RUN_IN_LOOP(never_means_never),
		RUN_IN_LOOP(a_deadline_that_moves_later_costs_no_system_call),
		RUN_IN_LOOP(tells_readable_and_writable_and_stops_when_asked),
		RUN_IN_LOOP(a_watch_may_end_itself_and_another_that_is_pending),
		RUN_IN_LOOP(time_stands_still_within_a_turn),
		RUN_IN_LOOP(the_clock_is_that_of_boot_time),
		RUN_IN_LOOP(catches_signals),
		RUN_IN_LOOP(a_stop_before_the_run_counts),
		RUN_IN_LOOP(f52_notices_that_the_host_slept),
		RUN_IN_LOOP(f07_notices_that_a_deadline_passed_long_ago),
		RUN_IN_LOOP(f07_notices_that_it_is_continued),
	};

	return RUN_TESTS(tests);
}
