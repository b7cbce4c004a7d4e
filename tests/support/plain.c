#include "support/plain.h"

#include <string.h>

#include "base/bytes.h"

#define PACKET_LEN 60

void plain_init(struct plain *p, const struct env *env, const struct key_private *secret,
		const struct key_public *remote, const struct key_shared *psk)
{
	*p = (struct plain){
		.env = env,
		.via = {.kind = VIA_DIRECT},
		.initiated_at = -REKEY_TIMEOUT,
		.retry_at = USEC_NEVER,
		.silence_at = USEC_NEVER,
		.keepalive_at = USEC_NEVER,
	};
	noise_local_init(&p->local, secret);
	noise_remote_init(&p->remote, &p->local, remote, psk);
	cookie_jar_init(&p->cookies, remote);
}

static void send_handshake(struct plain *p, void *msg, size_t len, usec now, struct outbox *out)
{
	struct packet *packet = outbox_datagram(out, &p->via, len);

	cookie_sign(&p->cookies, msg, len, now);
	memcpy(packet->data, msg, len);
	p->keepalive_at = USEC_NEVER;
}

static void initiate(struct plain *p, usec now, struct outbox *out)
{
	struct message_initiation msg;

	if (now - p->initiated_at < REKEY_TIMEOUT)
		return;
	p->initiated_at = now;
	p->retry_at = now + REKEY_TIMEOUT + rand_jitter(p->env->rand, REKEY_JITTER_MAX);
	p->handshake_index = ++p->last_index;
	noise_timestamp_next(p->timestamp_sent, now + p->env->wall_offset);
	noise_write_initiation(&p->handshake, &p->local, &p->remote, p->handshake_index,
			       p->timestamp_sent, p->env, &msg);
	send_handshake(p, &msg, sizeof msg, now, out);
}

static void seal(struct plain *p, const uint64_t *number, usec now, struct outbox *out)
{
	struct packet *packet = outbox_datagram(out, &p->via, number ? PACKET_LEN : 0);
	struct aead_job job;

	if (number != NULL) {
		memset(packet->data, 0x45, PACKET_LEN);
		store_le64(packet->data, *number);
		if (p->silence_at == USEC_NEVER)
			p->silence_at = now + KEEPALIVE_TIMEOUT + REKEY_TIMEOUT;
	}
	session_seal(&p->current, packet, 1400, &job);
	aead_seal_batch(&job, 1);
	p->keepalive_at = USEC_NEVER;
	if (p->current.initiator && now - p->current.created_at >= REKEY_AFTER)
		initiate(p, now, out);
}

static void flush(struct plain *p, usec now, struct outbox *out)
{
	for (size_t i = 0; i < p->staged_count; i++)
		seal(p, &p->staged[i], now, out);
	p->staged_count = 0;
}

void plain_send(struct plain *p, uint64_t number, usec now, struct outbox *out)
{
	if (session_exists(&p->current) && session_may_send(&p->current, now)) {
		seal(p, &number, now, out);
		return;
	}
	if (p->staged_count < PLAIN_STAGED_MAX)
		p->staged[p->staged_count++] = number;
	if (p->retry_at == USEC_NEVER)
		p->attempts = 0;
	initiate(p, now, out);
}

static void take_initiation(struct plain *p, const struct message_initiation *msg, usec now,
			    struct outbox *out)
{
	uint8_t timestamp[NOISE_TIMESTAMP_LEN];
	struct noise_responder r;
	struct message_response response;
	struct session fresh = {.local_index = ++p->last_index,
				.remote_index = load_le32(msg->sender),
				.created_at = now};

	if (!noise_read_initiation(&r, msg, &p->local) ||
	    !noise_prove_initiator(&r, &p->remote, timestamp) ||
	    memcmp(timestamp, p->timestamp_received, sizeof timestamp) <= 0)
		return;
	memcpy(p->timestamp_received, timestamp, sizeof timestamp);
	p->handshake_index =
		0; /* the one state is the responder's now, and begins its session at once */
	if (!noise_write_response(&r, &p->remote, fresh.local_index, p->env, &response,
				  &fresh.keys))
		return;
	p->next = fresh;
	p->previous = (struct session){0};
	send_handshake(p, &response, sizeof response, now, out);
}

static void completed(struct plain *p)
{
	p->retry_at = USEC_NEVER;
	p->attempts = 0;
}

static void take_response(struct plain *p, const struct message_response *msg, usec now,
			  struct outbox *out)
{
	struct session fresh = {
		.local_index = p->handshake_index,
		.remote_index = load_le32(msg->sender),
		.initiator = true,
		.confirmed = true,
		.created_at = now,
	};

	if (p->handshake_index == 0 || load_le32(msg->receiver) != p->handshake_index ||
	    !noise_read_response(&p->handshake, msg, &p->local, &p->remote, &fresh.keys))
		return;
	p->handshake_index = 0;
	p->previous = session_exists(&p->next) ? p->next : p->current;
	p->next = (struct session){0};
	p->current = fresh;
	p->silence_at = USEC_NEVER;
	completed(p);
	if (p->staged_count == 0)
		seal(p, NULL, now, out);
	flush(p, now, out);
}

static bool take_data(struct plain *p, uint8_t *msg, size_t len, usec now, struct outbox *out,
		      uint64_t *number)
{
	struct session *all[] = {&p->current, &p->previous, &p->next}, *s = NULL;
	struct aead_job job;

	for (size_t i = 0; i < 3; i++) {
		if (session_exists(all[i]) && all[i]->local_index == load_le32(msg + 4))
			s = all[i];
	}
	if (s == NULL || session_open(s, msg, len, now, &job) != DROP_NONE)
		return false;
	aead_open_batch(&job, 1);
	if (!job.ok || session_accept(s, msg, now) != DROP_NONE)
		return false;

	p->silence_at = USEC_NEVER;
	if (s == &p->next) {
		p->previous = p->current;
		p->current = p->next;
		p->current.confirmed = true;
		p->next = (struct session){0};
		completed(p);
		flush(p, now, out);
	}
	if (job.len == 0)
		return false;
	if (p->keepalive_at == USEC_NEVER)
		p->keepalive_at = now + KEEPALIVE_TIMEOUT;
	*number = load_le64(job.data);
	return true;
}

bool plain_input(struct plain *p, uint8_t *msg, size_t len, usec now, struct outbox *out,
		 uint64_t *number)
{
	switch (load_le32(msg)) {
	case MESSAGE_INITIATION:
		take_initiation(p, (const void *)msg, now, out);
		return false;
	case MESSAGE_RESPONSE:
		take_response(p, (const void *)msg, now, out);
		return false;
	case MESSAGE_DATA:
		return take_data(p, msg, len, now, out, number);
	default:
		return false;
	}
}

void plain_tick(struct plain *p, usec now, struct outbox *out)
{
	if (usec_due(p->silence_at, now)) {
		p->silence_at = USEC_NEVER;
		initiate(p, now, out);
	}
	if (usec_due(p->keepalive_at, now)) {
		p->keepalive_at = USEC_NEVER;
		if (session_may_send(&p->current, now))
			seal(p, NULL, now, out);
	}
	if (usec_due(p->retry_at, now)) {
		p->retry_at = USEC_NEVER;
		if (++p->attempts > 18)
			p->staged_count = 0;
		else
			initiate(p, now, out);
	}
}

usec plain_deadline(const struct plain *p)
{
	return usec_min(p->retry_at, usec_min(p->silence_at, p->keepalive_at));
}
