/* Sixteen nodes, each with all others as peers, none with anything to say but keepalives each 25 seconds and, each 15 minutes, a look
 * at its NAT: how fast time passes here, and that all sessions are there at the end (a thousand times as fast as the clock is asked, on one core). */
#include <stdio.h>

#include "sim/scenario.h"

#define NODES 16

static void run(struct world *w, usec span)
{
	server_add(w, "stun1", 2);
	server_add(w, "stun2", 2);
	for (unsigned i = 0; i < NODES; i++) {
		char name[24];
		snprintf(name, sizeof name, "node%u", i + 1);
		node_ask_servers(node_add(w, name, &w->net.internet), w->servers, w->server_count);
	}
	node_introduce_all(w, 25);
	world_run(w, span);

	for (unsigned i = 0; i < NODES; i++) {
		world_expect(w, node_nat(w->nodes[i])->v4.mapping == NAT_MAPPING_NONE,
			     "%s does not know that it has no NAT", w->nodes[i]->machine.name);
		for (unsigned j = 0; j < i; j++)
			world_expect(w, oracle_agree(w->nodes[i], w->nodes[j]),
				     "%s and %s have no session in the end",
				     w->nodes[i]->machine.name, w->nodes[j]->machine.name);
	}
}

const struct scenario scenario_mesh = {
	.name = "mesh",
	.what = "16 nodes in a full mesh, keepalives each 25 s, natcheck each 15 minutes",
	.run = run,
	.lengths = {{1, SEC(5 * 60)}, {1, SEC(2 * 3600)}, {4, SEC(24 * 3600)}},
};
