/* The name of an endpoint: when it is asked for, what an answer changes, and in which order addresses are tried. */
#include "mesh/lookup.h"

#include "support/test.h"

#define NOW  SEC(1000)
#define PORT 51820

static struct outbox out;

static struct lookup named(void)
{
	struct lookup l = {.count = 0};

	lookup_set(&l, "vps.example.net", PORT);
	return l;
}

static struct addr at(uint8_t last)
{
	return addr_v4((uint8_t[]){192, 0, 2, last}, 0);
}

static struct addr with_port(uint8_t last)
{
	return addr_v4((uint8_t[]){192, 0, 2, last}, PORT);
}

/* Asked at NOW and answered with this. */
static struct lookup answered(const struct addr *addrs, size_t count)
{
	struct lookup l = named();

	out.action_count = 0;
	lookup_ask(&l, 1, NOW, &out);
	lookup_answered(&l, addrs, count);
	return l;
}

TEST(without_a_name_nothing_is_asked)
{
	struct lookup l = {.count = 0};

	assert_true(lookup_deadline(&l, USEC_NEVER, 0) == USEC_NEVER);
	assert_true(lookup_deadline(&l, NOW, 0) == USEC_NEVER);
	lookup_hurry(&l);
	assert_true(lookup_deadline(&l, NOW, 0) == USEC_NEVER);
}

TEST(F68_a_new_name_is_asked_for_at_once_and_only_once)
{
	struct lookup l = named();

	out.action_count = 0;
	assert_true(lookup_deadline(&l, USEC_NEVER, 0) <= 0);
	assert_true(lookup_deadline(&l, USEC_NEVER, NOW + SEC(180)) <= 0);
	lookup_ask(&l, 77, NOW, &out);
	assert_int_equal(out.action_count, 1);
	assert_int_equal(out.actions[0].kind, ACTION_RESOLVE);
	assert_int_equal(out.actions[0].id, 77);
	assert_true(lookup_deadline(&l, NOW - SEC(99), 0) == USEC_NEVER); /* it is under way */
	lookup_hurry(&l);
	assert_true(lookup_deadline(&l, NOW - SEC(99), 0) == USEC_NEVER);
}

TEST(asks_later_when_there_is_no_room)
{
	struct lookup l = named();

	out.action_count = OUTBOX_ACTIONS;
	lookup_ask(&l, 77, NOW, &out);
	assert_true(lookup_deadline(&l, USEC_NEVER, 0) <= 0);
}

TEST(F68_asks_again_by_what_is_known)
{
	struct lookup fine = answered(NULL, 0), failed = fine;
	struct addr a = at(1);

	lookup_answered(&fine, &a, 1);
	/* No session. */
	assert_int_equal(lookup_deadline(&fine, USEC_NEVER, 0), NOW + SEC(120));
	assert_int_equal(lookup_deadline(&failed, USEC_NEVER, 0), NOW + SEC(5));
	/* One that lasts until then. */
	assert_int_equal(lookup_deadline(&fine, USEC_NEVER, NOW + SEC(150)), NOW + SEC(150));
	assert_int_equal(lookup_deadline(&failed, USEC_NEVER, NOW + SEC(150)), NOW + SEC(150));
	/* One that always comes anew. */
	assert_int_equal(lookup_deadline(&fine, USEC_NEVER, NOW + SEC(3600)), NOW + SEC(1800));
	/* The peer is silent. */
	assert_int_equal(lookup_deadline(&fine, NOW, NOW + SEC(150)), NOW + SEC(15));
	assert_int_equal(lookup_deadline(&failed, NOW - SEC(9), NOW + SEC(150)), NOW + SEC(5));
	assert_int_equal(lookup_deadline(&fine, NOW + SEC(60), NOW + SEC(150)), NOW + SEC(65));
	assert_int_equal(lookup_deadline(&fine, NOW + 1, NOW + SEC(150)), NOW + 1 + SEC(5));
	/* It was given up. */
	lookup_hurry(&fine);
	assert_true(lookup_deadline(&fine, USEC_NEVER, NOW + SEC(150)) <= NOW);
}

TEST(F68_an_answer_gets_the_port_and_changes_nothing_when_it_is_the_same)
{
	struct addr a[] = {at(1), at(2), at(1)}, turned[] = {at(2), at(1)}, other = at(3);
	struct lookup l = answered(a, 3);
	struct addr first = with_port(1), second = with_port(2), third = with_port(3);

	assert_int_equal(l.count, 2);
	assert_true(lookup_has(&l, &first) && lookup_has(&l, &second));
	assert_false(lookup_has(&l, &a[0]));
	assert_false(lookup_answered(&l, turned, 2)); /* as name servers like to turn them */
	assert_true(addr_equal(&l.addrs[0], &first));
	assert_true(lookup_answered(&l, turned, 1));
	assert_false(lookup_has(&l, &first));
	assert_true(lookup_answered(&l, &other, 1));
	assert_true(lookup_has(&l, &third) && l.count == 1);
}

TEST(F68_no_answer_leaves_what_was_known)
{
	struct addr a = at(1);
	struct lookup l = answered(&a, 1);

	assert_false(lookup_answered(&l, NULL, 0));
	assert_true(l.failed);
	assert_int_equal(l.count, 1);
	assert_false(lookup_answered(&l, &a, 1));
	assert_false(l.failed);
}

TEST(takes_no_more_than_it_has_room_for)
{
	struct addr a[LOOKUP_ADDRS];

	for (uint8_t i = 0; i < LOOKUP_ADDRS; i++)
		a[i] = at(i);
	struct lookup l = answered(a, LOOKUP_ADDRS);
	assert_int_equal(l.count, LOOKUP_ADDRS);
}

static void assert_trial(const struct lookup *l, uint8_t last)
{
	struct addr expected = with_port(last);
	struct via via;

	assert_true(lookup_trial(l, &via));
	assert_int_equal(via.kind, VIA_DIRECT);
	assert_true(addr_equal(&via.remote, &expected));
	assert_false(addr_is_set(&via.local));
}

TEST(F68_tries_all_addresses_in_turn_and_the_peers_own_way_first)
{
	struct addr a[] = {at(1), at(2), at(3)}, way = with_port(2), elsewhere = with_port(9);
	struct lookup l = answered(a, 3);
	struct via via;

	for (int round = 0; round < 2; round++) {
		assert_false(lookup_trial(&l, &via));
		lookup_next(&l, &way);
		assert_trial(&l, 1);
		lookup_next(&l, &way);
		assert_trial(&l, 3); /* 2 is the way itself */
		lookup_next(&l, &way);
	}
	lookup_next(&l, &elsewhere);
	lookup_next(&l, &elsewhere);
	assert_trial(&l, 2);
	lookup_heard(&l);
	assert_false(lookup_trial(&l, &via));
}

TEST(tries_nothing_else_without_an_answer)
{
	struct lookup l = named();
	struct addr way = with_port(2);
	struct via via;

	lookup_next(&l, &way);
	assert_false(lookup_trial(&l, &via));
}

TEST(a_trial_ends_when_the_answer_changes)
{
	struct addr a[] = {at(1), at(2)}, b = at(3), way = with_port(9);
	struct lookup l = answered(a, 2);
	struct via via;

	lookup_next(&l, &way);
	lookup_next(&l, &way);
	assert_trial(&l, 2);
	lookup_answered(&l, &b, 1);
	assert_false(lookup_trial(&l, &via));
}

TEST(the_same_name_again_changes_nothing_and_another_forgets_all)
{
	struct addr a = at(1);
	struct lookup l = answered(&a, 1);

	lookup_set(&l, "vps.example.net", PORT);
	assert_int_equal(l.count, 1);
	assert_int_equal(lookup_deadline(&l, USEC_NEVER, 0), NOW + SEC(120));
	lookup_set(&l, "vps.example.net", PORT + 1);
	assert_int_equal(l.count, 0);
	assert_true(lookup_deadline(&l, USEC_NEVER, 0) <= 0);
	lookup_set(&l, NULL, 0);
	assert_true(lookup_deadline(&l, USEC_NEVER, 0) == USEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(without_a_name_nothing_is_asked),
		RUN(F68_a_new_name_is_asked_for_at_once_and_only_once),
		RUN(asks_later_when_there_is_no_room),
		RUN(F68_asks_again_by_what_is_known),
		RUN(F68_an_answer_gets_the_port_and_changes_nothing_when_it_is_the_same),
		RUN(F68_no_answer_leaves_what_was_known),
		RUN(takes_no_more_than_it_has_room_for),
		RUN(F68_tries_all_addresses_in_turn_and_the_peers_own_way_first),
		RUN(tries_nothing_else_without_an_answer),
		RUN(a_trial_ends_when_the_answer_changes),
		RUN(the_same_name_again_changes_nothing_and_another_forgets_all),
	};

	return RUN_TESTS(tests);
}
