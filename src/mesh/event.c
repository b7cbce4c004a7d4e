/* What happened to peers. */
#include "mesh/event.h"

#include <stdio.h>

#include "mesh/peer.h"

static void add(struct events *events, const struct peer *p, enum event_reason reason,
		enum mesh_peer_state to, usec took, usec now)
{
	struct event *e = &events->items[(events->first + events->count) % EVENTS_MAX];

	if (events->count < EVENTS_MAX) {
		events->count++;
	} else {
		events->first = (events->first + 1) % EVENTS_MAX;
		events->lost = true;
	}
	*e = (struct event){
		.wall = now + p->tunnel.shared->env->wall_offset,
		.from = p->told.state,
		.to = to,
		.reason = reason,
		.took = took,
	};
	snprintf(e->peer, sizeof e->peer, "%s", peer_label(p));
}

static void change(struct events *events, struct peer *p, enum event_reason reason,
		   enum mesh_peer_state to, usec took, usec now)
{
	add(events, p, reason, to, took, now);
	p->told.state = to;
	p->told.since = now;
}

static void note_direct(struct events *events, struct peer *p, usec now)
{
	const struct tunnel_stats *s = &p->tunnel.stats;
	bool was_down = p->told.state == MESH_PEER_DOWN;
	bool fresh = !was_down || s->handshake_at >= p->told.since;

	change(events, p, fresh ? EVENT_HANDSHAKE : EVENT_HEARD, MESH_PEER_DIRECT,
	       was_down ? now - p->told.since : s->handshake_took, now);
}

static void note_down(struct events *events, struct peer *p, usec now)
{
	usec heard_at = p->tunnel.stats.heard_at;

	change(events, p, EVENT_NO_ANSWER, MESH_PEER_DOWN,
	       heard_at == USEC_NEVER ? USEC_NEVER : now - heard_at, now);
}

void event_note(struct events *events, struct peer *p, usec now)
{
	enum mesh_peer_state state = peer_state(p, now);

	if (p->moves.told != p->told.moves)
		add(events, p, EVENT_ROAMED, p->told.state, USEC_NEVER, now);
	p->told.moves = p->moves.told;
	if (state == p->told.state)
		return;

	switch (state) {
	case MESH_PEER_IDLE:
		change(events, p, EVENT_EXPIRED, state, now - p->told.since, now);
		break;
	case MESH_PEER_DIRECT:
		note_direct(events, p, now);
		break;
	case MESH_PEER_DOWN:
		note_down(events, p, now);
		break;
	}
}

usec event_deadline(const struct peer *p)
{
	return p->told.state == MESH_PEER_DIRECT ? tunnel_session_until(&p->tunnel) : USEC_NEVER;
}

void event_tell(struct events *events, struct peer *p, enum event_reason reason, usec now)
{
	if (reason == EVENT_NEW_KEY && p->told.state != MESH_PEER_DIRECT)
		return;
	change(events, p, reason, MESH_PEER_IDLE, USEC_NEVER, now);
}

bool event_take(struct events *events, struct event *out)
{
	if (events->count == 0)
		return false;

	*out = events->items[events->first];
	if (events->lost) {
		*out = (struct event){.wall = out->wall, .reason = EVENT_LOST, .took = USEC_NEVER};
		events->lost = false;
		return true;
	}
	events->first = (events->first + 1) % EVENTS_MAX;
	events->count--;
	return true;
}
