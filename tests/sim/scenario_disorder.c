/* F42: datagrams are overtaken by up to 8000 others, and half of them come twice. Nothing is lost, nothing is delivered twice. */
#include "sim/scenario.h"

#define PER_SECOND 16000

static void run(struct world *w, usec span)
{
	struct node *a = node_add(w, "a", &w->net.internet);
	struct node *b = node_add(w, "b", &w->net.internet);
	struct link_config muddled = b->machine.interfaces[0].cable.usual;
	struct flow *f;

	node_introduce_as(a, b, &(struct acquaintance){0});
	flow_send(flow_between(a, b));
	world_run(w, SEC(1));
	world_expect(w, oracle_agree(a, b), "no session");

	world_disturb(w);
	muddled.duplicate = LINK_PERCENT(50);
	muddled.reorder = LINK_PERCENT(50);
	muddled.reorder_by = SEC(8000) / PER_SECOND;
	cable_break(&b->machine.interfaces[0].cable, &muddled);
	f = flow_start(a, b, SEC(1) / PER_SECOND, FLOW_LEN_MIN);
	flow_mark(f);
	world_run(w, span);
	flow_stop(f);
	world_run(w, SEC(2));
	world_expect(w, flow_lost(f) == 0, "%u of %u packets were refused", (unsigned)flow_lost(f),
		     (unsigned)f->marked_sent);
	world_expect(w, node_drops(b, DROP_REPLAY) * 10 > f->marked_sent * 4,
		     "hardly a packet came twice");
}

const struct scenario scenario_disorder = {
	.name = "f42-disorder",
	.what = "overtaken by 8000, half of all twice",
	.run = run,
	.lengths = {{1, SEC(1)}, {2, SEC(5)}, {50, SEC(60)}},
};
