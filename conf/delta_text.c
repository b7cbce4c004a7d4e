/* What a reload changes, for a person. */
#include "conf/delta_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf_peers.h"

#define LINE_MAX     512
#define ENDPOINT_MAX 300 /* a host name and a port, or an address */

struct teller {
	struct conf_list *lines;
	char who[CONF_NAME_MAX + 16]; /* "peer NAME: ", or nothing for [Interface] */
	bool ok;
};

static void tell(struct teller *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct teller *t, const char *fmt, ...)
{
	char line[LINE_MAX], what[LINE_MAX - sizeof t->who];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	snprintf(line, sizeof line, "%s%s", t->who, what);
	t->ok = t->ok && conf_list_add(t->lines, line);
}

/* --- [Peer] ----------------------------------------------------------------------------------------------------- */

static void name_peer(struct teller *t, const struct delta_peer *d, const struct conf_peer *old,
		      const struct conf_peer *now)
{
	char key[KEY_SHORT_MAX];
	const char *name = now && now->name[0] ? now->name : old ? old->name : "";

	snprintf(t->who, sizeof t->who,
		 "peer %s: ", name[0] ? name : key_public_short(&d->key, key));
}

static const char *print_endpoint(const struct conf_peer *p, char buf[static ENDPOINT_MAX])
{
	if (!p->has_endpoint)
		return "none";
	if (!p->endpoint.host)
		return addr_print(&p->endpoint.addr, buf);
	snprintf(buf, ENDPOINT_MAX, "%.255s:%u", p->endpoint.host, p->endpoint.port);
	return buf;
}

static const char *print_seconds(const struct conf_peer *p, char buf[static 8])
{
	if (!p->has_keepalive || p->keepalive == 0)
		return "off";
	snprintf(buf, 8, "%u", p->keepalive);
	return buf;
}

static const char *path_name(enum conf_path path)
{
	switch (path) {
	case CONF_PATH_AUTO:
		return "auto";
	case CONF_PATH_DIRECT:
		return "direct";
	case CONF_PATH_RELAY:
		return "relay";
	}
	return "";
}

static const char *yes_or_no(bool yes)
{
	return yes ? "yes" : "no";
}

static const char *or_none(const char *text)
{
	return text[0] ? text : "none";
}

static void tell_allowed(struct teller *t, const struct delta_peer *d)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < d->allowed_count; i++)
		tell(t, "AllowedIPs %c %s", d->allowed[i].remove ? '-' : '+',
		     prefix_print(&d->allowed[i].prefix, text));
}

static void tell_changes(struct teller *t, const struct delta_peer *d, const struct conf_peer *old,
			 const struct conf_peer *now)
{
	char before[ENDPOINT_MAX], after[ENDPOINT_MAX];

	if (strcmp(old->name, now->name) != 0)
		tell(t, "Name %s -> %s", or_none(old->name), or_none(now->name));
	if (old->anchor != now->anchor)
		tell(t, "Anchor %s -> %s", yes_or_no(old->anchor), yes_or_no(now->anchor));
	if (old->path != now->path)
		tell(t, "Path %s -> %s", path_name(old->path), path_name(now->path));
	if (d->has_psk)
		tell(t, "PresharedKey %s",
		     !old->has_psk   ? "added"
		     : !now->has_psk ? "removed"
				     : "replaced");
	if (d->forget_host)
		tell(t, "Endpoint %s is no longer looked up", old->endpoint.host);
	if (d->has_endpoint || d->host)
		tell(t, "Endpoint %s -> %s", print_endpoint(old, before),
		     print_endpoint(now, after));
	if (d->has_keepalive)
		tell(t, "PersistentKeepalive %s -> %s", print_seconds(old, before),
		     print_seconds(now, after));
	tell_allowed(t, d);
}

static void tell_peer(struct teller *t, const struct delta_peer *d, const struct conf_peer *old,
		      const struct conf_peer *now)
{
	name_peer(t, d, old, now);
	if (!now) {
		tell(t, "removed");
	} else if (!old) {
		tell(t, "added");
		tell_allowed(t, d);
	} else {
		tell_changes(t, d, old, now);
	}
}

/* --- [Interface] ------------------------------------------------------------------------------------------------ */

static void tell_number(struct teller *t, const char *key, const char *none, uint32_t before,
			uint32_t after)
{
	char old[16], now[16];

	snprintf(old, sizeof old, "%u", before);
	snprintf(now, sizeof now, "%u", after);
	tell(t, "%s %s -> %s", key, before ? old : none, after ? now : none);
}

static bool has_text(const struct conf_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

/* The servers of `these` that `those` has not. */
static void tell_servers(struct teller *t, const struct conf_list *these,
			 const struct conf_list *those, char sign)
{
	for (size_t i = 0; i < these->count; i++)
		if (!has_text(those, these->items[i]))
			tell(t, "STUN %c %s", sign, these->items[i]);
}

static void tell_stun(struct teller *t, const struct conf_list *before,
		      const struct conf_list *after)
{
	size_t lines = t->lines->count;

	tell_servers(t, before, after, '-');
	tell_servers(t, after, before, '+');
	if (t->lines->count == lines)
		tell(t, "STUN: the same servers in another order");
}

bool delta_text(struct conf_list *lines, const struct delta *d, const struct conf *from,
		const struct conf *to)
{
	struct teller t = {.lines = lines, .ok = true};
	struct conf_peers before = {0}, after = {0};

	if (d->has_private_key)
		tell(&t, "PrivateKey replaced");
	if (d->has_listen_port)
		tell_number(&t, "ListenPort", "any", from->has_listen_port ? from->listen_port : 0,
			    d->listen_port);
	if (d->has_fwmark)
		tell_number(&t, "FwMark", "off", from->has_fwmark ? from->fwmark : 0, d->fwmark);
	if (d->has_name)
		tell(&t, "Name %s -> %s", or_none(from->name), or_none(to->name));
	if (d->stun)
		tell_stun(&t, &from->stun, &to->stun);

	t.ok = t.ok && conf_peers_init(&before, from) && conf_peers_init(&after, to);
	for (size_t i = 0; t.ok && i < d->peer_count; i++)
		tell_peer(&t, &d->peers[i], conf_peers_find(&before, &d->peers[i].key),
			  conf_peers_find(&after, &d->peers[i].key));
	conf_peers_free(&before);
	conf_peers_free(&after);
	return t.ok;
}

static bool has_address(const struct conf *c, const struct prefix *address)
{
	for (size_t i = 0; i < c->address_count; i++)
		if (prefix_equal(&c->addresses[i], address))
			return true;
	return false;
}

/* The addresses of `these` that `those` has not. */
static void tell_addresses(struct teller *t, const struct conf *these, const struct conf *those,
			   char sign)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < these->address_count; i++)
		if (!has_address(those, &these->addresses[i]))
			tell(t, "Address %c %s", sign, prefix_print(&these->addresses[i], text));
}

static const char *print_table(const struct conf *c, char buf[static 16])
{
	switch (c->table) {
	case CONF_TABLE_AUTO:
		return "auto";
	case CONF_TABLE_OFF:
		return "off";
	case CONF_TABLE_NUMBER:
		snprintf(buf, 16, "%u", c->table_number);
		return buf;
	}
	return "";
}

static uint32_t mtu_of(const struct conf *c)
{
	return c->has_mtu ? c->mtu : CONF_MTU_DEFAULT;
}

bool delta_text_host(struct conf_list *lines, const struct conf *from, const struct conf *to)
{
	const struct {
		const char *key;
		const struct conf_list *before, *after;
	} waiting[] = {
		{"DNS", &from->dns, &to->dns},
		{"PreUp", &from->pre_up, &to->pre_up},
		{"PostUp", &from->post_up, &to->post_up},
	};
	struct teller t = {.lines = lines, .ok = true};
	char table_before[16], table_after[16];
	const char *old = print_table(from, table_before), *now = print_table(to, table_after);

	tell_addresses(&t, from, to, '-');
	tell_addresses(&t, to, from, '+');
	if (mtu_of(from) != mtu_of(to))
		tell(&t, "MTU %u -> %u", mtu_of(from), mtu_of(to));
	if (strcmp(old, now) != 0)
		tell(&t, "Table %s -> %s", old, now);
	for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++)
		if (!conf_list_equal(waiting[i].before, waiting[i].after))
			tell(&t, "%s waits for the next `warren up`", waiting[i].key);
	return t.ok;
}
