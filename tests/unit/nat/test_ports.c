/* Which rule gives these ports. */
#include "nat/ports.h"

#include "base/rand.h"
#include "support/test.h"

#define LOCAL 51820

/* Sockets in turn, each seen from one place, with these ports. */
static struct evidence seen(const uint16_t *ports, unsigned count)
{
	struct evidence e = {0};

	for (unsigned i = 0; i < count; i++)
		evidence_add(&e, &(struct sighting){.socket = (uint8_t)i,
						    .place = {.family = ADDR_V4,
							      .port = 3478,
							      .ip = {192, 0, 2, 1}},
						    .seen = {.family = ADDR_V4,
							     .port = ports[i],
							     .ip = {203, 0, 113, 7}},
						    .turn = i});
	return e;
}

static struct ports judge(const uint16_t *ports, unsigned count)
{
	struct evidence e = seen(ports, count);

	return ports_judge(&e, NAT_MAPPING_ENDPOINT_INDEPENDENT, LOCAL);
}

#define JUDGE(...)                                                                                 \
	judge((const uint16_t[]){__VA_ARGS__},                                                     \
	      sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

TEST(one_mapping_with_our_own_port_is_preserved)
{
	assert_int_equal(JUDGE(LOCAL).rule, NAT_PORTS_PRESERVE);
	assert_int_equal(JUDGE(LOCAL, 40000, 1200, 33000, 60000).rule, NAT_PORTS_PRESERVE);
}

TEST(four_samples_tell_nothing_else)
{
	assert_int_equal(JUDGE(40000, 40001, 40002, 40003).rule, NAT_PORTS_UNKNOWN);
	assert_int_equal(JUDGE(40000, 1200, 33000, 60000).rule, NAT_PORTS_UNKNOWN);
	assert_int_equal(JUDGE(40000, 1200, 33000, 60000).samples, 4);
}

TEST(nothing_is_told_without_the_local_port_or_the_wireguard_door)
{
	struct evidence e = seen((const uint16_t[]){1, 40000, 1200, 33000, 60000, 7000}, 6);

	assert_int_equal(ports_judge(&e, NAT_MAPPING_UNKNOWN, 0).rule, NAT_PORTS_UNKNOWN);
	assert_int_equal(ports_judge(&e, NAT_MAPPING_UNKNOWN, LOCAL).rule, NAT_PORTS_RANDOM);
	e.items[0].socket = 9;
	assert_int_equal(ports_judge(&e, NAT_MAPPING_UNKNOWN, LOCAL).rule, NAT_PORTS_UNKNOWN);
}

TEST(a_series_has_its_step_and_direction)
{
	for (int step = -PORTS_STEP_MAX; step <= PORTS_STEP_MAX; step++) {
		uint16_t ports[5];
		if (step == 0)
			continue;
		for (int i = 0; i < 5; i++)
			ports[i] = (uint16_t)(40000 + i * step);
		struct ports p = judge(ports, 5);
		assert_int_equal(p.rule, NAT_PORTS_SEQUENTIAL);
		assert_int_equal(p.step, step);
	}
}

TEST(a_wider_step_is_not_taken_for_a_series)
{
	assert_int_equal(JUDGE(40000, 40065, 40130, 40195, 40260).rule, NAT_PORTS_BLOCK);
}

TEST(a_series_has_gaps_where_others_took_ports)
{
	struct ports p = JUDGE(40000, 40002, 40006, 40008, 40016);

	assert_int_equal(p.rule, NAT_PORTS_SEQUENTIAL);
	assert_int_equal(p.step, 2);
}

TEST(a_series_runs_over_the_end_of_the_range)
{
	struct ports p = JUDGE(65533, 65534, 65535, 1024, 1025);

	assert_int_equal(p.rule, NAT_PORTS_SEQUENTIAL);
	assert_int_equal(p.step, 1);
	p = JUDGE(1026, 1025, 1024, 65535, 65534);
	assert_int_equal(p.rule, NAT_PORTS_SEQUENTIAL);
	assert_int_equal(p.step, -1);
}

TEST(a_lost_question_out_of_twelve_does_not_break_a_series)
{
	/* the third was lost, and asked again after the others */
	assert_int_equal(JUDGE(40000, 40001, 40011, 40002, 40003, 40004, 40005, 40006, 40007, 40008,
			       40009, 40010)
				 .rule,
			 NAT_PORTS_SEQUENTIAL);
}

TEST(ports_side_by_side_without_order_are_unknown)
{
	assert_int_equal(JUDGE(40002, 40000, 40003, 40001, 40004).rule, NAT_PORTS_UNKNOWN);
}

TEST(a_block_has_its_lowest_port_and_width)
{
	struct ports p = JUDGE(40100, 40003, 40890, 40511, 40302);

	assert_int_equal(p.rule, NAT_PORTS_BLOCK);
	assert_int_equal(p.base, 40003);
	assert_int_equal(p.span, 888);
	assert_int_equal(p.samples, 5);
}

TEST(a_block_is_no_wider_than_4096)
{
	assert_int_equal(JUDGE(40000, 44095, 41000, 42001, 43003).rule, NAT_PORTS_BLOCK);
	assert_int_equal(JUDGE(40000, 44096, 41000, 42001, 43003).rule, NAT_PORTS_RANDOM);
}

TEST(one_mapping_seen_twice_is_one_sample)
{
	assert_int_equal(JUDGE(40000, 40000, 40000, 40000, 40000).samples, 1);
	assert_int_equal(JUDGE(40000, 40000, 40000, 40000, 40000).rule, NAT_PORTS_UNKNOWN);
}

/* Dependent mapping: places of the WireGuard door. */
static void place(struct evidence *e, uint8_t ip, uint16_t port)
{
	evidence_add(e, &(struct sighting){
				.place = {.family = ADDR_V4, .port = 3478, .ip = {192, 0, 2, ip}},
				.seen = {.family = ADDR_V4, .port = port, .ip = {203, 0, 113, 7}},
				.turn = e->count});
}

TEST(kept_for_the_first_destination_only_is_not_preserved)
{
	struct evidence e = {0};

	place(&e, 1, LOCAL);
	place(&e, 2, 1200);
	place(&e, 3, 33000);
	place(&e, 4, 60000);
	place(&e, 5, 20000);
	assert_int_equal(ports_judge(&e, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, LOCAL).rule,
			 NAT_PORTS_UNKNOWN);
	place(&e, 6, 7000);
	struct ports p = ports_judge(&e, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, LOCAL);
	assert_int_equal(p.rule, NAT_PORTS_RANDOM);
	assert_int_equal(p.samples, 5); /* the first one is no sample */
}

TEST(kept_for_two_destinations_is)
{
	struct evidence e = {0};

	place(&e, 1, LOCAL);
	place(&e, 2, LOCAL);
	place(&e, 3, 33000); /* another inside host had that */
	assert_int_equal(ports_judge(&e, NAT_MAPPING_ADDRESS_DEPENDENT, LOCAL).rule,
			 NAT_PORTS_PRESERVE);
}

TEST(of_pooled_addresses_the_one_with_most_samples_counts)
{
	struct evidence e =
		seen((const uint16_t[]){40000, 1200, 40001, 60000, 40002, 40003, 40004}, 7);

	e.items[1].seen.ip[3] = e.items[3].seen.ip[3] = 8;
	struct ports p = ports_judge(&e, NAT_MAPPING_UNKNOWN, LOCAL);
	assert_int_equal(p.rule, NAT_PORTS_SEQUENTIAL);
	assert_int_equal(p.samples, 5);
}

/* How often random ports of 1024 to 65535, or of a block, are taken for something else. */
static unsigned mistakes(unsigned samples, uint16_t low, uint32_t width, enum nat_ports truth,
			 unsigned rounds)
{
	struct rand r = rand_seeded(width + samples);
	unsigned wrong = 0;

	for (unsigned i = 0; i < rounds; i++) {
		uint16_t ports[PORTS_SAMPLES_HARD];
		for (unsigned k = 0; k < samples; k++)
			ports[k] = (uint16_t)(low + rand_below(&r, width));
		struct ports p = judge(ports, samples);
		wrong += p.rule != truth && p.rule != NAT_PORTS_UNKNOWN;
	}
	return wrong;
}

TEST(chance_is_taken_for_a_rule_hardly_ever)
{
	/* 8e-5 of five, 2e-9 of nine: why a block of five is asked again. */
	assert_in_range(mistakes(5, 1024, 64512, NAT_PORTS_RANDOM, 20000), 0, 8);
	assert_int_equal(mistakes(9, 1024, 64512, NAT_PORTS_RANDOM, 20000), 0);
	assert_int_equal(mistakes(12, 1024, 64512, NAT_PORTS_RANDOM, 20000), 0);
	assert_in_range(mistakes(5, 40000, 512, NAT_PORTS_BLOCK, 20000), 0, 8);
	assert_int_equal(mistakes(9, 40000, 512, NAT_PORTS_BLOCK, 20000), 0);
	assert_int_equal(mistakes(12, 40000, 4096, NAT_PORTS_BLOCK, 20000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(one_mapping_with_our_own_port_is_preserved),
		RUN(four_samples_tell_nothing_else),
		RUN(nothing_is_told_without_the_local_port_or_the_wireguard_door),
		RUN(a_series_has_its_step_and_direction),
		RUN(a_wider_step_is_not_taken_for_a_series),
		RUN(a_series_has_gaps_where_others_took_ports),
		RUN(a_series_runs_over_the_end_of_the_range),
		RUN(a_lost_question_out_of_twelve_does_not_break_a_series),
		RUN(ports_side_by_side_without_order_are_unknown),
		RUN(a_block_has_its_lowest_port_and_width),
		RUN(a_block_is_no_wider_than_4096),
		RUN(one_mapping_seen_twice_is_one_sample),
		RUN(kept_for_the_first_destination_only_is_not_preserved),
		RUN(kept_for_two_destinations_is),
		RUN(of_pooled_addresses_the_one_with_most_samples_counts),
		RUN(chance_is_taken_for_a_rule_hardly_ever),
	};
	return RUN_TESTS(tests);
}
