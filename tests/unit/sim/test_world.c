/* Nodes in a world: what may happen to them, and that it happens again with the same seed. */
#include "sim/world.h"

#include "crypto/crypto.h"
#include "sim/flow.h"
#include "sim/node.h"
#include "support/test.h"

static struct world *w;
static struct node *a, *b;
static struct flow *there, *back;

static void begin(uint64_t seed)
{
	struct site *home;

	w = world_new(seed, false);
	home = network_site(w, "home", &w->net.internet,
			    &(struct natbox_config){.filtering = NATBOX_APDF});
	a = node_add(w, "a", &w->net.internet);
	b = node_add(w, "b", home);
	node_introduce_as(a, b, &(struct acquaintance){.keepalive = 25});
	there = flow_start(a, b, MSEC(100), 100);
	back = flow_start(b, a, MSEC(100), 100);
	world_run(w, SEC(5));
}

static int start(void **state)
{
	(void)state;
	begin(1);
	assert_true(oracle_agree(a, b));
	flow_mark(there);
	flow_mark(back);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	assert_string_equal(w->failure, "");
	world_free(w);
	return 0;
}

static uint64_t hash_of(uint64_t seed)
{
	uint64_t hash;

	begin(seed);
	world_disturb(w);
	node_crash(b, false);
	world_run(w, SEC(1));
	world_heal(w);
	world_run(w, SEC(60));
	hash = w->trace.hash;
	assert_string_equal(w->failure, "");
	world_free(w);
	return hash;
}

TEST(a_seed_repeats_and_another_does_not)
{
	uint64_t hash = hash_of(7);

	assert_int_equal(hash_of(7), hash);
	assert_true(hash_of(8) != hash);
}

TEST(nothing_is_lost_while_nothing_is_broken)
{
	world_run(w, SEC(300));
	flow_stop(there);
	flow_stop(back);
	world_run(w, SEC(1));
	assert_true(there->marked_sent >= 2999 && there->marked_sent <= 3001);
	assert_int_equal(flow_lost(there), 0);
	assert_int_equal(flow_lost(back), 0);
	assert_int_equal(there->slowest, MSEC(20));
	assert_true(there->gap <= MSEC(100));
}

TEST(f01_a_node_that_is_killed_is_back_within_a_second_for_it_has_a_state_file)
{
	node_crash(a, false);
	world_run(w, SEC(3));
	assert_true(flow_gap(there) > SEC(2));
	node_boot(a);
	flow_mark(there);
	flow_mark(back);
	world_run(w, SEC(1));
	assert_true(there->resumed_at != USEC_NEVER);
	assert_true(back->resumed_at != USEC_NEVER);
}

TEST(f01_within_16_s_without_one)
{
	node_crash(a, true);
	world_run(w, SEC(3));
	node_boot(a);
	flow_mark(there);
	flow_mark(back);
	world_run(w, SEC(1));
	assert_true(there->resumed_at == USEC_NEVER); /* it does not know where the other is */
	world_run(w, SEC(15));
	assert_true(there->resumed_at != USEC_NEVER);
	assert_true(back->resumed_at != USEC_NEVER);
}

TEST(datagrams_wait_for_a_process_that_is_stopped)
{
	node_stop_for(b, SEC(1));
	world_run(w, SEC(1) - 1);
	assert_int_equal(there->marked_delivered, 0);
	world_run(w, SEC(1));
	assert_true(flow_lost(there) <= 1); /* under way */
	assert_true(there->slowest > MSEC(900));
}

TEST(datagrams_are_lost_for_a_host_that_sleeps)
{
	node_sleep_for(b, SEC(1));
	world_run(w, SEC(2));
	assert_in_range(flow_lost(there), 9, 11);
	assert_in_range(back->marked_sent, 9, 11);
}

TEST(an_endpoint_is_a_name_that_is_asked_for)
{
	struct node *c = node_add(w, "c", &w->net.internet);

	node_introduce_as(c, a, &(struct acquaintance){.by_name = true});
	flow_start(c, a, MSEC(100), 100);
	world_run(w, SEC(1));
	assert_true(flow_between(c, a)->resumed_at != USEC_NEVER);
}

TEST(f30_a_node_that_moves_is_heard_from_there_within_a_second)
{
	struct site *cafe = network_site(w, "cafe", &w->net.internet,
					 &(struct natbox_config){.filtering = NATBOX_APDF});

	node_move(b, cafe);
	flow_stop(back); /* F31: only the other side sends */
	flow_mark(there);
	world_run(w, SEC(1));
	assert_true(there->resumed_at != USEC_NEVER);
	assert_int_equal(node_switches(a, b), 1);
}

TEST(f33_a_node_with_two_uplinks_goes_on_by_the_other)
{
	struct site *mobile = network_site(w, "mobile", &w->net.internet,
					   &(struct natbox_config){.filtering = NATBOX_APDF});

	node_join(b, mobile);
	world_run(w, SEC(1));
	assert_int_equal(node_switches(a, b), 0);
	for (unsigned i = 1; i <= 4; i++) {
		if (i % 2 == 1)
			node_unplug(b);
		else
			node_plug(b);
		flow_mark(there);
		world_run(w, SEC(1));
		assert_true(there->resumed_at != USEC_NEVER);
		assert_int_equal(node_switches(a, b), i);
	}
}

TEST(all_that_is_broken_is_mended)
{
	struct link_config dead = {.blocked = true};

	world_disturb(w);
	cable_break(&a->machine.interfaces[0].cable, &dead);
	network_block(&a->machine, &b->machine, true);
	node_crash(a, false);
	node_halt_clock(b);
	world_run(w, SEC(5));
	assert_int_equal(flow_between(b, a)->marked_delivered, 0);
	world_heal(w);
	world_run(w, SEC(16));
	assert_true(oracle_agree(a, b));
}

TEST(the_first_failure_ends_the_run)
{
	world_fail(w, "number %d", 1);
	world_fail(w, "number %d", 2);
	assert_string_equal(w->failure, "number 1");
	usec now = w->now;
	world_run(w, SEC(5));
	assert_int_equal(w->now, now);
	w->failure[0] = '\0';
}

TEST(a_clock_that_runs_wrong_is_a_nodes_own)
{
	usec before = node_now(b), now = w->now;

	node_set_rate(b, 500);
	world_run(w, SEC(100));
	assert_int_equal(w->now - now, SEC(100));
	assert_int_equal(node_now(b) - before, SEC(100) + MSEC(50));
	node_halt_clock(b);
	before = node_now(b);
	world_run(w, SEC(1));
	assert_int_equal(node_now(b), before);
	node_resume_clock(b);
	node_jump_clock(b, SEC(1000));
	assert_int_equal(node_now(b), before + SEC(1000));
}

#define RUN_THERE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_seed_repeats_and_another_does_not),
		RUN_THERE(nothing_is_lost_while_nothing_is_broken),
		RUN_THERE(
			f01_a_node_that_is_killed_is_back_within_a_second_for_it_has_a_state_file),
		RUN_THERE(f01_within_16_s_without_one),
		RUN_THERE(datagrams_wait_for_a_process_that_is_stopped),
		RUN_THERE(datagrams_are_lost_for_a_host_that_sleeps),
		RUN_THERE(an_endpoint_is_a_name_that_is_asked_for),
		RUN_THERE(f30_a_node_that_moves_is_heard_from_there_within_a_second),
		RUN_THERE(f33_a_node_with_two_uplinks_goes_on_by_the_other),
		RUN_THERE(all_that_is_broken_is_mended),
		RUN_THERE(the_first_failure_ends_the_run),
		RUN_THERE(a_clock_that_runs_wrong_is_a_nodes_own),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
