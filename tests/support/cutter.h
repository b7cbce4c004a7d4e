/* A slow cutter of super-packets, to hold tun/gso against: written from RFC 791, 768, 8200, 9293 and
 * 3168 and virtio 1.2, 5.1.6, byte by byte, without state from one segment to the next. */
#ifndef SUPPORT_CUTTER_H
#define SUPPORT_CUTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tun/vnet.h"

/* How many packets a packet from the TUN stands for: 1 for an ordinary one, 0 when it has to be
 * dropped. */
size_t cutter_count(const struct vnet *v, const uint8_t *packet, size_t len);
/* Writes the n-th of them, returns its length. */
size_t cutter_cut(uint8_t *out, const struct vnet *v, const uint8_t *packet, size_t len, size_t n);

/* NULL, or what is wrong with a whole TCP or UDP packet: lengths and checksums. */
const char *cutter_fault(const uint8_t *packet, size_t len);

/* The sum of RFC 1071 over `len` bytes, begun with `sum`; folded, not inverted. */
uint16_t cutter_sum(uint32_t sum, const uint8_t *data, size_t len);

#endif
