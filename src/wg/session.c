/* Sealing, opening and the limits of one session. */
#include "wg/session.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/defence.h"

static bool is_over(const struct session *s, uint64_t counter, usec now)
{
	return DEFENCE(37, counter >= REJECT_AFTER_MESSAGES) || now - s->created_at >= REJECT_AFTER;
}

bool session_may_send(const struct session *s, usec now)
{
	return s->confirmed && !is_over(s, s->send_counter, now);
}

bool session_is_stale(const struct session *s, usec now)
{
	usec most = s->initiator ? REKEY_AFTER : REKEY_AFTER_RESPONDER;

	return now - s->created_at >= most || s->send_counter > REKEY_AFTER_MESSAGES;
}

bool session_is_ending(const struct session *s, usec now)
{
	return s->initiator && now - s->created_at >= REKEY_ON_RECEIVE_AFTER;
}

static size_t padded_len(size_t len, size_t mtu)
{
	size_t padded = (len + MESSAGE_PADDING - 1) / MESSAGE_PADDING * MESSAGE_PADDING;

	if (mtu == 0 || padded <= mtu)
		return padded;
	return len < mtu ? mtu : len;
}

void session_seal(struct session *s, struct packet *p, size_t mtu, struct aead_job *job)
{
	size_t padded = padded_len(p->len, mtu);
	uint64_t counter = s->send_counter++;

	memset(p->data + p->len, 0, padded - p->len);
	*job = (struct aead_job){.key = &s->keys.send, .data = p->data, .len = padded};
	aead_nonce(job->nonce, counter);

	p->data -= sizeof(struct message_data);
	p->len = sizeof(struct message_data) + padded + AEAD_TAG_LEN;
	struct message_data *header = (void *)p->data;
	store_le32(header->type, MESSAGE_DATA);
	store_le32(header->receiver, s->remote_index);
	store_le64(header->counter, counter);
}

static uint64_t counter_of(const uint8_t *msg)
{
	return load_le64(msg + offsetof(struct message_data, counter));
}

enum drop session_open(const struct session *s, uint8_t *msg, size_t len, usec now,
		       struct aead_job *job)
{
	assert(len >= MESSAGE_DATA_MIN);
	if (is_over(s, counter_of(msg), now))
		return DROP_EXPIRED;

	*job = (struct aead_job){
		.key = &s->keys.receive,
		.data = msg + sizeof(struct message_data),
		.len = len - MESSAGE_DATA_MIN,
	};
	aead_nonce(job->nonce, counter_of(msg));
	return DROP_NONE;
}

enum drop session_accept(struct session *s, const uint8_t *msg, usec now)
{
	if (!replay_accept(&s->replay, counter_of(msg)))
		return DROP_REPLAY;
	s->heard_at = now;
	return DROP_NONE;
}

void session_wipe(struct session *s)
{
	key_wipe(s, sizeof *s);
}
