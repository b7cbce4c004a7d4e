/* Values to configuration text, key by key in the order of interface.md section 2; of wg's keys in
 * that of `wg showconf`. */
#include "conf/conf_write.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PREFIXES_PER_LINE 64 /* keeps lines far below CONF_LINE_MAX */

/* Text that grows in locked memory: it holds keys. */
struct text {
	char *at; /* NULL: no memory */
	size_t len, room;
};

static bool text_reserve(struct text *t, size_t more)
{
	if (!t->at || t->room - t->len >= more)
		return t->at;

	size_t room = t->room * 2 > t->len + more ? t->room * 2 : t->len + more;
	char *moved = key_alloc(room);
	if (moved)
		memcpy(moved, t->at, t->len);
	key_free(t->at);
	t->at = moved;
	t->room = room;
	return moved;
}

static void append(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void append(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0 || !text_reserve(t, (size_t)len + 1))
		return;

	va_start(args, fmt);
	vsnprintf(t->at + t->len, (size_t)len + 1, fmt, args);
	va_end(args);
	t->len += (size_t)len;
}

static void append_key(struct text *t, const char *key, const uint8_t bytes[static KEY_LEN])
{
	char text[KEY_TEXT_LEN + 1];

	text_base64_print(text, bytes);
	append(t, "%s = %s\n", key, text);
	key_wipe(text, sizeof text);
}

static void append_list(struct text *t, const char *key, const struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		append(t, "%s = %s\n", key, list->items[i]);
}

static void append_text(struct text *t, const char *key, const char *value)
{
	if (value && value[0])
		append(t, "%s = %s\n", key, value);
}

static void append_prefixes(struct text *t, const char *key, const struct prefix *prefixes,
			    size_t count)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		if (i % PREFIXES_PER_LINE == 0)
			append(t, "%s%s = ", i ? "\n" : "", key);
		else
			append(t, ", ");
		append(t, "%s", prefix_print(&prefixes[i], text));
	}
	if (count > 0)
		append(t, "\n");
}

static void append_rate(struct text *t, uint64_t bits)
{
	static const struct {
		const char *name;
		uint64_t bits;
	} units[] = {{"Gbit", 1000000000}, {"Mbit", 1000000}, {"kbit", 1000}, {"bit", 1}};
	size_t unit = 0;

	while (bits % units[unit].bits != 0)
		unit++;
	append(t, "RelayLimit = %llu%s\n", (unsigned long long)(bits / units[unit].bits),
	       units[unit].name);
}

static void append_wg_interface(struct text *t, const struct conf *c)
{
	append(t, "[Interface]\n");
	if (c->has_listen_port)
		append(t, "ListenPort = %u\n", c->listen_port);
	if (c->has_fwmark && c->fwmark == 0)
		append(t, "FwMark = off\n");
	else if (c->has_fwmark)
		append(t, "FwMark = 0x%x\n", c->fwmark);
	if (c->has_private_key)
		append_key(t, "PrivateKey", c->private_key.bytes);
}

static void append_quick_interface(struct text *t, const struct conf *c)
{
	append_prefixes(t, "Address", c->addresses, c->address_count);
	append_list(t, "DNS", &c->dns);
	if (c->has_mtu)
		append(t, "MTU = %u\n", c->mtu);
	if (c->table == CONF_TABLE_OFF)
		append(t, "Table = off\n");
	else if (c->table == CONF_TABLE_NUMBER)
		append(t, "Table = %u\n", c->table_number);
	append_list(t, "PreUp", &c->pre_up);
	append_list(t, "PostUp", &c->post_up);
	append_list(t, "PreDown", &c->pre_down);
	append_list(t, "PostDown", &c->post_down);
	if (c->save_config)
		append(t, "SaveConfig = true\n");
}

static void append_mesh_interface(struct text *t, const struct conf *c)
{
	static const char *const punches[] = {"auto", "gentle", "off"};
	static const char *const discloses[] = {"all", "public", "relay"};

	append_text(t, "Name", c->name);
	if (c->anchor)
		append(t, "Anchor = yes\n");
	if (c->has_relay)
		append(t, "Relay = %s\n", c->relay ? "on" : "off");
	if (c->relay_limit)
		append_rate(t, c->relay_limit);
	append_list(t, "STUN", &c->stun);
	append_list(t, "TURN", &c->turn);
	append_text(t, "TURNUser", c->turn_user);
	append_text(t, "TURNPassword", c->turn_password);
	append_text(t, "TURNSecret", c->turn_secret);
	append_text(t, "TURNCA", c->turn_ca);
	if (c->punch != CONF_PUNCH_AUTO)
		append(t, "Punch = %s\n", punches[c->punch]);
	if (c->disclose != CONF_DISCLOSE_ALL)
		append(t, "Disclose = %s\n", discloses[c->disclose]);
}

static void append_wg_peer(struct text *t, const struct conf_peer *p)
{
	char text[ADDR_TEXT_MAX];

	append(t, "\n[Peer]\n");
	append_key(t, "PublicKey", p->public_key.bytes);
	if (p->has_psk)
		append_key(t, "PresharedKey", p->psk.bytes);
	append_prefixes(t, "AllowedIPs", p->allowed, p->allowed_count);
	if (p->has_endpoint && p->endpoint.host)
		append(t, "Endpoint = %s:%u\n", p->endpoint.host, p->endpoint.port);
	else if (p->has_endpoint)
		append(t, "Endpoint = %s\n", addr_print(&p->endpoint.addr, text));
	if (p->has_keepalive && p->keepalive == 0)
		append(t, "PersistentKeepalive = off\n");
	else if (p->has_keepalive)
		append(t, "PersistentKeepalive = %u\n", p->keepalive);
}

static void append_mesh_peer(struct text *t, const struct conf_peer *p)
{
	static const char *const paths[] = {"auto", "direct", "relay"};

	append_text(t, "Name", p->name);
	if (p->anchor)
		append(t, "Anchor = yes\n");
	if (p->path != CONF_PATH_AUTO)
		append(t, "Path = %s\n", paths[p->path]);
}

char *conf_write(const struct conf *c, enum conf_form form)
{
	struct text t = {.room = 4096};
	t.at = key_alloc(t.room);

	append_wg_interface(&t, c);
	if (form == CONF_FORM_WARREN) {
		append_quick_interface(&t, c);
		append_mesh_interface(&t, c);
	}
	for (size_t i = 0; i < c->peer_count; i++) {
		append_wg_peer(&t, &c->peers[i]);
		if (form == CONF_FORM_WARREN)
			append_mesh_peer(&t, &c->peers[i]);
	}
	return t.at;
}
