/* What the outside sees of us: when the NAT is looked at, which STUN servers are asked, and what was found out (nat.md, section 1). Owns
 * one natcheck. Nothing waits for it: no packet, and no peer. Pure; one in each mesh. */
#ifndef MESH_OUTSIDE_H
#define MESH_OUTSIDE_H

#include "base/host.h"
#include "conf/conf_host.h"
#include "nat/natcheck.h"

#define OUTSIDE_SERVERS_MAX 8 /* of the configuration; each leads to one address of either family */
_Static_assert(2 * OUTSIDE_SERVERS_MAX <= NAT_SERVERS_MAX, "a report has a line for each");

#define OUTSIDE_PORT        3478      /* of STUN, RFC 8489, 8.1 */
#define OUTSIDE_EVERY       SEC(900)  /* nat.md section 1 */
#define OUTSIDE_RETRY       SEC(60)   /* when nobody answered */
#define OUTSIDE_AGAIN       SEC(1)    /* who asks so soon after a check is told of that one */
#define OUTSIDE_SETTLE      MSEC(250) /* after a change of the network: peers are told first */
#define OUTSIDE_RESOLVE_FOR SEC(2)    /* names that lead nowhere until then are left out */

struct outside {
	const struct env *env;
	struct outside_server {
		char text[CONF_HOST_TEXT_MAX]; /* as the configuration has it */
		char copy[CONF_HOST_TEXT_MAX]; /* cut up by conf_host_read */
		const char *name;              /* in copy; NULL: it is an address */
		uint16_t port;
		struct addr v4, v6; /* where it is; not set: not known */
		bool asking;        /* no second question before the answer */
	} servers[OUTSIDE_SERVERS_MAX];
	size_t server_count;
	uint64_t generation; /* of questions: answers to earlier ones do not count */
	enum outside_phase { OUTSIDE_IDLE, OUTSIDE_RESOLVING, OUTSIDE_CHECKING } phase;
	bool restart;     /* due: what was found out may be wrong now */
	usec next_at;     /* the next check; USEC_NEVER: none, or after this one */
	usec resolved_by; /* while resolving */
	struct natcheck check;
	struct nat_report report; /* the last that was complete */
	uint8_t asked[NAT_SERVERS_MAX],
		told[NAT_SERVERS_MAX]; /* which server a line is: of check, report */
	uint64_t started, done;        /* numbers of the last check begun, ended */
	uint64_t successes, failures;  /* of checks: our public address was found out, or was not */
};

void outside_init(struct outside *o, const struct env *env);

/* These servers from now on; what is no server, and what is beyond OUTSIDE_SERVERS_MAX, is left out. */
void outside_set_servers(struct outside *o, const struct conf_list *stun);
/* The network, our port or the mark is another: a check under way is given up, another begins. */
void outside_restart(struct outside *o);
/* A check is wanted now. Returns its number: it is over once `done` is not less. One that is under way, or just was, will do; so
 * does the last one when there is no server. */
uint64_t outside_want(struct outside *o, usec now);

/* What is found out now: the first step that some family has not done. */
enum survey_step outside_step(const struct outside *o);

/* --- names ------------------------------------------------------------------------------------------------------ */

/* True for the ids of its questions (ACTION_RESOLVE). No peer has one. */
bool outside_is_question(uint64_t id);
/* What to look up; NULL when nobody waits for it any more. */
const char *outside_name(const struct outside *o, uint64_t id);
/* The answer, whose ports do not count; 0: none, and where the name led before still counts. */
void outside_resolved(struct outside *o, uint64_t id, const struct addr *addrs, size_t count,
		      usec now);

/* --- the check -------------------------------------------------------------------------------------------------- */

/* A datagram that stun_is_message() says is STUN: true when it answered us. */
bool outside_input(struct outside *o, const struct packet *in, usec now, struct outbox *out);
/* Do what is due; what the outbox has no room for stays due. port: of the WireGuard doors, 0: not known. */
void outside_tick(struct outside *o, const struct host *host, uint16_t port, usec now,
		  struct outbox *out);
/* In the past while something is still due. */
usec outside_deadline(const struct outside *o);

#endif
