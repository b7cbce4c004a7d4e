/* Time for benchmarks: the least of several rounds, because noise only ever adds. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdint.h>
#include <time.h>

#define BENCH_ROUNDS 7

static inline double bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds of one of the `count` operations that run(ctx) does. */
static inline double bench_least_ns(void (*run)(void *ctx), void *ctx, unsigned count)
{
	double least = 1e18;

	for (int round = 0; round < BENCH_ROUNDS; round++) {
		double began = bench_now_ns();

		run(ctx);
		double took = bench_now_ns() - began;
		if (took < least)
			least = took;
	}
	return least / count;
}

#endif
