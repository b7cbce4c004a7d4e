/* WireGuard's messages and numbers (WireGuard paper, 5.4 and 6). All multi-byte fields are little endian. */
#ifndef WG_MESSAGE_H
#define WG_MESSAGE_H

#include <stdint.h>

#include "base/clock.h"
#include "config.h"

#define MESSAGE_INITIATION 1
#define MESSAGE_RESPONSE   2
#define MESSAGE_COOKIE     3
#define MESSAGE_DATA       4

/*  0               1               2               3
 * +---------------+---------------+---------------+---------------+
 * | type (LE32: reserved bytes are zero)                          |
 * +---------------+---------------+---------------+---------------+
 * then the fields below, unaligned and without padding */

struct message_initiation {
	uint8_t type[4];
	uint8_t sender[4];
	uint8_t ephemeral[32];
	uint8_t static_sealed[32 + 16];
	uint8_t timestamp_sealed[12 + 16];
	uint8_t mac1[16];
	uint8_t mac2[16];
};
_Static_assert(sizeof(struct message_initiation) == 148, "initiation");

struct message_response {
	uint8_t type[4];
	uint8_t sender[4];
	uint8_t receiver[4];
	uint8_t ephemeral[32];
	uint8_t empty_sealed[16];
	uint8_t mac1[16];
	uint8_t mac2[16];
};
_Static_assert(sizeof(struct message_response) == 92, "response");

struct message_cookie {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t nonce[24];
	uint8_t cookie_sealed[16 + 16];
};
_Static_assert(sizeof(struct message_cookie) == 64, "cookie reply");

struct message_data {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t counter[8];
	/* sealed packet, padded to 16, and 16 bytes of tag */
};
_Static_assert(sizeof(struct message_data) == 16, "data header");

#define MESSAGE_DATA_MIN 32 /* header and tag: a keepalive */
#define MESSAGE_PADDING  16

/* WireGuard paper, 6.1. A test build has short times, so that rekeying is seen in seconds. */
#ifdef WARREN_TEST_HOOKS
#define REKEY_AFTER  SEC(4)
#define REJECT_AFTER SEC(9)
#else
#define REKEY_AFTER  SEC(120)
#define REJECT_AFTER SEC(180)
#endif
#define ERASE_AFTER           (3 * REJECT_AFTER) /* 540 s: keys are wiped */
#define REKEY_ATTEMPT_FOR     SEC(90)
#define REKEY_TIMEOUT         SEC(5)
#define REKEY_JITTER_MAX      MSEC(333)
#define KEEPALIVE_TIMEOUT     SEC(10)
#define REKEY_AFTER_MESSAGES  (UINT64_C(1) << 60)
#define REJECT_AFTER_MESSAGES (UINT64_MAX - (UINT64_C(1) << 13))
#define COOKIE_LIFETIME       SEC(120)
#define INITIATION_INTERVAL_MIN                                                                    \
	MSEC(20) /* per peer: at most 50 initiations per second are answered */

#endif
