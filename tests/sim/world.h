/* One simulated world: a clock, what is to happen, one seed for everything, the Internet and who lives there. A scenario builds one,
 * lets time pass, and says what it expects; the first thing that does not hold ends the run (architecture.md, section 9;
 * reliability.md, section 2.8). */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/outbox.h"
#include "base/rand.h"
#include "sim/agenda.h"
#include "sim/network.h"
#include "sim/tally.h"
#include "sim/trace.h"

#define WORLD_NODES_MAX   64 /* their addresses end in their number */
#define WORLD_SERVERS_MAX 16

struct flow;
struct node;
struct server;

struct world {
	usec now;
	uint64_t seed;
	struct rand rand; /* of everything but nodes, which have their own from it */
	struct agenda agenda;
	struct trace trace;
	struct network net;
	struct node *nodes[WORLD_NODES_MAX];
	size_t node_count;
	struct server *servers[WORLD_SERVERS_MAX];
	size_t server_count;
	struct flow *flows[WORLD_NODES_MAX][WORLD_NODES_MAX]; /* from, to; NULL: none yet */
	struct task survey; /* once a second, the oracle looks at pairs of nodes */
	usec calm_since;    /* since then nothing is broken; USEC_NEVER: something is */
	uint8_t mark[8];    /* stands in each inner packet, and so in no datagram */

	/* Of whoever is at work: */
	struct outbox out;
	struct batch in;

	struct tally tally; /* what the scenario counts */
	char failure[256];  /* the first; "": none */
	usec failed_at;
};

struct world *world_new(uint64_t seed, bool print);
void world_free(struct world *w);

/* Let time pass, until something does not hold. */
void world_run(struct world *w, usec span);

/* Something does not hold. Only the first is kept. */
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool world_failed(const struct world *w);
/* The same unless `holds`. */
#define world_expect(w, holds, ...) ((holds) ? (void)0 : world_fail(w, __VA_ARGS__))

/* From now on something is broken, and nodes need not agree on anything. */
void world_disturb(struct world *w);
/* Mend everything: cables, sites, hosts. From now on liveness is expected. */
void world_heal(struct world *w);

/* From `least` to `most`, both included. */
usec world_between(struct world *w, usec least, usec most);
/* True so many times in a million. */
bool world_chance(struct world *w, uint32_t ppm);

/* Zeroed memory; without any the simulator ends. */
void *world_alloc(size_t len);

#endif
