/* What a router reads and changes in the bytes of an IP packet (RFC 3022, 4; RFC 5508, 3 and 4 for ICMP):
 * addresses, ports, identifiers of ICMP echo, the packet that an ICMP error quotes, and the hop limit, with
 * every checksum kept as right or as wrong as it was. Pure: it decides nothing, tests/sim/natbox.h does. */
#ifndef LAB_TRANSLATE_H
#define LAB_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define TRANSLATE_ICMP   1
#define TRANSLATE_TCP    6
#define TRANSLATE_UDP    17
#define TRANSLATE_ICMPV6 58

#define TRANSLATE_ERROR_MAX 1280 /* the longest ICMP error of ours (RFC 4443, 2.4) */

enum translate_result {
	TRANSLATE_OK,
	TRANSLATE_SHORT,   /* no IP packet, or less of it than its headers say */
	TRANSLATE_CORRUPT, /* an IPv4 header whose checksum is wrong */
	TRANSLATE_ALIEN,   /* nothing that passes through a NAT: another protocol, ND, redirects */
};

enum translate_kind {
	TRANSLATE_FLOW,  /* UDP, TCP, ICMP echo */
	TRANSLATE_LATER, /* a fragment that is not the first: without ports */
	TRANSLATE_ERROR, /* ICMP: about a packet of which the beginning is quoted */
};

/* One IP header and what it carries: the packet's own, or that of a quoted packet. */
struct translate_layer {
	size_t at, transport_at; /* offsets in the packet */
	uint8_t protocol;        /* TRANSLATE_UDP, _TCP, _ICMP, _ICMPV6 */
	/* Ports of UDP and TCP. Of ICMP echo the end that asks has the identifier as its port and the
	 * end that answers has 0. None of a later fragment, nor of an ICMP error itself. */
	struct addr src, dst;
};

struct translate {
	uint8_t *packet; /* borrowed */
	size_t len;      /* as its IP header says */
	enum translate_kind kind;
	uint8_t ttl;
	uint32_t fragment_id; /* the same in all fragments of a packet; of no other */
	bool is_fragment;     /* also the first of several */
	bool is_echo_request;
	struct translate_layer own;
	struct translate_layer quoted; /* of TRANSLATE_ERROR */
};

/* Look at a packet; *t is only good after TRANSLATE_OK. It never looks behind `len`. */
enum translate_result translate_read(struct translate *t, uint8_t *packet, size_t len);

/* Write other ends into the packet, or into the one that an ICMP error quotes. Families stay; an IPv6
 * packet can be given only what it has. */
void translate_write(struct translate *t, const struct addr *src, const struct addr *dst);
void translate_write_quoted(struct translate *t, const struct addr *src, const struct addr *dst);

/* One hop further. ttl > 0. */
void translate_hop(struct translate *t);

/* Turn the packet into its own sender's ICMP error about it; `from` is who says so. Returns the length
 * of the error, at most TRANSLATE_ERROR_MAX and what `room` bytes hold, or 0: nothing is said about an
 * ICMP error or a later fragment (RFC 1812, 4.3.2.7). */
size_t translate_time_exceeded(struct translate *t, size_t room, const struct addr *from);
size_t translate_unreachable(struct translate *t, size_t room,
			     const struct addr *from); /* no such port */

/* Turn an ICMP echo request into its answer. */
void translate_answer(struct translate *t);

#endif
