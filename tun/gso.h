/* Super-packets from the TUN cut into the packets they stand for: TCP (TSO) and UDP (USO), IPv4 and
 * IPv6 (dataplane.md, section 3, rules 3 to 5). Pure: bytes in, bytes out.
 *
 *     super-packet    | IP | TCP |  payload ........................ |
 *     segment 0       | IP | TCP |  size    |
 *     segment 1       | IP | TCP |          |  size    |
 *     segment 2       | IP | TCP |                     |  rest       |
 *
 * One at a time and each into memory of its own, so that a batch may end in the middle of a
 * super-packet, and so that every segment has room before and behind it to be sealed in place. */
#ifndef TUN_GSO_H
#define TUN_GSO_H

#include <stddef.h>
#include <stdint.h>

#include "base/drop.h"
#include "tun/vnet.h"

/* Extension headers of IPv6 that are skipped. RFC 8200, 4.1, has three of the kinds that can precede
 * TCP or UDP without changing their checksum. */
#define GSO_EXTENSIONS_MAX 8

/* What is left of a super-packet. Borrows the bytes given to gso_start until none is left. */
struct gso {
	const uint8_t *headers; /* the super-packet's; what is not the same in all segments is 0 */
	const uint8_t *payload; /* what is still to be cut */
	size_t left;            /* bytes of it */
	uint16_t size;          /* of these in each segment but the last */
	size_t headers_len, transport_at;
	uint8_t family, protocol;
	uint32_t ip_sum, transport_sum; /* of all that is the same in all segments */
	/* of the next segment */
	uint16_t id;    /* IPv4 */
	uint32_t seq;   /* TCP */
	uint16_t flags; /* TCP, with the data offset before them; FIN and PSH are for the last */
};

/* Look at a packet from the TUN and at the header that came before it. DROP_NONE and nothing left:
 * an ordinary packet, fit to be sent as it lies there (a checksum that was left open is finished).
 * DROP_NONE and something left: take the segments with gso_next; the bytes of the packet are `g`'s
 * until then, and changed. DROP_VNET: the header asks for what its packet cannot have.
 * DROP_OFFLOAD: the packet's own headers are cut short, lie about a length, belong to a fragment,
 * or cannot be repeated in every segment. */
enum drop gso_start(struct gso *g, const struct vnet *vnet, uint8_t *packet, size_t len);

/* Write the next segment to `to`, which has room for as many bytes as the super-packet had. Returns
 * its length, or 0 when nothing is left. */
size_t gso_next(struct gso *g, uint8_t *to);

#endif
