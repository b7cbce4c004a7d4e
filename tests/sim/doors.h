/* A machine's sockets by their numbers, as io/udp and daemon.c have them: doors 0 and 1 are the WireGuard port, the others open and close
 * by actions of engines; even ones are for IPv4, odd ones for IPv6. */
#ifndef SIM_DOORS_H
#define SIM_DOORS_H

#include "base/outbox.h"
#include "sim/network.h"

#define DOORS_MAX 10

struct doors {
	struct machine *machine;
	uint16_t ports[DOORS_MAX]; /* 0: closed */
	unsigned refuse; /* so many doors are not opened, as by a host without descriptors */
	uint64_t sent, failed;
};

/* Doors 0 and 1 on this port; all others closed. */
void doors_open(struct doors *d, struct machine *m, uint16_t port);
void doors_close(struct doors *d);
/* Open and close what the outbox asks for, and send its datagrams in between. The caller clears it. */
void doors_flush(struct doors *d, const struct outbox *out);
/* The datagram as a packet for the engine: false when no door has its port. Its bytes stay where they are. */
bool doors_packet(const struct doors *d, struct parcel *p, struct packet *out);

#endif
