/* One peer's WireGuard. Which session to send on is decided in prefers(), what is due in
 * tunnel_tick(). "Rule" is one of protocol.md, section 4, "From both sides, over several paths". */
#include "wg/tunnel.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/defence.h"

/* Two handshakes that began within this time, one by either end, are a crossing: rule 1. */
#define CROSSING_WITHIN     SEC(1)
/* After so long without a packet on the session that the tie-break chose, the peer does not have
 * it. */
#define CROSSING_SILENT_FOR SEC(2)

static const struct env *env_of(const struct tunnel *t)
{
	return t->shared->env;
}

/* --- attempts and sessions -------------------------------------------------------------------------------------- */

static void drop_attempt(struct tunnel *t, struct tunnel_attempt *a)
{
	index_remove(&t->shared->index, a->index);
	key_wipe(a, sizeof *a);
}

static void drop_session(struct tunnel *t, struct session *s)
{
	if (s == t->current)
		t->current = NULL;
	index_remove(&t->shared->index, s->local_index);
	session_wipe(s);
}

static void drop_attempts(struct tunnel *t)
{
	for (size_t i = 0; i < TUNNEL_ATTEMPTS; i++)
		drop_attempt(t, &t->attempts[i]);
}

static void drop_sessions(struct tunnel *t)
{
	for (size_t i = 0; i < TUNNEL_SESSIONS; i++)
		drop_session(t, &t->sessions[i]);
}

static struct tunnel_attempt *find_attempt(struct tunnel *t, uint32_t index)
{
	for (size_t i = 0; i < TUNNEL_ATTEMPTS; i++) {
		if (index != 0 && t->attempts[i].index == index)
			return &t->attempts[i];
	}
	return NULL;
}

static struct session *find_session(struct tunnel *t, const uint8_t *msg)
{
	uint32_t index = load_le32(msg + offsetof(struct message_data, receiver));

	for (size_t i = 0; i < TUNNEL_SESSIONS; i++) {
		if (index != 0 && t->sessions[i].local_index == index)
			return &t->sessions[i];
	}
	return NULL;
}

/* Of the confirmed (or the unconfirmed) sessions leave the `most` that began last, and the one
 * in use. */
static void trim(struct tunnel *t, bool confirmed, size_t most)
{
	for (;;) {
		struct session *oldest = NULL;
		size_t count = 0;

		for (size_t i = 0; i < TUNNEL_SESSIONS; i++) {
			struct session *s = &t->sessions[i];
			if (!session_exists(s) || s->confirmed != confirmed)
				continue;
			count++;
			if (s != t->current &&
			    (oldest == NULL || s->started_at < oldest->started_at))
				oldest = s;
		}
		if (count <= most)
			return;
		drop_session(t, oldest);
	}
}

/* A free slot: a session of ours is confirmed at once, the peer's is not. */
static struct session *new_session(struct tunnel *t, bool initiator)
{
	struct session *s = t->sessions;

	trim(t, initiator, (initiator ? TUNNEL_CONFIRMED : TUNNEL_UNCONFIRMED) - 1);
	while (session_exists(s))
		s++;
	assert(s < t->sessions + TUNNEL_SESSIONS);
	return s;
}

static bool crosses(const struct session *a, const struct session *b)
{
	usec apart = a->started_at - b->started_at;

	return a->initiator != b->initiator && apart <= CROSSING_WITHIN &&
	       -apart <= CROSSING_WITHIN;
}

/* Of two confirmed sessions both ends have to send on the same, though they saw them come in
 * different order: of a crossing the one whose initiator has the smaller key (rule 1), of others
 * the one that began last. */
static bool prefers(const struct tunnel *t, const struct session *a, const struct session *b)
{
	if (crosses(a, b))
		return a->initiator ==
		       (key_public_compare(&t->shared->local.public, &t->remote.public) < 0);
	return a->started_at >= b->started_at;
}

static void confirm(struct tunnel *t, struct session *s, usec now)
{
	s->confirmed = true;
	if (t->current == NULL || !session_may_send(t->current, now) || prefers(t, s, t->current))
		t->current = s;
	trim(t, true, TUNNEL_CONFIRMED);
	t->stats.handshakes_done++;
	t->stats.handshake_at = now;
	t->stats.handshake_took = now - usec_min(s->started_at, timers_began(&t->timers));
	timers_end(&t->timers);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static void count_sent(struct tunnel *t, size_t len, usec now)
{
	t->stats.tx_bytes += len;
	t->stats.tx_packets++;
	timers_sent(&t->timers, now);
}

static void count_received(struct tunnel *t, size_t len, usec now)
{
	t->stats.rx_bytes += len;
	t->stats.rx_packets++;
	t->stats.heard_at = now;
	t->stuck = false;
	timers_received(&t->timers, now);
}

/* A handshake message that finds no room is lost, as on a network: the schedule goes on. */
static void send_handshake(struct tunnel *t, void *msg, size_t len, const struct via *via, usec now,
			   struct outbox *out)
{
	struct packet *p = outbox_datagram(out, via, len);

	cookie_sign(&t->cookies, msg, len, now);
	if (p == NULL) {
		t->shared->drops.count[DROP_OUTBOX_FULL]++;
		return;
	}
	memcpy(p->data, msg, len);
	count_sent(t, len, now);
}

static void seal(struct tunnel *t, struct packet *p, size_t mtu, usec now, struct aead_job *job)
{
	bool data = p->len > 0;

	session_seal(t->current, p, mtu, job);
	count_sent(t, p->len, now);
	if (data)
		timers_sent_data(&t->timers, now, env_of(t));
	if (session_is_stale(t->current, now))
		timers_want(&t->timers);
}

static void stage(struct tunnel *t, const struct packet *p)
{
	t->shared->drops.count[DROP_STAGED_FULL] +=
		staging_push(&t->shared->staging, &t->staged, p->data, p->len);
	timers_want(&t->timers);
}

/* All but the newest `most`. */
static void drop_staged(struct tunnel *t, unsigned most)
{
	t->shared->drops.count[DROP_STAGED_OLD] +=
		staging_trim(&t->shared->staging, &t->staged, most);
}

bool tunnel_has_session(const struct tunnel *t, usec now)
{
	return t->current != NULL && session_may_send(t->current, now);
}

usec tunnel_session_until(const struct tunnel *t)
{
	return t->current == NULL ? USEC_NEVER : t->current->created_at + REJECT_AFTER;
}

enum drop tunnel_send(struct tunnel *t, struct packet *p, size_t mtu, usec now,
		      struct aead_job *job)
{
	*job = (struct aead_job){0};
	if (!t->shared->local.has_secret)
		return DROP_NO_KEY;

	t->stuck = false;
	t->stats.data_at = now;
	if (tunnel_has_session(t, now))
		seal(t, p, mtu, now, job);
	else
		stage(t, p);
	return DROP_NONE;
}

/* Seal a copy of the bytes into the outbox. */
static bool send_now(struct tunnel *t, const uint8_t *data, size_t len, size_t mtu,
		     const struct via *via, usec now, struct outbox *out)
{
	struct packet *p = outbox_datagram(out, via, len);
	struct aead_job job;

	if (p == NULL) {
		t->shared->drops.count[DROP_OUTBOX_FULL]++;
		return false;
	}
	if (len > 0)
		memcpy(p->data, data, len);
	seal(t, p, mtu, now, &job);
	aead_seal_batch(&job, 1);
	return true;
}

unsigned tunnel_flush(struct tunnel *t, const struct via *via, size_t mtu, usec now,
		      struct outbox *out)
{
	const uint8_t *data;
	size_t len;
	unsigned left = 0;

	if (via->kind == VIA_NONE)
		return 0;
	while (tunnel_has_session(t, now) &&
	       (data = staging_first(&t->shared->staging, &t->staged, &len)) != NULL) {
		left += send_now(t, data, len, mtu, via, now, out);
		staging_pop(&t->shared->staging, &t->staged);
	}
	return left;
}

bool tunnel_keepalive(struct tunnel *t, const struct via *via, usec now, struct outbox *out)
{
	if (via->kind == VIA_NONE || !tunnel_has_session(t, now))
		return false;
	send_now(t, NULL, 0, 0, via, now, out);
	return true;
}

/* --- handshakes ------------------------------------------------------------------------------------------------- */

static void initiate(struct tunnel *t, const struct via *via, usec now, struct outbox *out)
{
	struct message_initiation msg;
	struct tunnel_attempt *newest = &t->attempts[0];

	drop_attempt(t, &t->attempts[TUNNEL_ATTEMPTS - 1]);
	memmove(&t->attempts[1], newest, (TUNNEL_ATTEMPTS - 1) * sizeof *newest);
	*newest = (struct tunnel_attempt){.index = index_add(&t->shared->index, t, env_of(t)),
					  .sent_at = now};
	assert(newest->index != 0);

	timers_initiated(&t->timers, now, env_of(t));
	noise_timestamp_next(t->timestamp_sent, now + env_of(t)->wall_offset);
	bool written = noise_write_initiation(&newest->noise, &t->shared->local, &t->remote,
					      newest->index, t->timestamp_sent, env_of(t), &msg);
	assert(written); /* the tick saw our identity, tunnel_init() that the peer's key is good */
	t->stats.handshakes_started++;
	send_handshake(t, &msg, sizeof msg, via, now, out);
}

/* Proof, then freshness; before both hold nothing is kept and nothing sent. */
static enum drop admit(struct tunnel *t, struct noise_responder *r, usec now)
{
	uint8_t timestamp[NOISE_TIMESTAMP_LEN];
	bool proved = noise_prove_initiator(r, &t->remote, timestamp);

	if (DEFENCE(29, !proved))
		return DROP_HANDSHAKE;
	if (memcmp(timestamp, t->timestamp_received, sizeof timestamp) <= 0 ||
	    now < t->initiation_from)
		return DROP_TIMESTAMP;

	memcpy(t->timestamp_received, timestamp, sizeof timestamp);
	t->initiation_from = now + INITIATION_INTERVAL_MIN;
	return DROP_NONE;
}

static enum drop respond(struct tunnel *t, struct noise_responder *r, const struct via *via,
			 usec now, struct outbox *out)
{
	struct session *s = new_session(t, false);
	struct message_response msg;
	struct noise_keys keys;
	uint32_t remote_index = r->remote_index;
	uint32_t index = index_add(&t->shared->index, t, env_of(t));

	assert(index != 0);
	if (!noise_write_response(r, &t->remote, index, env_of(t), &msg, &keys)) {
		index_remove(&t->shared->index, index);
		return DROP_HANDSHAKE;
	}
	*s = (struct session){
		.local_index = index,
		.remote_index = remote_index,
		.started_at = now,
		.created_at = now,
		.heard_at = now,
	};
	s->keys = keys;
	replay_init(&s->replay);
	key_wipe(&keys, sizeof keys);
	count_received(t, sizeof(struct message_initiation), now);
	timers_derived(&t->timers, now);
	timers_answered(&t->timers, now);
	send_handshake(t, &msg, sizeof msg, via, now, out);
	return DROP_NONE;
}

enum drop tunnel_initiation(struct tunnel *t, struct noise_responder *r, const struct via *via,
			    usec now, struct outbox *out)
{
	enum drop drop = admit(t, r, now);

	if (drop == DROP_NONE)
		drop = respond(t, r, via, now, out);
	noise_responder_wipe(r);
	return drop;
}

/* The attempt was answered: it and those before it end. A later one goes on, since a plain peer
 * that got it has already forgotten this one. */
static void end_attempts(struct tunnel *t, struct tunnel_attempt *answered)
{
	for (struct tunnel_attempt *a = answered; a < t->attempts + TUNNEL_ATTEMPTS; a++)
		drop_attempt(t, a);
}

enum drop tunnel_response(struct tunnel *t, const struct message_response *msg, usec now)
{
	struct tunnel_attempt *a = find_attempt(t, load_le32(msg->receiver));
	struct noise_keys keys;
	struct session *s;

	if (a == NULL)
		return DROP_NO_SESSION;
	/* We slept, or it was held back: the session may be over at the other end, and ours
	 * would seem new. */
	if (now - a->sent_at >= REKEY_ATTEMPT_FOR)
		return DROP_EXPIRED;
	if (!noise_read_response(&a->noise, msg, &t->shared->local, &t->remote, &keys))
		return DROP_HANDSHAKE;

	s = new_session(t, true);
	*s = (struct session){
		.local_index = a->index,
		.remote_index = load_le32(msg->sender),
		.initiator = true,
		.started_at = a->sent_at,
		.created_at = now,
		.heard_at = now,
	};
	s->keys = keys;
	replay_init(&s->replay);
	key_wipe(&keys, sizeof keys);
	a->index = 0; /* the session's now */
	timers_measured(&t->timers, a->sent_at, now);
	end_attempts(t, a);
	count_received(t, sizeof *msg, now);
	timers_derived(&t->timers, now);
	confirm(t, s, now);
	return DROP_NONE;
}

enum drop tunnel_cookie(struct tunnel *t, const struct message_cookie *msg, usec now)
{
	if (!cookie_read_reply(&t->cookies, msg, now))
		return DROP_COOKIE;
	t->stats.rx_bytes += sizeof *msg;
	t->stats.rx_packets++;
	return DROP_NONE;
}

/* --- receiving data --------------------------------------------------------------------------------------------- */

enum drop tunnel_open(struct tunnel *t, uint8_t *msg, size_t len, usec now, struct aead_job *job)
{
	const struct session *s = find_session(t, msg);

	return s == NULL ? DROP_NO_SESSION : session_open(s, msg, len, now, job);
}

/* The peer sends on s, and we on the other of a crossing. To the one of rule 1 we follow at
 * once. It will follow us there, unless it does not have it: it restarted in between, or our
 * first packet there was lost and we had no other. */
static bool follows(const struct tunnel *t, const struct session *s, usec now)
{
	if (s == t->current || !session_may_send(s, now) || !crosses(s, t->current))
		return false;
	return prefers(t, s, t->current) || now - t->current->heard_at >= CROSSING_SILENT_FOR;
}

enum drop tunnel_received(struct tunnel *t, const uint8_t *msg, size_t len, bool data, usec now,
			  enum tunnel_result *result)
{
	struct session *s = find_session(t, msg);
	enum drop drop = s == NULL ? DROP_NO_SESSION : session_accept(s, msg, now);

	*result = TUNNEL_IDLE;
	if (drop != DROP_NONE)
		return drop;

	count_received(t, len, now);
	if (data) {
		t->stats.data_at = now;
		timers_received_data(&t->timers, now);
	}
	if (!s->confirmed) {
		confirm(t, s, now);
		*result = TUNNEL_UP;
	} else if (follows(t, s, now)) {
		t->current = s;
	}
	if (session_is_ending(t->current, now))
		timers_want(&t->timers);
	return DROP_NONE;
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static usec initiate_at(const struct tunnel *t)
{
	return timers_initiate_at(&t->timers, t->staged.count > 0);
}

static usec keepalive_at(const struct tunnel *t)
{
	return usec_min(t->timers.keepalive_at, t->timers.persistent_at);
}

static void keep_alive(struct tunnel *t, const struct via *via, usec now, struct outbox *out)
{
	/* Where there is no session to keep alive any more, WireGuard makes one. */
	if (!tunnel_keepalive(t, via, now, out))
		timers_want(&t->timers);
	timers_sent(&t->timers, now); /* also what found no room: the next is due in its time */
}

static void erase(struct tunnel *t)
{
	drop_sessions(t);
	if (!t->timers.wanted) /* else they end with their series */
		drop_attempts(t);
	t->timers.erase_at = USEC_NEVER;
}

/* What came just now was not part of it: a sleep ended, or the tick is late. It starts a series of its own. */
static void give_up(struct tunnel *t, usec now)
{
	drop_attempts(t);
	drop_staged(t, t->stats.data_at == now ? 1 : 0);
	timers_end(&t->timers);
	if (t->staged.count > 0)
		timers_want(&t->timers);
}

/* The peer is silent, and our own address may be to blame: a network was left that still has it. */
static void choose_local_anew(struct via *via)
{
	via->local = (struct addr){0};
}

enum tunnel_result tunnel_tick(struct tunnel *t, struct via *via, usec now, struct outbox *out)
{
	enum tunnel_result result = TUNNEL_IDLE;

	if (usec_due(t->timers.erase_at, now))
		erase(t);
	if (usec_due(t->timers.give_up_at, now)) {
		give_up(t, now);
		result = TUNNEL_EXPIRED;
	}
	if (usec_due(t->timers.silence_at, now)) {
		t->timers.silence_at = USEC_NEVER;
		timers_want(&t->timers);
		choose_local_anew(via);
	}

	t->stuck = via->kind == VIA_NONE || !t->shared->local.has_secret;
	if (t->stuck)
		return result;
	if (usec_due(keepalive_at(t), now))
		keep_alive(t, via, now, out);
	if (usec_due(initiate_at(t), now)) {
		if (t->timers.attempts > 0)
			choose_local_anew(via);
		initiate(t, via, now, out);
	}
	return result;
}

usec tunnel_deadline(const struct tunnel *t)
{
	usec at =
		usec_min(t->timers.erase_at, usec_min(t->timers.give_up_at, t->timers.silence_at));

	return t->stuck ? at : usec_min(at, usec_min(keepalive_at(t), initiate_at(t)));
}

void tunnel_start(struct tunnel *t, usec now)
{
	t->stuck = false;
	timers_start(&t->timers, now);
}

void tunnel_unblock(struct tunnel *t)
{
	t->stuck = false;
}

bool tunnel_is_starting(const struct tunnel *t)
{
	return t->timers.attempts > 0;
}

usec tunnel_silent_since(const struct tunnel *t)
{
	return t->timers.unanswered_since;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

bool tunnel_init(struct tunnel *t, struct tunnel_shared *shared, const struct key_public *remote,
		 const struct key_shared *psk)
{
	if (!noise_remote_init(&t->remote, &shared->local, remote, psk)) {
		key_wipe(t, sizeof *t);
		return false;
	}
	t->shared = shared;
	t->stats.handshake_at = t->stats.data_at = t->stats.heard_at = USEC_NEVER;
	cookie_jar_init(&t->cookies, remote);
	timers_init(&t->timers);
	return true;
}

void tunnel_wipe(struct tunnel *t)
{
	if (t->shared != NULL) {
		drop_sessions(t);
		drop_attempts(t);
		drop_staged(t, 0);
	}
	key_wipe(t, sizeof *t);
}

void tunnel_set_psk(struct tunnel *t, const struct key_shared *psk)
{
	t->remote.psk = *psk;
}

void tunnel_identity_changed(struct tunnel *t)
{
	bool wanted = t->shared->local.has_secret && (t->timers.wanted || t->current != NULL);

	drop_sessions(t);
	drop_attempts(t);
	timers_restart(&t->timers);
	t->stuck = false;
	if (wanted)
		timers_want(&t->timers);
	else
		drop_staged(t, 0);
	noise_remote_rekey(&t->remote, &t->shared->local);
}

static void raise_to(uint8_t timestamp[static NOISE_TIMESTAMP_LEN], const uint8_t *least)
{
	if (memcmp(timestamp, least, NOISE_TIMESTAMP_LEN) < 0)
		memcpy(timestamp, least, NOISE_TIMESTAMP_LEN);
}

void tunnel_recall(struct tunnel *t, const uint8_t sent[static NOISE_TIMESTAMP_LEN],
		   const uint8_t received[static NOISE_TIMESTAMP_LEN])
{
	raise_to(t->timestamp_sent, sent);
	raise_to(t->timestamp_received, received);
}

void tunnel_set_keepalive(struct tunnel *t, uint16_t seconds, usec now)
{
	t->stuck = false;
	timers_set_persistent(&t->timers, SEC(seconds), now);
}
