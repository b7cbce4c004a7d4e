/* Life of a packet in: from a door to the TUN (architecture.md, section 7). Handshakes are answered as they are met; data is gathered,
 * opened all at once, and then judged in order. Nothing here replies to, keeps or allocates anything for a datagram that is not
 * authenticated, beyond what WireGuard itself does. */
#include "base/bytes.h"
#include "base/defence.h"
#include "base/ip.h"
#include "mesh/mesh_impl.h"
#include "nat/stun.h"

#define KEPT_FOR_PEERS STAGING_PER_PEER /* datagrams of the outbox */

/* --- handshakes ------------------------------------------------------------------------------------------------- */

static enum drop take_initiation(struct mesh *m, const struct packet *p, usec now,
				 struct outbox *out)
{
	const struct message_initiation *msg = (const void *)p->data;
	struct noise_responder r;
	struct peer *peer;
	enum drop drop = DROP_HANDSHAKE;

	if (noise_read_initiation(&r, msg, &m->shared.local)) {
		peer = table_find(&m->by_key, &r.remote_static);
		drop = peer == NULL ? DROP_UNKNOWN_PEER
				    : tunnel_initiation(&peer->tunnel, &r, &p->via, now, out);
		if (drop == DROP_NONE) {
			peer_heard(peer, &p->via, &m->host, now);
			mesh_settle(m, peer, now, out);
		}
	}
	key_wipe(&r, sizeof r);
	return drop;
}

static enum drop take_response(struct mesh *m, const struct packet *p, usec now, struct outbox *out)
{
	const struct message_response *msg = (const void *)p->data;
	struct tunnel *t = index_find(&m->shared.index, load_le32(msg->receiver));
	enum drop drop;

	if (t == NULL)
		return DROP_NO_SESSION;
	drop = tunnel_response(t, msg, now);
	if (drop == DROP_NONE) {
		peer_heard(peer_of(t), &p->via, &m->host, now);
		peer_up(peer_of(t), true, m->mtu, now, out);
		mesh_settle(m, peer_of(t), now, out);
	}
	return drop;
}

/* It serves the next retry: no deadline moves. */
static enum drop take_cookie(struct mesh *m, const struct packet *p, usec now)
{
	const struct message_cookie *msg = (const void *)p->data;
	struct tunnel *t = index_find(&m->shared.index, load_le32(msg->receiver));

	return t == NULL ? DROP_NO_SESSION : tunnel_cookie(t, msg, now);
}

/* Strangers get what the peers do not need: a handshake that ends in this batch brings out what waited for it. */
static void answer_with_cookie(struct mesh *m, const struct packet *p, usec now, struct outbox *out)
{
	struct packet *reply;

	if (DEFENCE(47, outbox_room(out) <= KEPT_FOR_PEERS))
		return;
	reply = outbox_datagram(out, &p->via, sizeof(struct message_cookie));
	if (reply != NULL)
		cookie_write_reply(&m->checker, (struct message_cookie *)(void *)reply->data,
				   p->data, p->len, &p->via.remote, now, m->env);
}

/* An initiation or response: is it made for us, and may it cost us anything? */
static enum drop admit(struct mesh *m, const struct packet *p, usec now, struct outbox *out)
{
	enum cookie_verdict verdict;

	if (!m->shared.local.has_secret)
		return DROP_NO_KEY;
	verdict = cookie_check(&m->checker, p->data, p->len, &p->via.remote, now, m->env);
	if (DEFENCE(28, verdict == COOKIE_MAC1_BAD))
		return DROP_MAC1;
	if (!load_add(&m->load, now))
		return DROP_NONE;

	if (verdict != COOKIE_MAC2_GOOD) {
		answer_with_cookie(m, p, now, out);
		return DROP_UNDER_LOAD;
	}
	return ratelimit_allow(&m->ratelimit, &p->via.remote, now) ? DROP_NONE : DROP_RATE_LIMIT;
}

static enum drop handshake(struct mesh *m, const struct packet *p, uint32_t type, usec now,
			   struct outbox *out)
{
	enum drop drop = type == MESSAGE_COOKIE ? DROP_NONE : admit(m, p, now, out);

	if (drop != DROP_NONE)
		return drop;
	return type == MESSAGE_INITIATION ? take_initiation(m, p, now, out)
	       : type == MESSAGE_RESPONSE ? take_response(m, p, now, out)
					  : take_cookie(m, p, now);
}

/* --- data ------------------------------------------------------------------------------------------------------- */

static enum drop gather(struct mesh *m, struct packet *p, usec now)
{
	struct mesh_work *w = &m->work;
	const struct message_data *msg = (const void *)p->data;
	struct tunnel *t = index_find(&m->shared.index, load_le32(msg->receiver));
	enum drop drop;

	if (t == NULL)
		return DROP_NO_SESSION;
	drop = tunnel_open(t, p->data, p->len, now, &w->jobs[w->count]);
	if (drop == DROP_NONE) {
		w->packets[w->count] = p;
		w->peers[w->count] = peer_of(t);
		w->count++;
	}
	return drop;
}

/* A decrypted packet: is it IP, and from an address that is this peer's? */
static enum drop deliver(struct mesh *m, struct peer *peer, const struct packet *p,
			 const struct aead_job *job, struct outbox *out)
{
	struct packet plain = {.data = job->data, .len = job->len, .via = p->via};
	struct ip_view ip;

	if (!ip_view(&ip, plain.data, plain.len))
		return DROP_NOT_IP;
	if (DEFENCE(35, mesh_find(m, ip.family, ip.src) != peer))
		return DROP_SOURCE;
	plain.len = ip.len; /* without the padding */
	return outbox_tun(out, &plain) ? DROP_NONE : DROP_OUTBOX_FULL;
}

static enum drop judge(struct mesh *m, struct peer *peer, const struct packet *p,
		       const struct aead_job *job, usec now, struct outbox *out)
{
	enum tunnel_result result = TUNNEL_IDLE;
	enum drop drop;

	if (DEFENCE(55, !job->ok))
		return DROP_TAG;
	drop = tunnel_received(&peer->tunnel, p->data, p->len, job->len > 0, now, &result);
	if (drop != DROP_NONE)
		return drop;
	mesh_touch(m, peer);
	peer_heard(peer, &p->via, &m->host, now);
	peer_speaks(peer, now);
	if (result == TUNNEL_UP)
		peer_up(peer, false, m->mtu, now, out);
	return job->len > 0 ? deliver(m, peer, p, job, out) : DROP_NONE;
}

static void open_gathered(struct mesh *m, usec now, struct outbox *out)
{
	struct mesh_work *w = &m->work;

	aead_open_batch(w->jobs, w->count);
	for (size_t i = 0; i < w->count; i++) {
		enum drop drop = judge(m, w->peers[i], w->packets[i], &w->jobs[i], now, out);
		if (drop != DROP_NONE)
			mesh_drop(m, drop);
	}
	mesh_settle_touched(m, now, out);
	w->count = 0;
}

/* --- both ------------------------------------------------------------------------------------------------------- */

/* By word and length, as protocol.md section 1 has it: nothing else is accepted, and nothing by a fresh door. */
static enum drop classify(const struct packet *p, uint32_t *type)
{
	static const size_t handshake_len[] = {
		[MESSAGE_INITIATION] = sizeof(struct message_initiation),
		[MESSAGE_RESPONSE] = sizeof(struct message_response),
		[MESSAGE_COOKIE] = sizeof(struct message_cookie),
	};

	if (p->len < sizeof(struct message_data))
		return DROP_SHORT;
	*type = load_le32(p->data);
	if (*type < MESSAGE_INITIATION || *type > MESSAGE_DATA || p->via.door >= DOOR_FRESH)
		return DROP_UNKNOWN_TYPE;
	if (*type == MESSAGE_DATA)
		return p->len < MESSAGE_DATA_MIN ? DROP_SHORT : DROP_NONE;
	return p->len == handshake_len[*type] ? DROP_NONE : DROP_SHORT;
}

/* What is not WireGuard's: an answer to a question of our own, or nothing. Strangers' questions are not answered: who answers can
 * be made to talk to others (vuln_22, vuln_24). */
static enum drop take_other(struct mesh *m, const struct packet *p, enum drop why, usec now,
			    struct outbox *out)
{
	if (!stun_is_message(p->data, p->len))
		return why;
	return outside_input(&m->outside, p, now, out) ? DROP_NONE : DROP_STUN;
}

void mesh_inbound(struct mesh *m, struct batch *in, usec now, struct outbox *out)
{
	mesh_begin(m);
	for (size_t i = 0; i < in->count; i++) {
		struct packet *p = &in->packets[i];
		uint32_t type;
		enum drop drop = classify(p, &type);

		if (drop != DROP_NONE) {
			drop = take_other(m, p, drop, now, out);
		} else if (type == MESSAGE_DATA) {
			drop = gather(m, p, now);
		} else {
			/* A handshake may move sessions about: first finish what points into them. */
			open_gathered(m, now, out);
			drop = handshake(m, p, type, now, out);
		}
		if (drop != DROP_NONE)
			mesh_drop(m, drop);
	}
	open_gathered(m, now, out);
}
