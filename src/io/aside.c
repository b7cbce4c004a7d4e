/* A thread per job: jobs are rare, and starting and joining one orders all memory that loop and work hand to each other. Its end
 * is told by an eventfd. */
#include "config.h"

#include "io/aside.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct line {
	enum log_level level;
	const char *event;
	char text[LOG_LINE_MAX];
};

struct aside {
	const struct log *log;
	int ended; /* eventfd: the work of this job */
	struct loop_watch *watch;
	bool busy, has_thread;
	pthread_t thread;
	/* of the job */
	void (*work)(void *ctx, const struct log *log);
	void (*done)(void *ctx);
	void *ctx;
	struct line lines[ASIDE_LINES];
	size_t line_count;
};

/* Of a job's log: the real one is the loop's. */
static void keep_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	struct aside *a = ctx;

	if (a->line_count < ASIDE_LINES) {
		struct line *line = &a->lines[a->line_count];

		line->level = level;
		line->event = event;
		snprintf(line->text, sizeof line->text, "%s", text);
	}
	a->line_count++;
}

static void *run(void *ctx)
{
	struct aside *a = ctx;
	const struct log kept = {.level = a->log->level, .sink = keep_line, .ctx = a};
	uint64_t one = 1;

	a->work(a->ctx, &kept);
	ssize_t sent = write(a->ended, &one, sizeof one);
	assert(sent == sizeof one);
	return NULL;
}

/* The job's work is over: nothing of it is shared any more. */
static void finish(struct aside *a)
{
	if (a->has_thread)
		pthread_join(a->thread, NULL);
	a->busy = a->has_thread = false;
	for (size_t i = 0; i < a->line_count && i < ASIDE_LINES; i++)
		a->log->sink(a->log->ctx, a->lines[i].level, a->lines[i].event, a->lines[i].text);
	if (a->line_count > ASIDE_LINES)
		log_info(a->log, "%zu more lines were left out", a->line_count - ASIDE_LINES);
}

static void on_ended(void *ctx, int events)
{
	struct aside *a = ctx;
	uint64_t count;

	(void)events;
	if (read(a->ended, &count, sizeof count) < 0)
		return;
	finish(a);
	a->done(a->ctx);
}

struct aside *aside_new(struct loop *l, const struct log *log)
{
	struct aside *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->log = log;
	a->ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (a->ended < 0)
		goto no_eventfd;
	a->watch = loop_watch(l, a->ended, LOOP_READ, on_ended, a);
	if (a->watch == NULL)
		goto no_watch;
	return a;

no_watch:
	close(a->ended);
	errno = ENOMEM;
no_eventfd:
	free(a);
	return NULL;
}

void aside_free(struct aside *a)
{
	if (a == NULL)
		return;
	if (a->busy)
		finish(a);
	loop_unwatch(a->watch);
	close(a->ended);
	free(a);
}

/* Signals are the loop's: the thread has all of them blocked from its first instruction on. */
static bool thread_start(struct aside *a)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_create(&a->thread, NULL, run, a) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

void aside_start(struct aside *a, void (*work)(void *ctx, const struct log *log),
		 void (*done)(void *ctx), void *ctx)
{
	assert(!a->busy);
	a->busy = true;
	a->work = work;
	a->done = done;
	a->ctx = ctx;
	a->line_count = 0;
	a->has_thread = thread_start(a);
	if (!a->has_thread) {
		log_warn(a->log,
			 "the host has no thread to give: packets wait for what is done meanwhile");
		run(a);
	}
}

bool aside_busy(const struct aside *a)
{
	return a->busy;
}
