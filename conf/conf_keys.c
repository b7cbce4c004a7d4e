/* The keys of a configuration and what their values may be (interface.md section 2). */
#include "conf/conf_keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/defence.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/conf_host.h"

#define SHOWN_MAX  64  /* of a value, in an error */
#define TABLE_MAIN 254 /* linux/rtnetlink.h, RT_TABLE_MAIN */
#define MTU_MIN    576 /* RFC 791: what every IPv4 host must take */

struct key {
	const char *name;
	void (*set)(struct conf_reading *r, void *field, char *value);
	size_t offset; /* of the field, where one setter serves several */
	bool repeatable;
};

static void refuse(struct conf_reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(struct conf_reading *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	conf_errors_add_va(r->errors, r->lines.line, fmt, args);
	va_end(args);
}

/* A value as an error shows it: printable and not too long. */
static const char *shown(const char *value, char buf[static SHOWN_MAX])
{
	log_escape(buf, SHOWN_MAX, value);
	return buf;
}

static void refuse_value(struct conf_reading *r, const char *value, const char *want)
{
	char buf[SHOWN_MAX];

	refuse(r, "%s `%s` is not %s", r->key, shown(value, buf), want);
}

/* --- pieces of values ------------------------------------------------------------------------------------------------ */

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t len = strlen(text);
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	text[len] = '\0';
	return text;
}

/* The next entry of a comma list, trimmed, or NULL. */
static char *next_entry(char **rest)
{
	char *entry = strsep(rest, ",");
	return entry ? trim(entry) : NULL;
}

/* The next entry of a list where blanks part entries as commas do (wg-quick's own keys), or NULL. */
static char *next_word(char **rest)
{
	if (*rest == NULL)
		return NULL;

	char *word = *rest + strspn(*rest, " \t");
	char *end = word + strcspn(word, ", \t");
	char *more = end + strspn(end, " \t");
	*rest = *more == '\0' ? NULL : *more == ',' ? more + 1 : more;
	*end = '\0';
	return word;
}

static bool is_word(const char *value, const char *word)
{
	return strcasecmp(value, word) == 0;
}

/* Which of a few words, or -1 and an error. */
static int word_of(struct conf_reading *r, const char *value, const char *const *words,
		   size_t count, const char *want)
{
	for (size_t i = 0; i < count; i++)
		if (is_word(value, words[i]))
			return (int)i;
	refuse_value(r, value, want);
	return -1;
}

/* A server (conf_host.h), whose port may be missing where `port_optional` says so. */
static bool host_port(struct conf_reading *r, char *text, bool port_optional,
		      struct conf_endpoint *out)
{
	char buf[SHOWN_MAX];

	shown(text, buf);
	switch (conf_host_read(out, text)) {
	case CONF_HOST_OK:
		break;
	case CONF_HOST_HALF_BRACKET:
		refuse(r, "%s `%s` has no `]:port` at its end", r->key, buf);
		return false;
	case CONF_HOST_BARE_V6:
		refuse(r, "%s `%s`: an IPv6 address wants brackets and a port: [%s]:51820", r->key,
		       buf, buf);
		return false;
	case CONF_HOST_BARE_COLONS:
		refuse(r, "%s `%s`: an IPv6 address wants brackets: [2001:db8::1]:51820", r->key,
		       buf);
		return false;
	case CONF_HOST_PORT:
		refuse(r, "%s `%s`: the port is not a number from 1 to 65535", r->key, buf);
		return false;
	case CONF_HOST_NOT_ONE:
		refuse(r, "%s `%s` is not the address of one host", r->key, buf);
		return false;
	case CONF_HOST_NEITHER:
		refuse(r, "%s `%s`: neither a host name nor an address before the port", r->key,
		       buf);
		return false;
	}
	if (out->port == 0 && !port_optional)
		refuse(r, "%s `%s` has no port: write %s:51820", r->key, buf, buf);
	return out->port != 0 || port_optional;
}

/* --- setters of [Interface] ------------------------------------------------------------------------------------------ */

/* A key is never shown in an error: half of it may be right. */
static bool read_key(struct conf_reading *r, uint8_t out[static KEY_LEN], const char *value)
{
	enum text_result result = text_base64(out, value);
	if (result == TEXT_OK)
		return true;
	refuse(r, "%s: %s: a key is 32 bytes in base64, %d characters", r->key,
	       text_result_name(result), KEY_TEXT_LEN);
	return false;
}

static void set_private_key(struct conf_reading *r, void *field, char *value)
{
	(void)field;
	r->places.private_key_line = r->lines.line;
	if (!read_key(r, r->conf->private_key.bytes, value))
		return;
	if (key_private_is_zero(&r->conf->private_key)) {
		refuse(r, "PrivateKey is all zero: `warren genkey` makes one");
		return;
	}
	r->conf->has_private_key = true;
}

static void set_listen_port(struct conf_reading *r, void *field, char *value)
{
	uint64_t port;

	(void)field;
	if (text_u64(&port, value, 65535) != TEXT_OK) {
		refuse_value(r, value, "a number from 1 to 65535, or 0 for a random port");
		return;
	}
	r->conf->has_listen_port = true;
	r->conf->listen_port = (uint16_t)port;
}

static void set_fwmark(struct conf_reading *r, void *field, char *value)
{
	uint32_t mark = 0;

	(void)field;
	if (!is_word(value, "off") && text_u32_any(&mark, value) != TEXT_OK) {
		refuse_value(r, value,
			     "off, a number of 32 bits, or one in hexadecimal like 0xca6c");
		return;
	}
	r->conf->has_fwmark = true;
	r->conf->fwmark = mark;
}

static void set_addresses(struct conf_reading *r, void *field, char *value)
{
	char *entry;

	(void)field;
	while ((entry = next_word(&value))) {
		struct prefix p;
		if (!prefix_parse(&p, entry)) {
			refuse_value(r, entry,
				     "an address with a prefix length, like 10.66.0.2/24 or "
				     "2001:db8::2/64");
			continue;
		}
		struct addr host = p.family == ADDR_V4 ? addr_v4(p.ip, 0) : addr_v6(p.ip, 0, 0);
		if (!conf_host_is_address(&host)) {
			refuse_value(r, entry, "the address of one host");
			continue;
		}
		if (!conf_add_prefix(&r->conf->addresses, &r->conf->address_count, &p) ||
		    !conf_check_claim(&r->places.addresses, &p, r->lines.line, 0))
			r->no_memory = true;
	}
}

static void set_dns(struct conf_reading *r, void *field, char *value)
{
	char *entry;

	(void)field;
	while ((entry = next_word(&value))) {
		struct addr a;
		if (!addr_parse_ip(&a, entry) && !conf_host_is_name(entry))
			refuse_value(r, entry, "an address or a search domain");
		else if (!conf_list_add(&r->conf->dns, entry))
			r->no_memory = true;
	}
}

static void set_mtu(struct conf_reading *r, void *field, char *value)
{
	uint64_t mtu;

	(void)field;
	r->places.mtu_line = r->lines.line;
	bool refused = text_u64(&mtu, value, 65535) != TEXT_OK || mtu < MTU_MIN;
	if (DEFENCE(58, refused)) {
		refuse_value(r, value, "a number from 576 to 65535; without the line it is 1400");
		return;
	}
	r->conf->has_mtu = true;
	r->conf->mtu = (uint16_t)mtu;
}

static void set_table(struct conf_reading *r, void *field, char *value)
{
	uint32_t number = 0;

	(void)field;
	if (is_word(value, "auto") || is_word(value, "off")) {
		r->conf->table = is_word(value, "off") ? CONF_TABLE_OFF : CONF_TABLE_AUTO;
		return;
	}
	if (is_word(value, "main")) {
		number = TABLE_MAIN;
	} else if (text_u32_any(&number, value) != TEXT_OK || number == 0) {
		refuse_value(r, value, "auto, off, main or the number of a routing table");
		return;
	}
	r->conf->table = CONF_TABLE_NUMBER;
	r->conf->table_number = number;
}

static void set_hook(struct conf_reading *r, void *field, char *value)
{
	if (value[0] == '\0')
		refuse(r, "%s has no command", r->key);
	else if (!conf_list_add(field, value))
		r->no_memory = true;
}

static void set_bool(struct conf_reading *r, void *field, char *value)
{
	static const char *const words[] = {"no", "false", "off", "yes", "true", "on"};
	int word = word_of(r, value, words, 6, "yes or no");

	if (word >= 0)
		*(bool *)field = word >= 3;
}

static void set_relay(struct conf_reading *r, void *field, char *value)
{
	r->conf->has_relay = true;
	set_bool(r, field, value);
}

static void set_name(struct conf_reading *r, void *field, char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len > CONF_NAME_MAX || !text_is_printable_utf8(value, len))
		refuse_value(r, value, "a name of 1 to 63 bytes of UTF-8");
	else
		memcpy(field, value, len + 1);
}

static void set_relay_limit(struct conf_reading *r, void *field, char *value)
{
	static const struct {
		const char *name;
		uint64_t bits;
	} units[] = {{"bit", 1}, {"kbit", 1000}, {"Mbit", 1000000}, {"Gbit", 1000000000}};
	size_t digits = strspn(value, "0123456789");
	char *unit = trim(value + digits);
	char buf[SHOWN_MAX];
	uint64_t number;

	shown(value, buf);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (!is_word(unit, units[i].name))
			continue;
		value[digits] = '\0';
		if (text_u64(&number, value, UINT64_MAX / units[i].bits) != TEXT_OK)
			break;
		*(uint64_t *)field = number * units[i].bits;
		return;
	}
	refuse(r, "%s `%s` is not a rate like 20Mbit (bit, kbit, Mbit, Gbit), or 0bit for no limit",
	       r->key, buf);
}

static void set_stun(struct conf_reading *r, void *field, char *value)
{
	char *entry;

	while ((entry = next_entry(&value))) {
		char copy[CONF_HOST_TEXT_MAX];
		struct conf_endpoint server;
		size_t len = strlen(entry);
		if (len >= sizeof copy) {
			refuse_value(r, entry, "a server like stun.example.org:3478");
			continue;
		}
		memcpy(copy, entry, len + 1);
		if (host_port(r, copy, true, &server) && !conf_list_add(field, entry))
			r->no_memory = true;
	}
}

/* RFC 7065, 3.1; `cost` is ours. TURN over DTLS is not spoken. */
static bool turn_query(char *query, bool tls)
{
	char *pair;

	while ((pair = strsep(&query, "&"))) {
		uint64_t cost;
		bool known = is_word(pair, "transport=tcp") ||
			     (!tls && is_word(pair, "transport=udp")) ||
			     (strncasecmp(pair, "cost=", 5) == 0 &&
			      text_u64(&cost, pair + 5, UINT32_MAX) == TEXT_OK);
		if (!known)
			return false;
	}
	return true;
}

static void set_turn(struct conf_reading *r, void *field, char *value)
{
	char copy[CONF_HOST_MAX + 64];
	bool tls = strncasecmp(value, "turns:", 6) == 0;
	struct conf_endpoint server;

	if (strlen(value) >= sizeof copy || (!tls && strncasecmp(value, "turn:", 5) != 0)) {
		refuse_value(r, value,
			     "a URI like turn:turn.example.org:3478?transport=udp or "
			     "turns:turn.example.org");
		return;
	}
	size_t scheme_len = tls ? 6 : 5;
	memcpy(copy, value + scheme_len, strlen(value) - scheme_len + 1);

	char *query = copy, *host = strsep(&query, "?");
	if (!turn_query(query, tls)) {
		refuse(r, "%s: what follows the `?` is transport=%s or cost=N, joined by &", r->key,
		       tls ? "tcp" : "udp, transport=tcp");
		return;
	}
	if (host_port(r, host, true, &server) && !conf_list_add(field, value))
		r->no_memory = true;
}

static void set_text(struct conf_reading *r, void *field, char *value)
{
	if (value[0] == '\0')
		refuse(r, "%s is empty", r->key);
	else if (!(*(char **)field = strdup(value)))
		r->no_memory = true;
}

static void set_secret(struct conf_reading *r, void *field, char *value)
{
	size_t len = strlen(value);

	if (len == 0) {
		refuse(r, "%s is empty", r->key);
		return;
	}
	char *copy = key_alloc(len + 1);
	if (!copy) {
		r->no_memory = true;
		return;
	}
	memcpy(copy, value, len + 1);
	*(char **)field = copy;
}

static void set_punch(struct conf_reading *r, void *field, char *value)
{
	static const char *const words[] = {"auto", "gentle", "off"};
	int word = word_of(r, value, words, 3, "auto, gentle or off");

	if (word >= 0)
		*(enum conf_punch *)field = (enum conf_punch)word;
}

static void set_disclose(struct conf_reading *r, void *field, char *value)
{
	static const char *const words[] = {"all", "public", "relay"};
	int word = word_of(r, value, words, 3, "all, public or relay");

	if (word >= 0)
		*(enum conf_disclose *)field = (enum conf_disclose)word;
}

/* --- setters of [Peer] ----------------------------------------------------------------------------------------------- */

static void set_public_key(struct conf_reading *r, void *field, char *value)
{
	struct key_public key;

	(void)field;
	r->peer->key_line = r->lines.line;
	if (!read_key(r, key.bytes, value))
		return;
	key_public_canonical(&key);
	if (key_public_is_zero(&key))
		refuse(r, "PublicKey is all zero: nobody has that key");
	else
		r->peer->public_key = key;
}

static void set_preshared_key(struct conf_reading *r, void *field, char *value)
{
	(void)field;
	/* All zero is how WireGuard says: none. */
	if (read_key(r, r->peer->psk.bytes, value))
		r->peer->has_psk = !key_shared_is_zero(&r->peer->psk);
}

static void set_allowed_ips(struct conf_reading *r, void *field, char *value)
{
	char *entry;

	(void)field;
	if (value[0] == '\0')
		return; /* wg takes an empty list */
	while ((entry = next_entry(&value))) {
		struct prefix p;
		if (!prefix_parse(&p, entry)) {
			refuse_value(r, entry,
				     "an address with a prefix length, like 10.66.0.3/32 or "
				     "2001:db8::/64");
			continue;
		}
		prefix_mask(&p);
		if (!conf_add_prefix(&r->peer->allowed, &r->peer->allowed_count, &p) ||
		    !conf_check_claim(&r->places.allowed, &p, r->lines.line,
				      (size_t)(r->peer - r->conf->peers)))
			r->no_memory = true;
	}
}

static void set_endpoint(struct conf_reading *r, void *field, char *value)
{
	struct conf_endpoint *e = field;

	if (!host_port(r, value, false, e)) {
		*e = (struct conf_endpoint){0};
		return;
	}
	if (e->host && !(e->host = strdup(e->host)))
		r->no_memory = true;
	r->peer->has_endpoint = true;
}

static void set_keepalive(struct conf_reading *r, void *field, char *value)
{
	uint64_t seconds = 0;

	(void)field;
	if (!is_word(value, "off") && text_u64(&seconds, value, 65535) != TEXT_OK) {
		refuse_value(r, value, "off or a number of seconds up to 65535");
		return;
	}
	r->peer->has_keepalive = true;
	r->peer->keepalive = (uint16_t)seconds;
}

static void set_path(struct conf_reading *r, void *field, char *value)
{
	static const char *const words[] = {"auto", "direct", "relay"};
	int word = word_of(r, value, words, 3, "auto, direct or relay");

	if (word >= 0)
		*(enum conf_path *)field = (enum conf_path)word;
}

/* --- the table ------------------------------------------------------------------------------------------------------- */

#define ONCE(name, set)                                                                            \
	{                                                                                          \
		name, set, 0, false                                                                \
	}
#define MANY(name, set)                                                                            \
	{                                                                                          \
		name, set, 0, true                                                                 \
	}
#define ONCE_AT(name, set, of, field)                                                              \
	{                                                                                          \
		name, set, offsetof(struct of, field), false                                       \
	}
#define MANY_AT(name, set, of, field)                                                              \
	{                                                                                          \
		name, set, offsetof(struct of, field), true                                        \
	}

static const struct key interface_keys[] = {
	ONCE("PrivateKey", set_private_key),
	ONCE("ListenPort", set_listen_port),
	ONCE("FwMark", set_fwmark),
	MANY("Address", set_addresses),
	MANY("DNS", set_dns),
	ONCE("MTU", set_mtu),
	ONCE("Table", set_table),
	MANY_AT("PreUp", set_hook, conf, pre_up),
	MANY_AT("PostUp", set_hook, conf, post_up),
	MANY_AT("PreDown", set_hook, conf, pre_down),
	MANY_AT("PostDown", set_hook, conf, post_down),
	ONCE_AT("SaveConfig", set_bool, conf, save_config),
	ONCE_AT("Name", set_name, conf, name),
	ONCE_AT("Anchor", set_bool, conf, anchor),
	ONCE_AT("Relay", set_relay, conf, relay),
	ONCE_AT("RelayLimit", set_relay_limit, conf, relay_limit),
	MANY_AT("STUN", set_stun, conf, stun),
	MANY_AT("TURN", set_turn, conf, turn),
	ONCE_AT("TURNUser", set_text, conf, turn_user),
	ONCE_AT("TURNPassword", set_secret, conf, turn_password),
	ONCE_AT("TURNSecret", set_secret, conf, turn_secret),
	ONCE_AT("TURNCA", set_text, conf, turn_ca),
	ONCE_AT("Punch", set_punch, conf, punch),
	ONCE_AT("Disclose", set_disclose, conf, disclose),
};

static const struct key peer_keys[] = {
	ONCE("PublicKey", set_public_key),
	ONCE("PresharedKey", set_preshared_key),
	MANY("AllowedIPs", set_allowed_ips),
	ONCE_AT("Endpoint", set_endpoint, conf_peer, endpoint),
	ONCE("PersistentKeepalive", set_keepalive),
	ONCE_AT("Name", set_name, conf_peer, name),
	ONCE_AT("Anchor", set_bool, conf_peer, anchor),
	ONCE_AT("Path", set_path, conf_peer, path),
};

#define INTERFACE_KEYS (sizeof interface_keys / sizeof interface_keys[0])
#define PEER_KEYS      (sizeof peer_keys / sizeof peer_keys[0])
_Static_assert(INTERFACE_KEYS <= CONF_KEYS_MAX && PEER_KEYS <= CONF_KEYS_MAX,
	       "seen[] is too short");

static const struct key *find_key(const struct key *keys, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (is_word(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static void unknown_key(struct conf_reading *r, const char *name)
{
	const struct key *keys = r->peer ? peer_keys : interface_keys,
			 *others = r->peer ? interface_keys : peer_keys;
	size_t count = r->peer ? PEER_KEYS : INTERFACE_KEYS,
	       other_count = r->peer ? INTERFACE_KEYS : PEER_KEYS;
	const char *here = r->peer ? "[Peer]" : "[Interface]",
		   *there = r->peer ? "[Interface]" : "[Peer]";
	const char *names[CONF_KEYS_MAX], *near;
	char buf[SHOWN_MAX];

	shown(name, buf);
	for (size_t i = 0; i < count; i++)
		names[i] = keys[i].name;

	if (find_key(others, other_count, name))
		refuse(r, "`%s` does not belong in %s but in %s", buf, here, there);
	else if ((near = text_nearest(name, names, count)))
		refuse(r, "unknown key `%s` in %s; did you mean `%s`?", buf, here, near);
	else
		refuse(r, "unknown key `%s` in %s", buf, here);
}

void conf_keys_set(struct conf_reading *r, const char *name)
{
	const struct key *keys = r->peer ? peer_keys : interface_keys;
	const struct key *key = find_key(keys, r->peer ? PEER_KEYS : INTERFACE_KEYS, name);
	if (!key) {
		unknown_key(r, name);
		return;
	}

	unsigned *seen = &r->seen[key - keys];
	if (*seen && !key->repeatable) {
		refuse(r, "%s is given in line %u already", key->name, *seen);
		return;
	}
	if (*seen == 0)
		*seen = r->lines.line;

	void *base = r->peer ? (void *)r->peer : (void *)r->conf;
	r->key = key->name;
	key->set(r, (char *)base + key->offset, r->value);
}
