/* One family's questions in order: RFC 5780, 4, side by side where the RFC has them one after the other (nat.md section 1). */
#include "nat/survey.h"

#include <string.h>

#include "base/defence.h"
#include "nat/ports.h"

/* For one question of many, while others were answered; more to who is far away. */
#define PATIENCE      MSEC(400)
/* For a server with two addresses, when one without has answered. */
#define BASE_PATIENCE MSEC(200)
#define HAIRPIN_DOOR  1

/* Our own NAT answers this one or nobody does. */
static const struct txn_schedule hairpin_schedule = {
	.sends = 3, .send_after = {0, MSEC(200), MSEC(400)}, .give_up_after = MSEC(700)};

/* --- questions --------------------------------------------------------------------------------------------------- */

static uint16_t door_of(const struct survey *s, unsigned number)
{
	return (uint16_t)(2 * number + (s->family == ADDR_V6));
}

/* Door number of a socket: 0 for the WireGuard door, 1 and more for fresh ones; -1 when it is closed. */
static int number_of(const struct survey *s, unsigned socket)
{
	if (socket == 0)
		return 0;
	for (unsigned i = 0; i < SURVEY_DOORS; i++)
		if (s->doors[i].socket == socket)
			return (int)i + 1;
	return -1;
}

/* What a question is about. */
struct question {
	enum survey_kind kind;
	uint8_t server, socket;
	struct addr to;
	uint32_t change;        /* of CHANGE-REQUEST; 0: none */
	uint16_t response_port; /* 0: none */
};

/* With no place for it, it is not asked. */
static void ask(struct survey *s, const struct question *q, const struct txn_schedule *schedule,
		usec now, struct outbox *out)
{
	bool elsewhere = q->change != 0 || q->kind == SURVEY_HAIRPIN;
	struct stun_message request = {
		.class = STUN_REQUEST,
		.method = STUN_METHOD_BINDING,
		.change = q->change,
		.response_port = q->response_port,
		.has = (q->change != 0 ? STUN_HAS(STUN_CHANGE_REQUEST) : 0) |
		       (q->response_port != 0 ? STUN_HAS(STUN_RESPONSE_PORT) : 0),
	};
	int number = number_of(s, q->socket);
	struct survey_ask *a = s->asks;

	while (a < s->asks + SURVEY_ASKS && a->kind != SURVEY_NONE)
		a++;
	if (a == s->asks + SURVEY_ASKS || number < 0)
		return;

	struct via via = {
		.kind = VIA_DIRECT, .door = door_of(s, (unsigned)number), .remote = q->to};
	a->kind = q->kind;
	a->server = q->server;
	a->socket = q->socket;
	a->turn = s->turns++;
	txn_start(&a->txn, &via, elsewhere ? NULL : &q->to, &request, NULL, schedule, s->env, now,
		  out);
}

static void drop_ask(struct survey_ask *a)
{
	txn_stop(&a->txn);
	a->kind = SURVEY_NONE;
}

static void drop_asks(struct survey *s, enum survey_kind kind)
{
	for (struct survey_ask *a = s->asks; a < s->asks + SURVEY_ASKS; a++)
		if (a->kind == kind)
			drop_ask(a);
}

static bool is_waiting(const struct survey *s, enum survey_kind kind)
{
	for (const struct survey_ask *a = s->asks; a < s->asks + SURVEY_ASKS; a++)
		if (a->kind == kind)
			return true;
	return false;
}

/* Until when an answer may well come: most servers are near, and a dead one shall not hold up what the others say. */
static usec hopeful_until(const struct survey *s, const struct survey_ask *a)
{
	return a->txn.started_at + usec_max(PATIENCE, 3 * s->servers[a->server].rtt);
}

static bool tells_mapping(enum survey_kind kind)
{
	return kind == SURVEY_FIRST || kind == SURVEY_PLACE || kind == SURVEY_FRESH ||
	       kind == SURVEY_SAMPLE;
}

/* When the last of the questions about mappings that are under way gets hopeless; 0: there are none. */
static usec hope_until(const struct survey *s)
{
	usec until = 0;

	for (const struct survey_ask *a = s->asks; a < s->asks + SURVEY_ASKS; a++)
		if (tells_mapping(a->kind))
			until = usec_max(until, hopeful_until(s, a));
	return until;
}

/* --- fresh doors ------------------------------------------------------------------------------------------------- */

/* Opened anew if it was open: from now on it is another socket, which nobody heard of. */
static void open_door(struct survey *s, unsigned i, struct outbox *out)
{
	struct survey_door *d = &s->doors[i];
	struct action open = {.kind = ACTION_OPEN_DOOR, .id = door_of(s, i + 1)};

	for (struct survey_ask *a = s->asks; a < s->asks + SURVEY_ASKS; a++)
		if (a->kind != SURVEY_NONE && d->socket != 0 && a->socket == d->socket)
			drop_ask(a);
	*d = (struct survey_door){.opened = d->opened};
	if (!outbox_act(out, &open))
		return;
	d->opened = true;
	d->socket = ++s->sockets;
}

static void ask_fresh(struct survey *s, unsigned i, unsigned server, usec now, struct outbox *out)
{
	struct question q = {.kind = SURVEY_FRESH,
			     .server = (uint8_t)server,
			     .socket = s->doors[i].socket,
			     .to = s->servers[server].addr};

	s->doors[i].server = (uint8_t)server;
	if (q.socket != 0)
		ask(s, &q, &txn_short, now, out);
}

/* Open doors number `first` to `last`, and prove each by this server. */
static void open_doors(struct survey *s, unsigned first, unsigned last, unsigned server, usec now,
		       struct outbox *out)
{
	for (unsigned i = first; i <= last; i++) {
		open_door(s, i, out);
		ask_fresh(s, i, server, now, out);
	}
}

/* --- what answers say -------------------------------------------------------------------------------------------- */

static bool is_ours(const void *ctx, const struct addr *seen)
{
	const struct survey *s = ctx;

	if (s->host == NULL || (s->port != 0 && seen->port != s->port))
		return false;
	for (size_t i = 0; i < s->host->outside.count; i++) {
		const struct prefix *p = &s->host->outside.items[i].prefix;
		if (p->family == seen->family &&
		    addr_same_bits(p->ip, seen->ip, 8 * addr_ip_len(seen->family)))
			return true;
	}
	return false;
}

/* What a server may tell us without being taken for a liar: an address that the world can reach, or, of one that is no part of
 * the world itself, one of its own kind. */
static bool is_plausible(const struct addr *told, const struct addr *server)
{
	enum addr_class class = addr_class(told);

	if (told->family != server->family || told->port == 0)
		return false;
	return class == ADDR_CLASS_GLOBAL ||
	       (class == addr_class(server) &&
		(class == ADDR_CLASS_PRIVATE || class == ADDR_CLASS_LOOPBACK));
}

/* Our address as this answer has it, NULL when it has none that may be. */
static const struct addr *told(const struct stun_message *m, const struct addr *server)
{
	const struct addr *mapped = m->class == STUN_SUCCESS ? stun_mapped(m) : NULL;

	if (mapped == NULL || DEFENCE(1, !is_plausible(mapped, server)))
		return NULL;
	return mapped;
}

static bool is_of_realm(const struct survey *s, const struct survey_server *v)
{
	return addr_class(&v->addr) == s->realm;
}

static void see(struct survey *s, const struct survey_ask *a, const struct addr *seen)
{
	struct survey_server *v = &s->servers[a->server];
	struct sighting sighting = {.socket = a->socket,
				    .server = a->server,
				    .place = a->txn.via.remote,
				    .seen = *seen,
				    .turn = a->turn};

	if (is_of_realm(s, v) && v->state == NAT_SERVER_ANSWERED)
		evidence_add(&s->evidence, &sighting);
	else if (a->socket == 0 && v->state == NAT_SERVER_ANSWERED && addr_class(seen) < s->realm &&
		 !is_ours(s, seen))
		s->inside = *seen;
}

/* OTHER-ADDRESS is taken from the answer to the WireGuard door only: what later ones say is meant for their sockets. */
static void take_first(struct survey *s, const struct survey_ask *a, const struct stun_message *m,
		       usec now)
{
	struct survey_server *v = &s->servers[a->server];
	const struct addr *seen = told(m, &v->addr), *other = &m->other_address;

	s->answered_at = usec_min(s->answered_at, now);
	v->state = m->class == STUN_ERROR ? NAT_SERVER_REFUSED
		   : seen == NULL         ? NAT_SERVER_LIES
					  : NAT_SERVER_ANSWERED;
	if (v->state != NAT_SERVER_ANSWERED)
		return;
	see(s, a, seen);
	if (stun_has(m, STUN_OTHER_ADDRESS) && is_plausible(other, &v->addr) &&
	    other->port != v->addr.port)
		v->other = *other;
}

static void take_plain(struct survey *s, const struct survey_ask *a, const struct stun_message *m)
{
	const struct addr *seen = told(m, &a->txn.via.remote);
	int number = number_of(s, a->socket);

	if (a->kind == SURVEY_FRESH && number > 0)
		s->doors[number - 1].proved = true;
	if (seen != NULL)
		see(s, a, seen);
}

static void take_test(struct survey *s, const struct survey_ask *a, const struct packet *in,
		      const struct stun_message *m, enum filtering_test test)
{
	struct survey_server *v = &s->servers[a->server];
	struct filtering *f = &s->filtering;

	filtering_heard(f, test, &in->via.remote, m->class == STUN_ERROR, &v->addr, &v->other);
	if (f->incapable)
		v->two_faces = NAT_NO;
	else if (f->both || f->shown)
		v->two_faces = NAT_YES;
}

static void take(struct survey *s, const struct survey_ask *a, const struct packet *in,
		 const struct stun_message *m, usec now)
{
	struct survey_server *v = &s->servers[a->server];

	if (v->rtt == 0 || a->txn.rtt_most < v->rtt)
		v->rtt = usec_max(a->txn.rtt_most, 1);

	switch (a->kind) {
	case SURVEY_FIRST:
		take_first(s, a, m, now);
		break;
	case SURVEY_PLACE:
	case SURVEY_FRESH:
	case SURVEY_SAMPLE:
		take_plain(s, a, m);
		break;
	case SURVEY_BOTH:
		take_test(s, a, in, m, FILTERING_BOTH);
		break;
	case SURVEY_PORT:
		take_test(s, a, in, m, FILTERING_PORT);
		break;
	case SURVEY_SHOW:
		take_test(s, a, in, m, FILTERING_SHOW);
		break;
	case SURVEY_NONE:
	case SURVEY_HAIRPIN:
		break;
	}
}

/* Our own question, come back to us. */
static bool is_hairpin(const struct survey *s, const struct survey_ask *a, const struct packet *in,
		       const struct stun_message *m)
{
	unsigned number = a->socket == 0 ? HAIRPIN_DOOR + 1 : 0;

	return a->kind == SURVEY_HAIRPIN && m->class == STUN_REQUEST &&
	       in->via.kind == VIA_DIRECT && in->via.door == door_of(s, number) &&
	       memcmp(m->id, a->txn.id, sizeof m->id) == 0;
}

/* --- the order of questions -------------------------------------------------------------------------------------- */

static struct evidence_mapping mapping_now(const struct survey *s)
{
	return evidence_mapping(&s->evidence, is_ours, s);
}

/* The first of the servers whose word counts; -1: none yet. */
static int first_answered(const struct survey *s)
{
	for (int i = 0; i < s->server_count; i++)
		if (s->servers[i].state == NAT_SERVER_ANSWERED && is_of_realm(s, &s->servers[i]))
			return i;
	return -1;
}

static bool has_two_ips(const struct survey_server *v)
{
	return addr_is_set(&v->other) && !addr_same_ip(&v->other, &v->addr);
}

static void ask_place(struct survey *s, unsigned server, const struct addr *place, usec now,
		      struct outbox *out)
{
	ask(s,
	    &(struct question){
		    .kind = SURVEY_PLACE, .server = (uint8_t)server, .socket = 0, .to = *place},
	    &txn_short, now, out);
	s->second_port = true;
}

/* The server's own IP with its other port. */
static struct addr other_port(const struct survey_server *v)
{
	struct addr a = v->addr;

	a.port = v->other.port;
	return a;
}

/* A server with one address may have two ports: enough to tell whether mapping looks at them. */
static void ask_second_port(struct survey *s, usec now, struct outbox *out)
{
	for (unsigned i = 0; i < s->server_count && !s->second_port; i++) {
		const struct survey_server *v = &s->servers[i];
		if (addr_is_set(&v->other) && !has_two_ips(v) && is_of_realm(s, v))
			ask_place(s, i, &v->other, now, out);
	}
}

/* Have filtering tested by this server: by two doors that never sent anywhere else. The first time the others open as well. */
static void begin_filtering(struct survey *s, unsigned server, usec now, struct outbox *out)
{
	struct survey_server *v = &s->servers[server];
	struct addr second = other_port(v);
	bool again = s->runs++ > 0;

	v->tried = true;
	ask_place(s, server, &v->other, now, out);
	ask_place(s, server, &second, now, out);
	open_doors(s, 0, again ? 1 : SURVEY_DOORS - 1, server, now, out);
	filtering_begin(&s->filtering, server, now);
}

/* An address that several servers call theirs is asked for one of them only. */
static bool is_claimed_before(const struct survey *s, const struct addr *other)
{
	for (unsigned i = 0; i < s->server_count; i++)
		if (s->servers[i].tried && addr_same_ip(&s->servers[i].other, other))
			return true;
	return false;
}

/* The next server to try; -1: none. */
static int next_for_filtering(const struct survey *s)
{
	if (s->runs == SURVEY_RUNS)
		return -1;
	for (int i = 0; i < s->server_count; i++) {
		const struct survey_server *v = &s->servers[i];
		if (v->state == NAT_SERVER_ANSWERED && !v->tried && has_two_ips(v) &&
		    is_of_realm(s, v) && !is_claimed_before(s, &v->other))
			return i;
	}
	return -1;
}

static void send_test(struct survey *s, enum survey_kind kind, unsigned socket, uint32_t change,
		      uint16_t response_port, usec now, struct outbox *out)
{
	const struct survey_server *v = &s->servers[s->filtering.server];
	struct question q = {.kind = kind,
			     .server = s->filtering.server,
			     .socket = (uint8_t)socket,
			     .to = v->addr,
			     .change = change,
			     .response_port = response_port};

	ask(s, &q, &txn_once, now, out);
}

/* The answer that the server shall show comes from its other address to the mapping that we have for that one, which lets it in:
 * where that is not the mapping it was asked by, RESPONSE-PORT leads there. False when it cannot. */
static bool can_show(const struct survey *s, uint16_t *response_port)
{
	const struct survey_server *v = &s->servers[s->filtering.server];
	const struct sighting *here = evidence_find(&s->evidence, 0, &v->addr),
			      *there = evidence_find(&s->evidence, 0, &v->other);

	if (here == NULL || there == NULL)
		return false;
	*response_port = here->seen.port == there->seen.port ? 0 : there->seen.port;
	return true;
}

/* A pair of doors asks, each for its test. */
static void send_pair(struct survey *s, unsigned first, usec now, struct outbox *out)
{
	unsigned both = s->doors[first].socket, port = s->doors[first + 1].socket;

	if (both != 0)
		send_test(s, SURVEY_BOTH, both, STUN_CHANGE_IP | STUN_CHANGE_PORT, 0, now, out);
	if (port != 0)
		send_test(s, SURVEY_PORT, port, STUN_CHANGE_PORT, 0, now, out);
}

static void test_filtering(struct survey *s, usec now, struct outbox *out)
{
	struct filtering *f = &s->filtering;
	usec rtt = s->servers[f->server].rtt;

	if (filtering_try(&f->tests[0], rtt, now))
		send_pair(s, 0, now, out);
	if (filtering_try(&f->tests[1], rtt, now))
		send_pair(s, 2, now, out);
	if (f->show.done == 0 && f->show.next_at == USEC_NEVER && can_show(s, &s->response_port))
		filtering_begin_show(f, now);
	if (filtering_try(&f->show, rtt, now) && !f->shown)
		send_test(s, SURVEY_SHOW, 0, STUN_CHANGE_IP | STUN_CHANGE_PORT, s->response_port,
			  now, out);
}

/* The other pair of doors begins when mapping does not need it any more. */
static void advance_second_pair(struct survey *s, usec now, struct outbox *out)
{
	struct filtering *f = &s->filtering;

	if (!f->running || !s->done[SURVEY_STEP_MAPPING] || f->tests[1].done > 0)
		return;
	for (unsigned i = 2; i < SURVEY_DOORS; i++)
		if (s->doors[i].used || s->doors[i].server != f->server)
			open_doors(s, i, i, f->server, now, out);
	filtering_begin_again(f, now);
	test_filtering(s, now, out);
}

static void end_filtering(struct survey *s, usec now)
{
	bool proved[SURVEY_DOORS];

	for (unsigned i = 0; i < SURVEY_DOORS; i++)
		proved[i] = s->doors[i].proved;
	s->view.filtering = filtering_verdict(&s->filtering, proved, now);
	s->filtering.running = false;
	drop_asks(s, SURVEY_BOTH);
	drop_asks(s, SURVEY_PORT);
	drop_asks(s, SURVEY_SHOW);
}

static void advance_filtering(struct survey *s, usec now, struct outbox *out)
{
	int next;

	if (s->done[SURVEY_STEP_FILTERING])
		return;
	if (s->filtering.running) {
		test_filtering(s, now, out);
		if (!filtering_is_over(&s->filtering, now))
			return;
		end_filtering(s, now);
	}
	if (s->view.filtering == NAT_FILTERING_UNKNOWN && (next = next_for_filtering(s)) >= 0) {
		if (is_waiting(s, SURVEY_HAIRPIN)) /* has one of the doors */
			return;
		begin_filtering(s, (unsigned)next, now, out);
		test_filtering(s, now, out);
		return;
	}
	if (s->view.filtering != NAT_FILTERING_UNKNOWN || !is_waiting(s, SURVEY_FIRST))
		s->done[SURVEY_STEP_FILTERING] = true;
}

/* No server with two addresses: fresh doors for the port pattern and the hairpin alone. */
static void advance_doors(struct survey *s, usec now, struct outbox *out)
{
	int base = first_answered(s);

	if (s->sockets > 0 || base < 0)
		return;
	if (is_waiting(s, SURVEY_FIRST) && now < s->answered_at + BASE_PATIENCE)
		return;
	open_doors(s, 0, SURVEY_DOORS - 1, (unsigned)base, now, out);
}

static void ask_sample(struct survey *s, unsigned socket, const struct sighting *from, usec now,
		       struct outbox *out)
{
	struct question q = {.kind = SURVEY_SAMPLE,
			     .server = from->server,
			     .socket = (uint8_t)socket,
			     .to = from->place};

	if (s->samples == SURVEY_SAMPLES || socket == 0 ||
	    evidence_find(&s->evidence, socket, &q.to) != NULL)
		return;
	s->doors[number_of(s, socket) - 1].used = true;
	s->samples++;
	ask(s, &q, &txn_short, now, out);
}

/* True when a mapping to this place may differ from those to the places before it. */
static bool maps_apart(const struct survey *s, unsigned i, const struct evidence_mapping *m)
{
	for (unsigned k = 0; k < i; k++) {
		const struct sighting *g = &s->evidence.items[k];
		if (g->socket != 0)
			continue;
		if (!m->dependent)
			return false;
		if (m->mapping == NAT_MAPPING_ADDRESS_DEPENDENT &&
		    addr_same_ip(&g->place, &s->evidence.items[i].place))
			return false;
	}
	return true;
}

/* Have the fresh doors from number `first` on ask the places that answered the WireGuard door, place by place. */
static void ask_samples(struct survey *s, unsigned first, usec now, struct outbox *out)
{
	struct evidence_mapping m = mapping_now(s);

	for (unsigned i = 0; i < s->evidence.count; i++) {
		const struct sighting *g = &s->evidence.items[i];
		for (unsigned k = first; k < SURVEY_DOORS && g->socket == 0; k++)
			if (maps_apart(s, i, &m))
				ask_sample(s, s->doors[k].socket, g, now, out);
	}
}

/* Ports differ. Fresh doors ask the others too: for their ports, and to see who is alone with what he says; of a server with two
 * addresses the fourth is asked. */
static void contrast(struct survey *s, usec now, struct outbox *out)
{
	s->contrasted = true;
	for (unsigned i = 0; i < s->server_count; i++) {
		struct addr fourth = s->servers[i].other;
		fourth.port = s->servers[i].addr.port;
		if (has_two_ips(&s->servers[i]) &&
		    evidence_find(&s->evidence, 0, &s->servers[i].other) != NULL)
			ask_place(s, i, &fourth, now, out);
	}
	ask_samples(s, 2, now, out);
}

/* Whoever says what cannot be, or what all others deny, is not believed. */
static void judge_servers(struct survey *s)
{
	for (unsigned i = 0; i < s->server_count; i++) {
		bool lies = evidence_is_lie(&s->evidence, i);
		if (!lies && !evidence_is_alone(&s->evidence, i))
			continue;
		s->servers[i].state = lies ? NAT_SERVER_LIES : NAT_SERVER_ALONE;
		evidence_drop(&s->evidence, i);
	}
}

/* True while answers about mappings may well come. */
static bool hopes(struct survey *s, usec now)
{
	usec until = hope_until(s);

	if (until <= now)
		return false;
	s->patience_at = usec_min(s->patience_at, until);
	return true;
}

static void advance_mapping(struct survey *s, usec now, struct outbox *out)
{
	if (s->done[SURVEY_STEP_MAPPING] || hopes(s, now))
		return;
	if (mapping_now(s).dependent && !s->contrasted) {
		contrast(s, now, out);
		if (hopes(s, now))
			return;
	}
	judge_servers(s);
	if (mapping_now(s).mapping == NAT_MAPPING_UNKNOWN && hope_until(s) != 0)
		return;
	s->view.mapping_took = usec_max(now - s->started_at, 1);
	s->done[SURVEY_STEP_SERVERS] = true;
	s->done[SURVEY_STEP_MAPPING] = true;
}

/* A fresh door and the WireGuard door write to each other at their public addresses: with both of them writing, a filter lets
 * the second try in. */
static void begin_hairpin(struct survey *s, usec now, struct outbox *out)
{
	uint8_t socket = s->doors[HAIRPIN_DOOR].socket;
	const struct sighting *ours = evidence_find(&s->evidence, 0, NULL),
			      *its = evidence_find(&s->evidence, socket, NULL);

	s->hairpin_begun = true;
	if (socket == 0 || ours == NULL || its == NULL || is_ours(s, &ours->seen))
		return;
	ask(s, &(struct question){.kind = SURVEY_HAIRPIN, .socket = 0, .to = its->seen},
	    &hairpin_schedule, now, out);
	ask(s, &(struct question){.kind = SURVEY_HAIRPIN, .socket = socket, .to = ours->seen},
	    &hairpin_schedule, now, out);
	s->hairpin_asked = true;
}

static void advance_hairpin(struct survey *s, usec now, struct outbox *out)
{
	if (s->done[SURVEY_STEP_HAIRPIN] || !s->done[SURVEY_STEP_MAPPING])
		return;
	if (!s->hairpin_begun) {
		if (!s->doors[HAIRPIN_DOOR].proved && hopes(s, now))
			return;
		begin_hairpin(s, now, out);
	}
	if (s->view.hairpin != NAT_YES && is_waiting(s, SURVEY_HAIRPIN))
		return;
	drop_asks(s, SURVEY_HAIRPIN);
	s->done[SURVEY_STEP_HAIRPIN] = true;
}

static struct ports ports_now(const struct survey *s)
{
	return ports_judge(&s->evidence, mapping_now(s).mapping, s->port);
}

static bool has_samples(const struct survey *s)
{
	struct ports p = ports_now(s);

	if (p.rule == NAT_PORTS_PRESERVE || s->port == 0)
		return true;
	if (mapping_now(s).dependent)
		return p.samples >= PORTS_SAMPLES_HARD;
	return p.samples >= (p.rule == NAT_PORTS_BLOCK ? PORTS_SAMPLES_BLOCK : PORTS_SAMPLES);
}

/* More samples, when they are needed, are those of new sockets: when nobody else needs the doors. */
static void advance_ports(struct survey *s, usec now, struct outbox *out)
{
	if (s->done[SURVEY_STEP_PORTS] || !s->done[SURVEY_STEP_MAPPING])
		return;
	if (!has_samples(s)) {
		if (hopes(s, now) || !s->done[SURVEY_STEP_FILTERING] ||
		    !s->done[SURVEY_STEP_HAIRPIN])
			return;
		if (!s->completed && first_answered(s) >= 0) {
			s->completed = true;
			for (unsigned i = 0; i < SURVEY_DOORS; i++)
				open_door(s, i, out);
			ask_samples(s, 0, now, out);
			if (hopes(s, now))
				return;
		}
	}
	s->done[SURVEY_STEP_PORTS] = true;
}

static bool is_done(const struct survey *s)
{
	for (unsigned i = 0; i < SURVEY_STEPS; i++)
		if (!s->done[i])
			return false;
	return true;
}

/* All that can be begun or ended now. */
static void advance(struct survey *s, usec now, struct outbox *out)
{
	if (!s->running)
		return;
	s->patience_at = USEC_NEVER;
	advance_filtering(s, now, out);
	advance_doors(s, now, out);
	ask_second_port(s, now, out);
	advance_mapping(s, now, out);
	advance_second_pair(s, now, out);
	advance_hairpin(s, now, out);
	advance_ports(s, now, out);
	if (is_done(s))
		survey_finish(s, now, out);
}

/* --- the outside ------------------------------------------------------------------------------------------------- */

void survey_start(struct survey *s, const struct survey_setup *setup,
		  const struct nat_report *report, const struct env *env, usec now,
		  struct outbox *out)
{
	s->env = env;
	s->host = setup->host;
	s->family = setup->family;
	s->port = setup->port;
	s->running = true;
	s->started_at = now;
	s->answered_at = USEC_NEVER;
	s->patience_at = USEC_NEVER;
	s->view.tested = true;

	for (size_t i = 0; i < report->server_count && s->server_count < SURVEY_SERVERS; i++) {
		const struct nat_server_line *line = &report->servers[i];
		if (line->state != NAT_SERVER_UNASKED || line->addr.family != s->family)
			continue;
		s->realm = addr_class(&line->addr) > s->realm ? addr_class(&line->addr) : s->realm;
		s->servers[s->server_count++] = (struct survey_server){
			.addr = line->addr, .line = (uint8_t)i, .state = NAT_SERVER_ASKED};
	}
	for (uint8_t i = 0; i < s->server_count; i++)
		ask(s,
		    &(struct question){.kind = SURVEY_FIRST, .server = i, .to = s->servers[i].addr},
		    &txn_short, now, out);
}

bool survey_input(struct survey *s, const struct packet *in, const struct stun_message *m, usec now,
		  struct outbox *out)
{
	struct survey_ask *a = s->asks;

	for (; a < s->asks + SURVEY_ASKS; a++) {
		if (a->kind == SURVEY_NONE)
			continue;
		if (is_hairpin(s, a, in, m)) {
			s->view.hairpin = NAT_YES;
			break;
		}
		if (txn_input(&a->txn, in, m, now) == TXN_ANSWERED) {
			take(s, a, in, m, now);
			drop_ask(a);
			break;
		}
	}
	if (a == s->asks + SURVEY_ASKS)
		return false;
	advance(s, now, out);
	return true;
}

/* What finds no room in the outbox is told the next time. */
static void close_doors(struct survey *s, struct outbox *out)
{
	for (unsigned i = 0; i < SURVEY_DOORS; i++) {
		struct action close = {.kind = ACTION_CLOSE_DOOR, .id = door_of(s, i + 1)};
		s->doors[i].socket = 0;
		if (s->doors[i].opened && outbox_act(out, &close))
			s->doors[i].opened = false;
	}
}

void survey_tick(struct survey *s, usec now, struct outbox *out)
{
	if (!s->running) {
		close_doors(s, out);
		return;
	}
	for (struct survey_ask *a = s->asks; a < s->asks + SURVEY_ASKS; a++)
		if (a->kind != SURVEY_NONE && txn_tick(&a->txn, now, out) == TXN_FAILED)
			drop_ask(a);
	advance(s, now, out);
}

usec survey_deadline(const struct survey *s)
{
	usec at = usec_min(s->patience_at, filtering_deadline(&s->filtering));

	for (unsigned i = 0; i < SURVEY_DOORS && !s->running; i++)
		if (s->doors[i].opened)
			return 0;
	if (!s->running)
		return USEC_NEVER;
	for (const struct survey_ask *a = s->asks; a < s->asks + SURVEY_ASKS; a++)
		if (a->kind != SURVEY_NONE)
			at = usec_min(at, txn_deadline(&a->txn));
	if (s->sockets == 0 && first_answered(s) >= 0)
		at = usec_min(at, s->answered_at + BASE_PATIENCE);
	return at;
}

void survey_stop(struct survey *s, struct outbox *out)
{
	for (struct survey_ask *a = s->asks; a < s->asks + SURVEY_ASKS; a++)
		drop_ask(a);
	s->filtering.running = false;
	s->running = false;
	close_doors(s, out);
}

void survey_finish(struct survey *s, usec now, struct outbox *out)
{
	if (!s->running)
		return;
	judge_servers(s);
	if (s->filtering.running)
		end_filtering(s, now);
	for (unsigned i = 0; i < SURVEY_STEPS; i++)
		s->done[i] = true;
	s->view.took = usec_max(now - s->started_at, 1);
	survey_stop(s, out);
}

/* --- the report -------------------------------------------------------------------------------------------------- */

static void count_servers(const struct survey *s, struct nat_view *v)
{
	bool two = false;

	for (unsigned i = 0; i < s->server_count; i++) {
		v->servers_asked++;
		v->servers_answered += s->servers[i].state > NAT_SERVER_ASKED;
		two = two || !addr_same_ip(&s->servers[i].addr, &s->servers[0].addr);
	}
	/* One server that is silent may be dead. */
	if (v->servers_answered > 0)
		v->blocked = NAT_NO;
	else if (s->done[SURVEY_STEP_SERVERS] && two)
		v->blocked = NAT_YES;
}

static enum nat_answer double_nat(const struct survey *s, const struct nat_view *v)
{
	if (v->mapping == NAT_MAPPING_NONE)
		return NAT_NO;
	/* A nearer server saw us translated, a farther one translated again. */
	if (addr_is_set(&s->inside) && v->public_count > 0 &&
	    !addr_same_ip(&s->inside, &v->public[0]))
		return NAT_YES;
	return NAT_UNKNOWN;
}

void survey_report(const struct survey *s, struct nat_report *report)
{
	struct evidence_mapping m = mapping_now(s);
	struct ports p = ports_now(s);
	struct nat_view v = s->view;

	if (!v.tested)
		return;
	v.mapping = m.mapping;
	v.dependent = m.dependent;
	v.pooled = m.pooled;
	v.mapping_ips = m.ips;
	v.mapping_places = m.places;
	v.ports = p.rule;
	v.ports_step = p.step;
	v.ports_base = p.base;
	v.ports_span = p.span;
	v.port_samples = p.samples;
	v.public_count = evidence_public(&s->evidence, v.public);
	count_servers(s, &v);
	if (v.hairpin == NAT_UNKNOWN && s->hairpin_asked && s->done[SURVEY_STEP_HAIRPIN] &&
	    v.mapping == NAT_MAPPING_ENDPOINT_INDEPENDENT)
		v.hairpin = NAT_NO;
	v.double_nat = double_nat(s, &v);

	*(s->family == ADDR_V6 ? &report->v6 : &report->v4) = v;
	for (unsigned i = 0; i < s->server_count; i++) {
		struct nat_server_line *line = &report->servers[s->servers[i].line];
		line->state = s->servers[i].state;
		line->rtt = s->servers[i].rtt;
		line->two_faces = s->servers[i].two_faces;
	}
}
