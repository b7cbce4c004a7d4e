/* Not of a file: peers that share one node. Who floods, is slow or has no session costs the others nothing, and what keeps sessions
 * alive leaves before data. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW TRIO_NOW
#define LEN 40

static uint8_t memory[BATCH_MAX][PACKET_HEAD + LEN + PACKET_TAIL];
static struct batch in;
static struct letter letters[BATCH_MAX];

/* A packet that enters `from` by its TUN. */
static void add(const struct node *from, uint8_t to, uint8_t fill)
{
	uint8_t *data = memory[in.count] + PACKET_HEAD;

	node_write_ip4(data, from->number, to, LEN, fill);
	in.packets[in.count++] = (struct packet){.data = data, .len = LEN};
}

static void send_batch(struct node *from, usec now)
{
	mesh_outbound(from->m, &in, now, &from->out);
	in.count = 0;
}

static uint32_t type_of(size_t place)
{
	return load_le32(one->out.net.packets[place].data);
}

static int start(void **state)
{
	in.count = 0;
	return trio_start(state);
}

static void connect_both(void)
{
	node_connect(one, two, NOW);
	node_connect(one, three, NOW);
	outbox_clear(&two->out);
	outbox_clear(&three->out);
}

/* --- in --------------------------------------------------------------------------------------------------------- */

/* Batches as long as they may be, of one peer, and ten packets per second of another somewhere in them. What is lost beyond
 * that is lost in the socket's queue, before the mesh. */
TEST(a_peer_that_floods_costs_another_nothing)
{
	size_t heard = 0;

	connect_both();
	for (size_t round = 0; round < 100; round++) {
		usec now = NOW + (usec)round * MSEC(100);

		while (in.count < BATCH_MAX - 1)
			add(two, 1, 2);
		send_batch(two, now);
		assert_int_equal(node_take(two, letters, BATCH_MAX), BATCH_MAX - 1);
		letters[BATCH_MAX - 1] = letters[round * 37 % BATCH_MAX];
		letters[round * 37 % BATCH_MAX] = *node_ping(three, 1, now);

		node_hand(one, letters, BATCH_MAX, now);
		assert_int_equal(one->out.tun.count, BATCH_MAX);
		for (size_t i = 0; i < BATCH_MAX; i++)
			heard += one->out.tun.packets[i].data[15] == 3;
		outbox_clear(&one->out);
	}
	assert_int_equal(heard, 100);
	assert_int_equal(node_all_drops(one), 0);
}

TEST(a_handshake_behind_a_batch_of_data_is_answered_in_that_batch)
{
	node_connect(one, two, NOW);
	outbox_clear(&two->out);
	while (in.count < BATCH_MAX - 1)
		add(two, 1, 2);
	send_batch(two, NOW + 1);
	assert_int_equal(node_take(two, letters, BATCH_MAX), BATCH_MAX - 1);
	letters[BATCH_MAX - 1] = *node_initiation(three, 1, NOW + 1);

	node_hand(one, letters, BATCH_MAX, NOW + 1);
	assert_int_equal(one->out.tun.count, BATCH_MAX - 1);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(type_of(0), MESSAGE_RESPONSE);
}

/* --- out: control first ----------------------------------------------------------------------------------------- */

/* Old sessions with 2 and 3, and a batch of so many packets for them in turn. */
static usec send_on_old_sessions(size_t count)
{
	usec later = NOW + REKEY_AFTER + SEC(2);

	connect_both();
	while (in.count < count)
		add(one, 2 + in.count % 2, (uint8_t)in.count);
	send_batch(one, later);
	return later;
}

static void check_data(size_t place, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct addr to = node_outside((uint8_t)(2 + i % 2));
		const struct packet *p = &one->out.net.packets[place + i];

		assert_int_equal(load_le32(p->data), MESSAGE_DATA);
		assert_int_equal(load_le64(p->data + 8), 1 + i / 2); /* it connected by the first */
		assert_true(addr_equal(&p->via.remote, &to));
	}
	assert_int_equal(one->out.net.count, place + count);
	assert_int_equal(node_all_drops(one), 0);
}

TEST(renewals_leave_before_the_data_of_their_batch)
{
	static const size_t counts[] = {2, 100, BATCH_MAX - 3};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		usec now = send_on_old_sessions(counts[i]);

		assert_int_equal(type_of(0), MESSAGE_INITIATION);
		assert_int_equal(type_of(1), MESSAGE_INITIATION);
		check_data(2, counts[i]);
		assert_true(mesh_deadline(one->m) > now);
		trio_stop(state);
		start(state);
	}
}

TEST(renewals_take_no_room_of_data_and_leave_in_the_next_turn)
{
	usec now = send_on_old_sessions(BATCH_MAX);

	check_data(0, BATCH_MAX);
	assert_true(mesh_deadline(one->m) <= now);
	outbox_clear(&one->out);
	mesh_tick(one->m, now, &one->out);
	assert_int_equal(one->out.net.count, 2);
	assert_int_equal(type_of(0), MESSAGE_INITIATION);
	assert_int_equal(type_of(1), MESSAGE_INITIATION);
	assert_true(mesh_deadline(one->m) > now);
}

TEST(an_initiation_takes_no_room_of_another_peers_data)
{
	node_connect(one, two, NOW);
	while (in.count < BATCH_MAX - 1)
		add(one, 2, 2);
	add(one, 3, 3);
	send_batch(one, NOW + 1);
	assert_int_equal(one->out.net.count, BATCH_MAX - 1);
	assert_int_equal(node_all_drops(one), 0);
	outbox_clear(&one->out);
	mesh_tick(one->m, NOW + 1, &one->out);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(type_of(0), MESSAGE_INITIATION);
}

/* --- out: without a session ------------------------------------------------------------------------------------- */

TEST(what_waits_for_a_session_does_not_delay_what_has_one)
{
	node_connect(one, three, NOW);
	for (uint8_t i = 0; i < 10; i++)
		add(one, 2 + i % 2, i);
	send_batch(one, NOW + 1);
	assert_int_equal(one->out.net.count, 1 + 5);
	assert_int_equal(type_of(0), MESSAGE_INITIATION);
	assert_int_equal(node_take(one, letters, BATCH_MAX), 6);
	outbox_clear(&three->out);
	node_hand(three, letters + 1, 5, NOW + 1);
	assert_int_equal(three->out.tun.count, 5);
}

TEST(what_waits_for_one_peer_leaves_room_for_what_waits_for_another)
{
	size_t sent = 0;

	for (int batch = 0; batch < 4; batch++, sent += BATCH_MAX) {
		while (in.count < BATCH_MAX)
			add(one, 2, 2);
		send_batch(one, NOW);
	}
	outbox_clear(&one->out); /* 2 is not heard any more */
	for (uint8_t i = 0; i < STAGING_PER_PEER; i++)
		add(one, 3, i);
	send_batch(one, NOW);
	assert_int_equal(node_drops(one, DROP_STAGED_FULL), sent - STAGING_PER_PEER);

	node_settle(one, three, NOW + 1);
	assert_int_equal(three->out.tun.count, STAGING_PER_PEER);
	for (uint8_t i = 0; i < STAGING_PER_PEER; i++)
		assert_int_equal(three->out.tun.packets[i].data[LEN - 1], i);
}

#define RUN_WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start, trio_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_NODES(a_peer_that_floods_costs_another_nothing),
		RUN_WITH_NODES(a_handshake_behind_a_batch_of_data_is_answered_in_that_batch),
		RUN_WITH_NODES(renewals_leave_before_the_data_of_their_batch),
		RUN_WITH_NODES(renewals_take_no_room_of_data_and_leave_in_the_next_turn),
		RUN_WITH_NODES(an_initiation_takes_no_room_of_another_peers_data),
		RUN_WITH_NODES(what_waits_for_a_session_does_not_delay_what_has_one),
		RUN_WITH_NODES(what_waits_for_one_peer_leaves_room_for_what_waits_for_another),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
