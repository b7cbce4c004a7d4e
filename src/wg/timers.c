/* The instants of one tunnel. */
#include "wg/timers.h"

#include <stddef.h>

/* After the first, second, ... initiation of a series, while packets wait. The last repeats. */
static const usec fast_retry[] = {MSEC(250), MSEC(500), MSEC(1000), MSEC(2000), MSEC(5000)};
#define FAST_RETRIES (sizeof fast_retry / sizeof fast_retry[0])

static void await(struct timers *t, usec now)
{
	t->unanswered_since = usec_min(t->unanswered_since, now);
}

static usec later(usec a, usec b)
{
	return a > b ? a : b;
}

void timers_init(struct timers *t)
{
	*t = (struct timers){.persistent_at = USEC_NEVER};
	timers_restart(t);
}

void timers_restart(struct timers *t)
{
	*t = (struct timers){
		.give_up_at = USEC_NEVER,
		.unanswered_since = USEC_NEVER,
		.silence_at = USEC_NEVER,
		.keepalive_at = USEC_NEVER,
		.persistent_for = t->persistent_for,
		.persistent_at = t->persistent_at,
		.erase_at = USEC_NEVER,
	};
}

void timers_want(struct timers *t)
{
	t->wanted = true;
}

void timers_start(struct timers *t, usec now)
{
	timers_end(t);
	t->wanted = true;
	t->fast_at = t->slow_at = later(now, t->fresh_until);
}

/* A retry faster than the round trip would void the initiation whose response is under way: a
 * plain peer keeps one. */
static usec patience(const struct timers *t)
{
	return usec_min(t->round_trip + t->round_trip / 2, REKEY_TIMEOUT);
}

void timers_initiated(struct timers *t, usec now, const struct env *env)
{
	usec fast = fast_retry[t->attempts < FAST_RETRIES ? t->attempts : FAST_RETRIES - 1];

	await(t, now);
	if (t->attempts++ == 0)
		t->give_up_at = now + REKEY_ATTEMPT_FOR;
	t->fast_at = now + later(fast + rand_jitter(env->rand, fast / 3), patience(t));
	t->slow_at =
		now + later(REKEY_TIMEOUT, patience(t)) + rand_jitter(env->rand, REKEY_JITTER_MAX);
	t->fresh_until = now + (t->round_trip != 0 ? patience(t) : fast_retry[0]);
}

void timers_answered(struct timers *t, usec now)
{
	t->quiet_until = now + ANSWERED_QUIET_FOR;
}

void timers_measured(struct timers *t, usec sent_at, usec now)
{
	t->round_trip = now - sent_at;
}

void timers_end(struct timers *t)
{
	t->wanted = false;
	t->attempts = 0;
	t->give_up_at = USEC_NEVER;
	t->unanswered_since = USEC_NEVER;
}

usec timers_began(const struct timers *t)
{
	return t->give_up_at == USEC_NEVER ? USEC_NEVER : t->give_up_at - REKEY_ATTEMPT_FOR;
}

usec timers_initiate_at(const struct timers *t, bool waiting)
{
	if (!t->wanted)
		return USEC_NEVER;
	return later(waiting ? usec_min(t->fast_at, t->slow_at) : t->slow_at, t->quiet_until);
}

void timers_derived(struct timers *t, usec now)
{
	t->erase_at = now + ERASE_AFTER;
}

static void traversed(struct timers *t, usec now)
{
	if (t->persistent_for != 0)
		t->persistent_at = now + t->persistent_for;
}

void timers_sent(struct timers *t, usec now)
{
	t->keepalive_at = USEC_NEVER;
	traversed(t, now);
}

void timers_received(struct timers *t, usec now)
{
	t->unanswered_since = USEC_NEVER;
	t->silence_at = USEC_NEVER;
	traversed(t, now);
}

void timers_sent_data(struct timers *t, usec now, const struct env *env)
{
	await(t, now);
	if (t->silence_at == USEC_NEVER)
		t->silence_at = now + KEEPALIVE_TIMEOUT + REKEY_TIMEOUT +
				rand_jitter(env->rand, REKEY_JITTER_MAX);
}

void timers_received_data(struct timers *t, usec now)
{
	if (t->keepalive_at == USEC_NEVER)
		t->keepalive_at = now + KEEPALIVE_TIMEOUT;
}

void timers_set_persistent(struct timers *t, usec every, usec now)
{
	bool was_on = t->persistent_for != 0;

	t->persistent_for = every;
	if (every == 0)
		t->persistent_at = USEC_NEVER;
	else /* never later than before: a syncconf each minute must not keep it from leaving */
		t->persistent_at = was_on ? usec_min(t->persistent_at, now + every) : now;
}
