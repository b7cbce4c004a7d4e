/* A second, slow reader of STUN messages to hold nat/stun.c against, a writer of wrong ones, and comparison of what was read. */
#ifndef SUPPORT_STUN_TWIN_H
#define SUPPORT_STUN_TWIN_H

#include "nat/stun.h"

/* True when both say the same: class, method, id, attributes and their values; not where in a datagram they stood. */
bool stun_twin_equal(const struct stun_message *a, const struct stun_message *b);

/* What the twin has against this datagram as a STUN message, or NULL. */
const char *stun_twin_fault(const uint8_t *data, size_t len);
/* What the twin has against m, which was read from this datagram: an attribute that it sees and m has not, the other way round, or
 * another value. NULL: they agree. */
const char *stun_twin_differs(const uint8_t *data, size_t len, const struct stun_message *m);

/* The type on the wire. */
uint16_t stun_twin_type(enum stun_attr attr);

/* A message being made byte by byte, right or wrong. */
struct stun_raw {
	uint8_t data[70000];
	size_t len;
};

void stun_raw_begin(struct stun_raw *r, enum stun_class class, enum stun_method method);
/* Append an attribute, padded with `padding`; the header's length follows. */
void stun_raw_add(struct stun_raw *r, uint16_t type, const void *value, size_t len,
		  uint8_t padding);

#endif
