/* What we sit behind, for one address family: the order of questions (RFC 5780, 4; nat.md section 1). Both of a node are
 * nat/natcheck.h, which says how it is used.
 *
 *	0       each server is asked from the WireGuard door
 *	1 RTT   the first with two addresses is asked from its others, too (mapping); four fresh doors open and ask it (each is
 *	        proved by that; port pattern), two of them for answers from elsewhere (filtering), three tries each
 *	2 RTT   the WireGuard door, which has sent to all its addresses, asks for an answer from elsewhere as well: what comes shows
 *	        that the server can; two doors of ours ask each other at their public addresses (hairpin)
 *	        mapping is known; endpoint-dependent: more samples of ports
 *	1 s     silence is a verdict */
#ifndef NAT_SURVEY_H
#define NAT_SURVEY_H

#include "base/env.h"
#include "base/host.h"
#include "base/outbox.h"
#include "nat/evidence.h"
#include "nat/report.h"
#include "nat/txn.h"

#define SURVEY_SERVERS 8
#define SURVEY_DOORS   4  /* fresh ones */
#define SURVEY_ASKS    40 /* questions at one time */
#define SURVEY_TRIES   3  /* for an answer from elsewhere */

/* The steps, for who shows progress. */
enum survey_step {
	SURVEY_STEP_SERVERS, /* which of them answer */
	SURVEY_STEP_MAPPING,
	SURVEY_STEP_PORTS,
	SURVEY_STEP_FILTERING,
	SURVEY_STEP_HAIRPIN,
	SURVEY_STEPS
};

enum survey_kind {
	SURVEY_NONE,
	SURVEY_FIRST,  /* WireGuard door to a server */
	SURVEY_PLACE,  /* ... to another address of the server */
	SURVEY_FRESH,  /* fresh door to the server: proves the door */
	SURVEY_SAMPLE, /* any door to any place, for its port */
	SURVEY_BOTH,   /* fresh door: answer from the other IP and port */
	SURVEY_PORT,   /* fresh door: answer from the other port */
	SURVEY_SHOW, /* WireGuard door: answer from the other IP and port, where we have sent to */
	SURVEY_HAIRPIN, /* to a public address of our own */
};

struct survey_ask {
	enum survey_kind kind;
	uint8_t server, socket;
	struct txn txn;
};

struct survey_server {
	struct addr addr;
	struct addr other; /* OTHER-ADDRESS of its first answer, if it may be one */
	uint8_t line;      /* of the report */
	enum nat_server state;
	enum nat_answer two_faces;
	usec rtt;
};

/* A fresh door. */
struct survey_door {
	bool open;
	bool proved;    /* a plain answer came in by it */
	uint8_t socket; /* of its life now */
};

/* Tries, each a transaction of its own, and how long to wait after the last. */
struct survey_tries {
	unsigned done;
	usec next_at; /* USEC_NEVER: all done, or none begun */
	usec over_at; /* then silence counts; USEC_NEVER likewise */
};

/* Filtering by one server. */
struct survey_filtering {
	bool running;
	uint8_t server;
	uint8_t door;    /* for SURVEY_BOTH, and the next one for SURVEY_PORT */
	bool both, port; /* came */
	bool shown;      /* the server can, as it showed at the WireGuard door */
	bool incapable;  /* it showed that it cannot */
	struct survey_tries tests, show;
};

struct survey {
	const struct env *env;
	const struct host *host;
	enum addr_family family;
	uint16_t port;
	bool running;
	bool done[SURVEY_STEPS];
	usec started_at, answered_at; /* first answer; USEC_NEVER */
	struct survey_server servers[SURVEY_SERVERS];
	uint8_t server_count;
	struct survey_ask asks[SURVEY_ASKS];
	struct survey_door doors[SURVEY_DOORS];
	uint8_t socket_count;
	uint8_t sample_count; /* asked for */
	uint8_t runs;         /* of filtering, begun */
	bool sampled;         /* the last round of samples was asked for */
	struct survey_filtering filtering;
	usec hairpin_until; /* USEC_NEVER: not begun, or over */
	struct addr inside; /* as a server with a private address sees us, if that is not our own */
	struct evidence evidence;
	struct nat_view view;
};

struct survey_setup {
	const struct addr *servers; /* as natcheck_setup's, of both families */
	size_t server_count;
	const struct host *host;
	uint16_t port;
};

void survey_start(struct survey *s, enum addr_family family, const struct env *env,
		  const struct survey_setup *setup, usec now, struct outbox *out);
/* m was read from `in`. True when it was an answer to one of its questions, or its own across a hairpin. */
bool survey_input(struct survey *s, const struct packet *in, const struct stun_message *m, usec now,
		  struct outbox *out);
void survey_tick(struct survey *s, usec now, struct outbox *out);
/* USEC_NEVER once it is over. */
usec survey_deadline(const struct survey *s);
/* What is not known now stays unknown; fresh doors are closed. */
void survey_finish(struct survey *s, usec now, struct outbox *out);
/* Its part of the report. */
void survey_report(const struct survey *s, struct nat_report *report);

#endif
