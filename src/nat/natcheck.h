/* Finding out what we sit behind: mapping, filtering, port pattern, hairpin (RFC 5780, nat.md section 1). One gathering
 * at a time, both families beside each other; it ends by its deadline, whatever servers do.
 *
 * Asks servers from the WireGuard doors (0 and 1), and from fresh doors that it has opened and closed by actions. What is
 * sent on a door that could not be opened is lost, and reads as "unknown". Never answers anything: each send is one of a
 * fixed number, begun by natcheck_start() or by an answer to one of its own. */
#ifndef NAT_NATCHECK_H
#define NAT_NATCHECK_H

#include "base/env.h"
#include "base/host.h"
#include "base/outbox.h"
#include "nat/report.h"
#include "nat/survey.h"

#define NATCHECK_SERVERS_MAX SURVEY_SERVERS /* asked, per family */
#define NATCHECK_DEADLINE    SEC(3)         /* from start to the report at the latest */

/* Datagrams of one run at the most, half of them for each family: first questions 8 x 4, other addresses of servers 10 x 4, fresh
 * doors 18 x 4, samples of ports 16 x 4, filtering 3 servers x 15, hairpin 2 x 3. Without loss it takes 9 to 40 a family. */
#define NATCHECK_SENDS_MAX 518

struct natcheck_setup {
	/* Addresses with ports of STUN servers, of both families; one that is not set stands for a name that does not
	 * resolve. At most NAT_SERVERS_MAX. */
	const struct addr *servers;
	size_t server_count;
	/* Families to test. One of which no server is known stays unknown. */
	bool v4, v6;
	/* Our addresses outside, to see whether there is a NAT at all; NULL: not known. Has to live as long as it runs. */
	const struct host *host;
	/* Of the WireGuard doors; 0: not known. */
	uint16_t port;
};

enum natcheck_result {
	NATCHECK_NOT_MINE, /* the datagram is not an answer to us (natcheck_input only) */
	NATCHECK_WAITING,
	NATCHECK_STEP, /* a step has ended: there is something to show */
	NATCHECK_DONE, /* the report is complete; told once, then it is idle */
};

/* Fields are natcheck's own. Zeroed: idle. */
struct natcheck {
	bool running;
	unsigned steps; /* done when it was last told */
	usec deadline;
	struct survey v4, v6;
	struct nat_report report;
};

/* Begin, whatever was before. env has to live on. With nothing to ask it is done at the next tick. */
void natcheck_start(struct natcheck *n, const struct env *env, const struct natcheck_setup *setup,
		    usec now, struct outbox *out);
/* A datagram that stun_is_message() says is STUN, from any door. What is NATCHECK_NOT_MINE changed nothing. */
enum natcheck_result natcheck_input(struct natcheck *n, const struct packet *in, usec now,
				    struct outbox *out);
enum natcheck_result natcheck_tick(struct natcheck *n, usec now, struct outbox *out);
/* USEC_NEVER when idle, unless a door is still to be closed. */
usec natcheck_deadline(const struct natcheck *n);
/* Give up: fresh doors are closed, the report stays as far as it is. Safe in every state, zeroed included. */
void natcheck_stop(struct natcheck *n, struct outbox *out);

bool natcheck_is_running(const struct natcheck *n);
/* As far as it is known: complete after NATCHECK_DONE. */
const struct nat_report *natcheck_report(const struct natcheck *n);
/* True when this step of this family has ended, or will not be. */
bool natcheck_step_done(const struct natcheck *n, enum addr_family family, enum survey_step step);

#endif
