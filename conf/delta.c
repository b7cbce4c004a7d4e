/* A change of configuration and how it is put together (architecture.md section 5, interface.md
 * section 3). */
#include "conf/delta.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_peers.h"

struct delta *delta_new(void)
{
	return key_alloc(sizeof(struct delta));
}

void delta_free(struct delta *d)
{
	if (!d)
		return;

	for (size_t i = 0; i < d->peer_count; i++)
		free(d->peers[i].allowed);
	key_free(d->peers);
	key_free(d);
}

struct delta_peer *delta_add_peer(struct delta *d, const struct key_public *key)
{
	if (d->peer_count == d->peer_room) {
		size_t room = d->peer_room ? d->peer_room * 2 : 4;
		/* Not realloc: the old block holds preshared keys and must be wiped. */
		struct delta_peer *moved = key_alloc(room * sizeof *moved);
		if (!moved)
			return NULL;
		if (d->peer_count > 0)
			memcpy(moved, d->peers, d->peer_count * sizeof *moved);
		key_free(d->peers);
		d->peers = moved;
		d->peer_room = room;
	}

	struct delta_peer *p = &d->peers[d->peer_count++];
	*p = (struct delta_peer){.key = *key};
	return p;
}

bool delta_add_allowed(struct delta_peer *p, const struct prefix *prefix, bool remove)
{
	/* Room is the next power of two from 4 on, so a power of two (or none) is full. */
	size_t count = p->allowed_count;
	if (count == 0 || (count >= 4 && (count & (count - 1)) == 0)) {
		size_t room = count ? count * 2 : 4;
		struct delta_allowed *moved = realloc(p->allowed, room * sizeof *moved);
		if (!moved)
			return false;
		p->allowed = moved;
	}

	struct delta_allowed *a = &p->allowed[p->allowed_count++];
	*a = (struct delta_allowed){.remove = remove, .prefix = *prefix};
	prefix_mask(&a->prefix);
	return true;
}

static void set_endpoint(struct delta_peer *p, const struct conf_endpoint *e)
{
	p->host = e->host;
	p->port = e->port;
	p->has_endpoint = !e->host;
	p->endpoint = e->addr;
}

static void set_meta(struct delta_peer *p, const struct conf_peer *from)
{
	p->has_meta = true;
	memcpy(p->name, from->name, sizeof p->name);
	p->anchor = from->anchor;
	p->path = from->path;
}

static uint16_t keepalive_of(const struct conf_peer *p)
{
	return p->has_keepalive ? p->keepalive : 0;
}

static bool add_conf_peer(struct delta *d, const struct conf_peer *from)
{
	struct delta_peer *p = delta_add_peer(d, &from->public_key);
	if (!p)
		return false;

	p->replace_allowed = true;
	p->has_psk = true;
	if (from->has_psk)
		p->psk = from->psk;
	p->has_keepalive = true;
	p->keepalive = keepalive_of(from);
	if (from->has_endpoint)
		set_endpoint(p, &from->endpoint);
	set_meta(p, from);
	for (size_t i = 0; i < from->allowed_count; i++)
		if (!delta_add_allowed(p, &from->allowed[i], false))
			return false;
	return true;
}

struct delta *delta_from_conf(const struct conf *c)
{
	struct delta *d = delta_new();
	if (!d)
		return NULL;

	d->has_private_key = true;
	if (c->has_private_key) {
		d->private_key = c->private_key;
		key_private_clamp(&d->private_key);
	}
	d->has_listen_port = true;
	d->listen_port = c->has_listen_port ? c->listen_port : 0;
	d->has_fwmark = true;
	d->fwmark = c->has_fwmark ? c->fwmark : 0;
	d->has_name = true;
	memcpy(d->name, c->name, sizeof d->name);
	d->stun = &c->stun;
	d->replace_peers = true;

	for (size_t i = 0; i < c->peer_count; i++) {
		if (!add_conf_peer(d, &c->peers[i])) {
			delta_free(d);
			return NULL;
		}
	}
	return d;
}

/* --- the difference of two -------------------------------------------------------------------------------------- */

/* A copy in order; NULL without memory. */
static struct prefix *sorted(const struct prefix *prefixes, size_t count)
{
	struct prefix *copy = calloc(count + 1, sizeof *copy);

	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = prefixes[i];
		prefix_mask(&copy[i]);
	}
	if (copy && count > 0)
		qsort(copy, count, sizeof *copy, prefix_compare);
	return copy;
}

/* Add to `p`, as removed or added, what is in `these` and not in `those`. */
static bool diff_one_way(struct delta_peer *p, const struct conf_peer *these,
			 const struct conf_peer *those, bool remove)
{
	struct prefix *known = sorted(those->allowed, those->allowed_count);
	bool ok = known != NULL;

	for (size_t i = 0; ok && i < these->allowed_count; i++)
		if (!bsearch(&these->allowed[i], known, those->allowed_count, sizeof *known,
			     prefix_compare))
			ok = delta_add_allowed(p, &these->allowed[i], remove);
	free(known);
	return ok;
}

static const struct key_shared *psk_of(const struct conf_peer *p)
{
	static const struct key_shared none;

	return p->has_psk ? &p->psk : &none;
}

static bool diff_peer(struct delta *d, const struct conf_peer *from, const struct conf_peer *to)
{
	struct delta_peer *p = delta_add_peer(d, &to->public_key);
	if (!p)
		return false;

	p->update_only = true;
	p->has_psk = !key_bytes_equal(psk_of(from), psk_of(to), sizeof p->psk);
	if (p->has_psk)
		p->psk = *psk_of(to);
	p->has_keepalive = keepalive_of(from) != keepalive_of(to);
	p->keepalive = keepalive_of(to);
	if (to->has_endpoint &&
	    (!from->has_endpoint || !conf_endpoint_equal(&from->endpoint, &to->endpoint)))
		set_endpoint(p, &to->endpoint);
	p->forget_host = !to->has_endpoint && from->has_endpoint && from->endpoint.host;
	if (strcmp(from->name, to->name) != 0 || from->anchor != to->anchor ||
	    from->path != to->path)
		set_meta(p, to);

	if (!diff_one_way(p, from, to, true) || !diff_one_way(p, to, from, false))
		return false;
	if (!p->has_psk && !p->has_keepalive && !p->has_endpoint && !p->host && !p->forget_host &&
	    !p->has_meta && p->allowed_count == 0)
		d->peer_count--;
	return true;
}

/* Those that go come first: the mesh must not hold more than it may on the way. */
static bool diff_peers(struct delta *d, const struct conf *from, const struct conf *to)
{
	struct conf_peers before = {0}, after = {0};
	bool ok = conf_peers_init(&before, from) && conf_peers_init(&after, to);

	for (size_t i = 0; ok && i < from->peer_count; i++) {
		if (conf_peers_find(&after, &from->peers[i].public_key))
			continue;
		struct delta_peer *gone = delta_add_peer(d, &from->peers[i].public_key);
		ok = gone != NULL;
		if (ok)
			gone->remove = true;
	}
	for (size_t i = 0; ok && i < to->peer_count; i++) {
		const struct conf_peer *old = conf_peers_find(&before, &to->peers[i].public_key);
		ok = old ? diff_peer(d, old, &to->peers[i]) : add_conf_peer(d, &to->peers[i]);
	}
	conf_peers_free(&before);
	conf_peers_free(&after);
	return ok;
}

static void diff_private_key(struct delta *d, const struct conf *from, const struct conf *to)
{
	struct key_private old = from->private_key;

	if (!to->has_private_key)
		return;
	d->private_key = to->private_key;
	key_private_clamp(&d->private_key);
	if (from->has_private_key)
		key_private_clamp(&old);
	d->has_private_key = !key_bytes_equal(&old, &d->private_key, sizeof old);
	key_wipe(&old, sizeof old);
}

struct delta *delta_between(const struct conf *from, const struct conf *to)
{
	struct delta *d = delta_new();
	if (!d)
		return NULL;

	uint32_t mark = from->has_fwmark ? from->fwmark : 0;
	diff_private_key(d, from, to);
	d->listen_port = to->listen_port;
	d->has_listen_port = to->has_listen_port && to->listen_port != 0 &&
			     !(from->has_listen_port && from->listen_port == to->listen_port);
	d->fwmark = to->has_fwmark ? to->fwmark : 0;
	d->has_fwmark = d->fwmark != mark;
	memcpy(d->name, to->name, sizeof d->name);
	d->has_name = strcmp(from->name, to->name) != 0;
	if (!conf_list_equal(&from->stun, &to->stun))
		d->stun = &to->stun;

	if (!diff_peers(d, from, to)) {
		delta_free(d);
		return NULL;
	}
	return d;
}

bool delta_is_empty(const struct delta *d)
{
	return !d->has_private_key && !d->has_listen_port && !d->has_fwmark && !d->has_name &&
	       !d->stun && !d->replace_peers && d->peer_count == 0;
}
