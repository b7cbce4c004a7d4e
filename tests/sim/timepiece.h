/* A node's own boot-time clock: it starts anywhere, runs a little fast or slow, and may be stopped or set ahead; never back. */
#ifndef SIM_TIMEPIECE_H
#define SIM_TIMEPIECE_H

#include <stdbool.h>

#include "base/clock.h"

struct timepiece {
	usec world, shown; /* when the world's clock said this, it showed that */
	int ppm;           /* it gains so many microseconds a second; more than minus a million */
	bool stopped;
};

usec timepiece_read(const struct timepiece *t, usec world);
/* The earliest time of the world at which it shows `shown` or more; USEC_NEVER while it is stopped short of that. */
usec timepiece_when(const struct timepiece *t, usec shown);

/* From now on. */
void timepiece_set_rate(struct timepiece *t, int ppm, usec world);
void timepiece_stop(struct timepiece *t, usec world);
void timepiece_start(struct timepiece *t, usec world);
void timepiece_jump(struct timepiece *t, usec by, usec world);

#endif
