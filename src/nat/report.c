/* Words for what was found out, and the report for a person (interface.md section 4). */
#include "nat/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- words of the JSON ------------------------------------------------------------------------------------------- */

static const char *const mappings[] = {
	[NAT_MAPPING_UNKNOWN] = "unknown",
	[NAT_MAPPING_NONE] = "none",
	[NAT_MAPPING_ENDPOINT_INDEPENDENT] = "endpoint-independent",
	[NAT_MAPPING_ADDRESS_DEPENDENT] = "address-dependent",
	[NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
};

static const char *const filterings[] = {
	[NAT_FILTERING_UNKNOWN] = "unknown",
	[NAT_FILTERING_ENDPOINT_INDEPENDENT] = "endpoint-independent",
	[NAT_FILTERING_ADDRESS_DEPENDENT] = "address-dependent",
	[NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
};

static const char *const port_rules[] = {
	[NAT_PORTS_UNKNOWN] = "unknown",       [NAT_PORTS_PRESERVE] = "preserve",
	[NAT_PORTS_SEQUENTIAL] = "sequential", [NAT_PORTS_BLOCK] = "block",
	[NAT_PORTS_RANDOM] = "random",
};

static const char *const answers[] = {
	[NAT_UNKNOWN] = "unknown",
	[NAT_NO] = "no",
	[NAT_YES] = "yes",
};

static const char *const servers[] = {
	[NAT_SERVER_UNASKED] = "unasked",   [NAT_SERVER_UNRESOLVED] = "unresolved",
	[NAT_SERVER_TWIN] = "twin",         [NAT_SERVER_ASKED] = "silent",
	[NAT_SERVER_ANSWERED] = "answered", [NAT_SERVER_REFUSED] = "refused",
	[NAT_SERVER_LIES] = "lies",         [NAT_SERVER_ALONE] = "alone",
};

#define COUNT(words) (sizeof(words) / sizeof(words)[0])

/* Which of the words it is, or -1. */
static int find_word(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, words[i]) == 0)
			return (int)i;
	return -1;
}

const char *report_mapping(enum nat_mapping m)
{
	return mappings[m];
}

const char *report_filtering(enum nat_filtering f)
{
	return filterings[f];
}

const char *report_ports(enum nat_ports p)
{
	return port_rules[p];
}

const char *report_answer(enum nat_answer a)
{
	return answers[a];
}

const char *report_server(enum nat_server s)
{
	return servers[s];
}

bool report_read_mapping(enum nat_mapping *out, const char *word)
{
	int found = find_word(word, mappings, COUNT(mappings));

	if (found < 0)
		return false;
	*out = (enum nat_mapping)found;
	return true;
}

bool report_read_filtering(enum nat_filtering *out, const char *word)
{
	int found = find_word(word, filterings, COUNT(filterings));

	if (found < 0)
		return false;
	*out = (enum nat_filtering)found;
	return true;
}

bool report_read_ports(enum nat_ports *out, const char *word)
{
	int found = find_word(word, port_rules, COUNT(port_rules));

	if (found < 0)
		return false;
	*out = (enum nat_ports)found;
	return true;
}

bool report_read_answer(enum nat_answer *out, const char *word)
{
	int found = find_word(word, answers, COUNT(answers));

	if (found < 0)
		return false;
	*out = (enum nat_answer)found;
	return true;
}

bool report_read_server(enum nat_server *out, const char *word)
{
	int found = find_word(word, servers, COUNT(servers));

	if (found < 0)
		return false;
	*out = (enum nat_server)found;
	return true;
}

/* --- the classes of nat.md section 3 ----------------------------------------------------------------------------- */

#define PREDICTED_STEP_MAX 16 /* nat.md section 3, class S */

const struct nat_view *report_view(const struct nat_report *r)
{
	bool only_v6 = r->v6.servers_answered > 0 && r->v4.servers_answered == 0;

	return only_v6 || !r->v4.tested ? &r->v6 : &r->v4;
}

static bool is_predictable(const struct nat_view *v)
{
	switch (v->ports) {
	case NAT_PORTS_PRESERVE:
	case NAT_PORTS_BLOCK:
		return true;
	case NAT_PORTS_SEQUENTIAL:
		return abs(v->ports_step) <= PREDICTED_STEP_MAX;
	case NAT_PORTS_UNKNOWN:
	case NAT_PORTS_RANDOM:
		break;
	}
	return false;
}

enum nat_ease report_ease(const struct nat_view *v)
{
	if (v->blocked == NAT_YES)
		return NAT_EASE_BLOCKED;
	switch (v->mapping) {
	case NAT_MAPPING_NONE:
		return v->filtering == NAT_FILTERING_ENDPOINT_INDEPENDENT ? NAT_EASE_OPEN
									  : NAT_EASE_EASY;
	case NAT_MAPPING_ENDPOINT_INDEPENDENT:
		return v->pooled ? NAT_EASE_MEDIUM : NAT_EASE_EASY;
	case NAT_MAPPING_ADDRESS_DEPENDENT:
	case NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT:
		return is_predictable(v) ? NAT_EASE_MEDIUM : NAT_EASE_HARD;
	case NAT_MAPPING_UNKNOWN:
		break;
	}
	if (!v->dependent)
		return NAT_EASE_UNKNOWN;
	return is_predictable(v) ? NAT_EASE_MEDIUM : NAT_EASE_HARD;
}

static const char *ease_word(enum nat_ease e)
{
	static const char *const words[] = {
		[NAT_EASE_UNKNOWN] = "unknown", [NAT_EASE_OPEN] = "open",
		[NAT_EASE_EASY] = "easy",       [NAT_EASE_MEDIUM] = "medium",
		[NAT_EASE_HARD] = "hard",       [NAT_EASE_BLOCKED] = "blocked",
	};
	return words[e];
}

static const char *filter_word(enum nat_filtering f)
{
	static const char *const words[] = {
		[NAT_FILTERING_UNKNOWN] = "filtering unknown",
		[NAT_FILTERING_ENDPOINT_INDEPENDENT] = "open to all",
		[NAT_FILTERING_ADDRESS_DEPENDENT] = "address-restricted",
		[NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = "port-restricted",
	};
	return words[f];
}

static const char *ports_words(enum nat_ports p)
{
	static const char *const words[] = {
		[NAT_PORTS_UNKNOWN] = "unknown ports",
		[NAT_PORTS_PRESERVE] = "preserved ports",
		[NAT_PORTS_SEQUENTIAL] = "sequential ports",
		[NAT_PORTS_BLOCK] = "ports of a block",
		[NAT_PORTS_RANDOM] = "random ports",
	};
	return words[p];
}

static const char *mapping_words(const struct nat_view *v)
{
	return v->mapping == NAT_MAPPING_UNKNOWN && v->dependent ? "endpoint-dependent"
								 : mappings[v->mapping];
}

const char *report_headline(const struct nat_view *v, char buf[static REPORT_HEADLINE_MAX])
{
	enum nat_ease ease = report_ease(v);
	bool tells_ports = v->dependent || v->mapping == NAT_MAPPING_ADDRESS_DEPENDENT ||
			   v->mapping == NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;

	if (ease == NAT_EASE_BLOCKED)
		snprintf(buf, REPORT_HEADLINE_MAX, "UDP blocked");
	else if (ease == NAT_EASE_UNKNOWN)
		snprintf(buf, REPORT_HEADLINE_MAX, "unknown");
	else
		snprintf(buf, REPORT_HEADLINE_MAX, "%s, %s (%s)", mapping_words(v),
			 tells_ports ? ports_words(v->ports) : filter_word(v->filtering),
			 ease_word(ease));
	return buf;
}

/* --- the report -------------------------------------------------------------------------------------------------- */

#define COLUMNS 80
#define LABEL   20 /* width of the first column */
#define VALUE   28 /* of the second, where a remark follows */
#define NAME    58 /* of a server; longer ones are cut */
#define LINE    512

struct page {
	char *at, *end;
};

static void put(struct page *p, const char *text, size_t len)
{
	size_t room = (size_t)(p->end - p->at);

	len = len < room ? len : room;
	memcpy(p->at, text, len);
	p->at += len;
}

/* Text broken at spaces into lines, all but the first behind `indent` spaces; `used` columns are taken of the first. */
static void put_wrapped(struct page *p, const char *text, size_t used, size_t indent)
{
	while (*text != '\0') {
		size_t room = COLUMNS - used, len = strlen(text);
		if (len > room) {
			for (len = room; len > 0 && text[len] != ' '; len--)
				;
			len = len > 0 ? len : room;
		}
		put(p, text, len);
		put(p, "\n", 1);
		for (text += len; *text == ' '; text++)
			;
		used = indent;
		for (size_t i = 0; i < indent && *text != '\0'; i++)
			put(p, " ", 1);
	}
}

__attribute__((format(printf, 3, 4))) static void line(struct page *p, const char *label,
						       const char *fmt, ...)
{
	char head[LABEL + 1], text[LINE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	snprintf(head, sizeof head, "%-*s", LABEL, label);
	put(p, head, LABEL);
	put_wrapped(p, text, LABEL, LABEL);
}

static void udp_line(struct page *p, const struct nat_report *r)
{
	unsigned asked = r->v4.servers_asked + r->v6.servers_asked;
	unsigned answered = r->v4.servers_answered + r->v6.servers_answered;
	const struct nat_view *v = report_view(r);

	if (answered > 0)
		line(p, "UDP", "works (%u of %u server%s answered)", answered, asked,
		     asked == 1 ? "" : "s");
	else if (v->blocked == NAT_YES)
		line(p, "UDP", "blocked (none of %u servers answered)", asked);
	else if (asked > 0)
		line(p, "UDP", "unknown (the server did not answer)");
	else
		line(p, "UDP", "unknown (no server to ask)");
}

/* Servers whose answers do not count. */
static void server_lines(struct page *p, const struct nat_report *r)
{
	static const char *const texts[] = {
		[NAT_SERVER_UNASKED] = "not asked",
		[NAT_SERVER_UNRESOLVED] = "its name leads to no address",
		[NAT_SERVER_TWIN] = "the same host as one before",
		[NAT_SERVER_ASKED] = "no answer",
		[NAT_SERVER_ANSWERED] = NULL,
		[NAT_SERVER_REFUSED] = "answers with an error",
		[NAT_SERVER_LIES] = "says what cannot be our address; not believed",
		[NAT_SERVER_ALONE] = "says otherwise than all others; not believed",
	};
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < r->server_count; i++) {
		const struct nat_server_line *s = &r->servers[i];
		const char *name = s->name != NULL ? s->name : addr_print(&s->addr, addr);
		bool is_long = strlen(name) > NAME;
		if (texts[s->state] != NULL)
			line(p, "Server", "%.*s%s: %s", is_long ? NAME - 3 : NAME, name,
			     is_long ? "..." : "", texts[s->state]);
	}
}

static void public_line(struct page *p, const struct nat_view *v)
{
	char text[LINE / 2] = "", addr[ADDR_TEXT_MAX];
	size_t used = 0;

	if (v->public_count == 0) {
		line(p, "Public address", "unknown");
		return;
	}
	for (unsigned i = 0; i < v->public_count && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? ", " : "",
					 addr_print(&v->public[i], addr));
	if (v->public_count > 1)
		line(p, "Public address", "%s (asked %u places)", text, v->mapping_places);
	else if (v->mapping_ips == 1)
		line(p, "Public address", "%s, seen from one server", text);
	else if (v->mapping_ips == 2)
		line(p, "Public address", "%s, the same seen from both servers", text);
	else
		line(p, "Public address", "%s, the same seen from all %u servers", text,
		     v->mapping_ips);
}

static void mapping_line(struct page *p, const struct nat_view *v)
{
	const char *remark = "";

	switch (v->mapping) {
	case NAT_MAPPING_NONE:
		remark = "our address is the public one";
		break;
	case NAT_MAPPING_ENDPOINT_INDEPENDENT:
		remark = v->pooled ? "one port, but several public IPs"
				   : "one public port for all peers";
		break;
	case NAT_MAPPING_ADDRESS_DEPENDENT:
		remark = "a public port for each peer's IP";
		break;
	case NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT:
		remark = "a public port for each peer";
		break;
	case NAT_MAPPING_UNKNOWN:
		remark = v->dependent ? "of which kind is unknown" : "too few servers answered";
		break;
	}
	line(p, "NAT mapping", "%-*s%s", VALUE, mapping_words(v), remark);
}

static void filtering_line(struct page *p, const struct nat_view *v)
{
	static const char *const remarks[] = {
		[NAT_FILTERING_UNKNOWN] = "no server could test it",
		[NAT_FILTERING_ENDPOINT_INDEPENDENT] = "anybody gets in",
		[NAT_FILTERING_ADDRESS_DEPENDENT] = "a peer's IP must be contacted",
		[NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = "peers must be contacted first",
	};

	line(p, v->mapping == NAT_MAPPING_NONE ? "Filtering" : "NAT filtering", "%-*s%s", VALUE,
	     filterings[v->filtering], remarks[v->filtering]);
}

static void ports_line(struct page *p, const struct nat_view *v)
{
	switch (v->ports) {
	case NAT_PORTS_UNKNOWN:
		line(p, "Port pattern", "unknown (%u samples)", v->port_samples);
		break;
	case NAT_PORTS_PRESERVE:
		line(p, "Port pattern", "preserved");
		break;
	case NAT_PORTS_SEQUENTIAL:
		line(p, "Port pattern", "sequential, step %d (%u samples)", v->ports_step,
		     v->port_samples);
		break;
	case NAT_PORTS_BLOCK:
		line(p, "Port pattern", "within a block: %u to %u at least (%u samples)",
		     v->ports_base, v->ports_base + v->ports_span - 1, v->port_samples);
		break;
	case NAT_PORTS_RANDOM:
		line(p, "Port pattern", "random (%u samples)", v->port_samples);
		break;
	}
}

/* The other family in a line. */
static void family_line(struct page *p, const char *label, const struct nat_view *v)
{
	static const char *const inbound[] = {
		[NAT_FILTERING_UNKNOWN] = "inbound unknown",
		[NAT_FILTERING_ENDPOINT_INDEPENDENT] = "inbound open",
		[NAT_FILTERING_ADDRESS_DEPENDENT] = "inbound filtered by address",
		[NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = "inbound filtered",
	};
	char addr[ADDR_TEXT_MAX];

	if (!v->tested)
		line(p, label, "no address");
	else if (v->servers_asked == 0)
		line(p, label, "unknown: no server to ask");
	else if (v->public_count == 0)
		line(p, label, "%s",
		     v->servers_answered > 0 ? "works, address unknown"
		     : v->blocked == NAT_YES ? "no: no server answers"
					     : "unknown: the server did not answer");
	else
		line(p, label, "yes, %s, %s%s", addr_print_ip(&v->public[0], addr),
		     v->mapping == NAT_MAPPING_NONE ? "" : "translated, ", inbound[v->filtering]);
}

static void verdict(struct page *p, const struct nat_view *v)
{
	static const char *const texts[] = {
		[NAT_EASE_UNKNOWN] = "Verdict: UNKNOWN. What was heard does not suffice: name more "
				     "STUN servers, "
				     "best one that has two addresses.",
		[NAT_EASE_OPEN] =
			"Verdict: OPEN. Direct paths will work to everyone who can send UDP.",
		[NAT_EASE_EASY] =
			"Verdict: EASY. Direct paths will work to everyone except peers behind "
			"random-port NATs; those need a relay.",
		[NAT_EASE_MEDIUM] =
			"Verdict: MEDIUM. Direct paths will work to peers that are easy to reach, "
			"and by guessing ports to some others; the rest need a relay.",
		[NAT_EASE_HARD] =
			"Verdict: HARD. Direct paths will work only to peers that are open or "
			"filter by address alone; the others need a relay.",
		[NAT_EASE_BLOCKED] =
			"Verdict: BLOCKED. No UDP gets through: everything needs a relay over TCP "
			"or TLS.",
	};

	put_wrapped(p, texts[report_ease(v)], 0, 0);
}

size_t report_text(const struct nat_report *r, char buf[static REPORT_TEXT_MAX])
{
	struct page p = {.at = buf, .end = buf + REPORT_TEXT_MAX - 1};
	const struct nat_view *v = report_view(r);

	udp_line(&p, r);
	server_lines(&p, r);
	if (v->servers_answered > 0) {
		public_line(&p, v);
		mapping_line(&p, v);
		filtering_line(&p, v);
		if (v->mapping != NAT_MAPPING_NONE) {
			ports_line(&p, v);
			line(&p, "Hairpin", "%s", answers[v->hairpin]);
		}
		if (v->double_nat == NAT_YES)
			line(&p, "Double NAT", "yes: a second NAT lies behind the first");
	}
	if (v == &r->v4)
		family_line(&p, "IPv6", &r->v6);
	else
		family_line(&p, "IPv4", &r->v4);
	verdict(&p, v);
	*p.at = '\0';
	return (size_t)(p.at - buf);
}
