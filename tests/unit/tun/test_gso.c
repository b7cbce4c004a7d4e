/* Super-packets: one cut by hand, thousands against a slow cutter, and every way in which a vnet
 * header and its packet can disagree. */
#include "tun/gso.h"

#include <time.h>

#include "base/bytes.h"
#include "base/rand.h"
#include "support/cutter.h"
#include "support/test.h"

#define LEN_MAX  65535
#define SENTINEL 0xa7
#define GUARD    8 /* bytes looked at behind a segment */

enum { HOP_BY_HOP = 0, TCP = 6, UDP = 17, ROUTING = 43, FRAGMENT = 44, DESTINATION = 60 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };

struct super {
	struct vnet vnet;
	uint8_t packet[LEN_MAX];
	size_t len, transport_at, payload_at;
};

/* What a super-packet is made from. */
struct plan {
	bool is_v6;
	uint8_t protocol;
	size_t ip_options_len; /* multiple of 4 */
	size_t extensions;     /* of 8 and of 24 bytes in turn */
	size_t tcp_options_len;
	uint8_t tcp_flags;
	uint32_t seq;
	uint16_t id, gso_size;
	size_t payload_len;
};

/* What the plan leaves open is filled with random bytes. */
static void make(struct super *s, const struct plan *plan, struct rand *rand)
{
	uint8_t *p = s->packet, *next = p + 6, *t;

	s->transport_at = plan->is_v6 ? 40 : 20 + plan->ip_options_len;
	for (size_t i = 0; plan->is_v6 && i < plan->extensions; i++)
		s->transport_at += i % 2 ? 24 : 8;
	s->payload_at = s->transport_at + (plan->protocol == TCP ? 20 + plan->tcp_options_len : 8);
	s->len = s->payload_at + plan->payload_len;
	assert_true(s->len <= LEN_MAX);
	rand_bytes(rand, p, s->len);

	if (plan->is_v6) {
		size_t at = 40;

		p[0] = (uint8_t)(0x60 | (p[0] & 15));
		store_be16(p + 4, (uint16_t)(s->len - 40));
		for (size_t i = 0; i < plan->extensions; i++) {
			*next = i % 3 ? DESTINATION : HOP_BY_HOP;
			next = p + at;
			p[at + 1] = i % 2 ? 2 : 0;
			at += i % 2 ? 24 : 8;
		}
		*next = plan->protocol;
	} else {
		p[0] = (uint8_t)(0x40 | s->transport_at / 4);
		store_be16(p + 2, (uint16_t)s->len);
		store_be16(p + 4, plan->id);
		p[6] &= 0xc0; /* no fragment */
		p[7] = 0;
		p[9] = plan->protocol;
	}

	t = p + s->transport_at;
	if (plan->protocol == TCP) {
		store_be32(t + 4, plan->seq);
		t[12] = (uint8_t)((20 + plan->tcp_options_len) / 4 << 4 | (t[12] & 15));
		t[13] = plan->tcp_flags;
	} else {
		store_be16(t + 4, (uint16_t)(s->len - s->transport_at));
	}
	s->vnet = (struct vnet){
		.flags = VNET_NEEDS_CSUM,
		.gso_type = plan->protocol == UDP ? VNET_UDP_L4
			    : plan->is_v6         ? VNET_TCPV6
						  : VNET_TCPV4,
		.hdr_len = (uint16_t)s->payload_at,
		.gso_size = plan->gso_size,
		.csum_start = (uint16_t)s->transport_at,
		.csum_offset = plan->protocol == TCP ? 16 : 6,
	};
}

/* An ordinary one, to be spoilt. */
static const struct plan tso4 = {.protocol = TCP,
				 .tcp_options_len = 12,
				 .tcp_flags = ACK,
				 .seq = 1000,
				 .id = 7,
				 .gso_size = 100,
				 .payload_len = 450};
static const struct plan uso6 = {
	.is_v6 = true, .protocol = UDP, .gso_size = 100, .payload_len = 450};

static struct plan random_plan(struct rand *rand)
{
	bool is_large = rand_below(rand, 100) == 0;
	uint32_t ends = rand_below(rand, 4);
	struct plan p = {
		.is_v6 = rand_below(rand, 2) == 1,
		.protocol = rand_below(rand, 2) ? TCP : UDP,
		.ip_options_len = rand_below(rand, 3) ? 0 : 4 * (size_t)rand_below(rand, 11),
		.extensions = rand_below(rand, 3) ? 0 : rand_below(rand, GSO_EXTENSIONS_MAX + 1),
		.tcp_options_len = 4 * (size_t)rand_below(rand, 11),
		.tcp_flags = (uint8_t)(rand_u32(rand) & (FIN | PSH | ACK | ECE | CWR)),
		.seq = ends == 0 ? UINT32_MAX - rand_below(rand, 3000) : rand_u32(rand),
		.id = (uint16_t)(ends == 1 ? 0xffff - rand_below(rand, 5) : rand_u32(rand)),
		.gso_size = (uint16_t)(1 + rand_below(rand, is_large ? 9000 : 300)),
	};
	size_t segments = rand_below(rand, 20);

	/* Whole segments, and one byte more or less. */
	p.payload_len = segments * p.gso_size + rand_below(rand, 3);
	if (rand_below(rand, 2) == 0)
		p.payload_len += rand_below(rand, p.gso_size);
	if (is_large || p.payload_len > LEN_MAX - 400)
		p.payload_len = LEN_MAX - 400 - rand_below(rand, 500);
	if (p.payload_len == 0)
		p.payload_len = 1;
	return p;
}

/* Through gso_start in a copy of exactly its size, then every segment against the slow cutter. */
static enum drop run(const struct super *s)
{
	static uint8_t to[LEN_MAX + GUARD], expected[LEN_MAX];
	size_t count = cutter_count(&s->vnet, s->packet, s->len), n = 0, payload = 0;
	uint8_t *copy = malloc(s->len > 0 ? s->len : 1);
	struct gso g;

	assert_non_null(copy);
	memcpy(copy, s->packet, s->len);
	enum drop drop = gso_start(&g, &s->vnet, copy, s->len);
	assert_int_equal(drop == DROP_NONE, count > 0);
	if (drop != DROP_NONE) {
		assert_int_equal(gso_next(&g, to), 0);
		assert_memory_equal(copy, s->packet, s->len);
	} else if (g.left == 0) {
		assert_int_equal(count, 1);
		assert_int_equal(cutter_cut(expected, &s->vnet, s->packet, s->len, 0), s->len);
		assert_memory_equal(copy, expected, s->len);
	} else {
		for (; n < count; n++) {
			memset(to, SENTINEL, s->len + GUARD);
			size_t len = gso_next(&g, to);
			assert_int_equal(len, cutter_cut(expected, &s->vnet, s->packet, s->len, n));
			assert_memory_equal(to, expected, len);
			assert_null(cutter_fault(to, len));
			payload += len - g.headers_len;
			for (size_t i = 0; i < GUARD; i++)
				assert_int_equal(to[len + i], SENTINEL);
		}
		assert_int_equal(payload, s->len - g.headers_len);
		assert_int_equal(g.left, 0);
		assert_int_equal(gso_next(&g, to), 0);
	}
	free(copy);
	return drop;
}

/* --- what is accepted -------------------------------------------------------------------------------- */

TEST(cuts_one_as_by_hand)
{
	static uint8_t packet[] = {
		0x45, 0x02, 0x00, 0x2d, 0xff, 0xff, 0x40, 0x00, 0x40, 0x06, 0x00, 0x00, /* IP */
		192,  0,    2,    1,    192,  0,    2,    2,                            /* */
		0x00, 0x50, 0x30, 0x39, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, /* TCP */
		0x50, 0x99, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,                         /* */
		'a',  'b',  'c',  'd',  'e',
	};
	static const struct vnet v = {.flags = VNET_NEEDS_CSUM,
				      .gso_type = VNET_TCPV4 | VNET_ECN,
				      .gso_size = 2,
				      .csum_start = 20,
				      .csum_offset = 16};
	uint8_t to[sizeof packet];
	struct gso g;

	assert_int_equal(gso_start(&g, &v, packet, sizeof packet), DROP_NONE);
	assert_int_equal(g.left, 5);

	assert_int_equal(gso_next(&g, to), 42);
	assert_int_equal(load_be16(to + 2), 42);
	assert_int_equal(load_be16(to + 4), 0xffff);
	assert_int_equal(load_be32(to + 24), 0xffffffff);
	assert_int_equal(to[33], CWR | ACK);
	assert_memory_equal(to + 40, "ab", 2);

	assert_int_equal(gso_next(&g, to), 42);
	assert_int_equal(load_be16(to + 4), 0);
	assert_int_equal(load_be32(to + 24), 1);
	assert_int_equal(to[33], ACK);
	assert_memory_equal(to + 40, "cd", 2);

	assert_int_equal(gso_next(&g, to), 41);
	assert_int_equal(load_be16(to + 2), 41);
	assert_int_equal(load_be16(to + 4), 1);
	assert_int_equal(load_be32(to + 24), 3);
	assert_int_equal(to[33], ACK | PSH | FIN);
	assert_int_equal(to[40], 'e');
	assert_null(cutter_fault(to, 41));

	assert_int_equal(gso_next(&g, to), 0);
}

TEST(cuts_thousands_like_the_slow_one)
{
	static struct super s;
	struct rand rand = rand_seeded(1);

	for (int i = 0; i < 6000; i++) {
		struct plan plan = random_plan(&rand);

		make(&s, &plan, &rand);
		if (i % 5 == 0)
			s.vnet.gso_type |= VNET_ECN;
		if (i % 7 == 0) /* a checksum that the device has verified */
			s.vnet = (struct vnet){.flags = VNET_DATA_VALID,
					       .gso_type = s.vnet.gso_type,
					       .gso_size = s.vnet.gso_size};
		assert_int_equal(run(&s), DROP_NONE);
	}
}

TEST(passes_on_the_last_segment_alone)
{
	static struct super s;
	struct rand rand = rand_seeded(2);
	struct plan plan = tso4;

	for (plan.payload_len = 1; plan.payload_len <= 101; plan.payload_len++) {
		plan.tcp_flags = ACK | PSH | CWR;
		make(&s, &plan, &rand);
		assert_int_equal(run(&s), DROP_NONE);
	}
}

/* In one's complement; the sum of the UDP packet is steered by its last two bytes. */
TEST(writes_a_udp_checksum_of_zero_as_ones)
{
	static struct super s;
	uint8_t to[600];
	struct rand rand = rand_seeded(3);
	struct gso g;
	unsigned ones = 0;

	make(&s, &uso6, &rand);
	for (unsigned word = 0; word < 0x10000; word++) {
		uint8_t packet[600];

		memcpy(packet, s.packet, s.len);
		store_be16(packet + s.payload_at, (uint16_t)word);
		assert_int_equal(gso_start(&g, &s.vnet, packet, s.len), DROP_NONE);
		gso_next(&g, to);
		assert_int_not_equal(load_be16(to + 46), 0);
		ones += load_be16(to + 46) == 0xffff;
	}
	assert_int_equal(ones, 1);
}

TEST(leaves_an_ordinary_packet_as_it_is)
{
	static struct super s;
	struct rand rand = rand_seeded(4);

	for (size_t len = 0; len < 200; len++) {
		rand_bytes(&rand, s.packet, len);
		s.len = len;
		s.vnet = (struct vnet){.flags = len % 2 ? VNET_DATA_VALID : 0,
				       .hdr_len = (uint16_t)rand_u32(&rand),
				       .gso_size = (uint16_t)rand_u32(&rand),
				       .csum_start = (uint16_t)rand_u32(&rand),
				       .csum_offset = (uint16_t)rand_u32(&rand)};
		assert_int_equal(run(&s), DROP_NONE);
	}
}

TEST(finishes_the_checksum_of_an_ordinary_packet)
{
	static struct super s;
	struct rand rand = rand_seeded(5);

	for (int i = 0; i < 1000; i++) {
		struct plan plan = random_plan(&rand);
		uint8_t *field, pseudo[40] = {0};
		struct gso g;

		make(&s, &plan, &rand);
		s.vnet.gso_type = VNET_PLAIN;
		field = s.packet + s.transport_at + s.vnet.csum_offset;
		if (plan.is_v6) {
			memcpy(pseudo, s.packet + 8, 32);
		} else {
			memcpy(pseudo, s.packet + 12, 8);
			store_be16(s.packet + 10, 0);
			store_be16(s.packet + 10,
				   (uint16_t)~cutter_sum(0, s.packet, s.transport_at));
		}
		store_be32(pseudo + 32, (uint32_t)(s.len - s.transport_at));
		pseudo[39] = plan.protocol;
		store_be16(field, cutter_sum(0, pseudo, sizeof pseudo));
		assert_int_equal(run(&s), DROP_NONE);
		assert_int_equal(gso_start(&g, &s.vnet, s.packet, s.len), DROP_NONE);
		assert_int_equal(g.left, 0);
		assert_null(cutter_fault(s.packet, s.len));
	}
}

/* --- every value of every field of the vnet header --------------------------------------------------- */

TEST(takes_header_lengths_from_the_packet_not_from_the_vnet_header)
{
	static struct super s;
	struct rand rand = rand_seeded(6);

	make(&s, &tso4, &rand);
	for (unsigned hdr_len = 0; hdr_len < 0x10000; hdr_len += hdr_len < 200 ? 1 : 97) {
		s.vnet.hdr_len = (uint16_t)hdr_len;
		assert_int_equal(run(&s), DROP_NONE);
	}
}

TEST(refuses_types_that_are_not_those_of_the_packet)
{
	static struct super s;
	struct rand rand = rand_seeded(7);
	struct plan plan = tso4;

	for (int kind = 0; kind < 4; kind++) {
		plan.is_v6 = kind & 1;
		plan.protocol = kind & 2 ? UDP : TCP;
		make(&s, &plan, &rand);
		uint8_t own = s.vnet.gso_type;
		for (unsigned type = 0; type < 256; type++) {
			bool fits = (type & 0x7f) == own || (type & 0x7f) == VNET_PLAIN;

			s.vnet.gso_type = (uint8_t)type;
			assert_int_equal(run(&s), fits ? DROP_NONE : DROP_VNET);
		}
	}
}

TEST(refuses_flags_it_does_not_know_and_checksums_that_nobody_vouches_for)
{
	static struct super s;
	struct rand rand = rand_seeded(8);

	for (unsigned flags = 0; flags < 256; flags++) {
		make(&s, &tso4, &rand);
		s.vnet.flags = (uint8_t)flags;
		assert_int_equal(run(&s), flags >= 1 && flags <= 3 ? DROP_NONE : DROP_VNET);
		s.vnet.gso_type = VNET_PLAIN;
		assert_int_equal(run(&s), flags <= 3 ? DROP_NONE : DROP_VNET);
	}
}

TEST(cuts_by_every_size_but_none)
{
	static struct super s;
	struct rand rand = rand_seeded(9);

	make(&s, &tso4, &rand);
	for (unsigned size = 0; size < 0x10000; size += size < 500 ? 1 : 89) {
		s.vnet.gso_size = (uint16_t)size;
		assert_int_equal(run(&s), size == 0 ? DROP_VNET : DROP_NONE);
	}
}

TEST(refuses_a_checksum_elsewhere_in_a_super_packet)
{
	static struct super s;
	struct rand rand = rand_seeded(10);

	make(&s, &uso6, &rand);
	for (unsigned value = 0; value < 0x10000; value++) {
		s.vnet.csum_start = (uint16_t)value;
		assert_int_equal(run(&s), value == 40 ? DROP_NONE : DROP_VNET);
	}
	s.vnet.csum_start = 40;
	for (unsigned value = 0; value < 0x10000; value++) {
		s.vnet.csum_offset = (uint16_t)value;
		assert_int_equal(run(&s), value == 6 ? DROP_NONE : DROP_VNET);
	}
}

TEST(refuses_a_checksum_outside_or_in_the_ip_header_of_an_ordinary_packet)
{
	static struct super s;
	struct rand rand = rand_seeded(11);

	make(&s, &tso4, &rand);
	s.vnet.gso_type = VNET_PLAIN;
	for (unsigned start = 0; start < 0x10000; start += start < 600 ? 1 : 61) {
		for (unsigned offset = 0; offset < 0x10000; offset += offset < 600 ? 43 : 8111) {
			bool fits = start >= s.transport_at && start + offset + 2 <= s.len;

			s.vnet.csum_start = (uint16_t)start;
			s.vnet.csum_offset = (uint16_t)offset;
			assert_int_equal(run(&s), fits ? DROP_NONE : DROP_VNET);
		}
	}
}

/* --- packets that are cut short or lie ---------------------------------------------------------------- */

/* As they are, and with lengths that agree. */
TEST(refuses_super_packets_cut_short_anywhere)
{
	static struct super s;
	struct rand rand = rand_seeded(12);
	struct plan plan = tso4;

	for (int kind = 0; kind < 8; kind++) {
		plan.is_v6 = kind & 1;
		plan.protocol = kind & 2 ? UDP : TCP;
		plan.ip_options_len = kind & 4 ? 8 : 0;
		plan.extensions = kind & 4 ? 3 : 0;
		make(&s, &plan, &rand);
		size_t whole = s.len;
		for (s.len = 0; s.len < whole; s.len++)
			assert_int_equal(run(&s), DROP_OFFLOAD);
		for (s.len = 0; s.len <= whole; s.len++) {
			if (plan.is_v6)
				store_be16(s.packet + 4, (uint16_t)(s.len > 40 ? s.len - 40 : 0));
			else
				store_be16(s.packet + 2, (uint16_t)s.len);
			if (plan.protocol == UDP && s.len >= s.transport_at + 8)
				store_be16(s.packet + s.transport_at + 4,
					   (uint16_t)(s.len - s.transport_at));
			enum drop drop = run(&s);
			assert_true((drop == DROP_NONE) == (s.len > s.payload_at));
		}
	}
}

TEST(refuses_every_ip_length_but_the_true_one)
{
	static struct super s;
	struct rand rand = rand_seeded(13);

	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		make(&s, is_v6 ? &uso6 : &tso4, &rand);
		size_t at = is_v6 ? 4 : 2, truth = load_be16(s.packet + at);
		for (unsigned len = 0; len < 0x10000; len++) {
			store_be16(s.packet + at, (uint16_t)len);
			assert_int_equal(run(&s), len == truth ? DROP_NONE : DROP_OFFLOAD);
		}
	}
}

TEST(refuses_every_udp_length_but_the_true_one)
{
	static struct super s;
	struct rand rand = rand_seeded(14);

	make(&s, &uso6, &rand);
	for (unsigned len = 0; len < 0x10000; len++) {
		store_be16(s.packet + 44, (uint16_t)len);
		assert_int_equal(run(&s), len == 458 ? DROP_NONE : DROP_OFFLOAD);
	}
}

TEST(refuses_header_lengths_below_the_least_and_beyond_the_packet)
{
	static struct super s;
	struct rand rand = rand_seeded(15);
	struct plan plan = tso4;

	plan.payload_len = 10;
	plan.gso_size = 4;
	for (unsigned words = 0; words < 16; words++) {
		make(&s, &plan, &rand); /* TCP header 32, payload 10 */
		s.packet[32] = (uint8_t)(words << 4);
		assert_int_equal(run(&s), words >= 5 && words * 4 < 42 ? DROP_NONE : DROP_OFFLOAD);
		make(&s, &plan, &rand);
		s.packet[0] = (uint8_t)(0x40 | words);
		if (words != 5)
			assert_int_not_equal(run(&s), DROP_NONE);
	}
}

TEST(refuses_versions_that_are_none)
{
	static struct super s;
	struct rand rand = rand_seeded(16);

	for (unsigned version = 0; version < 16; version++) {
		make(&s, &tso4, &rand);
		s.packet[0] = (uint8_t)(version << 4 | 5);
		if (version != 4)
			assert_int_not_equal(run(&s), DROP_NONE);
	}
}

TEST(refuses_fragments)
{
	static struct super s;
	struct rand rand = rand_seeded(17);
	struct plan plan = uso6;

	for (unsigned bit = 0; bit < 16; bit++) {
		enum drop expected = bit < 14 ? DROP_OFFLOAD : DROP_NONE; /* DF, and one unused */

		make(&s, &tso4, &rand);
		store_be16(s.packet + 6, (uint16_t)(1u << bit));
		assert_int_equal(run(&s), expected);
		s.vnet.gso_type = VNET_PLAIN;
		assert_int_equal(run(&s), expected);
	}
	plan.extensions = 1;
	make(&s, &plan, &rand);
	s.packet[6] = FRAGMENT;
	assert_int_equal(run(&s), DROP_OFFLOAD);
	s.vnet.gso_type = VNET_PLAIN;
	assert_int_equal(run(&s), DROP_OFFLOAD);
}

TEST(refuses_flags_that_may_not_be_repeated)
{
	static struct super s;
	struct rand rand = rand_seeded(18);
	struct plan plan = tso4;

	for (unsigned flags = 0; flags < 256; flags++) {
		plan.tcp_flags = (uint8_t)flags;
		make(&s, &plan, &rand);
		assert_int_equal(run(&s), flags & (SYN | RST | URG) ? DROP_OFFLOAD : DROP_NONE);
	}
}

TEST(refuses_a_routing_header_because_the_checksum_is_over_another_address)
{
	static struct super s;
	struct rand rand = rand_seeded(19);
	struct plan plan = uso6;

	plan.extensions = 1;
	make(&s, &plan, &rand);
	s.packet[6] = ROUTING;
	assert_int_equal(run(&s), DROP_VNET);
	s.vnet.gso_type = VNET_PLAIN; /* the sender has summed the address */
	assert_int_equal(run(&s), DROP_NONE);
}

TEST(agrees_with_the_slow_one_on_damaged_super_packets)
{
	static struct super s;
	struct rand rand = rand_seeded(20);
	unsigned accepted = 0;

	for (int i = 0; i < 20000; i++) {
		struct plan plan = random_plan(&rand);

		plan.payload_len = 1 + rand_below(&rand, 300);
		if (plan.gso_size < 10)
			plan.gso_size = 10;
		make(&s, &plan, &rand);
		for (uint32_t hits = 1 + rand_below(&rand, 3); hits > 0; hits--) {
			uint32_t at = rand_below(&rand, (uint32_t)s.payload_at + VNET_LEN);
			uint8_t bit = (uint8_t)(1u << rand_below(&rand, 8));

			if (at < VNET_LEN)
				((uint8_t *)&s.vnet)[at] ^= bit;
			else
				s.packet[at - VNET_LEN] ^= bit;
		}
		accepted += run(&s) == DROP_NONE;
	}
	assert_in_range(accepted, 2000, 18000);
}

/* --- past mistakes of the field ----------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The least of several, because an interrupted attempt proves nothing. */
static uint64_t least_ns(const struct super *s)
{
	static uint8_t copy[LEN_MAX];
	uint64_t least = UINT64_MAX;
	struct gso g;

	for (int i = 0; i < 50; i++) {
		memcpy(copy, s->packet, s->len);
		uint64_t began = now_ns();
		gso_start(&g, &s->vnet, copy, s->len);
		uint64_t took = now_ns() - began;
		if (took < least)
			least = took;
	}
	return least;
}

/* An IPv6 packet of `len` bytes that is nothing but extension headers of 8 * (1 + units) bytes. */
static void make_chain(struct super *s, size_t len, uint8_t units)
{
	s->len = len;
	memset(s->packet, DESTINATION, len);
	s->packet[0] = 0x60;
	store_be16(s->packet + 4, (uint16_t)(len - 40));
	for (size_t at = 40; at + 1 < len; at += 8 + 8 * (size_t)units)
		s->packet[at + 1] = units;
	s->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = VNET_UDP_L4,
				.gso_size = 100,
				.csum_start = 40,
				.csum_offset = 6};
}

TEST(vuln_38_any_chain_of_extension_headers_up_to_the_mtu_ends_within_10_us)
{
	static const size_t lens[] = {48, 576, 1280, 1420, 1500, 9000, 65535};
	static struct super s;

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		for (unsigned units = 0; units < 256; units++) {
			make_chain(&s, lens[i], (uint8_t)units);
			assert_int_equal(run(&s), DROP_OFFLOAD);
			assert_in_range(least_ns(&s), 0, 10000);
			s.vnet.gso_type = VNET_PLAIN;
			assert_int_equal(run(&s), DROP_OFFLOAD);
		}
	}
}

TEST(vuln_38_counts_extension_headers_to_the_limit)
{
	static struct super s;
	struct rand rand = rand_seeded(21);
	struct plan plan = uso6;

	for (plan.extensions = 0; plan.extensions < 40; plan.extensions++) {
		make(&s, &plan, &rand);
		assert_int_equal(run(&s),
				 plan.extensions <= GSO_EXTENSIONS_MAX ? DROP_NONE : DROP_OFFLOAD);
	}
}

/* 256 bytes and more, where a length in 8 bits would come round to itself. */
TEST(vuln_38_reads_extension_headers_of_every_length)
{
	static struct super s;
	struct rand rand = rand_seeded(22);

	for (unsigned units = 0; units < 256; units++) {
		size_t extension_len = 8 + 8 * (size_t)units;
		struct plan plan = uso6;

		plan.extensions = 1; /* of 8 bytes, then made longer */
		plan.payload_len = extension_len - 8 + 450;
		make(&s, &plan, &rand);
		s.packet[41] = (uint8_t)units;
		s.transport_at = 40 + extension_len;
		store_be16(s.packet + s.transport_at + 4, (uint16_t)(s.len - s.transport_at));
		s.vnet.csum_start = (uint16_t)s.transport_at;
		assert_int_equal(run(&s), DROP_NONE);
	}
}

TEST(vuln_59_cuts_frames_as_long_as_an_ip_packet_can_be)
{
	static struct super s;
	static const uint16_t sizes[] = {1, 28, 536, 1368, 8960, 65000, 65535};
	struct rand rand = rand_seeded(23);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int kind = 0; kind < 4; kind++) {
			struct plan plan = {.is_v6 = kind & 1,
					    .protocol = kind & 2 ? UDP : TCP,
					    .gso_size = sizes[i]};

			/* The slow one needs long for 65,495 segments. */
			plan.payload_len = sizes[i] == 1 ? 2000 : LEN_MAX - 60;
			make(&s, &plan, &rand);
			plan.payload_len += LEN_MAX - s.len;
			if (sizes[i] != 1)
				make(&s, &plan, &rand);
			assert_int_equal(run(&s), DROP_NONE);
		}
	}
}

TEST(vuln_59_validates_before_it_cuts)
{
	static struct super s;
	struct rand rand = rand_seeded(24);

	make(&s, &tso4, &rand);
	s.vnet.csum_start = 65535;
	assert_int_equal(run(&s), DROP_VNET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(cuts_one_as_by_hand),
		RUN(cuts_thousands_like_the_slow_one),
		RUN(passes_on_the_last_segment_alone),
		RUN(writes_a_udp_checksum_of_zero_as_ones),
		RUN(leaves_an_ordinary_packet_as_it_is),
		RUN(finishes_the_checksum_of_an_ordinary_packet),
		RUN(takes_header_lengths_from_the_packet_not_from_the_vnet_header),
		RUN(refuses_types_that_are_not_those_of_the_packet),
		RUN(refuses_flags_it_does_not_know_and_checksums_that_nobody_vouches_for),
		RUN(cuts_by_every_size_but_none),
		RUN(refuses_a_checksum_elsewhere_in_a_super_packet),
		RUN(refuses_a_checksum_outside_or_in_the_ip_header_of_an_ordinary_packet),
		RUN(refuses_super_packets_cut_short_anywhere),
		RUN(refuses_every_ip_length_but_the_true_one),
		RUN(refuses_every_udp_length_but_the_true_one),
		RUN(refuses_header_lengths_below_the_least_and_beyond_the_packet),
		RUN(refuses_versions_that_are_none),
		RUN(refuses_fragments),
		RUN(refuses_flags_that_may_not_be_repeated),
		RUN(refuses_a_routing_header_because_the_checksum_is_over_another_address),
		RUN(agrees_with_the_slow_one_on_damaged_super_packets),
		RUN(vuln_38_any_chain_of_extension_headers_up_to_the_mtu_ends_within_10_us),
		RUN(vuln_38_counts_extension_headers_to_the_limit),
		RUN(vuln_38_reads_extension_headers_of_every_length),
		RUN(vuln_59_cuts_frames_as_long_as_an_ip_packet_can_be),
		RUN(vuln_59_validates_before_it_cuts),
	};
	return RUN_TESTS(tests);
}
