#include "support/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define FLIGHTS_MAX 4096
#define PACKET_LEN  60
#define MTU         1400

static void *zeroed(size_t len)
{
	void *p = calloc(1, len);

	if (p == NULL)
		abort();
	return p;
}

void wire_init(struct wire *w)
{
	*w = (struct wire){.flights = zeroed(FLIGHTS_MAX * sizeof(struct wire_flight))};
	for (unsigned i = 0; i < 2; i++) {
		struct wire_end *e = &w->ends[i];
		*e = (struct wire_end){
			.shared = zeroed(sizeof(struct tunnel_shared)),
			.tunnel = zeroed(sizeof(struct tunnel)),
			.out = zeroed(sizeof(struct outbox)),
			.seen = zeroed(WIRE_NUMBERS / 8),
		};
		if (staging_init(&e->shared->staging) < 0 ||
		    index_init(&e->shared->index, TUNNEL_INDICES) < 0 || outbox_init(e->out) < 0)
			abort();
	}
}

static void end_life(struct wire_end *e)
{
	tunnel_wipe(e->tunnel);
	assert(e->shared->index.count == 0); /* all given back */
	free(e->plain);
	e->plain = NULL;
}

void wire_free(struct wire *w)
{
	for (unsigned i = 0; i < 2; i++) {
		struct wire_end *e = &w->ends[i];
		end_life(e);
		staging_free(&e->shared->staging);
		index_free(&e->shared->index);
		outbox_free(e->out);
		free(e->shared);
		free(e->tunnel);
		free(e->out);
		free(e->seen);
	}
	free(w->flights);
}

static void start_life(struct wire_end *e, const struct key_private *secret,
		       const struct key_private *remote, const struct key_shared *psk, bool plain)
{
	struct key_public public;

	key_public_from(&public, remote);
	e->shared->env = &e->env.env;
	e->shared->drops = (struct drops){0};
	noise_local_init(&e->shared->local, secret);
	cookie_checker_init(&e->checker, &e->shared->local.public);
	if (plain) {
		e->plain = zeroed(sizeof *e->plain);
		plain_init(e->plain, &e->env.env, secret, &public, psk);
	} else {
		bool ok = tunnel_init(e->tunnel, e->shared, &public, psk);
		assert(ok);
	}
}

void wire_reset(struct wire *w, uint64_t seed, bool plain)
{
	struct key_private secrets[2];
	struct key_shared psk;

	w->now = 0;
	w->delay = MSEC(30);
	w->jitter = 0;
	w->loss = w->repeat = 0;
	w->rand = rand_seeded(seed);
	w->flight_count = 0;
	rand_bytes(&w->rand, &psk, sizeof psk);
	for (unsigned i = 0; i < 2; i++) {
		struct wire_end *e = &w->ends[i];
		end_life(e);
		outbox_clear(e->out);
		memset(e->seen, 0, WIRE_NUMBERS / 8);
		*e = (struct wire_end){
			.shared = e->shared,
			.tunnel = e->tunnel,
			.out = e->out,
			.seen = e->seen,
			.via = {.kind = VIA_DIRECT,
				.remote = addr_v4((uint8_t[]){192, 0, 2, (uint8_t)(2 - i)}, 51820)},
			.up_at = USEC_NEVER,
		};
		env_fake_init(&e->env, seed * 2 + i + 1);
		key_private_generate(&secrets[i], &e->env.env);
	}
	for (unsigned i = 0; i < 2; i++)
		start_life(&w->ends[i], &secrets[i], &secrets[1 - i], &psk, plain && i == 1);
}

/* --- the way ---------------------------------------------------------------------------------------------------- */

static void launch(struct wire *w, unsigned from, const struct packet *p)
{
	assert(w->flight_count < FLIGHTS_MAX && p->len <= WIRE_DATAGRAM_MAX);
	struct wire_flight *f = &w->flights[w->flight_count++];
	f->at = w->now + w->delay + (w->jitter ? rand_jitter(&w->rand, w->jitter) : 0);
	f->order = w->order++;
	f->to = 1 - from;
	f->len = p->len;
	memcpy(f->data, p->data, p->len);
}

void wire_collect(struct wire *w, unsigned from)
{
	struct wire_end *e = &w->ends[from];

	for (size_t i = 0; i < e->out->net.count; i++) {
		const struct packet *p = &e->out->net.packets[i];
		e->sent[load_le32(p->data)]++;
		if (p->len <= sizeof(struct message_initiation) &&
		    load_le32(p->data) <= MESSAGE_COOKIE)
			memcpy(w->last[from], p->data, p->len);
		if (e->cut || rand_below(&w->rand, 100) < w->loss)
			continue;
		launch(w, from, p);
		if (rand_below(&w->rand, 100) < w->repeat)
			launch(w, from, p);
	}
	outbox_clear(e->out);
}

static struct wire_flight *next_flight(struct wire *w)
{
	struct wire_flight *next = NULL;

	for (size_t i = 0; i < w->flight_count; i++) {
		struct wire_flight *f = &w->flights[i];
		if (next == NULL || f->at < next->at ||
		    (f->at == next->at && f->order < next->order))
			next = f;
	}
	return next;
}

/* --- the ends --------------------------------------------------------------------------------------------------- */

static bool can_send(const struct wire_end *e, usec now)
{
	return e->plain ? session_may_send(&e->plain->current, now)
			: tunnel_has_session(e->tunnel, now);
}

/* What holds of a tunnel at any time: whatever is outstanding has a deadline. */
static void check(const struct wire_end *e)
{
	const struct tunnel *t = e->tunnel;
	bool outstanding = t->staged.count > 0;

	if (e->plain != NULL)
		return;
	for (size_t i = 0; i < TUNNEL_ATTEMPTS; i++)
		outstanding = outstanding || t->attempts[i].index != 0;
	for (size_t i = 0; i < TUNNEL_SESSIONS; i++)
		outstanding = outstanding || session_exists(&t->sessions[i]);
	assert(!outstanding || t->stuck || tunnel_deadline(t) != USEC_NEVER);
	assert(t->current == NULL || (session_exists(t->current) && t->current->confirmed));
	assert(e->shared->index.count <= TUNNEL_INDICES);
}

static void settle(struct wire *w, unsigned i)
{
	struct wire_end *e = &w->ends[i];

	if (e->plain != NULL && usec_due(plain_deadline(e->plain), w->now))
		plain_tick(e->plain, w->now, e->out);
	if (e->plain == NULL && !e->mute && usec_due(tunnel_deadline(e->tunnel), w->now)) {
		e->expired += tunnel_tick(e->tunnel, &e->via, w->now, e->out) == TUNNEL_EXPIRED;
		assert(tunnel_deadline(e->tunnel) > w->now);
	}
	if (e->up_at == USEC_NEVER && can_send(e, w->now))
		e->up_at = w->now;
	check(e);
	wire_collect(w, i);
}

static void deliver(struct wire_end *e, uint64_t number)
{
	uint8_t *byte = &e->seen[number / 8], bit = (uint8_t)(1 << number % 8);

	assert(number < WIRE_NUMBERS);
	e->accepted++;
	e->repeated += (*byte & bit) != 0;
	*byte |= bit;
}

static void up(struct wire_end *e, bool confirm, usec now)
{
	if (tunnel_flush(e->tunnel, &e->via, MTU, now, e->out) == 0 && confirm)
		tunnel_keepalive(e->tunnel, &e->via, now, e->out);
}

static enum drop take_initiation(struct wire_end *e, const struct message_initiation *msg, usec now)
{
	struct noise_responder r;

	if (!noise_read_initiation(&r, msg, &e->shared->local))
		return DROP_HANDSHAKE;
	if (!key_public_equal(&r.remote_static, &e->tunnel->remote.public)) {
		noise_responder_wipe(&r);
		return DROP_UNKNOWN_PEER;
	}
	return tunnel_initiation(e->tunnel, &r, &e->via, now, e->out);
}

static enum drop take_response(struct wire_end *e, const struct message_response *msg, usec now)
{
	enum drop drop = tunnel_response(e->tunnel, msg, now);

	if (drop == DROP_NONE)
		up(e, true, now);
	return drop;
}

static enum drop take_data(struct wire_end *e, uint8_t *msg, size_t len, usec now)
{
	enum tunnel_result result;
	struct aead_job job;
	enum drop drop = tunnel_open(e->tunnel, msg, len, now, &job);

	if (drop != DROP_NONE)
		return drop;
	aead_open_batch(&job, 1);
	if (!job.ok)
		return DROP_TAG;
	drop = tunnel_received(e->tunnel, msg, len, job.len > 0, now, &result);
	if (drop != DROP_NONE)
		return drop;
	if (result == TUNNEL_UP)
		up(e, false, now);
	if (job.len > 0)
		deliver(e, load_le64(job.data));
	return DROP_NONE;
}

static enum drop admit(struct wire_end *e, const uint8_t *msg, size_t len, usec now)
{
	struct packet *reply;
	enum cookie_verdict verdict =
		cookie_check(&e->checker, msg, len, &e->via.remote, now, &e->env.env);

	if (verdict == COOKIE_MAC1_BAD)
		return DROP_MAC1;
	if (!e->under_load || verdict == COOKIE_MAC2_GOOD)
		return DROP_NONE;
	reply = outbox_datagram(e->out, &e->via, sizeof(struct message_cookie));
	cookie_write_reply(&e->checker, (void *)reply->data, msg, len, &e->via.remote, now,
			   &e->env.env);
	return DROP_UNDER_LOAD;
}

static bool is_mine(const struct wire_end *e, const uint8_t *msg, size_t at)
{
	return index_find(&e->shared->index, load_le32(msg + at)) == e->tunnel;
}

static enum drop dispatch(struct wire_end *e, uint8_t *msg, size_t len, usec now)
{
	uint32_t type = load_le32(msg);
	enum drop drop;

	if (type == MESSAGE_DATA)
		return is_mine(e, msg, 4) ? take_data(e, msg, len, now) : DROP_NO_SESSION;
	if (type == MESSAGE_COOKIE)
		return is_mine(e, msg, 4) ? tunnel_cookie(e->tunnel, (const void *)msg, now)
					  : DROP_NO_SESSION;
	if ((type != MESSAGE_INITIATION || len != sizeof(struct message_initiation)) &&
	    (type != MESSAGE_RESPONSE || len != sizeof(struct message_response)))
		return DROP_UNKNOWN_TYPE;
	drop = admit(e, msg, len, now);
	if (drop != DROP_NONE)
		return drop;
	if (type == MESSAGE_INITIATION)
		return take_initiation(e, (const void *)msg, now);
	return is_mine(e, msg, 8) ? take_response(e, (const void *)msg, now) : DROP_NO_SESSION;
}

enum drop wire_input(struct wire *w, unsigned to, const void *data, size_t len)
{
	struct wire_end *e = &w->ends[to];
	uint8_t msg[WIRE_DATAGRAM_MAX];
	uint64_t number;
	enum drop drop = DROP_NONE;

	memcpy(msg, data, len);
	if (e->plain == NULL)
		drop = dispatch(e, msg, len, w->now);
	else if (plain_input(e->plain, msg, len, w->now, e->out, &number))
		deliver(e, number);
	e->drops.count[drop]++;
	settle(w, to);
	return drop;
}

void wire_send(struct wire *w, unsigned from, uint64_t number)
{
	struct wire_end *e = &w->ends[from];
	uint8_t room[PACKET_HEAD + PACKET_LEN + PACKET_TAIL];
	struct packet p = {.data = room + PACKET_HEAD, .len = PACKET_LEN, .via = e->via};
	struct aead_job job;

	memset(p.data, 0x45, PACKET_LEN);
	store_le64(p.data, number);
	if (e->plain != NULL) {
		plain_send(e->plain, number, w->now, e->out);
	} else if (tunnel_send(e->tunnel, &p, MTU, w->now, &job) == DROP_NONE && job.key != NULL) {
		aead_seal_batch(&job, 1);
		outbox_net(e->out, &p);
	}
	settle(w, from);
}

void wire_start(struct wire *w, unsigned from)
{
	tunnel_start(w->ends[from].tunnel, w->now);
	settle(w, from);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static usec deadline(const struct wire_end *e)
{
	return e->plain  ? plain_deadline(e->plain)
	       : e->mute ? USEC_NEVER
			 : tunnel_deadline(e->tunnel);
}

/* The next thing that happens, if it does by then. */
static bool step(struct wire *w, usec until)
{
	struct wire_flight *f = next_flight(w);
	usec at = f ? f->at : USEC_NEVER;

	for (unsigned i = 0; i < 2; i++)
		at = usec_min(at, deadline(&w->ends[i]));
	if (at > until)
		return false;
	if (at > w->now)
		w->now = at;
	if (f != NULL && f->at <= w->now) {
		struct wire_flight arrived = *f;
		*f = w->flights[--w->flight_count];
		wire_input(w, arrived.to, arrived.data, arrived.len);
	}
	settle(w, 0);
	settle(w, 1);
	return true;
}

void wire_run(struct wire *w, usec until)
{
	while (step(w, until))
		;
	w->now = until;
}

bool wire_run_until(struct wire *w, bool (*done)(const struct wire *w), usec until)
{
	while (!done(w)) {
		if (!step(w, until))
			return false;
	}
	return true;
}

bool wire_is_up(const struct wire *w)
{
	return w->ends[0].up_at != USEC_NEVER && w->ends[1].up_at != USEC_NEVER;
}

static const struct session *in_use(const struct wire_end *e)
{
	return e->plain ? &e->plain->current : e->tunnel->current;
}

bool wire_agrees(const struct wire *w)
{
	const struct session *a = in_use(&w->ends[0]), *b = in_use(&w->ends[1]);

	return can_send(&w->ends[0], w->now) && can_send(&w->ends[1], w->now) &&
	       a->local_index == b->remote_index && b->local_index == a->remote_index;
}
