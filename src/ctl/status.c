/* The JSON objects of `warren status --json` and `warren events --json`: every field of interface.md
 * section 4, always; what is not known is null, unknown or none. docs/schema says the same to programs. */
#include "ctl/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/drop.h"

#define MISSED_FOR SEC(120) /* a peer that is down, after its last packet: interface.md section 4 */

/* One field of an object. Values made without memory are NULL and make the whole object NULL. */
struct field {
	const char *name;
	json_t *value;
};

/* An object of the fields up to the one without a name; it takes their values. */
static json_t *object(const struct field *f)
{
	json_t *o = json_object();
	bool whole = o != NULL;

	for (; f->name != NULL; f++)
		whole = json_object_set_new(o, f->name, f->value) == 0 && whole;
	if (whole)
		return o;
	json_decref(o);
	return NULL;
}

/* Takes the value. False without memory, and then the list is gone. */
static bool append(json_t **list, json_t *value)
{
	if (json_array_append_new(*list, value) == 0)
		return true;
	json_decref(*list);
	*list = NULL;
	return false;
}

/* JSON integers are signed 64 bits here: a greater count stays at the greatest. */
static json_t *number(uint64_t value)
{
	return json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX);
}

/* 0: not known. */
static json_t *number_or_null(uint64_t value)
{
	return value != 0 ? number(value) : json_null();
}

/* An instant in microseconds since 1970; 0: there was none. */
static json_t *unix_ns(usec wall)
{
	if (wall <= 0)
		return json_null();
	return json_integer(wall < INT64_MAX / 1000 ? wall * 1000 : INT64_MAX);
}

/* JSON wants UTF-8. A name from the host need not be: bytes outside ASCII then become question
 * marks. */
static json_t *name_text(const char *name)
{
	json_t *text = json_string(name);
	if (text != NULL)
		return text;

	char *plain = strdup(name);
	if (plain == NULL)
		return NULL;
	for (char *c = plain; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	text = json_string(plain);
	free(plain);
	return text;
}

static json_t *key_text(const struct key_public *key)
{
	char text[KEY_TEXT_LEN + 1];

	text_base64_print(text, key->bytes);
	return json_string(text);
}

static json_t *addr_or_null(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return addr_is_set(a) ? json_string(addr_print(a, text)) : json_null();
}

/* --- one peer --------------------------------------------------------------------------- */

const char *status_state_name(enum mesh_peer_state state)
{
	switch (state) {
	case MESH_PEER_IDLE:
		return "idle";
	case MESH_PEER_DIRECT:
		return "direct";
	case MESH_PEER_DOWN:
		return "down";
	}
	return "idle";
}

static bool add_prefix(void *ctx, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_MAX];

	return append(ctx, json_string(prefix_print(prefix, text)));
}

static json_t *allowed_ips(const struct mesh *m, const struct peer *p)
{
	json_t *list = json_array();

	mesh_peer_allowed(m, p, add_prefix, &list);
	return list;
}

/* How packets travel now. Round trip, jitter and loss are measured by probes, and a plain peer
 * answers none. */
static json_t *path(const struct mesh_view *node, const struct mesh_peer_view *v)
{
	bool open = v->plain && v->state == MESH_PEER_DIRECT;

	return object((const struct field[]){
		{"kind", json_string(open ? "plain" : "none")},
		{"remote", addr_or_null(&v->endpoint)},
		{"via", json_null()},
		{"rtt_us", json_null()},
		{"jitter_us", json_null()},
		{"loss_ppm", json_null()},
		{"since_unix_ns", unix_ns(v->direct_since_wall)},
		{"mtu", number_or_null(open ? node->mtu : 0)},
		{NULL, NULL},
	});
}

static json_t *peer(const struct mesh *m, const struct mesh_view *node, const struct peer *p,
		    usec now)
{
	char short_key[KEY_SHORT_MAX];
	struct mesh_peer_view v;

	mesh_peer_look(m, p, now, &v);
	return object((const struct field[]){
		{"name", name_text(v.name[0] ? v.name : key_public_short(&v.key, short_key))},
		{"public_key", key_text(&v.key)},
		{"allowed_ips", allowed_ips(m, p)},
		{"anchor", json_boolean(v.anchor)},
		{"plain", json_boolean(v.plain)},
		{"state", json_string(status_state_name(v.state))},
		{"path", path(node, &v)},
		{"standby", json_null()},
		{"switches", number(v.switches)},
		{"reason", json_string("none")},
		{"latest_handshake_unix_ns", unix_ns(v.handshake_wall)},
		{"rx_bytes", number(v.rx_bytes)},
		{"tx_bytes", number(v.tx_bytes)},
		{NULL, NULL},
	});
}

static json_t *peers(const struct mesh *m, const struct mesh_view *node, usec now)
{
	json_t *list = json_array();
	const struct peer *p = NULL;

	while ((p = mesh_peer_next(m, p)) != NULL)
		if (!append(&list, peer(m, node, p, now)))
			break;
	return list;
}

/* --- the node --------------------------------------------------------------------------- */

struct health {
	const char *word, *reason;
};

static struct health health(const struct mesh *m, const struct mesh_view *node, usec now)
{
	size_t anchors = 0, anchors_down = 0, peers_down = 0;
	const struct peer *p = NULL;

	while ((p = mesh_peer_next(m, p)) != NULL) {
		struct mesh_peer_view v;
		mesh_peer_look(m, p, now, &v);
		bool down = v.state == MESH_PEER_DOWN;
		anchors += v.anchor;
		anchors_down += v.anchor && down;
		/* One that never spoke, or that nobody wants, is not missed. */
		peers_down += down && v.rx_bytes != 0 && v.idle_for < MISSED_FOR;
	}
	if (node->listen_port == 0)
		return (struct health){"unhealthy", "no UDP port is open"};
	if (node->overlay_down)
		return (struct health){"unhealthy", "the interface is down"};
	if (anchors != 0 && anchors_down == anchors)
		return (struct health){"unhealthy", "no anchor answers"};
	if (anchors_down != 0)
		return (struct health){"degraded", "an anchor does not answer"};
	if (peers_down != 0)
		return (struct health){"degraded", "a peer does not answer"};
	return (struct health){"healthy", "none"};
}

static json_t *public_addrs(const struct nat_report *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->v4.public_count; i++)
		if (!append(&list, addr_or_null(&r->v4.public[i])))
			return NULL;
	for (unsigned i = 0; i < r->v6.public_count; i++)
		if (!append(&list, addr_or_null(&r->v6.public[i])))
			return NULL;
	return list;
}

/* The same fields as in nat/report_json.c. */
static json_t *nat(const struct mesh *m)
{
	struct mesh_nat n;
	const struct nat_view *v;

	mesh_nat_look(m, &n);
	v = report_view(n.report);
	return object((const struct field[]){
		{"mapping", json_string(report_mapping(v->mapping))},
		{"filtering", json_string(report_filtering(v->filtering))},
		{"port_pattern", json_string(report_ports(v->ports))},
		{"public", public_addrs(n.report)},
		{"udp_blocked", json_boolean(v->blocked == NAT_YES)},
		{"hairpin", json_string(report_answer(v->hairpin))},
		{"double_nat", json_string(report_answer(v->double_nat))},
		{"checked_unix_ns",
		 unix_ns(n.report->checked_at != 0 ? n.report->checked_at + n.wall_offset : 0)},
		{NULL, NULL},
	});
}

static json_t *drops(const struct drops *d)
{
	struct field fields[DROP_COUNT] = {
		0}; /* the last one's place is free: DROP_NONE is no reason */

	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		fields[i - 1] = (struct field){drop_name(i), number(d->count[i])};
	return object(fields);
}

static json_t *batches(const struct stage *s)
{
	struct field fields[STAGE_LIMITS + 2] = {0};
	char names[STAGE_LIMITS][16];

	for (size_t i = 0; i < STAGE_LIMITS; i++) {
		snprintf(names[i], sizeof names[i], "to_%zu", stages_limit(i));
		fields[i] = (struct field){names[i], number(s->batches[i])};
	}
	fields[STAGE_LIMITS] = (struct field){"more", number(s->batches[STAGE_LIMITS])};
	return object(fields);
}

static json_t *stages_object(const struct stages *s)
{
	struct field fields[STAGE_COUNT + 4] = {0};

	for (int i = 0; i < STAGE_COUNT; i++) {
		const struct stage *at = &s->stage[i];
		fields[i].name = stages_name(i);
		fields[i].value = object((const struct field[]){
			{"calls", number(at->calls)},
			{"messages", number(at->messages)},
			{"packets", number(at->packets)},
			{"batches", batches(at)},
			{NULL, NULL},
		});
	}
	fields[STAGE_COUNT] = (struct field){"tun_super_packets", number(s->tun_super)};
	fields[STAGE_COUNT + 1] = (struct field){"tun_joined_packets", number(s->tun_joined)};
	fields[STAGE_COUNT + 2] = (struct field){"udp_apart_messages", number(s->udp_apart)};
	return object(fields);
}

/* Not json_dumps: jansson 2.14 goes on when its growing buffer could not take the name of a field. */
static char *print(const json_t *status)
{
	size_t len = json_dumpb(status, NULL, 0, JSON_COMPACT);
	char *text = len != 0 ? malloc(len + 1) : NULL;

	if (text == NULL)
		return NULL;
	if (json_dumpb(status, text, len, JSON_COMPACT) != len) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

char *status_json(const struct mesh *m, const char *interface, const char *host_name,
		  const struct stages *stages, usec now)
{
	struct mesh_view v;

	mesh_look(m, &v);
	struct health state = health(m, &v, now);
	json_t *status = object((const struct field[]){
		{"schema", json_string(STATUS_SCHEMA)},
		{"interface", name_text(interface)},
		{"name", name_text(v.name[0] ? v.name : host_name)},
		{"public_key", v.has_private_key ? key_text(&v.public_key) : json_null()},
		{"listen_port", number_or_null(v.listen_port)},
		{"health", json_string(state.word)},
		{"health_reason", json_string(state.reason)},
		{"nat", nat(m)},
		{"peers", peers(m, &v, now)},
		{"drops", drops(&v.drops)},
		{"stages", stages_object(stages)},
		{NULL, NULL},
	});
	char *text = print(status);

	json_decref(status);
	return text;
}

/* --- events ----------------------------------------------------------------------------- */

static const char *reason_name(enum event_reason reason)
{
	switch (reason) {
	case EVENT_ADDED:
		return "added";
	case EVENT_HANDSHAKE:
		return "handshake";
	case EVENT_HEARD:
		return "heard";
	case EVENT_ROAMED:
		return "roamed";
	case EVENT_NO_ANSWER:
		return "no-answer";
	case EVENT_EXPIRED:
		return "expired";
	case EVENT_NEW_KEY:
		return "new-key";
	case EVENT_REMOVED:
		return "removed";
	case EVENT_LOST:
		return "lost";
	}
	return "lost";
}

char *status_event(const struct event *e)
{
	bool lost = e->reason == EVENT_LOST;
	bool was = !lost && e->reason != EVENT_ADDED, is = !lost && e->reason != EVENT_REMOVED;
	json_t *event = object((const struct field[]){
		{"schema", json_string(STATUS_EVENT_SCHEMA)},
		{"time_unix_ns", unix_ns(e->wall)},
		{"peer", lost ? json_null() : name_text(e->peer)},
		{"from", was ? json_string(status_state_name(e->from)) : json_null()},
		{"to", is ? json_string(status_state_name(e->to)) : json_null()},
		{"reason", json_string(reason_name(e->reason))},
		{"took_us", e->took == USEC_NEVER ? json_null() : json_integer(e->took)},
		{NULL, NULL},
	});
	char *text = print(event);

	json_decref(event);
	return text;
}
