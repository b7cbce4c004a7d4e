/* A STUN server for tests, pure: Binding requests of RFC 8489 with the attributes of RFC 5780, on up to two addresses with two
 * ports each; honest, or with any of the faults below. The caller carries the datagrams: whoever gets a packet for one of
 * stun_server_addr() hands it to stun_server_input() and sends what that returns. */
#ifndef SIM_STUN_SERVER_H
#define SIM_STUN_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/rand.h"
#include "nat/stun.h"

#define STUN_SERVER_REPLIES_MAX 16 /* to one request: a flood */
#define STUN_SERVER_REPLY_MAX   1500

/* What it does wrong; any set of them. */
enum stun_server_fault {
	/* about CHANGE-REQUEST and addresses */
	STUN_SERVER_IGNORES_CHANGE = 1 << 0, /* answers from where it was asked, as many do */
	STUN_SERVER_NO_OTHER = 1 << 1, /* has no OTHER-ADDRESS: one that knows RFC 8489 only */
	/* One address only: OTHER-ADDRESS has the same IP and the other port, whence "change IP" is answered. */
	STUN_SERVER_CLAIMS_OTHER = 1 << 2,
	STUN_SERVER_CLAIMS_FOREIGN = 1 << 3, /* OTHER-ADDRESS is `lie`, where it does not live */
	STUN_SERVER_NO_ORIGIN = 1 << 4,
	STUN_SERVER_REFUSES_CHANGE = 1 << 5, /* 420 to CHANGE-REQUEST */
	/* about the answer */
	STUN_SERVER_LIES = 1 << 6,        /* the mapped address is `lie` */
	STUN_SERVER_MAPPED_ONLY = 1 << 7, /* MAPPED-ADDRESS, no XOR form (RFC 3489) */
	STUN_SERVER_NO_MAPPED = 1 << 8,
	STUN_SERVER_WRONG_ID = 1 << 9,
	STUN_SERVER_WRONG_SOURCE = 1 << 10,    /* from lie_from */
	STUN_SERVER_TRUNCATES = 1 << 11,       /* the last attribute says more than there is */
	STUN_SERVER_OVERLONG = 1 << 12,        /* XOR-MAPPED-ADDRESS of 24 bytes */
	STUN_SERVER_CUTS = 1 << 13,            /* only half of the datagram arrives */
	STUN_SERVER_DUPLICATES = 1 << 14,      /* each address attribute again, with `lie` */
	STUN_SERVER_AFTER_INTEGRITY = 1 << 15, /* a MESSAGE-INTEGRITY (rubbish) before the rest */
	STUN_SERVER_UNKNOWN_MANDATORY = 1 << 16,
	STUN_SERVER_BAD_FINGERPRINT = 1 << 17,
	STUN_SERVER_ERROR = 1 << 18, /* error response `error`; 300 names lie as ALTERNATE-SERVER */
	STUN_SERVER_AS_REQUEST = 1 << 19, /* the answer's class is request; so may others be */
	STUN_SERVER_JUNK = 1 << 20,       /* random bytes behind a good header */
	/* about time and number */
	STUN_SERVER_SILENT = 1 << 21,
	STUN_SERVER_FLOODS = 1 << 22, /* 15 answers with wrong ids, then the right one */
	STUN_SERVER_TWICE = 1 << 23,  /* each answer twice */
};

struct stun_server {
	/* Where it lives: ip[1] and port[1] may be absent (family 0; port 0). The port of ip[] does not count. Both of one
	 * family. Two names being one host: two servers with equal addresses. */
	struct addr ip[2];
	uint16_t port[2];
	unsigned faults; /* of enum stun_server_fault */
	struct addr lie, lie_from;
	uint16_t error;     /* with STUN_SERVER_ERROR: 300, 400, 420, 500, ... */
	usec delay, jitter; /* of each answer */
	struct rand rand;   /* seeded; for jitter, ids and junk */
	/* What happened. */
	uint64_t requests; /* Binding requests */
	uint64_t changes;  /* of these, with a flag of CHANGE-REQUEST */
	uint64_t refused;  /* what was none */
};

struct stun_server_reply {
	struct addr from, to;
	usec after; /* how long it thinks */
	size_t len;
	uint8_t data[STUN_SERVER_REPLY_MAX];
};

/* Its address number `ip` (0, 1) with port number `port` (0, 1); unset where it has none. */
struct addr stun_server_addr(const struct stun_server *s, unsigned ip, unsigned port);
/* True when `a` is one of them. */
bool stun_server_is_at(const struct stun_server *s, const struct addr *a);

/* A datagram from `from` came to `to`, one of its addresses. Returns how many of `replies` it filled. Only Binding requests are
 * answered: never a response or an indication (vuln_22). */
size_t stun_server_input(struct stun_server *s, const struct addr *from, const struct addr *to,
			 const uint8_t *data, size_t len,
			 struct stun_server_reply replies[static STUN_SERVER_REPLIES_MAX]);

/* Addresses that no honest server reports, as lies for tests: each kind that base/addr.h tells apart but the global ones, plain and
 * in each IPv6 disguise. Not canonical, so that the disguise goes out on the wire. NULL beyond the last. */
const struct addr *stun_server_lie(size_t i);

#endif
