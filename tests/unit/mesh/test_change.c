/* Changes of a node while its packets are under way: its key, its peers, its MTU (reliability.md, F11, vuln_56, vuln_58). Not of a file. */
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW   SEC(1000)
#define EVERY MSEC(100) /* a packet leaves in each direction */

static struct node *one, *two;
static struct node *const both[] = {&nodes[1], &nodes[2]};

static int start(void **state)
{
	(void)state;
	one = node_start(1);
	two = node_start(2);
	node_introduce(one, two, NOW);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	node_stop(one);
	node_stop(two);
	return 0;
}

/* A packet each way; true when both came through. */
static bool exchange(usec now)
{
	bool through;

	for (int i = 0; i < 2; i++) {
		mesh_tick(both[i]->m, now, &both[i]->out);
		node_send(both[i], (uint8_t)(2 - i), now);
		node_settle_all(both, 2, now);
	}
	through = one->out.tun.count > 0 && two->out.tun.count > 0;
	outbox_clear(&one->out);
	outbox_clear(&two->out);
	return through;
}

/* --- F11: the private key --------------------------------------------------------------------------------------- */

/* Everything secret that a node had of its old key. */
static struct secrets {
	uint8_t keys[2 + 2 * TUNNEL_SESSIONS][KEY_LEN];
	size_t count;
} old;

static void note(const void *key)
{
	memcpy(old.keys[old.count++], key, KEY_LEN);
}

static void note_secrets(const struct node *n, const struct peer *p)
{
	old.count = 0;
	note(&n->secret);
	note(&p->tunnel.remote.static_static);
	for (size_t i = 0; i < TUNNEL_SESSIONS; i++) {
		const struct session *s = &p->tunnel.sessions[i];
		if (session_exists(s)) {
			note(&s->keys.send);
			note(&s->keys.receive);
		}
	}
}

static size_t found_in(const void *memory, size_t len)
{
	size_t found = 0;

	for (size_t i = 0; i < old.count; i++)
		found += memmem(memory, len, old.keys[i], KEY_LEN) != NULL;
	return found;
}

static size_t secrets_left(const struct node *n)
{
	size_t found = found_in(n->m, sizeof *n->m);

	list_for_each (item, &n->m->peers)
		found += found_in(list_entry(item, struct peer, order), sizeof(struct peer));
	return found;
}

static struct node after; /* what the others know node 1 by after the change */

/* Node 1 gets another key. Its file is reloaded: the old key ends, and it calls at once. */
static void change_key(usec now)
{
	const struct peer *p = table_find(&one->m->by_key, &two->key);
	static struct letter l[BATCH_MAX];
	uint64_t no_session = one->m->shared.drops.count[DROP_NO_SESSION];

	note_secrets(one, p);
	assert_int_equal(secrets_left(one), old.count);
	node_send(two, 1, now);
	size_t count = node_take(two, l, BATCH_MAX);

	one->secret = after.secret;
	one->key = after.key;
	node_apply(one, node_identity(one), now);
	assert_int_equal(secrets_left(one), 0);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(one->out.net.packets[0].len, sizeof(struct message_initiation));
	for (size_t i = 0; i < count; i++)
		assert_true(l[i].to == 1);
	if (l[0].len > 0 && l[0].data[0] == MESSAGE_DATA) {
		node_hand(one, l, count, now); /* sealed for the old one */
		assert_int_equal(one->m->shared.drops.count[DROP_NO_SESSION], no_session + count);
	}
}

/* Node 2's file names the new key. */
static void change_peer(const struct key_public *was, usec now)
{
	struct delta *d = delta_new();

	delta_add_peer(d, was)->remove = true;
	node_add_peer(d, &after, "", false, true);
	node_apply(two, d, now);
}

static void assert_new_key_under_load(bool mate_first, usec apart)
{
	struct key_public was = one->key;
	usec first = NOW + SEC(20), second = first + apart, back = 0;

	after = *one;
	memset(after.secret.bytes, 77, sizeof after.secret.bytes);
	key_private_clamp(&after.secret);
	key_public_from(&after.key, &after.secret);
	for (usec now = NOW; now < second + SEC(10); now += EVERY) {
		if (now == first) {
			if (mate_first)
				change_peer(&was, now);
			else
				change_key(now);
		}
		if (now == second) {
			if (mate_first)
				change_key(now);
			else
				change_peer(&was, now);
		}
		bool through = exchange(now);
		if (now > NOW && now < first)
			assert_true(through);
		if (now >= first && now < second)
			assert_false(through);
		if (now >= second && through && back == 0)
			back = now;
		if (back > 0)
			assert_true(through); /* and it stays */
	}
	assert_true(back > 0 && back - second <= SEC(3));
	assert_int_equal(secrets_left(one), 0);
}

static const usec aparts[] = {0, MSEC(100), MSEC(700), SEC(5), SEC(40)};
#define APARTS (sizeof aparts / sizeof aparts[0])

TEST(f11_another_private_key_under_load_the_mate_reloaded_first)
{
	for (size_t i = 0; i < APARTS; i++) {
		if (i > 0) {
			stop(NULL);
			start(NULL);
		}
		assert_new_key_under_load(true, aparts[i]);
	}
}

TEST(f11_another_private_key_under_load_the_mate_reloaded_last)
{
	for (size_t i = 0; i < APARTS; i++) {
		if (i > 0) {
			stop(NULL);
			start(NULL);
		}
		assert_new_key_under_load(false, aparts[i]);
	}
}

/* --- what is in the outbox outlives its peer -------------------------------------------------------------------- */

static struct shot {
	size_t len;
	uint8_t data[LETTER_MAX];
} shots[8];

static void shoot(struct shot *s, const struct packet *p)
{
	s->len = p->len;
	memcpy(s->data, p->data, p->len);
}

/* A keepalive in the outbox's memory, data sealed in the edge's, an initiation, a packet for the TUN, a question. */
static void fill_outbox(usec now)
{
	static struct letter l[BATCH_MAX];
	static struct node third = {.number = 3, .key.bytes = {3}};
	static struct node fourth = {.number = 4, .key.bytes = {9}};
	static struct host host = {
		.outside = {.items = {{.prefix = {.family = ADDR_V4, .ip = {1}}}}, .count = 1},
	};
	struct delta *d = delta_new();
	struct delta_peer *p = node_add_peer(d, &third, "", false, false);

	p->host = "third.example.net";
	p->port = 51820;
	node_add_peer(d, &fourth, "", false, true);
	assert_true(exchange(now));
	node_send(two, 1, now);
	node_hand(one, l, node_take(two, l, BATCH_MAX), now);
	mesh_host_changed(one->m, &host, now, &one->out);
	mesh_tick(one->m, now + PEER_ANNOUNCE_WITHIN, &one->out);
	node_apply(one, d, now);
	node_send(one, 4, now);
	node_send(one, 2, now);
	assert_int_equal(one->out.net.count, 3);
	assert_int_equal(one->out.tun.count, 1);
	assert_int_equal(one->out.action_count, 1);
	for (size_t i = 0; i < 3; i++)
		shoot(&shots[i], &one->out.net.packets[i]);
	shoot(&shots[3], &one->out.tun.packets[0]);
}

static void assert_outbox_is_whole(void)
{
	for (size_t i = 0; i < 4; i++) {
		const struct packet *p =
			i < 3 ? &one->out.net.packets[i] : &one->out.tun.packets[0];
		assert_int_equal(p->len, shots[i].len);
		assert_memory_equal(p->data, shots[i].data, p->len);
	}
}

static void remove_each(struct delta *d)
{
	list_for_each (item, &one->m->peers)
		delta_add_peer(d, &list_entry(item, struct peer, order)->key)->remove = true;
}

static void remove_all(struct delta *d)
{
	d->replace_peers = true;
}

static void forget_key(struct delta *d)
{
	d->has_private_key = true;
}

static void take_key_of_peer(struct delta *d)
{
	d->has_private_key = true;
	d->private_key = two->secret;
}

/* By every way in which a peer or its session ends; then the mesh, too. */
TEST(vuln_56_what_is_to_be_sent_outlives_its_peer_and_its_session)
{
	static void (*const ends[])(struct delta *) = {remove_each, remove_all, forget_key,
						       take_key_of_peer};

	for (size_t i = 0; i < 4; i++) {
		if (i > 0) {
			stop(NULL);
			start(NULL);
		}
		struct delta *d = delta_new();
		fill_outbox(NOW);
		uint64_t asked = one->out.actions[0].id;
		ends[i](d);
		node_apply(one, d, NOW);
		assert_outbox_is_whole();
		if (i < 2) {
			assert_null(mesh_endpoint_name(one->m, asked));
			mesh_resolved(one->m, asked, NULL, 0, NOW, &one->out);
		}
		mesh_free(one->m);
		one->m = NULL;
		assert_outbox_is_whole();
	}
}

/* What node 2 sends first when it starts a handshake: an initiation. */
static struct letter initiation(usec now)
{
	static struct letter l[BATCH_MAX];
	struct peer *p = table_find(&two->m->by_key, &one->key);

	tunnel_start(&p->tunnel, now);
	mesh_settle(two->m, p, now, &two->out);
	assert_int_equal(node_take(two, l, BATCH_MAX), 1);
	assert_int_equal(l[0].len, sizeof(struct message_initiation));
	return l[0];
}

/* A session ends amid a batch, by an initiation after the session's own data. */
TEST(vuln_56_data_is_opened_before_its_session_gives_way)
{
	static struct letter l[BATCH_MAX], batch[2];

	batch[0] = initiation(NOW);
	node_hand(one, batch, 1, NOW);
	assert_int_equal(node_take(one, l, BATCH_MAX), 1);
	node_hand(two, l, 1, NOW);
	outbox_clear(&two->out); /* its first packet is lost */
	node_send(two, 1, NOW);
	assert_int_equal(node_take(two, batch, 1), 1);

	l[0] = initiation(NOW + SEC(1)); /* whose response is lost */
	node_hand(one, l, 1, NOW + SEC(1));
	outbox_clear(&one->out);
	batch[1] = initiation(NOW + SEC(2)); /* the oldest of three goes */
	node_hand(one, batch, 2, NOW + SEC(2));
	assert_int_equal(one->out.tun.count, 1);
	assert_int_equal(one->out.tun.packets[0].len, 28);
	node_hand(one, batch, 1, NOW + SEC(2));
	assert_int_equal(one->out.tun.count, 1);
}

/* --- the MTU ----------------------------------------------------------------------------------------------------- */

TEST(vuln_58_no_mtu_of_the_interface_stops_or_spoils_a_packet)
{
	static const size_t mtus[] = {0,  1,   15,   16,   19,   20,    67,
				      68, 575, 1279, 1280, 1400, 65535, SIZE_MAX};
	static const size_t lens[] = {20, 21, 67, 68, 575, 1279, 1280, 1400, 1500};
	uint8_t packet[1500];

	assert_true(exchange(NOW));
	for (size_t m = 0; m < sizeof mtus / sizeof mtus[0]; m++) {
		mesh_mtu_changed(one->m, mtus[m]);
		for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
			node_write_ip4(packet, 1, 2, lens[i], (uint8_t)i);
			node_send_bytes(one, packet, lens[i], NOW);
			assert_int_equal(one->out.net.count, 1);
			assert_in_range(one->out.net.packets[0].len, lens[i] + 32,
					lens[i] + 32 + 15);
			node_settle_all(both, 2, NOW);
			assert_int_equal(two->out.tun.count, 1);
			assert_int_equal(two->out.tun.packets[0].len, lens[i]);
			assert_memory_equal(two->out.tun.packets[0].data, packet, lens[i]);
			outbox_clear(&one->out);
			outbox_clear(&two->out);
		}
	}
}

int main(void)
{
#define WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_NODES(f11_another_private_key_under_load_the_mate_reloaded_first),
		WITH_NODES(f11_another_private_key_under_load_the_mate_reloaded_last),
		WITH_NODES(vuln_56_what_is_to_be_sent_outlives_its_peer_and_its_session),
		WITH_NODES(vuln_56_data_is_opened_before_its_session_gives_way),
		WITH_NODES(vuln_58_no_mtu_of_the_interface_stops_or_spoils_a_packet),
	};

	return crypto_init(NULL) < 0 ? 1 : RUN_TESTS(tests);
}
