/* Each segment is made from the super-packet alone; slow is fine here, and clever is not. */
#include "support/cutter.h"

#include <string.h>

#include "tun/gso.h"

enum { HOP_BY_HOP = 0, TCP = 6, UDP = 17, FRAGMENT = 44, DESTINATION = 60 };

static unsigned get16(const uint8_t *p)
{
	return p[0] * 256u + p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v / 256);
	p[1] = (uint8_t)(v % 256);
}

uint16_t cutter_sum(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? data[i] * 256u : data[i];
		while (sum > 0xffff)
			sum = sum % 0x10000 + sum / 0x10000;
	}
	return (uint16_t)sum;
}

static bool is_v4(const uint8_t *packet)
{
	return packet[0] / 16 == 4;
}

/* The sum of the pseudo header of a transport packet at `at`. */
static uint16_t pseudo(const uint8_t *packet, size_t at, size_t len, unsigned protocol)
{
	uint8_t header[40] = {0};

	if (is_v4(packet)) {
		memcpy(header, packet + 12, 8);
		header[9] = (uint8_t)protocol;
		put16(header + 10, (unsigned)(len - at));
		return cutter_sum(0, header, 12);
	}
	memcpy(header, packet + 8, 32);
	put16(header + 34, (unsigned)(len - at));
	header[39] = (uint8_t)protocol;
	return cutter_sum(0, header, 40);
}

/* Where TCP, UDP or something else begins; 0 for what is no whole packet of one fragment. */
static size_t transport(const uint8_t *packet, size_t len, unsigned *protocol)
{
	if (len >= 20 && is_v4(packet)) {
		size_t header = packet[0] % 16 * 4u;
		bool is_fragment = packet[6] % 64 != 0 || packet[7] != 0;

		*protocol = packet[9];
		return header >= 20 && header <= len && get16(packet + 2) == len && !is_fragment
			       ? header
			       : 0;
	}
	if (len < 40 || packet[0] / 16 != 6 || 40 + get16(packet + 4) != len)
		return 0;

	size_t at = 40;
	unsigned skipped = 0;
	for (*protocol = packet[6]; *protocol == HOP_BY_HOP || *protocol == DESTINATION;) {
		if (skipped++ == GSO_EXTENSIONS_MAX || at + 8 > len)
			return 0;
		*protocol = packet[at];
		at += (packet[at + 1] + 1u) * 8u;
		if (at > len)
			return 0;
	}
	return *protocol == FRAGMENT ? 0 : at;
}

/* Where the payload of a packet with this transport begins, or 0. */
static size_t payload(const uint8_t *packet, size_t len, size_t at, unsigned protocol)
{
	const uint8_t *header = packet + at;

	if (protocol == UDP)
		return at + 8 <= len && get16(header + 4) == len - at ? at + 8 : 0;
	if (protocol != TCP || at + 20 > len || header[12] / 16 < 5)
		return 0;
	return at + header[12] / 16 * 4u <= len ? at + header[12] / 16 * 4u : 0;
}

size_t cutter_count(const struct vnet *v, const uint8_t *packet, size_t len)
{
	bool needs_csum = v->flags % 2 == 1;
	unsigned type = v->gso_type % 0x80u, protocol;
	size_t at = transport(packet, len, &protocol), from;

	if (v->flags > 3)
		return 0;
	if (type == 0) {
		if (!needs_csum)
			return 1;
		return at > 0 && v->csum_start >= at &&
		       (size_t)v->csum_start + v->csum_offset + 2 <= len;
	}
	if (at == 0 || v->flags == 0 || v->gso_size == 0)
		return 0;
	from = payload(packet, len, at, protocol);
	if (from == 0 || from == len)
		return 0;
	if (needs_csum && (v->csum_start != at || v->csum_offset != (protocol == TCP ? 16 : 6)))
		return 0;
	if (type != (protocol == UDP ? 5u : is_v4(packet) ? 1u : 4u))
		return 0;
	if (protocol == TCP && (packet[at + 13] & 0x26) != 0) /* URG, RST, SYN */
		return 0;

	size_t count = 0;
	for (size_t left = len - from; left > 0; count++)
		left -= left < v->gso_size ? left : v->gso_size;
	return count;
}

static size_t cut_plain(uint8_t *out, const struct vnet *v, const uint8_t *packet, size_t len)
{
	memcpy(out, packet, len);
	if (v->flags % 2 == 1) {
		unsigned checksum =
			0xffffu - cutter_sum(0, packet + v->csum_start, len - v->csum_start);

		put16(out + v->csum_start + v->csum_offset, checksum == 0 ? 0xffff : checksum);
	}
	return len;
}

static void number_tcp(uint8_t *tcp, size_t offset, bool is_first, bool is_last)
{
	uint64_t seq = get16(tcp + 4) * UINT64_C(65536) + get16(tcp + 6) + offset;

	put16(tcp + 4, (unsigned)(seq / 65536 % 65536));
	put16(tcp + 6, (unsigned)(seq % 65536));
	if (!is_last)
		tcp[13] &= 0xff - 0x01 - 0x08; /* FIN, PSH */
	if (!is_first)
		tcp[13] &= 0xff - 0x80; /* CWR */
}

size_t cutter_cut(uint8_t *out, const struct vnet *v, const uint8_t *packet, size_t len, size_t n)
{
	unsigned protocol, field, checksum;
	size_t at, from, begin, end;

	if (v->gso_type % 0x80 == 0)
		return cut_plain(out, v, packet, len);
	at = transport(packet, len, &protocol);
	from = payload(packet, len, at, protocol);
	begin = from + n * v->gso_size;
	end = begin + v->gso_size < len ? begin + v->gso_size : len;
	memcpy(out, packet, from);
	memcpy(out + from, packet + begin, end - begin);
	size_t out_len = from + end - begin;

	if (is_v4(out)) {
		put16(out + 2, (unsigned)out_len);
		put16(out + 4, (get16(packet + 4) + (unsigned)n) % 65536);
		put16(out + 10, 0);
		put16(out + 10, 0xffffu - cutter_sum(0, out, at));
	} else {
		put16(out + 4, (unsigned)out_len - 40);
	}

	if (protocol == TCP)
		number_tcp(out + at, n * v->gso_size, n == 0, end == len);
	else
		put16(out + at + 4, (unsigned)(out_len - at));
	field = protocol == TCP ? 16 : 6;
	put16(out + at + field, 0);
	checksum = 0xffffu - cutter_sum(pseudo(out, at, out_len, protocol), out + at, out_len - at);
	put16(out + at + field, protocol == UDP && checksum == 0 ? 0xffff : checksum);
	return out_len;
}

const char *cutter_fault(const uint8_t *packet, size_t len)
{
	unsigned protocol = 0;
	size_t at = transport(packet, len, &protocol);

	if (at == 0)
		return "no whole IP packet";
	if (payload(packet, len, at, protocol) == 0)
		return "transport header";
	if (is_v4(packet) && cutter_sum(0, packet, at) != 0xffff)
		return "checksum of the IP header";
	if (protocol == UDP && get16(packet + at + 6) == 0)
		return "UDP without checksum";
	if (cutter_sum(pseudo(packet, at, len, protocol), packet + at, len - at) != 0xffff)
		return "checksum";
	return NULL;
}
