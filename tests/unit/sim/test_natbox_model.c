/* The NAT model held against a slow one: lists that are searched from end to end, each entry with the instant of its end. What
 * natbox chooses (a port, one of several public addresses) the slow model judges; all else it knows by itself. Random packets
 * of few hosts and ports, so that they meet, with so few ports and entries that both run out. */
#include "sim/natbox.h"

#include "support/test.h"

#define STEPS     2000
#define SEEDS     100
#define ITEMS_MAX 64
#define LOW       1024
#define PORTS     6

enum kind { MAPPING, PERMIT, POISON };

struct item {
	enum kind kind;
	enum natbox_proto proto;
	struct addr inside, public, remote;
	usec made_at, end;
	bool replied, stream;
};

static struct {
	struct natbox nb;
	struct natbox_config config;
	struct item items[ITEMS_MAX];
	size_t count;
	struct rand rand;
	usec now;
	uint64_t in[NATBOX_VERDICTS], out[NATBOX_VERDICTS];
} w;

static uint32_t below(uint32_t bound)
{
	return rand_below(&w.rand, bound);
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* --- the slow model -------------------------------------------------------------------------------------------------- */

/* 0: all, 1: IP, 2: IP and port. The enums of mapping and filtering are in this order. */
static bool agree(const struct addr *a, const struct addr *b, unsigned much)
{
	return much == 0 || (addr_same_ip(a, b) && (much == 1 || a->port == b->port));
}

static bool translated(const struct natbox_flow *f)
{
	return f->src.family == ADDR_V4 && w.config.mapping != NATBOX_NO_NAT;
}

static unsigned mapping_of(const struct natbox_flow *f)
{
	return translated(f) ? w.config.mapping : NATBOX_EIM;
}

static unsigned filter_of(const struct natbox_flow *f)
{
	return f->src.family == ADDR_V4 ? w.config.filtering : w.config.filtering6;
}

static void forget_old(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < w.count; i++)
		if (w.items[i].end > w.now)
			w.items[kept++] = w.items[i];
	w.count = kept;
}

static usec life(const struct item *it)
{
	return it->stream ? SEC(120) : SEC(30);
}

static void packet_of(struct item *it, bool from_outside)
{
	bool counts = !from_outside || !w.config.refresh_outbound_only;

	if (counts && it->proto == NATBOX_UDP && it->replied && w.now > it->made_at + SEC(2))
		it->stream = true;
	if (counts)
		it->end = w.now + life(it);
	if (from_outside)
		it->replied = true;
}

static struct item *new_item(enum kind kind, enum natbox_proto proto)
{
	struct item *it = &w.items[w.count++];

	assert_true(w.count <= w.config.capacity);
	*it = (struct item){.kind = kind, .proto = proto, .made_at = w.now};
	it->end = w.now + life(it);
	return it;
}

static struct item *by_inside(const struct natbox_flow *f, const struct addr *inside,
			      const struct addr *remote)
{
	for (size_t i = 0; i < w.count; i++)
		if (w.items[i].kind == MAPPING && w.items[i].proto == f->proto &&
		    addr_equal(&w.items[i].inside, inside) &&
		    agree(&w.items[i].remote, remote, mapping_of(f)))
			return &w.items[i];
	return NULL;
}

static struct item *by_public(const struct natbox_flow *f, const struct addr *public,
			      const struct addr *remote)
{
	for (size_t i = 0; i < w.count; i++)
		if (w.items[i].kind == MAPPING && w.items[i].proto == f->proto &&
		    addr_equal(&w.items[i].public, public) &&
		    agree(&w.items[i].remote, remote, w.config.overload ? mapping_of(f) : 0))
			return &w.items[i];
	return NULL;
}

/* A permit or poison. */
static struct item *beside(enum kind kind, const struct natbox_flow *f, const struct addr *public,
			   const struct addr *remote, unsigned much)
{
	for (size_t i = 0; i < w.count; i++)
		if (w.items[i].kind == kind && w.items[i].proto == f->proto &&
		    addr_equal(&w.items[i].public, public) &&
		    agree(&w.items[i].remote, remote, much))
			return &w.items[i];
	return NULL;
}

static bool is_free(const struct natbox_flow *f, struct addr public, uint16_t port)
{
	public.port = port;
	return by_public(f, &public, &f->dst) == NULL &&
	       beside(POISON, f, &public, &f->dst, 2) == NULL;
}

static bool is_public(const struct natbox_flow *f, const struct addr *a)
{
	for (size_t i = 0; translated(f) && i < w.config.pool_count; i++)
		if (addr_same_ip(a, &w.config.pool[i]))
			return true;
	return false;
}

/* The ports of one public address are all in use towards this destination. */
static bool is_exhausted(const struct natbox_flow *f)
{
	for (size_t i = 0; i < w.config.pool_count; i++) {
		unsigned free_ports = 0;

		for (uint16_t p = LOW; p < LOW + PORTS; p++)
			free_ports += is_free(f, w.config.pool[i], p);
		if (free_ports == 0)
			return true;
	}
	return false;
}

/* A public address that natbox has chosen for a new mapping of this flow: may it be so? */
static void judge_choice(const struct natbox_flow *f, const struct addr *public)
{
	assert_true(is_public(f, public));
	assert_in_range(public->port, LOW, LOW + PORTS - 1);
	assert_true(is_free(f, *public, public->port));

	const struct item *newest = NULL; /* they are in the order of their making */
	for (size_t i = 0; w.config.overload && i < w.count; i++)
		if (w.items[i].kind == MAPPING && w.items[i].proto == f->proto &&
		    addr_equal(&w.items[i].inside, &f->src))
			newest = &w.items[i];
	if (w.config.ports == NATBOX_PRESERVE && newest != NULL &&
	    is_free(f, newest->public, newest->public.port)) {
		assert_true(addr_equal(public, &newest->public));
		return;
	}
	if (w.config.ports == NATBOX_PRESERVE && f->src.port >= LOW && f->src.port < LOW + PORTS &&
	    is_free(f, *public, f->src.port))
		assert_int_equal(public->port, f->src.port);
	for (size_t i = 0; w.config.paired && i < w.count; i++)
		if (w.items[i].kind == MAPPING && addr_same_ip(&w.items[i].inside, &f->src))
			assert_true(addr_same_ip(&w.items[i].public, public));
}

/* Who admits the packet: the mapping, a permit, or nobody. */
static struct item *admits(const struct natbox_flow *f, struct item *m, const struct addr *remote)
{
	if (filter_of(f) > mapping_of(f))
		return beside(PERMIT, f, &m->public, remote, filter_of(f));
	return agree(&m->remote, remote, filter_of(f)) ? m : NULL;
}

static bool come_in(const struct natbox_flow *f, struct item *m, const struct addr *remote)
{
	struct item *by = admits(f, m, remote);

	if (by == NULL)
		return false;
	packet_of(m, true);
	if (by != m)
		packet_of(by, true);
	return true;
}

/* What must become of a packet from inside; `after` is what natbox made of it. */
static enum natbox_verdict expect_out(struct natbox_flow *f, const struct natbox_flow *after,
				      enum natbox_verdict got)
{
	bool back = is_public(f, &f->dst), permits = filter_of(f) > mapping_of(f);
	size_t entries_left = w.config.capacity - w.count;

	if (f->proto == NATBOX_UDP && w.config.udp_blocked)
		return NATBOX_DROP_BLOCKED;
	if (back && w.config.hairpin == NATBOX_HAIRPIN_NONE)
		return NATBOX_DROP_HAIRPIN;

	struct item *m = by_inside(f, &f->src, &f->dst), *permit = NULL;
	if (m != NULL) {
		packet_of(m, false);
		if (permits)
			permit = beside(PERMIT, f, &m->public, &f->dst, filter_of(f));
		if (permit != NULL)
			packet_of(permit, false);
	}
	if (f->ttl <= 1)
		return NATBOX_EXPIRED;
	if (m == NULL) {
		if (entries_left < 1u + permits)
			return NATBOX_DROP_FULL;
		if (translated(f) && got == NATBOX_DROP_PORTS) {
			assert_true(is_exhausted(f));
			return NATBOX_DROP_PORTS;
		}
		struct addr public = translated(f) ? after->src : f->src;
		if (translated(f))
			judge_choice(f, &public);
		m = new_item(MAPPING, f->proto);
		m->inside = f->src;
		m->public = public;
		m->remote = f->dst;
	} else if (permits && permit == NULL && entries_left == 0) {
		return NATBOX_DROP_FULL;
	}
	if (permits && permit == NULL) {
		permit = new_item(PERMIT, f->proto);
		permit->public = m->public;
		permit->remote = f->dst;
	}

	f->src = m->public;
	if (!back) {
		f->ttl--;
		return NATBOX_FORWARD;
	}
	struct item *target = by_public(f, &f->dst, &m->public);
	if (target == NULL)
		return NATBOX_DROP_NO_MAPPING;
	if (!come_in(f, target, &m->public))
		return NATBOX_DROP_FILTERED;
	f->dst = target->inside;
	f->ttl--;
	return NATBOX_HAIRPIN;
}

static enum natbox_verdict expect_in(struct natbox_flow *f)
{
	if (f->proto == NATBOX_UDP && w.config.udp_blocked)
		return NATBOX_DROP_BLOCKED;

	struct item *m = by_public(f, &f->dst, &f->src);
	if (m == NULL) {
		if (!is_public(f, &f->dst) || w.config.input == NATBOX_INPUT_DROP)
			return NATBOX_DROP_NO_MAPPING;
		if (w.config.input == NATBOX_INPUT_REJECT || f->proto != NATBOX_UDP)
			return NATBOX_LOCAL;

		struct item *poison = beside(POISON, f, &f->dst, &f->src, 2);
		if (poison == NULL && w.count == w.config.capacity)
			return NATBOX_DROP_FULL;
		if (poison == NULL)
			poison = new_item(POISON, f->proto);
		poison->public = f->dst;
		poison->remote = f->src;
		packet_of(poison, false);
		return NATBOX_LOCAL;
	}
	if (!come_in(f, m, &f->src))
		return NATBOX_DROP_FILTERED;
	if (f->ttl <= 1)
		return NATBOX_EXPIRED;
	f->dst = m->inside;
	f->ttl--;
	return NATBOX_FORWARD;
}

/* --- random packets -------------------------------------------------------------------------------------------------- */

static struct addr some_v4(uint8_t a, uint8_t b, uint8_t c, uint16_t port)
{
	return addr_v4((uint8_t[]){a, b, c, (uint8_t)(1 + below(3))}, port);
}

static struct addr some_v6(uint8_t net, uint16_t port)
{
	return addr_v6((uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, net, [15] = (uint8_t)(1 + below(3))},
		       port, 0);
}

static uint16_t some_port(void)
{
	return (uint16_t)(LOW - 1 + below(PORTS + 1));
}

static struct addr some_inside(bool ipv6)
{
	return ipv6 ? some_v6(1, some_port()) : some_v4(10, 66, 0, some_port());
}

static struct addr some_remote(bool ipv6)
{
	return ipv6 ? some_v6(2, some_port()) : some_v4(198, 51, 100, some_port());
}

/* Mostly one that is in use. */
static struct addr some_public(bool ipv6)
{
	struct addr a;

	for (unsigned tries = 0; w.count > 0 && tries < 4; tries++) {
		a = w.items[below((uint32_t)w.count)].public;
		if (ipv6 == (a.family == ADDR_V6))
			return a;
	}
	if (ipv6 || w.config.mapping == NATBOX_NO_NAT)
		return some_inside(ipv6);
	a = w.config.pool[below((uint32_t)w.config.pool_count)];
	a.port = some_port();
	return a;
}

static void start(uint64_t seed)
{
	struct natbox_config c = {0};

	natbox_free(&w.nb);
	memset(&w, 0, sizeof w);
	w.rand = rand_seeded(seed);
	c.mapping = below(4);
	c.filtering = below(3);
	c.filtering6 = below(3);
	c.overload = c.mapping != NATBOX_NO_NAT && c.mapping != NATBOX_EIM &&
		     (unsigned)c.filtering >= c.mapping && chance(50);
	c.ports = (enum natbox_port_rule[]){NATBOX_PRESERVE, NATBOX_SEQUENTIAL,
					    NATBOX_RANDOM}[below(3)];
	c.step = 1 + (int)below(5);
	c.port_low = LOW;
	c.port_high = LOW + PORTS - 1;
	c.hairpin = below(2);
	c.input = below(3);
	c.pool_count = 1 + below(2);
	for (uint8_t i = 0; i < c.pool_count; i++)
		c.pool[i] = addr_v4((uint8_t[]){192, 0, 2, (uint8_t)(1 + i)}, 0);
	c.paired = c.pool_count == 1 || chance(50);
	c.udp_blocked = chance(3);
	c.refresh_outbound_only = chance(50);
	c.capacity = 3 + below(ITEMS_MAX - 3);
	w.config = c;
	assert_int_equal(natbox_init(&w.nb, &c, seed), 0);
}

/* Which public address a new mapping was given is seen of a packet that passes: a hairpin may not. It is tried with old ones. */
static bool choice_shows(const struct natbox_flow *f)
{
	return !is_public(f, &f->dst) || by_inside(f, &f->src, &f->dst) != NULL ||
	       w.config.hairpin == NATBOX_HAIRPIN_NONE;
}

static void step(void)
{
	bool ipv6 = chance(20), outwards = chance(60);
	struct natbox_flow f = {.proto = chance(80) ? NATBOX_UDP : NATBOX_ECHO, .ttl = 2};
	enum natbox_verdict got, expected;

	w.now += chance(50) ? below(SEC(3)) : 0;
	w.now += chance(10) ? below(SEC(40)) : 0;
	if (chance(1) && chance(20)) {
		natbox_flush(&w.nb);
		w.count = 0;
	}
	forget_old();
	assert_int_equal(natbox_count(&w.nb, w.now), w.count);
	if (chance(5))
		f.ttl = 1;
	if (outwards) {
		f.src = some_inside(ipv6);
		f.dst = chance(25) ? some_public(ipv6) : some_remote(ipv6);
		if (!choice_shows(&f))
			return;
	} else {
		f.src = some_remote(ipv6);
		f.dst = some_public(ipv6);
	}

	struct natbox_flow after = f;
	if (outwards) {
		got = natbox_out(&w.nb, &after, w.now);
		expected = expect_out(&f, &after, got);
		w.out[got]++;
	} else {
		got = natbox_in(&w.nb, &after, w.now);
		expected = expect_in(&f);
		w.in[got]++;
	}
	assert_int_equal(got, expected);
	if (got == NATBOX_FORWARD || got == NATBOX_HAIRPIN) {
		assert_true(addr_equal(&f.src, &after.src));
		assert_true(addr_equal(&f.dst, &after.dst));
		assert_int_equal(f.ttl, after.ttl);
	}
	assert_memory_equal(w.in, w.nb.stats.in, sizeof w.in);
	assert_memory_equal(w.out, w.nb.stats.out, sizeof w.out);
}

TEST(does_what_a_slow_model_does_with_random_packets)
{
	uint64_t in[NATBOX_VERDICTS] = {0}, out[NATBOX_VERDICTS] = {0}, expired = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		start(seed);
		for (unsigned i = 0; i < STEPS; i++)
			step();
		for (enum natbox_verdict v = 0; v < NATBOX_VERDICTS; v++) {
			in[v] += w.in[v];
			out[v] += w.out[v];
		}
		expired += w.nb.stats.expired;
	}
	/* And nothing was left untried. */
	assert_true(expired > SEEDS);
	for (enum natbox_verdict v = 0; v < NATBOX_DROP_BAD; v++) {
		if (v != NATBOX_LOCAL)
			assert_true(out[v] > 10);
		if (v != NATBOX_HAIRPIN && v != NATBOX_DROP_HAIRPIN && v != NATBOX_DROP_PORTS)
			assert_true(in[v] > 10);
	}
	natbox_free(&w.nb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(does_what_a_slow_model_does_with_random_packets),
	};

	return RUN_TESTS(tests);
}
