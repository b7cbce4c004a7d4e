/* When one tunnel has to act: the schedule of initiations (protocol.md, section 4) and the
 * timers of WireGuard (paper, section 6; the details as the kernel has them). Events go in,
 * instants come out; sending is tunnel.c's. */
#ifndef WG_TIMERS_H
#define WG_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/env.h"
#include "wg/message.h"

#define ANSWERED_QUIET_FOR                                                                         \
	MSEC(250) /* who answered an initiation starts none of its own so long: rule 1 */

struct timers {
	/* A series of initiations: from the first wish to a session or to surrender. */
	bool wanted;
	unsigned attempts; /* that left in this series */
	usec give_up_at;   /* USEC_NEVER before the first one left */
	usec fast_at;      /* the next may leave while packets wait for it, or at ... */
	usec slow_at;      /* ... this in any case */
	usec quiet_until;  /* we answered the peer's */
	usec fresh_until;  /* the last one may still be answered */
	usec round_trip;   /* initiation to response, the last time; 0: not known */

	usec unanswered_since; /* data or an initiation was sent and nothing received */
	usec silence_at;       /* data sent and nothing received: a new handshake */
	usec keepalive_at;     /* data received and nothing sent */
	usec persistent_for;   /* persistent keepalive; 0: off */
	usec persistent_at;
	usec erase_at; /* keys are wiped */
};

/* Nothing armed. */
void timers_init(struct timers *t);
/* Nothing armed but the persistent keepalive. */
void timers_restart(struct timers *t);

/* --- handshakes ------------------------------------------------------------------------------------------------- */

/* A session is wanted; repeats are harmless. */
void timers_want(struct timers *t);
/* A new series, whatever was before; the first leaves at once, unless the last one may still be
 * answered. */
void timers_start(struct timers *t, usec now);
/* An initiation left. */
void timers_initiated(struct timers *t, usec now, const struct env *env);
/* A response of ours left. */
void timers_answered(struct timers *t, usec now);
/* The peer answered an initiation that left at sent_at. */
void timers_measured(struct timers *t, usec sent_at, usec now);
/* A session was confirmed, or given up: the series ends. */
void timers_end(struct timers *t);

/* When the first initiation of the series left; USEC_NEVER: none did. */
usec timers_began(const struct timers *t);
/* When the next initiation is to leave; USEC_NEVER when none is wanted. waiting: packets wait
 * for the session. */
usec timers_initiate_at(const struct timers *t, bool waiting);

/* --- sessions --------------------------------------------------------------------------------------------------- */

/* Keys were derived: they are to be erased in their time. */
void timers_derived(struct timers *t, usec now);
/* Any authenticated packet left, or came; besides, for one with data, timers_sent_data or
 * timers_received_data. */
void timers_sent(struct timers *t, usec now);
void timers_received(struct timers *t, usec now);
void timers_sent_data(struct timers *t, usec now, const struct env *env);
void timers_received_data(struct timers *t, usec now);

/* 0: off. From off to on one is due at once; else the next comes by the shorter interval. */
void timers_set_persistent(struct timers *t, usec every, usec now);

#endif
