/* What natcheck says of NATs of all kinds: nine pairs of mapping and filtering with four port rules, a node behind each, all at once.
 * Without loss each verdict is right, that of the mapping within 600 ms and the whole within 1.5 s at a round trip of 40 ms. With 2 % loss
 * and 20 ms jitter 95 of 100 are right, and of the others nine of ten say "unknown". */
#include <stdio.h>

#include "sim/scenario.h"
#include "sim/truth.h"

#define KINDS 36 /* 3 x 3 x 4 */

static struct natbox_config kind(unsigned number)
{
	return (struct natbox_config){
		.mapping = number % 3, /* EIM, ADM, APDM */
		.filtering = number / 3 % 3,
		.filtering6 = number / 3 % 3,
		.ports = number / 9,
		.step = 1 + (int)(number % 4),
		.block_len = (uint16_t)(512 << number % 4),
		.capacity = 256,
	};
}

/* --- what is right ---------------------------------------------------------------------------------------------- */

enum verdict { RIGHT, UNKNOWN, WRONG };

static enum verdict worse(enum verdict a, enum verdict b)
{
	return a > b ? a : b;
}

/* Zero is "unknown" in all of nat/report.h. */
static enum verdict judge_one(unsigned said, unsigned right)
{
	return said == right ? RIGHT : said == 0 ? UNKNOWN : WRONG;
}

static enum verdict judge_node(const struct nat_report *r, const struct natbox_config *c)
{
	enum verdict v = judge_one(r->v4.mapping, truth_mapping(c));

	v = worse(v, judge_one(r->v4.filtering, truth_filtering(c->filtering)));
	v = worse(v, judge_one(r->v4.ports, truth_ports(c)));
	v = worse(v, judge_one(r->v6.mapping, NAT_MAPPING_NONE));
	return worse(v, judge_one(r->v6.filtering, truth_filtering(c->filtering6)));
}

/* --- the world -------------------------------------------------------------------------------------------------- */

static void build(struct world *w, const struct link_config *cable)
{
	char name[24];

	server_add(w, "stun1", 2);
	server_add(w, "stun2", 2);
	server_add(w, "stun3", 1);
	for (unsigned i = 0; i < KINDS; i++) {
		struct natbox_config nat = kind(i);
		struct site *site;
		struct node *n;
		snprintf(name, sizeof name, "site%u", i);
		site = network_site(w, name, &w->net.internet, &nat);
		cable_lay(&site->cable, cable);
		snprintf(name, sizeof name, "node%u", i);
		n = node_add(w, name, site);
		node_ask_servers(n, w->servers, w->server_count);
	}
}

static void describe(const struct world *w, const struct node *n, const struct nat_report *r,
		     const struct natbox_config *c)
{
	trace_line(&w->trace, "%s: said %s, %s, %s (IPv6 %s, %s); is %s, %s, %s", n->machine.name,
		   report_mapping(r->v4.mapping), report_filtering(r->v4.filtering),
		   report_ports(r->v4.ports), report_mapping(r->v6.mapping),
		   report_filtering(r->v6.filtering), natbox_mapping_name(c->mapping),
		   natbox_filtering_name(c->filtering), natbox_ports_name(c->ports));
}

static void count(struct world *w)
{
	static const char *const words[] = {"right", "unknown", "wrong"};

	for (unsigned i = 0; i < KINDS; i++) {
		const struct nat_report *r = node_nat(w->nodes[i]);
		struct natbox_config c = kind(i);
		enum verdict v = judge_node(r, &c);
		describe(w, w->nodes[i], r, &c);
		tally_add(&w->tally, words[v], 1);
		tally_add(&w->tally, "mapping after 600 ms", r->v4.mapping_took > MSEC(600));
		tally_add(&w->tally, "all after 1.5 s",
			  usec_max(r->v4.took, r->v6.took) > MSEC(1500));
	}
}

static void run(struct world *w, usec span)
{
	(void)span;
	build(w, &(struct link_config){.delay = MSEC(5)});
	world_run(w, SEC(4));
	count(w);
}

static void run_lossy(struct world *w, usec span)
{
	(void)span;
	build(w,
	      &(struct link_config){.delay = MSEC(5), .jitter = MSEC(20), .loss = LINK_PERCENT(2)});
	world_run(w, SEC(8));
	count(w);
}

static const char *judge(const struct tally *t)
{
	if (tally_get(t, "unknown") + tally_get(t, "wrong") > 0)
		return "a verdict is not right";
	if (tally_get(t, "mapping after 600 ms") + tally_get(t, "all after 1.5 s") > 0)
		return "a verdict is late";
	return NULL;
}

static const char *judge_lossy(const struct tally *t)
{
	uint64_t unknown = tally_get(t, "unknown"), wrong = tally_get(t, "wrong");

	if (tally_get(t, "right") < (unknown + wrong) * 19)
		return "less than 95 % are right";
	if (unknown < wrong * 9)
		return "more than one of ten that are not right is wrong";
	return NULL;
}

const struct scenario scenario_nat = {
	.name = "nat",
	.what = "natcheck behind 36 kinds of NAT, a round trip of 40 ms",
	.run = run,
	.judge = judge,
	.lengths = {{.seeds = 8}, {.seeds = 1000}, {.seeds = 5000}},
};

const struct scenario scenario_nat_lossy = {
	.name = "nat-lossy",
	.what = "the same with 2 % loss and 20 ms jitter",
	.run = run_lossy,
	.judge = judge_lossy,
	.lengths = {{.seeds = 8}, {.seeds = 300}, {.seeds = 5000}},
};
