/* What the network around the host does to a node: moves, sleep, routes that lead our own datagrams into the tunnel, subnets outside
 * that overlap those inside (reliability.md 1.3; F30-F33, F39, F40, F52). */
#include "mesh/mesh_impl.h"

/* --- overlaps --------------------------------------------------------------------------------------------------- */

/* Shorter prefixes are a way to say "everything else"; the exact routes of our subnets win over them. */
#define OVERLAP_LEN_MIN 8

struct overlap {
	const struct host_addresses *subnets;
	struct prefix inside, outside; /* the first found; family 0: none */
};

static bool find_overlap(struct overlap *o, const struct prefix *inside)
{
	for (size_t i = 0; i < o->subnets->count && inside->len >= OVERLAP_LEN_MIN; i++) {
		const struct prefix *outside = &o->subnets->items[i].prefix;
		if (prefix_overlaps(inside, outside)) {
			o->inside = *inside;
			o->outside = *outside;
			return true;
		}
	}
	return false;
}

static bool visit_allowed(void *ctx, const struct prefix *prefix, void *owner)
{
	(void)owner;
	return !find_overlap(ctx, prefix);
}

void mesh_tell_overlap(struct mesh *m)
{
	struct overlap o = {.subnets = &m->host.outside};
	char in[PREFIX_TEXT_MAX], out[PREFIX_TEXT_MAX];
	bool found = false;

	for (size_t i = 0; i < m->host.inside.count && !found; i++)
		found = find_overlap(&o, &m->host.inside.items[i].prefix);
	if (!found)
		allowed_each(&m->allowed, NULL, visit_allowed, &o);
	prefix_mask(&o.inside);
	prefix_mask(&o.outside);
	if (o.inside.family != ADDR_NONE && !prefix_equal(&o.inside, &m->overlap_told))
		log_warn(m->env->log,
			 "%s of the overlay overlaps %s, a subnet of this host outside: each "
			 "address goes where the more "
			 "exact route leads",
			 prefix_print(&o.inside, in), prefix_print(&o.outside, out));
	m->overlap_told = o.inside;
}

/* --- loops ------------------------------------------------------------------------------------------------------ */

static struct peer *find_by_endpoint(const struct mesh *m, const struct ip_view *ip,
				     const struct ip_udp *udp)
{
	list_for_each (item, &m->peers) {
		struct peer *p = list_entry(item, struct peer, order);
		const struct addr *remote = &p->via.remote;
		if (remote->family == ip->family &&
		    memcmp(remote->ip, ip->dst, addr_ip_len(ip->family)) == 0 &&
		    (!udp->first || remote->port == udp->dst_port))
			return p;
	}
	return NULL;
}

bool mesh_is_loop(struct mesh *m, const struct ip_view *ip, const uint8_t *data)
{
	struct ip_udp udp;
	struct peer *p;
	char to[ADDR_TEXT_MAX];

	if (!ip_udp(&udp, ip, data) ||
	    (udp.first ? udp.src_port != m->listen_port : !m->loop_seen) ||
	    !host_has_address(&m->host, ip->family, ip->src))
		return false;
	p = find_by_endpoint(m, ip, &udp);
	if (p == NULL)
		return false;
	if (!m->loop_seen)
		log_error(m->env->log,
			  "a route leads our own datagrams to %s at %s into the tunnel: they are "
			  "dropped until "
			  "that route is gone, or FwMark and a rule lead around it",
			  peer_label(p), addr_print(&p->via.remote, to));
	m->loop_seen = true;
	return true;
}

/* --- moves ------------------------------------------------------------------------------------------------------ */

void mesh_host_changed(struct mesh *m, const struct host *host, usec now, struct outbox *out)
{
	bool woke = host->woke_at != m->host.woke_at;
	bool moved = !host_same_network(host, &m->host);
	usec active_since = (woke ? host->slept_at : now) - MESH_ACTIVE_FOR;

	m->host = *host;
	mesh_tell_overlap(m);
	if (!woke && !moved)
		return;

	m->loop_seen = false;
	outside_restart(&m->outside);
	list_for_each (item, &m->peers) {
		struct peer *p = list_entry(item, struct peer, order);
		peer_host_changed(p, &m->host, active_since, now);
		mesh_settle(m, p, now, out);
	}
}
