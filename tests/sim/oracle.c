/* It looks into the engines (mesh_impl.h), which nobody else here does. */
#include "sim/oracle.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "mesh/mesh_impl.h"
#include "sim/flow.h"
#include "sim/node.h"

#define LOOK_AT_MOST 4        /* peers per step, in turn */
#define WINDOW       64       /* counters of one key that are remembered */
#define KEY_FOR      SEC(200) /* a key is sent with for REJECT_AFTER; then its index may come again */
#define PROBES       8        /* slots in which an index may be found */

/* --- datagrams -------------------------------------------------------------------------------------------------- */

/* The slot of this key, or the one to use for it: a free one, else the oldest. */
static struct oracle_key *find_key(struct oracle_node *o, uint32_t index)
{
	struct oracle_key *best = NULL;

	for (unsigned i = 0; i < PROBES; i++) {
		struct oracle_key *k = &o->keys[(index + i) % ORACLE_KEYS];
		if (k->index == index)
			return k;
		if (best == NULL || (best->index != 0 && (k->index == 0 || k->since < best->since)))
			best = k;
	}
	return best;
}

/* Nothing is sealed twice with one counter. Packets of one batch may leave in any order. */
static void check_counter(struct node *n, uint32_t index, uint64_t counter)
{
	struct oracle_key *k = find_key(&n->oracle, index);
	usec now = node_now(n);
	uint64_t behind;

	if (k->index != index || now - k->since > KEY_FOR) {
		*k = (struct oracle_key){
			.index = index, .since = now, .most = counter, .window = 1};
		return;
	}
	if (counter > k->most) {
		uint64_t by = counter - k->most;
		k->window = by < WINDOW ? k->window << by | 1 : 1;
		k->most = counter;
		return;
	}
	behind = k->most - counter;
	world_expect(n->machine.world, behind < WINDOW && (k->window >> behind & 1) == 0,
		     "%s seals with counter %" PRIu64 " for receiver %08" PRIx32 " again",
		     n->machine.name, counter, index);
	k->window |= behind < WINDOW ? UINT64_C(1) << behind : 0;
}

void oracle_datagram(struct node *n, const struct packet *p)
{
	struct world *w = n->machine.world;

	if (p->len >= MESSAGE_DATA_MIN && load_le32(p->data) == MESSAGE_DATA)
		check_counter(n, load_le32(p->data + 4), load_le64(p->data + 8));
	world_expect(w, memmem(p->data, p->len, w->mark, sizeof w->mark) == NULL,
		     "%s sends an inner packet in the clear", n->machine.name);
	world_expect(w, memmem(p->data, p->len, n->secret.bytes, 16) == NULL,
		     "%s sends its private key", n->machine.name);
	world_expect(w, addr_class(&p->via.remote) >= ADDR_CLASS_PRIVATE,
		     "%s sends to an address that is nobody's", n->machine.name);
}

/* --- answers to strangers --------------------------------------------------------------------------------------- */

/* Reasons to drop what was not proved to be a peer's. */
static const enum drop unproved[] = {
	DROP_SHORT,     DROP_UNKNOWN_TYPE, DROP_MAC1,      DROP_UNDER_LOAD, DROP_RATE_LIMIT,
	DROP_HANDSHAKE, DROP_UNKNOWN_PEER, DROP_TIMESTAMP, DROP_COOKIE,     DROP_NO_SESSION,
	DROP_TAG,       DROP_REPLAY,       DROP_STUN,
};

void oracle_before_input(struct node *n)
{
	n->oracle.drops = n->mesh->shared.drops;
}

void oracle_after_input(struct node *n, size_t len)
{
	const struct batch *net = &n->machine.world->out.net;
	struct world *w = n->machine.world;
	bool stranger = false;
	size_t sent = 0;

	for (size_t i = 0; i < sizeof unproved / sizeof unproved[0]; i++)
		stranger = stranger || n->mesh->shared.drops.count[unproved[i]] !=
					       n->oracle.drops.count[unproved[i]];
	if (!stranger)
		return;
	for (size_t i = 0; i < net->count; i++)
		sent += net->packets[i].len;
	world_expect(w, net->count <= 1, "%s sends %zu datagrams for one of a stranger",
		     n->machine.name, net->count);
	world_expect(w, sent <= len, "%s answers %zu bytes of a stranger with %zu", n->machine.name,
		     len, sent);
}

/* --- timers and tables ------------------------------------------------------------------------------------------ */

static bool is_outstanding(const struct tunnel *t)
{
	for (size_t i = 0; i < TUNNEL_ATTEMPTS; i++) {
		if (t->attempts[i].index != 0)
			return true;
	}
	for (size_t i = 0; i < TUNNEL_SESSIONS; i++) {
		if (session_exists(&t->sessions[i]))
			return true;
	}
	return t->staged.count > 0;
}

static void check_peer(struct node *n, const struct peer *p)
{
	const struct tunnel *t = &p->tunnel;
	struct world *w = n->machine.world;
	usec at = peer_deadline(p), now = node_now(n);

	world_expect(w, p->deadline.at == at || (at == USEC_NEVER && p->deadline.slot == 0),
		     "%s: the mesh does not wake for peer %s when it has to", n->machine.name,
		     p->name);
	world_expect(w, !is_outstanding(t) || t->stuck || tunnel_deadline(t) <= now + ERASE_AFTER,
		     "%s: what is outstanding with %s has no timer (vuln_41)", n->machine.name,
		     p->name);
	world_expect(w,
		     t->timers.unanswered_since == USEC_NEVER || t->timers.wanted ||
			     t->timers.silence_at != USEC_NEVER,
		     "%s waits for %s to answer, without an end (vuln_41)", n->machine.name,
		     p->name);
	world_expect(w, t->current == NULL || (session_exists(t->current) && t->current->confirmed),
		     "%s sends to %s on a session that is not there", n->machine.name, p->name);
	world_expect(w, t->staged.count <= STAGING_PER_PEER, "%s keeps %u packets for %s",
		     n->machine.name, (unsigned)t->staged.count, p->name);
}

/* A look at the NAT ends by its deadline, whatever servers do. */
static void check_outside(struct node *n)
{
	const struct outside *o = &n->mesh->outside;
	struct world *w = n->machine.world;
	usec now = node_now(n);

	world_expect(w, mesh_deadline(n->mesh) <= outside_deadline(o),
		     "%s: the mesh does not wake to look at its NAT", n->machine.name);
	world_expect(w, o->phase == OUTSIDE_IDLE || outside_deadline(o) <= now + NATCHECK_DEADLINE,
		     "%s: a look at its NAT has no timer", n->machine.name);
	world_expect(w, !natcheck_is_running(&o->check) || o->check.deadline > now,
		     "%s: a look at its NAT goes on past its deadline", n->machine.name);
}

void oracle_step(struct node *n)
{
	const struct mesh *m = n->mesh;
	struct world *w = n->machine.world;
	struct oracle_node *o = &n->oracle;

	world_expect(w, m->peer_count == n->known_count, "%s has %zu peers instead of %zu",
		     n->machine.name, m->peer_count, n->known_count);
	world_expect(w, m->shared.index.count <= n->known_count * TUNNEL_INDICES,
		     "%s holds %zu receiver indices for %zu peers", n->machine.name,
		     m->shared.index.count, n->known_count);
	check_outside(n);
	for (size_t i = 0; i < n->known_count && i < LOOK_AT_MOST; i++) {
		const struct peer *p;
		o->turn = (o->turn + 1) % n->known_count;
		p = mesh_peer_find(m, &n->known[o->turn].other->key);
		if (p != NULL)
			check_peer(n, p);
	}
}

usec oracle_oldest_key(const struct node *n, const struct node *other)
{
	const struct peer *p = mesh_peer_find(n->mesh, &other->key);
	usec oldest = 0;

	for (size_t i = 0; i < TUNNEL_SESSIONS; i++) {
		const struct session *s = &p->tunnel.sessions[i];
		if (session_exists(s))
			oldest = usec_max(oldest, node_now(n) - s->created_at);
	}
	return oldest;
}

/* --- liveness --------------------------------------------------------------------------------------------------- */

static const struct session *in_use(const struct node *n, const struct node *other)
{
	const struct peer *p = n->life == NODE_AWAKE ? mesh_peer_find(n->mesh, &other->key) : NULL;

	if (p == NULL || p->tunnel.current == NULL ||
	    !session_may_send(p->tunnel.current, node_now(n)))
		return NULL;
	return p->tunnel.current;
}

bool oracle_agree(const struct node *a, const struct node *b)
{
	const struct session *here = in_use(a, b), *there = in_use(b, a);

	return here != NULL && there != NULL && here->local_index == there->remote_index &&
	       there->local_index == here->remote_index;
}

static void survey_flow(struct world *w, struct flow *f)
{
	usec since;

	if (f->every == 0 || w->calm_since == USEC_NEVER || oracle_agree(f->from, f->to)) {
		f->apart_since = USEC_NEVER;
		return;
	}
	if (f->apart_since == USEC_NEVER)
		f->apart_since = w->now;
	since = usec_max(usec_max(f->apart_since, f->started_at), w->calm_since);
	world_expect(w, w->now - since <= ORACLE_AGREE_WITHIN,
		     "%s and %s have not agreed on a session for %" PRId64
		     " s, though nothing is broken",
		     f->from->machine.name, f->to->machine.name, (w->now - since) / SEC(1));
}

/* None is lost on the way: those that the table has are those that tunnels hold. */
static void survey_indices(struct world *w, const struct node *n)
{
	size_t held = 0;

	for (size_t i = 0; i < n->known_count; i++) {
		const struct peer *p = mesh_peer_find(n->mesh, &n->known[i].other->key);
		for (size_t j = 0; p != NULL && j < TUNNEL_ATTEMPTS; j++)
			held += p->tunnel.attempts[j].index != 0;
		for (size_t j = 0; p != NULL && j < TUNNEL_SESSIONS; j++)
			held += session_exists(&p->tunnel.sessions[j]);
	}
	world_expect(w, n->mesh->shared.index.count == held,
		     "%s has %zu receiver indices, and holds %zu", n->machine.name,
		     n->mesh->shared.index.count, held);
}

void oracle_survey(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		if (w->nodes[i]->mesh != NULL)
			survey_indices(w, w->nodes[i]);
	}
	for (size_t i = 0; i < w->node_count; i++) {
		for (size_t j = 0; j < w->node_count; j++) {
			if (w->flows[i][j] != NULL)
				survey_flow(w, w->flows[i][j]);
		}
	}
}
