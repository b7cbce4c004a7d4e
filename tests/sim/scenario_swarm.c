/* All at once: nodes at the Internet and behind NATs of all kinds, and each seed its own set of faults, from the ranges of
 * reliability.md, section 2.8. In the end all is mended: every pair that can reach each other has to agree on a session within 16 s, and
 * nothing is lost any more. */
#include <stdio.h>

#include "base/bytes.h"
#include "sim/scenario.h"
#include "wg/message.h"

#define PUBLIC_MAX 4
#define NODES_MAX  12

enum fault {
	FAULT_LINK, /* a cable loses, repeats, delays, holds back, corrupts */
	FAULT_CUT,  /* two machines do not reach each other, in one direction or both */
	FAULT_NAT,  /* a NAT starts again, or gets another address */
	FAULT_CRASH,
	FAULT_LOST_STATE, /* a crash that takes the state file along */
	FAULT_STOP,
	FAULT_SLEEP,
	FAULT_WALL, /* somebody sets a wall clock */
	FAULT_JUMP, /* a boot-time clock jumps */
	FAULT_UNPLUG,
	FAULT_MOVE,   /* to another network */
	FAULT_REPLAY, /* a datagram comes again */
	FAULTS,
};

struct swarm {
	bool on[FAULTS]; /* what goes wrong with this seed */
	struct site *sites[NODES_MAX];
	size_t site_count, public_count;
	usec mean; /* time between two faults */
};

static struct natbox_config any_nat(struct world *w)
{
	struct natbox_config c = {.step = 1, .block_len = 512};

	c.mapping = rand_below(&w->rand, 3); /* EIM, ADM, APDM */
	c.filtering = rand_below(&w->rand, 3);
	c.ports = rand_below(&w->rand, 4);
	c.hairpin = rand_below(&w->rand, 3);
	c.input = rand_below(&w->rand, 3);
	c.pool_count = 1 + rand_below(&w->rand, 3);
	c.paired = world_chance(w, LINK_PERCENT(50));
	c.filtering6 = rand_below(&w->rand, 3);
	return c;
}

/* One that is honest, and one that does some of all that a server can do wrong (F19, F20, F29). */
static void add_servers(struct world *w)
{
	struct server *bad;
	size_t lies = 0;

	server_add(w, "stun1", 2);
	bad = server_add(w, "stun2", 2);
	while (stun_server_lie(lies) != NULL)
		lies++;
	for (unsigned f = 0; f < 2; f++) {
		struct stun_server *s = &bad->stun[f];
		s->faults = rand_u32(&w->rand) & rand_u32(&w->rand) & rand_u32(&w->rand);
		s->lie = *stun_server_lie(rand_below(&w->rand, (uint32_t)lies));
		s->lie_from = s->ip[1];
		s->lie_from.port = SERVER_PORT;
		s->error = (uint16_t)(300 + 100 * rand_below(&w->rand, 3));
		s->delay = world_between(w, 0, MSEC(300));
		s->jitter = world_between(w, 0, MSEC(300));
	}
}

/* Some nodes at the Internet, whose endpoints all know; each other one in a site, some of which are inside another. */
static void build(struct world *w, struct swarm *s)
{
	unsigned count = 2 + rand_below(&w->rand, NODES_MAX - 1);
	char name[24];

	add_servers(w);
	s->public_count = 1 + rand_below(&w->rand, count < PUBLIC_MAX ? count : PUBLIC_MAX);
	for (unsigned i = 0; i < count; i++) {
		struct site *at = &w->net.internet;
		struct node *n;
		if (i >= s->public_count) {
			struct natbox_config nat = any_nat(w);
			bool nested = s->site_count > 0 && world_chance(w, LINK_PERCENT(20));
			snprintf(name, sizeof name, "site%u", i + 1);
			at = network_site(w, name, nested ? s->sites[0] : at, &nat);
			s->sites[s->site_count++] = at;
		}
		snprintf(name, sizeof name, "%s%u", i < s->public_count ? "public" : "hidden",
			 i + 1);
		n = node_add(w, name, at);
		node_set_rate(n, (int)world_between(w, -500, 500));
		node_ask_servers(n, w->servers, w->server_count);
		node_set_wall(n, world_between(w, SEC(-10 * 365 * 86400), SEC(10 * 365 * 86400)));
	}
}

/* Who is at the Internet talks with everybody. */
static void make_friends(struct world *w, const struct swarm *s)
{
	for (size_t i = 0; i < s->public_count; i++) {
		for (size_t j = i + 1; j < w->node_count; j++) {
			node_introduce_as(w->nodes[i], w->nodes[j],
					  &(struct acquaintance){
						  .keepalive = 25,
						  .by_name = world_chance(w, LINK_PERCENT(20)),
					  });
			flow_start_both(w->nodes[i], w->nodes[j], MSEC(100), 100);
		}
	}
}

static struct node *any_node(struct world *w)
{
	return w->nodes[rand_below(&w->rand, (uint32_t)w->node_count)];
}

static struct cable *any_cable(struct world *w)
{
	struct node *n = any_node(w);
	struct site *site = n->machine.interfaces[0].site;

	return site->outside != NULL && world_chance(w, LINK_PERCENT(50))
		       ? &site->cable
		       : &n->machine.interfaces[0].cable;
}

static void break_link(struct world *w)
{
	struct link_config c = {.corrupt_bits = 8};

	c.delay = world_between(w, 0, MSEC(150));
	c.jitter = world_between(w, 0, MSEC(100));
	c.loss = rand_below(&w->rand, LINK_PERCENT(30));
	c.duplicate = rand_below(&w->rand, LINK_PERCENT(50));
	c.reorder = rand_below(&w->rand, LINK_PERCENT(50));
	c.reorder_by = world_between(w, 0, SEC(2));
	c.corrupt = rand_below(&w->rand, LINK_PERCENT(2));

	cable_break(any_cable(w), &c);
}

static void cut(struct world *w)
{
	struct node *a = any_node(w), *b = any_node(w);
	bool both = world_chance(w, LINK_PERCENT(50)), blocked = world_chance(w, LINK_PERCENT(70));

	network_block(&a->machine, &b->machine, blocked);
	if (both)
		network_block(&b->machine, &a->machine, blocked);
}

static void disturb_nat(struct world *w, const struct swarm *s)
{
	struct site *site;

	if (s->site_count == 0)
		return;
	site = s->sites[rand_below(&w->rand, (uint32_t)s->site_count)];
	if (world_chance(w, LINK_PERCENT(50)))
		natbox_flush(&site->nat);
	else
		network_rebind(site);
}

/* Dead nodes come back by the same lot. Whoever has just used a clock that was set is given the second to write that down. */
static void crash_or_boot(struct world *w, const struct swarm *s, bool lose_state)
{
	struct node *n = any_node(w);

	if (n->life == NODE_DEAD)
		node_boot(n);
	else if (!s->on[FAULT_WALL] || node_is_saved(n))
		node_crash(n, lose_state);
}

static void plug_or_unplug(struct world *w)
{
	struct node *n = any_node(w);

	if (n->machine.interfaces[0].up)
		node_unplug(n);
	else
		node_plug(n);
}

/* Only those whose endpoint nobody knows. */
static void move(struct world *w, const struct swarm *s)
{
	struct node *n = any_node(w);

	if (n->number > s->public_count)
		node_move(n, s->sites[rand_below(&w->rand, (uint32_t)s->site_count)]);
}

/* What came to a node comes again. From elsewhere only data: with an initiation that was refused because it came too soon, whoever is on
 * the way can draw an endpoint to himself, as with any WireGuard, and who then calls from behind a NAT calls nobody. */
static void replay(struct world *w)
{
	const struct parcel *p = network_recall(w, rand_below(&w->rand, NETWORK_SEEN));
	struct addr from = addr_v4((uint8_t[]){192, 0, 2, 253}, 4000);

	if (p == NULL)
		return;
	if (load_le32(p->data) != MESSAGE_DATA || world_chance(w, LINK_PERCENT(50)))
		from = p->src;
	network_forge(w, &from, &p->dst, p->data, p->len);
}

static void happen(struct world *w, const struct swarm *s, enum fault fault)
{
	switch (fault) {
	case FAULT_LINK:
		break_link(w);
		break;
	case FAULT_CUT:
		cut(w);
		break;
	case FAULT_NAT:
		disturb_nat(w, s);
		break;
	case FAULT_CRASH:
	case FAULT_LOST_STATE:
		crash_or_boot(w, s, fault == FAULT_LOST_STATE);
		break;
	case FAULT_STOP:
		node_stop_for(any_node(w), world_between(w, MSEC(1), SEC(20)));
		break;
	case FAULT_SLEEP:
		node_sleep_for(any_node(w), world_between(w, SEC(1), SEC(200)));
		break;
	case FAULT_WALL:
		node_set_wall(any_node(w),
			      world_between(w, SEC(-10 * 365 * 86400), SEC(10 * 365 * 86400)));
		break;
	case FAULT_JUMP:
		node_jump_clock(any_node(w), world_between(w, 0, SEC(1000)));
		break;
	case FAULT_UNPLUG:
		plug_or_unplug(w);
		break;
	case FAULT_MOVE:
		move(w, s);
		break;
	case FAULT_REPLAY:
		replay(w);
		break;
	case FAULTS:
		break;
	}
}

/* Faults for a while, then none: who can speak to each other has to, and does without loss. */
static void one_round(struct world *w, const struct swarm *s, usec span)
{
	usec until = w->now + span;

	world_disturb(w);
	while (w->now < until && !world_failed(w)) {
		enum fault fault = rand_below(&w->rand, FAULTS);
		world_run(w, world_between(w, 0, 2 * s->mean));
		if (s->on[fault])
			happen(w, s, fault);
	}
	world_heal(w);
	world_run(w, ORACLE_AGREE_WITHIN + SEC(2));
	for (size_t i = 0; i < s->public_count; i++) {
		for (size_t j = i + 1; j < w->node_count; j++) {
			flow_mark(flow_between(w->nodes[i], w->nodes[j]));
			flow_mark(flow_between(w->nodes[j], w->nodes[i]));
		}
	}
	world_run(w, SEC(10));
	for (size_t i = 0; i < s->public_count; i++) {
		for (size_t j = i + 1; j < w->node_count; j++) {
			struct flow *out = flow_between(w->nodes[i], w->nodes[j]);
			struct flow *in = flow_between(w->nodes[j], w->nodes[i]);
			world_expect(w, flow_lost(out) <= 2 && flow_lost(in) <= 2,
				     "%u and %u packets between %s and %s are lost, though nothing "
				     "is broken",
				     (unsigned)flow_lost(out), (unsigned)flow_lost(in),
				     w->nodes[i]->machine.name, w->nodes[j]->machine.name);
		}
	}
}

static void run(struct world *w, usec span)
{
	struct swarm s = {.mean = world_between(w, MSEC(100), SEC(10))};
	usec until = w->now + span;

	for (unsigned i = 0; i < FAULTS; i++)
		s.on[i] = world_chance(w, LINK_PERCENT(40));
	/* A clock that was set back, and nobody who remembers what was sent before: the peer does, and refuses (it is a replay to it).
	 * Nothing helps but that the peer calls, and where the node is hidden it cannot. */
	if (s.on[FAULT_WALL])
		s.on[FAULT_LOST_STATE] = false;
	/* So it does with one that was restarted, or whose clock jumped, and is minutes ahead for it, and then forgets that. */
	if (s.on[FAULT_LOST_STATE])
		s.on[FAULT_CRASH] = s.on[FAULT_JUMP] = false;
	if (s.on[FAULT_REPLAY])
		network_listen(w);
	build(w, &s);
	make_friends(w, &s);
	world_run(w, SEC(10));
	do
		one_round(w, &s, world_between(w, SEC(10), SEC(120)));
	while (w->now < until && !world_failed(w));
}

const struct scenario scenario_swarm = {
	.name = "swarm",
	.what = "up to 12 nodes, NATs of all kinds, any set of faults",
	.run = run,
	.lengths = {{8, SEC(20)}, {60, SEC(60)}, {300, SEC(10 * 60)}},
};
