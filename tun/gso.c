/* Cutting super-packets. What each segment has in common with the others is looked at and summed
 * once; per segment remain a copy and a sum of its payload, and a few fields. (Copy and sum in one
 * pass are not faster: the payload is in the first cache by then.) */
#include "tun/gso.h"

#include <stdbool.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/defence.h"
#include "base/ip.h"
#include "tun/csum.h"

/* Extension headers of IPv6 that may precede TCP or UDP. A routing header is not among them: the
 * checksum is over another destination then. */
#define IP_PROTOCOL_HOP_BY_HOP  0
#define IP_PROTOCOL_DESTINATION 60
#define EXTENSIONS_MAX          8 /* RFC 8200, 4.1, asks for at most three of these */

#define IP4_FRAGMENT 0x3fff /* more fragments, or an offset */

#define TCP_HEADER_LEN  20
#define TCP_CSUM_OFFSET 16
#define TCP_FIN         0x01
#define TCP_SYN         0x02
#define TCP_RST         0x04
#define TCP_PSH         0x08
#define TCP_URG         0x20
#define TCP_CWR         0x80

#define UDP_HEADER_LEN  8
#define UDP_CSUM_OFFSET 6

/* An IP packet's headers, by itself. */
struct headers {
	struct ip_view ip;
	uint8_t protocol;
	size_t transport_at;
};

/* False for what is no whole IP packet, or one fragment of several. */
static bool find_transport(struct headers *h, const uint8_t *packet, size_t len)
{
	if (!ip_view(&h->ip, packet, len) || h->ip.len != len)
		return false;
	if (h->ip.family == ADDR_V4) {
		h->protocol = packet[9];
		h->transport_at = (size_t)(packet[0] & 15) * 4;
		return (load_be16(packet + 6) & IP4_FRAGMENT) == 0;
	}

	h->protocol = packet[6];
	h->transport_at = IP6_HEADER_LEN;
	for (int i = 0;
	     h->protocol == IP_PROTOCOL_HOP_BY_HOP || h->protocol == IP_PROTOCOL_DESTINATION; i++) {
		const uint8_t *extension = packet + h->transport_at;

		if (DEFENCE(38, i == GSO_EXTENSIONS_MAX) || len - h->transport_at < 8)
			return false;
		h->protocol = extension[0];
		h->transport_at += 8 + 8 * (size_t)extension[1];
		if (h->transport_at > len)
			return false;
	}
	return h->protocol != IP_PROTOCOL_FRAGMENT;
}

/* The length of a TCP or UDP header that can stand before every segment, or 0. */
static size_t transport_header_len(const struct headers *h, const uint8_t *packet)
{
	const uint8_t *transport = packet + h->transport_at;
	size_t len = h->ip.len - h->transport_at;

	if (h->protocol == IP_PROTOCOL_UDP)
		return len >= UDP_HEADER_LEN && load_be16(transport + 4) == len ? UDP_HEADER_LEN
										: 0;
	if (len < TCP_HEADER_LEN || (transport[13] & (TCP_SYN | TCP_RST | TCP_URG)) != 0)
		return 0;
	size_t header_len = (size_t)(transport[12] >> 4) * 4;
	return header_len >= TCP_HEADER_LEN && header_len <= len ? header_len : 0;
}

/* Is this the packet that the vnet header tells of? Its hdr_len is not looked at: it is known to be
 * wrong for forwarded packets. */
static bool vnet_fits(const struct vnet *v, const struct headers *h)
{
	bool is_tcp = h->protocol == IP_PROTOCOL_TCP;

	switch (v->gso_type & ~VNET_ECN) {
	case VNET_TCPV4:
		if (!is_tcp || h->ip.family != ADDR_V4)
			return false;
		break;
	case VNET_TCPV6:
		if (!is_tcp || h->ip.family != ADDR_V6)
			return false;
		break;
	case VNET_UDP_L4:
		if (h->protocol != IP_PROTOCOL_UDP)
			return false;
		break;
	default:
		return false;
	}
	if (v->gso_size == 0)
		return false;
	/* The segments get checksums that are right, so somebody has to vouch for the bytes. */
	if (!(v->flags & VNET_NEEDS_CSUM))
		return (v->flags & VNET_DATA_VALID) != 0;
	return v->csum_start == h->transport_at &&
	       v->csum_offset == (is_tcp ? TCP_CSUM_OFFSET : UDP_CSUM_OFFSET);
}

/* The checksum may be one of an inner header, so only the IP header is out of bounds. */
static enum drop finish(const struct vnet *v, uint8_t *packet, size_t len)
{
	struct headers h;

	if (!(v->flags & VNET_NEEDS_CSUM))
		return DROP_NONE;
	if (!find_transport(&h, packet, len))
		return DROP_OFFLOAD;
	if (v->csum_start < h.transport_at ||
	    !csum_finish(packet, len, v->csum_start, v->csum_offset))
		return DROP_VNET;
	return DROP_NONE;
}

/* Take what differs between segments out of the headers, and sum what stays. */
static void take_ip(struct gso *g, uint8_t *ip)
{
	if (g->family == ADDR_V6)
		return;
	g->id = load_be16(ip + 4);
	store_be32(ip + 2, 0); /* length and ID */
	store_be16(ip + 10, 0);
	g->ip_sum = csum_sum(ip, g->transport_at);
}

static void take_transport(struct gso *g, uint8_t *transport, const struct ip_view *ip)
{
	if (g->protocol == IP_PROTOCOL_TCP) {
		g->seq = load_be32(transport + 4);
		g->flags = load_be16(transport + 12);
		store_be32(transport + 4, 0);
		store_be16(transport + 12, 0);
		store_be16(transport + TCP_CSUM_OFFSET, 0);
	} else {
		store_be32(transport + 4, 0); /* length and checksum */
	}
	g->transport_sum = csum_pseudo(g->family, ip->src, ip->dst, g->protocol, 0);
	g->transport_sum += csum_sum(transport, g->headers_len - g->transport_at);
}

enum drop gso_start(struct gso *g, const struct vnet *vnet, uint8_t *packet, size_t len)
{
	struct headers h;

	*g = (struct gso){.left = 0};
	if (vnet->flags & ~(VNET_NEEDS_CSUM | VNET_DATA_VALID))
		return DROP_VNET;
	if ((vnet->gso_type & ~VNET_ECN) == VNET_PLAIN)
		return finish(vnet, packet, len);

	if (!find_transport(&h, packet, len))
		return DROP_OFFLOAD;
	if (DEFENCE(59, !vnet_fits(vnet, &h)))
		return DROP_VNET;
	size_t header_len = transport_header_len(&h, packet);
	size_t headers_len = h.transport_at + header_len;
	if (header_len == 0 || headers_len == len)
		return DROP_OFFLOAD;

	*g = (struct gso){
		.headers = packet,
		.payload = packet + headers_len,
		.left = len - headers_len,
		.size = vnet->gso_size,
		.headers_len = headers_len,
		.transport_at = h.transport_at,
		.family = h.ip.family,
		.protocol = h.protocol,
	};
	take_ip(g, packet);
	take_transport(g, packet + h.transport_at, &h.ip);
	return DROP_NONE;
}

static void put_ip(const struct gso *g, uint8_t *ip, size_t len)
{
	if (g->family == ADDR_V6) {
		store_be16(ip + 4, (uint16_t)(len - IP6_HEADER_LEN));
		return;
	}
	store_be16(ip + 2, (uint16_t)len);
	store_be16(ip + 4, g->id);
	store_be16(ip + 10, (uint16_t)~csum_fold(g->ip_sum + (uint32_t)len + g->id));
}

/* `sum` is that of everything but the fields that are set here. */
static void put_tcp(const struct gso *g, uint8_t *tcp, uint32_t sum, bool is_last)
{
	uint16_t flags = is_last ? g->flags : g->flags & (uint16_t) ~(TCP_FIN | TCP_PSH);

	store_be32(tcp + 4, g->seq);
	store_be16(tcp + 12, flags);
	sum += (g->seq >> 16) + (g->seq & 0xffff) + flags;
	store_be16(tcp + TCP_CSUM_OFFSET, (uint16_t)~csum_fold(sum));
}

static void put_udp(uint8_t *udp, uint32_t sum, size_t len)
{
	uint16_t checksum = (uint16_t)~csum_fold(sum + (uint32_t)len);

	store_be16(udp + 4, (uint16_t)len);
	store_be16(udp + UDP_CSUM_OFFSET, checksum != 0 ? checksum : 0xffff);
}

size_t gso_next(struct gso *g, uint8_t *to)
{
	size_t payload_len = g->left < g->size ? g->left : g->size;
	size_t len = g->headers_len + payload_len, transport_len = len - g->transport_at;
	uint8_t *transport = to + g->transport_at;
	uint32_t sum = g->transport_sum + (uint32_t)transport_len; /* of the pseudo header */

	if (payload_len == 0)
		return 0;
	memcpy(to, g->headers, g->headers_len);
	memcpy(to + g->headers_len, g->payload, payload_len);
	sum += csum_sum(to + g->headers_len, payload_len);
	g->payload += payload_len;
	g->left -= payload_len;

	put_ip(g, to, len);
	if (g->protocol == IP_PROTOCOL_TCP)
		put_tcp(g, transport, sum, g->left == 0);
	else
		put_udp(transport, sum, transport_len);

	g->id++;
	g->seq += (uint32_t)payload_len;
	g->flags &= (uint16_t)~TCP_CWR; /* the first has it only */
	return len;
}
