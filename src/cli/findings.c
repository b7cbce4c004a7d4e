/* warren.netcheck/1 as a report. A daemon is not an attacker, but it may be of another version: what is not as it should be is not
 * understood. */
#include "cli/findings.h"

#include <string.h>

#include "conf/conf_host.h"
#include "nat/report_json.h"

/* Reads one object, field by field; once one is amiss all is. */
struct reading {
	const json_t *object;
	bool ok;
};

static const char *text_of(struct reading *r, const char *name)
{
	const char *text = json_string_value(json_object_get(r->object, name));

	r->ok = r->ok && text != NULL;
	return text != NULL ? text : "";
}

static bool truth_of(struct reading *r, const char *name)
{
	const json_t *value = json_object_get(r->object, name);

	r->ok = r->ok && json_is_boolean(value);
	return json_is_true(value);
}

/* A number; null is 0. */
static json_int_t number_of(struct reading *r, const char *name)
{
	const json_t *value = json_object_get(r->object, name);

	r->ok = r->ok && (json_is_integer(value) || json_is_null(value));
	return json_integer_value(value);
}

static void read_public(struct reading *r, struct nat_view *v)
{
	const json_t *list = json_object_get(r->object, "public");
	size_t count = json_array_size(list);

	r->ok = r->ok && json_is_array(list) && count <= NAT_PUBLIC_MAX;
	for (size_t i = 0; i < count && r->ok; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		r->ok = text != NULL && addr_parse(&v->public[v->public_count++], text);
	}
}

static bool read_view(struct nat_view *v, const json_t *object)
{
	struct reading r = {object, json_is_object(object)};

	v->tested = truth_of(&r, "tested");
	v->dependent = truth_of(&r, "dependent");
	r.ok = report_read_mapping(&v->mapping, text_of(&r, "mapping")) && r.ok;
	r.ok = report_read_filtering(&v->filtering, text_of(&r, "filtering")) && r.ok;
	r.ok = report_read_ports(&v->ports, text_of(&r, "port_pattern")) && r.ok;
	r.ok = report_read_answer(&v->blocked, text_of(&r, "udp_blocked")) && r.ok;
	r.ok = report_read_answer(&v->hairpin, text_of(&r, "hairpin")) && r.ok;
	r.ok = report_read_answer(&v->double_nat, text_of(&r, "double_nat")) && r.ok;
	v->ports_step = (int)number_of(&r, "port_step");
	v->ports_base = (uint16_t)number_of(&r, "port_base");
	v->ports_span = (uint16_t)number_of(&r, "port_span");
	read_public(&r, v);
	v->pooled = truth_of(&r, "pooled");
	v->servers_asked = (unsigned)number_of(&r, "servers_asked");
	v->servers_answered = (unsigned)number_of(&r, "servers_answered");
	v->mapping_ips = (unsigned)number_of(&r, "mapping_ips");
	v->mapping_places = (unsigned)number_of(&r, "mapping_places");
	v->port_samples = (unsigned)number_of(&r, "port_samples");
	v->mapping_took = number_of(&r, "mapping_took_us");
	v->took = number_of(&r, "took_us");
	return r.ok;
}

static bool is_name(const char *text)
{
	char copy[CONF_HOST_TEXT_MAX];
	struct conf_endpoint where;

	return conf_host_copy(&where, copy, text, 1) == CONF_HOST_OK;
}

static bool read_server(struct nat_server_line *s, const json_t *object)
{
	struct reading r = {object, json_is_object(object)};
	const json_t *address = json_object_get(object, "address");

	s->name = text_of(&r, "name");
	r.ok = r.ok && is_name(s->name);
	if (!json_is_null(address))
		r.ok = addr_parse(&s->addr, text_of(&r, "address")) && r.ok;
	r.ok = report_read_server(&s->state, text_of(&r, "state")) && r.ok;
	r.ok = report_read_answer(&s->two_faces, text_of(&r, "second_address")) && r.ok;
	s->rtt = number_of(&r, "rtt_us");
	return r.ok;
}

bool findings_read(struct nat_report *r, const json_t *o)
{
	const json_t *servers = json_object_get(o, "servers");
	const char *schema = json_string_value(json_object_get(o, "schema"));
	struct reading nat = {json_object_get(o, "nat"), true};
	bool ok = schema != NULL && strcmp(schema, REPORT_JSON_SCHEMA) == 0;

	*r = (struct nat_report){.checked_at = number_of(&nat, "checked_unix_ns") / 1000};
	r->server_count = json_array_size(servers);
	ok = ok && nat.ok && json_is_array(servers) && r->server_count <= NAT_SERVERS_MAX &&
	     read_view(&r->v4, json_object_get(o, "ipv4")) &&
	     read_view(&r->v6, json_object_get(o, "ipv6"));
	for (size_t i = 0; i < r->server_count && ok; i++)
		ok = read_server(&r->servers[i], json_array_get(servers, i));
	return ok;
}
