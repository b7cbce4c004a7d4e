/* Two nodes and a stranger who floods one of them with initiations (reliability.md, 3.6): what he gets does not take the room
 * of what the two have to say. */
#include "crypto/crypto.h"
#include "mesh/load.h"
#include "mesh/mesh.h"
#include "support/env_fake.h"
#include "support/test.h"
#include "wg/cookie.h"
#include "wg/noise.h"
#include "wg/staging.h"

#define PING_LEN 28

struct node {
	struct env_fake env;
	struct key_private secret;
	struct key_public public;
	struct addr addr;
	struct mesh *mesh;
	struct outbox out;
};

static struct node a, b;
static usec now = SEC(1000);

static void node_init(struct node *n, uint8_t number)
{
	env_fake_init(&n->env, number);
	key_private_generate(&n->secret, &n->env.env);
	key_public_from(&n->public, &n->secret);
	n->addr = addr_v4((uint8_t[]){192, 0, 2, number}, 51820);
	n->mesh = mesh_new(&n->env.env);
	assert_non_null(n->mesh);
	assert_int_equal(outbox_init(&n->out), 0);
}

static void node_meets(struct node *n, const struct node *other)
{
	struct prefix all = {.family = ADDR_V4};
	struct delta *d = delta_new();
	struct delta_peer *p = delta_add_peer(d, &other->public);

	d->has_private_key = true;
	d->private_key = n->secret;
	p->has_endpoint = true;
	p->endpoint = other->addr;
	assert_true(delta_add_allowed(p, &all, false));
	assert_int_equal(mesh_apply(n->mesh, d, now, &n->out), 0);
	delta_free(d);
	mesh_mtu_changed(n->mesh, 1420);
}

static int start(void **state)
{
	(void)state;
	node_init(&a, 1);
	node_init(&b, 2);
	node_meets(&a, &b);
	node_meets(&b, &a);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	mesh_free(a.mesh);
	mesh_free(b.mesh);
	outbox_free(&a.out);
	outbox_free(&b.out);
	return 0;
}

static struct packet *add(struct batch *in, uint8_t *data, size_t len, const struct addr *from)
{
	struct packet *p = &in->packets[in->count++];

	*p = (struct packet){.data = data, .len = len, .via = {VIA_DIRECT, .remote = *from}};
	return p;
}

/* What `from` has for others arrives at the end of what is in the batch already. */
static void add_sent(struct batch *in, struct node *from)
{
	for (size_t i = 0; i < from->out.net.count; i++) {
		const struct packet *p = &from->out.net.packets[i];
		add(in, p->data, p->len, &from->addr);
	}
}

static void arrive(struct node *to, struct batch *in)
{
	outbox_clear(&to->out);
	mesh_inbound(to->mesh, in, now, &to->out);
	in->count = 0;
}

static void pass(struct node *from, struct node *to)
{
	static struct batch in;

	in.count = 0;
	add_sent(&in, from);
	arrive(to, &in);
}

static void send_pings(struct node *from, size_t count)
{
	static uint8_t memory[STAGING_PER_PEER][PACKET_HEAD + PING_LEN + PACKET_TAIL];
	static struct batch in;

	in.count = 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t *ip = memory[i] + PACKET_HEAD;
		memset(ip, 0, PING_LEN);
		ip[0] = 0x45;
		ip[3] = PING_LEN;
		ip[8] = 64;
		ip[9] = 1;
		ip[12] = 10;
		ip[16] = 10;
		in.packets[in.count++] = (struct packet){.data = ip, .len = PING_LEN};
	}
	outbox_clear(&from->out);
	mesh_outbound(from->mesh, &in, now, &from->out);
}

/* Initiations of somebody unknown, with mac1 as it should be. */
static void add_flood(struct batch *in, const struct node *to, size_t count)
{
	static struct message_initiation msg;
	const struct addr source = addr_v4((uint8_t[]){203, 0, 113, 9}, 9);
	uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x40};
	struct noise_initiator attempt;
	struct noise_remote remote;
	struct noise_local local;
	struct key_private secret;
	struct cookie_jar jar;
	struct env_fake env;

	env_fake_init(&env, 3);
	key_private_generate(&secret, &env.env);
	noise_local_init(&local, &secret);
	assert_true(noise_remote_init(&remote, &local, &to->public, &(struct key_shared){{0}}));
	assert_true(
		noise_write_initiation(&attempt, &local, &remote, 7, timestamp, &env.env, &msg));
	cookie_jar_init(&jar, &to->public);
	cookie_sign(&jar, (uint8_t *)&msg, sizeof msg, 0);
	for (size_t i = 0; i < count; i++)
		add(in, (uint8_t *)&msg, sizeof msg, &source);
}

static void under_load(struct node *n)
{
	static struct batch in;

	in.count = 0;
	add_flood(&in, n, LOAD_PER_WINDOW);
	arrive(n, &in);
	assert_int_equal(n->out.net.count, 0); /* until the load is there: silence */
}

TEST(vuln_47_a_flood_does_not_take_the_room_of_packets_that_wait_for_a_session)
{
	static struct batch in;

	under_load(&a);
	send_pings(&a, STAGING_PER_PEER); /* and an initiation */
	pass(&a, &b);                     /* a response */
	pass(&b, &a);                     /* a cookie: under load a wants a proof of b too */
	assert_int_equal(a.out.net.packets[0].len, sizeof(struct message_cookie));
	pass(&a, &b);

	now += SEC(6);
	outbox_clear(&a.out);
	mesh_tick(a.mesh, now, &a.out); /* an initiation */
	pass(&a, &b);                   /* a response with mac2 */
	under_load(&a);
	add_flood(&in, &a, BATCH_MAX - 1);
	add_sent(&in, &b);
	arrive(&a, &in);
	pass(&a, &b);
	assert_int_equal(b.out.tun.count, STAGING_PER_PEER);
}

TEST(a_flood_of_a_whole_batch_gets_answers_as_long_as_there_is_room)
{
	static struct batch in;

	under_load(&a);
	add_flood(&in, &a, BATCH_MAX);
	arrive(&a, &in);
	assert_int_equal(a.out.net.count, OUTBOX_SLOTS - STAGING_PER_PEER);
	assert_int_equal(a.out.overflows, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			vuln_47_a_flood_does_not_take_the_room_of_packets_that_wait_for_a_session,
			start, stop),
		cmocka_unit_test_setup_teardown(
			a_flood_of_a_whole_batch_gets_answers_as_long_as_there_is_room, start,
			stop),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
