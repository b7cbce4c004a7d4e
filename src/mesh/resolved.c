/* What names of endpoints lead to, as the daemon was told: answers nobody can mean are refused here, the rest is the peer's to try
 * (reliability.md, F68). */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "mesh/mesh_impl.h"

struct inner_search {
	const struct addr *addr;
	bool found;
};

static bool compare_inner(void *ctx, const struct prefix *prefix, void *owner)
{
	struct inner_search *s = ctx;
	size_t len = addr_ip_len(s->addr->family);

	(void)owner;
	s->found = prefix->family == s->addr->family && prefix->len == 8 * len &&
		   memcmp(prefix->ip, s->addr->ip, len) == 0;
	return !s->found;
}

/* The inner address of some peer: packets for it would enter the tunnel they are to carry. Wider prefixes prove nothing: with
 * AllowedIPs = 0.0.0.0/0 every address is in one. */
static bool is_inner(const struct mesh *m, const struct addr *a)
{
	struct inner_search s = {.addr = a};
	const void *owner = allowed_find(&m->allowed, a->family, a->ip);

	if (owner != NULL)
		allowed_each(&m->allowed, owner, compare_inner, &s);
	return s.found;
}

static bool is_usable(const struct mesh *m, const char *name, const struct addr *a)
{
	enum addr_class class = addr_class(a);

	if (class == ADDR_CLASS_LOOPBACK)
		return strcasecmp(name, "localhost") == 0;
	return class >= ADDR_CLASS_PRIVATE && !is_inner(m, a);
}

void mesh_resolved(struct mesh *m, uint64_t id, const struct addr *addrs, size_t count, usec now,
		   struct outbox *out)
{
	struct peer *p = table_find(&m->by_id, &id);
	const char *name = mesh_endpoint_name(m, id);
	struct addr usable[LOOKUP_ADDRS];
	size_t kept = 0;

	if (name == NULL)
		return;
	for (size_t i = 0; i < count && kept < LOOKUP_ADDRS; i++) {
		if (is_usable(m, name, &addrs[i]))
			usable[kept++] = addrs[i];
	}
	if (count > 0 && kept == 0)
		log_debug(m->env->log, "%s: no address that %s leads to can be meant",
			  p != NULL ? peer_label(p) : "STUN", name);
	if (p == NULL) {
		outside_resolved(&m->outside, id, usable, kept, now);
		return;
	}
	peer_resolved(p, usable, kept, now);
	mesh_settle(m, p, now, out);
}

const char *mesh_endpoint_name(const struct mesh *m, uint64_t id)
{
	const struct peer *p;

	if (outside_is_question(id))
		return outside_name(&m->outside, id);
	p = table_find(&m->by_id, &id);
	return p == NULL || !p->lookup.asking ? NULL : p->lookup.name;
}
