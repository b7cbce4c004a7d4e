/* A node whose host moves, sleeps, loops and overlaps. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW TRIO_NOW

static struct host at_home, away, woken;
static struct letter l[4];

static struct host_address subnet(const char *text, uint32_t link)
{
	struct host_address a = {.link = link};

	assert_true(prefix_parse(&a.prefix, text));
	return a;
}

/* The three nodes; the host of node 1 is at home. */
static int start(void **state)
{
	trio_start(state);
	at_home = (struct host){
		.outside = {.items = {subnet("192.0.2.1/24", 2)}, .count = 1},
		.inside = {.items = {subnet("10.66.0.1/24", 7)}, .count = 1},
		.defaults = {{.family = ADDR_V4, .link = 2, .table = 254}},
		.default_count = 1,
	};
	away = at_home;
	away.outside.items[0] = subnet("203.0.113.9/24", 3);
	mesh_host_changed(one->m, &at_home, NOW, &one->out);
	outbox_clear(&one->out);
	return 0;
}

/* What node 1 sends by `at`, after its host changed at `now`. */
static size_t sent_after(const struct host *h, usec now, usec at)
{
	outbox_clear(&one->out);
	mesh_host_changed(one->m, h, now, &one->out);
	mesh_tick(one->m, at, &one->out);
	return node_take(one, l, 4);
}

TEST(f30_a_peer_with_a_session_gets_one_keepalive_within_200_ms)
{
	node_connect(one, two, NOW);
	assert_int_equal(sent_after(&away, NOW + SEC(1), NOW + SEC(1) + PEER_ANNOUNCE_WITHIN), 1);
	assert_int_equal(l[0].to, 2);
	assert_int_equal(l[0].len, MESSAGE_DATA_MIN);
	mesh_tick(one->m, NOW + SEC(1) + PEER_HEARD_WITHIN - 1, &one->out);
	assert_int_equal(node_take(one, l, 4), 0);
}

TEST(a_default_route_by_another_link_is_a_change)
{
	node_connect(one, two, NOW);
	away = at_home;
	away.defaults[0].link = 9;
	assert_int_equal(sent_after(&away, NOW, NOW + PEER_ANNOUNCE_WITHIN), 1);
}

TEST(what_concerns_the_overlay_alone_is_no_change)
{
	node_connect(one, two, NOW);
	away = at_home;
	away.inside.items[0] = subnet("10.66.0.8/24", 7);
	away.overlay.mtu = 1280;
	assert_int_equal(sent_after(&at_home, NOW, NOW + PEER_ANNOUNCE_WITHIN), 0);
	assert_int_equal(sent_after(&away, NOW, NOW + PEER_ANNOUNCE_WITHIN), 0);
}

TEST(our_address_is_forgotten_on_the_way_to_every_peer)
{
	struct peer *peers[] = {node_peer(one, two), node_peer(one, three)};

	for (int i = 0; i < 2; i++)
		peers[i]->via.local = node_outside(1);
	mesh_host_changed(one->m, &at_home, NOW, &one->out);
	for (int i = 0; i < 2; i++)
		assert_true(addr_is_set(&peers[i]->via.local));
	mesh_host_changed(one->m, &away, NOW, &one->out);
	for (int i = 0; i < 2; i++)
		assert_false(addr_is_set(&peers[i]->via.local));
}

TEST(f52_after_a_long_sleep_a_peer_of_before_gets_an_initiation)
{
	woken = at_home;
	node_connect(one, two, NOW);
	woken.slept_at = NOW + SEC(100);
	woken.woke_at = NOW + SEC(4000);
	assert_int_equal(sent_after(&woken, woken.woke_at, woken.woke_at + PEER_ANNOUNCE_WITHIN),
			 1);
	assert_int_equal(l[0].to, 2);
	assert_int_equal(l[0].len, sizeof(struct message_initiation));
	assert_int_equal(sent_after(&woken, woken.woke_at + SEC(1), woken.woke_at + SEC(1)), 0);
}

TEST(f52_sleep_is_no_silence_of_the_peer)
{
	node_connect(one, two, NOW);
	woken = at_home;
	woken.slept_at = NOW + SEC(100);
	woken.woke_at = NOW + SEC(4000);
	mesh_host_changed(one->m, &woken, woken.woke_at, &one->out);
	assert_int_not_equal(node_peer(one, two)->announce_at, USEC_NEVER);
}

TEST(a_peer_silent_for_two_minutes_is_left_alone)
{
	node_connect(one, two, NOW);
	usec heard_at = node_peer(one, two)->tunnel.stats.heard_at;
	mesh_host_changed(one->m, &away, heard_at + MESH_ACTIVE_FOR + 1, &one->out);
	assert_int_equal(node_peer(one, two)->announce_at, USEC_NEVER);
	mesh_host_changed(one->m, &at_home, heard_at + MESH_ACTIVE_FOR, &one->out);
	assert_int_not_equal(node_peer(one, two)->announce_at, USEC_NEVER);
}

TEST(who_was_sent_something_since_is_not_told_again)
{
	node_connect(one, two, NOW);
	outbox_clear(&one->out);
	mesh_host_changed(one->m, &away, NOW, &one->out);
	node_send(one, 2, NOW);
	assert_int_equal(node_take(one, l, 4), 1);
	mesh_tick(one->m, NOW + PEER_ANNOUNCE_WITHIN, &one->out);
	assert_int_equal(node_take(one, l, 4), 0);
}

TEST(f33_what_comes_to_an_old_address_does_not_bring_it_back_until_the_peer_is_told)
{
	struct via via;

	node_connect(one, two, NOW);
	via = node_peer(one, two)->via;
	via.local = node_outside(1);
	away.defaults[0].link = 3;
	mesh_host_changed(one->m, &away, NOW, &one->out);
	peer_heard(node_peer(one, two), &via, &one->m->host, NOW);
	assert_false(addr_is_set(&node_peer(one, two)->via.local));
	mesh_tick(one->m, NOW + PEER_ANNOUNCE_WITHIN, &one->out);
	via.local = addr_v4(away.outside.items[0].prefix.ip, 51820);
	peer_heard(node_peer(one, two), &via, &one->m->host, NOW);
	assert_true(addr_is_set(&node_peer(one, two)->via.local));
}

/* Node 2 is heard at `local` of node 1. */
static void hear_at(const char *local, usec now)
{
	struct via via = node_peer(one, two)->via;

	assert_true(addr_parse_ip(&via.local, local));
	via.remote = addr_v4((uint8_t[]){198, 51, 100, 2}, 51820);
	peer_heard(node_peer(one, two), &via, &one->m->host, now);
	mesh_settle(one->m, node_peer(one, two), now, &one->out);
}

static bool is_pinned(void)
{
	return addr_is_set(&node_peer(one, two)->via.local);
}

/* What node 1 sends in the second after `now`. */
static size_t sent_within_1_s(usec now)
{
	outbox_clear(&one->out);
	for (int i = 0; i <= 100; i++)
		mesh_tick(one->m, now + i * MSEC(10), &one->out);
	return node_take(one, l, 4);
}

/* Two uplinks: the first is used and heard on, then the default route flips to the second. The first keeps its address. */
static void flip(void)
{
	at_home.outside.items[1] = subnet("203.0.113.9/24", 3);
	at_home.outside.count = 2;
	mesh_host_changed(one->m, &at_home, NOW, &one->out);
	sent_within_1_s(NOW);
	hear_at("192.0.2.1", NOW + SEC(1));
	assert_true(is_pinned());
	away = at_home;
	away.defaults[0].link = 3;
	mesh_host_changed(one->m, &away, NOW + SEC(2), &one->out);
}

TEST(f33_f38_what_comes_to_an_address_that_leads_out_no_more_is_answered_from_the_one_that_does)
{
	node_connect(one, two, NOW);
	flip();
	mesh_tick(one->m, NOW + SEC(2) + PEER_ANNOUNCE_WITHIN, &one->out); /* it is lost */
	hear_at("192.0.2.1", NOW + SEC(3));
	assert_false(is_pinned());
	hear_at("203.0.113.9", NOW + SEC(3));
	assert_true(is_pinned());
}

TEST(f38_also_when_the_peer_was_last_heard_at_the_one_that_does)
{
	node_connect(one, two, NOW);
	flip();
	hear_at("203.0.113.9", NOW + SEC(3));
	mesh_host_changed(one->m, &at_home, NOW + SEC(4), &one->out);
	assert_int_equal(sent_within_1_s(NOW + SEC(4)), 2); /* and all is lost that follows */
	mesh_host_changed(one->m, &away, NOW + SEC(5), &one->out);
	mesh_tick(one->m, NOW + SEC(5) + PEER_ANNOUNCE_WITHIN, &one->out);
	hear_at("192.0.2.1", NOW + SEC(6));
	assert_false(is_pinned());
}

TEST(f31_an_announcement_that_nobody_heard_is_followed_by_a_handshake_within_1_s)
{
	node_connect(one, two, NOW);
	flip();
	assert_int_equal(sent_within_1_s(NOW + SEC(2)), 2);
	assert_int_equal(l[0].len, MESSAGE_DATA_MIN);
	assert_int_equal(l[1].len, sizeof(struct message_initiation));
}

TEST(f31_also_when_the_old_address_is_gone)
{
	node_connect(one, two, NOW);
	hear_at("192.0.2.1", NOW);
	mesh_host_changed(one->m, &away, NOW + SEC(2), &one->out);
	assert_int_equal(sent_within_1_s(NOW + SEC(2)), 2);
	assert_int_equal(l[1].len, sizeof(struct message_initiation));
}

TEST(f31_also_when_it_is_found_out_by_what_the_peer_sends_later)
{
	node_connect(one, two, NOW);
	flip();
	node_peer(one, two)->ask_at = USEC_NEVER;
	assert_int_equal(sent_within_1_s(NOW + SEC(2)), 1);
	hear_at("192.0.2.1", NOW + SEC(3));
	assert_int_equal(sent_within_1_s(NOW + SEC(3)), 1);
	assert_int_equal(l[0].len, sizeof(struct message_initiation));
}

TEST(f31_who_was_heard_at_the_new_address_gets_no_handshake)
{
	node_connect(one, two, NOW);
	flip();
	mesh_tick(one->m, NOW + SEC(2) + PEER_ANNOUNCE_WITHIN, &one->out);
	hear_at("203.0.113.9", NOW + SEC(2) + PEER_ANNOUNCE_WITHIN);
	assert_int_equal(sent_within_1_s(NOW + SEC(2) + PEER_ANNOUNCE_WITHIN), 0);
}

TEST(f31_there_is_one_handshake_for_each_change)
{
	node_connect(one, two, NOW);
	flip();
	assert_int_equal(sent_within_1_s(NOW + SEC(2)), 2);
	hear_at("192.0.2.1", NOW + SEC(3));
	assert_int_equal(node_peer(one, two)->ask_at, USEC_NEVER);
}

TEST(nobody_is_told_by_a_node_that_never_spoke)
{
	assert_int_equal(sent_after(&away, NOW, NOW + SEC(1)), 0);
	assert_int_equal(mesh_deadline(one->m), USEC_NEVER);
}

/* --- loops ------------------------------------------------------------------------------------------------------ */

/* A UDP packet from 192.0.2.1 (or another) to node 2's endpoint. */
static void write_udp(uint8_t packet[static 36], uint8_t from, uint16_t from_port, uint16_t to_port,
		      uint16_t fragment)
{
	memset(packet, 0, 36);
	packet[0] = 0x45;
	store_be16(packet + 2, 36);
	store_be16(packet + 6, fragment);
	packet[9] = IP_PROTOCOL_UDP;
	memcpy(packet + 12, (uint8_t[]){192, 0, 2, from, 192, 0, 2, 2}, 8);
	store_be16(packet + 20, from_port);
	store_be16(packet + 22, to_port);
}

static uint64_t loops(void)
{
	return node_drops(one, DROP_LOOP);
}

/* A check is under way on one. */
static void start_natcheck(void)
{
	struct conf_list servers = {0};
	struct delta *d = delta_new();

	assert_true(conf_list_add(&servers, "198.51.100.1"));
	d->stun = &servers;
	node_apply(one, d, NOW);
	conf_list_free(&servers);
	for (usec now = NOW; now <= NOW + OUTSIDE_SETTLE; now += MSEC(10))
		mesh_tick(one->m, now, &one->out);
	assert_int_equal(one->m->outside.phase, OUTSIDE_CHECKING);
	outbox_clear(&one->out);
}

static void assert_looks_again(void)
{
	assert_true(mesh_deadline(one->m) <= NOW + SEC(1));
	mesh_tick(one->m, NOW + SEC(1), &one->out);
	assert_int_equal(one->m->outside.phase, OUTSIDE_IDLE);
	outbox_clear(&one->out);
	mesh_tick(one->m, NOW + SEC(1) + OUTSIDE_SETTLE, &one->out);
	assert_int_equal(one->m->outside.phase, OUTSIDE_CHECKING);
	assert_int_equal(one->m->outside.started, 2);
}

TEST(f33_on_another_network_the_nat_is_looked_at_anew)
{
	start_natcheck();
	mesh_host_changed(one->m, &at_home, NOW + SEC(1), &one->out);
	assert_false(one->m->outside.restart);
	mesh_host_changed(one->m, &away, NOW + SEC(1), &one->out);
	assert_looks_again();
}

TEST(f52_after_sleep_the_nat_is_looked_at_anew)
{
	start_natcheck();
	at_home.slept_at = NOW + MSEC(500);
	at_home.woke_at = NOW + SEC(1);
	mesh_host_changed(one->m, &at_home, NOW + SEC(1), &one->out);
	assert_looks_again();
}

TEST(another_port_or_mark_has_the_nat_looked_at_anew)
{
	start_natcheck();
	mesh_port_changed(one->m, one->m->listen_port);
	assert_false(one->m->outside.restart);
	mesh_port_changed(one->m, 4711);
	assert_looks_again();
	struct delta *d = delta_new();
	d->has_fwmark = true;
	d->fwmark = 7;
	node_apply(one, d, NOW + SEC(2));
	assert_true(one->m->outside.restart);
}

TEST(f39_our_own_datagram_from_the_tun_is_dropped_and_told_of_once)
{
	uint8_t p[36];
	unsigned lines = one->env.lines;

	write_udp(p, 1, 51820, 51820, 0);
	for (unsigned i = 1; i <= 3; i++) {
		node_send_bytes(one, p, sizeof p, NOW);
		assert_int_equal(loops(), i);
	}
	assert_int_equal(node_drops(one, DROP_NO_PEER), 0);
	assert_int_equal(one->env.lines, lines + 1);
	write_udp(p, 1, 0, 0, 7); /* its other fragments */
	node_send_bytes(one, p, sizeof p, NOW);
	assert_int_equal(loops(), 4);
}

TEST(others_packets_that_look_like_ours_pass)
{
	uint8_t p[36];

	write_udp(p, 77, 51820, 51820, 0); /* a guest's WireGuard, forwarded by this host */
	node_send_bytes(one, p, sizeof p, NOW);
	write_udp(p, 1, 51821, 51820, 0); /* another program of this host */
	node_send_bytes(one, p, sizeof p, NOW);
	write_udp(p, 1, 51820, 53, 0); /* not to a peer */
	node_send_bytes(one, p, sizeof p, NOW);
	write_udp(p, 1, 51820, 51820, 7); /* a fragment, and no loop was seen */
	node_send_bytes(one, p, sizeof p, NOW);
	write_udp(p, 1, 51820, 51820, 0);
	p[9] = 6;
	node_send_bytes(one, p, sizeof p, NOW);
	assert_int_equal(loops(), 0);
	assert_int_equal(node_drops(one, DROP_NO_PEER), 5);
}

/* --- overlaps --------------------------------------------------------------------------------------------------- */

TEST(f40_a_subnet_outside_that_overlaps_the_overlay_is_told_of_once)
{
	unsigned lines = one->env.lines;

	away.outside.items[1] = subnet("10.66.0.200/25", 4);
	away.outside.count = 2;
	mesh_host_changed(one->m, &away, NOW, &one->out);
	assert_int_equal(one->env.lines, lines + 1);
	mesh_host_changed(one->m, &away, NOW, &one->out);
	assert_int_equal(one->env.lines, lines + 1);
}

TEST(f40_allowed_ips_count_also_when_they_come_later)
{
	struct delta *d = delta_new();
	struct delta_peer *p = node_add_peer(d, two, "", false, false);
	struct prefix everything = {.family = ADDR_V4}, lan = subnet("192.0.2.128/25", 0).prefix;
	unsigned lines = one->env.lines;

	assert_non_null(p);
	assert_true(delta_add_allowed(p, &everything, false));
	node_apply(one, d, NOW);
	assert_int_equal(one->env.lines, lines);

	d = delta_new();
	p = node_add_peer(d, two, "", false, false);
	assert_true(delta_add_allowed(p, &lan, false));
	node_apply(one, d, NOW);
	assert_int_equal(one->env.lines, lines + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH(name) cmocka_unit_test_setup_teardown(name, start, trio_stop)
		WITH(f30_a_peer_with_a_session_gets_one_keepalive_within_200_ms),
		WITH(a_default_route_by_another_link_is_a_change),
		WITH(what_concerns_the_overlay_alone_is_no_change),
		WITH(our_address_is_forgotten_on_the_way_to_every_peer),
		WITH(f52_after_a_long_sleep_a_peer_of_before_gets_an_initiation),
		WITH(f52_sleep_is_no_silence_of_the_peer),
		WITH(a_peer_silent_for_two_minutes_is_left_alone),
		WITH(who_was_sent_something_since_is_not_told_again),
		WITH(f33_what_comes_to_an_old_address_does_not_bring_it_back_until_the_peer_is_told),
		WITH(f33_f38_what_comes_to_an_address_that_leads_out_no_more_is_answered_from_the_one_that_does),
		WITH(f38_also_when_the_peer_was_last_heard_at_the_one_that_does),
		WITH(f31_an_announcement_that_nobody_heard_is_followed_by_a_handshake_within_1_s),
		WITH(f31_also_when_the_old_address_is_gone),
		WITH(f31_also_when_it_is_found_out_by_what_the_peer_sends_later),
		WITH(f31_who_was_heard_at_the_new_address_gets_no_handshake),
		WITH(f31_there_is_one_handshake_for_each_change),
		WITH(nobody_is_told_by_a_node_that_never_spoke),
		WITH(f33_on_another_network_the_nat_is_looked_at_anew),
		WITH(f52_after_sleep_the_nat_is_looked_at_anew),
		WITH(another_port_or_mark_has_the_nat_looked_at_anew),
		WITH(f39_our_own_datagram_from_the_tun_is_dropped_and_told_of_once),
		WITH(others_packets_that_look_like_ours_pass),
		WITH(f40_a_subnet_outside_that_overlaps_the_overlay_is_told_of_once),
		WITH(f40_allowed_ips_count_also_when_they_come_later),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
