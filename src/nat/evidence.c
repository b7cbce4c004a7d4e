/* Sightings compared: RFC 5780, 4.3, with more than one server's word where there is one (nat.md section 1). */
#include "nat/evidence.h"

const struct sighting *evidence_find(const struct evidence *e, unsigned socket,
				     const struct addr *place)
{
	for (unsigned i = 0; i < e->count; i++) {
		const struct sighting *s = &e->items[i];
		if (s->socket == socket && (place == NULL || addr_equal(&s->place, place)))
			return s;
	}
	return NULL;
}

void evidence_add(struct evidence *e, const struct sighting *sighting)
{
	const struct sighting *before = evidence_find(e, sighting->socket, &sighting->place);

	if (before != NULL)
		e->items[before - e->items] = *sighting;
	else if (e->count < EVIDENCE_MAX)
		e->items[e->count++] = *sighting;
}

unsigned evidence_public(const struct evidence *e, struct addr out[static NAT_PUBLIC_MAX])
{
	unsigned seen[NAT_PUBLIC_MAX] = {0}, count = 0;

	for (unsigned i = 0, k; i < e->count; i++) {
		const struct addr *at = &e->items[i].seen;
		if (e->items[i].socket != 0)
			continue;
		for (k = 0; k < count && !addr_equal(&out[k], at); k++)
			;
		if (k == NAT_PUBLIC_MAX)
			continue;
		count += k == count;
		seen[k]++;
		for (; k > 0 && seen[k] > seen[k - 1]; k--) {
			unsigned times = seen[k];
			seen[k] = seen[k - 1];
			seen[k - 1] = times;
			out[k] = out[k - 1];
		}
		out[k] = *at;
	}
	return count;
}

void evidence_drop(struct evidence *e, unsigned server)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < e->count; i++)
		if (e->items[i].server != server)
			e->items[kept++] = e->items[i];
	e->count = kept;
}

/* Two could be one socket after the other that the host gave the same port; three are not. */
bool evidence_is_lie(const struct evidence *e, unsigned server)
{
	for (unsigned i = 0; i < e->count; i++) {
		const struct sighting *a = &e->items[i];
		unsigned same = 0;
		for (unsigned k = 0; k < e->count && a->server == server; k++) {
			const struct sighting *b = &e->items[k];
			same += addr_equal(&a->place, &b->place) && addr_equal(&a->seen, &b->seen);
		}
		if (same >= 3)
			return true;
	}
	return false;
}

/* What others than this server agree on about a socket: NULL unless they do, and are two IPs. */
static const struct addr *agreed_by_others(const struct evidence *e, unsigned server,
					   unsigned socket)
{
	const struct sighting *first = NULL;
	bool two = false;

	for (unsigned i = 0; i < e->count; i++) {
		const struct sighting *s = &e->items[i];
		if (s->server == server || s->socket != socket)
			continue;
		if (first == NULL)
			first = s;
		if (!addr_equal(&s->seen, &first->seen))
			return NULL;
		two = two || !addr_same_ip(&s->place, &first->place);
	}
	return two ? &first->seen : NULL;
}

bool evidence_is_alone(const struct evidence *e, unsigned server)
{
	const struct addr *others;
	uint64_t sockets = 0;

	for (unsigned i = 0; i < e->count; i++) {
		const struct sighting *s = &e->items[i];
		if (s->server != server ||
		    (others = agreed_by_others(e, server, s->socket)) == NULL)
			continue;
		if (addr_equal(&s->seen, others))
			return false;
		sockets |= (uint64_t)1 << (s->socket & 63);
	}
	return (sockets & (sockets - 1)) != 0;
}

/* True when none of the sightings of the WireGuard door before number `i` has this IP, or, with `whole`, this place. */
static bool is_new(const struct evidence *e, unsigned i, bool whole)
{
	for (unsigned k = 0; k < i; k++) {
		const struct sighting *a = &e->items[k], *b = &e->items[i];
		if (a->socket == 0 &&
		    (whole ? addr_equal(&a->place, &b->place) : addr_same_ip(&a->place, &b->place)))
			return false;
	}
	return true;
}

/* How the sightings of the WireGuard door differ, pair by pair. */
struct contrast {
	bool ip;          /* the IPs they see */
	bool port_across; /* the ports, seen from different IPs */
	bool port_within; /* the ports, seen from different ports of one IP */
	bool ip_within;   /* the IPs likewise */
	bool has_within;  /* there are such */
};

static void compare(struct contrast *c, const struct sighting *a, const struct sighting *b)
{
	bool same_ip = addr_same_ip(&a->seen, &b->seen), same_port = a->seen.port == b->seen.port;

	c->ip = c->ip || !same_ip;
	if (!addr_same_ip(&a->place, &b->place)) {
		c->port_across = c->port_across || !same_port;
		return;
	}
	c->has_within = true;
	c->port_within = c->port_within || !same_port;
	c->ip_within = c->ip_within || !same_ip;
}

struct evidence_mapping evidence_mapping(const struct evidence *e,
					 bool (*is_ours)(const void *ctx, const struct addr *seen),
					 const void *ctx)
{
	struct evidence_mapping m = {0};
	struct contrast c = {0};
	bool ours = true;

	for (unsigned i = 0; i < e->count; i++) {
		if (e->items[i].socket != 0)
			continue;
		m.ips += is_new(e, i, false);
		m.places += is_new(e, i, true);
		ours = ours && is_ours(ctx, &e->items[i].seen);
		for (unsigned k = 0; k < i; k++)
			if (e->items[k].socket == 0)
				compare(&c, &e->items[i], &e->items[k]);
	}

	m.pooled = c.ip;
	if (m.places == 0)
		return m;
	if (ours) {
		m.mapping = NAT_MAPPING_NONE;
	} else if (c.port_across || c.port_within) {
		m.dependent = true;
		if (c.port_within || c.ip_within)
			m.mapping = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;
		else if (c.has_within)
			m.mapping = NAT_MAPPING_ADDRESS_DEPENDENT;
	} else if (m.ips >= 2) {
		m.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT;
	}
	return m;
}
