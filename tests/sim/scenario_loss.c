/* F41: 1, 10, 30 % of all datagrams are lost, in either direction. What is not lost arrives, sessions are renewed, handshakes come
 * through (p99 within 16 s), and no endpoint moves. */
#include "sim/scenario.h"

static void run(struct world *w, usec span)
{
	static const uint32_t percents[] = {1, 10, 30};
	static const char *const late[] = {"late at 1 %", "late at 10 %", "late at 30 %"};
	struct site *home = network_site(w, "home", &w->net.internet, &(struct natbox_config){0});
	struct node *a = node_add(w, "a", &w->net.internet), *b = node_add(w, "b", home);
	struct flow *there, *back;

	world_disturb(w);
	node_introduce_as(a, b, &(struct acquaintance){.keepalive = 25});
	for (size_t i = 0; i < 3; i++) {
		struct link_config lossy = home->cable.usual;
		lossy.loss = LINK_PERCENT(percents[i]);
		cable_break(&home->cable, &lossy);
		node_crash(b, false);
		node_boot(b);
		there = flow_start(a, b, MSEC(100), 200);
		back = flow_start(b, a, MSEC(100), 200);
		flow_mark(back);
		world_run(w, SEC(20));
		tally_add(&w->tally, "handshakes", 1);
		tally_add(&w->tally, late[i], back->resumed_at > back->marked_at + SEC(16));

		flow_mark(there);
		flow_mark(back);
		world_run(w, span / 3);
		tally_add(&w->tally, "sent", there->marked_sent + back->marked_sent);
		tally_add(&w->tally, "lost", flow_lost(there) + flow_lost(back));
		tally_add(&w->tally, "to be lost",
			  (there->marked_sent + back->marked_sent) * percents[i] / 100);
	}
	world_expect(w, node_switches(a, b) + node_switches(b, a) <= 2, "an endpoint moved");
}

static const char *judge(const struct tally *t)
{
	uint64_t each = tally_get(t, "handshakes") / 3;

	if (tally_get(t, "late at 1 %") + tally_get(t, "late at 10 %") > 0 ||
	    tally_get(t, "late at 30 %") > each / 100 + 1) /* one is chance */
		return "handshakes take longer than 16 s";
	if (tally_get(t, "lost") * 100 > tally_get(t, "to be lost") * 105)
		return "more is lost than the network loses";
	return NULL;
}

const struct scenario scenario_loss = {
	.name = "f41-loss",
	.what = "1, 10, 30 % loss",
	.run = run,
	.judge = judge,
	.lengths = {{2, SEC(60)}, {10, SEC(3 * 60)}, {600, SEC(3 * 60)}},
};
