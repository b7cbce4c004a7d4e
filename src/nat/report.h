/* What a node sits behind, as far as it was found out (nat.md section 1), and the words for it (interface.md section 4).
 * Zero is "unknown" everywhere: an honest answer, where a guess is not. */
#ifndef NAT_REPORT_H
#define NAT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"

enum nat_mapping {
	NAT_MAPPING_UNKNOWN,
	NAT_MAPPING_NONE, /* our own address is what others see */
	NAT_MAPPING_ENDPOINT_INDEPENDENT,
	NAT_MAPPING_ADDRESS_DEPENDENT,
	NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
};

enum nat_filtering {
	NAT_FILTERING_UNKNOWN,
	NAT_FILTERING_ENDPOINT_INDEPENDENT,
	NAT_FILTERING_ADDRESS_DEPENDENT,
	NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
};

/* How the public ports of new mappings follow each other. */
enum nat_ports {
	NAT_PORTS_UNKNOWN,
	NAT_PORTS_PRESERVE,   /* the port of our own, where it is free */
	NAT_PORTS_SEQUENTIAL, /* the last one and a step */
	NAT_PORTS_BLOCK,      /* anywhere in a small range */
	NAT_PORTS_RANDOM,
};

enum nat_answer { NAT_UNKNOWN, NAT_NO, NAT_YES };

/* What became of one server. */
enum nat_server {
	NAT_SERVER_UNASKED,    /* more servers than are asked, or of a family that is not tested */
	NAT_SERVER_UNRESOLVED, /* its name leads to no address */
	NAT_SERVER_TWIN,       /* at the address of one before it: says nothing new */
	NAT_SERVER_ASKED,      /* no answer (yet) */
	NAT_SERVER_ANSWERED,
	NAT_SERVER_REFUSED, /* answers with an error */
	NAT_SERVER_LIES,  /* answers with what cannot be our public address, and is not believed */
	NAT_SERVER_ALONE, /* answers unlike all the others, and is not believed */
};

#define NAT_SERVERS_MAX 16 /* of both families */
#define NAT_PUBLIC_MAX  4  /* public addresses of one family that are kept */

struct nat_server_line {
	const char *
		name; /* as it was given: filled in by who knows, and outlives the report; NULL: it has none */
	struct addr addr; /* not set: its name does not resolve */
	enum nat_server state;
	usec rtt;                  /* of its fastest answer; 0: none */
	enum nat_answer two_faces; /* has a second address and answers from there when asked to */
};

/* One family. IPv4 and IPv6 are found out apart: they have different boxes in their way. */
struct nat_view {
	bool tested;
	enum nat_mapping mapping;
	bool dependent; /* not endpoint-independent, even if of which kind is unknown */
	enum nat_filtering filtering;
	enum nat_ports ports;
	int ports_step;                  /* sequential: from one mapping to the next, never 0 */
	uint16_t ports_base, ports_span; /* block: lowest port seen, and how many it has at least */
	enum nat_answer blocked;         /* UDP: no server answers */
	enum nat_answer hairpin;
	enum nat_answer double_nat;
	struct addr public
		[NAT_PUBLIC_MAX]; /* as seen from outside, our WireGuard port's; most often seen first */
	unsigned public_count;
	bool pooled; /* more than one IP among them: the port alone says what follows what */

	/* Evidence. */
	unsigned servers_asked, servers_answered;
	unsigned mapping_ips; /* different IPs of servers that told the WireGuard port's mapping */
	unsigned mapping_places; /* different IPs and ports likewise */
	unsigned port_samples;   /* mappings whose ports were compared */
	usec mapping_took, took; /* from the start to the verdict; 0: not yet */
};

struct nat_report {
	usec checked_at; /* when it was complete; 0: never */
	struct nat_view v4, v6;
	struct nat_server_line servers[NAT_SERVERS_MAX]; /* in the order they were given */
	size_t server_count;
};

/* The view that counts where there is room for one: of IPv4, unless only IPv6 was answered. */
const struct nat_view *report_view(const struct nat_report *r);

/* The words of `warren status --json` (interface.md section 4), and of server lines in `warren netcheck --json`. */
const char *report_mapping(enum nat_mapping m);
const char *report_filtering(enum nat_filtering f);
const char *report_ports(enum nat_ports p);
const char *report_answer(enum nat_answer a);
const char *report_server(enum nat_server s);
/* The other way; false for a word that is none of them. What a tool reads of a daemon. */
bool report_read_mapping(enum nat_mapping *out, const char *word);
bool report_read_filtering(enum nat_filtering *out, const char *word);
bool report_read_ports(enum nat_ports *out, const char *word);
bool report_read_answer(enum nat_answer *out, const char *word);
bool report_read_server(enum nat_server *out, const char *word);

/* How hard it is for others to get through (nat.md section 3). */
enum nat_ease {
	NAT_EASE_UNKNOWN,
	NAT_EASE_OPEN,    /* P: whoever sends gets through */
	NAT_EASE_EASY,    /* E1, E2, E3: with everyone but the hardest */
	NAT_EASE_MEDIUM,  /* S, B: by prediction or a short spray */
	NAT_EASE_HARD,    /* R */
	NAT_EASE_BLOCKED, /* U: no UDP at all */
};

enum nat_ease report_ease(const struct nat_view *v);
/* "endpoint-independent, port-restricted (easy)": the headline of `warren status`. Returns buf. */
#define REPORT_HEADLINE_MAX 80
const char *report_headline(const struct nat_view *v, char buf[static REPORT_HEADLINE_MAX]);

/* The report of `warren netcheck` for a person: lines of at most 80 columns, each ended. Without memory of its own; what
 * has no room is cut. Returns the length that was written, without the final zero. */
#define REPORT_TEXT_MAX 4096
size_t report_text(const struct nat_report *r, char buf[static REPORT_TEXT_MAX]);

#endif
