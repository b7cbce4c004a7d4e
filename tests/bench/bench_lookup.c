/* What finding the peer of a packet and accepting its counter cost: a markdown table. */
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/rand.h"
#include "bench/bench.h"
#include "wg/allowed.h"
#include "wg/replay.h"

#define LOOKUPS  100000
#define COUNTERS 1000000

static const size_t counts[] = {1, 1000, 100000};

struct bench_find {
	struct allowed allowed;
	uint8_t ips[LOOKUPS][4];
	size_t found;
};

/* Prefixes of 8 to 32 bits anywhere, and addresses inside them. */
static void prepare(struct bench_find *b, size_t count)
{
	struct rand rand = rand_seeded(count);
	struct prefix *prefixes = calloc(count, sizeof *prefixes);

	if (prefixes == NULL)
		abort();
	allowed_init(&b->allowed);
	for (size_t i = 0; i < count; i++) {
		prefixes[i] = (struct prefix){.family = ADDR_V4,
					      .len = (uint8_t)(8 + rand_below(&rand, 25))};
		rand_bytes(&rand, prefixes[i].ip, 4);
		if (allowed_add(&b->allowed, &prefixes[i], b) != 0)
			abort();
	}
	for (size_t i = 0; i < LOOKUPS; i++) {
		const struct prefix *p = &prefixes[rand_below(&rand, (uint32_t)count)];
		uint32_t host = rand_u32(&rand) & (uint32_t)((UINT64_C(1) << (32 - p->len)) - 1);

		for (int byte = 0; byte < 4; byte++)
			b->ips[i][byte] = (uint8_t)(p->ip[byte] ^ host >> (24 - 8 * byte));
	}
	free(prefixes);
}

static void find(void *ctx)
{
	struct bench_find *b = ctx;

	for (size_t i = 0; i < LOOKUPS; i++)
		b->found += allowed_find(&b->allowed, ADDR_V4, b->ips[i]) != NULL;
}

static void accept_in_order(void *ctx)
{
	struct replay *r = ctx;

	replay_init(r);
	for (uint64_t counter = 0; counter < COUNTERS; counter++)
		if (!replay_accept(r, counter))
			abort();
}

/* Pairs swapped, as two paths of unequal length would do it. */
static void accept_swapped(void *ctx)
{
	struct replay *r = ctx;

	replay_init(r);
	for (uint64_t counter = 0; counter < COUNTERS; counter++)
		if (!replay_accept(r, counter ^ 1))
			abort();
}

int main(void)
{
	static struct bench_find b;
	static struct replay r;

	printf("Per packet, one thread\n\n| what | ns |\n|---|---|\n");
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		prepare(&b, counts[i]);
		double ns = bench_least_ns(find, &b, LOOKUPS);

		if (b.found != (size_t)BENCH_ROUNDS * LOOKUPS)
			abort();
		printf("| allowed_find among %zu prefixes | %.1f |\n", counts[i], ns);
		allowed_free(&b.allowed);
		b.found = 0;
	}
	printf("| replay_accept, in order | %.1f |\n",
	       bench_least_ns(accept_in_order, &r, COUNTERS));
	printf("| replay_accept, pairs swapped | %.1f |\n\n",
	       bench_least_ns(accept_swapped, &r, COUNTERS));
	return 0;
}
