/* The TUN device: open, read and write by batches. IFF_NO_PI and IFF_VNET_HDR always: every read and write carries a
 * struct virtio_net_hdr of 10 bytes, which stays inside this file. Segmentation offload is not asked for yet (TUNSETOFFLOAD 0), so one
 * read is one packet. */
#ifndef TUN_TUN_H
#define TUN_TUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/packet.h"

#define TUN_NAME_MAX 15

struct tun;

struct tun_stats {
	uint64_t rx_packets, tx_packets, tx_failed;
};

/* Make (or attach to) the device. 0 and *out, or -errno: -EBUSY when somebody else has it, -EINVAL for a bad name. */
int tun_open(struct tun **out, const char *name);
/* Take a descriptor that is a TUN device already (WG_TUN_FD). -ENOTTY when it is not one. Asks for IFF_VNET_HDR's presence and follows
 * it. */
int tun_adopt(struct tun **out, int fd);
void tun_close(struct tun *t);

int tun_fd(const struct tun *t);
const char *tun_name(const struct tun *t);
int tun_index(const struct tun *t); /* interface index */

/* Read what waits, at most BATCH_MAX packets, into memory of `t` with PACKET_HEAD before and PACKET_TAIL behind each; they live until the
 * next tun_read. Returns the count, or -errno: -EBADFD when the device is gone (link deleted), which ends the daemon cleanly; 0 when nothing
 * waits or the device is down. */
int tun_read(struct tun *t, struct batch *in);
/* Write all packets (PACKET_HEAD bytes before each are free to use). Returns how many were refused, or -EBADFD. */
int tun_write(struct tun *t, const struct batch *out);

const struct tun_stats *tun_stats(const struct tun *t);

#endif
