/* Not of a file: every kind of NAT, found out by natcheck through a model of it that is not natcheck's own (sim/natbox), from a STUN
 * server that is not either (sim/stun_server). WARREN_NAT_SEEDS says how many seeds of each kind; `make full` has 1,000. */
#include "nat_world.h"
#include "sim/truth.h"
#include "support/test.h"

#define SEEDS 12

static struct nat_world w;

/* What is asked of each of `kinds`: how many verdicts were right, wrong, or unknown. */
struct tally {
	unsigned right, wrong, unknown;
	usec mapping_took, took;
	unsigned sends;
};

static unsigned seeds(void)
{
	const char *text = getenv("WARREN_NAT_SEEDS");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : SEEDS;
}

/* The kind of this number and seed: its numbers vary, too. */
static struct natbox_config kind(unsigned mapping, unsigned filtering, unsigned ports,
				 unsigned seed)
{
	static const int steps[] = {1, 2, -1, 16, -3, 64, 5};
	struct natbox_config c = {
		.mapping = (enum natbox_mapping)mapping,
		.filtering = (enum natbox_filtering)filtering,
		.ports = (enum natbox_port_rule)ports,
		.hairpin = (enum natbox_hairpin)(seed % 3),
	};

	if (c.ports == NATBOX_SEQUENTIAL)
		c.step = steps[seed % (sizeof steps / sizeof steps[0])];
	if (c.ports == NATBOX_BLOCK)
		c.block_len = (uint16_t)(512 << seed % 4);
	return c;
}

static void count(struct tally *t, const struct natbox_config *c, const struct nat_view *v)
{
	bool unknown = v->mapping == NAT_MAPPING_UNKNOWN || v->filtering == NAT_FILTERING_UNKNOWN ||
		       v->ports == NAT_PORTS_UNKNOWN;
	bool wrong = (v->mapping != NAT_MAPPING_UNKNOWN && v->mapping != truth_mapping(c)) ||
		     (v->filtering != NAT_FILTERING_UNKNOWN &&
		      v->filtering != truth_filtering(c->filtering)) ||
		     (v->ports != NAT_PORTS_UNKNOWN && v->ports != truth_ports(c)) ||
		     (v->hairpin == NAT_YES && c->hairpin == NATBOX_HAIRPIN_NONE) ||
		     (v->ports == NAT_PORTS_SEQUENTIAL && v->ports_step != c->step) ||
		     (v->ports == NAT_PORTS_BLOCK && v->ports_span > c->block_len);

	t->wrong += wrong;
	t->unknown += !wrong && unknown;
	t->right += !wrong && !unknown;
	t->mapping_took = usec_max(t->mapping_took, v->mapping_took);
	t->took = usec_max(t->took, v->took);
	t->sends = w.sends > t->sends ? w.sends : t->sends;
}

static struct tally all_kinds(const struct link_config *cable, bool cable_inside)
{
	struct tally t = {0};

	for (unsigned kinds = 0; kinds < 36; kinds++) {
		for (unsigned seed = 1; seed <= seeds(); seed++) {
			struct natbox_config c = kind(kinds / 12, kinds / 4 % 3, kinds % 4, seed);
			nat_world_reset(&w,
					&(struct nat_world_config){.nat = c,
								   .cable = *cable,
								   .cable_inside = cable_inside},
					seed * 36 + kinds);
			unsigned wrong = t.wrong;
			count(&t, &c, &nat_world_check(&w)->v4);
			if (t.wrong > wrong)
				print_message("# wrong: %s %s %s seed %u\n",
					      natbox_mapping_name(c.mapping),
					      natbox_filtering_name(c.filtering),
					      natbox_ports_name(c.ports), seed);
		}
	}
	print_message(
		"# %u right, %u unknown, %u wrong; mapping %lld ms, whole %lld ms, %u sends\n",
		t.right, t.unknown, t.wrong, (long long)t.mapping_took / 1000,
		(long long)t.took / 1000, t.sends);
	return t;
}

static void two_addresses_and_one(void)
{
	w.server_count = w.asked_count = 0;
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
}

static void assert_all_right(struct tally t)
{
	assert_int_equal(t.wrong, 0);
	assert_int_equal(t.unknown, 0);
	assert_true(t.mapping_took <= MSEC(600));
	assert_true(t.took <= MSEC(1500));
}

TEST(all_kinds_without_loss_in_time)
{
	two_addresses_and_one();
	assert_all_right(all_kinds(&(struct link_config){.delay = MSEC(20)}, false));
	assert_all_right(all_kinds(&(struct link_config){.delay = MSEC(50)}, false));
}

TEST(all_kinds_by_one_server_with_two_addresses)
{
	w.server_count = w.asked_count = 0;
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	assert_all_right(all_kinds(&(struct link_config){.delay = MSEC(20)}, false));
}

TEST(all_kinds_with_a_dead_server_beside)
{
	two_addresses_and_one();
	nat_world_add(&w, "192.0.2.99", NULL)->faults = STUN_SERVER_SILENT;
	assert_all_right(all_kinds(&(struct link_config){.delay = MSEC(20)}, false));
}

/* 19 of 20 right, and of the others nine of ten unknown. */
static void assert_honest(struct tally t)
{
	unsigned all = t.right + t.wrong + t.unknown;

	assert_true(t.right * 100 >= all * 95);
	assert_true(t.wrong * 9 <= t.unknown);
}

TEST(f41_all_kinds_with_loss_and_jitter_between_nat_and_servers)
{
	two_addresses_and_one();
	assert_honest(all_kinds(&(struct link_config){.delay = MSEC(20),
						      .jitter = MSEC(20),
						      .loss = LINK_PERCENT(2)},
				false));
}

TEST(f41_all_kinds_with_loss_and_jitter_between_host_and_nat)
{
	two_addresses_and_one();
	assert_honest(all_kinds(&(struct link_config){.delay = MSEC(20),
						      .jitter = MSEC(20),
						      .loss = LINK_PERCENT(2)},
				true));
}

TEST(f42_f43_disorder_duplicates_and_wrong_bits_mislead_nobody)
{
	two_addresses_and_one();
	assert_honest(all_kinds(&(struct link_config){.delay = MSEC(20),
						      .reorder = LINK_PERCENT(10),
						      .reorder_by = MSEC(30),
						      .duplicate = LINK_PERCENT(50),
						      .corrupt = LINK_PERCENT(1),
						      .corrupt_bits = 4},
				false));
}

TEST(one_address_servers_tell_mapping_and_no_filtering)
{
	struct tally t;

	w.server_count = w.asked_count = 0;
	nat_world_add(&w, "198.51.100.1", NULL);
	nat_world_add(&w, "192.0.2.1", NULL);
	w.servers[0].faults = STUN_SERVER_CLAIMS_OTHER; /* a second port, at the same IP */
	for (unsigned mapping = 0; mapping < 3; mapping++) {
		struct natbox_config c = kind(mapping, NATBOX_APDF, NATBOX_RANDOM, mapping);
		nat_world_reset(&w,
				&(struct nat_world_config){.nat = c, .cable = {.delay = MSEC(20)}},
				mapping);
		const struct nat_view *v = &nat_world_check(&w)->v4;
		t = (struct tally){0};
		count(&t, &c, v);
		assert_int_equal(t.wrong, 0);
		assert_int_equal(v->mapping, truth_mapping(&c));
		assert_int_equal(v->filtering, NAT_FILTERING_UNKNOWN);
		assert_int_equal(v->ports, NAT_PORTS_RANDOM);
	}
}

TEST(firewalls_without_nat_in_both_families)
{
	w.server_count = w.asked_count = 0;
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "2001:db8:1::1", "2001:db8:1::2");
	for (unsigned filtering = 0; filtering <= NATBOX_OPEN; filtering++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct natbox_config c = {
				.mapping = NATBOX_NO_NAT,
				.filtering = (enum natbox_filtering)filtering,
				.filtering6 = (enum natbox_filtering)filtering,
			};
			nat_world_reset(&w,
					&(struct nat_world_config){
						.nat = c, .cable = {.delay = MSEC(20)}, .v6 = v6},
					filtering);
			const struct nat_report *r = nat_world_check(&w);
			const struct nat_view *v = v6 ? &r->v6 : &r->v4;
			assert_int_equal(v->mapping, NAT_MAPPING_NONE);
			assert_int_equal(v->filtering,
					 truth_filtering((enum natbox_filtering)filtering));
			assert_int_equal(v->ports, NAT_PORTS_PRESERVE);
			assert_int_equal(v->double_nat, NAT_NO);
			assert_false((v6 ? &r->v4 : &r->v6)->tested);
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	nat_world_init(&w);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nat_world_free(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(all_kinds_without_loss_in_time),
		RUN(all_kinds_by_one_server_with_two_addresses),
		RUN(all_kinds_with_a_dead_server_beside),
		RUN(f41_all_kinds_with_loss_and_jitter_between_nat_and_servers),
		RUN(f41_all_kinds_with_loss_and_jitter_between_host_and_nat),
		RUN(f42_f43_disorder_duplicates_and_wrong_bits_mislead_nobody),
		RUN(one_address_servers_tell_mapping_and_no_filtering),
		RUN(firewalls_without_nat_in_both_families),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
