/* Time passes from one task to the next. */
#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "sim/flow.h"
#include "sim/node.h"
#include "sim/oracle.h"
#include "sim/server.h"

void *world_alloc(size_t len)
{
	void *p = calloc(1, len);

	if (p == NULL)
		abort();
	return p;
}

static void survey(struct task *t)
{
	struct world *w = list_entry(t, struct world, survey);

	oracle_survey(w);
	agenda_set(&w->agenda, t, w->now + SEC(1));
}

struct world *world_new(uint64_t seed, bool print)
{
	struct world *w = world_alloc(sizeof *w);

	w->seed = seed;
	w->rand = rand_seeded(seed);
	w->trace.print = print;
	if (outbox_init(&w->out) < 0)
		abort();
	rand_bytes(&w->rand, w->mark, sizeof w->mark);
	network_init(w);
	w->survey.run = survey;
	agenda_set(&w->agenda, &w->survey, SEC(1));
	return w;
}

void world_free(struct world *w)
{
	agenda_free(&w->agenda); /* what is under way comes back to the network */
	for (size_t i = 0; i < w->node_count; i++) {
		for (size_t j = 0; j < w->node_count; j++)
			free(w->flows[i][j]);
		node_free(w->nodes[i]);
	}
	for (size_t i = 0; i < w->server_count; i++)
		server_free(w->servers[i]);
	network_free(w);
	agenda_free(&w->agenda);
	outbox_free(&w->out);
	free(w);
}

void world_run(struct world *w, usec span)
{
	usec until = w->now + span;
	struct task *t;

	while (!world_failed(w) && (t = agenda_take(&w->agenda, until)) != NULL) {
		w->now = w->trace.now = usec_max(w->now, t->at);
		t->run(t);
	}
	if (!world_failed(w))
		w->now = w->trace.now = until;
}

void world_fail(struct world *w, const char *format, ...)
{
	va_list args;

	if (world_failed(w))
		return;
	va_start(args, format);
	vsnprintf(w->failure, sizeof w->failure, format, args);
	va_end(args);
	w->failed_at = w->now;
	trace_line(&w->trace, "FAILED: %s", w->failure);
}

bool world_failed(const struct world *w)
{
	return w->failure[0] != '\0';
}

void world_disturb(struct world *w)
{
	w->calm_since = USEC_NEVER;
}

void world_heal(struct world *w)
{
	trace_line(&w->trace, "all is mended");
	network_mend(w);
	for (size_t i = 0; i < w->node_count; i++)
		node_mend(w->nodes[i]);
	w->calm_since = w->now;
}

usec world_between(struct world *w, usec least, usec most)
{
	uint64_t r;

	rand_bytes(&w->rand, &r, sizeof r);
	return least + (usec)(r % (uint64_t)(most - least + 1)); /* the bias is of no matter */
}

bool world_chance(struct world *w, uint32_t ppm)
{
	return rand_below(&w->rand, 1000000) < ppm;
}
