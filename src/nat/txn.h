/* One STUN request over UDP, from first send to answer or surrender (RFC 8489, 6.2.1; schedules of nat.md, section 1). The same
 * bytes, hence the same transaction id, each time. Answers nobody: what is no response to the request is not its own. */
#ifndef NAT_TXN_H
#define NAT_TXN_H

#include "base/clock.h"
#include "base/env.h"
#include "base/outbox.h"
#include "nat/integrity.h"
#include "nat/stun.h"

/* 576 - 28: what every path carries (RFC 8489, 6.1). */
#define TXN_REQUEST_MAX 548
#define TXN_SENDS_MAX   7

/* Instants after the first send, which is at 0. */
struct txn_schedule {
	unsigned sends;
	usec send_after[TXN_SENDS_MAX];
	usec give_up_after;
};

extern const struct txn_schedule
	txn_rfc; /* 0, 500, 1500, ... 31500 ms, until 39.5 s: a server far away */
extern const struct txn_schedule
	txn_short; /* 0, 100, 200, 400 ms, until 1.2 s: natcheck, anchors */
extern const struct txn_schedule
	txn_once; /* 0, until 1.2 s: who makes of each try a transaction of its own */

enum txn_result {
	TXN_WAITING, /* for the answer; or nothing is under way */
	TXN_ANSWERED,
	TXN_FAILED, /* no answer came */
};

struct txn {
	const struct txn_schedule *schedule; /* NULL: not under way */
	struct via via;                      /* how it is sent: server and door */
	struct addr from;                    /* whose answer counts; unset: anybody's */
	usec started_at, sent_at, next_at;
	unsigned sends; /* done */
	/* Once answered. USEC_NEVER when it was sent more than once: which one was answered? (Karn) */
	usec rtt;
	usec rtt_most; /* since the first send: never less than the round trip */
	bool is_signed;
	struct integrity_key key; /* if so: answers are held against it */
	uint16_t method;
	uint8_t id[STUN_ID_LEN];
	size_t len;
	uint8_t request[TXN_REQUEST_MAX];
};

/* Send `request` to via->remote by via->door, and again by schedule, with a new id (request's own does not matter), signed when
 * there is a key, with a FINGERPRINT always. from: who has to answer; NULL: anybody may (answers to CHANGE-REQUEST: the
 * caller looks whence they come). False, and nothing is under way, when it is too long. The schedule has to live on. */
bool txn_start(struct txn *t, const struct via *via, const struct addr *from,
	       const struct stun_message *request, const struct integrity_key *key,
	       const struct txn_schedule *schedule, const struct env *env, usec now,
	       struct outbox *out);

/* True when m, read from `in`, is a response to this request: class, method, id, door, source. */
bool txn_matches(const struct txn *t, const struct packet *in, const struct stun_message *m);

/* m, read from `in`, has come. TXN_ANSWERED, once: a success or error response of ours; look at m for which. TXN_WAITING: not a
 * response of ours, one with attributes we do not understand but must, or a success whose integrity does not hold: as if it had
 * not come. An error response counts with or without integrity: before believing one of a signed request, look whether it holds. */
enum txn_result txn_input(struct txn *t, const struct packet *in, const struct stun_message *m,
			  usec now);

/* Send again, or give up, when it is time. After a long stop only one is sent, however many were due. TXN_FAILED once. */
enum txn_result txn_tick(struct txn *t, usec now, struct outbox *out);

/* When to tick; USEC_NEVER when nothing is under way. */
usec txn_deadline(const struct txn *t);
bool txn_is_waiting(const struct txn *t);

/* Forget it; a key too. Safe in every state, zeroed included. */
void txn_stop(struct txn *t);

#endif
