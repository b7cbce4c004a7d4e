/* The loop: libev watches descriptors and signals; time is one timerfd, watched like any other
 * descriptor. */
#include "config.h"

#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"

struct loop {
	struct ev_loop *ev;
	struct ev_check after_poll;
	struct ev_prepare before_poll;
	void (*before_sleep)(void *ctx);
	void *before_sleep_ctx;
	usec now;
	usec idle_from, idle_until; /* the last wait of LOOP_AWAY or longer; 0: none */
	usec asleep;                /* how long the host slept since it was booted */
	void (*resumed)(void *ctx, usec since);
	void *resumed_ctx;
	bool stopped;

	struct ev_io timer;
	usec wake_at;  /* what was asked for */
	usec armed_at; /* when the timerfd fires; never later than wake_at */
	void (*deadline)(void *ctx);
	void *deadline_ctx;

	struct list signals;
};

struct loop_watch {
	struct ev_io io;
	struct ev_loop *ev;
	void (*ready)(void *ctx, int events);
	void *ctx;
};

struct loop_signal {
	struct ev_signal signal;
	struct list in_loop;
	void (*caught)(void *ctx, int signum);
	void *ctx;
};

/* --- memory for libev ------------------------------------------------------------------------------------------- */

/* libev ends the process when it gets no memory (reliability.md, F60), so where the host refuses it gets some of this. Its arrays
 * double: they ask a few times in a life, and fewer than RESERVE_LEN bytes up to a thousand descriptors. */
#define RESERVE_LEN (128u << 10)

union piece {
	size_t len; /* of what follows */
	max_align_t align;
};

static union piece reserve[RESERVE_LEN / sizeof(union piece)];
static size_t reserve_used,
	reserve_given; /* in pieces of the array; and how many are not given back */

static bool is_reserve(const union piece *p)
{
	return p >= reserve && p < reserve + sizeof reserve / sizeof reserve[0];
}

static union piece *take_reserve(size_t len)
{
	size_t units = (len + sizeof reserve[0] - 1) / sizeof reserve[0];
	union piece *p = &reserve[reserve_used];

	if (units > sizeof reserve / sizeof reserve[0] - reserve_used)
		return NULL;
	reserve_used += units;
	reserve_given++;
	return p;
}

static void give_back(union piece *p)
{
	if (!is_reserve(p))
		free(p);
	else if (--reserve_given == 0)
		reserve_used = 0;
}

/* As realloc(), but length zero frees. */
static void *allocate(void *p, long len)
{
	union piece *old = p != NULL ? (union piece *)p - 1 : NULL, *fresh = NULL;
	size_t room = sizeof *fresh + (size_t)len;

	if (len > 0) {
		fresh = malloc(room);
		if (fresh == NULL && (fresh = take_reserve(room)) == NULL)
			return NULL; /* and libev gives up */
		fresh->len = (size_t)len;
	}
	if (old != NULL && fresh != NULL)
		memcpy(fresh + 1, p, old->len < fresh->len ? old->len : fresh->len);
	if (old != NULL)
		give_back(old);
	return fresh != NULL ? fresh + 1 : NULL;
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static usec clock_usec(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return SEC(t.tv_sec) + t.tv_nsec / 1000;
}

usec loop_now(const struct loop *l)
{
	return l->now;
}

usec loop_update_now(struct loop *l)
{
	l->now = clock_usec(CLOCK_BOOTTIME);
	return l->now;
}

static usec clock_asleep(void)
{
	return clock_usec(CLOCK_BOOTTIME) - clock_usec(CLOCK_MONOTONIC);
}

usec loop_wall_offset(void)
{
	return clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_BOOTTIME);
}

/* Runs before all other callbacks of its turn: it has the highest priority. */
static void on_poll_returned(struct ev_loop *ev, struct ev_check *check, int events)
{
	struct loop *l = ev_userdata(ev);
	usec asleep = l->asleep, before = l->now;
	bool armed = l->armed_at != USEC_NEVER;

	(void)check, (void)events;
	l->asleep = clock_asleep();
	loop_update_now(l);
	if (l->now - before >= LOOP_AWAY) {
		l->idle_from = before;
		l->idle_until = l->now;
	}
	if (l->resumed != NULL && (l->asleep - asleep >= LOOP_AWAY ||
				   (armed && l->now - usec_max(before, l->armed_at) >= LOOP_AWAY)))
		l->resumed(l->resumed_ctx, before);
}

static void on_about_to_poll(struct ev_loop *ev, struct ev_prepare *prepare, int events)
{
	const struct loop *l = ev_userdata(ev);

	(void)prepare, (void)events;
	l->before_sleep(l->before_sleep_ctx);
}

static void timer_arm(struct loop *l, usec at)
{
	/* An instant of zero would disarm; one that has passed fires at once. */
	usec t = at > 0 ? at : 1;
	struct itimerspec when = {.it_value = {.tv_sec = t / SEC(1), .tv_nsec = t % SEC(1) * 1000}};
	int err = timerfd_settime(l->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);

	assert(err == 0);
	l->armed_at = at;
}

void loop_wake_at(struct loop *l, usec at)
{
	/* The deadline mostly moves later, packet by packet. The timer is left to fire early
	 * then, once, which is cheaper than a system call each turn. */
	l->wake_at = at;
	if (at < l->armed_at)
		timer_arm(l, at);
}

static void on_timer(struct ev_loop *ev, struct ev_io *io, int events)
{
	struct loop *l = ev_userdata(ev);
	uint64_t expirations;

	(void)events;
	if (read(io->fd, &expirations, sizeof expirations) < 0)
		return; /* re-armed for later by a callback of this turn */

	l->armed_at = USEC_NEVER;
	if (!usec_due(l->wake_at, l->now)) {
		loop_wake_at(l, l->wake_at);
		return;
	}
	l->wake_at = USEC_NEVER;
	if (l->deadline != NULL)
		l->deadline(l->deadline_ctx);
}

void loop_on_deadline(struct loop *l, void (*deadline)(void *ctx), void *ctx)
{
	l->deadline = deadline;
	l->deadline_ctx = ctx;
}

void loop_before_sleep(struct loop *l, void (*before_sleep)(void *ctx), void *ctx)
{
	l->before_sleep = before_sleep;
	l->before_sleep_ctx = ctx;
	ev_prepare_start(l->ev, &l->before_poll);
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof *l);
	int fd = -1;

	if (l == NULL)
		return NULL;
	fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		goto no_timer;
	ev_set_allocator(allocate);
	l->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (l->ev == NULL)
		goto no_ev;

	l->wake_at = l->armed_at = USEC_NEVER;
	list_init(&l->signals);
	ev_set_userdata(l->ev, l);
	ev_check_init(&l->after_poll, on_poll_returned);
	ev_set_priority(&l->after_poll, EV_MAXPRI);
	ev_check_start(l->ev, &l->after_poll);
	ev_prepare_init(&l->before_poll, on_about_to_poll);
	l->asleep = clock_asleep();
	ev_io_init(&l->timer, on_timer, fd, EV_READ);
	ev_io_start(l->ev, &l->timer);
	loop_update_now(l);
	return l;

no_ev:
	if (errno == 0)
		errno = ENOMEM; /* libev does not always say */
	close(fd);
no_timer:
	free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	list_for_each_safe (at, next, &l->signals) {
		struct loop_signal *s = list_entry(at, struct loop_signal, in_loop);
		ev_signal_stop(l->ev, &s->signal);
		free(s);
	}
	ev_io_stop(l->ev, &l->timer);
	ev_prepare_stop(l->ev, &l->before_poll);
	ev_check_stop(l->ev, &l->after_poll);
	close(l->timer.fd);
	ev_loop_destroy(l->ev);
	free(l);
}

/* The last thing done with the watch: its owner may have freed it. */
static void on_ready(struct ev_loop *ev, struct ev_io *io, int events)
{
	struct loop_watch *w = io->data;

	(void)ev;
	w->ready(w->ctx, (events & EV_READ ? LOOP_READ : 0) | (events & EV_WRITE ? LOOP_WRITE : 0));
}

struct loop_watch *loop_watch(struct loop *l, int fd, int events,
			      void (*ready)(void *ctx, int events), void *ctx)
{
	struct loop_watch *w = malloc(sizeof *w);

	if (w == NULL)
		return NULL;
	*w = (struct loop_watch){.ev = l->ev, .ready = ready, .ctx = ctx};
	ev_io_init(&w->io, on_ready, fd, 0);
	w->io.data = w;
	loop_watch_set(w, events);
	return w;
}

void loop_watch_set(struct loop_watch *w, int events)
{
	int wanted = (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);

	if (ev_is_active(&w->io) && (w->io.events & (EV_READ | EV_WRITE)) == wanted)
		return;
	ev_io_stop(w->ev, &w->io);
	ev_io_set(&w->io, w->io.fd, wanted);
	if (wanted != 0)
		ev_io_start(w->ev, &w->io);
}

void loop_unwatch(struct loop_watch *w)
{
	if (w == NULL)
		return;
	ev_io_stop(w->ev, &w->io);
	free(w);
}

static void on_signal(struct ev_loop *ev, struct ev_signal *signal, int events)
{
	struct loop_signal *s = signal->data;

	(void)ev, (void)events;
	s->caught(s->ctx, signal->signum);
}

int loop_on_signal(struct loop *l, int signum, void (*caught)(void *ctx, int signum), void *ctx)
{
	struct loop_signal *s = malloc(sizeof *s);

	if (s == NULL)
		return -ENOMEM;
	*s = (struct loop_signal){.caught = caught, .ctx = ctx};
	ev_signal_init(&s->signal, on_signal, signum);
	s->signal.data = s;
	ev_signal_start(l->ev, &s->signal);
	list_add_tail(&l->signals, &s->in_loop);
	return 0;
}

/* The wait that the stop prolonged may have ended a turn before the signal is told. */
static void on_continued(void *ctx, int signum)
{
	struct loop *l = ctx;

	(void)signum;
	if (l->idle_until != 0 && l->now - l->idle_until < LOOP_AWAY)
		l->resumed(l->resumed_ctx, l->idle_from);
}

int loop_on_resume(struct loop *l, void (*resumed)(void *ctx, usec since), void *ctx)
{
	l->resumed = resumed;
	l->resumed_ctx = ctx;
	return loop_on_signal(l, SIGCONT, on_continued, l);
}

void loop_run(struct loop *l)
{
	if (!l->stopped)
		ev_run(l->ev, 0);
	l->stopped = false;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
	ev_break(l->ev, EVBREAK_ALL);
}
