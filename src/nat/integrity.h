/* MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 of STUN messages, and the keys of long-term credentials (RFC 8489, 9.2.2, 14.5,
 * 14.6). The HMAC covers all before the attribute, padding as it came, with a header whose length ends with the attribute. */
#ifndef NAT_INTEGRITY_H
#define NAT_INTEGRITY_H

#include "nat/stun.h"

#define INTEGRITY_KEY_MAX 64 /* a block of both hashes: a longer key is its hash (RFC 2104) */

enum integrity_kind { INTEGRITY_SHA1, INTEGRITY_SHA256 };

struct integrity_key {
	enum integrity_kind kind;
	uint8_t bytes[INTEGRITY_KEY_MAX];
	size_t len;
};

/* Key of a long-term credential: the hash of username ":" realm ":" password, by MD5 or SHA-256. kind: which attribute it is
 * for; the server's PASSWORD-ALGORITHM names the hash. The password is taken as it is given, in UTF-8: no OpaqueString
 * preparation. False when the three together are longer than 2 KiB. */
bool integrity_key_long_term(struct integrity_key *key, enum integrity_kind kind,
			     enum stun_algorithm hash, struct stun_bytes username,
			     struct stun_bytes realm, struct stun_bytes password);

/* Append the attribute of key->kind to a message of `len` bytes that has none of it. The new length, or 0 without room. */
size_t integrity_sign(uint8_t *msg, size_t len, size_t room, const struct integrity_key *key);

/* True when the message has the attribute of key->kind and it is right. Constant time. m as stun_read left it, its bytes still
 * there. A truncated MESSAGE-INTEGRITY-SHA256 is never right: no usage of ours agrees to that. */
bool integrity_holds(const struct stun_message *m, const struct integrity_key *key);

#endif
