/* The whole node: changes of configuration, time, and what others may read of it (architecture.md, section 5). */
#include "mesh/mesh.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/mesh_impl.h"

struct mesh *mesh_new(const struct env *env)
{
	struct mesh *m = key_alloc(sizeof *m);
	uint8_t hash_key[16];

	if (m == NULL)
		return NULL;

	m->env = env;
	m->shared.env = env;
	list_init(&m->peers);
	list_init(&m->touched);
	allowed_init(&m->allowed);
	ratelimit_init(&m->ratelimit, env);
	outside_init(&m->outside, env);
	env_rand(env, hash_key, sizeof hash_key);
	if (table_init(&m->by_key, KEY_LEN, 16, hash_key) < 0 ||
	    table_init(&m->by_id, sizeof(uint64_t), 16, hash_key) < 0 ||
	    index_init(&m->shared.index, 16 * TUNNEL_INDICES) < 0 ||
	    staging_init(&m->shared.staging) < 0) {
		mesh_free(m);
		return NULL;
	}
	return m;
}

static void detach(struct mesh *m, struct peer *p)
{
	allowed_remove_owner(&m->allowed, p);
	table_remove(&m->by_key, &p->key);
	table_remove(&m->by_id, &p->id);
	heap_remove(&m->deadlines, &p->deadline);
	list_remove(&p->order);
	m->peer_count--;
}

static void remove_peer(struct mesh *m, struct peer *p, usec now)
{
	event_tell(&m->events, p, EVENT_REMOVED, now);
	detach(m, p);
	log_info(m->env->log, "%s removed", peer_label(p));
	m->places++;
	peer_free(p);
}

static void remove_all_peers(struct mesh *m, usec now)
{
	allowed_clear(&m->allowed); /* at once, not peer by peer */
	list_for_each_safe (item, tmp, &m->peers)
		remove_peer(m, list_entry(item, struct peer, order), now);
}

void mesh_free(struct mesh *m)
{
	if (m == NULL)
		return;
	remove_all_peers(m, 0);
	allowed_free(&m->allowed);
	table_free(&m->by_key);
	table_free(&m->by_id);
	heap_free(&m->deadlines);
	past_free(&m->past);
	index_free(&m->shared.index);
	staging_free(&m->shared.staging);
	key_free(m);
}

static bool may_tick(const struct outbox *out)
{
	return outbox_room(out) >= TUNNEL_TICK_SENDS && out->action_count < OUTBOX_ACTIONS;
}

void mesh_settle(struct mesh *m, struct peer *p, usec now, struct outbox *out)
{
	if (usec_due(peer_deadline(p), now) && may_tick(out))
		peer_tick(p, now, out);
	m->places += past_note_place(p, now);
	event_note(&m->events, p, now);
	heap_set(&m->deadlines, &p->deadline, peer_deadline(p));
}

void mesh_touch(struct mesh *m, struct peer *p)
{
	if (list_empty(&p->touched))
		list_add_tail(&m->touched, &p->touched);
}

void mesh_settle_touched(struct mesh *m, usec now, struct outbox *out)
{
	while (!list_empty(&m->touched)) {
		struct peer *p = list_entry(m->touched.next, struct peer, touched);
		list_remove(&p->touched);
		mesh_settle(m, p, now, out);
	}
}

/* --- whose packet it is ----------------------------------------------------------------------------------------- */

void mesh_begin(struct mesh *m)
{
	m->work.count = 0;
	m->work.found = (struct mesh_found){.family = ADDR_NONE};
}

static bool was_found(const struct mesh_found *f, uint8_t family, const uint8_t *ip)
{
	if (f->family != family)
		return false;
	return family == ADDR_V4 ? memcmp(f->ip, ip, 4) == 0 : memcmp(f->ip, ip, 16) == 0;
}

struct peer *mesh_find(struct mesh *m, uint8_t family, const uint8_t *ip)
{
	struct mesh_found *f = &m->work.found;

	if (!was_found(f, family, ip))
		*f = (struct mesh_found){family, ip, allowed_find(&m->allowed, family, ip)};
	return f->peer;
}

/* --- what outlives the process ---------------------------------------------------------------------------------- */

void mesh_restore_take(struct mesh *m, struct past *past)
{
	past_free(&m->past);
	m->past = *past;
	*past = (struct past){0};
	past_sort(&m->past);
}

/* What waits for this peer. It does so no longer. */
static const struct past_peer *take_past(struct mesh *m, const struct key_public *key)
{
	struct past_peer *then = NULL;

	if (key_public_equal(&m->past.self, &m->shared.local.public))
		then = past_find(&m->past, key);
	if (then == NULL || then->gone)
		return NULL;
	then->gone = true;
	return then;
}

static void recall(struct mesh *m, struct peer *p, usec now)
{
	const struct past_peer *then = take_past(m, &p->key);

	if (then != NULL)
		past_recall(p, then, now);
}

static void recall_all(struct mesh *m, usec now)
{
	list_for_each (item, &m->peers)
		recall(m, list_entry(item, struct peer, order), now);
}

/* Whoever a change removes is forgotten, even if he was not there. */
static void forget(struct mesh *m, const struct key_public *key)
{
	if (take_past(m, key) != NULL)
		m->places++;
}

int mesh_past(struct mesh *m, usec now, struct past *out)
{
	bool waiting = key_public_equal(&m->past.self, &m->shared.local.public);
	int err;

	if (!m->shared.local.has_secret)
		return -ENOKEY;
	if ((err = past_init(out, &m->shared.local.public, m->peer_count + m->past.count)) < 0)
		return err;

	list_for_each (item, &m->peers) {
		struct peer *p = list_entry(item, struct peer, order);
		past_note(p, now);
		out->peers[out->count++] = p->known;
	}
	for (size_t i = 0; waiting && i < m->past.count; i++) {
		if (!m->past.peers[i].gone && out->count < MESH_PEERS_MAX)
			out->peers[out->count++] = m->past.peers[i];
	}
	past_sort(out);
	return 0;
}

uint64_t mesh_places(const struct mesh *m)
{
	return m->places;
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

static void mark_all(struct mesh *m, bool leaving)
{
	list_for_each (item, &m->peers)
		list_entry(item, struct peer, order)->leaving = leaving;
}

/* Go through a change as it will be applied and make the peers it needs: fresh[i] for d->peers[i]. Returns 0, and the most peers there
 * will be at any moment. */
static int make_peers(struct mesh *m, const struct delta *d, struct peer **fresh, size_t *most)
{
	size_t count = d->replace_peers ? 0 : m->peer_count;
	int err = 0;

	mark_all(m, d->replace_peers);
	*most = m->peer_count;
	for (size_t i = 0; i < d->peer_count && err == 0; i++) {
		const struct delta_peer *e = &d->peers[i];
		struct peer *p = table_find(&m->by_key, &e->key);
		bool there = p != NULL && !p->leaving;

		if (e->remove ? !there : there || e->update_only)
			continue;
		if (p != NULL)
			p->leaving = e->remove;
		if (e->remove)
			count--;
		else if (++count > MESH_PEERS_MAX)
			err = -E2BIG;
		else
			err = peer_new(&fresh[i], &m->shared, &e->key);
		*most = count > *most ? count : *most;
	}
	return err;
}

/* Everything of a change that can fail, before anything is changed. */
static int prepare(struct mesh *m, const struct delta *d, struct peer **fresh)
{
	size_t peers, prefixes = 0;
	int err = make_peers(m, d, fresh, &peers);

	for (size_t i = 0; i < d->peer_count; i++)
		prefixes += d->peers[i].allowed_count;
	/* Old peers keep their indices until they go, new ones get theirs with their first handshake. */
	if (err < 0 || (err = table_reserve(&m->by_key, peers)) < 0 ||
	    (err = table_reserve(&m->by_id, peers)) < 0 ||
	    (err = heap_reserve(&m->deadlines, peers)) < 0 ||
	    (err = index_reserve(&m->shared.index, peers * TUNNEL_INDICES)) < 0)
		return err;
	return allowed_reserve(&m->allowed, prefixes);
}

static bool is_identity(const struct mesh *m, const struct key_private *secret)
{
	return key_bytes_equal(&m->shared.local.secret, secret, sizeof *secret);
}

static void change_identity(struct mesh *m, const struct key_private *secret, struct peer **fresh,
			    size_t fresh_count, usec now)
{
	struct peer *self;

	noise_local_init(&m->shared.local, secret);
	cookie_checker_init(&m->checker, &m->shared.local.public);
	self = table_find(&m->by_key, &m->shared.local.public);
	if (self != NULL)
		remove_peer(m, self, now);
	list_for_each (item, &m->peers) {
		struct peer *p = list_entry(item, struct peer, order);
		tunnel_identity_changed(&p->tunnel);
		event_tell(&m->events, p, EVENT_NEW_KEY, now);
	}
	for (size_t i = 0; i < fresh_count; i++) {
		if (fresh[i] != NULL)
			tunnel_identity_changed(&fresh[i]->tunnel);
	}
}

/* Take *fresh in as a peer of ours. */
static struct peer *adopt(struct mesh *m, struct peer **fresh)
{
	struct peer *p = *fresh;
	bool added;

	p->id = ++m->last_id;
	added = table_add(&m->by_key, &p->key, p) && table_add(&m->by_id, &p->id, p);
	assert(added); /* prepare() saw to the room */
	*fresh = NULL;
	list_add_tail(&m->peers, &p->order);
	m->peer_count++;
	return p;
}

static void apply_allowed(struct mesh *m, struct peer *p, const struct delta_peer *d)
{
	if (d->replace_allowed)
		allowed_remove_owner(&m->allowed, p);
	for (size_t i = 0; i < d->allowed_count; i++) {
		if (d->allowed[i].remove)
			allowed_remove(&m->allowed, &d->allowed[i].prefix, p);
		else
			allowed_add(&m->allowed, &d->allowed[i].prefix, p);
	}
}

static void apply_peer(struct mesh *m, const struct delta_peer *d, struct peer **fresh, usec now,
		       struct outbox *out)
{
	struct peer *p = table_find(&m->by_key, &d->key);
	bool is_new = p == NULL;

	if (d->remove) {
		if (p != NULL)
			remove_peer(m, p, now);
		forget(m, &d->key);
		return;
	}
	if (m->shared.local.has_secret && key_public_equal(&d->key, &m->shared.local.public))
		return; /* as wireguard-go: our own key as a peer is ignored */
	if (p == NULL) {
		if (d->update_only)
			return;
		p = adopt(m, fresh);
	}
	apply_allowed(m, p, d);
	peer_apply(p, d, now);
	if (is_new) {
		recall(m, p, now);
		event_tell(&m->events, p, EVENT_ADDED, now);
	}
	mesh_settle(m, p, now, out);
}

int mesh_apply(struct mesh *m, const struct delta *d, usec now, struct outbox *out)
{
	struct peer **fresh = calloc(d->peer_count + 1, sizeof *fresh);
	int err = fresh == NULL ? -ENOMEM : prepare(m, d, fresh);

	if (err == 0) {
		bool other = d->has_private_key && !is_identity(m, &d->private_key);
		if (other)
			change_identity(m, &d->private_key, fresh, d->peer_count, now);
		if (d->has_listen_port)
			m->listen_port = d->listen_port;
		if (d->has_fwmark && d->fwmark != m->fwmark)
			outside_restart(&m->outside);
		if (d->has_fwmark)
			m->fwmark = d->fwmark;
		if (d->stun != NULL)
			outside_set_servers(&m->outside, d->stun);
		if (d->has_name)
			snprintf(m->name, sizeof m->name, "%s", d->name);
		if (d->replace_peers)
			remove_all_peers(m, now);
		if (other)
			recall_all(m, now);
		for (size_t i = 0; i < d->peer_count; i++)
			apply_peer(m, &d->peers[i], &fresh[i], now, out);
		if (d->replace_peers)
			past_free(&m->past); /* who was not named is forgotten */
		list_for_each (item, &m->peers)
			mesh_settle(m, list_entry(item, struct peer, order), now, out);
		mesh_tell_overlap(m);
	}
	for (size_t i = 0; fresh != NULL && i < d->peer_count; i++)
		peer_free(fresh[i]);
	free(fresh);
	allowed_reserve(&m->allowed, 0);
	return err;
}

void mesh_mtu_changed(struct mesh *m, size_t mtu)
{
	m->mtu = mtu;
}

void mesh_port_changed(struct mesh *m, uint16_t port)
{
	if (port != m->listen_port)
		outside_restart(&m->outside);
	m->listen_port = port;
}

/* --- time ------------------------------------------------------------------------------------------------------- */

void mesh_tick(struct mesh *m, usec now, struct outbox *out)
{
	/* At most one round for each peer: whatever a deadline says, a tick ends. */
	for (size_t rounds = m->peer_count;
	     rounds > 0 && may_tick(out) && usec_due(heap_deadline(&m->deadlines), now); rounds--)
		mesh_settle(m, list_entry(heap_top(&m->deadlines), struct peer, deadline), now,
			    out);
	if (usec_due(outside_deadline(&m->outside), now))
		outside_tick(&m->outside, &m->host, m->listen_port, now, out);
}

usec mesh_deadline(const struct mesh *m)
{
	return usec_min(heap_deadline(&m->deadlines), outside_deadline(&m->outside));
}

/* --- what the outside sees of us ---------------------------------------------------------------------------------- */

uint64_t mesh_nat_want(struct mesh *m, usec now)
{
	return outside_want(&m->outside, now);
}

void mesh_nat_look(const struct mesh *m, struct mesh_nat *out)
{
	const struct outside *o = &m->outside;

	*out = (struct mesh_nat){
		.report = &o->report,
		.step = outside_step(o),
		.started = o->started,
		.done = o->done,
		.successes = o->successes,
		.failures = o->failures,
		.server_count = o->server_count,
		.wall_offset = m->env->wall_offset,
	};
}

/* --- what others may read --------------------------------------------------------------------------------------- */

void mesh_count_drop(struct mesh *m, enum drop why, uint64_t count)
{
	m->shared.drops.count[why] += count;
}

void mesh_look(const struct mesh *m, struct mesh_view *out)
{
	*out = (struct mesh_view){
		.has_private_key = m->shared.local.has_secret,
		.private_key = &m->shared.local.secret,
		.public_key = m->shared.local.public,
		.name = m->name,
		.listen_port = m->listen_port,
		.fwmark = m->fwmark,
		.mtu = m->mtu,
		.overlay_down = m->host.overlay.mtu > 0 && !m->host.overlay.up,
		.peer_count = m->peer_count,
		.drops = m->shared.drops,
	};
}

const struct peer *mesh_peer_next(const struct mesh *m, const struct peer *after)
{
	const struct list *next = after != NULL ? after->order.next : m->peers.next;

	return next == &m->peers ? NULL : list_entry((struct list *)next, struct peer, order);
}

const struct peer *mesh_peer_find(const struct mesh *m, const struct key_public *key)
{
	return table_find(&m->by_key, key);
}

static usec wall(const struct mesh *m, usec at)
{
	return at == USEC_NEVER ? 0 : at + m->env->wall_offset;
}

void mesh_peer_look(const struct mesh *m, const struct peer *p, usec now,
		    struct mesh_peer_view *out)
{
	const struct tunnel_stats *s = &p->tunnel.stats;
	enum mesh_peer_state state = peer_state(p, now);

	*out = (struct mesh_peer_view){
		.key = p->key,
		.psk = &p->tunnel.remote.psk,
		.name = p->name,
		.anchor = p->anchor,
		.plain = true, /* nothing else is spoken yet */
		.endpoint = p->via.remote,
		.handshake_wall = wall(m, s->handshake_at),
		.direct_since_wall = state == MESH_PEER_DIRECT ? wall(m, p->direct_since) : 0,
		.rx_bytes = s->rx_bytes,
		.tx_bytes = s->tx_bytes,
		.rx_packets = s->rx_packets,
		.tx_packets = s->tx_packets,
		.handshakes = s->handshakes_done,
		.initiations = s->handshakes_started,
		.keepalive = p->keepalive,
		.path = p->path,
		.idle_for = s->data_at == USEC_NEVER ? USEC_NEVER : now - s->data_at,
		.state = state,
		.switches = p->switches,
	};
}

bool mesh_event_take(struct mesh *m, struct event *out)
{
	return event_take(&m->events, out);
}

struct allowed_visit {
	bool (*visit)(void *ctx, const struct prefix *prefix);
	void *ctx;
};

static bool visit_allowed(void *ctx, const struct prefix *prefix, void *owner)
{
	const struct allowed_visit *v = ctx;

	(void)owner;
	return v->visit(v->ctx, prefix);
}

void mesh_peer_allowed(const struct mesh *m, const struct peer *p,
		       bool (*visit)(void *ctx, const struct prefix *prefix), void *ctx)
{
	allowed_each(&m->allowed, p, visit_allowed, &(struct allowed_visit){visit, ctx});
}
