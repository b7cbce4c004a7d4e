/* The configuration a node really has. */
#include "ctl/running.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf_peers.h"

struct prefixes {
	struct conf_peer *peer;
	bool ok;
};

static bool add_prefix(void *ctx, const struct prefix *prefix)
{
	struct prefixes *to = ctx;

	to->ok = conf_add_prefix(&to->peer->allowed, &to->peer->allowed_count, prefix);
	return to->ok;
}

static bool set_endpoint(struct conf_peer *p, const struct conf_peer *filed,
			 const struct addr *real)
{
	bool known = addr_is_set(real);

	if (filed == NULL) {
		p->has_endpoint = known;
		p->endpoint.addr = *real;
		return true;
	}
	/* A name that was not found yet is still looked for. */
	p->has_endpoint = filed->has_endpoint && (known || filed->endpoint.host != NULL);
	if (!p->has_endpoint)
		return true;
	p->endpoint = filed->endpoint;
	if (filed->endpoint.host != NULL)
		p->endpoint.host = strdup(filed->endpoint.host);
	return filed->endpoint.host == NULL || p->endpoint.host != NULL;
}

static bool add_peer(struct conf *c, const struct mesh *m, const struct peer *from,
		     const struct conf_peers *filed)
{
	struct mesh_peer_view v;
	struct conf_peer *p = conf_add_peer(c);

	if (p == NULL)
		return false;
	mesh_peer_look(m, from, 0, &v);
	p->public_key = v.key;
	p->has_psk = !key_shared_is_zero(v.psk);
	p->psk = *v.psk;
	p->has_keepalive = v.keepalive != 0;
	p->keepalive = v.keepalive;
	snprintf(p->name, sizeof p->name, "%s", v.name);
	p->anchor = v.anchor;
	p->path = v.path;

	struct prefixes allowed = {.peer = p, .ok = true};
	mesh_peer_allowed(m, from, add_prefix, &allowed);
	return allowed.ok && set_endpoint(p, conf_peers_find(filed, &v.key), &v.endpoint);
}

static void set_interface(struct conf *c, const struct mesh *m)
{
	struct mesh_view v;

	mesh_look(m, &v);
	c->has_private_key = v.has_private_key;
	if (v.has_private_key)
		c->private_key = *v.private_key;
	c->has_listen_port = v.listen_port != 0;
	c->listen_port = v.listen_port;
	c->has_fwmark = v.fwmark != 0;
	c->fwmark = v.fwmark;
	snprintf(c->name, sizeof c->name, "%s", v.name);
}

static bool copy_list(struct conf_list *to, const struct conf_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (!conf_list_add(to, from->items[i]))
			return false;
	return true;
}

struct conf *running_conf(const struct mesh *m, const struct conf *file)
{
	struct conf *c = conf_new();
	struct conf_peers filed = {0};
	bool ok = c != NULL && conf_peers_init(&filed, file);

	if (ok) {
		set_interface(c, m);
		ok = copy_list(&c->stun, &file->stun); /* wg knows no such key */
	}
	for (const struct peer *p = mesh_peer_next(m, NULL); ok && p != NULL;
	     p = mesh_peer_next(m, p))
		ok = add_peer(c, m, p, &filed);
	conf_peers_free(&filed);
	if (!ok) {
		conf_free(c);
		return NULL;
	}
	return c;
}
