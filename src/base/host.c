/* Facts of the host compared. */
#include "base/host.h"

#include <string.h>

static bool same_address(const struct host_address *a, const struct host_address *b)
{
	return a->link == b->link && prefix_equal(&a->prefix, &b->prefix);
}

static bool same_default(const struct host_default *a, const struct host_default *b)
{
	return a->family == b->family && a->link == b->link && a->table == b->table &&
	       a->metric == b->metric && addr_equal(&a->gateway, &b->gateway);
}

bool host_same_network(const struct host *a, const struct host *b)
{
	if (a->outside.count != b->outside.count || a->default_count != b->default_count)
		return false;
	for (size_t i = 0; i < a->outside.count; i++) {
		if (!same_address(&a->outside.items[i], &b->outside.items[i]))
			return false;
	}
	for (size_t i = 0; i < a->default_count; i++) {
		if (!same_default(&a->defaults[i], &b->defaults[i]))
			return false;
	}
	return true;
}

/* NULL: it is not among them. */
static const struct host_address *find(const struct host_addresses *l, uint8_t family,
				       const uint8_t *ip)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct prefix *p = &l->items[i].prefix;
		if (p->family == family && memcmp(p->ip, ip, addr_ip_len(family)) == 0)
			return &l->items[i];
	}
	return NULL;
}

bool host_has_address(const struct host *h, uint8_t family, const uint8_t *ip)
{
	return find(&h->outside, family, ip) != NULL || find(&h->inside, family, ip) != NULL;
}

/* None of its table is cheaper: with rules, each table may serve some address. */
static bool is_best(const struct host *h, const struct host_default *d)
{
	for (size_t i = 0; i < h->default_count; i++) {
		const struct host_default *other = &h->defaults[i];
		if (other->family == d->family && other->table == d->table &&
		    other->metric < d->metric)
			return false;
	}
	return true;
}

bool host_leads_elsewhere(const struct host *h, const struct addr *local, const struct addr *remote)
{
	const struct host_address *ours = find(&h->outside, local->family, local->ip);
	bool elsewhere = false;

	if (ours == NULL || local->family != remote->family ||
	    addr_same_bits(ours->prefix.ip, remote->ip, ours->prefix.len))
		return false;
	for (size_t i = 0; i < h->default_count; i++) {
		const struct host_default *d = &h->defaults[i];
		if (d->family != local->family || !is_best(h, d))
			continue;
		if (d->link == ours->link)
			return false;
		elsewhere = true;
	}
	return elsewhere;
}
