/* F53: somebody sets the wall clock, by an hour or ten years, ahead or back, or to 1970. Sessions do not notice; and a node that starts
 * again under another date than it ended with is heard within 1 s, for it remembers what it sent (row 44). */
#include <inttypes.h>

#include "sim/scenario.h"

#define YEAR SEC(365 * 86400)

static const usec ahead[] = {SEC(3600), 10 * YEAR, SEC(-3600), -10 * YEAR, -NODE_WALL};
#define DATES (sizeof ahead / sizeof ahead[0])

/* The clock is set under a session that lives on, and is renewed. */
static void set(struct world *w, struct node *n, struct flow *there, struct flow *back, usec to)
{
	node_set_wall(n, to);
	flow_mark(there);
	flow_mark(back);
	world_run(w, world_between(w, SEC(2), SEC(250)));
	world_expect(w, flow_gap(there) < MSEC(300) && flow_gap(back) < MSEC(300),
		     "a session noticed that the wall clock was set by %" PRId64 " s", to / SEC(1));
}

static void run(struct world *w, usec span)
{
	struct site *home = network_site(w, "home", &w->net.internet, &(struct natbox_config){0});
	struct node *a = node_add(w, "a", &w->net.internet), *b = node_add(w, "b", home);
	struct flow *there, *back;

	(void)span;
	node_introduce_as(a, b, &(struct acquaintance){.keepalive = 25});
	there = flow_start(a, b, MSEC(100), 100);
	back = flow_start(b, a, MSEC(100), 100);
	world_run(w, SEC(10));
	for (unsigned i = 0; i < 2 * DATES; i++) {
		set(w, b, there, back, ahead[rand_below(&w->rand, DATES)]);
		world_disturb(w);
		node_crash(b, false);
		world_run(w, world_between(w, 0, SEC(10)));
		node_set_wall(b, ahead[rand_below(&w->rand, DATES)]);
		node_boot(b);
		w->calm_since = w->now;
		flow_mark(back);
		world_run(w, SEC(1));
		world_expect(w, back->resumed_at != USEC_NEVER,
			     "%s is not heard 1 s after it started again", b->machine.name);
	}
}

const struct scenario scenario_wall = {
	.name = "f53-wall",
	.what = "wall clocks that are set, by ten years and to 1970",
	.run = run,
	.lengths = {{.seeds = 2}, {.seeds = 20}, {.seeds = 500}},
};
