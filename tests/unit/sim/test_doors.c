/* Sockets by number. */
#include "sim/doors.h"

#include "crypto/crypto.h"
#include "sim/world.h"
#include "support/test.h"

#define PORT 51820

static struct world *w;
static struct machine here, there;
static struct doors doors;
static uint16_t seen[8]; /* ports that `there` was sent to from */
static unsigned seen_count;

static void note(struct machine *m, struct parcel *p)
{
	(void)m;
	seen[seen_count++] = p->src.port;
	network_free_parcel(p);
}

static int start(void **state)
{
	(void)state;
	w = world_new(1, false);
	here = (struct machine){.receive = note};
	there = (struct machine){.receive = note};
	network_add(w, &here, "here");
	network_add(w, &there, "there");
	network_plug(&here, &w->net.internet);
	network_plug(&there, &w->net.internet);
	doors_open(&doors, &here, PORT);
	seen_count = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	network_remove(&here);
	network_remove(&there);
	world_free(w);
	return 0;
}

static void act(enum action_kind kind, uint64_t door)
{
	assert_true(outbox_act(&w->out, &(struct action){kind, door}));
}

static void send_by(uint16_t door)
{
	struct via via = {
		.kind = VIA_DIRECT, .door = door, .remote = there.interfaces[0].ip[door & 1]};

	via.remote.port = PORT;
	outbox_datagram(&w->out, &via, 4);
}

static void flush(void)
{
	doors_flush(&doors, &w->out);
	outbox_clear(&w->out);
	world_run(w, SEC(1));
}

TEST(the_first_two_are_of_the_wireguard_port)
{
	send_by(0);
	send_by(1);
	flush();
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0], PORT);
	assert_int_equal(seen[1], PORT);
}

TEST(a_fresh_one_is_open_for_what_its_outbox_sends_and_closes_after_it)
{
	send_by(2);
	act(ACTION_OPEN_DOOR, 2);
	act(ACTION_CLOSE_DOOR, 2);
	flush();
	assert_int_equal(seen_count, 1);
	assert_int_not_equal(seen[0], PORT);
	send_by(2);
	flush();
	assert_int_equal(seen_count, 1);
	assert_int_equal(doors.failed, 1);
}

TEST(one_that_is_opened_again_has_another_port)
{
	act(ACTION_OPEN_DOOR, 3);
	flush();
	uint16_t port = doors.ports[3];
	act(ACTION_CLOSE_DOOR, 3);
	act(ACTION_OPEN_DOOR, 3);
	flush();
	assert_int_not_equal(doors.ports[3], 0);
	assert_int_not_equal(doors.ports[3], port);
}

TEST(what_is_sent_by_one_that_could_not_be_opened_is_lost)
{
	doors.refuse = 1;
	act(ACTION_OPEN_DOOR, 2);
	send_by(2);
	flush();
	assert_int_equal(seen_count, 0);
	act(ACTION_OPEN_DOOR, 2);
	send_by(2);
	flush();
	assert_int_equal(seen_count, 1);
}

TEST(a_datagram_is_of_the_door_with_its_port_and_family)
{
	struct parcel p = {.src = there.interfaces[0].ip[1], .dst = here.interfaces[0].ip[1]};
	struct packet packet;

	act(ACTION_OPEN_DOOR, 5);
	flush();
	p.dst.port = doors.ports[5];
	assert_true(doors_packet(&doors, &p, &packet));
	assert_int_equal(packet.via.door, 5);
	assert_int_equal(packet.via.local.port, 0);
	p.dst = here.interfaces[0].ip[0];
	p.dst.port = doors.ports[5];
	assert_false(doors_packet(&doors, &p, &packet)); /* IPv4 */
	p.dst.port = PORT;
	assert_true(doors_packet(&doors, &p, &packet));
	assert_int_equal(packet.via.door, 0);
}

#define RUN_THERE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_THERE(the_first_two_are_of_the_wireguard_port),
		RUN_THERE(a_fresh_one_is_open_for_what_its_outbox_sends_and_closes_after_it),
		RUN_THERE(one_that_is_opened_again_has_another_port),
		RUN_THERE(what_is_sent_by_one_that_could_not_be_opened_is_lost),
		RUN_THERE(a_datagram_is_of_the_door_with_its_port_and_family),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
