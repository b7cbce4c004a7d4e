/* Time: microseconds of the boot-time clock, which counts sleep. Engines are handed it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef int64_t usec;

#define USEC_NEVER INT64_MAX
#define MSEC(n)    ((usec)1000 * (n))
#define SEC(n)     ((usec)1000000 * (n))

/* True when the instant `at` has come. USEC_NEVER never comes. */
static inline bool usec_due(usec at, usec now)
{
	return at <= now && at != USEC_NEVER;
}

static inline usec usec_min(usec a, usec b)
{
	return a < b ? a : b;
}

static inline usec usec_max(usec a, usec b)
{
	return a > b ? a : b;
}

#endif
