/* Deadlines of many peers: each is served at its time, the earliest is known, and a tick ends. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW  TRIO_NOW
#define MANY 1000

static void connect_both(void)
{
	node_connect(one, two, NOW);
	node_connect(three, one, NOW);
	outbox_clear(&one->out);
	outbox_clear(&two->out);
}

static usec earliest(const struct mesh *m)
{
	usec at = USEC_NEVER;

	list_for_each (item, &m->peers)
		at = usec_min(at, peer_deadline(list_entry(item, struct peer, order)));
	return at;
}

static struct key_public key_of(unsigned number)
{
	struct key_private secret = {{[1] = 7}};
	struct key_public key;

	store_le32(secret.bytes + 4, number);
	key_private_clamp(&secret);
	key_public_from(&key, &secret);
	return key;
}

/* A change with many peers at distinct addresses, each with a keepalive. */
static struct delta *crowd(unsigned count, uint16_t keepalive)
{
	struct delta *d = delta_new();

	for (unsigned i = 0; i < count; i++) {
		struct key_public key = key_of(i);
		struct delta_peer *p = delta_add_peer(d, &key);
		struct prefix inside = {.family = ADDR_V4, .len = 32, .ip = {10, 66}};
		store_be16(inside.ip + 2, (uint16_t)(1000 + i));
		assert_true(delta_add_allowed(p, &inside, false));
		p->has_endpoint = p->has_keepalive = true;
		p->endpoint = addr_v4((uint8_t[]){198, 51, 100, 1}, (uint16_t)(1000 + i));
		p->keepalive = keepalive;
	}
	return d;
}

/* Tick until nothing is due, emptying the outbox as the daemon does. Returns how many initiations left. */
static size_t tick_all(struct node *n, usec now)
{
	size_t initiations = 0, turns = 0;

	for (;;) {
		for (size_t i = 0; i < n->out.net.count; i++)
			initiations += load_le32(n->out.net.packets[i].data) == MESSAGE_INITIATION;
		outbox_clear(&n->out);
		if (!usec_due(mesh_deadline(n->m), now))
			return initiations;
		assert_true(++turns < MANY);
		mesh_tick(n->m, now, &n->out);
		assert_true(mesh_deadline(n->m) == earliest(n->m));
	}
}

TEST(a_thousand_peers_each_start_at_once_and_none_is_lost)
{
	static struct letter letters[BATCH_MAX];
	struct delta *d = crowd(MANY, 25);

	node_apply(one, d, NOW);
	assert_int_equal(one->m->peer_count, MANY + 2);
	assert_int_equal(tick_all(one, NOW), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		struct key_public key = key_of(i);
		assert_non_null(mesh_peer_find(one->m, &key));
	}
	assert_int_equal(node_drops(one, DROP_OUTBOX_FULL), 0);

	/* Among them a packet finds its peer. */
	node_connect(one, three, NOW);
	assert_int_equal(three->out.tun.count, 1);
	mesh_tick(one->m, NOW + SEC(6), &one->out);
	assert_true(node_take(one, letters, BATCH_MAX) > 0);

	d = delta_new();
	d->replace_peers = true;
	node_apply(one, d, NOW + SEC(6));
	assert_int_equal(one->m->shared.index.count, 0);
	assert_true(mesh_deadline(one->m) == USEC_NEVER);
}

TEST(the_deadline_is_that_of_the_earliest_peer_whatever_happens)
{
	struct rand rand = rand_seeded(3);
	usec now = NOW;

	node_apply(one, crowd(20, 0), NOW);
	for (unsigned round = 0; round < 600; round++) {
		struct delta *d;
		struct delta_peer *p;
		struct key_public key = key_of(rand_below(&rand, 20));

		now += rand_below(&rand, 2000) * MSEC(1);
		switch (rand_below(&rand, 5)) {
		case 0:
			node_send(one, (uint8_t)(2 + rand_below(&rand, 2)), now);
			break;
		case 1:
			node_send(two, 1, now);
			break;
		case 2:
			d = delta_new();
			p = delta_add_peer(d, &key);
			p->update_only = p->has_keepalive = true;
			p->keepalive = (uint16_t)rand_below(&rand, 3);
			node_apply(one, d, now);
			break;
		case 3:
			d = delta_new();
			p = delta_add_peer(d, &key);
			p->remove = rand_below(&rand, 8) == 0;
			node_apply(one, d, now);
			break;
		case 4:
			now += SEC(rand_below(&rand, 60));
			break;
		}
		assert_true(mesh_deadline(one->m) == earliest(one->m));
		if (rand_below(&rand, 2)) {
			node_settle(one, two, now);
			node_settle(one, three, now);
		}
		assert_true(mesh_deadline(one->m) == earliest(one->m));
		tick_all(one, now);
		tick_all(two, now);
		assert_true(mesh_deadline(one->m) > now);
		outbox_clear(&three->out);
	}
}

TEST(a_tick_after_any_leap_of_time_ends_with_nothing_due)
{
	static const usec leaps[] = {0,        1,          SEC(5),          SEC(90),
				     SEC(540), SEC(86400), SEC(86400) * 50, INT64_MAX / 4};
	usec now = NOW;

	node_apply(one, crowd(50, 25), NOW);
	connect_both();
	for (size_t i = 0; i < sizeof leaps / sizeof leaps[0]; i++) {
		now += leaps[i];
		node_send(one, 3, now);
		tick_all(one, now);
		assert_true(mesh_deadline(one->m) > now);
	}
}

/* Such a peer would be a mistake of ours; it must not stop the others. */
TEST(a_tick_ends_even_if_a_peer_is_always_due)
{
	connect_both();
	node_peer(one, two)->tunnel.timers.persistent_for = -1;
	node_peer(one, two)->tunnel.timers.persistent_at = NOW;
	mesh_settle(one->m, node_peer(one, two), NOW, &one->out);
	outbox_clear(&one->out);
	assert_true(mesh_deadline(one->m) < NOW);
	mesh_tick(one->m, NOW, &one->out);
	assert_true(one->out.net.count <= one->m->peer_count);
	assert_true(mesh_deadline(one->m) < NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_TRIO(a_thousand_peers_each_start_at_once_and_none_is_lost),
		RUN_WITH_TRIO(the_deadline_is_that_of_the_earliest_peer_whatever_happens),
		RUN_WITH_TRIO(a_tick_after_any_leap_of_time_ends_with_nothing_due),
		RUN_WITH_TRIO(a_tick_ends_even_if_a_peer_is_always_due),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
