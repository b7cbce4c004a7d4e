/* Joining for the TUN: dataplane.md, section 3, rules 6 to 9; what can be joined is what the kernel's
 * own GRO joins (net/ipv4/tcp_offload.c, udp_offload.c), less its special cases.
 *
 * Only the first header after the IP header is looked at: a packet whose flow cannot be read there
 * (fragments, IP options, extension headers) is joined with nothing and nothing is joined across it,
 * so there is no chain to walk. */
#include "tun/gro.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/defence.h"
#include "base/ip.h"
#include "tun/csum.h"
#include "tun/vnet.h"

#define IP_PROTOCOL_ICMP   1
#define IP_PROTOCOL_ICMPV6 58
#define IP4_DF             0x4000
#define TCP_HEADER_LEN     20u
#define TCP_PSH            0x08
#define TCP_ACK            0x10
#define TCP_CHECKSUM       16
#define UDP_HEADER_LEN     8
#define UDP_CHECKSUM       6

_Static_assert(VNET_LEN <= PACKET_HEAD, "written before the packet");

#define NO_GROUP BATCH_MAX

/* What a packet means for the groups that are open. */
enum kind {
	KIND_OTHER,  /* nothing: it is of no TCP or UDP flow */
	KIND_HIDDEN, /* it may be of any flow: nothing may be moved before it */
	KIND_FLOW,   /* of this flow, but never joined */
	KIND_DATA,   /* can be joined */
};

static void forget_open(struct gro *gro)
{
	for (size_t i = 0; i < GRO_FLOWS; i++)
		gro->open[i] = NO_GROUP;
}

static uint32_t payload_len(const struct gro_segment *s)
{
	return s->len - s->header_len;
}

static const uint8_t *transport(const struct gro_segment *s)
{
	return s->ip + s->ip_len;
}

static enum kind tcp_kind(struct gro_segment *s)
{
	const uint8_t *tcp = transport(s);

	if (s->len < s->ip_len + TCP_HEADER_LEN)
		return KIND_HIDDEN;
	s->header_len = (uint8_t)(s->ip_len + (tcp[12] >> 4) * 4);
	if (s->header_len < s->ip_len + TCP_HEADER_LEN || s->header_len >= s->len)
		return KIND_FLOW;
	return (tcp[13] & ~TCP_PSH) == TCP_ACK ? KIND_DATA : KIND_FLOW;
}

static enum kind udp_kind(struct gro_segment *s)
{
	const uint8_t *udp = transport(s);

	s->header_len = (uint8_t)(s->ip_len + UDP_HEADER_LEN);
	if (s->len < s->header_len)
		return KIND_HIDDEN;
	if (s->header_len == s->len || load_be16(udp + 4) != s->len - s->ip_len ||
	    load_be16(udp + 6) == 0)
		return KIND_FLOW;
	return KIND_DATA;
}

static enum kind kind_of(struct gro_segment *s, const struct packet *p, unsigned kinds)
{
	struct ip_view ip;
	unsigned wanted;
	bool v4;
	enum kind kind;

	*s = (struct gro_segment){.ip = p->data};
	if (!ip_view(&ip, p->data, p->len) || ip.len != p->len || ip.len > PACKET_DATA)
		return KIND_HIDDEN;
	v4 = ip.family == ADDR_V4;
	*s = (struct gro_segment){.ip = p->data,
				  .ip_len = v4 ? IP4_HEADER_LEN : IP6_HEADER_LEN,
				  .len = (uint32_t)p->len,
				  .family = ip.family,
				  .protocol = p->data[v4 ? 9 : 6]};

	if (s->protocol == (v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6))
		return KIND_OTHER;
	if (v4 && (p->data[0] != 0x45 || (load_be16(p->data + 6) & ~IP4_DF) != 0))
		return KIND_HIDDEN;
	if (s->protocol == IP_PROTOCOL_TCP) {
		wanted = GRO_TCP;
		kind = tcp_kind(s);
	} else if (s->protocol == IP_PROTOCOL_UDP) {
		wanted = GRO_UDP;
		kind = udp_kind(s);
	} else {
		return KIND_HIDDEN;
	}
	return kind == KIND_DATA && !(kinds & wanted) ? KIND_FLOW : kind;
}

/* Addresses and ports. A flow that hashes to the place of another ends the other's group: that costs
 * a write more, and a look-up is never more than one comparison. */
static size_t slot_of(const struct gro_segment *s)
{
	const uint8_t *at = s->ip + (s->family == ADDR_V4 ? 12 : 8);
	uint64_t hash = load_be32(transport(s));

	for (; at < transport(s); at += 8) {
		hash = (hash ^ load_be64(at)) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return (size_t)((hash >> 32) * GRO_FLOWS >> 32);
}

/* All that has to be equal in the IP headers: not length, ID and checksum. */
static bool same_ip(const struct gro_segment *a, const struct gro_segment *b)
{
	const uint8_t *p = a->ip, *q = b->ip;

	if (a->family == ADDR_V4)
		return memcmp(p, q, 2) == 0 && memcmp(p + 6, q + 6, 4) == 0 &&
		       memcmp(p + 12, q + 12, 8) == 0;
	return memcmp(p, q, 4) == 0 && memcmp(p + 6, q + 6, 34) == 0;
}

/* Of TCP: not sequence number, flags (see tcp_kind) and checksum; the header's length and the reserved
 * bits before the options. */
static bool same_transport(const struct gro_segment *a, const struct gro_segment *b)
{
	const uint8_t *p = transport(a), *q = transport(b);

	if (memcmp(p, q, 4) != 0)
		return false;
	return a->protocol == IP_PROTOCOL_UDP ||
	       (memcmp(p + 8, q + 8, 5) == 0 && memcmp(p + 14, q + 14, 2) == 0 &&
		memcmp(p + 18, q + 18, (size_t)a->header_len - a->ip_len - 18) == 0);
}

static uint16_t id_after_first(const struct gro_group *g, const struct gro_segment *s)
{
	return (uint16_t)(load_be16(s->ip + 4) - load_be16(g->first.ip + 4));
}

static bool id_follows(const struct gro_group *g, const struct gro_segment *s)
{
	uint16_t ahead = id_after_first(g, s);
	bool may_stay = (load_be16(s->ip + 6) & IP4_DF) != 0 && (g->count == 1 || g->id_fixed);
	bool may_count = !g->id_fixed;

	return (may_count && ahead == g->count) || (may_stay && ahead == 0);
}

static bool follows(const struct gro_group *g, const struct gro_segment *s)
{
	uint32_t joined = g->len - g->first.header_len;

	if (s->protocol == IP_PROTOCOL_TCP &&
	    load_be32(transport(s) + 4) != load_be32(transport(&g->first) + 4) + joined)
		return false;
	return s->family == ADDR_V6 || id_follows(g, s);
}

/* Of the pseudo header, all but the length: the same for all packets of a flow. Never 0. */
static uint16_t pseudo_of(const struct gro_segment *s)
{
	size_t addr_len = addr_ip_len(s->family);
	const uint8_t *dst = transport(s) - addr_len;

	return csum_pseudo(s->family, dst - addr_len, dst, s->protocol, 0);
}

/* Right, and written as whoever cuts the packets apart will write them: 0xffff is a zero that only
 * UDP writes so. */
static bool checksums_hold(const struct gro_segment *s, uint32_t pseudo)
{
	uint32_t len = s->len - s->ip_len;

	if (s->family == ADDR_V4 &&
	    (load_be16(s->ip + 10) == 0xffff || csum_sum(s->ip, s->ip_len) != 0xffff))
		return false;
	if (s->protocol == IP_PROTOCOL_TCP && load_be16(transport(s) + TCP_CHECKSUM) == 0xffff)
		return false;
	return csum_fold(pseudo + len + csum_sum(transport(s), len)) == 0xffff;
}

static bool joins(struct gro_group *g, const struct gro_segment *s)
{
	if (!same_ip(&g->first, s) || !same_transport(&g->first, s) || !follows(g, s))
		return false;
	if (payload_len(s) > payload_len(&g->first) || g->count == GRO_SEGMENTS_MAX)
		return false;
	if (DEFENCE(59, g->len + payload_len(s) > PACKET_DATA))
		return false;
	if (g->pseudo == 0) {
		g->pseudo = pseudo_of(s);
		if (!checksums_hold(&g->first, g->pseudo))
			return false;
	}
	return checksums_hold(s, g->pseudo);
}

static bool is_pushed(const struct gro_segment *s)
{
	return s->protocol == IP_PROTOCOL_TCP && (transport(s)[13] & TCP_PSH) != 0;
}

static size_t group_begin(struct gro *gro, const struct gro_segment *s)
{
	gro->groups[gro->write_count] = (struct gro_group){.first = *s, .len = s->len, .count = 1};
	return gro->write_count++;
}

/* The group that the packet joined, or that began with it. */
static size_t place(struct gro *gro, const struct packet *p, unsigned kinds)
{
	struct gro_segment s;
	enum kind kind = kind_of(&s, p, kinds);
	struct gro_group *g;
	uint16_t *open;
	size_t index;

	if (kind == KIND_OTHER)
		return group_begin(gro, &s);
	if (kind == KIND_HIDDEN) {
		forget_open(gro);
		return group_begin(gro, &s);
	}

	open = &gro->open[slot_of(&s)];
	index = *open;
	*open = NO_GROUP;
	if (kind == KIND_FLOW)
		return group_begin(gro, &s);
	if (index == NO_GROUP || !joins(&gro->groups[index], &s)) {
		index = group_begin(gro, &s);
		if (!is_pushed(&s))
			*open = (uint16_t)index;
		return index;
	}

	g = &gro->groups[index];
	g->id_fixed = s.family == ADDR_V4 && id_after_first(g, &s) == 0;
	g->pushed = is_pushed(&s);
	g->len += payload_len(&s);
	g->count++;
	if (!g->pushed && payload_len(&s) == payload_len(&g->first))
		*open = (uint16_t)index;
	return index;
}

/* The headers of the first packet become those of all, and say in the vnet header how to cut. */
static void describe(struct vnet *v, const struct gro_group *g)
{
	const struct gro_segment *s = &g->first;
	uint32_t len = g->len - s->ip_len;
	uint8_t *ip = s->ip, *tp = s->ip + s->ip_len;

	*v = (struct vnet){.flags = VNET_NEEDS_CSUM,
			   .hdr_len = s->header_len,
			   .gso_size = (uint16_t)payload_len(s),
			   .csum_start = s->ip_len};
	if (s->family == ADDR_V4) {
		store_be16(ip + 2, (uint16_t)g->len);
		store_be16(ip + 10, 0);
		store_be16(ip + 10, (uint16_t)~csum_sum(ip, s->ip_len));
	} else {
		store_be16(ip + 4, (uint16_t)len);
	}
	if (s->protocol == IP_PROTOCOL_TCP) {
		v->gso_type = s->family == ADDR_V4 ? VNET_TCPV4 : VNET_TCPV6;
		v->csum_offset = TCP_CHECKSUM;
		tp[13] |= g->pushed ? TCP_PSH : 0;
	} else {
		v->gso_type = VNET_UDP_L4;
		v->csum_offset = UDP_CHECKSUM;
		store_be16(tp + 4, (uint16_t)len);
	}
	store_be16(tp + v->csum_offset, csum_fold(g->pseudo + len));
}

/* The packet, or what the group takes of it. */
static void gather(struct gro_write *write, const struct gro_group *g, const struct packet *p)
{
	struct iovec *iov = &write->iov[write->count++];
	size_t skip = g->first.header_len;

	if (p->data != g->first.ip) {
		*iov = (struct iovec){p->data + skip, p->len - skip};
		return;
	}

	struct vnet v = {.gso_type = VNET_PLAIN};

	if (g->count > 1)
		describe(&v, g);
	memcpy(p->data - VNET_LEN, &v, VNET_LEN);
	*iov = (struct iovec){p->data - VNET_LEN, VNET_LEN + p->len};
}

void gro_join(struct gro *gro, const struct batch *batch, unsigned kinds)
{
	struct iovec *next = gro->iov;

	assert(batch->count <= BATCH_MAX);
	gro->write_count = 0;
	forget_open(gro);
	for (size_t i = 0; i < batch->count; i++)
		gro->group_of[i] = (uint16_t)place(gro, &batch->packets[i], kinds);

	for (size_t i = 0; i < gro->write_count; i++) {
		gro->writes[i] = (struct gro_write){.iov = next};
		next += gro->groups[i].count;
	}
	for (size_t i = 0; i < batch->count; i++)
		gather(&gro->writes[gro->group_of[i]], &gro->groups[gro->group_of[i]],
		       &batch->packets[i]);
}
