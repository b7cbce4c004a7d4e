/* The bytes of a router. Checksums are updated by the difference (RFC 1624), never computed anew, so that a
 * packet that was corrupt on its way in is corrupt on its way out. */
#include "lab/translate.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "tun/csum.h"

#define FRAGMENT_HEADER_LEN 8
#define QUOTED_MIN          8 /* of the transport: RFC 792 */
#define TTL_OF_OURS         64

#define V4_UNREACHABLE   3
#define V4_SOURCE_QUENCH 4
#define V4_TIME_EXCEEDED 11
#define V4_PARAMETER     12
#define V4_ECHO          8
#define V4_ECHO_REPLY    0
#define V6_UNREACHABLE   1
#define V6_TIME_EXCEEDED 3
#define V6_ERROR_LAST    4
#define V6_ECHO          128
#define V6_ECHO_REPLY    129

/* --- reading --------------------------------------------------------------------------------------- */

/* An IP header at `at`; the packet ends at `end`. `whole`: there has to be as much as it says. */
static enum translate_result read_header(struct translate *t, struct translate_layer *l, size_t at,
					 size_t *end, bool whole, uint16_t *fragment)
{
	const uint8_t *p = t->packet + at;
	size_t left = *end - at, header, len;

	*l = (struct translate_layer){.at = at};
	*fragment = 0;
	if (left < IP4_HEADER_LEN)
		return TRANSLATE_SHORT;
	if (p[0] >> 4 == 4) {
		header = (size_t)(p[0] & 15) * 4;
		len = load_be16(p + 2);
		if (header < IP4_HEADER_LEN || header > left || len < header ||
		    (whole && len > left))
			return TRANSLATE_SHORT;
		if (whole && csum_sum(p, header) != 0xffff)
			return TRANSLATE_CORRUPT;
		l->protocol = p[9];
		l->src = addr_v4(p + 12, 0);
		l->dst = addr_v4(p + 16, 0);
		*fragment = load_be16(p + 6) & 0x3fff; /* with "more fragments" */
		t->fragment_id = load_be16(p + 4);
	} else if (p[0] >> 4 == 6) {
		header = IP6_HEADER_LEN;
		if (left < header)
			return TRANSLATE_SHORT;
		len = header + load_be16(p + 4);
		if (whole && len > left)
			return TRANSLATE_SHORT;
		l->protocol = p[6];
		l->src = (struct addr){.family = ADDR_V6};
		l->dst = (struct addr){.family = ADDR_V6};
		memcpy(l->src.ip, p + 8, 16);
		memcpy(l->dst.ip, p + 24, 16);
		if (l->protocol == IP_PROTOCOL_FRAGMENT) {
			if (left < header + FRAGMENT_HEADER_LEN ||
			    len < header + FRAGMENT_HEADER_LEN)
				return TRANSLATE_SHORT;
			uint16_t field = load_be16(p + header + 2);
			*fragment = (uint16_t)(field >> 3 | (field & 1) << 13);
			l->protocol = p[header];
			t->fragment_id = load_be32(p + header + 4);
			header += FRAGMENT_HEADER_LEN;
		}
	} else {
		return TRANSLATE_SHORT;
	}
	l->transport_at = at + header;
	if (len < left)
		*end = at + len;
	return TRANSLATE_OK;
}

static bool is_echo(uint8_t protocol, uint8_t type)
{
	return protocol == TRANSLATE_ICMP ? type == V4_ECHO || type == V4_ECHO_REPLY
					  : type == V6_ECHO || type == V6_ECHO_REPLY;
}

static bool is_error(uint8_t protocol, uint8_t type)
{
	if (protocol == TRANSLATE_ICMPV6)
		return type >= 1 && type <= V6_ERROR_LAST;
	return type == V4_UNREACHABLE || type == V4_SOURCE_QUENCH || type == V4_TIME_EXCEEDED ||
	       type == V4_PARAMETER;
}

static bool is_request(const struct translate *t, const struct translate_layer *l)
{
	uint8_t type = t->packet[l->transport_at];

	return type == (l->protocol == TRANSLATE_ICMP ? V4_ECHO : V6_ECHO);
}

/* The ports of a layer that has all its bytes up to `end`; `least` of them have to be there. */
static enum translate_result read_ports(struct translate *t, struct translate_layer *l, size_t end,
					size_t tcp_least)
{
	const uint8_t *p = t->packet + l->transport_at;
	size_t left = end - l->transport_at;

	switch (l->protocol) {
	case TRANSLATE_TCP:
	case TRANSLATE_UDP:
		if (left < (l->protocol == TRANSLATE_TCP ? tcp_least : 8))
			return TRANSLATE_SHORT;
		l->src.port = load_be16(p);
		l->dst.port = load_be16(p + 2);
		return TRANSLATE_OK;
	case TRANSLATE_ICMP:
	case TRANSLATE_ICMPV6:
		if ((l->protocol == TRANSLATE_ICMP) != (l->src.family == ADDR_V4))
			return TRANSLATE_ALIEN;
		if (left < 8)
			return TRANSLATE_SHORT;
		if (!is_echo(l->protocol, p[0]))
			return TRANSLATE_ALIEN;
		if (is_request(t, l))
			l->src.port = load_be16(p + 4);
		else
			l->dst.port = load_be16(p + 4);
		return TRANSLATE_OK;
	}
	return TRANSLATE_ALIEN;
}

static enum translate_result read_quoted(struct translate *t)
{
	uint16_t fragment;
	size_t at = t->own.transport_at + 8, end = t->len;
	enum translate_result result = read_header(t, &t->quoted, at, &end, false, &fragment);

	if (result != TRANSLATE_OK)
		return result;
	if (t->quoted.src.family != t->own.src.family || (fragment & 0x1fff) != 0)
		return TRANSLATE_ALIEN;
	return read_ports(t, &t->quoted, end, QUOTED_MIN);
}

enum translate_result translate_read(struct translate *t, uint8_t *packet, size_t len)
{
	uint16_t fragment;

	*t = (struct translate){.packet = packet};
	enum translate_result result = read_header(t, &t->own, 0, &len, true, &fragment);
	if (result != TRANSLATE_OK)
		return result;
	t->len = len;
	t->ttl = packet[t->own.src.family == ADDR_V4 ? 8 : 7];
	t->is_fragment = fragment != 0;
	if ((fragment & 0x1fff) != 0) {
		t->kind = TRANSLATE_LATER;
		return TRANSLATE_OK;
	}

	bool is_icmp = t->own.protocol == TRANSLATE_ICMP || t->own.protocol == TRANSLATE_ICMPV6;
	if (is_icmp && len - t->own.transport_at >= 8 &&
	    is_error(t->own.protocol, packet[t->own.transport_at])) {
		t->kind = TRANSLATE_ERROR;
		return t->is_fragment ? TRANSLATE_ALIEN : read_quoted(t);
	}
	result = read_ports(t, &t->own, len, 20);
	t->is_echo_request = result == TRANSLATE_OK && is_icmp && is_request(t, &t->own);
	return result;
}

/* --- writing --------------------------------------------------------------------------------------- */

/* Replace the 16 bits at `at` under the checksum at `sum_at`; 0 there: under none. */
static void put(struct translate *t, size_t at, uint16_t value, size_t sum_at)
{
	uint8_t *p = t->packet + at, *sum = t->packet + sum_at;

	if (sum_at != 0)
		store_be16(sum, csum_update(load_be16(sum), load_be16(p), value));
	store_be16(p, value);
}

/* Where the checksum of a layer's transport lies, or 0: not in the packet, or a UDP packet without. */
static size_t transport_sum(const struct translate *t, const struct translate_layer *l)
{
	size_t at = l->transport_at + (l->protocol == TRANSLATE_UDP   ? 6
				       : l->protocol == TRANSLATE_TCP ? 16
								      : 2);

	if (t->kind == TRANSLATE_LATER || at + 2 > t->len)
		return 0;
	return l->protocol == TRANSLATE_UDP && load_be16(t->packet + at) == 0 ? 0 : at;
}

/* One end of a layer: its IP at ip_at. A pseudo header brings the IP under the transport's checksum. */
static void write_end(struct translate *t, const struct translate_layer *l, struct addr *end,
		      const struct addr *to, size_t ip_at, size_t sum_at)
{
	bool is_pseudo = l->protocol != TRANSLATE_ICMP && sum_at != 0;

	assert(to->family == end->family && end->family == ADDR_V4);
	for (size_t i = 0; i < 4; i += 2) {
		uint16_t before = load_be16(t->packet + ip_at + i), after = load_be16(to->ip + i);
		uint8_t *sum = t->packet + sum_at;

		put(t, ip_at + i, after, l->at + 10);
		if (is_pseudo)
			store_be16(sum, csum_update(load_be16(sum), before, after));
	}
	memcpy(end->ip, to->ip, 4);
}

static void write_port(struct translate *t, struct addr *end, const struct addr *to, size_t at,
		       size_t sum_at)
{
	if (end->port == to->port)
		return;
	put(t, at, to->port, sum_at);
	end->port = to->port;
}

static void write_layer(struct translate *t, struct translate_layer *l, const struct addr *src,
			const struct addr *dst)
{
	size_t sum_at = transport_sum(t, l), ports = l->transport_at;

	if (!addr_same_ip(&l->src, src))
		write_end(t, l, &l->src, src, l->at + 12, sum_at);
	if (!addr_same_ip(&l->dst, dst))
		write_end(t, l, &l->dst, dst, l->at + 16, sum_at);
	if (l->protocol == TRANSLATE_ICMP || l->protocol == TRANSLATE_ICMPV6) {
		/* One identifier, with the end that asks. */
		write_port(t, &l->src, src, ports + 4, sum_at);
		write_port(t, &l->dst, dst, ports + 4, sum_at);
	} else {
		write_port(t, &l->src, src, ports, sum_at);
		write_port(t, &l->dst, dst, ports + 2, sum_at);
	}
	/* To UDP 0 means "none"; 0xffff is the same number. */
	if (l->protocol == TRANSLATE_UDP && sum_at != 0 && load_be16(t->packet + sum_at) == 0)
		store_be16(t->packet + sum_at, 0xffff);
}

void translate_write(struct translate *t, const struct addr *src, const struct addr *dst)
{
	write_layer(t, &t->own, src, dst);
}

void translate_write_quoted(struct translate *t, const struct addr *src, const struct addr *dst)
{
	assert(t->kind == TRANSLATE_ERROR);
	const uint8_t *quoted = t->packet + t->quoted.at;
	size_t len = t->len - t->quoted.at;
	uint8_t *sum = t->packet + t->own.transport_at + 2;
	uint16_t before = csum_sum(quoted, len);

	/* ICMP's own checksum is over everything quoted, checksums included. */
	write_layer(t, &t->quoted, src, dst);
	store_be16(sum, csum_update(load_be16(sum), before, csum_sum(quoted, len)));
}

void translate_hop(struct translate *t)
{
	assert(t->ttl > 0);
	t->ttl--;
	if (t->own.src.family == ADDR_V4)
		put(t, 8, (uint16_t)(t->ttl << 8 | t->packet[9]), 10);
	else
		t->packet[7] = t->ttl;
}

/* --- packets of our own ---------------------------------------------------------------------------- */

static size_t error_v4(struct translate *t, size_t len, const struct addr *from,
		       const uint8_t icmp[8])
{
	uint8_t *p = t->packet;
	size_t headers = IP4_HEADER_LEN + 8;

	memmove(p + headers, p, len - headers);
	memset(p, 0, IP4_HEADER_LEN);
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)len);
	p[8] = TTL_OF_OURS;
	p[9] = TRANSLATE_ICMP;
	memcpy(p + 12, from->ip, 4);
	memcpy(p + 16, t->own.src.ip, 4);
	store_be16(p + 10, (uint16_t)~csum_sum(p, IP4_HEADER_LEN));
	memcpy(p + IP4_HEADER_LEN, icmp, 8);
	store_be16(p + 22, (uint16_t)~csum_sum(p + IP4_HEADER_LEN, len - IP4_HEADER_LEN));
	return len;
}

static size_t error_v6(struct translate *t, size_t len, const struct addr *from,
		       const uint8_t icmp[8])
{
	uint8_t *p = t->packet;
	size_t headers = IP6_HEADER_LEN + 8, icmp_len = len - IP6_HEADER_LEN;

	memmove(p + headers, p, len - headers);
	memset(p, 0, IP6_HEADER_LEN);
	p[0] = 0x60;
	store_be16(p + 4, (uint16_t)icmp_len);
	p[6] = TRANSLATE_ICMPV6;
	p[7] = TTL_OF_OURS;
	memcpy(p + 8, from->ip, 16);
	memcpy(p + 24, t->own.src.ip, 16);
	memcpy(p + IP6_HEADER_LEN, icmp, 8);
	uint32_t sum = csum_pseudo(ADDR_V6, p + 8, p + 24, TRANSLATE_ICMPV6, (uint32_t)icmp_len);
	sum += csum_sum(p + IP6_HEADER_LEN, icmp_len);
	store_be16(p + IP6_HEADER_LEN + 2, (uint16_t)~csum_fold(sum));
	return len;
}

static size_t error(struct translate *t, size_t room, const struct addr *from, uint8_t type,
		    uint8_t code)
{
	bool is_v4 = t->own.src.family == ADDR_V4;
	size_t headers = is_v4 ? IP4_HEADER_LEN + 8 : IP6_HEADER_LEN + 8;
	size_t most = is_v4 ? 576 : TRANSLATE_ERROR_MAX, len = t->len + headers;
	const uint8_t icmp[8] = {type, code};

	if (t->kind != TRANSLATE_FLOW || from->family != t->own.src.family)
		return 0;
	if (len > most)
		len = most;
	if (len > room)
		return 0;
	return is_v4 ? error_v4(t, len, from, icmp) : error_v6(t, len, from, icmp);
}

size_t translate_time_exceeded(struct translate *t, size_t room, const struct addr *from)
{
	return error(t, room, from,
		     t->own.src.family == ADDR_V4 ? V4_TIME_EXCEEDED : V6_TIME_EXCEEDED, 0);
}

size_t translate_unreachable(struct translate *t, size_t room, const struct addr *from)
{
	bool is_v4 = t->own.src.family == ADDR_V4;

	return error(t, room, from, is_v4 ? V4_UNREACHABLE : V6_UNREACHABLE, is_v4 ? 3 : 4);
}

void translate_answer(struct translate *t)
{
	uint8_t *p = t->packet, *type = p + t->own.transport_at;
	bool is_v4 = t->own.src.family == ADDR_V4;
	size_t ip_len = is_v4 ? 4 : 16, src_at = is_v4 ? 12 : 8;
	uint8_t src[16];

	assert(t->is_echo_request);
	memcpy(src, p + src_at, ip_len);
	memcpy(p + src_at, p + src_at + ip_len, ip_len);
	memcpy(p + src_at + ip_len, src, ip_len);
	put(t, t->own.transport_at,
	    (uint16_t)((is_v4 ? V4_ECHO_REPLY : V6_ECHO_REPLY) << 8 | type[1]),
	    t->own.transport_at + 2);
	struct addr was = t->own.src;
	t->own.src = t->own.dst;
	t->own.dst = was;
	t->is_echo_request = false;
}
