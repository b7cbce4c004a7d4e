/* A look into an inner IP packet: version, length, source, destination. Bounds are checked here,
 * once. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"

#define IP_PROTOCOL_TCP      6
#define IP_PROTOCOL_UDP      17
#define IP_PROTOCOL_FRAGMENT 44 /* extension header of IPv6 */

#define IP4_HEADER_LEN 20
#define IP6_HEADER_LEN 40

struct ip_view {
	uint8_t family;     /* enum addr_family */
	const uint8_t *src; /* 4 or 16 bytes inside the packet */
	const uint8_t *dst;
	size_t len; /* the packet's own length field, header included */
};

/* False when the bytes do not start with a whole IPv4 or IPv6 header, or its length field says more
 * than there is. `len` may be larger than the packet: WireGuard pads. */
static inline bool ip_view(struct ip_view *out, const uint8_t *data, size_t len)
{
	if (len < 1)
		return false;

	if (data[0] >> 4 == 4 && len >= IP4_HEADER_LEN) {
		size_t header_len = (size_t)(data[0] & 15) * 4;
		*out = (struct ip_view){ADDR_V4, data + 12, data + 16, load_be16(data + 2)};
		return header_len >= IP4_HEADER_LEN && out->len >= header_len && out->len <= len;
	}
	if (data[0] >> 4 == 6 && len >= IP6_HEADER_LEN) {
		*out = (struct ip_view){ADDR_V6, data + 8, data + 24,
					IP6_HEADER_LEN + load_be16(data + 4)};
		return out->len <= len;
	}
	return false;
}

/* What stands before the payload of a UDP packet. */
struct ip_udp {
	bool first; /* the packet, or its first fragment: the ports are known */
	uint16_t src_port, dst_port;
};

/* False when the packet that `ip` looked at (at `data`) is no UDP, or cut short. Of IPv6 extension
 * headers only a fragment header is skipped: that is what a socket of this host makes. */
static inline bool ip_udp(struct ip_udp *out, const struct ip_view *ip, const uint8_t *data)
{
	struct reader r = reader_of(data, ip->len);
	uint8_t protocol;
	uint16_t fragment = 0;

	if (ip->family == ADDR_V4) {
		protocol = data[9];
		fragment = load_be16(data + 6) & 0x1fff;
		read_bytes(&r, (size_t)(data[0] & 15) * 4);
	} else {
		protocol = data[6];
		read_bytes(&r, IP6_HEADER_LEN);
		if (protocol == IP_PROTOCOL_FRAGMENT) {
			protocol = read_u8(&r);
			read_u8(&r);
			fragment = read_be16(&r) >> 3;
			read_bytes(&r, 4);
		}
	}
	if (protocol != IP_PROTOCOL_UDP)
		return false;
	*out = (struct ip_udp){.first = fragment == 0};
	if (out->first) {
		out->src_port = read_be16(&r);
		out->dst_port = read_be16(&r);
	}
	return reader_ok(&r);
}

#endif
