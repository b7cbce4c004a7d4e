/* What servers say of our sockets, and what follows from it: the mapping, and who is not to be believed (RFC 5780, 4.3; nat.md
 * section 1). Pure values, nothing is sent. */
#ifndef NAT_EVIDENCE_H
#define NAT_EVIDENCE_H

#include "nat/report.h"

#define EVIDENCE_MAX 48

/* One answer: from this socket, `place` sees us as `seen`. */
struct sighting {
	uint8_t socket; /* 0: the WireGuard door; fresh ones are counted from 1 on */
	uint8_t server; /* who says so; one server may have several places */
	struct addr place, seen;
	unsigned turn; /* when it was asked: mappings are made in this order */
};

struct evidence {
	struct sighting items[EVIDENCE_MAX];
	unsigned count;
};

/* What follows for the WireGuard door. */
struct evidence_mapping {
	enum nat_mapping mapping;
	bool dependent;  /* mapping is unknown, but that it is not endpoint-independent is known */
	bool pooled;     /* IPs differ: not a class by itself, the port decides */
	unsigned ips;    /* different IPs that were asked from */
	unsigned places; /* different IPs and ports likewise */
};

/* Beyond EVIDENCE_MAX it is left out. The same socket and place again: the last answer counts. */
void evidence_add(struct evidence *e, const struct sighting *sighting);
/* Forget what this server said. */
void evidence_drop(struct evidence *e, unsigned server);

/* What `place` says of this socket; place NULL: what was said of it first. NULL: nothing. */
const struct sighting *evidence_find(const struct evidence *e, unsigned socket,
				     const struct addr *place);
/* Where the WireGuard door is seen, most often seen first. Returns how many; what has no room is left out. */
unsigned evidence_public(const struct evidence *e, struct addr out[static NAT_PUBLIC_MAX]);

/* True when it sees two sockets of ours at one address from one place of its own, which no NAT does. */
bool evidence_is_lie(const struct evidence *e, unsigned server);
/* True when from two sockets or more all others, two IPs at least, agree, and it never does. */
bool evidence_is_alone(const struct evidence *e, unsigned server);

/* is_ours: tells our own addresses, which are seen where there is no NAT. */
struct evidence_mapping evidence_mapping(const struct evidence *e,
					 bool (*is_ours)(const void *ctx, const struct addr *seen),
					 const void *ctx);

#endif
