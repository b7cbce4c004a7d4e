/* What happened to peers, for who listens (interface.md section 4, `warren events`): a ring that fills where peers settle, and that the
 * daemon empties at the end of each turn. docs/schema/event.schema.json has the words. */
#ifndef MESH_EVENT_H
#define MESH_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "conf/conf.h"

#define EVENTS_MAX 128 /* of one turn; with more the earliest are lost */

struct peer;

enum mesh_peer_state { MESH_PEER_IDLE, MESH_PEER_DIRECT, MESH_PEER_DOWN };

enum event_reason {
	EVENT_ADDED, /* there was no such peer: `from` is nothing */
	EVENT_HANDSHAKE, /* a handshake was completed; took: since its first message, or since it was down */
	EVENT_HEARD,  /* it was down, and speaks in its old session; took: since it was down */
	EVENT_ROAMED, /* it sends from another address; the state stays. Not each time: moves.h */
	EVENT_NO_ANSWER, /* a handshake was given up; took: since it was last heard */
	EVENT_EXPIRED, /* the session is too old, and there is no other; took: since it was direct */
	EVENT_NEW_KEY, /* our own key changed, and no session outlives that */
	EVENT_REMOVED, /* there is no such peer any more: `to` is nothing */
	EVENT_LOST,    /* of no peer: what happened before the next event was too much to keep */
};

struct event {
	usec wall;                    /* microseconds since 1970 */
	char peer[CONF_NAME_MAX + 1]; /* its name if it has one, else the start of its key */
	enum mesh_peer_state from, to;
	enum event_reason reason;
	usec took; /* USEC_NEVER: not known, or of no meaning */
};

struct events {
	struct event items[EVENTS_MAX];
	size_t first, count;
	bool lost;
};

/* What was last told of one peer. */
struct event_told {
	enum mesh_peer_state state;
	usec since;
	unsigned moves;
};

/* Note what changed about a peer since the last call. */
void event_note(struct events *events, struct peer *p, usec now);
/* When to call it again though nothing happens: its session runs out. */
usec event_deadline(const struct peer *p);
/* Note what the peer itself does not show: EVENT_ADDED, EVENT_REMOVED, or EVENT_NEW_KEY of one that was direct. */
void event_tell(struct events *events, struct peer *p, enum event_reason reason, usec now);

/* Take the earliest. False when there is none. */
bool event_take(struct events *events, struct event *out);

#endif
