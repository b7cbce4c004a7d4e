/* A peer whose endpoint is a name, from the question to the handshake that decides: what name servers say, to a node whose peer is or is
 * not where they say (reliability.md, F68). */
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW SEC(1000)

/* Node 1 knows node 2 by name only; node 2 knows node 1 without an endpoint. */
static void introduce(uint16_t keepalive)
{
	struct delta *d = node_identity(one);
	struct delta_peer *p = node_add_peer(d, two, "vps", false, false);

	p->host = "vps.example.net";
	p->port = 51820;
	p->has_keepalive = true;
	p->keepalive = keepalive;
	node_apply(one, d, NOW);
	d = node_identity(two);
	node_add_peer(d, one, "", false, false);
	node_apply(two, d, NOW);
}

static int start(void **state)
{
	(void)state;
	node_start(1);
	node_start(2);
	introduce(0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	node_stop(one);
	node_stop(two);
	return 0;
}

/* The id of the only question the node asks; 0: it asks none. */
static uint64_t take_question(void)
{
	uint64_t id = one->out.action_count > 0 ? one->out.actions[0].id : 0;

	assert_in_range(one->out.action_count, 0, 1);
	one->out.action_count = 0;
	return id;
}

static struct addr address(uint8_t last)
{
	return addr_v4((uint8_t[]){192, 0, 2, last}, 0);
}

static void answer_all(uint64_t id, const struct addr *addrs, size_t count, usec now)
{
	mesh_resolved(one->m, id, addrs, count, now, &one->out);
}

/* Takes the question and answers with this. */
static void answer(uint8_t last, usec now)
{
	struct addr a = address(last);
	uint64_t id = take_question();

	assert_int_not_equal(id, 0);
	answer_all(id, &a, 1, now);
}

static const struct peer *peer(void)
{
	return mesh_peer_find(one->m, &two->key);
}

static void assert_way(const char *expected)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_print(&peer()->via.remote, text), expected);
}

/* The node's only datagram goes to this node. */
static void assert_sends_to(uint8_t number)
{
	static struct letter letters[BATCH_MAX];

	assert_int_equal(node_take(one, letters, BATCH_MAX), 1);
	assert_int_equal(letters[0].to, number);
}

/* Resolved and talking. */
static void connect_both(void)
{
	answer(2, NOW);
	node_connect(one, two, NOW);
	mesh_tick(two->m, NOW + SEC(10), &two->out); /* a keepalive: it owes no answer any more */
	node_settle(one, two, NOW + SEC(10));
	assert_true(tunnel_has_session(&peer()->tunnel, NOW));
	assert_true(tunnel_silent_since(&peer()->tunnel) == USEC_NEVER);
}

/* An inner packet leaves every 100 ms and nothing comes back; until the node asks, or the end. When it did. */
static usec send_until_it_asks(usec from, usec to)
{
	for (usec now = from; now <= to; now += MSEC(100)) {
		node_send(one, 2, now);
		mesh_tick(one->m, now, &one->out);
		if (one->out.action_count > 0)
			return now;
		outbox_clear(&one->out);
	}
	return USEC_NEVER;
}

TEST(F68_the_name_is_asked_for_at_once_and_the_tunnel_comes_up)
{
	uint64_t id = take_question();
	struct addr a = address(2);

	assert_string_equal(mesh_endpoint_name(one->m, id), "vps.example.net");
	assert_int_equal(peer()->via.kind, VIA_NONE);
	answer_all(id, &a, 1, NOW);
	assert_null(mesh_endpoint_name(one->m, id)); /* nobody waits any more */
	assert_way("192.0.2.2:51820");
	node_connect(one, two, NOW);
	assert_true(tunnel_has_session(&peer()->tunnel, NOW));
	assert_int_equal(peer()->switches, 0);
}

TEST(F68_what_waited_for_an_endpoint_leaves_when_the_answer_comes)
{
	node_stop(one);
	node_start(1);
	introduce(25);
	assert_int_equal(one->out.net.count, 0);
	answer(2, NOW + SEC(30));
	assert_sends_to(2);
}

TEST(F68_without_an_answer_it_is_asked_again)
{
	answer_all(take_question(), NULL, 0, NOW + SEC(4));
	assert_non_null(strstr(one->env.last_line, "vps.example.net"));
	assert_int_equal(mesh_deadline(one->m), NOW + LOOKUP_RETRY);
	mesh_tick(one->m, NOW + LOOKUP_RETRY, &one->out);
	one->env.last_line[0] = '\0';
	answer_all(take_question(), NULL, 0, NOW + SEC(9));
	assert_string_equal(one->env.last_line, ""); /* told once */
	mesh_tick(one->m, NOW + SEC(10), &one->out);
	answer(2, NOW + SEC(10));
	assert_way("192.0.2.2:51820");
}

TEST(F68_a_peer_that_talks_stays_where_it_is_whatever_the_name_says)
{
	connect_both();
	usec later = NOW + SEC(150);
	node_connect(two, one, later);
	mesh_tick(one->m, NOW + SEC(1800), &one->out);
	uint64_t digest;

	node_connect(one, two, NOW + SEC(1800));
	answer(9, NOW + SEC(1800));
	assert_way("192.0.2.2:51820");
	assert_int_equal(one->out.net.count, 0); /* nor is it asked whether it is there */
	digest = node_digest_peer(one, two);
	mesh_tick(one->m, NOW + SEC(1801), &one->out);
	assert_true(digest == node_digest_peer(one, two));
}

TEST(F68_a_silent_peer_is_sought_where_its_name_leads)
{
	usec asked_at;

	connect_both();
	asked_at = send_until_it_asks(NOW + SEC(60), NOW + SEC(90));
	assert_in_range(asked_at, NOW + SEC(65), NOW + SEC(65) + MSEC(100));
	outbox_clear(&one->out);
	struct addr a = address(3);
	answer_all(peer()->id, &a, 1, asked_at);
	assert_sends_to(3); /* an initiation */
	assert_way("192.0.2.2:51820");
	node_send(one, 2, asked_at);
	assert_sends_to(2); /* data waits for the proof */
}

TEST(F68_a_silent_peer_is_given_up_in_the_end)
{
	usec now, began;

	connect_both();
	began = now = send_until_it_asks(NOW + SEC(60), NOW + SEC(90));
	while (!peer()->down && now < NOW + SEC(300)) {
		outbox_clear(&one->out);
		struct addr a = address(3);
		answer_all(peer()->id, &a, 1, now);
		now = send_until_it_asks(now + MSEC(100), NOW + SEC(300));
	}
	assert_in_range(now, began + SEC(90), began + SEC(91));
}

TEST(F68_where_it_answers_it_is)
{
	static struct letter letters[BATCH_MAX];
	struct addr third = node_outside(3), a = address(3);
	usec now;

	connect_both();
	now = send_until_it_asks(NOW + SEC(60), NOW + SEC(90));
	outbox_clear(&one->out);
	answer_all(peer()->id, &a, 1, now);
	assert_int_equal(node_take(one, letters, BATCH_MAX), 1);
	node_hand(two, letters, 1, now);
	assert_int_equal(node_take(two, letters, BATCH_MAX), 1);
	node_hand_bytes(one, letters[0].data, letters[0].len, &third, now);
	assert_way("192.0.2.3:51820");
	assert_int_equal(peer()->lookup.turn, 0);
	assert_true(peer()->tunnel.stats.handshakes_done == 2);
}

TEST(F68_a_poisoned_answer_costs_the_session_nothing)
{
	struct addr a = address(6); /* nobody we know */
	usec now;

	connect_both();
	now = send_until_it_asks(NOW + SEC(60), NOW + SEC(90));
	outbox_clear(&one->out);
	answer_all(peer()->id, &a, 1, now);
	outbox_clear(&one->out);
	/* The peer was only slow. */
	node_connect(two, one, now + MSEC(100));
	assert_way("192.0.2.2:51820");
	node_send(one, 2, now + MSEC(200));
	assert_sends_to(2);
	/* And the handshake that was begun ends where the peer is. */
	mesh_tick(one->m, now + SEC(6), &one->out);
	assert_sends_to(2);
}

TEST(F68_addresses_are_tried_in_turn)
{
	static const uint8_t expected[] = {5, 6, 2, 5};
	struct addr a[] = {address(5), address(6), address(2)};
	usec now = NOW;

	answer_all(take_question(), a, 3, NOW);
	node_send(one, 2, NOW);
	for (size_t i = 0; i < sizeof expected; i++) {
		if (i > 0) {
			now = mesh_deadline(one->m);
			mesh_tick(one->m, now, &one->out);
		}
		assert_sends_to(expected[i]);
	}
}

TEST(F68_an_address_that_was_never_heard_gives_way_to_a_newer_answer)
{
	answer(5, NOW);
	assert_way("192.0.2.5:51820");
	mesh_tick(one->m, NOW + SEC(120), &one->out);
	answer(2, NOW + SEC(120));
	assert_way("192.0.2.2:51820");
}

TEST(F68_without_a_session_the_next_handshake_goes_where_the_name_leads_now)
{
	connect_both();
	usec now = NOW + SEC(600);
	mesh_tick(one->m, now, &one->out);
	outbox_clear(&one->out);
	struct addr a = address(3);
	answer_all(peer()->id, &a, 1, now);
	assert_int_equal(one->out.net.count, 0); /* nobody wants one */
	node_send(one, 2, now);
	assert_sends_to(3);
	mesh_tick(one->m, now + SEC(1), &one->out);
	assert_sends_to(2); /* where it was */
}

TEST(F68_a_peer_that_does_not_answer_is_asked_for_every_15_s_and_when_it_is_given_up)
{
	unsigned asked = 0;
	bool down = false;

	answer(5, NOW);
	node_send(one, 2, NOW);
	for (usec now = NOW; !down; now += MSEC(100)) {
		mesh_tick(one->m, now, &one->out);
		if (one->out.action_count > 0) {
			answer(5, now);
			asked++;
			down = peer()->down;
		}
		outbox_clear(&one->out);
		assert_true(now < NOW + SEC(100));
	}
	assert_int_equal(asked, 90 / 15); /* the last with the surrender */
}

TEST(F68_addresses_that_nobody_can_mean_are_refused)
{
	static const char *const wrong[] = {
		"0.0.0.0",         "::",
		"127.0.0.1",       "::1",
		"169.254.1.1",     "fe80::1",
		"224.0.0.1",       "ff02::1",
		"255.255.255.255", "::ffff:127.0.0.1",
		"10.66.0.2",       "2001:db8:66::2",
	};
	uint64_t id = take_question();

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		usec now = NOW + (usec)i * LOOKUP_RETRY;
		struct addr a;

		assert_true(addr_parse_ip(&a, wrong[i]));
		answer_all(id, &a, 1, now);
		assert_int_equal(peer()->via.kind, VIA_NONE);
		mesh_tick(one->m, now + LOOKUP_RETRY, &one->out);
		id = take_question();
	}
	struct addr mixed[] = {addr_v4((uint8_t[]){127, 0, 0, 1}, 0), address(2)};
	answer_all(id, mixed, 2, NOW + SEC(99));
	assert_way("192.0.2.2:51820");
	assert_int_equal(peer()->lookup.count, 1);
}

TEST(F68_a_name_that_the_file_drops_is_asked_for_no_more)
{
	struct addr elsewhere = address(3);
	struct delta *d = delta_new();
	uint64_t id;
	usec asked;

	connect_both();
	asked = send_until_it_asks(NOW + SEC(11), NOW + SEC(60));
	id = take_question();
	assert_int_not_equal(id, 0);
	delta_add_peer(d, &two->key)->forget_host = true;
	node_apply(one, d, asked);
	assert_null(mesh_endpoint_name(one->m, id));
	answer_all(id, &elsewhere, 1, asked);
	assert_true(send_until_it_asks(asked, NOW + SEC(4000)) == USEC_NEVER);
	assert_way("192.0.2.2:51820");
}

TEST(F68_localhost_is_loopback)
{
	struct addr a = addr_v4((uint8_t[]){127, 0, 0, 1}, 0);
	struct delta *d = delta_new();
	struct delta_peer *p = delta_add_peer(d, &two->key);

	p->host = "localhost";
	p->port = 51820;
	outbox_clear(&one->out);
	node_apply(one, d, NOW);
	answer_all(take_question(), &a, 1, NOW);
	assert_way("127.0.0.1:51820");
}

TEST(F68_a_huge_answer_is_cut)
{
	static struct addr a[200];

	for (size_t i = 0; i < 200; i++)
		a[i] = address((uint8_t)i);
	answer_all(take_question(), a, 200, NOW);
	assert_int_equal(peer()->lookup.count, LOOKUP_ADDRS);
}

TEST(F68_an_answer_for_a_peer_that_is_gone_or_did_not_ask_does_nothing)
{
	struct addr a = address(2);
	uint64_t id = take_question(), digest;
	struct delta *d;

	answer_all(id, &a, 1, NOW);
	digest = node_digest(one);
	a = address(3);
	answer_all(id, &a, 1, NOW);
	answer_all(0, &a, 1, NOW);
	answer_all(id + 1, &a, 1, NOW);
	assert_true(digest == node_digest(one));

	mesh_tick(one->m, NOW + SEC(120), &one->out);
	assert_int_equal(take_question(), id);
	d = delta_new();
	d->replace_peers = true;
	node_add_peer(d, two, "", false, true);
	node_apply(one, d, NOW + SEC(120));
	assert_null(mesh_endpoint_name(one->m, id));
	answer_all(id, &a, 1, NOW + SEC(121));
	assert_way("192.0.2.2:51820");
}

TEST(an_endpoint_set_by_wg_ends_the_name)
{
	struct delta *d = delta_new();
	struct delta_peer *p = delta_add_peer(d, &two->key);
	uint64_t id = take_question();
	struct addr a = address(5);

	p->has_endpoint = true;
	p->endpoint = node_outside(2);
	node_apply(one, d, NOW);
	answer_all(id, &a, 1, NOW);
	assert_way("192.0.2.2:51820");
	assert_true(mesh_deadline(one->m) == USEC_NEVER);
}

TEST(more_names_than_an_outbox_holds_are_asked_for_in_turn)
{
	struct delta *d = delta_new();
	unsigned asked = 0;

	outbox_clear(&one->out);
	for (unsigned i = 0; i < 3 * OUTBOX_ACTIONS; i++) {
		struct key_public key = {.bytes = {9, (uint8_t)i}};
		struct delta_peer *p = delta_add_peer(d, &key);
		p->host = "other.example.net";
		p->port = 1;
	}
	node_apply(one, d, NOW);
	for (int turns = 0; turns < 4; turns++) {
		asked += (unsigned)one->out.action_count;
		outbox_clear(&one->out);
		mesh_tick(one->m, NOW, &one->out);
	}
	assert_int_equal(asked, 3 * OUTBOX_ACTIONS);
}

static int start_crypto(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

#define WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start, stop)

/* A STUN server by name beside a peer by name: neither is taken for the other, and what nobody can mean is refused alike. */
TEST(stun_servers_are_asked_for_by_ids_of_their_own)
{
	static const char *const useless[] = {"127.0.0.1", "0.0.0.0", "224.0.0.1", "10.66.0.2"};
	struct conf_list servers = {0};
	struct delta *d = delta_new();
	struct addr a;

	take_question(); /* the peer's */
	assert_true(conf_list_add(&servers, "stun.example.org"));
	d->stun = &servers;
	node_apply(one, d, NOW);
	conf_list_free(&servers);
	mesh_tick(one->m, NOW, &one->out);
	mesh_tick(one->m, NOW + OUTSIDE_SETTLE, &one->out);
	assert_int_equal(one->out.action_count, 1);
	uint64_t id = one->out.actions[0].id;
	one->out.action_count = 0;
	assert_string_equal(mesh_endpoint_name(one->m, id), "stun.example.org");
	assert_string_equal(mesh_endpoint_name(one->m, 1), "vps.example.net");
	for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
		assert_true(addr_parse_ip(&a, useless[i]));
		one->m->outside.servers[0].asking = true;
		answer_all(id, &a, 1, NOW + SEC(1));
		assert_false(addr_is_set(&one->m->outside.servers[0].v4));
	}
	one->m->outside.servers[0].asking = true;
	a = address(9);
	answer_all(id, &a, 1, NOW + SEC(1));
	assert_int_equal(one->m->outside.servers[0].v4.ip[3], 9);
	assert_int_equal(one->m->outside.servers[0].v4.port, 3478);
	assert_string_equal(mesh_endpoint_name(one->m, 1), "vps.example.net");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_NODES(F68_the_name_is_asked_for_at_once_and_the_tunnel_comes_up),
		WITH_NODES(F68_what_waited_for_an_endpoint_leaves_when_the_answer_comes),
		WITH_NODES(F68_without_an_answer_it_is_asked_again),
		WITH_NODES(F68_a_peer_that_talks_stays_where_it_is_whatever_the_name_says),
		WITH_NODES(F68_a_silent_peer_is_sought_where_its_name_leads),
		WITH_NODES(F68_a_silent_peer_is_given_up_in_the_end),
		WITH_NODES(F68_where_it_answers_it_is),
		WITH_NODES(F68_a_poisoned_answer_costs_the_session_nothing),
		WITH_NODES(F68_addresses_are_tried_in_turn),
		WITH_NODES(F68_an_address_that_was_never_heard_gives_way_to_a_newer_answer),
		WITH_NODES(F68_without_a_session_the_next_handshake_goes_where_the_name_leads_now),
		WITH_NODES(
			F68_a_peer_that_does_not_answer_is_asked_for_every_15_s_and_when_it_is_given_up),
		WITH_NODES(F68_addresses_that_nobody_can_mean_are_refused),
		WITH_NODES(F68_a_name_that_the_file_drops_is_asked_for_no_more),
		WITH_NODES(F68_localhost_is_loopback),
		WITH_NODES(F68_a_huge_answer_is_cut),
		WITH_NODES(F68_an_answer_for_a_peer_that_is_gone_or_did_not_ask_does_nothing),
		WITH_NODES(an_endpoint_set_by_wg_ends_the_name),
		WITH_NODES(more_names_than_an_outbox_holds_are_asked_for_in_turn),
		WITH_NODES(stun_servers_are_asked_for_by_ids_of_their_own),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
