/* A plain WireGuard peer, as the kernel behaves: one handshake state, which either role takes
 * over; current, previous and next session; a retry every 5 s. Just enough to see that a tunnel
 * converges with it. */
#ifndef SUPPORT_PLAIN_H
#define SUPPORT_PLAIN_H

#include "base/outbox.h"
#include "wg/cookie.h"
#include "wg/noise.h"
#include "wg/session.h"

#define PLAIN_STAGED_MAX 128

struct plain {
	const struct env *env;
	struct noise_local local;
	struct noise_remote remote;
	struct cookie_jar cookies;
	struct via via;

	struct noise_initiator handshake;
	uint32_t handshake_index; /* 0: none outstanding */
	uint8_t timestamp_sent[NOISE_TIMESTAMP_LEN], timestamp_received[NOISE_TIMESTAMP_LEN];
	uint32_t last_index;
	struct session current, previous, next;

	uint64_t staged[PLAIN_STAGED_MAX];
	size_t staged_count;
	usec initiated_at, retry_at, silence_at, keepalive_at;
	unsigned attempts;
};

void plain_init(struct plain *p, const struct env *env, const struct key_private *secret,
		const struct key_public *remote, const struct key_shared *psk);
/* A numbered packet for the other end. */
void plain_send(struct plain *p, uint64_t number, usec now, struct outbox *out);
/* A datagram whose macs hold. True, and the number, when it carried a packet. */
bool plain_input(struct plain *p, uint8_t *msg, size_t len, usec now, struct outbox *out,
		 uint64_t *number);
void plain_tick(struct plain *p, usec now, struct outbox *out);
usec plain_deadline(const struct plain *p);

#endif
