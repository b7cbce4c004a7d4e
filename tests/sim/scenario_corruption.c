/* F43: one byte in a hundred is wrong. What is hit is dropped in silence, nothing wrong is delivered, the rest goes on. */
#include "sim/scenario.h"

/* A datagram with a packet of FLOW_LEN_MIN bytes has 80: 0.99 ^ 80 of them stay whole. */
#define HIT LINK_PERCENT(55)

static void run(struct world *w, usec span)
{
	struct node *a = node_add(w, "a", &w->net.internet);
	struct node *b = node_add(w, "b", &w->net.internet);
	struct link_config noisy = b->machine.interfaces[0].cable.usual;
	struct flow *there, *back;

	world_disturb(w);
	noisy.corrupt = HIT;
	noisy.corrupt_bits = 8;
	cable_break(&b->machine.interfaces[0].cable, &noisy);
	node_introduce_as(a, b, &(struct acquaintance){0});
	there = flow_start(a, b, MSEC(50), FLOW_LEN_MIN);
	back = flow_start(b, a, MSEC(50), FLOW_LEN_MIN);
	world_run(w, span);
	world_expect(w, there->delivered * 100 > there->sent * 38, "only %u of %u packets came",
		     (unsigned)there->delivered, (unsigned)there->sent);
	world_expect(w, back->delivered * 100 > back->sent * 38, "only %u of %u packets came",
		     (unsigned)back->delivered, (unsigned)back->sent);
	world_expect(w, node_switches(a, b) + node_switches(b, a) == 0, "an endpoint moved");

	world_heal(w);
	world_run(w, ORACLE_AGREE_WITHIN);
	flow_mark(there);
	world_run(w, SEC(5));
	world_expect(w, flow_gap(there) < MSEC(200), "packets are missing on a clean network");
}

const struct scenario scenario_corruption = {
	.name = "f43-corruption",
	.what = "one byte in a hundred wrong",
	.run = run,
	.lengths = {{2, SEC(60)}, {10, SEC(5 * 60)}, {100, SEC(60 * 60)}},
};
