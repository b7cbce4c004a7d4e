/* Packets, where they go, and the memory they live in. */
#ifndef BASE_PACKET_H
#define BASE_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* Room kept before and behind the bytes of every packet, so that headers are written in place and
 * nothing is copied: before, the vnet header of the TUN (10) or WireGuard (16), anchor (12) and
 * TURN (up to 48) framing; behind, padding to 16 and the tag (16). */
#define PACKET_HEAD 128
#define PACKET_TAIL 32
#define PACKET_DATA 65535 /* the longest IP packet, or UDP payload */
#define PACKET_SLOT (PACKET_HEAD + PACKET_DATA + PACKET_TAIL + 1) /* 65696, a multiple of 32 */

/* Eight 64 KB super-packets in segments of 1400, and their acknowledgements. */
#define BATCH_MAX 512

enum via_kind { VIA_NONE, VIA_DIRECT, VIA_TURN, VIA_ANCHOR };

/* Doors below are the WireGuard port's, IPv4 and IPv6; from here on they are fresh ones (base/outbox.h), with a port of their own. */
#define DOOR_FRESH 2

/* One way to send: by which door (a socket of ours), to whom, from which own address or none. */
struct via {
	enum via_kind kind;
	uint16_t door;
	struct addr remote, local;
};

/* Straight there, by the door of its family. */
static inline struct via via_direct(const struct addr *remote)
{
	return (struct via){
		.kind = VIA_DIRECT, .door = remote->family == ADDR_V6, .remote = *remote};
}

/* Borrowed: the bytes belong to an edge or to the outbox and live until the call returns. */
struct packet {
	uint8_t *data;
	size_t len;
	struct via via;
	uint8_t ttl; /* 0: the system's default */
};

struct batch {
	struct packet packets[BATCH_MAX];
	size_t count;
};

/* Equal-sized slots of packet memory, taken once at start. A slot's bytes start at slab_data():
 * PACKET_HEAD bytes lie free before them. Pages are touched only when used. */
struct slab {
	uint8_t *memory;
	size_t slot_count;
};

/* 0 or -ENOMEM. */
int slab_init(struct slab *s, size_t slot_count);
void slab_free(struct slab *s);

static inline uint8_t *slab_data(const struct slab *s, size_t slot)
{
	return s->memory + slot * PACKET_SLOT + PACKET_HEAD;
}

#endif
