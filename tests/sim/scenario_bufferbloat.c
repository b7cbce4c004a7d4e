/* F45: buffers on the way fill until a round trip takes 2 s, and empty again. Nobody takes that for death: nothing is lost, no
 * handshake is made but to renew a session. */
#include "sim/scenario.h"

static void run(struct world *w, usec span)
{
	struct site *home = network_site(w, "home", &w->net.internet, &(struct natbox_config){0});
	struct node *a = node_add(w, "a", &w->net.internet), *b = node_add(w, "b", home);
	struct link_config full = home->cable.usual;
	struct flow *there, *back;
	uint64_t before, allowed = (uint64_t)(span / SEC(120) + 2);
	usec until = w->now + span;

	full.delay = MSEC(985);
	node_introduce_as(a, b, &(struct acquaintance){.keepalive = 25});
	world_run(w, SEC(1));
	there = flow_start(a, b, MSEC(50), 400);
	back = flow_start(b, a, MSEC(50), 400);
	before = node_initiations(a, b) + node_initiations(b, a);
	while (w->now < until && !world_failed(w)) {
		cable_break(&home->cable, &full);
		world_run(w, world_between(w, SEC(1), SEC(60)));
		cable_mend(&home->cable);
		world_run(w, world_between(w, SEC(1), SEC(60)));
	}
	flow_stop(there);
	flow_stop(back);
	world_run(w, SEC(3));
	world_expect(w, flow_lost(there) == 0 && flow_lost(back) == 0, "%u packets were lost",
		     (unsigned)(flow_lost(there) + flow_lost(back)));
	/* Either end may send a second one while the response to the first is held up. */
	world_expect(w, node_initiations(a, b) + node_initiations(b, a) - before <= 2 * allowed,
		     "%u initiations in %u s",
		     (unsigned)(node_initiations(a, b) + node_initiations(b, a) - before),
		     (unsigned)(span / SEC(1)));
	world_expect(w, node_switches(a, b) + node_switches(b, a) == 0, "an endpoint moved");
}

const struct scenario scenario_bufferbloat = {
	.name = "f45-bufferbloat",
	.what = "a round trip of 2 s, then of 40 ms, and again",
	.run = run,
	.lengths = {{1, SEC(2 * 60)}, {5, SEC(10 * 60)}, {100, SEC(60 * 60)}},
};
