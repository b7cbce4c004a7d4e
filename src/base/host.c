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

static bool has(const struct host_addresses *l, uint8_t family, const uint8_t *ip)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct prefix *p = &l->items[i].prefix;
		if (p->family == family && memcmp(p->ip, ip, addr_ip_len(family)) == 0)
			return true;
	}
	return false;
}

bool host_has_address(const struct host *h, uint8_t family, const uint8_t *ip)
{
	return has(&h->outside, family, ip) || has(&h->inside, family, ip);
}
