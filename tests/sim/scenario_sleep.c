/* F52: a host sleeps for a minute, an hour, three days, and wakes in the same network or in another. It is reached, and reaches the
 * other, within 1 s or 3 s; the keys from before are gone when they have to be. */
#include <inttypes.h>

#include "sim/scenario.h"

struct nap {
	usec span;
	bool elsewhere; /* it wakes in another network */
	bool quiet; /* both had nothing to say for a while, and only the other has when it is over (F31) */
};

static void await(struct world *w, struct flow *f, usec within)
{
	world_expect(w, f->resumed_at <= f->marked_at + within,
		     "%s does not reach %s in %" PRId64 " s", f->from->machine.name,
		     f->to->machine.name, within / SEC(1));
}

static void take_a_nap(struct world *w, struct node *b, struct node *a, const struct nap *nap,
		       struct site *to)
{
	struct flow *in = flow_between(a, b), *out = flow_between(b, a);
	usec within = nap->elsewhere ? SEC(3) : SEC(1);

	world_disturb(w);
	flow_stop(out);
	if (nap->quiet) {
		flow_stop(in);
		world_run(w, SEC(15));
	} else {
		flow_start(a, b, usec_max(MSEC(100), nap->span / 20), 200);
	}
	node_sleep_for(b, nap->span);
	world_run(w, nap->span - MSEC(1));
	if (nap->elsewhere)
		node_move(b, to);
	flow_start(a, b, MSEC(100), 200);
	if (!nap->quiet)
		flow_start(b, a, MSEC(100), 200);
	world_run(w, MSEC(1));

	w->calm_since = w->now;
	flow_mark(in);
	flow_mark(out);
	world_run(w, within);
	await(w, in, within);
	if (!nap->quiet)
		await(w, out, within);
	world_expect(w, nap->span < SEC(540) || oracle_oldest_key(b, a) <= SEC(3),
		     "keys from before the sleep are still there");
	flow_start_both(a, b, MSEC(100), 200);
	world_run(w, SEC(20));
}

static void run(struct world *w, usec span)
{
	static const usec spans[] = {SEC(60), SEC(3600), SEC(3 * 86400)};
	struct site *home = network_site(w, "home", &w->net.internet, &(struct natbox_config){0});
	struct site *train = network_site(w, "train", &w->net.internet, &(struct natbox_config){0});
	struct node *a = node_add(w, "a", &w->net.internet), *b = node_add(w, "b", home);

	(void)span;
	node_introduce_as(a, b, &(struct acquaintance){0});
	flow_start_both(a, b, MSEC(100), 200);
	world_run(w, SEC(30));
	for (unsigned i = 0; i < 12; i++) {
		struct nap nap = {spans[i / 4], i % 2 == 1, i % 4 >= 2};
		take_a_nap(w, b, a, &nap, b->machine.interfaces[0].site == home ? train : home);
	}
}

const struct scenario scenario_sleep = {
	.name = "f52-sleep",
	.what = "sleeps of a minute, an hour, three days, and another network",
	.run = run,
	.lengths = {{.seeds = 1}, {.seeds = 10}, {.seeds = 500}},
};
