/* Doors: UDP sockets. Doors 0 (IPv4) and 1 (IPv6) are the WireGuard port; fresh ones, each on a port
 * of its own that the kernel chooses, come and go one by one: even numbers are IPv4, odd ones IPv6. Packets
 * are read and written by batches; the address of ours a packet came to (IP_PKTINFO, IPV6_PKTINFO) is in
 * via.local, and an answer leaves from it. */
#ifndef IO_UDP_H
#define IO_UDP_H

#include <stdint.h>

#include "base/log.h"
#include "base/packet.h"

#define UDP_DOORS     DOOR_FRESH /* of the WireGuard port */
#define UDP_DOORS_MAX 10
#define UDP_DOOR_V4   0
#define UDP_DOOR_V6   1

struct udp;

/* Packets are datagrams; several of one length and way make one message; a call moves several of those. What the host refused is
 * in send_failed only. */
struct udp_stats {
	uint64_t rx_packets, rx_messages, rx_calls;
	uint64_t tx_packets, tx_messages, tx_calls;
	uint64_t tx_apart; /* messages that had to leave datagram by datagram */
	uint64_t send_failed, truncated;
};

/* Open both doors on one port (0: a port that is free on both). A family the host does not have
 * is left out, but one must open. 0 and *out, or -errno with nothing open: -EADDRINUSE when the
 * port is taken. */
int udp_open(struct udp **out, uint16_t port, uint32_t fwmark, const struct log *log);
/* NULL is fine. */
void udp_close(struct udp *u);
uint16_t udp_port(const struct udp *u);
/* Open a fresh door (a number from UDP_DOORS on) that is not open: 0 or -errno. What is sent on a door that is not open is lost. */
int udp_open_door(struct udp *u, unsigned door);
/* Close a fresh door; one that is not open stays so. */
void udp_close_door(struct udp *u, unsigned door);
/* The descriptor of a door, or -1. */
int udp_fd(const struct udp *u, unsigned door);
/* At once on every door: 0 or -errno. */
int udp_set_fwmark(struct udp *u, uint32_t fwmark);

/* Read what waits at a door, at most BATCH_MAX datagrams, into memory of `u`; they live until the
 * next udp_recv. Datagrams of one message lie one behind the other: there is no room before or
 * behind any of them but its own headers and trailers. Sets in->count; returns it. Never fails: what the
 * host reports is logged, and an error that stays costs a pause of 1 ms each time. */
size_t udp_recv(struct udp *u, unsigned door, struct batch *in);
/* Send all; order within one door is kept. What the host refuses is counted and lost (never an
 * exit), and told once a minute for each errno: returns how many. Tried once more is what may
 * help: a via.local the host no longer has is dropped from the packet; an error of an earlier
 * datagram is spent; a message that the host does not cut leaves datagram by datagram. A full
 * queue ends the batch. */
size_t udp_send(struct udp *u, const struct batch *out);

const struct udp_stats *udp_stats(const struct udp *u);

#endif
