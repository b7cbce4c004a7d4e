/* One STUN request until answer or surrender (RFC 8489, 6.2.1). */
#include "nat/txn.h"

#include <string.h>

#include "base/defence.h"
#include "crypto/key.h"

const struct txn_schedule txn_rfc = {
	.sends = 7,
	.send_after = {0, MSEC(500), MSEC(1500), MSEC(3500), MSEC(7500), MSEC(15500), MSEC(31500)},
	.give_up_after = MSEC(39500),
};

const struct txn_schedule txn_short = {
	.sends = 4,
	.send_after = {0, MSEC(100), MSEC(200), MSEC(400)},
	.give_up_after = MSEC(1200),
};

const struct txn_schedule txn_once = {.sends = 1, .give_up_after = MSEC(1200)};

/* Of its instants the first that is still to come; those that passed in a long stop are left out, not made up for. */
static usec next_after(const struct txn *t, usec now)
{
	for (unsigned i = t->sends; i < t->schedule->sends; i++)
		if (t->started_at + t->schedule->send_after[i] > now)
			return t->started_at + t->schedule->send_after[i];
	return t->started_at + t->schedule->give_up_after;
}

/* Should the outbox be full, this one is lost as on a network. */
static void send_request(struct txn *t, usec now, struct outbox *out)
{
	struct packet *p = outbox_datagram(out, &t->via, t->len);

	if (p != NULL)
		memcpy(p->data, t->request, t->len);
	t->sends++;
	t->sent_at = now;
	t->next_at = next_after(t, now);
}

/* Over, and the key is not needed any more. */
static void finish(struct txn *t)
{
	t->schedule = NULL;
	key_wipe(&t->key, sizeof t->key);
}

bool txn_start(struct txn *t, const struct via *via, const struct addr *from,
	       const struct stun_message *request, const struct integrity_key *key,
	       const struct txn_schedule *schedule, const struct env *env, usec now,
	       struct outbox *out)
{
	struct stun_message m = *request;

	env_rand(env, m.id, sizeof m.id);
	*t = (struct txn){
		.via = *via,
		.schedule = schedule,
		.is_signed = key != NULL,
		.started_at = now,
		.method = m.method,
	};
	if (from != NULL)
		t->from = *from;
	if (key != NULL)
		t->key = *key;
	memcpy(t->id, m.id, sizeof t->id);

	t->len = stun_write(t->request, sizeof t->request, &m);
	if (t->len > 0 && key != NULL)
		t->len = integrity_sign(t->request, t->len, sizeof t->request, key);
	if (t->len > 0)
		t->len = stun_add_fingerprint(t->request, t->len, sizeof t->request);
	if (t->len == 0) {
		finish(t);
		return false;
	}
	send_request(t, now, out);
	return true;
}

bool txn_matches(const struct txn *t, const struct packet *in, const struct stun_message *m)
{
	return txn_is_waiting(t) && (m->class == STUN_SUCCESS || m->class == STUN_ERROR) &&
	       m->method == t->method && memcmp(m->id, t->id, sizeof t->id) == 0 &&
	       in->via.kind == t->via.kind && in->via.door == t->via.door &&
	       (!addr_is_set(&t->from) || addr_equal(&in->via.remote, &t->from));
}

enum txn_result txn_input(struct txn *t, const struct packet *in, const struct stun_message *m,
			  usec now)
{
	if (!txn_matches(t, in, m) || m->unknown_count > 0)
		return TXN_WAITING;
	if (DEFENCE(55, t->is_signed && m->class == STUN_SUCCESS && !integrity_holds(m, &t->key)))
		return TXN_WAITING;

	t->rtt = t->sends == 1 ? now - t->sent_at : USEC_NEVER;
	t->rtt_most = now - t->started_at;
	finish(t);
	return TXN_ANSWERED;
}

enum txn_result txn_tick(struct txn *t, usec now, struct outbox *out)
{
	if (!usec_due(txn_deadline(t), now))
		return TXN_WAITING;
	if (usec_due(t->started_at + t->schedule->give_up_after, now)) {
		finish(t);
		return TXN_FAILED;
	}
	send_request(t, now, out);
	return TXN_WAITING;
}

usec txn_deadline(const struct txn *t)
{
	return txn_is_waiting(t) ? t->next_at : USEC_NEVER;
}

bool txn_is_waiting(const struct txn *t)
{
	return t->schedule != NULL;
}

void txn_stop(struct txn *t)
{
	finish(t);
	*t = (struct txn){0};
}
