/* Joined packets cut apart again and compared with what they were, one byte at a time. */
#include "support/recut.h"

#include <string.h>

#include "base/bytes.h"
#include "support/cutter.h"
#include "support/inner.h"

struct recut {
	const struct batch *before;
	bool seen[BATCH_MAX];
	uint8_t write[VNET_LEN + PACKET_DATA], packet[PACKET_DATA];
};

struct super {
	struct vnet vnet;
	const uint8_t *ip;
	size_t len, ip_len, header_len, segment_count;
	bool v6, udp;
};

/* Addresses, and what stands behind extension headers, if that can be told. */
struct flow {
	bool is_ip, hidden;
	uint8_t version, protocol, addresses[32], ports[4];
};

static struct flow flow_of(const uint8_t *p, size_t len)
{
	struct flow f = {0};
	size_t at;

	if (len >= 20 && p[0] >> 4 == 4) {
		f = (struct flow){.is_ip = true, .version = 4, .protocol = p[9]};
		memcpy(f.addresses, p + 12, 8);
		at = (size_t)(p[0] & 15) * 4;
		f.hidden = (load_be16(p + 6) & 0x1fff) != 0;
	} else if (len >= 40 && p[0] >> 4 == 6) {
		f = (struct flow){.is_ip = true, .version = 6, .protocol = p[6]};
		memcpy(f.addresses, p + 8, 32);
		for (at = 40; !f.hidden;) {
			uint8_t type = f.protocol;

			if (type != 0 && type != 43 && type != 44 && type != 60)
				break;
			if (at + 8 > len) {
				f.hidden = true;
				break;
			}
			f.hidden = type == 44 && load_be16(p + at + 2) >> 3 != 0;
			f.protocol = p[at];
			at += type == 44 ? 8 : ((size_t)p[at + 1] + 1) * 8;
		}
	} else {
		return f;
	}
	if (f.protocol != 6 && f.protocol != 17)
		return f;
	if (at + 4 > len)
		f.hidden = true;
	else
		memcpy(f.ports, p + at, 4);
	return f;
}

static bool same_flow(const struct packet *a, const struct packet *b)
{
	struct flow f = flow_of(a->data, a->len), g = flow_of(b->data, b->len);

	if (!f.is_ip || !g.is_ip || f.version != g.version ||
	    memcmp(f.addresses, g.addresses, sizeof f.addresses) != 0)
		return false;
	return f.hidden || g.hidden ||
	       (f.protocol == g.protocol && memcmp(f.ports, g.ports, sizeof f.ports) == 0);
}

/* The first of those that have to come still and are equal to it; count when there is none. */
static size_t waited_for(const struct recut *r, const uint8_t *packet, size_t len)
{
	const struct batch *b = r->before;
	size_t i = 0;

	while (i < b->count && (r->seen[i] || b->packets[i].len != len ||
				memcmp(b->packets[i].data, packet, len) != 0))
		i++;
	return i;
}

static const char *arrived(struct recut *r, const uint8_t *packet, size_t len)
{
	const struct batch *b = r->before;
	size_t i = waited_for(r, packet, len);

	if (i == b->count)
		return "a packet came out that did not go in";
	for (size_t j = 0; j < i; j++)
		if (!r->seen[j] && same_flow(&b->packets[j], &b->packets[i]))
			return "packets of one flow changed places";
	r->seen[i] = true;
	return NULL;
}

static const char *read_super(struct super *s, const uint8_t *write, size_t write_len)
{
	const uint8_t *ip = write + VNET_LEN, *tp;
	size_t len = write_len - VNET_LEN;

	*s = (struct super){.ip = ip, .len = len, .v6 = len > 0 && ip[0] >> 4 == 6};
	memcpy(&s->vnet, write, VNET_LEN);
	s->udp = s->vnet.gso_type == VNET_UDP_L4;
	s->ip_len = s->v6 ? 40 : 20;
	if (s->vnet.flags != VNET_NEEDS_CSUM)
		return "flags are not NEEDS_CSUM";
	if (len < s->ip_len + (s->udp ? 8 : 20))
		return "shorter than its headers";
	if (ip[0] >> 4 != (s->v6 ? 6 : 4) || (!s->v6 && ip[0] != 0x45) ||
	    ip[s->v6 ? 6 : 9] != (s->udp ? 17 : 6))
		return "joined what is neither plain TCP nor UDP";
	if (s->vnet.gso_type != (s->udp ? VNET_UDP_L4 : s->v6 ? VNET_TCPV6 : VNET_TCPV4))
		return "gso_type is not that of the packet";
	if ((s->v6 ? load_be16(ip + 4) + 40u : load_be16(ip + 2)) != len)
		return "the IP length is not that of the write";
	if (!s->v6 && (load_be16(ip + 6) & 0xbfff) != 0)
		return "fragments joined";
	if (!s->v6 && cutter_sum(0, ip, 20) != 0xffff)
		return "the IP header's checksum is wrong";

	tp = ip + s->ip_len;
	s->header_len = s->ip_len + (s->udp ? 8u : (size_t)(tp[12] >> 4) * 4);
	if (s->vnet.hdr_len != s->header_len || s->vnet.csum_start != s->ip_len ||
	    s->vnet.csum_offset != (s->udp ? 6 : 16))
		return "offsets in the vnet header are wrong";
	s->segment_count = cutter_count(&s->vnet, ip, len);
	if (s->segment_count < 2 || s->segment_count > 64)
		return "too few or too many segments";
	if (s->udp && load_be16(tp + 4) != len - s->ip_len)
		return "the UDP length is not that of the write";
	if (load_be16(tp + s->vnet.csum_offset) !=
	    inner_pseudo(ip, s->udp ? 17 : 6, len - s->ip_len))
		return "the checksum field is not the pseudo header's sum";
	return NULL;
}

static size_t cut(uint8_t *out, const struct super *s, size_t index, bool id_counts)
{
	size_t len = cutter_cut(out, &s->vnet, s->ip, s->len, index);

	if (!s->v6 && !id_counts) {
		memcpy(out + 4, s->ip + 4, 2);
		inner_sign(out, len);
	}
	return len;
}

/* IDs count up, or all are the first one's and have DF (RFC 6864): the second packet tells. */
static const char *super_arrived(struct recut *r, const struct super *s)
{
	size_t counting = waited_for(r, r->packet, cut(r->packet, s, 1, true));
	size_t fixed = waited_for(r, r->packet, cut(r->packet, s, 1, false));
	bool has_df = !s->v6 && (load_be16(s->ip + 6) & 0x4000) != 0;
	const char *fault = NULL;

	for (size_t i = 0; i < s->segment_count && fault == NULL; i++)
		fault = arrived(r, r->packet, cut(r->packet, s, i, !has_df || counting < fixed));
	return fault;
}

static const char *write_fault(struct recut *r, const struct gro_write *w)
{
	static const uint8_t plain[VNET_LEN];
	struct super s;
	size_t len = 0;
	const char *fault;

	if (w->count == 0 || w->count > 64)
		return "a write of too few or too many pieces";
	for (size_t i = 0; i < w->count; i++) {
		if (w->iov[i].iov_len > sizeof r->write - len)
			return "a write longer than 65535";
		memcpy(r->write + len, w->iov[i].iov_base, w->iov[i].iov_len);
		len += w->iov[i].iov_len;
	}
	if (len < VNET_LEN)
		return "a write without its vnet header";
	if (memcmp(r->write, plain, VNET_LEN) == 0)
		return w->count == 1 ? arrived(r, r->write + VNET_LEN, len - VNET_LEN)
				     : "pieces, but no word how to cut";
	fault = read_super(&s, r->write, len);
	if (fault == NULL && s.segment_count != w->count)
		fault = "as many pieces as packets were joined, it should be";
	return fault != NULL ? fault : super_arrived(r, &s);
}

const char *recut_fault(const struct gro *g, const struct batch *before)
{
	static struct recut r;
	const char *fault = NULL;

	r.before = before;
	memset(r.seen, 0, sizeof r.seen);
	for (size_t i = 0; i < g->write_count && fault == NULL; i++)
		fault = write_fault(&r, &g->writes[i]);
	for (size_t i = 0; i < before->count && fault == NULL; i++)
		fault = r.seen[i] ? NULL : "a packet was lost";
	return fault;
}
