/* A scenario: it builds a world, lets time pass, breaks things, and says what it expects; the oracle sees to the rest. One file each. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/flow.h"
#include "sim/node.h"
#include "sim/world.h"

enum scenario_length {
	SCENARIO_SLICE, /* in make check, which also sanitizers and slow machines run: a second for all */
	SCENARIO_CHECK, /* in scripts/check: a minute for all */
	SCENARIO_FULL,  /* in make full */
	SCENARIO_LENGTHS
};

struct scenario {
	const char *name;
	const char *what;
	/* span: how much time there is; one that needs a certain time takes that. */
	void (*run)(struct world *w, usec span);
	/* Over all seeds, what was counted by world_count(): NULL, or what is wrong with it. */
	const char *(*judge)(const struct tally *t);
	struct {
		unsigned seeds;
		usec span; /* of each */
	} lengths[SCENARIO_LENGTHS];
};

extern const struct scenario scenario_bufferbloat, scenario_clocks, scenario_corruption,
	scenario_disorder, scenario_loss, scenario_mesh, scenario_nat, scenario_nat_lossy,
	scenario_sleep, scenario_swarm, scenario_wall;

#endif
