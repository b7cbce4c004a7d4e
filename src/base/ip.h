/* A look into an inner IP packet: version, length, source, destination. Bounds are checked here,
 * once. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"

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

#endif
