/* The trace of a run: every step is hashed, so that two runs of one seed can be told to be the same; with --trace it is also printed, a
 * line each. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct trace {
	uint64_t hash;
	uint64_t steps;
	bool print;
	usec now; /* of the lines */
};

/* Take these bytes, or this number, in. */
void trace_bytes(struct trace *t, const void *data, size_t len);
void trace_number(struct trace *t, uint64_t n);

/* A line, when they are printed; it is no part of the hash. */
void trace_line(const struct trace *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
