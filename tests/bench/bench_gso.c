/* What cutting a super-packet costs per packet, and the checksum beside a sum of one byte after the
 * other: a markdown table. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/packet.h"
#include "bench/bench.h"
#include "tun/csum.h"
#include "tun/gso.h"

#define SUMS   200
#define SUPERS 400 /* cut in a round */

#define SUPER_LEN 65000
#define SLOTS     64 /* that the segments go to in turn */

struct bench_gso {
	uint8_t super[SUPER_LEN], packet[SUPER_LEN];
	struct vnet vnet;
	struct slab slab; /* as far apart as the TUN's */
	size_t headers_len, sum_len;
	unsigned segments;
	volatile uint16_t sum; /* so that it is not optimised away */
};

/* As the kernel hands it out: TCP with timestamps, or UDP, over `family`. */
static void prepare(struct bench_gso *b, bool is_v6, bool is_udp, uint16_t size)
{
	size_t transport_at = is_v6 ? 40 : 20;
	uint8_t *transport = b->super + transport_at;

	memset(b->super, 0x5a, sizeof b->super);
	b->headers_len = transport_at + (is_udp ? 8 : 32);
	if (is_v6) {
		b->super[0] = 0x60;
		b->super[6] = is_udp ? 17 : 6;
		store_be16(b->super + 4, (uint16_t)(SUPER_LEN - transport_at));
	} else {
		b->super[0] = 0x45;
		b->super[9] = is_udp ? 17 : 6;
		store_be16(b->super + 2, SUPER_LEN);
		store_be16(b->super + 6, 0x4000);
	}
	if (is_udp) {
		store_be16(transport + 4, (uint16_t)(SUPER_LEN - transport_at));
	} else {
		transport[12] = 0x80;
		transport[13] = 0x18;
	}
	b->vnet = (struct vnet){
		.flags = VNET_NEEDS_CSUM,
		.gso_type = is_udp  ? VNET_UDP_L4
			    : is_v6 ? VNET_TCPV6
				    : VNET_TCPV4,
		.gso_size = size,
		.csum_start = (uint16_t)transport_at,
		.csum_offset = is_udp ? 6 : 16,
	};
}

static void split(void *ctx)
{
	struct bench_gso *b = ctx;
	struct gso g;

	b->segments = 0;
	for (int i = 0; i < SUPERS; i++) {
		memcpy(b->packet, b->super, b->headers_len); /* gso_start changes them */
		if (gso_start(&g, &b->vnet, b->packet, SUPER_LEN) != DROP_NONE)
			abort();
		for (size_t slot = 0; gso_next(&g, slab_data(&b->slab, slot % SLOTS)) > 0; slot++)
			b->segments++;
	}
}

static void copy(void *ctx)
{
	struct bench_gso *b = ctx;
	size_t size = b->headers_len + b->vnet.gso_size;

	for (int i = 0; i < SUPERS; i++)
		for (size_t at = 0, slot = 0; at + size <= SUPER_LEN; at += size, slot++)
			memcpy(slab_data(&b->slab, slot % SLOTS), b->super + at, size);
}

static void sum(void *ctx)
{
	struct bench_gso *b = ctx;

	for (int i = 0; i < SUMS; i++)
		b->sum = csum_sum(b->super + i % 4, b->sum_len);
}

static void sum_slowly(void *ctx)
{
	struct bench_gso *b = ctx;

	for (int i = 0; i < SUMS; i++) {
		uint32_t sum = 0;

		for (size_t at = 0; at < b->sum_len; at++)
			sum += at % 2 == 0 ? (uint32_t)b->super[at] << 8 : b->super[at];
		b->sum = (uint16_t)sum;
	}
}

int main(void)
{
	static struct bench_gso b;
	static const size_t sum_lens[] = {20, 1420, 64000};
	static const uint16_t sizes[] = {1368, 536, 100};

	if (slab_init(&b.slab, SLOTS) != 0)
		return 1;

	printf("| checksum, bytes | ns | byte by byte |\n|---|---|---|\n");
	for (size_t i = 0; i < sizeof sum_lens / sizeof *sum_lens; i++) {
		b.sum_len = sum_lens[i];
		printf("| %zu | %.1f | %.1f |\n", b.sum_len, bench_least_ns(sum, &b, SUMS),
		       bench_least_ns(sum_slowly, &b, SUMS));
	}

	printf("\n| super-packet of %d bytes, cut into payloads of | ns per packet | a copy alone "
	       "|\n"
	       "|---|---|---|\n",
	       SUPER_LEN);
	for (int kind = 0; kind < 4; kind++) {
		bool is_v6 = kind & 1, is_udp = kind & 2;

		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			prepare(&b, is_v6, is_udp, sizes[i]);
			split(&b); /* touches memory, and counts */
			unsigned count = b.segments;
			double split_ns = bench_least_ns(split, &b, count);

			printf("| %s over IPv%d, %u | %.0f | %.0f |\n", is_udp ? "UDP" : "TCP",
			       is_v6 ? 6 : 4, sizes[i], split_ns, bench_least_ns(copy, &b, count));
		}
	}
	printf("\n");
	slab_free(&b.slab);
	return 0;
}
