/* What the NAT model and the cable cost a packet: a markdown table. */
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/rand.h"
#include "bench/bench.h"
#include "sim/link.h"
#include "sim/natbox.h"

#define PACKETS 200000
#define FLOWS   1000 /* at one time */
#define NEW     20000
#define LEN     1400

static struct natbox nb;
static struct addr seen[FLOWS];
static usec now;

static struct addr inside(unsigned i)
{
	return addr_v4((uint8_t[]){10, 66, 0, (uint8_t)(i % 10)}, (uint16_t)(2000 + i));
}

static struct addr outside(void)
{
	return addr_v4((uint8_t[]){198, 51, 100, 1}, 51820);
}

static struct addr out(unsigned i)
{
	struct natbox_flow f = {.proto = NATBOX_UDP, .ttl = 64, .src = inside(i), .dst = outside()};

	if (natbox_out(&nb, &f, now) != NATBOX_FORWARD)
		abort();
	return f.src;
}

static void known_out(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < PACKETS; i++, now++)
		out(i % FLOWS);
}

static void known_in(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < PACKETS; i++, now++) {
		struct natbox_flow f = {
			.proto = NATBOX_UDP, .ttl = 64, .src = outside(), .dst = seen[i % FLOWS]};

		if (natbox_in(&nb, &f, now) != NATBOX_FORWARD)
			abort();
	}
}

/* Each a flow of its own, which ends before its port comes again: made, aged and forgotten. */
static void new_out(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < NEW; i++, now += MSEC(10))
		out(i);
}

static void measure(const char *name, const struct natbox_config *config)
{
	if (natbox_init(&nb, config, 1) != 0)
		abort();
	for (unsigned i = 0; i < FLOWS; i++)
		seen[i] = out(i);
	printf("| natbox, %s, out | %.0f |\n", name, bench_least_ns(known_out, NULL, PACKETS));
	printf("| natbox, %s, in | %.0f |\n", name, bench_least_ns(known_in, NULL, PACKETS));
	printf("| natbox, %s, a new flow | %.0f |\n", name, bench_least_ns(new_out, NULL, NEW));
	natbox_free(&nb);
}

static void cross(void *ctx)
{
	struct link *l = ctx;
	struct rand rand = rand_seeded(1);

	for (unsigned i = 0; i < PACKETS; i++, now += 20)
		link_send(l, LEN, now, &rand);
	if (l->stats.packets[LINK_CARRIED] == 0)
		abort();
}

int main(void)
{
	struct addr public = addr_v4((uint8_t[]){192, 0, 2, 1}, 0);
	struct natbox_config masquerade = natbox_linux(&public, NATBOX_INPUT_ACCEPT);
	struct natbox_config cone = {.mapping = NATBOX_EIM,
				     .filtering = NATBOX_APDF,
				     .ports = NATBOX_RANDOM,
				     .pool = {public},
				     .pool_count = 1};
	struct link good = link_of(&(struct link_config){.delay = MSEC(20)});
	struct link bad = link_of(&(struct link_config){.delay = MSEC(20),
							.jitter = MSEC(5),
							.loss = LINK_PERCENT(2),
							.duplicate = LINK_PERCENT(1),
							.reorder = LINK_PERCENT(1),
							.reorder_by = MSEC(5),
							.corrupt = LINK_PERCENT(1),
							.rate = UINT64_C(1000000000),
							.queue = MSEC(50)});

	printf("Per packet, one thread, %d flows\n\n| what | ns |\n|---|---|\n", FLOWS);
	measure("as Linux", &masquerade);
	measure("a permit for each flow", &cone);
	printf("| link, delay alone | %.0f |\n", bench_least_ns(cross, &good, PACKETS));
	printf("| link, all faults | %.0f |\n\n", bench_least_ns(cross, &bad, PACKETS));
	return 0;
}
