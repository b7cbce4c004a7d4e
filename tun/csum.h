/* The Internet checksum (RFC 1071) of IPv4 headers, TCP and UDP.
 *
 * A sum here is a plain number: the sum of the 16-bit big-endian words, modulo 0xffff. Sums of
 * several pieces, and single fields, are added with `+` (up to 65536 of them) and folded at the end;
 * each piece but the last has to have an even length. A checksum is the inverse of a folded sum. */
#ifndef TUN_CSUM_H
#define TUN_CSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The folded sum of `len` bytes at any address; an odd last byte counts as if a zero followed. It is
 * 0 only when all bytes are. */
uint16_t csum_sum(const uint8_t *data, size_t len);
/* What csum_sum does without AVX2. Called by tests only, which run where there is AVX2. */
uint16_t csum_sum_portable(const uint8_t *data, size_t len);

/* To 16 bits, not inverted; 0 only for 0. */
static inline uint16_t csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The folded sum of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1): the addresses are of
 * `family`, ADDR_V4 or ADDR_V6; `len` is that of the transport header and what follows it. */
uint16_t csum_pseudo(uint8_t family, const uint8_t *src, const uint8_t *dst, uint8_t protocol,
		     uint32_t len);

/* The checksum after one 16-bit word under it changed (RFC 1624, eqn. 3). */
uint16_t csum_update(uint16_t checksum, uint16_t before, uint16_t after);

/* Finish a checksum that its sender left to the device (VIRTIO_NET_HDR_F_NEEDS_CSUM): the 16 bits at
 * start + offset hold the folded pseudo header, the checksum is over start..len. One that would be 0
 * is written as 0xffff, the same number, because to UDP 0 means "none"; the kernel does so for every
 * protocol. False, and nothing written, when the field is not inside the packet. */
bool csum_finish(uint8_t *packet, size_t len, size_t start, size_t offset);

#endif
