/* warren.netcheck/1. Words, numbers and addresses only: nothing here has to be escaped. */
#include "nat/report_json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct text {
	char *at, *end;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(t->at, (size_t)(t->end - t->at), fmt, args);
	va_end(args);
	assert(len >= 0 && len < t->end - t->at); /* REPORT_JSON_MAX has room for the longest */
	t->at += len;
}

static const char *truth(bool is)
{
	return is ? "true" : "false";
}

/* "NAME":value, or null where it is not known. */
static void put_number(struct text *t, const char *name, bool known, int64_t value)
{
	if (known)
		put(t, "\"%s\":%" PRId64 ",", name, value);
	else
		put(t, "\"%s\":null,", name);
}

static void put_addrs(struct text *t, const struct addr *addrs, unsigned count, const char *before)
{
	char addr[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < count; i++)
		put(t, "%s\"%s\"", i > 0 ? "," : before, addr_print(&addrs[i], addr));
}

/* The same as in warren.status/1: both families as one. */
static void put_nat(struct text *t, const struct nat_report *r, usec wall_offset)
{
	const struct nat_view *v = report_view(r);

	put(t, "\"mapping\":\"%s\",\"filtering\":\"%s\",\"port_pattern\":\"%s\",\"public\":[",
	    report_mapping(v->mapping), report_filtering(v->filtering), report_ports(v->ports));
	put_addrs(t, r->v4.public, r->v4.public_count, "");
	put_addrs(t, r->v6.public, r->v6.public_count, r->v4.public_count > 0 ? "," : "");
	put(t, "],\"udp_blocked\":%s,\"hairpin\":\"%s\",\"double_nat\":\"%s\",",
	    truth(v->blocked == NAT_YES), report_answer(v->hairpin), report_answer(v->double_nat));
	put_number(t, "checked_unix_ns", r->checked_at != 0, (r->checked_at + wall_offset) * 1000);
	t->at--; /* its comma */
}

static void put_view(struct text *t, const struct nat_view *v)
{
	put(t, "\"tested\":%s,\"dependent\":%s,", truth(v->tested), truth(v->dependent));
	put(t,
	    "\"mapping\":\"%s\",\"filtering\":\"%s\",\"port_pattern\":\"%s\",\"udp_"
	    "blocked\":\"%s\",\"hairpin\":\"%s\",\"double_nat\":\"%s\",",
	    report_mapping(v->mapping), report_filtering(v->filtering), report_ports(v->ports),
	    report_answer(v->blocked), report_answer(v->hairpin), report_answer(v->double_nat));
	put_number(t, "port_step", v->ports == NAT_PORTS_SEQUENTIAL, v->ports_step);
	put_number(t, "port_base", v->ports == NAT_PORTS_BLOCK, v->ports_base);
	put_number(t, "port_span", v->ports == NAT_PORTS_BLOCK, v->ports_span);
	put(t, "\"public\":[");
	put_addrs(t, v->public, v->public_count, "");
	put(t, "],\"pooled\":%s,\"servers_asked\":%u,\"servers_answered\":%u,", truth(v->pooled),
	    v->servers_asked, v->servers_answered);
	put(t, "\"mapping_ips\":%u,\"mapping_places\":%u,\"port_samples\":%u,", v->mapping_ips,
	    v->mapping_places, v->port_samples);
	put_number(t, "mapping_took_us", v->mapping_took != 0, v->mapping_took);
	put_number(t, "took_us", v->took != 0, v->took);
	t->at--;
}

static void put_server(struct text *t, const struct nat_server_line *s)
{
	char addr[ADDR_TEXT_MAX];

	put(t, "{\"name\":\"%s\",", s->name != NULL ? s->name : addr_print(&s->addr, addr));
	if (addr_is_set(&s->addr))
		put(t, "\"address\":\"%s\",", addr_print(&s->addr, addr));
	else
		put(t, "\"address\":null,");
	put(t, "\"state\":\"%s\",\"second_address\":\"%s\",", report_server(s->state),
	    report_answer(s->two_faces));
	put_number(t, "rtt_us", s->rtt != 0, s->rtt);
	t->at[-1] = '}';
}

size_t report_json_write(const struct nat_report *r, usec wall_offset,
			 char buf[static REPORT_JSON_MAX])
{
	struct text t = {buf, buf + REPORT_JSON_MAX};

	put(&t, "{\"schema\":\"" REPORT_JSON_SCHEMA "\",\"nat\":{");
	put_nat(&t, r, wall_offset);
	put(&t, "},\"ipv4\":{");
	put_view(&t, &r->v4);
	put(&t, "},\"ipv6\":{");
	put_view(&t, &r->v6);
	put(&t, "},\"servers\":[");
	for (size_t i = 0; i < r->server_count; i++) {
		put(&t, i > 0 ? "," : "");
		put_server(&t, &r->servers[i]);
	}
	put(&t, "],\"turn\":[]}");
	return (size_t)(t.at - buf);
}

const char *report_json_step(enum survey_step step)
{
	switch (step) {
	case SURVEY_STEP_SERVERS:
		return "servers";
	case SURVEY_STEP_MAPPING:
		return "mapping";
	case SURVEY_STEP_PORTS:
		return "ports";
	case SURVEY_STEP_FILTERING:
		return "filtering";
	case SURVEY_STEP_HAIRPIN:
	case SURVEY_STEPS:
		break;
	}
	return "hairpin";
}
