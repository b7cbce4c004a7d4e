/* Work that may wait for the kernel, done beside the loop by a thread, so that no packet waits with it: one job at a time, a thread
 * for each. Work and loop share nothing but the job: who starts it must leave alone what it points to until it is done. */
#ifndef IO_ASIDE_H
#define IO_ASIDE_H

#include <stdbool.h>

#include "base/log.h"
#include "io/loop.h"

#define ASIDE_LINES 16 /* of a job's log; what is beyond is counted */

struct aside;

/* NULL when the host refuses (errno says why). */
struct aside *aside_new(struct loop *l, const struct log *log);
/* Waits for the job under way, whose `done` is not called any more; its log is told. NULL is fine. */
void aside_free(struct aside *a);

/* Call work(ctx, log) beside the loop, then done(ctx) in a later turn of it. What work says in its log is told just before that. The
 * thread has the capabilities of who calls, and takes no signals. Where the host has no thread to give, which the log says, the
 * work is done before this returns. Only while aside_busy() is false, as it is again in `done`. */
void aside_start(struct aside *a, void (*work)(void *ctx, const struct log *log),
		 void (*done)(void *ctx), void *ctx);
bool aside_busy(const struct aside *a);

#endif
