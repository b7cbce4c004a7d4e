/* What we sit behind, for one address family: the order of questions (RFC 5780, 4; nat.md section 1). Both of a node are
 * nat/natcheck.h, which says how it is used.
 *
 *	0       each server is asked from the WireGuard door
 *	1 RTT   the first with two addresses is asked from its others, too (mapping); four fresh doors open and ask it (each is
 *	        proved by that; port pattern), two of them for answers from elsewhere (filtering), three tries each
 *	2 RTT   the WireGuard door, which has sent to all its addresses, asks for an answer from elsewhere as well: what comes shows
 *	        that the server can; mapping is known, but if ports differ: then two fresh doors ask all the others first; the other two
 *	        begin to test filtering as well; two doors of ours ask each other at their public addresses (hairpin)
 *	1 s     silence is a verdict */
#ifndef NAT_SURVEY_H
#define NAT_SURVEY_H

#include "base/env.h"
#include "base/host.h"
#include "base/outbox.h"
#include "nat/evidence.h"
#include "nat/filtering.h"
#include "nat/report.h"
#include "nat/txn.h"

#define SURVEY_SERVERS 8  /* asked */
#define SURVEY_DOORS   4  /* fresh ones */
#define SURVEY_ASKS    48 /* questions under way at one time */
#define SURVEY_SAMPLES 16 /* questions for ports alone, beyond those that have another purpose */
#define SURVEY_RUNS    3  /* servers tried for filtering */

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
	SURVEY_BOTH,   /* the three tests of nat/filtering.h */
	SURVEY_PORT,
	SURVEY_SHOW,
	SURVEY_HAIRPIN, /* to a public address of our own */
};

struct survey_ask {
	enum survey_kind kind;
	uint8_t server;
	uint8_t socket; /* whence */
	uint8_t turn;   /* first sent as number ... */
	struct txn txn;
};

struct survey_server {
	struct addr addr;
	struct addr other; /* OTHER-ADDRESS of its first answer, if that may be one */
	uint8_t line;      /* of the report */
	enum nat_server state;
	enum nat_answer two_faces;
	bool tried; /* for filtering */
	usec rtt;
};

/* A fresh door; socket 0: it is not open for us. */
struct survey_door {
	uint8_t socket;
	uint8_t server; /* by whom it was proved, or is to be */
	bool opened;    /* and not closed since */
	bool proved;    /* a plain answer came in by it */
	bool used;      /* it has asked others, too */
};

struct survey {
	const struct env *env;
	const struct host *host;
	enum addr_family family;
	uint16_t port;
	enum addr_class
		realm; /* of the mildest of the servers: the others are nearer to us than what we ask about */
	bool running;
	bool done[SURVEY_STEPS];
	usec started_at, answered_at; /* the first answer; USEC_NEVER */
	usec patience_at;             /* until then more may come of what is under way */
	struct survey_server servers[SURVEY_SERVERS];
	uint8_t server_count;
	struct survey_ask asks[SURVEY_ASKS];
	struct survey_door doors[SURVEY_DOORS];
	uint8_t sockets, turns, samples, runs;
	bool second_port; /* of some server was asked */
	bool contrasted;  /* ports differ: fresh doors were sent to ask the others as well */
	bool completed;   /* the last samples were asked for */
	bool hairpin_begun, hairpin_asked;
	uint16_t response_port; /* that the server is asked to show itself with */
	struct filtering filtering;
	struct addr inside; /* as a server that is nearer sees us, unless that is our own address */
	struct evidence evidence;
	struct nat_view view;
};

struct survey_setup {
	enum addr_family family;
	const struct host *host;
	uint16_t port;
};

/* s is zeroed. Servers are the lines of `report` that are of this family and not asked yet; those beyond SURVEY_SERVERS stay
 * so. */
void survey_start(struct survey *s, const struct survey_setup *setup,
		  const struct nat_report *report, const struct env *env, usec now,
		  struct outbox *out);
/* m was read from `in`. True when it was an answer to one of its questions, or its own across a hairpin. */
bool survey_input(struct survey *s, const struct packet *in, const struct stun_message *m, usec now,
		  struct outbox *out);
void survey_tick(struct survey *s, usec now, struct outbox *out);
/* USEC_NEVER once it is over and all fresh doors are closed. */
usec survey_deadline(const struct survey *s);
/* End it: what is not known stays unknown; fresh doors are closed. */
void survey_finish(struct survey *s, usec now, struct outbox *out);
/* The same with no verdict. */
void survey_stop(struct survey *s, struct outbox *out);
/* Its part of the report; none, if it never was started. */
void survey_report(const struct survey *s, struct nat_report *report);

#endif
