/* What joining a batch for the TUN costs per packet, checksums and all: a markdown table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "support/inner.h"
#include "tun/gro.h"

#define ROUNDS  200
#define HEADERS 60 /* IPv6 and TCP */

static const struct {
	const char *name;
	size_t example, count, flow_count, len;
} rows[] = {
	{"TCP, 48 packets of 1420 bytes", 0, 48, 1, 1420},
	{"TCP over IPv6, 48 packets of 1420 bytes", 2, 48, 1, 1420},
	{"TCP, 4 flows in turn, 128 packets of 1420 bytes", 0, 128, 4, 1420},
	{"TCP, 128 flows, 128 packets of 1420 bytes", 0, 128, 128, 1420},
	{"TCP, 128 acknowledgements", 1, 128, 1, 52},
	{"UDP, 64 packets of 100 bytes", 3, 64, 1, 100},
	{"UDP, 128 flows, 128 packets of 100 bytes", 3, 128, 128, 100},
	{"TCP, one packet of 1420 bytes", 0, 1, 1, 1420},
};

struct bench_join {
	struct slab slab;
	struct batch batch;
	struct gro gro;
	struct inner flows[BATCH_MAX];
	uint8_t headers[BATCH_MAX][HEADERS];
};

static void prepare(struct bench_join *b, size_t row)
{
	for (size_t i = 0; i < rows[row].flow_count; i++) {
		b->flows[i] = inner_examples[rows[row].example];
		b->flows[i].src_port = (uint16_t)(40000 + i);
		b->flows[i].payload_len = rows[row].len - inner_len(&b->flows[i]);
	}
	b->batch.count = rows[row].count;
	for (size_t i = 0; i < b->batch.count; i++) {
		struct inner *flow = &b->flows[i % rows[row].flow_count];
		uint8_t *data = slab_data(&b->slab, i);

		inner_write(data, flow);
		inner_advance(flow);
		memcpy(b->headers[i], data, HEADERS);
		b->batch.packets[i] = (struct packet){.data = data, .len = rows[row].len};
	}
}

/* Joining changes headers, so they are put back: that is part of the time. */
static void join(void *ctx)
{
	struct bench_join *b = ctx;

	for (int round = 0; round < ROUNDS; round++) {
		gro_join(&b->gro, &b->batch, GRO_TCP | GRO_UDP);
		for (size_t i = 0; i < b->batch.count; i++)
			memcpy(b->batch.packets[i].data, b->headers[i], HEADERS);
	}
}

int main(void)
{
	static struct bench_join b;

	if (slab_init(&b.slab, BATCH_MAX) < 0)
		return 1;
	printf("| joining for the TUN | ns per packet | writes |\n|---|---|---|\n");
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		prepare(&b, row);
		double ns = bench_least_ns(join, &b, (unsigned)(ROUNDS * rows[row].count));
		printf("| %s | %.1f | %zu |\n", rows[row].name, ns, b.gro.write_count);
	}
	slab_free(&b.slab);
	return 0;
}
