/* What is to happen, in order of time; what is due at the same time, in the order in which it was put down: a cable without jitter
 * reorders nothing. Tasks are embedded in what they are about. */
#ifndef SIM_AGENDA_H
#define SIM_AGENDA_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct task {
	usec at;
	uint64_t order;
	size_t slot; /* place in the agenda plus one; 0: not in it */
	void (*run)(struct task *t);
	void (*discard)(struct task *t); /* when it never comes; NULL: there is nothing to free */
};

struct agenda {
	struct task **tasks;
	size_t count, room;
	uint64_t order;
};

/* Discards what is in it. */
void agenda_free(struct agenda *a);

/* Put down, move, or (at USEC_NEVER) cross out. */
void agenda_set(struct agenda *a, struct task *t, usec at);
/* The next one, which is crossed out; NULL when it would come after `until`. */
struct task *agenda_take(struct agenda *a, usec until);

#endif
