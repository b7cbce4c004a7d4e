/* The TUN device: open, read and write by batches. IFF_NO_PI and IFF_VNET_HDR always: every read
 * and write carries a struct virtio_net_hdr of 10 bytes, which stays inside this file.
 * Segmentation offload is not asked for yet (TUNSETOFFLOAD 0), so one read is one packet. */
#ifndef TUN_TUN_H
#define TUN_TUN_H

#include <stdint.h>

#include "base/packet.h"

#define TUN_NAME_MAX 15

struct tun;

struct tun_stats {
	uint64_t rx_packets, tx_packets, tx_failed;
};

/* Make (or attach to) the device. 0 and *out, or -errno: -EBUSY when somebody else has it,
 * -EINVAL for a bad name. */
int tun_open(struct tun **out, const char *name);
/* Take a descriptor that is a TUN device already (WG_TUN_FD). -ENOTTY when it is not one,
 * -EBADFD when its device is gone; the descriptor stays the caller's then. Asks for
 * IFF_VNET_HDR's presence and follows it. The device must have been made with IFF_NO_PI: that
 * cannot be asked, because TUNGETIFF reports IFF_NOFILTER in the same bit. */
int tun_adopt(struct tun **out, int fd);
/* NULL is fine. */
void tun_close(struct tun *t);

int tun_fd(const struct tun *t);
const char *tun_name(const struct tun *t);
int tun_index(const struct tun *t); /* interface index */

/* Read what waits, at most BATCH_MAX packets, into memory of `t` with PACKET_HEAD before and
 * PACKET_TAIL behind each; they live until the next tun_read. Returns the count: 0 when nothing
 * waits or the device is down; or -EBADFD when the device is gone (link deleted), which ends the
 * daemon cleanly. The descriptor is readable then, so the loop notices at once. */
int tun_read(struct tun *t, struct batch *in);
/* Write all packets (PACKET_HEAD bytes before each are free to use). Returns how many were
 * refused, because the device is down or they are no IP packets, or -EBADFD. */
int tun_write(struct tun *t, const struct batch *out);

const struct tun_stats *tun_stats(const struct tun *t);

#endif
