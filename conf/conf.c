/* A configuration as plain values: making, comparing, freeing (interface.md section 2). */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

/* Arrays without a capacity beside them: they have room for the next power of two from 4 on, and so
 * are full when the count is such a power, or zero. */
static bool array_is_full(size_t count)
{
	return count == 0 || (count >= 4 && (count & (count - 1)) == 0);
}

static size_t array_next_room(size_t count)
{
	return count ? count * 2 : 4;
}

struct conf *conf_new(void)
{
	return key_alloc(sizeof(struct conf));
}

void conf_list_free(struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_list){0};
}

void conf_free(struct conf *c)
{
	if (!c)
		return;

	for (size_t i = 0; i < c->peer_count; i++) {
		free(c->peers[i].allowed);
		free(c->peers[i].endpoint.host);
	}
	key_free(c->peers);
	free(c->addresses);

	conf_list_free(&c->dns);
	conf_list_free(&c->pre_up);
	conf_list_free(&c->post_up);
	conf_list_free(&c->pre_down);
	conf_list_free(&c->post_down);
	conf_list_free(&c->stun);
	conf_list_free(&c->turn);
	free(c->turn_user);
	free(c->turn_ca);
	key_free(c->turn_password);
	key_free(c->turn_secret);
	key_free(c);
}

struct conf_peer *conf_add_peer(struct conf *c)
{
	if (array_is_full(c->peer_count)) {
		/* Not realloc: the old block holds preshared keys and must be wiped. */
		struct conf_peer *moved = key_alloc(array_next_room(c->peer_count) * sizeof *moved);
		if (!moved)
			return NULL;
		if (c->peer_count > 0)
			memcpy(moved, c->peers, c->peer_count * sizeof *moved);
		key_free(c->peers);
		c->peers = moved;
	}

	struct conf_peer *p = &c->peers[c->peer_count++];
	*p = (struct conf_peer){0};
	return p;
}

bool conf_add_prefix(struct prefix **prefixes, size_t *count, const struct prefix *prefix)
{
	if (array_is_full(*count)) {
		struct prefix *moved = realloc(*prefixes, array_next_room(*count) * sizeof *moved);
		if (!moved)
			return false;
		*prefixes = moved;
	}

	(*prefixes)[(*count)++] = *prefix;
	return true;
}

bool conf_list_add(struct conf_list *list, const char *text)
{
	if (array_is_full(list->count)) {
		char **moved = realloc(list->items, array_next_room(list->count) * sizeof *moved);
		if (!moved)
			return false;
		list->items = moved;
	}

	char *copy = strdup(text);
	if (!copy)
		return false;
	list->items[list->count++] = copy;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_secret_text(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	size_t len = strlen(a);
	return len == strlen(b) && key_bytes_equal(a, b, len);
}

bool conf_list_equal(const struct conf_list *a, const struct conf_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool same_prefixes(const struct prefix *a, size_t a_count, const struct prefix *b,
			  size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!prefix_equal(&a[i], &b[i]))
			return false;
	return true;
}

bool conf_endpoint_equal(const struct conf_endpoint *a, const struct conf_endpoint *b)
{
	if (a->host || b->host)
		return same_text(a->host, b->host) && a->port == b->port;
	return addr_equal(&a->addr, &b->addr);
}

static bool same_peer(const struct conf_peer *a, const struct conf_peer *b)
{
	return key_public_equal(&a->public_key, &b->public_key) && a->has_psk == b->has_psk &&
	       (!a->has_psk || key_bytes_equal(&a->psk, &b->psk, sizeof a->psk)) &&
	       same_prefixes(a->allowed, a->allowed_count, b->allowed, b->allowed_count) &&
	       a->has_endpoint == b->has_endpoint &&
	       (!a->has_endpoint || conf_endpoint_equal(&a->endpoint, &b->endpoint)) &&
	       a->has_keepalive == b->has_keepalive &&
	       (!a->has_keepalive || a->keepalive == b->keepalive) &&
	       strcmp(a->name, b->name) == 0 && a->anchor == b->anchor && a->path == b->path;
}

static bool same_host_settings(const struct conf *a, const struct conf *b)
{
	return same_prefixes(a->addresses, a->address_count, b->addresses, b->address_count) &&
	       conf_list_equal(&a->dns, &b->dns) && a->has_mtu == b->has_mtu &&
	       (!a->has_mtu || a->mtu == b->mtu) && a->table == b->table &&
	       (a->table != CONF_TABLE_NUMBER || a->table_number == b->table_number) &&
	       conf_list_equal(&a->pre_up, &b->pre_up) &&
	       conf_list_equal(&a->post_up, &b->post_up) &&
	       conf_list_equal(&a->pre_down, &b->pre_down) &&
	       conf_list_equal(&a->post_down, &b->post_down) && a->save_config == b->save_config;
}

static bool same_wg_settings(const struct conf *a, const struct conf *b)
{
	return a->has_private_key == b->has_private_key &&
	       (!a->has_private_key ||
		key_bytes_equal(&a->private_key, &b->private_key, sizeof a->private_key)) &&
	       a->has_listen_port == b->has_listen_port &&
	       (!a->has_listen_port || a->listen_port == b->listen_port) &&
	       a->has_fwmark == b->has_fwmark && (!a->has_fwmark || a->fwmark == b->fwmark);
}

static bool same_mesh_settings(const struct conf *a, const struct conf *b)
{
	return strcmp(a->name, b->name) == 0 && a->anchor == b->anchor &&
	       a->has_relay == b->has_relay && (!a->has_relay || a->relay == b->relay) &&
	       a->relay_limit == b->relay_limit && conf_list_equal(&a->stun, &b->stun) &&
	       conf_list_equal(&a->turn, &b->turn) && same_text(a->turn_user, b->turn_user) &&
	       same_text(a->turn_ca, b->turn_ca) &&
	       same_secret_text(a->turn_password, b->turn_password) &&
	       same_secret_text(a->turn_secret, b->turn_secret) && a->punch == b->punch &&
	       a->disclose == b->disclose;
}

bool conf_equal(const struct conf *a, const struct conf *b)
{
	if (!same_wg_settings(a, b) || !same_host_settings(a, b) || !same_mesh_settings(a, b) ||
	    a->peer_count != b->peer_count)
		return false;

	for (size_t i = 0; i < a->peer_count; i++)
		if (!same_peer(&a->peers[i], &b->peers[i]))
			return false;
	return true;
}

bool conf_has_full(const struct conf *c, enum addr_family family)
{
	for (size_t i = 0; i < c->peer_count && c->table == CONF_TABLE_AUTO; i++)
		for (size_t j = 0; j < c->peers[i].allowed_count; j++)
			if (c->peers[i].allowed[j].family == family &&
			    c->peers[i].allowed[j].len == 0)
				return true;
	return false;
}

void conf_forget_keys(struct conf *c)
{
	key_wipe(&c->private_key, sizeof c->private_key);
	c->has_private_key = false;
	for (size_t i = 0; i < c->peer_count; i++) {
		key_wipe(&c->peers[i].psk, sizeof c->peers[i].psk);
		c->peers[i].has_psk = false;
	}
}
