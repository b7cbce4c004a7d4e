/* Counts with names, added up over the seeds of a scenario. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define TALLY_MAX 32

struct tally {
	struct {
		const char *name; /* a literal */
		uint64_t count;
	} items[TALLY_MAX];
	size_t count;
};

void tally_add(struct tally *t, const char *name, uint64_t n);
void tally_add_all(struct tally *to, const struct tally *from);
/* 0 for what was never counted. */
uint64_t tally_get(const struct tally *t, const char *name);

#endif
