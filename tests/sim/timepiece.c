/* Readings are rounded down, instants up: at timepiece_when(t, x) it shows x. */
#include "sim/timepiece.h"

#include <assert.h>

#define MILLION 1000000

usec timepiece_read(const struct timepiece *t, usec world)
{
	__int128 passed = world - t->world;

	return t->stopped ? t->shown : t->shown + (usec)(passed * (MILLION + t->ppm) / MILLION);
}

usec timepiece_when(const struct timepiece *t, usec shown)
{
	__int128 left = (__int128)shown - t->shown;
	int rate = MILLION + t->ppm;

	if (shown == USEC_NEVER)
		return USEC_NEVER;
	if (left <= 0)
		return t->world;
	return t->stopped ? USEC_NEVER : t->world + (usec)((left * MILLION + rate - 1) / rate);
}

static void rebase(struct timepiece *t, usec world)
{
	t->shown = timepiece_read(t, world);
	t->world = world;
}

void timepiece_set_rate(struct timepiece *t, int ppm, usec world)
{
	assert(ppm > -MILLION);
	rebase(t, world);
	t->ppm = ppm;
}

void timepiece_stop(struct timepiece *t, usec world)
{
	rebase(t, world);
	t->stopped = true;
}

void timepiece_start(struct timepiece *t, usec world)
{
	rebase(t, world);
	t->stopped = false;
}

void timepiece_jump(struct timepiece *t, usec by, usec world)
{
	assert(by >= 0);
	rebase(t, world);
	t->shown += by;
}
