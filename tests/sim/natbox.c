/* A table of mappings, each found from inside and from outside, and beside them what the filter lets in and what accepted
 * input has left behind. All three are entries of one size that age alike, as they would in conntrack.
 *
 * Entries of one kind of lifetime hang in a list in the order of their last refreshing, which is the order of their ends:
 * what has ended is at its front, and nothing is ever searched for it. */
#include "sim/natbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN_MIN 512 /* what carriers hand out */
#define BLOCK_LEN_MAX 4096

/* How much of a destination is looked at. */
enum scope { SCOPE_ALL, SCOPE_IP, SCOPE_IP_PORT };

enum ageing { AGE_UNCONFIRMED, AGE_CONFIRMED, AGE_ECHO, AGE_TCP, AGE_KINDS };

_Static_assert(AGE_KINDS == sizeof((struct natbox *)NULL)->ageing / sizeof(struct list), "ageing");

enum key_kind {
	KEY_INSIDE, /* a mapping: inside address, and the destination in the scope of its kind */
	KEY_PUBLIC, /* the same mapping: public address, and the destination if ports are overloaded */
	KEY_PERMIT, /* public address, and who may send to it in the scope of the filter */
	KEY_POISON, /* public address and sender of accepted input */
	KEY_SOURCE, /* inside address: the newest mapping of those that it has, when ports are overloaded */
};

/* Bytes are compared: what is not looked at is zero, and nothing is left over. */
struct natbox_key {
	uint8_t kind, proto, family, zero;
	uint16_t near_port, far_port;
	uint8_t near_ip[16], far_ip[16];
};
_Static_assert(sizeof(struct natbox_key) == 40, "no padding");

struct natbox_host {
	struct list free;
	uint8_t ip[16];
	size_t pool;
	size_t mappings;
	uint16_t block_low, block_len; /* length 0: none yet */
};

struct natbox_entry {
	struct list ageing; /* or free */
	struct natbox_key key;
	struct natbox_key public_key; /* of mappings */
	struct natbox_key
		source_key; /* of mappings, while they are the newest of their inside address */
	struct list
		siblings; /* mappings of one inside address: an older one is next, the newest behind the oldest */
	struct addr inside, public, remote;
	struct natbox_host *host; /* of mappings that are translated */
	usec made_at, refreshed_at;
	enum ageing age;
	uint8_t scope; /* of the mapping */
	bool replied;
};

/* --- configuration --------------------------------------------------------------------------------------------------- */

struct natbox_config natbox_linux(const struct addr *public, enum natbox_input input)
{
	return (struct natbox_config){
		.mapping = NATBOX_APDM,
		.filtering = NATBOX_APDF,
		.overload = true,
		.ports = NATBOX_PRESERVE,
		.input = input,
		.pool = {*public},
		.pool_count = 1,
		.filtering6 = NATBOX_APDF,
	};
}

static enum scope mapping_scope(enum natbox_mapping mapping)
{
	switch (mapping) {
	case NATBOX_EIM:
	case NATBOX_NO_NAT:
		return SCOPE_ALL;
	case NATBOX_ADM:
		return SCOPE_IP;
	case NATBOX_APDM:
		return SCOPE_IP_PORT;
	}
	abort();
}

static enum scope filter_scope(enum natbox_filtering filtering)
{
	switch (filtering) {
	case NATBOX_OPEN:
	case NATBOX_EIF:
		return SCOPE_ALL;
	case NATBOX_ADF:
		return SCOPE_IP;
	case NATBOX_APDF:
		return SCOPE_IP_PORT;
	}
	abort();
}

static bool pool_is_right(const struct natbox_config *c)
{
	if (c->pool_count > NATBOX_POOL_MAX)
		return false;
	for (size_t i = 0; i < c->pool_count; i++) {
		if (c->pool[i].family != ADDR_V4)
			return false;
		for (size_t j = 0; j < i; j++)
			if (addr_same_ip(&c->pool[i], &c->pool[j]))
				return false;
	}
	return c->pool_count > 0 || c->mapping == NATBOX_NO_NAT;
}

static bool ports_are_right(const struct natbox_config *c)
{
	if (c->port_low > c->port_high)
		return false;

	switch (c->ports) {
	case NATBOX_PRESERVE:
	case NATBOX_RANDOM:
		return true;
	case NATBOX_SEQUENTIAL:
		return c->step != 0 && abs(c->step) <= NATBOX_STEP_MAX;
	case NATBOX_BLOCK:
		return c->block_len >= BLOCK_LEN_MIN && c->block_len <= BLOCK_LEN_MAX &&
		       c->block_len <= c->port_high - c->port_low + 1;
	}
	return false;
}

/* With the defaults filled in. */
static bool is_right(const struct natbox_config *c)
{
	if (c->mapping > NATBOX_NO_NAT || c->filtering > NATBOX_OPEN ||
	    c->filtering6 > NATBOX_OPEN || c->hairpin > NATBOX_HAIRPIN_INTERNAL ||
	    c->input > NATBOX_INPUT_ACCEPT)
		return false;
	if (c->filtering == NATBOX_OPEN && c->mapping != NATBOX_NO_NAT)
		return false;
	if (c->overload && (mapping_scope(c->mapping) == SCOPE_ALL ||
			    filter_scope(c->filtering) < mapping_scope(c->mapping)))
		return false;
	/* What the filter let in must not outlive its mapping, whose port may be another's by then. */
	if (c->unconfirmed < 0 || c->confirmed < c->unconfirmed || c->confirm_age < 0)
		return false;
	return pool_is_right(c) && ports_are_right(c);
}

static struct natbox_config with_defaults(const struct natbox_config *given)
{
	struct natbox_config c = *given;

	if (c.port_low == 0)
		c.port_low = NATBOX_PORT_LOW;
	if (c.port_high == 0)
		c.port_high = NATBOX_PORT_HIGH;
	if (c.unconfirmed == 0)
		c.unconfirmed = NATBOX_UNCONFIRMED;
	if (c.confirmed == 0)
		c.confirmed = usec_max(NATBOX_CONFIRMED, c.unconfirmed);
	if (c.confirm_age == 0)
		c.confirm_age = NATBOX_CONFIRM_AGE;
	if (c.capacity == 0)
		c.capacity = NATBOX_CAPACITY;
	for (size_t i = 0; i < c.pool_count && i < NATBOX_POOL_MAX; i++)
		c.pool[i].port = 0;
	return c;
}

enum natbox_mapping natbox_seen_mapping(const struct natbox_config *c)
{
	return c->overload && c->ports == NATBOX_PRESERVE ? NATBOX_EIM : c->mapping;
}

enum natbox_port_rule natbox_seen_ports(const struct natbox_config *c)
{
	if (c->ports == NATBOX_PRESERVE && !c->overload && mapping_scope(c->mapping) != SCOPE_ALL)
		return NATBOX_RANDOM;
	return c->ports;
}

/* --- entries --------------------------------------------------------------------------------------------------------- */

static struct natbox_key key_of(enum key_kind kind, enum natbox_proto proto,
				const struct addr *near, const struct addr *far, enum scope scope)
{
	struct natbox_key k = {.kind = (uint8_t)kind,
			       .proto = (uint8_t)proto,
			       .family = near->family,
			       .near_port = near->port};

	memcpy(k.near_ip, near->ip, sizeof k.near_ip);
	if (scope >= SCOPE_IP)
		memcpy(k.far_ip, far->ip, sizeof k.far_ip);
	if (scope == SCOPE_IP_PORT)
		k.far_port = far->port;
	return k;
}

static bool is_translated(const struct natbox *nb, uint8_t family)
{
	return family == ADDR_V4 && nb->config.mapping != NATBOX_NO_NAT;
}

static enum natbox_filtering filtering_of(const struct natbox *nb, uint8_t family)
{
	return family == ADDR_V4 ? nb->config.filtering : nb->config.filtering6;
}

static enum scope scope_of(const struct natbox *nb, uint8_t family)
{
	return is_translated(nb, family) ? mapping_scope(nb->config.mapping) : SCOPE_ALL;
}

static enum scope public_scope(const struct natbox *nb, uint8_t family)
{
	return nb->config.overload ? scope_of(nb, family) : SCOPE_ALL;
}

static struct natbox_entry *find_inside(const struct natbox *nb, enum natbox_proto proto,
					const struct addr *inside, const struct addr *remote)
{
	struct natbox_key k =
		key_of(KEY_INSIDE, proto, inside, remote, scope_of(nb, inside->family));

	return table_find(&nb->entries, &k);
}

static struct natbox_entry *find_public(const struct natbox *nb, enum natbox_proto proto,
					const struct addr *public, const struct addr *remote)
{
	struct natbox_key k =
		key_of(KEY_PUBLIC, proto, public, remote, public_scope(nb, public->family));

	return table_find(&nb->entries, &k);
}

static struct natbox_entry *find_poison(const struct natbox *nb, const struct addr *public,
					const struct addr *remote)
{
	struct natbox_key k = key_of(KEY_POISON, NATBOX_UDP, public, remote, SCOPE_IP_PORT);

	return table_find(&nb->entries, &k);
}

static bool is_own(const struct natbox *nb, const struct addr *a)
{
	if (!is_translated(nb, a->family))
		return false;
	for (size_t i = 0; i < nb->config.pool_count; i++)
		if (addr_same_ip(&nb->config.pool[i], a))
			return true;
	return false;
}

static usec lifetime_of(const struct natbox *nb, enum ageing age)
{
	switch (age) {
	case AGE_UNCONFIRMED:
		return nb->config.unconfirmed;
	case AGE_CONFIRMED:
		return nb->config.confirmed;
	case AGE_ECHO:
		return NATBOX_UNCONFIRMED;
	case AGE_TCP:
		return NATBOX_TCP_LIFETIME;
	case AGE_KINDS:
		break;
	}
	abort();
}

static enum ageing first_age(enum natbox_proto proto)
{
	return proto == NATBOX_UDP ? AGE_UNCONFIRMED : proto == NATBOX_TCP ? AGE_TCP : AGE_ECHO;
}

static size_t entries_left(const struct natbox *nb)
{
	return nb->config.capacity - nb->entry_count;
}

/* There must be one left. */
static struct natbox_entry *add(struct natbox *nb, const struct natbox_key *key, usec now)
{
	struct natbox_entry *e;

	assert(entries_left(nb) > 0);
	if (list_empty(&nb->entries_free)) {
		e = &nb->entry_slab[nb->entries_touched++];
	} else {
		e = list_entry(nb->entries_free.next, struct natbox_entry, ageing);
		list_remove(&e->ageing);
	}
	*e = (struct natbox_entry){.key = *key,
				   .made_at = now,
				   .refreshed_at = now,
				   .age = first_age((enum natbox_proto)key->proto)};
	list_init(&e->siblings);
	list_add_tail(&nb->ageing[e->age], &e->ageing);
	nb->entry_count++;
	if (!table_add(&nb->entries, &e->key, e))
		abort();
	return e;
}

static void host_release(struct natbox *nb, struct natbox_host *h)
{
	if (h->mappings > 0)
		return;
	table_remove(&nb->hosts, h->ip);
	list_add_tail(&nb->hosts_free, &h->free);
}

/* --- mappings of one inside address, the newest of which is found ------------------------------------------------------ */

static struct natbox_entry *find_source(const struct natbox *nb, enum natbox_proto proto,
					const struct addr *inside)
{
	struct natbox_key k = key_of(KEY_SOURCE, proto, inside, inside, SCOPE_ALL);

	return table_find(&nb->entries, &k);
}

static void become_newest(struct natbox *nb, struct natbox_entry *m)
{
	m->source_key = key_of(KEY_SOURCE, (enum natbox_proto)m->key.proto, &m->inside, &m->inside,
			       SCOPE_ALL);
	if (!table_add(&nb->entries, &m->source_key, m))
		abort();
}

static bool is_newest(const struct natbox_entry *m)
{
	return m->source_key.kind == KEY_SOURCE;
}

static void stay_behind(struct natbox *nb, struct natbox_entry *m)
{
	table_remove(&nb->entries, &m->source_key);
	m->source_key = (struct natbox_key){0};
}

static void join_siblings(struct natbox *nb, struct natbox_entry *m)
{
	struct natbox_entry *older = find_source(nb, (enum natbox_proto)m->key.proto, &m->inside);

	if (older != NULL) {
		list_add_tail(&older->siblings, &m->siblings);
		stay_behind(nb, older);
	}
	become_newest(nb, m);
}

static void leave_siblings(struct natbox *nb, struct natbox_entry *m)
{
	struct natbox_entry *older = list_entry(m->siblings.next, struct natbox_entry, siblings);

	list_remove(&m->siblings);
	if (!is_newest(m))
		return;
	stay_behind(nb, m);
	if (older != m)
		become_newest(nb, older);
}

/* --- the life of an entry -------------------------------------------------------------------------------------------- */

static void discard(struct natbox *nb, struct natbox_entry *e)
{
	table_remove(&nb->entries, &e->key);
	if (e->key.kind == KEY_INSIDE) {
		table_remove(&nb->entries, &e->public_key);
		leave_siblings(nb, e);
	}
	if (e->host != NULL) {
		e->host->mappings--;
		host_release(nb, e->host);
	}
	list_remove(&e->ageing);
	list_add_tail(&nb->entries_free, &e->ageing);
	nb->entry_count--;
}

static void refresh(struct natbox *nb, struct natbox_entry *e, usec now)
{
	if (e->age == AGE_UNCONFIRMED && e->replied && now - e->made_at > nb->config.confirm_age)
		e->age = AGE_CONFIRMED;
	e->refreshed_at = now;
	list_remove(&e->ageing);
	list_add_tail(&nb->ageing[e->age], &e->ageing);
}

/* The first packet from outside confirms nothing yet: conntrack notes it after it has set the time. */
static void refresh_from_outside(struct natbox *nb, struct natbox_entry *e, usec now)
{
	if (!nb->config.refresh_outbound_only)
		refresh(nb, e, now);
	e->replied = true;
}

static void expire(struct natbox *nb, usec now)
{
	for (enum ageing age = 0; age < AGE_KINDS; age++) {
		struct list *l = &nb->ageing[age];

		while (!list_empty(l)) {
			struct natbox_entry *e = list_entry(l->next, struct natbox_entry, ageing);

			if (!usec_due(e->refreshed_at + lifetime_of(nb, age), now))
				break;
			discard(nb, e);
			nb->stats.expired++;
		}
	}
}

/* --- public addresses and ports -------------------------------------------------------------------------------------- */

static struct natbox_host *host_of(struct natbox *nb, const struct addr *inside)
{
	struct natbox_host *h = table_find(&nb->hosts, inside->ip);

	if (h != NULL || list_empty(&nb->hosts_free))
		return h;

	h = list_entry(nb->hosts_free.next, struct natbox_host, free);
	list_remove(&h->free);
	*h = (struct natbox_host){.pool = nb->next_pool};
	memcpy(h->ip, inside->ip, sizeof h->ip);
	nb->next_pool = (nb->next_pool + 1) % nb->config.pool_count;
	if (!table_add(&nb->hosts, h->ip, h))
		abort();
	return h;
}

static bool block_is_free(const struct natbox *nb, size_t pool, uint32_t low, uint32_t len)
{
	for (size_t i = 0; i < nb->hosts.capacity; i++) {
		const struct natbox_host *h = &nb->host_slab[i];

		if (h->mappings > 0 && h->block_len > 0 && h->pool == pool &&
		    low < (uint32_t)h->block_low + h->block_len && h->block_low < low + len)
			return false;
	}
	return true;
}

static bool give_block(struct natbox *nb, struct natbox_host *h)
{
	const struct natbox_config *c = &nb->config;
	uint32_t count = (uint32_t)(c->port_high - c->port_low + 1) / c->block_len;
	uint32_t first = rand_below(&nb->rand, count);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t low = c->port_low + (first + i) % count * c->block_len;

		if (block_is_free(nb, h->pool, low, c->block_len)) {
			h->block_low = (uint16_t)low;
			h->block_len = c->block_len;
			return true;
		}
	}
	return false;
}

static bool is_taken(const struct natbox *nb, enum natbox_proto proto, const struct addr *public,
		     const struct addr *remote)
{
	return find_public(nb, proto, public, remote) != NULL ||
	       (proto == NATBOX_UDP && find_poison(nb, public, remote) != NULL);
}

/* The first free port behind `after`, by steps, round and round in low .. low + len - 1, where `after` is. Tries all. */
static bool walk(const struct natbox *nb, const struct natbox_flow *flow, struct addr *public,
		 uint32_t low, uint32_t len, uint32_t after, int step)
{
	uint32_t stride = step < 0 ? len - (uint32_t)-step % len : (uint32_t)step % len;
	uint32_t round = after - low, offset = round;

	for (uint32_t i = 0; i < len; i++) {
		offset = (offset + stride) % len;
		public->port = (uint16_t)(low + offset);
		if (!is_taken(nb, flow->proto, public, &flow->dst))
			return true;
		if (offset == round) /* a step that divides the range misses the ports between */
			offset = round = (round + 1) % len;
	}
	return false;
}

static bool give_port(struct natbox *nb, const struct natbox_flow *flow, struct natbox_host *h,
		      size_t pool, struct addr *public)
{
	const struct natbox_config *c = &nb->config;
	uint32_t low = c->port_low, len = (uint32_t)(c->port_high - c->port_low + 1);
	uint16_t *last = &nb->last_port[flow->proto][pool];

	switch (c->ports) {
	case NATBOX_PRESERVE:
		public
		->port = flow->src.port;
		if (public->port >= low && public->port < low + len &&
		    !is_taken(nb, flow->proto, public, &flow->dst))
			return true;
		break;
	case NATBOX_SEQUENTIAL:
		if (*last < c->port_low || *last > c->port_high)
			*last = c->port_low; /* the range has changed */
		if (!walk(nb, flow, public, low, len, *last, c->step))
			return false;
		*last = public->port;
		return true;
	case NATBOX_BLOCK:
		if (h->block_len == 0 && !give_block(nb, h))
			return false;
		low = h->block_low;
		len = h->block_len;
		break;
	case NATBOX_RANDOM:
		break;
	}
	return walk(nb, flow, public, low, len, low + rand_below(&nb->rand, len), 1);
}

/* Linux gives a flow the public address of its socket's newest one first (find_appropriate_src in nf_nat_core.c), so that a
 * socket that was moved once stays together. Not with random ports. */
static bool follow_newest(const struct natbox *nb, const struct natbox_flow *flow,
			  struct addr *public)
{
	const struct natbox_entry *newest = find_source(nb, flow->proto, &flow->src);

	if (newest == NULL || nb->config.ports != NATBOX_PRESERVE)
		return false;
	*public = newest->public;
	return !is_taken(nb, flow->proto, public, &flow->dst);
}

static bool translate(struct natbox *nb, const struct natbox_flow *flow, struct natbox_host *h,
		      struct addr *public)
{
	const struct natbox_config *c = &nb->config;
	/* A block is a part of one address. */
	bool paired = c->paired || c->ports == NATBOX_BLOCK || c->pool_count == 1;
	size_t pool = paired ? h->pool : rand_below(&nb->rand, (uint32_t)c->pool_count);

	if (follow_newest(nb, flow, public))
		return true;
	*public = c->pool[pool];
	return give_port(nb, flow, h, pool, public);
}

/* --- mappings and who may use them ----------------------------------------------------------------------------------- */

/* A filter finer than the mapping needs entries of its own; else the mapping's destination says it all. */
static bool needs_permits(const struct natbox *nb, uint8_t family, enum scope of_mapping)
{
	return filter_scope(filtering_of(nb, family)) > of_mapping;
}

static struct natbox_key permit_key(const struct natbox *nb, enum natbox_proto proto,
				    const struct addr *public, const struct addr *remote)
{
	return key_of(KEY_PERMIT, proto, public, remote,
		      filter_scope(filtering_of(nb, public->family)));
}

/* The entry by which this mapping takes packets from there: itself, a permit, or NULL. */
static struct natbox_entry *admission(const struct natbox *nb, struct natbox_entry *m,
				      const struct addr *remote)
{
	enum scope scope = filter_scope(filtering_of(nb, remote->family));
	struct natbox_key k;

	if (needs_permits(nb, remote->family, m->scope)) {
		k = permit_key(nb, (enum natbox_proto)m->key.proto, &m->public, remote);
		return table_find(&nb->entries, &k);
	}
	if (scope >= SCOPE_IP && !addr_same_ip(&m->remote, remote))
		return NULL;
	if (scope == SCOPE_IP_PORT && m->remote.port != remote->port)
		return NULL;
	return m;
}

/* Does this mapping take a packet from there? If so it lives longer. */
static bool admit(struct natbox *nb, struct natbox_entry *m, const struct addr *remote, usec now)
{
	struct natbox_entry *by = admission(nb, m, remote);

	if (by == NULL)
		return false;
	refresh_from_outside(nb, m, now);
	if (by != m)
		refresh_from_outside(nb, by, now);
	return true;
}

/* A mapping for this flow from inside: NATBOX_FORWARD, or why there is none. */
static enum natbox_verdict map(struct natbox *nb, const struct natbox_flow *flow, usec now,
			       struct natbox_entry **made)
{
	enum scope scope = scope_of(nb, flow->src.family);
	struct addr public = flow->src;
	struct natbox_host *h = NULL;

	if (entries_left(nb) < (needs_permits(nb, flow->src.family, scope) ? 2 : 1))
		return NATBOX_DROP_FULL;
	if (is_translated(nb, flow->src.family)) {
		h = host_of(nb, &flow->src);
		if (h == NULL)
			return NATBOX_DROP_FULL;
		if (!translate(nb, flow, h, &public)) {
			host_release(nb, h);
			return NATBOX_DROP_PORTS;
		}
		h->mappings++;
		nb->stats.moved +=
			nb->config.ports == NATBOX_PRESERVE && public.port != flow->src.port;
	}

	struct natbox_key key = key_of(KEY_INSIDE, flow->proto, &flow->src, &flow->dst, scope);
	struct natbox_entry *m = add(nb, &key, now);
	m->inside = flow->src;
	m->public = public;
	m->remote = flow->dst;
	m->scope = (uint8_t)scope;
	m->host = h;
	m->public_key = key_of(KEY_PUBLIC, flow->proto, &public, &flow->dst,
			       public_scope(nb, public.family));
	if (!table_add(&nb->entries, &m->public_key, m))
		abort();
	/* A port that serves one mapping only is taken by the newest itself. */
	if (nb->config.overload && h != NULL)
		join_siblings(nb, m);
	nb->stats.mappings++;
	*made = m;
	return NATBOX_FORWARD;
}

/* --- packets --------------------------------------------------------------------------------------------------------- */

static enum natbox_verdict forward(struct natbox_flow *flow)
{
	flow->ttl--;
	return NATBOX_FORWARD;
}

static bool is_flow(const struct natbox_flow *flow)
{
	const struct addr *src = &flow->src, *dst = &flow->dst;

	if (src->family == ADDR_NONE || src->family != dst->family || src->scope != 0 ||
	    dst->scope != 0)
		return false;
	return flow->proto == NATBOX_ECHO || (src->port != 0 && dst->port != 0);
}

/* What needs no look at mappings; NATBOX_VERDICTS when there is more to decide. */
static enum natbox_verdict judge(const struct natbox *nb, struct natbox_flow *flow)
{
	if (!is_flow(flow))
		return NATBOX_DROP_BAD;
	if (flow->proto == NATBOX_UDP && nb->config.udp_blocked)
		return NATBOX_DROP_BLOCKED;
	if (filtering_of(nb, flow->src.family) != NATBOX_OPEN)
		return NATBOX_VERDICTS;
	return flow->ttl <= 1 ? NATBOX_EXPIRED : forward(flow);
}

/* The flow goes from one inside host by its mapping `m` to the public address of another. */
static enum natbox_verdict turn_back(struct natbox *nb, struct natbox_flow *flow,
				     const struct natbox_entry *m, usec now)
{
	struct addr seen = m->public;
	struct natbox_entry *target = find_public(nb, flow->proto, &flow->dst, &seen);

	if (target == NULL)
		return NATBOX_DROP_NO_MAPPING;
	if (!admit(nb, target, &seen, now))
		return NATBOX_DROP_FILTERED;
	if (nb->config.hairpin == NATBOX_HAIRPIN_EXTERNAL)
		flow->src = seen;
	flow->dst = target->inside;
	flow->ttl--;
	return NATBOX_HAIRPIN;
}

static enum natbox_verdict decide_out(struct natbox *nb, struct natbox_flow *flow, usec now)
{
	struct natbox_entry *m, *permit = NULL;
	struct natbox_key k;
	bool turns_back = is_own(nb, &flow->dst);

	if (turns_back && nb->config.hairpin == NATBOX_HAIRPIN_NONE)
		return NATBOX_DROP_HAIRPIN;

	/* Conntrack sees a packet, and what is known of it lives on, before its hops are counted; what is new is kept only when it
	 * leaves. */
	m = find_inside(nb, flow->proto, &flow->src, &flow->dst);
	if (m != NULL)
		refresh(nb, m, now);
	if (m != NULL && needs_permits(nb, flow->src.family, m->scope)) {
		k = permit_key(nb, flow->proto, &m->public, &flow->dst);
		permit = table_find(&nb->entries, &k);
		if (permit != NULL)
			refresh(nb, permit, now);
	}
	if (flow->ttl <= 1)
		return NATBOX_EXPIRED;

	if (m == NULL) {
		enum natbox_verdict v = map(nb, flow, now, &m);
		if (v != NATBOX_FORWARD)
			return v;
	}
	if (permit == NULL && needs_permits(nb, flow->src.family, m->scope)) {
		if (entries_left(nb) == 0)
			return NATBOX_DROP_FULL;
		k = permit_key(nb, flow->proto, &m->public, &flow->dst);
		add(nb, &k, now);
	}

	if (turns_back)
		return turn_back(nb, flow, m, now);
	flow->src = m->public;
	return forward(flow);
}

/* To a public address that no mapping takes: to the router itself. */
static enum natbox_verdict receive(struct natbox *nb, const struct natbox_flow *flow, usec now)
{
	struct natbox_key k;
	struct natbox_entry *poison;

	if (!is_own(nb, &flow->dst) || nb->config.input == NATBOX_INPUT_DROP)
		return NATBOX_DROP_NO_MAPPING;
	if (nb->config.input == NATBOX_INPUT_REJECT || flow->proto != NATBOX_UDP)
		return NATBOX_LOCAL;

	poison = find_poison(nb, &flow->dst, &flow->src);
	if (poison != NULL) {
		refresh(nb, poison, now);
		return NATBOX_LOCAL;
	}
	if (entries_left(nb) == 0)
		return NATBOX_DROP_FULL;
	k = key_of(KEY_POISON, flow->proto, &flow->dst, &flow->src, SCOPE_IP_PORT);
	add(nb, &k, now);
	nb->stats.poisoned++;
	return NATBOX_LOCAL;
}

static enum natbox_verdict decide_in(struct natbox *nb, struct natbox_flow *flow, usec now)
{
	struct natbox_entry *m = find_public(nb, flow->proto, &flow->dst, &flow->src);

	if (m == NULL)
		return receive(nb, flow, now);
	if (!admit(nb, m, &flow->src, now))
		return NATBOX_DROP_FILTERED;
	if (flow->ttl <= 1)
		return NATBOX_EXPIRED;
	flow->dst = m->inside;
	return forward(flow);
}

/* An inside host complains of a packet that came to it. */
static enum natbox_verdict error_out(struct natbox *nb, struct natbox_flow *flow)
{
	const struct natbox_entry *m = find_inside(nb, flow->proto, &flow->dst, &flow->src), *to;
	bool turns_back = is_own(nb, &flow->src);

	if (turns_back && nb->config.hairpin == NATBOX_HAIRPIN_NONE)
		return NATBOX_DROP_HAIRPIN;
	if (m == NULL)
		return NATBOX_DROP_NO_MAPPING;
	if (flow->ttl <= 1)
		return NATBOX_EXPIRED;
	if (!turns_back) {
		flow->dst = m->public;
		return forward(flow);
	}

	to = find_public(nb, flow->proto, &flow->src, &m->public);
	if (to == NULL)
		return NATBOX_DROP_NO_MAPPING;
	flow->src = to->inside;
	flow->dst = m->public;
	flow->ttl--;
	return NATBOX_HAIRPIN;
}

/* Somebody outside complains of a packet that an inside host sent. Who may complain is who may answer. */
static enum natbox_verdict error_in(struct natbox *nb, struct natbox_flow *flow)
{
	struct natbox_entry *m = find_public(nb, flow->proto, &flow->src, &flow->dst);

	if (m == NULL)
		return NATBOX_DROP_NO_MAPPING;
	if (admission(nb, m, &flow->dst) == NULL)
		return NATBOX_DROP_FILTERED;
	if (flow->ttl <= 1)
		return NATBOX_EXPIRED;
	flow->src = m->inside;
	return forward(flow);
}

enum natbox_verdict natbox_out(struct natbox *nb, struct natbox_flow *flow, usec now)
{
	enum natbox_verdict v = judge(nb, flow);

	expire(nb, now);
	if (v == NATBOX_VERDICTS)
		v = flow->error ? error_out(nb, flow) : decide_out(nb, flow, now);
	nb->stats.out[v]++;
	return v;
}

enum natbox_verdict natbox_in(struct natbox *nb, struct natbox_flow *flow, usec now)
{
	enum natbox_verdict v = judge(nb, flow);

	expire(nb, now);
	if (v == NATBOX_VERDICTS)
		v = flow->error ? error_in(nb, flow) : decide_in(nb, flow, now);
	nb->stats.in[v]++;
	return v;
}

/* --- life and control ------------------------------------------------------------------------------------------------ */

int natbox_init(struct natbox *nb, const struct natbox_config *config, uint64_t seed)
{
	struct natbox_config c = with_defaults(config);
	uint8_t hash_key[16];

	*nb = (struct natbox){.config = c, .rand = rand_seeded(seed)};
	if (!is_right(&c))
		return -EINVAL;

	rand_bytes(&nb->rand, hash_key, sizeof hash_key);
	nb->entry_slab = calloc(c.capacity, sizeof nb->entry_slab[0]);
	nb->host_slab = calloc(NATBOX_HOSTS_MAX, sizeof nb->host_slab[0]);
	/* A mapping has up to three keys. */
	if (nb->entry_slab == NULL || nb->host_slab == NULL ||
	    table_init(&nb->entries, sizeof(struct natbox_key), 3 * c.capacity, hash_key) != 0 ||
	    table_init(&nb->hosts, sizeof((struct natbox_host *)NULL)->ip, NATBOX_HOSTS_MAX,
		       hash_key) != 0) {
		natbox_free(nb);
		return -ENOMEM;
	}

	list_init(&nb->entries_free);
	list_init(&nb->hosts_free);
	for (size_t i = 0; i < NATBOX_HOSTS_MAX; i++)
		list_add_tail(&nb->hosts_free, &nb->host_slab[i].free);
	for (enum ageing age = 0; age < AGE_KINDS; age++)
		list_init(&nb->ageing[age]);
	natbox_flush(nb);
	return 0;
}

void natbox_free(struct natbox *nb)
{
	table_free(&nb->entries);
	table_free(&nb->hosts);
	free(nb->entry_slab);
	free(nb->host_slab);
	*nb = (struct natbox){0};
}

void natbox_flush(struct natbox *nb)
{
	const struct natbox_config *c = &nb->config;

	for (enum ageing age = 0; age < AGE_KINDS; age++)
		while (!list_empty(&nb->ageing[age]))
			discard(nb, list_entry(nb->ageing[age].next, struct natbox_entry, ageing));

	nb->next_pool = 0;
	for (enum natbox_proto proto = 0; proto < NATBOX_PROTOS; proto++)
		for (size_t i = 0; i < NATBOX_POOL_MAX; i++)
			nb->last_port[proto][i] =
				(uint16_t)(c->port_low +
					   rand_below(&nb->rand,
						      (uint32_t)(c->port_high - c->port_low + 1)));
}

static bool same_pool(const struct natbox_config *a, const struct natbox_config *b)
{
	if (a->pool_count != b->pool_count)
		return false;
	for (size_t i = 0; i < a->pool_count; i++)
		if (!addr_same_ip(&a->pool[i], &b->pool[i]))
			return false;
	return true;
}

int natbox_change(struct natbox *nb, const struct natbox_config *config)
{
	struct natbox_config c = with_defaults(config), old = nb->config;

	if (!is_right(&c))
		return -EINVAL;
	c.capacity = old.capacity;
	nb->config = c;
	/* Mappings are found from outside by the kind of now. */
	if (!same_pool(&c, &old) || c.overload != old.overload ||
	    (c.overload && c.mapping != old.mapping) ||
	    (c.mapping == NATBOX_NO_NAT) != (old.mapping == NATBOX_NO_NAT))
		natbox_flush(nb);
	return 0;
}

int natbox_rebind(struct natbox *nb, const struct addr *public)
{
	struct natbox_config c = nb->config;

	memset(c.pool, 0, sizeof c.pool);
	c.pool[0] = *public;
	c.pool[0].port = 0;
	c.pool_count = 1;
	if (!is_right(&c))
		return -EINVAL;
	nb->config = c;
	natbox_flush(nb);
	return 0;
}

size_t natbox_count(struct natbox *nb, usec now)
{
	expire(nb, now);
	return nb->entry_count;
}

/* --- words ----------------------------------------------------------------------------------------------------------- */

const char *natbox_mapping_name(enum natbox_mapping mapping)
{
	static const char *const names[] = {"eim", "adm", "apdm", "no-nat"};

	return names[mapping];
}

const char *natbox_filtering_name(enum natbox_filtering filtering)
{
	static const char *const names[] = {"eif", "adf", "apdf", "open"};

	return names[filtering];
}

const char *natbox_ports_name(enum natbox_port_rule ports)
{
	static const char *const names[] = {"preserve", "sequential", "block", "random"};

	return names[ports];
}

const char *natbox_verdict_name(enum natbox_verdict verdict)
{
	static const char *const names[NATBOX_VERDICTS] = {
		[NATBOX_FORWARD] = "forward",        [NATBOX_HAIRPIN] = "hairpin",
		[NATBOX_EXPIRED] = "expired",        [NATBOX_LOCAL] = "local",
		[NATBOX_DROP_BLOCKED] = "blocked",   [NATBOX_DROP_NO_MAPPING] = "no-mapping",
		[NATBOX_DROP_FILTERED] = "filtered", [NATBOX_DROP_HAIRPIN] = "no-hairpin",
		[NATBOX_DROP_PORTS] = "no-ports",    [NATBOX_DROP_FULL] = "full",
		[NATBOX_DROP_BAD] = "bad",
	};

	return names[verdict];
}
