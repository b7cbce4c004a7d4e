/* The TUN device: open, read and write by batches. IFF_NO_PI and IFF_VNET_HDR always: every read and
 * write carries a header of 10 bytes (vnet.h), which stays inside this file, as do super-packets:
 * what one read brings is cut into the packets it stands for (gso.h), and of what goes to the host one
 * write takes as many packets as can be joined (gro.h). */
#ifndef TUN_TUN_H
#define TUN_TUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/drop.h"
#include "base/packet.h"

#define TUN_NAME_MAX 15

struct tun;

/* What the kernel leaves to us of the packets it hands out; each with all before it. */
enum tun_offload {
	TUN_OFFLOAD_NONE,
	TUN_OFFLOAD_CSUM, /* checksums */
	TUN_OFFLOAD_TSO,  /* TCP comes in super-packets */
	TUN_OFFLOAD_USO,  /* UDP does, too, for who sends with UDP_SEGMENT (Linux 6.2) */
};

struct tun_stats {
	uint64_t rx_packets, rx_reads, rx_batches; /* reads: those that brought something */
	uint64_t rx_calls, tx_calls;               /* all reads, all writes */
	uint64_t rx_supers;                        /* of the reads, super-packets */
	uint64_t tx_packets, tx_writes, tx_batches;
	uint64_t tx_joined; /* packets that shared their write with others */
	uint64_t tx_failed;
};

/* Make (or attach to) the device. 0 and *out, or -errno: -EBUSY when somebody else has it,
 * -EINVAL for a bad name. */
int tun_open(struct tun **out, const char *name);
/* Take a descriptor that is a TUN device already (WG_TUN_FD). -ENOTTY when it is not one,
 * -EBADFD when its device is gone; the descriptor stays the caller's then. Asks for
 * IFF_VNET_HDR's presence and follows it: without the header packets come and go one by one. The
 * device must have been made with IFF_NO_PI: that cannot be asked, because TUNGETIFF reports
 * IFF_NOFILTER in the same bit. */
int tun_adopt(struct tun **out, int fd);
/* NULL is fine. */
void tun_close(struct tun *t);

int tun_fd(const struct tun *t);
const char *tun_name(const struct tun *t);
int tun_index(const struct tun *t); /* interface index */
/* The most that the kernel agreed to when the device was opened, and that in words. */
enum tun_offload tun_offload(const struct tun *t);
const char *tun_offload_name(enum tun_offload o);

/* Read what waits, and give as much of it as is worth a batch (never more than BATCH_MAX packets), in memory
 * of `t` with PACKET_HEAD before and PACKET_TAIL behind each packet; they live until the next tun_read.
 * Bulk beyond that waits in `t`, and small packets of other flows pass it by (queue.h). Returns the count: 0 when nothing waits or the device is down; or -EBADFD when the device is gone
 * (link deleted), which ends the daemon cleanly. The descriptor is readable then, so the loop
 * notices at once. */
int tun_read(struct tun *t, usec now, struct batch *in);
/* True while something waits in `t` for the next tun_read: the descriptor does not tell of it. */
bool tun_pending(const struct tun *t);
/* How many packets tun_read has dropped for this reason since last asked: DROP_VNET, DROP_OFFLOAD,
 * DROP_QUEUE (queue.h). */
uint64_t tun_take_dropped(struct tun *t, enum drop why);

/* Write all packets. The VNET_LEN bytes before each are overwritten, and headers of packets are (see
 * gro_join); the bytes come from udp_recv, whose datagrams have their own headers there, now done
 * with. Packets of one flow stay in order. Returns how many were refused, because the device is down or
 * they are no IP packets, or -EBADFD. */
int tun_write(struct tun *t, const struct batch *out);

const struct tun_stats *tun_stats(const struct tun *t);

#endif
