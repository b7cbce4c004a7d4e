/* WireGuard's cross-platform configuration protocol (interface.md section 3). A set is read whole
 * into a delta before anything is done with it, so nothing is ever half applied. Only numbers, keys
 * and addresses come in: never a path, a name to resolve or a command (reliability 5, row 19). What
 * comes in is somebody else's text: it is checked, never asserted. */
#include "ctl/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define OP_LEN    6   /* "get=1\n" */
#define VALUE_MAX 256 /* the longest is an endpoint, below ADDR_TEXT_MAX */

/* A syncconf may remove all old peers and add as many new ones. */
#define SECTIONS_MAX (2 * MESH_PEERS_MAX)

/* --- reading ---------------------------------------------------------------------------- */

size_t uapi_frame(const char *text, size_t len)
{
	size_t head = len < OP_LEN ? len : OP_LEN;

	if (memcmp(text, "get=1\n", head) != 0 && memcmp(text, "set=1\n", head) != 0)
		return SIZE_MAX;
	const char *end = memmem(text, len < UAPI_REQUEST_MAX ? len : UAPI_REQUEST_MAX, "\n\n", 2);
	if (end != NULL)
		return (size_t)(end - text) + 2;
	return len < UAPI_REQUEST_MAX ? 0 : SIZE_MAX;
}

struct set {
	struct delta *delta;
	struct delta_peer *peer; /* whose lines follow; NULL: the device's */
	char value[VALUE_MAX];   /* of this line, zero-terminated; may be a secret */
};

static int set_private_key(struct set *s)
{
	struct delta *d = s->delta;

	if (text_hex32(d->private_key.bytes, s->value) != TEXT_OK)
		return EINVAL;
	if (!key_private_is_zero(&d->private_key))
		key_private_clamp(&d->private_key);
	d->has_private_key = true;
	return 0;
}

static int read_number(uint64_t *out, const char *value, uint64_t most)
{
	return text_u64(out, value, most) == TEXT_OK ? 0 : EINVAL;
}

static int set_listen_port(struct set *s)
{
	uint64_t port;

	if (read_number(&port, s->value, UINT16_MAX) != 0)
		return EINVAL;
	s->delta->listen_port = (uint16_t)port;
	s->delta->has_listen_port = true;
	return 0;
}

static int set_fwmark(struct set *s)
{
	uint64_t mark;

	if (read_number(&mark, s->value, UINT32_MAX) != 0)
		return EINVAL;
	s->delta->fwmark = (uint32_t)mark;
	s->delta->has_fwmark = true;
	return 0;
}

/* The protocol knows flags that are raised, none that are lowered. */
static int raise_flag(bool *flag, const char *value)
{
	if (strcmp(value, "true") != 0)
		return EINVAL;
	*flag = true;
	return 0;
}

static int set_replace_peers(struct set *s)
{
	return raise_flag(&s->delta->replace_peers, s->value);
}

static int set_public_key(struct set *s)
{
	struct key_public key;

	if (text_hex32(key.bytes, s->value) != TEXT_OK)
		return EINVAL;
	if (s->delta->peer_count == SECTIONS_MAX)
		return E2BIG;
	key_public_canonical(&key);
	s->peer = delta_add_peer(s->delta, &key);
	return s->peer != NULL ? 0 : ENOMEM;
}

static int set_remove(struct set *s)
{
	return raise_flag(&s->peer->remove, s->value);
}

static int set_update_only(struct set *s)
{
	return raise_flag(&s->peer->update_only, s->value);
}

static int set_preshared_key(struct set *s)
{
	if (text_hex32(s->peer->psk.bytes, s->value) != TEXT_OK)
		return EINVAL;
	s->peer->has_psk = true;
	return 0;
}

static int set_endpoint(struct set *s)
{
	if (!addr_parse(&s->peer->endpoint, s->value))
		return EINVAL;
	s->peer->has_endpoint = true;
	return 0;
}

static int set_keepalive(struct set *s)
{
	uint64_t seconds;

	if (read_number(&seconds, s->value, UINT16_MAX) != 0)
		return EINVAL;
	s->peer->keepalive = (uint16_t)seconds;
	s->peer->has_keepalive = true;
	return 0;
}

/* Said later in a section, it forgets what the section said before as well. */
static int set_replace_allowed(struct set *s)
{
	int error = raise_flag(&s->peer->replace_allowed, s->value);

	if (error == 0)
		s->peer->allowed_count = 0;
	return error;
}

static int set_allowed_ip(struct set *s)
{
	struct prefix prefix;
	bool remove = s->value[0] == '-';
	const char *text = remove ? s->value + 1 : s->value;

	if (strchr(text, '/') == NULL || !prefix_parse(&prefix, text))
		return EINVAL;
	return delta_add_allowed(s->peer, &prefix, remove) ? 0 : ENOMEM;
}

static int set_protocol_version(struct set *s)
{
	return strcmp(s->value, "1") == 0 ? 0 : EINVAL;
}

struct field {
	const char *key;
	int (*set)(struct set *s); /* 0 or a positive errno */
};

static const struct field device_fields[] = {
	{"private_key", set_private_key},
	{"listen_port", set_listen_port},
	{"fwmark", set_fwmark},
	{"replace_peers", set_replace_peers},
	{"public_key", set_public_key}, /* begins the first peer */
	{NULL, NULL},
};

static const struct field peer_fields[] = {
	{"public_key", set_public_key}, /* begins the next peer */
	{"remove", set_remove},
	{"update_only", set_update_only},
	{"preshared_key", set_preshared_key},
	{"endpoint", set_endpoint},
	{"persistent_keepalive_interval", set_keepalive},
	{"replace_allowed_ips", set_replace_allowed},
	{"allowed_ip", set_allowed_ip},
	{"protocol_version", set_protocol_version},
	{NULL, NULL},
};

static const struct field *find_field(const struct field *f, const char *key, size_t len)
{
	while (f->key != NULL && (strlen(f->key) != len || memcmp(f->key, key, len) != 0))
		f++;
	return f->key != NULL ? f : NULL;
}

static int set_line(struct set *s, const char *line, size_t len)
{
	const char *equals = memchr(line, '=', len);

	if (equals == NULL)
		return EPROTO;

	const struct field *f =
		find_field(s->peer ? peer_fields : device_fields, line, (size_t)(equals - line));
	const char *value = equals + 1;
	size_t value_len = (size_t)(line + len - value);
	if (f == NULL || value_len >= VALUE_MAX || memchr(value, '\0', value_len) != NULL)
		return EINVAL;

	memcpy(s->value, value, value_len);
	s->value[value_len] = '\0';
	return f->set(s);
}

/* The lines between the first and the blank one, to the first that is wrong. */
static int set_lines(struct set *s, const char *text, size_t len)
{
	const char *end = text + len, *eol;
	int error = 0;

	for (; error == 0 && (eol = memchr(text, '\n', (size_t)(end - text))) != NULL;
	     text = eol + 1)
		error = set_line(s, text, (size_t)(eol - text));
	return error;
}

enum uapi_request uapi_read(const char *text, size_t len, struct delta **delta, int *error)
{
	*delta = NULL;
	*error = EPROTO;
	if (len <= OP_LEN || uapi_frame(text, len) != len)
		return UAPI_BAD;
	if (text[0] == 'g') {
		*error = len == OP_LEN + 1 ? 0 : EINVAL;
		return *error == 0 ? UAPI_GET : UAPI_BAD_GET;
	}

	struct set s = {.delta = delta_new()};
	*error = s.delta != NULL ? set_lines(&s, text + OP_LEN, len - OP_LEN - 1) : ENOMEM;
	key_wipe(s.value, sizeof s.value);
	if (*error != 0) {
		delta_free(s.delta);
		return UAPI_BAD;
	}
	*delta = s.delta;
	return UAPI_SET;
}

/* --- writing ---------------------------------------------------------------------------- */

/* The answer is written twice: once to learn its length, once into memory taken for exactly that,
 * so that no copy of a key is left behind by growing. */
struct answer {
	char *text; /* NULL: only count */
	size_t len;
};

static void put_bytes(struct answer *a, const char *bytes, size_t len)
{
	if (a->text != NULL)
		memcpy(a->text + a->len, bytes, len);
	a->len += len;
}

static void put(struct answer *a, const char *key, const char *value)
{
	put_bytes(a, key, strlen(key));
	put_bytes(a, "=", 1);
	put_bytes(a, value, strlen(value));
	put_bytes(a, "\n", 1);
}

static void put_number(struct answer *a, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	put(a, key, digits);
}

static void put_key(struct answer *a, const char *key, const uint8_t bytes[static KEY_LEN])
{
	char hex[2 * KEY_LEN + 1];

	text_hex32_print(hex, bytes);
	put(a, key, hex);
	key_wipe(hex, sizeof hex);
}

static bool put_allowed(void *ctx, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_MAX];

	put(ctx, "allowed_ip", prefix_print(prefix, text));
	return true;
}

static void put_peer(struct answer *a, const struct mesh *m, const struct peer *p, usec now)
{
	char text[ADDR_TEXT_MAX];
	struct mesh_peer_view v;

	mesh_peer_look(m, p, now, &v);
	uint64_t handshake = v.handshake_wall > 0 ? (uint64_t)v.handshake_wall : 0;
	put_key(a, "public_key", v.key.bytes);
	put_key(a, "preshared_key", v.psk->bytes);
	put(a, "protocol_version", "1");
	if (addr_is_set(&v.endpoint))
		put(a, "endpoint", addr_print(&v.endpoint, text));
	put_number(a, "last_handshake_time_sec", handshake / 1000000);
	put_number(a, "last_handshake_time_nsec", handshake % 1000000 * 1000);
	put_number(a, "tx_bytes", v.tx_bytes);
	put_number(a, "rx_bytes", v.rx_bytes);
	put_number(a, "persistent_keepalive_interval", v.keepalive);
	mesh_peer_allowed(m, p, put_allowed, a);
}

/* Lines in the order of wireguard-go. */
static void put_device(struct answer *a, const struct mesh *m, usec now)
{
	struct mesh_view v;

	mesh_look(m, &v);
	if (v.has_private_key)
		put_key(a, "private_key", v.private_key->bytes);
	if (v.listen_port != 0)
		put_number(a, "listen_port", v.listen_port);
	if (v.fwmark != 0)
		put_number(a, "fwmark", v.fwmark);
	for (const struct peer *p = mesh_peer_next(m, NULL); p != NULL; p = mesh_peer_next(m, p))
		put_peer(a, m, p, now);
	put(a, "errno", "0");
	put_bytes(a, "\n", 1);
}

char *uapi_write_get(const struct mesh *m, usec now, size_t *len)
{
	struct answer count = {0};

	put_device(&count, m, now);
	struct answer a = {.text = key_alloc(count.len + 1)};
	if (a.text == NULL)
		return NULL;
	put_device(&a, m, now);
	*len = a.len;
	return a.text;
}

size_t uapi_write_result(char *buf, size_t room, enum uapi_request what, int error)
{
	bool positive = what == UAPI_GET || what == UAPI_BAD_GET;

	return (size_t)snprintf(buf, room, "errno=%d\n\n", positive ? error : -error);
}
