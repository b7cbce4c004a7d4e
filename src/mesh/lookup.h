/* The name of a peer's endpoint: when to ask what it leads to, and which of the answers to try (reliability.md, F68). A name server is
 * believed only as far as this: where a peer was heard from counts more than what its name leads to, and an address is proved
 * by a handshake. Pure; one in each peer. */
#ifndef MESH_LOOKUP_H
#define MESH_LOOKUP_H

#include "base/clock.h"
#include "base/outbox.h"
#include "conf/conf.h"

#define LOOKUP_ADDRS  8         /* of one answer; what is beyond is left out */
#define LOOKUP_SILENT SEC(5)    /* a peer that leaves us without answer so long may have moved */
#define LOOKUP_AGAIN  SEC(15)   /* from then on, while it does */
#define LOOKUP_RETRY  SEC(5)    /* when there was no answer, or none of use */
#define LOOKUP_DOWN   SEC(120)  /* without a session */
#define LOOKUP_EVERY  SEC(1800) /* with one */

struct lookup {
	char name[CONF_HOST_MAX +
		  1]; /* "": the endpoint is not given by name, all else is unused */
	uint16_t port;
	bool asking;  /* no second question before the answer */
	bool failed;  /* the last answer was of no use */
	bool guessed; /* the peer's via is from here, and it was not heard yet */
	usec asked_at;
	struct addr addrs[LOOKUP_ADDRS]; /* the last answer of use */
	unsigned count;
	unsigned turn; /* where to try next: 0 at the peer's via, else at addrs[turn - 1] */
};

/* From now on the endpoint is this name; NULL: is not a name. The same name again changes nothing. */
void lookup_set(struct lookup *l, const char *name, uint16_t port);

/* When to ask; USEC_NEVER: not before something happens. silent_since: see tunnel_silent_since(). up_until: when the session
 * ends, unless a new one comes; in the past: there is none. */
usec lookup_deadline(const struct lookup *l, usec silent_since, usec up_until);
/* The next deadline is at once. */
void lookup_hurry(struct lookup *l);
/* Ask, by an action with this id. With no room for it nothing happens, and the deadline stays. */
void lookup_ask(struct lookup *l, uint64_t id, usec now, struct outbox *out);

/* The answer came: `count` (at most LOOKUP_ADDRS) addresses, whose ports do not count; 0: it was of no use, and the last one stays.
 * True when there are other addresses now than before, in whatever order. */
bool lookup_answered(struct lookup *l, const struct addr *addrs, size_t count);
bool lookup_has(const struct lookup *l, const struct addr *a);

/* Where the next handshake is to be tried: *via is set, or false when that is where the peer's packets go. */
bool lookup_trial(const struct lookup *l, struct via *via);
/* It was, and may have failed: the next address is next. via: where the peer's packets go. */
void lookup_next(struct lookup *l, const struct addr *via);
/* The peer was heard: no more trials. */
void lookup_heard(struct lookup *l);

#endif
