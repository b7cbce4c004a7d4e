/* F54: a node's clock stands still, jumps ahead, passes the edges of 31 and 32 bits of milliseconds (49 days) and microseconds; its loop
 * is blocked for 5 s. No timer is lost and none goes mad: packets flow again within 1 s, and no storm follows. */
#include <inttypes.h>

#include "sim/scenario.h"

/* Boot-time clocks that are about to pass an edge. */
static const usec edges[] = {
	MSEC(INT64_C(1) << 31), MSEC(INT64_C(1) << 32), INT64_C(1) << 31,
	INT64_C(1) << 32,       SEC(INT64_C(1) << 31),  SEC(INT64_C(1) << 32),
};

/* Within 1 s of now packets flow in both directions, and the node sends no more than these and a few handshakes. */
static void recover(struct world *w, struct node *n, struct node *other, const char *after)
{
	struct flow *out = flow_between(n, other), *in = flow_between(other, n);
	uint64_t sent = n->doors.sent + other->doors.sent;

	flow_mark(out);
	flow_mark(in);
	world_run(w, SEC(1));
	world_expect(w, out->resumed_at != USEC_NEVER && in->resumed_at != USEC_NEVER,
		     "no packet within 1 s after %s", after);
	world_run(w, SEC(19));
	world_expect(w, n->doors.sent + other->doors.sent - sent < 2 * 200 + 64 + 20,
		     "%" PRIu64 " datagrams in 20 s after %s",
		     n->doors.sent + other->doors.sent - sent, after);
}

static void run(struct world *w, usec span)
{
	struct node *a = node_add(w, "a", &w->net.internet);
	struct node *b = node_add(w, "b", &w->net.internet);

	(void)span;
	node_introduce_as(a, b, &(struct acquaintance){.keepalive = 25});
	flow_start_both(a, b, MSEC(100), 200);
	world_run(w, SEC(30));
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
		usec left = edges[i] - world_between(w, SEC(1), SEC(150)) - node_now(b);
		if (left > 0)
			node_jump_clock(b, left);
		recover(w, b, a, "a jump");
		world_run(w, SEC(300)); /* over the edge, and once more through all timers */
		recover(w, b, a, "an edge");
	}

	node_stop_for(b, SEC(5));
	world_run(w, SEC(5));
	recover(w, b, a, "5 s without a loop");

	world_disturb(w);
	node_halt_clock(b);
	world_run(w, world_between(w, SEC(1), SEC(300)));
	node_resume_clock(b);
	w->calm_since = w->now;
	recover(w, b, a, "a clock that stood");
	world_run(w, SEC(300));
}

const struct scenario scenario_clocks = {
	.name = "f54-clocks",
	.what = "clocks that stand, jump, and pass 49 days; a loop blocked 5 s",
	.run = run,
	.lengths = {{.seeds = 1}, {.seeds = 5}, {.seeds = 200}},
};
