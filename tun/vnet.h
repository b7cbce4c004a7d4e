/* The header that a TUN device with IFF_VNET_HDR puts before each packet: which checksum is left
 * open, and into what a super-packet has to be cut (virtio 1.2, 5.1.6; the short form of
 * TUNSETVNETHDRSZ 10). Numbers are in the host's order.
 *
 *      0        1          2         4          6            8             10
 *     +--------+----------+---------+----------+------------+-------------+
 *     | flags  | gso_type | hdr_len | gso_size | csum_start | csum_offset |
 *     +--------+----------+---------+----------+------------+-------------+
 */
#ifndef TUN_VNET_H
#define TUN_VNET_H

#include <stdint.h>

#define VNET_LEN 10

/* flags */
#define VNET_NEEDS_CSUM 1 /* csum_start and csum_offset count: see csum_finish */
#define VNET_DATA_VALID 2 /* the device found the checksum right */

/* gso_type */
#define VNET_PLAIN  0 /* one packet; gso_size is without meaning */
#define VNET_TCPV4  1
#define VNET_TCPV6  4
#define VNET_UDP_L4 5    /* datagrams of gso_size, v4 and v6 (USO) */
#define VNET_ECN    0x80 /* a bit beside the others: the first TCP segment has CWR */

struct vnet {
	uint8_t flags, gso_type;
	uint16_t hdr_len;  /* what precedes the payload; not to be relied on */
	uint16_t gso_size; /* payload of each segment but the last */
	uint16_t csum_start, csum_offset;
};

_Static_assert(sizeof(struct vnet) == VNET_LEN, "as the kernel writes it");

#endif
