/* Written from RFC 791, 768, 9293, 792, 8200, 4443, field by field; sums are the slow ones of cutter.c. */
#include "support/ipmake.h"

#include <string.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "support/cutter.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58 };

static size_t header_len(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? (size_t)(packet[0] & 15) * 4 : IP6_HEADER_LEN;
}

/* The pseudo header's sum; ICMP over IPv4 has none. */
static uint16_t pseudo(const uint8_t *packet, uint8_t protocol, size_t len)
{
	uint8_t p[40] = {0};

	if (protocol == ICMP)
		return 0;
	if (packet[0] >> 4 == 4) {
		memcpy(p, packet + 12, 8);
		p[9] = protocol;
		store_be16(p + 10, (uint16_t)len);
		return cutter_sum(0, p, 12);
	}
	memcpy(p, packet + 8, 32);
	store_be32(p + 32, (uint32_t)len);
	p[39] = protocol;
	return cutter_sum(0, p, sizeof p);
}

static size_t sum_offset(uint8_t protocol)
{
	return protocol == UDP ? 6 : protocol == TCP ? 16 : 2;
}

/* The header of a packet with `len` bytes behind it; returns where those lie. */
static uint8_t *begin(uint8_t *out, const struct addr *src, const struct addr *dst,
		      uint8_t protocol, size_t len)
{
	bool is_v4 = src->family == ADDR_V4;
	size_t header = is_v4 ? IP4_HEADER_LEN : IP6_HEADER_LEN, ip_len = addr_ip_len(src->family);

	memset(out, 0, header + len);
	out[0] = is_v4 ? 0x45 : 0x60;
	store_be16(out + (is_v4 ? 2 : 4), (uint16_t)(is_v4 ? header + len : len));
	out[is_v4 ? 8 : 7] = IPMAKE_TTL;
	out[is_v4 ? 9 : 6] = protocol;
	memcpy(out + (is_v4 ? 12 : 8), src->ip, ip_len);
	memcpy(out + (is_v4 ? 12 : 8) + ip_len, dst->ip, ip_len);
	return out + header;
}

static void sign_header(uint8_t *packet)
{
	if (packet[0] >> 4 != 4)
		return;
	store_be16(packet + 10, 0);
	store_be16(packet + 10, (uint16_t)~cutter_sum(0, packet, header_len(packet)));
}

static size_t finish(uint8_t *packet, uint8_t protocol, size_t len)
{
	uint8_t *transport = packet + header_len(packet), *at = transport + sum_offset(protocol);
	uint16_t sum = (uint16_t)~cutter_sum(pseudo(packet, protocol, len), transport, len);

	store_be16(at, protocol == UDP && sum == 0 ? 0xffff : sum);
	sign_header(packet);
	return (size_t)(transport - packet) + len;
}

static void fill(uint8_t *payload, size_t len)
{
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)i;
}

size_t ipmake_udp(uint8_t *out, const struct addr *src, const struct addr *dst, size_t payload_len)
{
	uint8_t *udp = begin(out, src, dst, UDP, 8 + payload_len);

	store_be16(udp, src->port);
	store_be16(udp + 2, dst->port);
	store_be16(udp + 4, (uint16_t)(8 + payload_len));
	fill(udp + 8, payload_len);
	return finish(out, UDP, 8 + payload_len);
}

size_t ipmake_tcp(uint8_t *out, const struct addr *src, const struct addr *dst, size_t payload_len)
{
	uint8_t *tcp = begin(out, src, dst, TCP, 20 + payload_len);

	store_be16(tcp, src->port);
	store_be16(tcp + 2, dst->port);
	tcp[12] = 0x50;
	tcp[13] = 0x10;
	fill(tcp + 20, payload_len);
	return finish(out, TCP, 20 + payload_len);
}

size_t ipmake_echo(uint8_t *out, const struct addr *src, const struct addr *dst, size_t payload_len)
{
	bool is_v4 = src->family == ADDR_V4, asks = src->port != 0;
	uint8_t protocol = is_v4 ? ICMP : ICMPV6;
	uint8_t *icmp = begin(out, src, dst, protocol, 8 + payload_len);

	icmp[0] = is_v4 ? (asks ? 8 : 0) : (asks ? 128 : 129);
	store_be16(icmp + 4, asks ? src->port : dst->port);
	fill(icmp + 8, payload_len);
	return finish(out, protocol, 8 + payload_len);
}

size_t ipmake_error(uint8_t *out, const struct addr *src, const struct addr *dst,
		    const uint8_t *quoted, size_t len)
{
	bool is_v4 = src->family == ADDR_V4;
	uint8_t protocol = is_v4 ? ICMP : ICMPV6;
	uint8_t *icmp = begin(out, src, dst, protocol, 8 + len);

	icmp[0] = is_v4 ? 3 : 1;
	icmp[1] = is_v4 ? 3 : 4;
	memcpy(icmp + 8, quoted, len);
	return finish(out, protocol, 8 + len);
}

void ipmake_set_ttl(uint8_t *packet, uint8_t ttl)
{
	packet[packet[0] >> 4 == 4 ? 8 : 7] = ttl;
	sign_header(packet);
}

void ipmake_set_fragment(uint8_t *packet, uint16_t field, uint16_t id)
{
	store_be16(packet + 4, id);
	store_be16(packet + 6, field);
	sign_header(packet);
}

void ipmake_sign(uint8_t *packet, size_t len)
{
	bool is_v4 = len > 0 && packet[0] >> 4 == 4;

	if (len < (is_v4 ? IP4_HEADER_LEN : IP6_HEADER_LEN))
		return;
	uint8_t protocol = packet[is_v4 ? 9 : 6];
	size_t header = header_len(packet), sum_end = header + sum_offset(protocol) + 2;
	bool has_sum = protocol == UDP || protocol == TCP || protocol == ICMP || protocol == ICMPV6;
	bool is_fragment = is_v4 && (load_be16(packet + 6) & 0x3fff) != 0;

	if (header < IP4_HEADER_LEN || header > len)
		return;
	if (has_sum && sum_end <= len && !is_fragment) {
		store_be16(packet + sum_end - 2, 0);
		finish(packet, protocol, len - header);
	}
	sign_header(packet);
}

static bool is_error(uint8_t protocol, uint8_t type)
{
	return protocol == ICMP ? type == 3 || type == 4 || type == 11 || type == 12
				: protocol == ICMPV6 && type >= 1 && type <= 4;
}

/* As far as `len` bytes show it; `whole` when they have to be the whole packet. */
static const char *fault(const uint8_t *packet, size_t len, bool whole)
{
	bool is_v4 = packet[0] >> 4 == 4;
	size_t header = header_len(packet);

	if (len < IP4_HEADER_LEN || len < header || (!is_v4 && packet[0] >> 4 != 6))
		return "no IP header";
	if (is_v4 && cutter_sum(0, packet, header) != 0xffff)
		return "checksum of the IP header";

	size_t said = is_v4 ? load_be16(packet + 2) : header + load_be16(packet + 4);
	uint8_t protocol = packet[is_v4 ? 9 : 6];
	if (whole && said != len)
		return "length";
	if (said > len || (is_v4 && (load_be16(packet + 6) & 0x3fff) != 0))
		return NULL;

	const uint8_t *transport = packet + header;
	size_t left = said - header;
	if (left < sum_offset(protocol) + 2)
		return "transport header";
	if (protocol == UDP && load_be16(transport + 6) == 0)
		return NULL;
	if (cutter_sum(pseudo(packet, protocol, left), transport, left) != 0xffff)
		return "checksum of the transport";
	return NULL;
}

const char *ipmake_fault(const uint8_t *packet, size_t len)
{
	const char *found = fault(packet, len, true);
	if (found != NULL)
		return found;

	bool is_v4 = packet[0] >> 4 == 4;
	size_t header = header_len(packet);
	if (is_v4 && (load_be16(packet + 6) & 0x3fff) != 0)
		return NULL;
	if (!is_error(packet[is_v4 ? 9 : 6], packet[header]))
		return NULL;
	return fault(packet + header + 8, len - header - 8, false) != NULL ? "what is quoted"
									   : NULL;
}
