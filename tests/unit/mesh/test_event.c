/* What is told of peers, and when: the states that mesh_peer_look() shows, each change once, with its reason and how long it took. */
#include "mesh/event.h"

#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW SEC(1)

static struct node *a, *b;

static int start(void **state)
{
	(void)state;
	a = node_start(1);
	b = node_start(2);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	node_stop(a);
	node_stop(b);
	return 0;
}

static void forget(const struct node *n)
{
	struct event e;

	while (mesh_event_take(n->m, &e))
		continue;
}

/* Both know each other; nothing was said yet. */
static void introduce(void)
{
	node_introduce(a, b, NOW);
	forget(a);
	forget(b);
}

static void connect_at(usec now)
{
	node_connect(a, b, now);
	forget(a);
	forget(b);
}

static struct peer *peer_at(const struct node *n, const struct node *peer)
{
	return table_find(&n->m->by_key, &peer->key);
}

static struct event next(const struct node *n)
{
	struct event e;

	if (!mesh_event_take(n->m, &e))
		fail_msg("nothing is told");
	return e;
}

static void assert_told(const struct node *n, enum mesh_peer_state from, enum mesh_peer_state to,
			enum event_reason reason, usec took, usec now)
{
	struct event e = next(n);

	assert_int_equal(e.from, from);
	assert_int_equal(e.to, to);
	assert_int_equal(e.reason, reason);
	assert_true(e.took == took);
	assert_true(e.wall == now + ENV_FAKE_WALL);
}

static void assert_silent(const struct node *n)
{
	struct event e;

	assert_false(mesh_event_take(n->m, &e));
}

/* What was told last is what is shown. */
static void assert_shown(const struct node *n, const struct node *peer, enum mesh_peer_state state,
			 usec now)
{
	struct mesh_peer_view v;

	mesh_peer_look(n->m, peer_at(n, peer), now, &v);
	assert_int_equal(v.state, state);
	assert_true((v.direct_since_wall != 0) == (state == MESH_PEER_DIRECT));
}

TEST(a_peer_is_added_once_and_removed)
{
	struct delta *d = node_identity(a);

	node_add_peer(d, b, "nas", false, true);
	node_apply(a, d, NOW);
	struct event e = next(a);
	assert_int_equal(e.reason, EVENT_ADDED);
	assert_int_equal(e.to, MESH_PEER_IDLE);
	assert_string_equal(e.peer, "nas");
	assert_true(e.took == USEC_NEVER);
	d = delta_new();
	node_add_peer(d, b, "nas2", false, true);
	node_apply(a, d, NOW + SEC(1));
	assert_silent(a);

	d = delta_new();
	delta_add_peer(d, &b->key)->remove = true;
	node_apply(a, d, NOW + SEC(2));
	e = next(a);
	assert_int_equal(e.reason, EVENT_REMOVED);
	assert_int_equal(e.from, MESH_PEER_IDLE);
	assert_string_equal(e.peer, "nas2");
	assert_true(e.wall == NOW + SEC(2) + ENV_FAKE_WALL);
	assert_silent(a);
}

TEST(a_peer_without_a_name_is_told_by_the_start_of_its_key)
{
	char short_key[KEY_SHORT_MAX];

	node_introduce(a, b, NOW);
	struct event e = next(a);
	assert_string_equal(e.peer, key_public_short(&b->key, short_key));
}

TEST(a_handshake_makes_both_ends_direct)
{
	introduce();
	node_connect(a, b, NOW);
	assert_told(a, MESH_PEER_IDLE, MESH_PEER_DIRECT, EVENT_HANDSHAKE, 0, NOW);
	assert_told(b, MESH_PEER_IDLE, MESH_PEER_DIRECT, EVENT_HANDSHAKE, 0, NOW);
	assert_silent(a);
	assert_silent(b);
	assert_shown(a, b, MESH_PEER_DIRECT, NOW);
}

TEST(a_handshake_takes_from_its_first_message_on_whatever_was_lost)
{
	introduce();
	node_send(a, 2, NOW);
	outbox_clear(&a->out); /* lost */
	for (usec now = NOW; now <= NOW + MSEC(400); now += MSEC(50)) {
		mesh_tick(a->m, now, &a->out);
		node_settle(a, b, now);
	}
	struct event e = next(a);
	assert_int_equal(e.reason, EVENT_HANDSHAKE);
	assert_true(e.took >= MSEC(250) && e.took <= MSEC(400));
	assert_true(e.took == e.wall - NOW - ENV_FAKE_WALL);
}

TEST(another_handshake_of_a_direct_peer_changes_nothing)
{
	introduce();
	connect_at(NOW);
	tunnel_start(&peer_at(a, b)->tunnel, NOW + SEC(130));
	mesh_tick(a->m, NOW + SEC(130), &a->out);
	node_settle(a, b, NOW + SEC(130));
	assert_int_equal(peer_at(a, b)->tunnel.stats.handshakes_done, 2);
	assert_silent(a);
	assert_silent(b);
}

TEST(a_session_that_nobody_uses_runs_out_at_its_time)
{
	introduce();
	connect_at(NOW);
	node_pass_time(b, NOW, NOW + REJECT_AFTER - 1);
	assert_silent(b);
	assert_true(mesh_deadline(b->m) <= NOW + REJECT_AFTER);
	mesh_tick(b->m, NOW + REJECT_AFTER, &a->out);
	assert_told(b, MESH_PEER_DIRECT, MESH_PEER_IDLE, EVENT_EXPIRED, REJECT_AFTER,
		    NOW + REJECT_AFTER);
	assert_shown(b, a, MESH_PEER_IDLE, NOW + REJECT_AFTER);
	assert_true(mesh_deadline(b->m) > NOW + REJECT_AFTER);
	assert_silent(b);
}

TEST(who_never_answers_is_down_and_nobody_knows_since_when)
{
	introduce();
	node_send(a, 2, NOW);
	node_pass_time(a, NOW, NOW + REKEY_ATTEMPT_FOR);
	struct event e = next(a);
	assert_int_equal(e.reason, EVENT_NO_ANSWER);
	assert_int_equal(e.from, MESH_PEER_IDLE);
	assert_int_equal(e.to, MESH_PEER_DOWN);
	assert_true(e.took == USEC_NEVER);
	assert_silent(a);
}

/* A packet in a session that still lives, and no answer to anything. Returns when it was given up. */
static usec fall_silent(usec now)
{
	struct event e;

	node_send(a, 2, now);
	node_pass_time(a, now, now + SEC(110));
	e = next(a);
	assert_int_equal(e.reason, EVENT_NO_ANSWER);
	assert_int_equal(e.from, MESH_PEER_DIRECT);
	assert_int_equal(e.to, MESH_PEER_DOWN);
	assert_true(e.took == e.wall - NOW - ENV_FAKE_WALL); /* it was heard at NOW */
	assert_shown(a, b, MESH_PEER_DOWN, now + SEC(110));
	assert_true(tunnel_has_session(&peer_at(a, b)->tunnel, now + SEC(110)));
	return e.wall - ENV_FAKE_WALL;
}

TEST(who_falls_silent_is_down_when_it_is_given_up_not_when_its_session_ends)
{
	introduce();
	connect_at(NOW);
	fall_silent(NOW);
	node_pass_time(a, NOW + SEC(110), NOW + SEC(600));
	assert_silent(a);
}

TEST(who_comes_back_says_how_long_it_was_down)
{
	introduce();
	connect_at(NOW);
	usec down_at = fall_silent(NOW), later = NOW + SEC(300);
	node_connect(a, b, later);
	assert_told(a, MESH_PEER_DOWN, MESH_PEER_DIRECT, EVENT_HANDSHAKE, later - down_at, later);
	assert_silent(a);
	struct mesh_peer_view v;
	mesh_peer_look(a->m, peer_at(a, b), later, &v);
	assert_true(v.direct_since_wall == later + ENV_FAKE_WALL);
}

TEST(who_is_heard_in_its_old_session_is_back_without_a_handshake)
{
	introduce();
	connect_at(NOW);
	usec down_at = fall_silent(NOW), later = NOW + SEC(115);
	static struct letter letters[4];

	node_send(b, 1, later);
	node_hand(a, letters, node_take(b, letters, 4), later);
	assert_told(a, MESH_PEER_DOWN, MESH_PEER_DIRECT, EVENT_HEARD, later - down_at, later);
	struct mesh_peer_view v;
	mesh_peer_look(a->m, peer_at(a, b), later, &v);
	assert_int_equal(v.state, MESH_PEER_DIRECT);
	assert_true(v.direct_since_wall == later + ENV_FAKE_WALL);
	assert_silent(a);
}

TEST(an_initiation_alone_does_not_bring_it_back)
{
	static struct letter letters[4];

	introduce();
	connect_at(NOW);
	usec later = fall_silent(NOW) + SEC(1);
	tunnel_start(&peer_at(b, a)->tunnel, later);
	mesh_tick(b->m, later, &b->out);
	for (size_t i = 0, count = node_take(b, letters, 4); i < count; i++) {
		if (letters[i].data[0] == MESSAGE_INITIATION)
			node_hand(a, &letters[i], 1, later);
	}
	assert_int_equal(a->out.net.count, 1); /* it was answered */
	assert_silent(a);
	assert_shown(a, b, MESH_PEER_DOWN, later);
}

TEST(a_roamed_peer_is_as_it_was)
{
	struct addr elsewhere = node_outside(7);
	struct letter letter;

	introduce();
	connect_at(NOW);
	node_send(b, 1, NOW + SEC(1));
	assert_int_equal(node_take(b, &letter, 1), 1);
	node_hand_bytes(a, letter.data, letter.len, &elsewhere, NOW + SEC(1));
	assert_told(a, MESH_PEER_DIRECT, MESH_PEER_DIRECT, EVENT_ROAMED, USEC_NEVER, NOW + SEC(1));
	node_send(a, 2, NOW + SEC(2));
	assert_silent(a);
}

TEST(our_own_new_key_ends_sessions_and_only_those)
{
	struct node *c = node_start(3);
	struct delta *d = delta_new();

	introduce();
	node_add_peer(d, c, "", false, true);
	node_apply(a, d, NOW);
	connect_at(NOW);
	d = delta_new();
	d->has_private_key = true;
	d->private_key = c->secret;
	d->private_key.bytes[5] ^= 1;
	node_apply(a, d, NOW + SEC(1));
	assert_told(a, MESH_PEER_DIRECT, MESH_PEER_IDLE, EVENT_NEW_KEY, USEC_NEVER, NOW + SEC(1));
	assert_silent(a);
	node_stop(c);
}

/* Adds (or removes) peers in one change; keys that nobody has. */
static void change_many(unsigned count, bool remove)
{
	struct delta *d = node_identity(a);

	for (unsigned i = 0; i < count; i++) {
		struct key_public key = {{9, (uint8_t)i, (uint8_t)(i >> 8), 1}};
		delta_add_peer(d, &key)->remove = remove;
	}
	node_apply(a, d, NOW);
}

TEST(as_many_as_there_is_room_for_are_all_told)
{
	for (int round = 0; round < 3; round++) {
		change_many(EVENTS_MAX, round % 2);
		for (unsigned i = 0; i < EVENTS_MAX; i++)
			assert_int_equal(next(a).reason, round % 2 ? EVENT_REMOVED : EVENT_ADDED);
		assert_silent(a);
	}
}

TEST(with_more_the_earliest_are_lost_and_that_is_told_first)
{
	char short_key[KEY_SHORT_MAX];

	change_many(EVENTS_MAX + 2, false);
	struct event e = next(a);
	assert_int_equal(e.reason, EVENT_LOST);
	assert_string_equal(e.peer, "");
	assert_true(e.wall == NOW + ENV_FAKE_WALL && e.took == USEC_NEVER);
	e = next(a);
	assert_int_equal(e.reason, EVENT_ADDED);
	assert_string_equal(e.peer,
			    key_public_short(&(struct key_public){{9, 2, 0, 1}}, short_key));
	for (unsigned i = 1; i < EVENTS_MAX; i++)
		next(a);
	assert_silent(a);
}

#define RUN_WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_NODES(a_peer_is_added_once_and_removed),
		RUN_WITH_NODES(a_peer_without_a_name_is_told_by_the_start_of_its_key),
		RUN_WITH_NODES(a_handshake_makes_both_ends_direct),
		RUN_WITH_NODES(a_handshake_takes_from_its_first_message_on_whatever_was_lost),
		RUN_WITH_NODES(another_handshake_of_a_direct_peer_changes_nothing),
		RUN_WITH_NODES(a_session_that_nobody_uses_runs_out_at_its_time),
		RUN_WITH_NODES(who_never_answers_is_down_and_nobody_knows_since_when),
		RUN_WITH_NODES(
			who_falls_silent_is_down_when_it_is_given_up_not_when_its_session_ends),
		RUN_WITH_NODES(who_comes_back_says_how_long_it_was_down),
		RUN_WITH_NODES(who_is_heard_in_its_old_session_is_back_without_a_handshake),
		RUN_WITH_NODES(an_initiation_alone_does_not_bring_it_back),
		RUN_WITH_NODES(a_roamed_peer_is_as_it_was),
		RUN_WITH_NODES(our_own_new_key_ends_sessions_and_only_those),
		RUN_WITH_NODES(as_many_as_there_is_room_for_are_all_told),
		RUN_WITH_NODES(with_more_the_earliest_are_lost_and_that_is_told_first),
	};

	if (crypto_init(NULL) != 0)
		return 1;
	return RUN_TESTS(tests);
}
