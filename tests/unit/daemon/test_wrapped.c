/* The whole way between two nodes but for the TUN: mesh, a wrapper that relays and TURN will put before each datagram later, and real
 * sockets on loopback. What the TUN cuts into equal packets leaves as one message, whatever is put before each of them; and
 * packets of every length come whole, or are refused and counted. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "io/udp.h"
#include "mesh/mesh.h"
#include "support/env_fake.h"
#include "support/test.h"

#include <poll.h>

#define NOW SEC(100)
#define MTU 1400

#define DATAGRAM_MAX 65507 /* what UDP over IPv4 carries */
#define OVERHEAD     32    /* of a datagram of data */

struct end {
	struct env_fake env;
	struct key_private secret;
	struct key_public key;
	struct addr outside;
	struct udp *udp;
	struct mesh *mesh;
	struct outbox out;
	struct batch in; /* as the doors gave it */
};

static struct end a, b;
static struct slab slab; /* of the TUN */
static struct batch tun;

static void end_init(struct end *e, uint8_t number)
{
	env_fake_init(&e->env, number);
	key_private_generate(&e->secret, &e->env.env);
	key_public_from(&e->key, &e->secret);
	assert_int_equal(udp_open(&e->udp, 0, 0, &e->env.log), 0);
	e->outside = addr_v4((uint8_t[]){127, 0, 0, 1}, udp_port(e->udp));
	e->mesh = mesh_new(&e->env.env);
	assert_non_null(e->mesh);
	assert_int_equal(outbox_init(&e->out), 0);
	mesh_mtu_changed(e->mesh, MTU);
}

static void end_meets(struct end *e, const struct end *other)
{
	struct prefix all = {.family = ADDR_V4};
	struct delta *d = delta_new();
	struct delta_peer *p = delta_add_peer(d, &other->key);

	d->has_private_key = true;
	d->private_key = e->secret;
	p->has_endpoint = true;
	p->endpoint = other->outside;
	assert_true(delta_add_allowed(p, &all, false));
	assert_int_equal(mesh_apply(e->mesh, d, NOW, &e->out), 0);
	delta_free(d);
}

static void end_free(struct end *e)
{
	mesh_free(e->mesh);
	outbox_free(&e->out);
	udp_close(e->udp);
}

/* --- packets ---------------------------------------------------------------------------------------------------- */

/* An inner packet of `len` bytes, all different from the next one's. */
static void write_inner(uint8_t *at, size_t len, size_t number)
{
	static const uint8_t header[20] = {0x45, [8] = 64, 6, [12] = 10, 66, 0, 1, 10, 66, 0, 2};

	for (size_t i = sizeof header; i < len; i++)
		at[i] = (uint8_t)(i * 31 + number);
	memcpy(at, header, sizeof header);
	store_be16(at + 2, (uint16_t)len);
	store_be16(at + 4, (uint16_t)number);
}

static void add_many(size_t count, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t *data = slab_data(&slab, tun.count);

		write_inner(data, len, tun.count);
		tun.packets[tun.count++] = (struct packet){.data = data, .len = len};
	}
}

static void wrap(struct batch *net, size_t wrapper)
{
	for (size_t i = 0; i < net->count; i++) {
		struct packet *p = &net->packets[i];

		p->data -= wrapper;
		p->len += wrapper;
		memset(p->data, 0xee, wrapper);
	}
}

static void unwrap(struct batch *net, size_t wrapper)
{
	for (size_t i = 0; i < net->count; i++) {
		struct packet *p = &net->packets[i];

		for (size_t k = 0; k < wrapper; k++)
			assert_int_equal(p->data[k], 0xee);
		p->data += wrapper;
		p->len -= wrapper;
	}
}

/* What `from` has to send. Returns how many the host refused. */
static size_t leave(struct end *from, size_t wrapper)
{
	size_t failed;

	wrap(&from->out.net, wrapper);
	failed = udp_send(from->udp, &from->out.net);
	outbox_clear(&from->out);
	return failed;
}

/* One read of what came; what it delivers is in its outbox until the next. */
static void arrive(struct end *to, size_t wrapper)
{
	struct pollfd p = {.fd = udp_fd(to->udp, UDP_DOOR_V4), .events = POLLIN};

	poll(&p, 1, 1000);
	outbox_clear(&to->out);
	assert_true(udp_recv(to->udp, UDP_DOOR_V4, &to->in) > 0);
	unwrap(&to->in, wrapper);
	mesh_inbound(to->mesh, &to->in, NOW, &to->out);
}

/* What is in `tun` leaves a. Returns how many the host refused, and in *messages of how many messages. */
static size_t send_tun(size_t wrapper, uint64_t *messages)
{
	uint64_t before = udp_stats(a.udp)->tx_messages;
	size_t failed;

	mesh_outbound(a.mesh, &tun, NOW, &a.out);
	assert_int_equal(a.out.net.count, tun.count);
	failed = leave(&a, wrapper);
	*messages = udp_stats(a.udp)->tx_messages - before;
	return failed;
}

static void check_all_came(size_t wrapper)
{
	static uint8_t expected[PACKET_DATA];
	size_t seen = 0;

	while (seen < tun.count) {
		arrive(&b, wrapper);
		for (size_t i = 0; i < b.out.tun.count; i++, seen++) {
			const struct packet *p = &b.out.tun.packets[i];
			size_t len = load_be16(p->data + 2);

			assert_int_equal(p->len, len);
			write_inner(expected, len, seen);
			assert_memory_equal(p->data, expected, len);
		}
	}
	assert_int_equal(seen, tun.count);
	tun.count = 0;
}

static int start(void **state)
{
	uint64_t messages;

	(void)state;
	end_init(&a, 1);
	end_init(&b, 2);
	end_meets(&a, &b);
	end_meets(&b, &a);
	assert_int_equal(slab_init(&slab, BATCH_MAX), 0);

	tun.count = 0;
	add_many(1, 100);
	mesh_outbound(a.mesh, &tun, NOW, &a.out);
	leave(&a, 0);
	arrive(&b, 0);
	leave(&b, 0);
	arrive(&a, 0);
	leave(&a, 0);
	check_all_came(0);
	add_many(1, 100);
	assert_int_equal(send_tun(0, &messages), 0);
	check_all_came(0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	end_free(&a);
	end_free(&b);
	slab_free(&slab);
	return 0;
}

/* --- runs ------------------------------------------------------------------------------------------------------- */

static size_t datagram_len(size_t len)
{
	size_t padded = (len + 15) / 16 * 16;

	return OVERHEAD + (padded > MTU ? MTU : padded);
}

/* Padded to 16, but not beyond the MTU, by sizes around each of these edges. */
TEST(equal_packets_leave_as_one_message_behind_a_wrapper_of_any_length)
{
	static const size_t lens[] = {28, 100, 1200, 1376, 1377, 1384, 1392, 1393, 1399, 1400};
	static const size_t wrappers[] = {0, 4, 12, 16, 36, 48, 60};

	for (size_t l = 0; l < sizeof lens / sizeof *lens; l++) {
		for (size_t w = 0; w < sizeof wrappers / sizeof *wrappers; w++) {
			size_t each = datagram_len(lens[l]) + wrappers[w];
			size_t count = DATAGRAM_MAX / each < 47 ? DATAGRAM_MAX / each : 47;
			uint64_t messages;

			add_many(count, lens[l]);
			assert_int_equal(send_tun(wrappers[w], &messages), 0);
			assert_int_equal(messages, 1);
			check_all_came(wrappers[w]);
		}
	}
}

/* A super-packet and its shorter end: the end is the last of the message, as long as it is no longer once it is padded. */
TEST(the_shorter_end_of_a_super_packet_leaves_in_its_message)
{
	for (size_t last = 28; last <= MTU; last += 7) {
		uint64_t messages;

		add_many(30, MTU);
		add_many(1, last);
		assert_int_equal(send_tun(12, &messages), 0);
		assert_int_equal(messages, 1);
		check_all_came(12);
	}
}

TEST(packets_of_any_length_in_any_order_come_whole)
{
	struct rand dice = rand_seeded(5);

	for (int round = 0; round < 50; round++) {
		size_t len = 28 + rand_below(&dice, MTU - 27), wrapper = 4 * rand_below(&dice, 16);
		uint64_t messages;

		while (tun.count < 100) {
			if (rand_below(&dice, 6) == 0)
				len = 28 + rand_below(&dice, MTU - 27);
			add_many(1, len);
		}
		assert_int_equal(send_tun(wrapper, &messages), 0);
		check_all_came(wrapper);
	}
}

/* --- jumbo packets ---------------------------------------------------------------------------------------------- */

/* The longest that fits a datagram comes whole; one byte more of datagram, and the host refuses it. Nothing comes cut short. */
TEST(vuln_59_jumbo_packets_come_whole_or_are_refused_and_counted)
{
	static const size_t lens[] = {60000, 65471, 65472, 65475, 65476, 65535};

	mesh_mtu_changed(a.mesh, PACKET_DATA);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		size_t padded = (lens[i] + 15) / 16 * 16;
		size_t refused = padded + OVERHEAD > DATAGRAM_MAX;
		uint64_t messages;

		add_many(1, lens[i]);
		assert_int_equal(send_tun(0, &messages), refused);
		if (refused)
			tun.count = 0;
		else
			check_all_came(0);
		add_many(1, 100);
		assert_int_equal(send_tun(0, &messages), 0);
		check_all_came(0);
	}
}

#define RUN_WITH_ENDS(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_ENDS(equal_packets_leave_as_one_message_behind_a_wrapper_of_any_length),
		RUN_WITH_ENDS(the_shorter_end_of_a_super_packet_leaves_in_its_message),
		RUN_WITH_ENDS(packets_of_any_length_in_any_order_come_whole),
		RUN_WITH_ENDS(vuln_59_jumbo_packets_come_whole_or_are_refused_and_counted),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
