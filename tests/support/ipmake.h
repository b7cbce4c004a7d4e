/* IP packets as a router meets them, made from their ends, and the slow way to tell whether every checksum is right. */
#ifndef SUPPORT_IPMAKE_H
#define SUPPORT_IPMAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define IPMAKE_MAX 1600
#define IPMAKE_TTL 64

/* Each writes a packet of the ends' family, hop limit IPMAKE_TTL, whose payload counts up from 0, and returns its length. */
size_t ipmake_udp(uint8_t *out, const struct addr *src, const struct addr *dst, size_t payload_len);
size_t ipmake_tcp(uint8_t *out, const struct addr *src, const struct addr *dst, size_t payload_len);
/* The identifier is the port of the end that asks; the other end's is 0. */
size_t ipmake_echo(uint8_t *out, const struct addr *src, const struct addr *dst,
		   size_t payload_len);
/* An ICMP error ("port unreachable") that quotes `len` bytes of a packet. */
size_t ipmake_error(uint8_t *out, const struct addr *src, const struct addr *dst,
		    const uint8_t *quoted, size_t len);

void ipmake_set_ttl(uint8_t *packet, uint8_t ttl);
/* The fragment field of IPv4: offset in units of 8 bytes, 0x2000 for "more". */
void ipmake_set_fragment(uint8_t *packet, uint16_t field, uint16_t id);

/* Make the checksums of a packet right after it was changed, as far as there is room for them in its `len` bytes. */
void ipmake_sign(uint8_t *packet, size_t len);

/* What is wrong with the checksums of a whole packet (and with those that are wholly inside one that it quotes), or NULL. */
const char *ipmake_fault(const uint8_t *packet, size_t len);

#endif
