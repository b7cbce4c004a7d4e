/* A change of configuration and how it is put together (architecture.md section 5, interface.md
 * section 3). */
#include "conf/delta.h"

#include <stdlib.h>
#include <string.h>

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
	p->keepalive = from->has_keepalive ? from->keepalive : 0;
	if (from->has_endpoint)
		set_endpoint(p, &from->endpoint);

	p->has_meta = true;
	memcpy(p->name, from->name, sizeof p->name);
	p->anchor = from->anchor;
	p->path = from->path;

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
	d->replace_peers = true;

	for (size_t i = 0; i < c->peer_count; i++) {
		if (!add_conf_peer(d, &c->peers[i])) {
			delta_free(d);
			return NULL;
		}
	}
	return d;
}
