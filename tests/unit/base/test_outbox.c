/* The outbox: its own datagrams, packets of the edges, and what happens when it is full. */
#include "base/outbox.h"
#include "support/test.h"

static const struct via somewhere = {
	.kind = VIA_DIRECT,
	.door = 1,
	.remote = {.family = ADDR_V4, .port = 7, .ip = {192, 0, 2, 1}}};

static struct outbox *out;

static int start(void **state)
{
	(void)state;
	out = malloc(sizeof *out);
	return out == NULL ? -1 : outbox_init(out);
}

static int stop(void **state)
{
	(void)state;
	outbox_free(out);
	free(out);
	return 0;
}

TEST(gives_each_datagram_memory_of_its_own_with_head_and_tail)
{
	struct packet *a = outbox_datagram(out, &somewhere, 148);
	struct packet *b = outbox_datagram(out, &somewhere, PACKET_DATA);

	assert_int_equal(a->len, 148);
	assert_memory_equal(&a->via, &somewhere, sizeof somewhere);
	assert_int_equal(a->ttl, 0);
	memset(a->data - PACKET_HEAD, 1, PACKET_HEAD + PACKET_DATA + PACKET_TAIL);
	memset(b->data - PACKET_HEAD, 2, PACKET_HEAD + PACKET_DATA + PACKET_TAIL);
	for (size_t i = 0; i < PACKET_HEAD + PACKET_DATA + PACKET_TAIL; i++)
		assert_int_equal((a->data - PACKET_HEAD)[i], 1);
	assert_int_equal(out->net.count, 2);
}

TEST(says_how_many_datagrams_still_fit)
{
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS);
	outbox_datagram(out, &somewhere, 1);
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS - 1);
	while (out->net.count < BATCH_MAX - 3)
		outbox_net(out, &(struct packet){.len = 1});
	assert_int_equal(outbox_room(out), 3);
	outbox_clear(out);
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS);
}

TEST(counts_and_loses_datagrams_beyond_its_slots)
{
	for (size_t i = 0; i < OUTBOX_SLOTS; i++)
		assert_non_null(outbox_datagram(out, &somewhere, 1));
	assert_null(outbox_datagram(out, &somewhere, 1));
	assert_null(outbox_datagram(out, &somewhere, 1));
	assert_int_equal(out->overflows, 2);
	assert_int_equal(out->net.count, OUTBOX_SLOTS);
	assert_true(outbox_net(out, &(struct packet){.len = 1}));
}

TEST(says_how_many_datagrams_it_has_room_for)
{
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS);
	outbox_datagram(out, &somewhere, 1);
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS - 1);
	while (outbox_net(out, &(struct packet){.len = 1}))
		assert_in_range(outbox_room(out), 0, OUTBOX_SLOTS - 1);
	assert_int_equal(outbox_room(out), 0);
	outbox_clear(out);
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS);
}

TEST(what_engines_say_leaves_before_data_that_follows_but_not_instead_of_it)
{
	outbox_keep(out, BATCH_MAX - 2);
	assert_int_equal(outbox_room(out), 2);
	assert_non_null(outbox_datagram(out, &somewhere, 1));
	assert_non_null(outbox_datagram(out, &somewhere, 1));
	assert_null(outbox_datagram(out, &somewhere, 1));
	assert_int_equal(out->overflows, 1);
	for (size_t i = 0; i < BATCH_MAX - 2; i++) {
		assert_int_equal(outbox_room(out), 0);
		assert_true(outbox_net(out, &(struct packet){.len = 1}));
	}
	assert_false(outbox_net(out, &(struct packet){.len = 1}));
}

TEST(keeps_places_for_the_next_packets_only)
{
	outbox_keep(out, BATCH_MAX - 1);
	for (size_t i = 0; i < 10; i++)
		assert_true(outbox_net(out, &(struct packet){.len = 1}));
	assert_int_equal(outbox_room(out), 1);
	outbox_keep(out, 2 * BATCH_MAX); /* more than there are */
	assert_int_equal(outbox_room(out), 0);
	outbox_keep(out, 0);
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS);
	outbox_keep(out, BATCH_MAX);
	outbox_clear(out);
	assert_int_equal(outbox_room(out), OUTBOX_SLOTS);
}

TEST(counts_and_loses_packets_beyond_a_batch)
{
	const struct packet p = {.len = 9, .via = somewhere, .ttl = 3};

	for (size_t i = 0; i < BATCH_MAX; i++) {
		assert_true(outbox_net(out, &p));
		assert_true(outbox_tun(out, &p));
	}
	assert_false(outbox_net(out, &p));
	assert_false(outbox_tun(out, &p));
	assert_null(outbox_datagram(out, &somewhere, 1));
	assert_int_equal(out->overflows, 3);
	assert_int_equal(out->slots_used, 0);
	assert_int_equal(out->net.packets[BATCH_MAX - 1].ttl, 3);
}

TEST(refuses_actions_it_has_no_room_for)
{
	for (uint64_t i = 0; i < OUTBOX_ACTIONS; i++)
		assert_true(outbox_act(out, &(struct action){.kind = ACTION_RESOLVE, .id = i}));
	assert_false(outbox_act(out, &(struct action){.kind = ACTION_RESOLVE, .id = 99}));
	assert_int_equal(out->action_count, OUTBOX_ACTIONS);
	assert_int_equal(out->actions[OUTBOX_ACTIONS - 1].id, OUTBOX_ACTIONS - 1);
}

TEST(is_as_new_after_clearing_but_for_its_count_of_overflows)
{
	while (outbox_datagram(out, &somewhere, 1) != NULL)
		;
	outbox_tun(out, &(struct packet){.len = 1});
	assert_true(outbox_act(out, &(struct action){.kind = ACTION_RESOLVE, .id = 1}));
	outbox_clear(out);
	assert_int_equal(out->net.count + out->tun.count + out->action_count, 0);
	assert_int_equal(out->overflows, 1);
	for (size_t i = 0; i < OUTBOX_SLOTS; i++)
		assert_non_null(outbox_datagram(out, &somewhere, 1));
}

#define RUN_WITH_OUTBOX(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_OUTBOX(gives_each_datagram_memory_of_its_own_with_head_and_tail),
		RUN_WITH_OUTBOX(says_how_many_datagrams_still_fit),
		RUN_WITH_OUTBOX(counts_and_loses_datagrams_beyond_its_slots),
		RUN_WITH_OUTBOX(says_how_many_datagrams_it_has_room_for),
		RUN_WITH_OUTBOX(
			what_engines_say_leaves_before_data_that_follows_but_not_instead_of_it),
		RUN_WITH_OUTBOX(keeps_places_for_the_next_packets_only),
		RUN_WITH_OUTBOX(counts_and_loses_packets_beyond_a_batch),
		RUN_WITH_OUTBOX(refuses_actions_it_has_no_room_for),
		RUN_WITH_OUTBOX(is_as_new_after_clearing_but_for_its_count_of_overflows),
	};
	return RUN_TESTS(tests);
}
