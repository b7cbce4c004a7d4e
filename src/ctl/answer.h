/* Requests on the control socket: a line of JSON in, a line of JSON out (interface.md section 1). Pure.
 *
 *	{"cmd":"status"}                     {"schema": ..., "status": {...}}         whoever can open the socket
 *	{"cmd":"metrics"}                    {"schema": ..., "metrics": "TEXT"}       the same; see ctl/metrics.h
 *	{"cmd":"netcheck"}                   {"schema": ..., "check": 7, ...}         the same; see below
 *	{"cmd":"events"}                     {"schema": ..., "events": "warren.event/1"}; see below
 *	{"cmd":"reload","config":"TEXT"}     {"schema": ..., "changes": ["...", ...]} uid 0 only
 *	{"cmd":"stop"}                       {"schema": ..., "stopping": true}        uid 0 only
 *
 * "netcheck" has the NAT looked at, and is answered at once: "check" is the number of that check, "running" whether it still is, "step"
 * what it finds out now, "servers" how many there are to ask, "netcheck" what the last one that was finished found out, an object of
 * warren.netcheck/1. {"cmd":"netcheck","check":7} begins nothing and says the same of that check: whoever wants to see it finished asks again.
 *
 * After the answer to "events" a line of that schema follows for each event, as long as the client stays; what it says then is not heard.
 *
 * What is refused is answered by {"schema": ..., "error": "..."}; for a configuration with errors, "errors" beside it has all of
 * them as {"line": 7, "text": "..."}, line 0 for the text as a whole. Every answer is free()d by the caller, and NULL without memory. */
#ifndef CTL_ANSWER_H
#define CTL_ANSWER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "ctl/stages.h"
#include "mesh/mesh.h"

#define ANSWER_SCHEMA      "warren.reply/1"
#define ANSWER_REQUEST_MAX (16 << 20)
#define ANSWER_OTHERS_MAX  4096 /* of who is not uid 0, and so has nothing long to say */

/* Once, before the first request: requests hold keys, so from here on whatever jansson frees in this process is wiped. */
void answer_init(void);

/* Length of the first line with its line feed, 0 when more bytes are needed, SIZE_MAX when it is longer
 * than ANSWER_REQUEST_MAX. */
size_t answer_frame(const char *text, size_t len);

struct answer_request {
	enum answer_kind {
		ANSWER_REFUSED,
		ANSWER_STATUS,
		ANSWER_METRICS,
		ANSWER_NETCHECK,
		ANSWER_EVENTS,
		ANSWER_RELOAD,
		ANSWER_STOP
	} kind;
	struct conf *conf; /* to reload: the caller's */
	uint64_t check;    /* of netcheck; 0: a new one */
	char *refusal;     /* the answer to what is refused, and its length */
	size_t refusal_len;
};

/* Understand one line (which is followed by a zero byte) of this user. A configuration has passed every check of conf_read. */
void answer_read(struct answer_request *out, const char *text, uid_t uid);

char *answer_status(const struct mesh *m, const char *interface, const char *host_name,
		    const struct stages *stages, usec now, size_t *len);
char *answer_metrics(const struct mesh *m, const char *interface, const struct stages *stages,
		     usec now, size_t *len);
/* check: as mesh_nat_want() told it. */
char *answer_netcheck(const struct mesh *m, uint64_t check, size_t *len);
char *answer_changes(const struct conf_list *changes, size_t *len);
char *answer_stopping(size_t *len);
char *answer_events(size_t *len);
/* The line of one event, which follows answer_events(). */
char *answer_event(const struct event *e, size_t *len);
char *answer_error(const char *text, size_t *len);

#endif
