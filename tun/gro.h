/* Packets of one flow joined into super-packets, so that a batch reaches the TUN by few writes. Pure:
 * a list of gathered writes comes out, and whoever owns the descriptor performs them.
 *
 * Joined are TCP segments with data and UDP datagrams that the kernel, cutting them apart again, turns
 * into the same bytes: all header fields equal but those that count on (sequence number, IPv4 ID) and
 * PSH on the last, payloads as long as the first one's but for a shorter last one, every checksum
 * right (one that is wrong would be corrected on the way, and damage delivered as sound). The one
 * exception: a sender that gives all its DF packets the same ID; that field means nothing then (RFC
 * 6864, 4.1), and the kernel counts it up if it has to cut. All else passes alone and unchanged, pure
 * acknowledgements too: what has no payload cannot be cut apart again.
 *
 * Packets of one flow stay in order; different flows may overtake each other within a batch. */
#ifndef TUN_GRO_H
#define TUN_GRO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/packet.h"

/* As many as kernels before 6.9 take of UDP, and 64 KB in segments of 1023. */
#define GRO_SEGMENTS_MAX 64

/* Which packets to join: the kernel takes TCP always, UDP since Linux 6.2. */
#define GRO_TCP 1u
#define GRO_UDP 2u

/* One writev: a vnet header and the first packet, then the payloads of the others. */
struct gro_write {
	struct iovec *iov;
	size_t count; /* of iov, and of packets */
};

/* A packet as far as joining cares. */
struct gro_segment {
	uint8_t *ip;
	uint32_t len;
	uint8_t ip_len, header_len; /* the IP header; that and the transport header */
	uint8_t family, protocol;
};

/* What becomes one write. */
struct gro_group {
	struct gro_segment first; /* with the headers it came with, until the batch is through */
	uint32_t len;             /* of all, joined */
	uint16_t
		pseudo; /* sum of the pseudo header but its length; 0 while only one packet is known */
	uint8_t count;
	bool id_fixed; /* told by the second packet */
	bool pushed;   /* by the last */
};

/* Flows that can grow at the same time. */
#define GRO_FLOWS 64

/* The result for one batch is `writes`; the rest is memory of gro.c. No need to initialise it. */
struct gro {
	struct gro_write writes[BATCH_MAX];
	size_t write_count;
	struct iovec iov[BATCH_MAX];
	struct gro_group groups[BATCH_MAX]; /* one for each write */
	uint16_t group_of[BATCH_MAX];       /* by packet */
	uint16_t open[GRO_FLOWS];           /* groups that can still grow, by hash of the flow */
};

/* Arrange the packets of `batch` as writes, in the order of the first packet of each. The VNET_LEN
 * bytes before each packet are ours; the headers of a packet that others were joined to are
 * rewritten in place. The writes point into the packets. `kinds`: GRO_TCP | GRO_UDP, or fewer. */
void gro_join(struct gro *gro, const struct batch *batch, unsigned kinds);

#endif
