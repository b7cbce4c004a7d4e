/* The loop: libev for descriptors and signals, and the one timer of the program, a timerfd on
 * the boot-time clock (an ev_timer does not count sleep). */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>

#include "base/clock.h"

struct loop;
struct loop_watch;

#define LOOP_READ  1
#define LOOP_WRITE 2

/* NULL when the host refuses (errno says why). */
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Microseconds of the boot-time clock, read once per turn. */
usec loop_now(const struct loop *l);
/* Read the clock now; for long work and for start-up. */
usec loop_update_now(struct loop *l);
/* Wall clock minus boot-time clock, now: for env. */
usec loop_wall_offset(void);

/* NULL without memory. */
struct loop_watch *loop_watch(struct loop *l, int fd, int events,
			      void (*ready)(void *ctx, int events), void *ctx);
/* Change what is waited for; 0 stops waiting. */
void loop_watch_set(struct loop_watch *w, int events);
void loop_unwatch(struct loop_watch *w); /* NULL is fine; safe inside its own callback */

/* Call back on these signals: 0 or -ENOMEM. */
int loop_on_signal(struct loop *l, int signum, void (*caught)(void *ctx, int signum), void *ctx);

/* Call `deadline` when the clock reaches `at`; one timer, the last call counts. USEC_NEVER: not
 * at all. */
void loop_on_deadline(struct loop *l, void (*deadline)(void *ctx), void *ctx);
void loop_wake_at(struct loop *l, usec at);

/* Call back, before anything else of that turn, when the loop was away for LOOP_AWAY or longer:
 * the host slept (the boot-time clock counts that, the monotonic one does not), or the process was
 * stopped, past a deadline of ours or until a SIGCONT. The loop was last awake at `since`; loop_now()
 * is the end. More than one sign of the same may call twice. 0 or -ENOMEM. */
#define LOOP_AWAY SEC(2)
int loop_on_resume(struct loop *l, void (*resumed)(void *ctx, usec since), void *ctx);

/* Call back before each wait for events: the place to work out when to wake. */
void loop_before_sleep(struct loop *l, void (*before_sleep)(void *ctx), void *ctx);

/* Runs until loop_stop; returns at once when that was called before. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
