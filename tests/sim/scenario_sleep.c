/* F52: a host sleeps for a minute, an hour, three days, and wakes in the same network or in another. It is reached, and reaches the
 * other, within 1 s or 3 s; the keys from before are gone when they have to be. */
#include <inttypes.h>

#include "sim/scenario.h"

static void wake(struct world *w, struct node *sleeper, struct node *other, usec within)
{
	struct flow *out = flow_between(sleeper, other), *in = flow_between(other, sleeper);

	flow_mark(out);
	flow_mark(in);
	world_run(w, within);
	world_expect(w, out->resumed_at != USEC_NEVER, "%s does not reach %s in %" PRId64 " s",
		     sleeper->machine.name, other->machine.name, within / SEC(1));
	world_expect(w, in->resumed_at != USEC_NEVER, "%s does not reach %s in %" PRId64 " s",
		     other->machine.name, sleeper->machine.name, within / SEC(1));
}

static void run(struct world *w, usec span)
{
	static const usec naps[] = {SEC(60), SEC(3600), SEC(3 * 86400)};
	struct site *home = network_site(w, "home", &w->net.internet, &(struct natbox_config){0});
	struct site *train = network_site(w, "train", &w->net.internet, &(struct natbox_config){0});
	struct node *a = node_add(w, "a", &w->net.internet), *b = node_add(w, "b", home);

	(void)span;
	node_introduce_as(a, b, &(struct acquaintance){0});
	flow_start_both(a, b, MSEC(100), 200);
	world_run(w, SEC(30));
	for (size_t i = 0; i < 6; i++) {
		bool elsewhere = i % 2 == 1;
		usec nap = naps[i / 2];

		world_disturb(w);
		flow_start(a, b, usec_max(MSEC(100), nap / 20), 200);
		flow_stop(flow_between(b, a));
		node_sleep_for(b, nap);
		world_run(w, nap - MSEC(1));
		if (elsewhere)
			node_move(b, b->machine.interfaces[0].site == home ? train : home);
		flow_start_both(a, b, MSEC(100), 200);
		world_run(w, MSEC(1));
		w->calm_since = w->now;
		wake(w, b, a, elsewhere ? SEC(3) : SEC(1));
		world_expect(w, nap < SEC(540) || oracle_oldest_key(b, a) <= SEC(3),
			     "keys from before the sleep are still there");
		world_run(w, SEC(20));
	}
}

const struct scenario scenario_sleep = {
	.name = "f52-sleep",
	.what = "sleeps of a minute, an hour, three days, and another network",
	.run = run,
	.lengths = {{1}, {10}, {500}},
};
