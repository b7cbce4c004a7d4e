/* What outlives a node: it forgets nothing that protects it, finds its peers again, and a clock that was wrong locks nobody out
 * (protocol.md section 7; reliability.md F01, F02, F53, row 44). */
#include "mesh/past.h"

#include <errno.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"
#include "support/test.h"

#define HOUR SEC(3600)
#define YEAR (365 * 24 * HOUR)

static struct node *a, *b;

static void meet(void)
{
	a = node_start(1);
	b = node_start(2);
	node_introduce(a, b, SEC(1));
	node_connect(a, b, SEC(1));
}

static void part(void)
{
	node_stop(a);
	node_stop(b);
}

static bool is_up(const struct node *n, const struct node *peer, usec now)
{
	return tunnel_has_session(&node_peer(n, peer)->tunnel, now);
}

static struct past_peer fact_of(const struct node *n, const struct node *peer, usec now)
{
	struct past past;

	assert_int_equal(mesh_past(n->m, now, &past), 0);
	struct past_peer *found = past_find(&past, &peer->key);
	assert_non_null(found);
	struct past_peer fact = *found;
	past_free(&past);
	return fact;
}

/* A change as a file makes it: everything, with or without the peer's endpoint. */
static struct delta *whole(const struct node *n, const struct node *peer, bool endpoint)
{
	struct delta *d = node_identity(n);

	d->replace_peers = true;
	node_add_peer(d, peer, "", false, endpoint);
	return d;
}

/* The process ends and another begins, which has only what was written down. Its wall clock may differ. */
static void restart_with(struct node *n, usec now, struct delta *d)
{
	struct past past;
	usec wall_offset = n->env.env.wall_offset;

	assert_int_equal(mesh_past(n->m, now, &past), 0);
	node_stop(n);
	node_start(n->number);
	n->env.env.wall_offset = wall_offset;
	mesh_restore_take(n->m, &past);
	assert_null(past.peers);
	node_apply(n, d, now);
}

static void restart(struct node *n, const struct node *peer, usec now)
{
	restart_with(n, now, whole(n, peer, true));
}

/* Both are given time, and each other's datagrams at once. */
static void run(usec *now, usec until)
{
	for (; *now < until; *now += MSEC(10)) {
		mesh_tick(a->m, *now, &a->out);
		mesh_tick(b->m, *now, &b->out);
		node_settle(a, b, *now);
	}
}

/* How long until both could send to the other. */
static usec both_up_after(usec *now, usec most)
{
	usec began = *now;

	while (*now < began + most && !(is_up(a, b, *now) && is_up(b, a, *now)))
		run(now, *now + MSEC(10));
	return *now - began;
}

static int64_t seconds(const uint8_t timestamp[static NOISE_TIMESTAMP_LEN])
{
	return (int64_t)(load_be64(timestamp) - UINT64_C(0x400000000000000a));
}

/* --- what is written down ---------------------------------------------------------------------------------------- */

TEST(says_where_a_peer_is_when_it_was_heard_and_both_greatest_timestamps)
{
	struct addr outside = node_outside(2);
	meet();
	struct past_peer fact = fact_of(a, b, SEC(30));
	assert_memory_equal(&fact.key, &b->key, KEY_LEN);
	assert_true(addr_equal(&fact.endpoint, &outside));
	assert_true(addr_equal(&fact.given, &outside));
	assert_int_equal(fact.seen, (ENV_FAKE_WALL + SEC(1)) / SEC(1));
	assert_int_equal(seconds(fact.sent), (ENV_FAKE_WALL + SEC(1)) / SEC(1));
	assert_int_equal(load_be64(fact.received), 0);
	fact = fact_of(b, a, SEC(30));
	assert_int_equal(seconds(fact.received), (ENV_FAKE_WALL + SEC(1)) / SEC(1));
	assert_int_equal(load_be64(fact.sent), 0);
	part();
}

TEST(says_nothing_of_what_never_was)
{
	a = node_start(1);
	b = node_start(2);
	struct past past;
	assert_int_equal(mesh_past(a->m, SEC(1), &past), -ENOKEY);
	node_introduce(a, b, SEC(1));
	struct past_peer fact = fact_of(a, b, SEC(2));
	assert_false(addr_is_set(&fact.endpoint));
	assert_true(addr_is_set(&fact.given));
	assert_int_equal(fact.seen, 0);
	part();
}

TEST(tells_of_changes_of_place_and_of_who_is_there)
{
	static struct letter l;
	a = node_start(1);
	b = node_start(2);
	node_introduce(a, b, SEC(1));
	uint64_t then = mesh_places(b->m);
	node_connect(a, b, SEC(1));
	assert_true(mesh_places(b->m) > then);

	then = mesh_places(b->m);
	node_connect(a, b, SEC(2));
	mesh_tick(b->m, SEC(3), &b->out);
	assert_int_equal(mesh_places(b->m), then); /* traffic alone is no news */

	node_send(a, 2, SEC(4));
	assert_int_equal(node_take(a, &l, 1), 1);
	l.via.remote = node_outside(5);
	node_hand(b, &l, 1, SEC(4));
	assert_int_equal(mesh_places(b->m), then + 1);
	struct past_peer fact = fact_of(b, a, SEC(5));
	assert_true(addr_equal(&fact.endpoint, &l.via.remote));

	struct delta *d = delta_new();
	delta_add_peer(d, &a->key)->remove = true;
	node_apply(b, d, SEC(6));
	assert_int_equal(mesh_places(b->m), then + 2);
	part();
}

TEST(f53_an_initiation_dated_by_a_clock_that_was_set_ahead_is_to_be_written_down)
{
	meet();
	fact_of(a, b, SEC(2));
	uint64_t then = mesh_places(a->m);
	a->env.env.wall_offset += HOUR;
	node_send(a, 2, SEC(2));
	assert_int_equal(mesh_places(a->m), then); /* nothing was dated by it yet */

	node_send(a, 2, REKEY_AFTER + SEC(2)); /* the session is to be renewed */
	assert_true(mesh_places(a->m) > then);
	fact_of(a, b, REKEY_AFTER + SEC(3));
	then = mesh_places(a->m);
	node_send(a, 2, REKEY_AFTER + SEC(3));
	assert_int_equal(mesh_places(a->m), then);
	part();
}

TEST(f53_the_first_initiation_is_to_be_written_down)
{
	a = node_start(1);
	b = node_start(2);
	node_introduce(a, b, SEC(1));
	uint64_t then = mesh_places(a->m);
	node_send(a, 2, SEC(1));
	assert_int_equal(mesh_places(a->m), then + 1);

	fact_of(a, b, SEC(2));
	a->env.env.wall_offset += HOUR; /* while it was down */
	restart(a, b, SEC(3));
	then = mesh_places(a->m);
	node_send(a, 2, SEC(4));
	assert_int_equal(mesh_places(a->m), then + 1);
	part();
}

TEST(f53_an_initiation_dated_as_a_restart_would_guess_is_no_news)
{
	meet();
	fact_of(a, b, SEC(2));
	uint64_t then = mesh_places(a->m);
	a->env.env.wall_offset += SEC(100);
	node_send(a, 2, REKEY_AFTER + SEC(2));
	assert_int_equal(mesh_places(a->m), then);
	part();
}

/* --- timestamps -------------------------------------------------------------------------------------------------- */

TEST(the_first_initiation_after_a_restart_is_241_s_after_the_last_that_was_written_down_or_now)
{
	static const struct {
		usec later;
		int64_t sent;
	} rows[] = {{SEC(1), 241}, {SEC(100), 241}, {SEC(241), 241}, {SEC(300), 300}, {HOUR, 3600}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		meet();
		int64_t before = seconds(fact_of(a, b, SEC(1)).sent);
		usec now = SEC(1) + rows[i].later;
		restart(a, b, now);
		node_send(a, 2, now);
		mesh_tick(a->m, now + PAST_JITTER_MAX, &a->out);
		assert_int_equal(seconds(fact_of(a, b, now).sent) - before, rows[i].sent);
		node_settle(a, b, now + PAST_JITTER_MAX);
		assert_int_equal(node_drops(b, DROP_TIMESTAMP), 0);
		assert_true(is_up(a, b, now));
		part();
	}
}

TEST(a_captured_initiation_is_refused_after_a_restart)
{
	static struct letter captured;
	a = node_start(1);
	b = node_start(2);
	node_introduce(a, b, SEC(1));
	node_send(a, 2, SEC(1));
	mesh_tick(a->m, SEC(1), &a->out);
	assert_int_equal(node_take(a, &captured, 1), 1);
	node_hand(b, &captured, 1, SEC(1));
	node_settle(a, b, SEC(1));

	restart(b, a, SEC(2));
	uint64_t digest = node_digest(b);
	captured.via.remote = node_outside(5); /* whoever captured it */
	node_hand(b, &captured, 1, SEC(2));
	assert_int_equal(node_drops(b, DROP_TIMESTAMP), 1);
	assert_int_equal(node_digest(b), digest);
	assert_int_equal(b->out.net.count, 0);
	part();
}

/* Its plain peer was at +10 years once, while we were not: we have to take what it sends at the right time, after a restart. */
TEST(vuln_44_what_was_received_from_far_ahead_is_not_written_down)
{
	meet();
	node_connect(b, a, SEC(1));
	struct past_peer before = fact_of(b, a, SEC(2));
	a->env.env.wall_offset += 10 * YEAR;
	tunnel_start(&node_peer(a, b)->tunnel, SEC(10));
	mesh_apply(a->m, &(struct delta){0}, SEC(10), &a->out);
	node_settle(a, b, SEC(10));
	assert_int_equal(seconds(node_peer(b, a)->tunnel.timestamp_received) >
				 ENV_FAKE_WALL / SEC(1) + 9 * YEAR / SEC(1),
			 true);
	struct past_peer after = fact_of(b, a, SEC(11));
	assert_memory_equal(after.received, before.received, NOISE_TIMESTAMP_LEN);

	restart(b, a, SEC(12));
	node_stop(a); /* a plain one remembers nothing, and its clock is right again */
	node_start(1);
	node_apply(a, whole(a, b, true), SEC(13));
	node_connect(a, b, SEC(13));
	mesh_tick(a->m, SEC(13), &a->out);
	node_settle(a, b, SEC(13));
	assert_int_equal(node_drops(b, DROP_TIMESTAMP), 0);
	assert_true(is_up(a, b, SEC(13)));
	part();
}

TEST(what_was_received_from_less_than_an_hour_ahead_is_written_down)
{
	static const struct {
		usec ahead;
		bool kept;
	} rows[] = {{0, true}, {HOUR - SEC(10), true}, {HOUR + SEC(10), false}, {YEAR, false}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		a = node_start(1);
		b = node_start(2);
		a->env.env.wall_offset += rows[i].ahead;
		node_introduce(a, b, SEC(1));
		node_send(a, 2, SEC(1));
		mesh_tick(a->m, SEC(1), &a->out);
		node_settle(a, b, SEC(1));
		assert_true(is_up(b, a, SEC(1)));
		assert_int_equal(load_be64(fact_of(b, a, SEC(1)).received) != 0, rows[i].kept);
		part();
	}
}

TEST(one_that_would_pass_the_end_of_time_stays_there)
{
	meet();
	struct peer *p = node_peer(a, b);
	struct past_peer then = fact_of(a, b, SEC(2));
	memset(then.sent, 0xff, sizeof then.sent);
	past_recall(p, &then, SEC(2));
	assert_memory_equal(p->tunnel.timestamp_sent, then.sent, sizeof then.sent);
	part();
}

TEST(never_goes_back)
{
	meet();
	struct peer *p = node_peer(b, a);
	struct past_peer then = fact_of(b, a, SEC(2)), old = {.key = a->key};
	store_be64(old.received, 1);
	past_recall(p, &old, SEC(2));
	assert_memory_equal(p->tunnel.timestamp_received, then.received, sizeof then.received);
	part();
}

/* F53: our clock, or the other's, is off by so much and then right again, with or without a restart in between: each handshake is
 * taken at the first attempt. */
TEST(f53_a_clock_that_was_wrong_locks_nobody_out)
{
	static const usec offs[] = {HOUR, 10 * YEAR, -HOUR, -10 * YEAR, -(ENV_FAKE_WALL)};
	static const struct {
		bool restart_a, restart_b;
	} restarts[] = {{false, false}, {true, false}, {false, true}, {true, true}};

	for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
		for (size_t j = 0; j < sizeof restarts / sizeof *restarts; j++) {
			usec now = SEC(1);
			meet();
			for (int round = 0; round < 4; round++) {
				/* wrong, right, wrong, right */
				a->env.env.wall_offset += round % 2 == 0 ? offs[i] : -offs[i];
				now += SEC(30);
				if (restarts[j].restart_a)
					restart(a, b, now);
				if (restarts[j].restart_b)
					restart(b, a, now);
				tunnel_start(&node_peer(a, b)->tunnel, now);
				mesh_tick(a->m, now, &a->out);
				mesh_apply(a->m, &(struct delta){0}, now, &a->out);
				node_settle(a, b, now);
				assert_true(both_up_after(&now, SEC(7)) < SEC(7));
				assert_int_equal(node_drops(a, DROP_TIMESTAMP) +
							 node_drops(b, DROP_TIMESTAMP),
						 0);
			}
			part();
		}
	}
}

TEST(warns_when_handshakes_run_ahead_of_the_clock)
{
	meet();
	a->env.env.wall_offset += 10 * YEAR;
	tunnel_start(&node_peer(a, b)->tunnel, SEC(10));
	mesh_apply(a->m, &(struct delta){0}, SEC(10), &a->out);
	a->env.env.wall_offset -= 10 * YEAR;
	restart(a, b, SEC(11));
	/* The fake starts with the fresh node: its one line is this. */
	assert_int_equal(a->env.lines, 1);
	assert_non_null(strstr(a->env.last_line, "3650 days ahead"));
	part();
}

/* --- who is called, and where ------------------------------------------------------------------------------------- */

TEST(f01_a_restarted_node_calls_at_once_whom_it_heard_of_late)
{
	static const struct {
		usec later;
		bool called;
	} rows[] = {{SEC(1), true},
		    {SEC(170), true},
		    {SEC(179), true},
		    {SEC(182), false},
		    {HOUR, false}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		meet();
		usec now = SEC(1) + rows[i].later;
		restart_with(
			a, now,
			whole(a, b, false)); /* it knows only by what was written down where b is */
		mesh_tick(a->m, now + PAST_JITTER_MAX, &a->out);
		assert_int_equal(a->out.net.count, rows[i].called);
		node_settle(a, b, now + PAST_JITTER_MAX);
		assert_int_equal(is_up(a, b, now + PAST_JITTER_MAX), rows[i].called);
		part();
	}
}

TEST(calls_are_spread_over_a_fifth_of_a_second)
{
	usec least = USEC_NEVER, most = 0;

	for (uint8_t seed = 0; seed < 100; seed++) {
		meet();
		struct past past;
		assert_int_equal(mesh_past(a->m, SEC(2), &past), 0);
		node_stop(a);
		node_start(1);
		env_fake_init(&a->env, seed);
		mesh_restore_take(a->m, &past);
		node_apply(a, whole(a, b, true), SEC(2));
		usec at = mesh_deadline(a->m) - SEC(2);
		assert_in_range(at, 0, PAST_JITTER_MAX);
		least = usec_min(at, least);
		most = at > most ? at : most;
		part();
	}
	assert_true(least < MSEC(20) && most > MSEC(180));
}

TEST(who_was_never_heard_is_not_called)
{
	a = node_start(1);
	b = node_start(2);
	node_introduce(a, b, SEC(1));
	restart(a, b, SEC(2));
	assert_int_equal(mesh_deadline(a->m), USEC_NEVER);
	a->env.env.wall_offset = 0; /* nor at boot in 1970 */
	restart(a, b, SEC(3));
	assert_int_equal(mesh_deadline(a->m), USEC_NEVER);
	part();
}

/* F02: all orders in which the two come back. */
TEST(f02_both_restart_and_have_one_session)
{
	for (int gap = -300; gap <= 300; gap += 30) {
		meet();
		usec now = SEC(10);
		struct node *first = gap < 0 ? b : a, *second = gap < 0 ? a : b;
		restart(first, second, now);
		usec second_at = now + MSEC(gap < 0 ? -gap : gap);
		/* Meanwhile nobody is at the other end. */
		for (; now < second_at; now += MSEC(10)) {
			mesh_tick(first->m, now, &first->out);
			outbox_clear(&first->out);
		}
		restart(second, first, now);
		assert_true(both_up_after(&now, SEC(3)) < SEC(3));
		run(&now, now + SEC(3));
		const struct session *sa = node_peer(a, b)->tunnel.current;
		const struct session *sb = node_peer(b, a)->tunnel.current;
		assert_int_equal(sa->local_index, sb->remote_index);
		assert_int_equal(sa->remote_index, sb->local_index);
		part();
	}
}

/* b moved to 192.0.2.5, then a restarts. */
static void roam_and_restart(bool endpoint, const struct addr *configured)
{
	static struct letter l;

	meet();
	node_send(b, 1, SEC(2));
	assert_int_equal(node_take(b, &l, 1), 1);
	l.via.remote = node_outside(5);
	node_hand(a, &l, 1, SEC(2));
	struct delta *d = whole(a, b, endpoint);
	if (configured != NULL)
		d->peers[0].endpoint = *configured;
	restart_with(a, SEC(3), d);
}

static void assert_sends_to(const struct node *n, const struct node *peer, struct addr where)
{
	assert_true(addr_equal(&node_peer(n, peer)->via.remote, &where));
}

TEST(a_peer_that_roamed_is_called_where_it_went)
{
	roam_and_restart(true, NULL);
	assert_sends_to(a, b, node_outside(5));
	part();
	roam_and_restart(false, NULL);
	assert_sends_to(a, b, node_outside(5));
	part();
}

TEST(an_endpoint_that_the_configuration_changed_counts_more)
{
	struct addr fresh = node_outside(6);
	roam_and_restart(true, &fresh);
	assert_sends_to(a, b, fresh);
	part();
}

TEST(the_place_of_a_peer_that_stays_silent_is_kept_over_many_restarts)
{
	roam_and_restart(true, NULL);
	restart(a, b, HOUR);
	restart(a, b, 2 * HOUR);
	assert_sends_to(a, b, node_outside(5));
	assert_int_equal(fact_of(a, b, 3 * HOUR).seen, (ENV_FAKE_WALL + SEC(2)) / SEC(1));
	part();
}

/* --- peers that come later, and that go --------------------------------------------------------------------------- */

static size_t known(const struct node *n)
{
	struct past past;

	assert_int_equal(mesh_past(n->m, SEC(50), &past), 0);
	size_t count = past.count;
	past_free(&past);
	return count;
}

TEST(a_peer_that_is_configured_later_gets_its_part_then)
{
	meet();
	restart_with(a, SEC(2), node_identity(a)); /* as wg set private-key does */
	assert_int_equal(known(a), 1);             /* and is not lost meanwhile */
	struct delta *d = delta_new();
	node_add_peer(d, b, "", false, false);
	node_apply(a, d, SEC(20));
	assert_sends_to(a, b, node_outside(2));
	assert_int_equal(known(a), 1);
	usec now = SEC(20);
	assert_true(both_up_after(&now, SEC(1)) < SEC(1));
	part();
}

TEST(an_identity_that_comes_after_its_peers_finds_them)
{
	meet();
	struct delta *d = delta_new();
	node_add_peer(d, b, "", false, false);
	restart_with(a, SEC(2), d);
	assert_false(addr_is_set(&node_peer(a, b)->via.remote));
	node_apply(a, node_identity(a), SEC(3));
	assert_sends_to(a, b, node_outside(2));
	part();
}

TEST(another_identity_gets_nothing)
{
	meet();
	struct delta *d = node_identity(a);
	memset(d->private_key.bytes, 0x47, KEY_LEN);
	key_private_clamp(&d->private_key);
	node_add_peer(d, b, "", false, false);
	restart_with(a, SEC(2), d);
	assert_false(addr_is_set(&node_peer(a, b)->via.remote));
	assert_int_equal(load_be64(node_peer(a, b)->tunnel.timestamp_sent), 0);
	part();
}

TEST(removing_a_peer_forgets_it)
{
	meet();
	struct delta *d = delta_new();
	delta_add_peer(d, &b->key)->remove = true;
	node_apply(a, d, SEC(2));
	assert_int_equal(known(a), 0);
	restart(a, b, SEC(3));
	assert_int_equal(load_be64(node_peer(a, b)->tunnel.timestamp_sent), 0);
	part();
}

TEST(removing_a_peer_that_was_not_configured_yet_forgets_it)
{
	meet();
	restart_with(a, SEC(2), node_identity(a));
	uint64_t places = mesh_places(a->m);
	struct delta *d = delta_new();
	delta_add_peer(d, &b->key)->remove = true;
	node_apply(a, d, SEC(3));
	assert_int_equal(known(a), 0);
	assert_true(mesh_places(a->m) > places); /* to be written */
	part();
}

TEST(whoever_a_whole_configuration_does_not_name_is_forgotten)
{
	meet();
	struct delta *d = node_identity(a);
	d->replace_peers = true;
	restart_with(a, SEC(2), d);
	assert_int_equal(known(a), 0);
	part();
}

/* --- order -------------------------------------------------------------------------------------------------------- */

TEST(is_found_by_key_and_each_key_once)
{
	struct past past;
	struct key_public self = {{1}}, key = {{0}};

	assert_int_equal(past_init(&past, &self, 300), 0);
	assert_null(past_find(&past, &key));
	for (unsigned i = 0; i < 300; i++) {
		past.peers[past.count] = (struct past_peer){.seen = i % 100};
		past.peers[past.count++].key.bytes[7] = (uint8_t)(i % 100 * 77);
	}
	assert_int_equal(past_sort(&past), 200);
	assert_int_equal(past.count, 100);
	for (unsigned i = 0; i < 100; i++) {
		key.bytes[7] = (uint8_t)(i * 77);
		assert_int_equal(past_find(&past, &key)->seen, i);
	}
	key.bytes[8] = 1;
	assert_null(past_find(&past, &key));
	past_free(&past);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(says_where_a_peer_is_when_it_was_heard_and_both_greatest_timestamps),
		RUN(says_nothing_of_what_never_was),
		RUN(tells_of_changes_of_place_and_of_who_is_there),
		RUN(f53_an_initiation_dated_by_a_clock_that_was_set_ahead_is_to_be_written_down),
		RUN(f53_the_first_initiation_is_to_be_written_down),
		RUN(f53_an_initiation_dated_as_a_restart_would_guess_is_no_news),
		RUN(the_first_initiation_after_a_restart_is_241_s_after_the_last_that_was_written_down_or_now),
		RUN(a_captured_initiation_is_refused_after_a_restart),
		RUN(vuln_44_what_was_received_from_far_ahead_is_not_written_down),
		RUN(what_was_received_from_less_than_an_hour_ahead_is_written_down),
		RUN(one_that_would_pass_the_end_of_time_stays_there),
		RUN(never_goes_back),
		RUN(f53_a_clock_that_was_wrong_locks_nobody_out),
		RUN(warns_when_handshakes_run_ahead_of_the_clock),
		RUN(f01_a_restarted_node_calls_at_once_whom_it_heard_of_late),
		RUN(calls_are_spread_over_a_fifth_of_a_second),
		RUN(who_was_never_heard_is_not_called),
		RUN(f02_both_restart_and_have_one_session),
		RUN(a_peer_that_roamed_is_called_where_it_went),
		RUN(an_endpoint_that_the_configuration_changed_counts_more),
		RUN(the_place_of_a_peer_that_stays_silent_is_kept_over_many_restarts),
		RUN(a_peer_that_is_configured_later_gets_its_part_then),
		RUN(an_identity_that_comes_after_its_peers_finds_them),
		RUN(another_identity_gets_nothing),
		RUN(removing_a_peer_forgets_it),
		RUN(removing_a_peer_that_was_not_configured_yet_forgets_it),
		RUN(whoever_a_whole_configuration_does_not_name_is_forgotten),
		RUN(is_found_by_key_and_each_key_once),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
