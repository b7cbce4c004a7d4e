/* Two tunnels joined by a wire that loses, repeats and reorders, in memory and with made-up
 * time. One end may be a plain WireGuard instead. What passes are numbered packets; the wire
 * sees to it that none is delivered twice, and checks what must hold of a tunnel after each
 * step. */
#ifndef SUPPORT_WIRE_H
#define SUPPORT_WIRE_H

#include "support/env_fake.h"
#include "support/plain.h"
#include "wg/tunnel.h"

#define WIRE_NUMBERS      65536 /* packets are numbered below this, for each direction */
#define WIRE_DATAGRAM_MAX 1600

struct wire_flight {
	usec at;
	uint64_t order;
	unsigned to;
	size_t len;
	uint8_t data[WIRE_DATAGRAM_MAX];
};

struct wire_end {
	struct env_fake env;
	struct via via;
	struct tunnel_shared *shared;
	struct tunnel *tunnel;
	struct plain *plain; /* NULL: a tunnel */
	struct cookie_checker checker;
	struct outbox *out;
	bool under_load; /* answers handshakes without mac2 with a cookie */
	bool cut;        /* nothing it sends arrives */
	bool mute;       /* keeps to itself: its timers are not run */

	usec up_at;       /* when it could first send; USEC_NEVER: not yet */
	size_t accepted;  /* packets delivered to it */
	size_t repeated;  /* of these, again */
	uint8_t *seen;    /* by number */
	unsigned sent[5]; /* datagrams it sent, by message type */
	unsigned expired; /* TUNNEL_EXPIRED */
	struct drops drops;
};

struct wire {
	usec now;
	/* The way: each datagram takes delay plus 0 to jitter. */
	usec delay, jitter;
	unsigned loss, repeat; /* in percent */
	struct rand rand;
	uint64_t order;
	struct wire_flight *flights;
	size_t flight_count;
	struct wire_end ends[2];
	uint8_t last[2][WIRE_DATAGRAM_MAX]; /* the latest handshake message each end sent */
};

/* Memory for both ends; aborts without. */
void wire_init(struct wire *w);
void wire_free(struct wire *w);
/* A new life at time 0 with new keys, all from the seed; plain: end 1 is a plain WireGuard. */
void wire_reset(struct wire *w, uint64_t seed, bool plain);

/* A numbered packet from this end to the other. */
void wire_send(struct wire *w, unsigned from, uint64_t number);
/* Start a handshake at this end. */
void wire_start(struct wire *w, unsigned from);
/* Let time pass: everything due up to then happens in order. */
void wire_run(struct wire *w, usec until);
/* The same, but stop as soon as done() holds, one of those below: true when it did. */
bool wire_run_until(struct wire *w, bool (*done)(const struct wire *w), usec until);
/* Hand a datagram to an end as if it had come in; what it did with it. */
enum drop wire_input(struct wire *w, unsigned to, const void *data, size_t len);
/* Take what an end's tunnel put into its outbox since (by direct calls) and put it on the wire. */
void wire_collect(struct wire *w, unsigned from);

/* Both ends could send at some time. */
bool wire_is_up(const struct wire *w);
/* Both can send, and on the same session. */
bool wire_agrees(const struct wire *w);

#endif
