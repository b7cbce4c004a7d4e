/* One peer (architecture.md, sections 3 and 7). */
#include "mesh/peer.h"

#include <errno.h>
#include <stdio.h>

int peer_new(struct peer **out, struct tunnel_shared *shared, const struct key_public *key)
{
	struct peer *p = key_alloc(sizeof *p);

	if (p == NULL)
		return -ENOMEM;
	if (!tunnel_init(&p->tunnel, shared, key, &(struct key_shared){{0}})) {
		key_free(p);
		return -EINVAL;
	}
	p->key = p->known.key = *key;
	p->direct_since = USEC_NEVER;
	p->announce_at = USEC_NEVER;
	list_init(&p->order);
	key_public_short(key, p->short_key);
	*out = p;
	return 0;
}

void peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	tunnel_wipe(&p->tunnel);
	key_free(p);
}

const char *peer_label(const struct peer *p)
{
	return p->name[0] != '\0' ? p->name : p->short_key;
}

void peer_send_to(struct peer *p, const struct addr *endpoint)
{
	p->via = (struct via){
		.kind = VIA_DIRECT,
		.door = endpoint->family == ADDR_V6,
		.remote = *endpoint,
	};
	tunnel_unblock(&p->tunnel);
}

void peer_apply(struct peer *p, const struct delta_peer *d, usec now)
{
	if (d->has_psk)
		tunnel_set_psk(&p->tunnel, &d->psk);
	if (d->has_meta) {
		snprintf(p->name, sizeof p->name, "%s", d->name);
		p->anchor = d->anchor;
		p->path = d->path;
	}
	if (d->has_endpoint) {
		p->given = d->endpoint;
		if (p->via.kind != VIA_DIRECT || !addr_equal(&p->via.remote, &d->endpoint))
			peer_send_to(p, &d->endpoint);
	}
	if (d->has_keepalive) {
		p->keepalive = d->keepalive;
		tunnel_set_keepalive(&p->tunnel, d->keepalive, now);
	}
}

/* The host is to choose our address: the one that a packet came to may be of a network that we are about to leave. */
static void choose_local_anew(struct peer *p)
{
	p->via.local = (struct addr){0};
}

void peer_heard(struct peer *p, const struct via *via, const struct env *env)
{
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	if (p->via.kind == via->kind && !addr_equal(&p->via.remote, &via->remote)) {
		p->switches++;
		log_info(env->log, "%s moved from %s to %s", peer_label(p),
			 addr_print(&p->via.remote, from), addr_print(&via->remote, to));
	}
	p->via = *via;
	if (p->announce_at != USEC_NEVER)
		choose_local_anew(p);
}

void peer_up(struct peer *p, bool confirm, size_t mtu, usec now, struct outbox *out)
{
	if (p->direct_since == USEC_NEVER || now - p->up_at >= REJECT_AFTER)
		p->direct_since = now;
	p->up_at = now;
	p->down = false;
	if (tunnel_flush(&p->tunnel, &p->via, mtu, now, out) == 0 && confirm)
		tunnel_keepalive(&p->tunnel, &p->via, now, out);
}

static bool since(usec at, usec then)
{
	return at != USEC_NEVER && at >= then;
}

void peer_host_changed(struct peer *p, usec active_since, usec now, const struct env *env)
{
	const struct tunnel_stats *s = &p->tunnel.stats;

	choose_local_anew(p);
	if (p->via.kind != VIA_NONE &&
	    (since(s->data_at, active_since) || since(s->heard_at, active_since)))
		p->announce_at = now + rand_jitter(env->rand, PEER_ANNOUNCE_WITHIN);
	p->announce_tx = s->tx_packets;
}

static void announce(struct peer *p, usec now, struct outbox *out)
{
	p->announce_at = USEC_NEVER;
	if (p->tunnel.stats.tx_packets == p->announce_tx &&
	    !tunnel_keepalive(&p->tunnel, &p->via, now, out))
		tunnel_start(&p->tunnel, now);
}

usec peer_deadline(const struct peer *p)
{
	return usec_min(p->announce_at, tunnel_deadline(&p->tunnel));
}

void peer_tick(struct peer *p, usec now, struct outbox *out)
{
	if (usec_due(p->announce_at, now))
		announce(p, now, out);
	switch (tunnel_tick(&p->tunnel, &p->via, now, out)) {
	case TUNNEL_IDLE:
	case TUNNEL_UP:
		break;
	case TUNNEL_EXPIRED:
		p->down = true;
		log_info(p->tunnel.shared->env->log, "%s does not answer: handshake given up",
			 peer_label(p));
		break;
	}
	if (!tunnel_has_session(&p->tunnel, now))
		p->direct_since = USEC_NEVER;
}
