/* STUN messages as values and back: RFC 8489, with the attributes of RFC 5780 (NAT behaviour) and RFC 8656 (TURN). No
 * crypto here: MESSAGE-INTEGRITY is nat/integrity.h.
 *
 *     0 1 2             15 16              31
 *    |0 0|  message type  | length of what follows the header |
 *    |            magic cookie 0x2112A442                     |
 *    |            transaction id, 12 bytes                    |
 *    then attributes: | type (16) | length (16) | value, padded to 4 with zeros on sending |
 *
 * Of an attribute that comes twice the first counts. What follows MESSAGE-INTEGRITY is not looked at, but
 * MESSAGE-INTEGRITY-SHA256 and FINGERPRINT. Addresses are canonical (base/addr.h). */
#ifndef NAT_STUN_H
#define NAT_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define STUN_HEADER_LEN      20
#define STUN_MAGIC           0x2112a442u
#define STUN_ID_LEN          12
#define STUN_FINGERPRINT_LEN 8   /* with its attribute header */
#define STUN_USERNAME_MAX    508 /* RFC 8489, 14.3 */
#define STUN_TEXT_MAX        763 /* REALM, NONCE, SOFTWARE, a reason: 127 characters, as decoded */
#define STUN_UNKNOWN_MAX     8

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

enum stun_method {
	STUN_METHOD_BINDING = 1,
	STUN_METHOD_ALLOCATE = 3,
	STUN_METHOD_REFRESH = 4,
	STUN_METHOD_SEND = 6,
	STUN_METHOD_DATA = 7,
	STUN_METHOD_CREATE_PERMISSION = 8,
	STUN_METHOD_CHANNEL_BIND = 9,
};

/* Numbered without gaps, in the order in which they are written; types of the wire are in stun.c. */
enum stun_attr {
	STUN_SOFTWARE,
	STUN_ERROR_CODE,
	STUN_UNKNOWN_ATTRIBUTES,
	STUN_MAPPED_ADDRESS,
	STUN_XOR_MAPPED_ADDRESS,
	STUN_RESPONSE_ORIGIN,
	STUN_OTHER_ADDRESS,
	STUN_ALTERNATE_SERVER,
	STUN_CHANGE_REQUEST,
	STUN_RESPONSE_PORT,
	STUN_REQUESTED_TRANSPORT,
	STUN_REQUESTED_ADDRESS_FAMILY,
	STUN_ADDITIONAL_ADDRESS_FAMILY,
	STUN_EVEN_PORT,
	STUN_RESERVATION_TOKEN,
	STUN_DONT_FRAGMENT,
	STUN_LIFETIME,
	STUN_CHANNEL_NUMBER,
	STUN_XOR_PEER_ADDRESS,
	STUN_XOR_RELAYED_ADDRESS,  /* of an allocation with two families: the IPv4 one */
	STUN_XOR_RELAYED_ADDRESS6, /* the IPv6 one; the same type on the wire */
	STUN_ICMP,
	STUN_USERNAME,
	STUN_USERHASH,
	STUN_REALM,
	STUN_NONCE,
	STUN_PASSWORD_ALGORITHMS,
	STUN_PASSWORD_ALGORITHM,
	STUN_PADDING,
	STUN_DATA,
	/* Set by stun_read; appended, in this order, by integrity_sign and stun_add_fingerprint. */
	STUN_MESSAGE_INTEGRITY,
	STUN_MESSAGE_INTEGRITY_SHA256,
	STUN_FINGERPRINT,
	STUN_ATTR_COUNT
};

#define STUN_HAS(attr) ((uint64_t)1 << (attr)) /* for stun_message.has */

#define STUN_CHANGE_IP   4u /* CHANGE-REQUEST, RFC 5780, 7.2 */
#define STUN_CHANGE_PORT 2u

enum stun_algorithm { STUN_ALGORITHM_MD5 = 1, STUN_ALGORITHM_SHA256 = 2 }; /* RFC 8489, 18.5 */

/* Borrowed: bytes of the datagram read, or the writer's. */
struct stun_bytes {
	const uint8_t *data;
	size_t len;
};

struct stun_icmp { /* RFC 8656, 18.13 */
	uint8_t type;
	uint16_t code; /* 9 bits */
	uint32_t data;
};

/* A message. A field means something when its attribute is in `has`. */
struct stun_message {
	enum stun_class class;
	uint16_t method; /* enum stun_method, or one we do not know */
	uint8_t id[STUN_ID_LEN];
	uint64_t has; /* STUN_HAS() of each attribute that is there */

	struct addr mapped, xor_mapped, response_origin, other_address, alternate_server;
	struct addr xor_peer, xor_relayed, xor_relayed6;
	struct stun_bytes software, username, userhash, realm, nonce, padding, data;
	struct stun_bytes reservation_token;   /* 8 bytes */
	struct stun_bytes password_algorithms; /* as on the wire: the client sends it back */
	uint16_t password_algorithm; /* enum stun_algorithm; its parameters are not looked at */
	uint16_t error;              /* 300-699 */
	struct stun_bytes reason;    /* of the error */
	struct stun_bytes unknown_attributes; /* of a 420: their types, 16 bits each */
	uint32_t change;                      /* STUN_CHANGE_IP | STUN_CHANGE_PORT */
	uint16_t response_port, channel;
	uint8_t transport;                 /* IPPROTO_UDP */
	uint8_t family, additional_family; /* enum addr_family */
	bool even_port_reserve;            /* the R bit of EVEN-PORT */
	uint32_t lifetime;                 /* seconds */
	struct stun_icmp icmp;

	/* Of a message that was read only. */
	uint16_t unknown[STUN_UNKNOWN_MAX]; /* attributes not known that have to be understood */
	size_t unknown_count;               /* how many there were: may be more than are listed */
	const uint8_t *start; /* its bytes, and where in them its integrity attributes begin */
	size_t integrity_at, integrity256_at;
};

static inline bool stun_has(const struct stun_message *m, enum stun_attr attr)
{
	return (m->has & STUN_HAS(attr)) != 0;
}

/* What tells STUN from all else on a port: first two bits 0, the magic cookie, a length that is a multiple of 4 and the
 * datagram's. Says nothing about the attributes. */
bool stun_is_message(const uint8_t *data, size_t len);

/* Read a whole datagram. False, and *m of no use, when it is not STUN, an attribute runs past the end, one that we know has a
 * length or value it cannot have, or a FINGERPRINT is wrong or not at the end. Unknown attributes that need not be
 * understood are passed over; the others are listed in m->unknown: who gets such a response discards it. */
bool stun_read(struct stun_message *m, const uint8_t *data, size_t len);

/* Write m with its attributes but integrity and fingerprint. Returns the length, or 0 when there is no room for it, or a
 * field is longer than its attribute may be. */
size_t stun_write(uint8_t *out, size_t room, const struct stun_message *m);

/* Append FINGERPRINT, the last attribute, to a message of `len` bytes. The new length, or 0 without room. */
size_t stun_add_fingerprint(uint8_t *msg, size_t len, size_t room);

/* Where the sender of a response says that the request came from: XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS where that is absent;
 * NULL without either. A hint: nobody vouches for it. */
const struct addr *stun_mapped(const struct stun_message *m);

/* True when the PASSWORD-ALGORITHMS of m has this one. */
bool stun_offers_algorithm(const struct stun_message *m, enum stun_algorithm algorithm);

#endif
