/* Which rule gives these ports (nat.md section 1).
 *
 * A rule is said when chance would hardly give what was seen: "preserve" when a public port is our own (1 of 64512), "sequential"
 * when the ports, in the order they were asked for, go one way in multiples of one step without large gaps (nothing, when they lie so but go to
 * and fro), "block" when they lie closer together than ports of the whole range do, and "random" when nothing of that is so. */
#include "nat/ports.h"

#include <stdlib.h>

/* Other hosts behind the same NAT take ports in between: of each mapping of ours this many may be made. */
#define STEPS_PER_SAMPLE 3

struct sample {
	uint16_t port;
	unsigned turn;
};

/* Different mappings with one public IP. */
struct samples {
	struct sample items[EVIDENCE_MAX];
	unsigned count;
};

static bool has_port(const struct samples *s, uint16_t port)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->items[i].port == port)
			return true;
	return false;
}

/* The mappings behind the public IP of sighting `first`. Two sightings of one public address are one mapping. The port
 * that was preserved for the first mapping of the WireGuard door is not part of any series. */
static void gather(struct samples *out, const struct evidence *e, const struct addr *ip,
		   uint16_t local)
{
	*out = (struct samples){0};
	for (unsigned i = 0; i < e->count; i++) {
		const struct sighting *s = &e->items[i];
		if (!addr_same_ip(&s->seen, ip) || has_port(out, s->seen.port) ||
		    (s->socket == 0 && s->seen.port == local))
			continue;
		out->items[out->count++] = (struct sample){.port = s->seen.port, .turn = s->turn};
	}
}

/* The samples of the public IP that has most of them. */
static void gather_most(struct samples *out, const struct evidence *e, uint16_t local)
{
	struct samples other;

	*out = (struct samples){0};
	for (unsigned i = 0; i < e->count; i++) {
		gather(&other, e, &e->items[i].seen, local);
		if (other.count > out->count)
			*out = other;
	}
}

static int by_port(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;

	return (int)a->port - (int)b->port;
}

static unsigned gcd(unsigned a, unsigned b)
{
	while (b != 0) {
		unsigned rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Where, in ports that ascend, a series that ran over the end of the range begins: behind the gap wider than half of all
 * ports. 0: there is none. */
static unsigned wrapped_at(const struct samples *s)
{
	for (unsigned i = 1; i < s->count; i++)
		if (s->items[i].port - s->items[i - 1].port > UINT16_MAX / 2)
			return i;
	return 0;
}

/* The longest run of samples, in ascending ports from `start` on and round, whose order of asking goes one way. */
static unsigned longest_in_order(const struct samples *s, unsigned start, bool up)
{
	unsigned length[EVIDENCE_MAX], longest = 0;

	for (unsigned i = 0; i < s->count; i++) {
		unsigned a = s->items[(start + i) % s->count].turn;
		length[i] = 1;
		for (unsigned k = 0; k < i; k++) {
			unsigned b = s->items[(start + k) % s->count].turn;
			if ((up ? b < a : b > a) && length[k] + 1 > length[i])
				length[i] = length[k] + 1;
		}
		if (length[i] > longest)
			longest = length[i];
	}
	return longest;
}

/* Samples by port. Sets the rule to sequential when they are a series; a lost question is asked again later, and its mapping comes
 * out of order: one in six may. True when they lie as close as a series does: closer than chance puts those of a block. */
static bool judge_series(struct ports *p, const struct samples *s)
{
	unsigned start = wrapped_at(s), step = 0, span = 0, enough = s->count - s->count / 6;

	for (unsigned i = 1; i < s->count; i++) {
		unsigned gap = (unsigned)(s->items[i].port - s->items[i - 1].port);
		if (i == start)
			continue;
		step = gcd(step, gap);
		span += gap;
	}
	if (step == 0 || step > PORTS_STEP_MAX || span / step > s->count * STEPS_PER_SAMPLE)
		return false;
	if (longest_in_order(s, start, true) >= enough)
		p->step = (int)step;
	else if (longest_in_order(s, start, false) >= enough)
		p->step = -(int)step;
	if (p->step != 0)
		p->rule = NAT_PORTS_SEQUENTIAL;
	return true;
}

/* True when the WireGuard door's port is kept: by its one mapping, or by several, for different IPs (a NAT that keeps it
 * for the first only is none of that kind). */
static bool is_preserved(const struct evidence *e, enum nat_mapping mapping, uint16_t local)
{
	const struct sighting *first = NULL;

	for (unsigned i = 0; i < e->count; i++) {
		const struct sighting *s = &e->items[i];
		if (s->socket != 0 || s->seen.port != local)
			continue;
		if (mapping == NAT_MAPPING_ENDPOINT_INDEPENDENT || mapping == NAT_MAPPING_NONE)
			return true;
		if (first != NULL && !addr_same_ip(&first->place, &s->place))
			return true;
		if (first == NULL)
			first = s;
	}
	return false;
}

static bool knows_door(const struct evidence *e)
{
	for (unsigned i = 0; i < e->count; i++)
		if (e->items[i].socket == 0)
			return true;
	return false;
}

struct ports ports_judge(const struct evidence *e, enum nat_mapping mapping, uint16_t local)
{
	struct ports p = {0};
	struct samples s;

	if (local == 0 || !knows_door(e))
		return p;
	if (is_preserved(e, mapping, local)) {
		p.rule = NAT_PORTS_PRESERVE;
		p.samples = 1;
		return p;
	}

	gather_most(&s, e, local);
	p.samples = s.count;
	if (s.count < PORTS_SAMPLES)
		return p;
	qsort(s.items, s.count, sizeof s.items[0], by_port);

	if (judge_series(&p, &s))
		return p;

	unsigned span = (unsigned)(s.items[s.count - 1].port - s.items[0].port) + 1;
	if (span <= PORTS_BLOCK_MAX) {
		p.rule = NAT_PORTS_BLOCK;
		p.base = s.items[0].port;
		p.span = (uint16_t)span;
	} else {
		p.rule = NAT_PORTS_RANDOM;
	}
	return p;
}
