/* Sites, machines, and the way of a datagram between them. */
#include "sim/network.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "sim/world.h"

#define TTL_USUAL 64

/* --- places ----------------------------------------------------------------------------------------------------- */

static void write_key(uint8_t key[static 17], const struct addr *ip)
{
	key[0] = ip->family;
	memcpy(key + 1, ip->ip, 16);
}

static struct place *find_place(const struct site *s, const struct addr *ip)
{
	uint8_t key[17];

	write_key(key, ip);
	return table_find(&s->places, key);
}

static void add_place(struct site *s, const struct place *what, struct place **list)
{
	struct place *p = world_alloc(sizeof *p);

	*p = *what;
	p->next = *list;
	*list = p;
	write_key(p->key, &p->ip);
	if (table_reserve(&s->places, s->places.count + 1) < 0 || !table_add(&s->places, p->key, p))
		abort();
}

/* Take a holder's addresses out of its site and all around it. */
static void drop_places(struct site *s, struct place **list)
{
	while (*list != NULL) {
		struct place *p = *list;
		*list = p->next;
		for (struct site *at = s; at != NULL; at = at->outside) {
			if (find_place(at, &p->ip) == p)
				table_remove(&at->places, p->key);
		}
		free(p);
	}
}

/* IPv4 is private behind a NAT; IPv6 is one space, whose /64 is the site's. Documentation prefixes are public here. */
static struct addr host_addr(struct site *s, unsigned number, uint8_t family)
{
	if (family == ADDR_V6)
		return addr_v6((uint8_t[16]){0x20, 1, 0x0d, 0xb8, [6] = (uint8_t)(s->number >> 8),
					     (uint8_t)s->number, [14] = (uint8_t)(number >> 8),
					     (uint8_t)number},
			       0, 0);
	if (s->outside == NULL) {
		assert(number < 3 * 254);
		static const uint8_t nets[3][3] = {{198, 51, 100}, {203, 0, 113}, {192, 0, 2}};
		const uint8_t *net = nets[number / 254];
		return addr_v4((uint8_t[]){net[0], net[1], net[2], (uint8_t)(number % 254 + 1)}, 0);
	}
	assert(number < 254);
	return addr_v4((uint8_t[]){192, 168, (uint8_t)s->number, (uint8_t)(number + 1)}, 0);
}

/* --- building --------------------------------------------------------------------------------------------------- */

static void init_site(struct world *w, struct site *s, const char *name)
{
	uint8_t hash_key[16];

	rand_bytes(&w->rand, hash_key, sizeof hash_key);
	*s = (struct site){.world = w, .next_host = 1};
	snprintf(s->name, sizeof s->name, "%s", name);
	if (table_init(&s->places, sizeof((struct place *)NULL)->key, 16, hash_key) < 0)
		abort();
}

void network_init(struct world *w)
{
	w->net = (struct network){.gate_count = 0};
	init_site(w, &w->net.internet, "internet");
}

static void free_site(struct site *s)
{
	drop_places(s->outside != NULL ? s->outside : s, &s->pool);
	table_free(&s->places);
	if (s->outside != NULL)
		natbox_free(&s->nat);
}

void network_free(struct world *w)
{
	struct network *net = &w->net;

	assert(net->machines == NULL);
	while (net->sites != NULL) {
		struct site *s = net->sites;
		net->sites = s->next;
		free_site(s);
		free(s);
	}
	free_site(&net->internet);
	free(net->seen);
	while (net->free != NULL) {
		struct parcel *p = net->free;
		net->free = p->next;
		free(p);
	}
}

static unsigned new_gate(struct world *w)
{
	assert(w->net.gate_count < NETWORK_GATES_MAX - 1); /* the last is the forger's */
	return w->net.gate_count++;
}

void cable_lay(struct cable *c, const struct link_config *usual)
{
	c->usual = *usual;
	cable_mend(c);
}

void cable_break(struct cable *c, const struct link_config *broken)
{
	link_change(&c->out, broken);
	link_change(&c->in, broken);
}

void cable_mend(struct cable *c)
{
	cable_break(c, &c->usual);
}

static void add_public(struct site *s)
{
	struct place place = {.behind = s};

	place.ip = host_addr(s->outside, s->outside->next_host++, ADDR_V4);
	add_place(s->outside, &place, &s->pool);
}

struct site *network_site(struct world *w, const char *name, struct site *outside,
			  const struct natbox_config *config)
{
	struct site *s = world_alloc(sizeof *s);
	struct natbox_config c = *config;
	uint64_t seed;
	int err;

	init_site(w, s, name);
	s->number = ++w->net.site_count;
	s->outside = outside;
	s->next = w->net.sites;
	w->net.sites = s;
	s->gate = outside == &w->net.internet ? new_gate(w) : outside->gate;
	cable_lay(&s->cable, &(struct link_config){.delay = MSEC(5)});

	if (c.pool_count == 0)
		c.pool_count = 1;
	for (size_t i = 0; i < c.pool_count; i++) {
		add_public(s);
		c.pool[i] = s->pool->ip;
	}
	rand_bytes(&w->rand, &seed, sizeof seed);
	err = natbox_init(&s->nat, &c, seed);
	assert(err == 0);
	return s;
}

void network_rebind(struct site *s)
{
	int err;

	drop_places(s->outside, &s->pool);
	add_public(s);
	err = natbox_rebind(&s->nat, &s->pool->ip);
	assert(err == 0);
}

void network_add(struct world *w, struct machine *m, const char *name)
{
	m->world = w;
	snprintf(m->name, sizeof m->name, "%s", name);
	m->next = w->net.machines;
	w->net.machines = m;
}

void network_remove(struct machine *m)
{
	struct machine **at = &m->world->net.machines;

	for (size_t i = 0; i < m->interface_count; i++)
		drop_places(m->interfaces[i].site, &m->interfaces[i].places);
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

struct machine *network_find(const struct world *w, const char *name)
{
	struct machine *m = w->net.machines;

	while (m != NULL && strcmp(m->name, name) != 0)
		m = m->next;
	return m;
}

static void settle_in(struct interface *i, struct site *s)
{
	unsigned number = s->next_host++;

	i->site = s;
	i->gate = s->outside == NULL ? new_gate(s->world) : s->gate;
	for (unsigned f = 0; f < 2; f++) {
		i->ip[f] = host_addr(s, number, f == 0 ? ADDR_V4 : ADDR_V6);
		add_place(s, &(struct place){.ip = i->ip[f], .interface = i}, &i->places);
	}
	/* IPv6 is routed to it from everywhere. */
	for (struct site *in = s; in->outside != NULL; in = in->outside)
		add_place(in->outside, &(struct place){.ip = i->ip[1], .behind = in}, &i->places);
}

struct interface *network_plug(struct machine *m, struct site *site)
{
	assert(m->interface_count < MACHINE_INTERFACES_MAX);
	struct interface *i = &m->interfaces[m->interface_count++];

	*i = (struct interface){.machine = m, .up = true};
	cable_lay(&i->cable,
		  &(struct link_config){.delay = site->outside == NULL ? MSEC(10) : MSEC(5)});
	settle_in(i, site);
	return i;
}

void network_move(struct interface *i, struct site *site)
{
	drop_places(i->site, &i->places);
	settle_in(i, site);
}

void network_renumber(struct interface *i)
{
	network_move(i, i->site);
}

void network_mend(struct world *w)
{
	for (struct machine *m = w->net.machines; m != NULL; m = m->next) {
		for (size_t i = 0; i < m->interface_count; i++) {
			cable_mend(&m->interfaces[i].cable);
			m->interfaces[i].up = true;
		}
	}
	for (struct site *s = w->net.sites; s != NULL; s = s->next)
		cable_mend(&s->cable);
	memset(w->net.blocked, 0, sizeof w->net.blocked);
}

void network_block(const struct machine *from, const struct machine *to, bool blocked)
{
	for (size_t i = 0; i < from->interface_count; i++) {
		for (size_t j = 0; j < to->interface_count; j++)
			from->world->net.blocked[from->interfaces[i].gate][to->interfaces[j].gate] =
				blocked;
	}
}

/* --- the way of a datagram -------------------------------------------------------------------------------------- */

static struct parcel *new_parcel(struct world *w)
{
	struct parcel *p = w->net.free;

	if (p == NULL)
		return world_alloc(sizeof *p);
	w->net.free = p->next;
	return p;
}

void network_free_parcel(struct parcel *p)
{
	p->next = p->world->net.free;
	p->world->net.free = p;
}

static void lose(struct parcel *p, uint64_t *count, const char *why)
{
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	++*count;
	if (p->world->trace.print)
		trace_line(&p->world->trace, "  %s > %s: %s", addr_print(&p->src, from),
			   addr_print(&p->dst, to), why);
	network_free_parcel(p);
}

static void discard(struct task *t)
{
	network_free_parcel(list_entry(t, struct parcel, task));
}

static struct parcel *copy_of(const struct parcel *p)
{
	struct parcel *copy = new_parcel(p->world);

	memcpy(copy, p, offsetof(struct parcel, data) + p->len);
	copy->task.slot = 0;
	return copy;
}

static void arrive_at(struct parcel *p, const struct link_arrival *arrival)
{
	struct world *w = p->world;

	if (arrival->bits > 0)
		link_corrupt(p->data, p->len, arrival->bits, &w->rand);
	agenda_set(&w->agenda, &p->task, arrival->at);
}

/* It goes through the link to where its fields say. */
static void carry(struct parcel *p, struct link *l)
{
	struct world *w = p->world;
	struct link_result r = link_send(l, p->len, w->now, &w->rand);

	if (r.copies == 0) {
		lose(p, &w->net.stats.links[r.fate], link_fate_name(r.fate));
		return;
	}
	w->net.stats.links[r.fate]++;
	for (size_t i = 1; i < r.copies; i++)
		arrive_at(copy_of(p), &r.arrival[i]);
	arrive_at(p, &r.arrival[0]);
}

/* Through the site's natbox: false when that was its end. */
static bool translate(struct parcel *p, struct site *s, bool outward, bool *back)
{
	struct world *w = p->world;
	struct natbox_flow flow = {
		.proto = NATBOX_UDP, .ttl = p->ttl, .src = p->src, .dst = p->dst};
	enum natbox_verdict verdict =
		outward ? natbox_out(&s->nat, &flow, w->now) : natbox_in(&s->nat, &flow, w->now);

	if (verdict != NATBOX_FORWARD && verdict != NATBOX_HAIRPIN) {
		lose(p, &w->net.stats.nats[verdict], natbox_verdict_name(verdict));
		return false;
	}
	w->net.stats.nats[verdict]++;
	*back = verdict == NATBOX_HAIRPIN;
	p->src = flow.src;
	p->dst = flow.dst;
	p->ttl = flow.ttl;
	return true;
}

/* It is in the site's network: who has the address? */
static void switch_in(struct parcel *p, struct site *s)
{
	struct network *net = &p->world->net;
	const struct place *place = find_place(s, &p->dst);
	unsigned gate;

	if (place == NULL) {
		lose(p, &net->stats.no_route, "no route");
		return;
	}
	gate = place->behind != NULL ? place->behind->gate : place->interface->gate;
	if (s->outside == NULL && net->blocked[p->gate][gate]) {
		lose(p, &net->stats.blocked, "blocked");
		return;
	}
	if (place->behind != NULL) {
		p->site = place->behind;
		p->from_outside = true;
		carry(p, &place->behind->cable.in);
		return;
	}
	if (!place->interface->up) {
		lose(p, &net->stats.no_route, "interface down");
		return;
	}
	p->to = place->interface;
	carry(p, &place->interface->cable.in);
}

static void leave(struct parcel *p, struct site *s)
{
	bool back;

	if (!translate(p, s, true, &back))
		return;
	if (back) {
		switch_in(p, s);
		return;
	}
	p->site = s->outside;
	p->gate = s->gate;
	carry(p, &s->cable.out);
}

static void enter(struct parcel *p, struct site *s)
{
	bool back;

	p->from_outside = false;
	if (translate(p, s, false, &back))
		switch_in(p, s);
}

static void hand_over(struct parcel *p)
{
	struct interface *i = p->to;
	struct machine *m = i->machine;

	if (!i->up || !addr_same_ip(&i->ip[p->dst.family == ADDR_V6], &p->dst)) {
		lose(p, &p->world->net.stats.no_route, "it has left");
		return;
	}
	p->world->net.stats.arrived++;
	m->receive(m, p);
}

static void arrive(struct task *t)
{
	struct parcel *p = list_entry(t, struct parcel, task);
	struct site *s = p->site;

	if (p->to != NULL)
		hand_over(p);
	else if (p->from_outside)
		enter(p, s);
	else if (s->outside != NULL && find_place(s, &p->dst) == NULL)
		leave(p, s);
	else
		switch_in(p, s);
}

/* --- datagrams -------------------------------------------------------------------------------------------------- */

static bool has(const struct interface *i, const struct addr *ip)
{
	return addr_same_ip(&i->ip[ip->family == ADDR_V6], ip);
}

struct interface *network_route(struct machine *m, const struct addr *local,
				const struct addr *remote)
{
	for (size_t i = 0; i < m->interface_count; i++) {
		struct interface *at = &m->interfaces[i];
		if (!at->up || !addr_is_set(&at->ip[remote->family == ADDR_V6]))
			continue;
		if (!addr_is_set(local) || has(at, local))
			return at;
	}
	return NULL;
}

static struct parcel *pack(struct world *w, const struct addr *from, const struct addr *to,
			   const void *data, size_t len)
{
	struct parcel *p = new_parcel(w);

	memset(p, 0, offsetof(struct parcel, data));
	p->task.run = arrive;
	p->task.discard = discard;
	p->world = w;
	p->src = *from;
	p->dst = *to;
	p->ttl = TTL_USUAL;
	p->len = len;
	memcpy(p->data, data, len);
	w->net.stats.sent++;
	return p;
}

void network_listen(struct world *w)
{
	if (w->net.seen == NULL)
		w->net.seen = world_alloc(NETWORK_SEEN * sizeof *w->net.seen);
}

void network_heard(const struct parcel *p)
{
	struct network *net = &p->world->net;

	if (net->seen != NULL)
		memcpy(&net->seen[net->seen_count++ % NETWORK_SEEN], p,
		       offsetof(struct parcel, data) + p->len);
}

const struct parcel *network_recall(const struct world *w, unsigned before)
{
	assert(before < NETWORK_SEEN);
	return before < w->net.seen_count
		       ? &w->net.seen[(w->net.seen_count - 1 - before) % NETWORK_SEEN]
		       : NULL;
}

void network_send(struct interface *i, uint16_t port, const struct addr *to, uint8_t ttl,
		  const void *data, size_t len)
{
	struct world *w = i->machine->world;
	struct addr from = i->ip[to->family == ADDR_V6];
	struct parcel *p;

	if (len > PARCEL_MAX) {
		w->net.stats.too_long++;
		return;
	}
	from.port = port;
	p = pack(w, &from, to, data, len);
	p->sender = i->machine;
	p->gate = i->gate;
	p->site = i->site;
	if (ttl != 0)
		p->ttl = ttl;
	carry(p, &i->cable.out);
}

void network_forge(struct world *w, const struct addr *from, const struct addr *to,
		   const void *data, size_t len)
{
	struct parcel *p;

	assert(len <= PARCEL_MAX);
	p = pack(w, from, to, data, len);
	p->site = &w->net.internet;
	p->gate = NETWORK_GATES_MAX - 1;
	agenda_set(&w->agenda, &p->task, w->now);
}
