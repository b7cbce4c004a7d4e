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
	p->announce_at = p->ask_at = USEC_NEVER;
	list_init(&p->order);
	list_init(&p->touched);
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
	p->via = via_direct(endpoint);
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
	if (d->has_endpoint || d->host != NULL || d->forget_host)
		lookup_set(&p->lookup, d->host, d->port);
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

static void note_heard_on(struct peer *p, const struct via *via, const struct host *host, usec now)
{
	if (!addr_same_ip(&p->heard_on, &via->local)) {
		p->heard_on = via->local;
		p->astray = host_leads_elsewhere(host, &via->local, &via->remote);
	}
	if (!p->may_ask)
		return;
	p->may_ask = p->astray;
	p->ask_at = p->astray ? usec_min(p->ask_at, now + PEER_HEARD_WITHIN) : USEC_NEVER;
}

void peer_heard(struct peer *p, const struct via *via, const struct host *host, usec now)
{
	if (p->via.kind == via->kind && !addr_equal(&p->via.remote, &via->remote)) {
		p->switches++;
		moves_note(&p->moves, peer_label(p), &p->via.remote, &via->remote,
			   p->tunnel.stats.heard_at, p->tunnel.shared->env->log);
	}
	p->via = *via;
	note_heard_on(p, via, host, now);
	if (p->announce_at != USEC_NEVER || p->astray)
		choose_local_anew(p);
	lookup_heard(&p->lookup);
}

static void go_where_the_name_leads(struct peer *p)
{
	peer_send_to(p, &p->lookup.addrs[0]);
	p->lookup.guessed = true;
}

/* It is not where we send to: a handshake decides where it is, its packets stay on the old way so long. */
static void try_where_the_name_leads(struct peer *p, usec now)
{
	usec silent_since = tunnel_silent_since(&p->tunnel);
	bool up = tunnel_has_session(&p->tunnel, now);

	if (up && (silent_since == USEC_NEVER || now - silent_since < LOOKUP_SILENT))
		return;
	if (tunnel_is_starting(&p->tunnel))
		return; /* its retries go round all addresses */
	p->lookup.turn = 1;
	if (up)
		tunnel_start(&p->tunnel, now);
}

void peer_resolved(struct peer *p, const struct addr *addrs, size_t count, usec now)
{
	struct lookup *l = &p->lookup;
	const struct log *log = p->tunnel.shared->env->log;
	char text[ADDR_TEXT_MAX];
	bool failed = l->failed;

	if (lookup_answered(l, addrs, count))
		log_info(log, "%s: %s leads to %s%s", peer_label(p), l->name,
			 addr_print(&l->addrs[0], text), l->count > 1 ? " and others" : "");
	if (l->failed && !failed)
		log_warn(log, "%s: no address was found for %s", peer_label(p), l->name);

	if (l->count == 0 || lookup_has(l, &p->via.remote))
		return;
	if (p->via.kind == VIA_NONE || l->guessed)
		go_where_the_name_leads(p);
	else
		try_where_the_name_leads(p, now);
}

void peer_speaks(struct peer *p, usec now)
{
	if (p->down && p->direct_since == USEC_NEVER)
		p->direct_since = now;
	p->down = false;
}

enum mesh_peer_state peer_state(const struct peer *p, usec now)
{
	if (p->down)
		return MESH_PEER_DOWN;
	return tunnel_has_session(&p->tunnel, now) ? MESH_PEER_DIRECT : MESH_PEER_IDLE;
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

static usec look_up_at(const struct peer *p)
{
	usec up_until = p->up_at != 0 ? p->up_at + REJECT_AFTER : 0;

	return lookup_deadline(&p->lookup, tunnel_silent_since(&p->tunnel), up_until);
}

void peer_host_changed(struct peer *p, const struct host *host, usec active_since, usec now)
{
	const struct tunnel_stats *s = &p->tunnel.stats;
	const struct env *env = p->tunnel.shared->env;
	bool gone = addr_is_set(&p->heard_on) &&
		    !host_has_address(host, p->heard_on.family, p->heard_on.ip);

	choose_local_anew(p);
	p->astray = host_leads_elsewhere(host, &p->heard_on, &p->via.remote);
	p->announce_tx = s->tx_packets;
	if (p->via.kind == VIA_NONE ||
	    !(since(s->data_at, active_since) || since(s->heard_at, active_since)))
		return;
	p->announce_at = now + rand_jitter(env->rand, PEER_ANNOUNCE_WITHIN);
	p->may_ask = true;
	p->ask_at = gone || p->astray ? p->announce_at + PEER_HEARD_WITHIN : USEC_NEVER;
}

static void announce(struct peer *p, usec now, struct outbox *out)
{
	p->announce_at = USEC_NEVER;
	if (p->tunnel.stats.tx_packets == p->announce_tx &&
	    !tunnel_keepalive(&p->tunnel, &p->via, now, out))
		tunnel_start(&p->tunnel, now);
}

static void ask_whether_it_knows(struct peer *p, usec now)
{
	p->ask_at = USEC_NEVER;
	p->may_ask = false;
	if (!tunnel_is_starting(&p->tunnel))
		tunnel_start(&p->tunnel, now);
}

usec peer_deadline(const struct peer *p)
{
	usec told = usec_min(p->announce_at, p->ask_at);
	usec own = usec_min(told, tunnel_deadline(&p->tunnel));

	return usec_min(usec_min(own, look_up_at(p)), event_deadline(p));
}

void peer_tick(struct peer *p, usec now, struct outbox *out)
{
	uint64_t started = p->tunnel.stats.handshakes_started;
	struct via trial;
	bool elsewhere = lookup_trial(&p->lookup, &trial);

	if (usec_due(p->announce_at, now))
		announce(p, now, out);
	if (usec_due(p->ask_at, now))
		ask_whether_it_knows(p, now);
	switch (tunnel_tick(&p->tunnel, elsewhere ? &trial : &p->via, now, out)) {
	case TUNNEL_IDLE:
	case TUNNEL_UP:
		break;
	case TUNNEL_EXPIRED:
		p->down = true;
		lookup_hurry(&p->lookup);
		log_info(p->tunnel.shared->env->log, "%s does not answer: handshake given up",
			 peer_label(p));
		break;
	}
	if (peer_state(p, now) != MESH_PEER_DIRECT)
		p->direct_since = USEC_NEVER;
	if (p->tunnel.stats.handshakes_started != started)
		lookup_next(&p->lookup, &p->via.remote);
	if (usec_due(look_up_at(p), now))
		lookup_ask(&p->lookup, p->id, now, out);
}
