/* Life of a packet in: what is taken, what is answered, and what a node under load still does. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "nat/stun.h"
#include "support/forge.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW TRIO_NOW

static struct letter letters[BATCH_MAX];

static void connect_both(void)
{
	node_connect(two, one, NOW);
	node_connect(three, one, NOW);
	outbox_clear(&one->out);
}

/* Hand node 1 a datagram from the address of node `from`; the drop it was counted as. */
static enum drop hand_from(const void *data, size_t len, uint8_t from, usec now)
{
	struct addr there = node_outside(from);

	return node_hand_bytes(one, data, len, &there, now);
}

/* --- what is taken ---------------------------------------------------------------------------------------------- */

TEST(answers_an_initiation_where_it_came_from_and_by_the_address_it_was_sent_to)
{
	struct letter *l = node_initiation(two, 1, NOW);
	struct via way = {.kind = VIA_DIRECT,
			  .door = 1,
			  .remote = node_outside(99),
			  .local = node_outside(98)};

	l->via = way;
	node_hand(one, l, 1, NOW);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_RESPONSE);
	assert_memory_equal(&one->out.net.packets[0].via, &way, sizeof way);
	assert_int_equal(node_all_drops(one), 0);

	/* What is said to the peer from now on goes there, too. */
	const struct peer *p = node_peer(one, two);
	assert_memory_equal(&p->via, &way, sizeof way);
	assert_true(mesh_deadline(one->m) == NOW + ERASE_AFTER);
}

TEST(delivers_in_place_without_the_padding_and_touches_nothing_beside)
{
	static uint8_t memory[PACKET_HEAD + LETTER_MAX + PACKET_TAIL];
	static struct batch in;
	uint8_t packet[129];

	connect_both();
	for (size_t len = 40; len < sizeof packet; len++) {
		node_write_ip6(packet, 2, 1, len, (uint8_t)len);
		const struct letter *l = node_data(two, packet, len, NOW);
		assert_int_equal(l->len, 32 + (len + 15) / 16 * 16);
		memset(memory, 0xa5, sizeof memory);
		memcpy(memory + PACKET_HEAD, l->data, l->len);
		in = (struct batch){.packets[0] = {memory + PACKET_HEAD, l->len, l->via, 0},
				    .count = 1};
		mesh_inbound(one->m, &in, NOW, &one->out);
		assert_int_equal(one->out.tun.count, 1);
		assert_ptr_equal(one->out.tun.packets[0].data, memory + PACKET_HEAD + 16);
		assert_int_equal(one->out.tun.packets[0].len, len);
		assert_memory_equal(memory + PACKET_HEAD + 16, packet, len);
		for (size_t i = 0; i < sizeof memory; i++) {
			if (i == PACKET_HEAD)
				i += l->len;
			assert_int_equal(memory[i], 0xa5);
		}
		outbox_clear(&one->out);
	}
}

TEST(a_batch_may_mix_peers_and_kinds)
{
	static struct letter mixed[8];
	usec later = NOW + REKEY_AFTER + SEC(2);

	/* Data of 2, data of 3, an initiation by 2 (its session is old), and data of 2 again. */
	connect_both();
	mixed[0] = *node_ping(three, 1, NOW + 1);
	node_send(two, 1, later);
	assert_int_equal(node_take(two, letters, 2), 2);
	bool first = load_le32(letters[0].data) == MESSAGE_DATA;
	mixed[1] = letters[!first];
	mixed[2] = letters[first];
	assert_int_equal(load_le32(mixed[2].data), MESSAGE_INITIATION);
	mixed[3] = *node_ping(two, 1, later);
	mixed[4] = mixed[0]; /* again */
	mixed[5] = mixed[3];
	node_hand(one, mixed, 6, later);
	assert_int_equal(one->out.tun.count, 3);
	assert_int_equal(one->out.tun.packets[0].data[15], 3);
	assert_int_equal(one->out.tun.packets[1].data[15], 2);
	assert_int_equal(one->out.tun.packets[2].data[15], 2);
	assert_int_equal(node_drops(one, DROP_REPLAY), 2);
	assert_int_equal(node_all_drops(one), 2);
	size_t responses = 0;
	for (size_t i = 0; i < one->out.net.count; i++)
		responses += load_le32(one->out.net.packets[i].data) == MESSAGE_RESPONSE;
	assert_int_equal(responses, 1);
}

/* Whoever spoke before: a packet is taken from the owner of its source address only. */
TEST(vuln_35_each_packet_of_a_run_is_from_the_owner_of_its_source_address)
{
	static const struct {
		uint8_t by, source;
	} run[] = {{2, 2}, {2, 3}, {3, 3}, {3, 2}, {2, 2}, {2, 2}, {3, 2}, {3, 9}, {2, 9}, {3, 3}};
	size_t taken = 0;

	connect_both();
	for (size_t i = 0; i < sizeof run / sizeof *run; i++) {
		uint8_t packet[40];

		node_write_ip4(packet, run[i].source, 1, sizeof packet, 0);
		letters[i] = *node_data(&nodes[run[i].by], packet, sizeof packet, NOW);
	}
	node_hand(one, letters, sizeof run / sizeof *run, NOW);
	for (size_t i = 0; i < sizeof run / sizeof *run; i++) {
		if (run[i].by == run[i].source)
			assert_int_equal(one->out.tun.packets[taken++].data[15], run[i].by);
	}
	assert_int_equal(one->out.tun.count, taken);
	assert_int_equal(node_drops(one, DROP_SOURCE), sizeof run / sizeof *run - taken);
}

TEST(a_response_and_data_behind_it_in_one_batch)
{
	static struct letter mixed[4];

	/* Node 1 has a session with 3 and packets that wait for one with 2. */
	node_connect(three, one, NOW);
	outbox_clear(&one->out);
	node_send(one, 2, NOW);
	assert_int_equal(node_take(one, letters, 1), 1);
	node_hand(two, letters, 1, NOW);
	assert_int_equal(node_take(two, &mixed[1], 1), 1);
	mixed[0] = *node_ping(three, 1, NOW);
	mixed[2] = *node_ping(three, 1, NOW);
	node_hand(one, mixed, 3, NOW);
	assert_int_equal(one->out.tun.count, 2);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_DATA);
	assert_int_equal(node_all_drops(one), 0);

	/* The first packet on it confirms it: from now on 2 may answer, here in the same batch as its first. */
	assert_int_equal(node_take(one, letters, 1), 1);
	node_hand(two, letters, 1, NOW);
	assert_int_equal(two->out.tun.count, 1);
}

/* A handshake may end the session that data before it in the batch belongs to. */
TEST(data_before_a_handshake_is_opened_before_it)
{
	static struct letter batch[2];
	struct peer *p = node_peer(one, two);
	usec now = NOW;

	for (size_t i = 0; i <= TUNNEL_CONFIRMED; i++, now += SEC(2)) {
		tunnel_start(&p->tunnel, now);
		mesh_settle(one->m, p, now, &one->out);
		if (i == TUNNEL_CONFIRMED)
			break;
		node_settle(one, two, now);
		if (i == 0)
			batch[0] = *node_ping(two, 1, now);
	}
	assert_int_equal(node_take(one, letters, 1), 1);
	node_hand(two, letters, 1, now);
	assert_int_equal(node_take(two, &batch[1], 1), 1);
	assert_int_equal(load_le32(batch[1].data), MESSAGE_RESPONSE);
	node_hand(one, batch, 2, now);
	assert_int_equal(one->out.tun.count, 1);
	assert_int_equal(node_all_drops(one), 0);
	outbox_clear(&one->out);
	assert_int_equal(hand_from(batch[0].data, batch[0].len, 2, now), DROP_NO_SESSION);
}

/* Node 1's own initiation was lost; node 2's makes the session. */
TEST(what_waits_leaves_as_soon_as_the_other_end_made_a_session)
{
	node_send(one, 2, NOW);
	node_send(one, 2, NOW);
	node_take(one, letters, 4);
	node_send(two, 1, NOW + MSEC(10));
	node_settle(two, one, NOW + MSEC(10));
	assert_int_equal(one->out.tun.count, 1);
	assert_int_equal(two->out.tun.count, 2);
}

TEST(a_keepalive_is_taken_and_delivers_nothing)
{
	struct delta *d = delta_new();
	struct delta_peer *p = delta_add_peer(d, &one->key);

	connect_both();
	p->has_keepalive = true;
	p->keepalive = 25;
	node_apply(two, d, NOW);
	assert_int_equal(node_take(two, letters, 1), 1);
	assert_int_equal(letters[0].len, MESSAGE_DATA_MIN);
	node_hand(one, letters, 1, NOW);
	assert_int_equal(one->out.tun.count, 0);
	assert_int_equal(node_all_drops(one), 0);
}

/* --- roaming ---------------------------------------------------------------------------------------------------- */

static struct via via_of(const struct node *peer)
{
	const struct peer *p = node_peer(one, peer);

	return p->via;
}

TEST(a_peer_is_answered_where_it_was_last_heard)
{
	struct via way = {.kind = VIA_DIRECT,
			  .door = 0,
			  .remote = node_outside(44),
			  .local = node_outside(1)};
	struct mesh_peer_view view;
	struct letter *l;

	connect_both();
	l = node_ping(two, 1, NOW);
	l->via = way;
	node_hand(one, l, 1, NOW);
	outbox_clear(&one->out);
	struct via now_at = via_of(two);
	assert_memory_equal(&now_at, &way, sizeof way);
	mesh_peer_look(one->m, mesh_peer_find(one->m, &two->key), NOW, &view);
	assert_int_equal(view.switches, 1);

	/* Another of our addresses was spoken to: that one answers. */
	way.local = node_outside(200);
	l = node_ping(two, 1, NOW);
	l->via = way;
	node_hand(one, l, 1, NOW);
	outbox_clear(&one->out);
	node_send(one, 2, NOW);
	assert_memory_equal(&one->out.net.packets[0].via, &way, sizeof way);
}

TEST(nothing_unproved_moves_a_peer)
{
	struct addr elsewhere = node_outside(66);
	static struct letter l;

	connect_both();
	struct via before = via_of(two);
	l = *node_ping(two, 1, NOW);
	node_hand(one, &l, 1, NOW);
	outbox_clear(&one->out);
	l.via.remote = elsewhere;
	node_hand(one, &l, 1, NOW); /* a replay */
	l = *node_ping(two, 1, NOW);
	l.via.remote = elsewhere;
	l.data[l.len - 1] ^= 1; /* a forged tag */
	node_hand(one, &l, 1, NOW);
	struct via after = via_of(two);
	assert_memory_equal(&before, &after, sizeof after);
	assert_int_equal(node_drops(one, DROP_REPLAY), 1);
	assert_int_equal(node_drops(one, DROP_TAG), 1);
}

/* --- load ------------------------------------------------------------------------------------------------------- */

/* So many handshakes that cost nothing but a mac1. Returns how many cookies they earned. */
static size_t flood(size_t count, uint8_t from, usec now)
{
	struct message_response msg = {.type = {MESSAGE_RESPONSE}};
	size_t cookies = 0;

	for (size_t i = 0; i < count; i++) {
		store_le32(msg.sender, (uint32_t)i);
		forge_sign(&msg, sizeof msg, &one->key, NOW);
		hand_from(&msg, sizeof msg, from, now);
		for (size_t o = 0; o < one->out.net.count; o++) {
			const struct packet *p = &one->out.net.packets[o];
			assert_int_equal(load_le32(p->data), MESSAGE_COOKIE);
			assert_int_equal(p->len, sizeof(struct message_cookie));
			cookies++;
		}
		outbox_clear(&one->out);
	}
	return cookies;
}

TEST(under_load_it_answers_with_cookies_only_and_recovers)
{
	static struct letter l;
	usec calm;

	assert_int_equal(flood(LOAD_PER_WINDOW, 66, NOW), 0);
	assert_int_equal(flood(50, 66, NOW), 50);
	assert_int_equal(node_drops(one, DROP_UNDER_LOAD), 50);

	/* A peer's handshake gets a cookie, too; its retry shows that it can read it, and is answered. */
	l = *node_initiation(two, 1, NOW);
	assert_int_equal(hand_from(l.data, l.len, 2, NOW), DROP_UNDER_LOAD);
	assert_int_equal(node_take(one, letters, 1), 1);
	assert_int_equal(load_le32(letters[0].data), MESSAGE_COOKIE);
	node_hand(two, letters, 1, NOW);
	assert_int_equal(two->out.net.count, 0);
	mesh_tick(two->m, NOW + MSEC(400), &two->out);
	assert_int_equal(node_take(two, &l, 1), 1);
	/* From another address it is not what it says. */
	assert_int_equal(hand_from(l.data, l.len, 77, NOW + MSEC(400)), DROP_UNDER_LOAD);
	outbox_clear(&one->out);
	assert_int_equal(hand_from(l.data, l.len, 2, NOW + MSEC(400)), DROP_NONE);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_RESPONSE);
	outbox_clear(&one->out);

	/* When the flood is over, a handshake without mac2 is answered again. */
	calm = NOW + MSEC(400) + LOAD_WINDOW;
	l = *node_initiation(three, 1, calm);
	assert_int_equal(hand_from(l.data, l.len, 3, calm), DROP_NONE);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_RESPONSE);
}

TEST(data_flows_under_load)
{
	connect_both();
	flood(LOAD_PER_WINDOW + 50, 66, NOW);
	assert_int_equal(hand_from(node_ping(two, 1, NOW)->data, 64, 2, NOW), DROP_NONE);
	assert_int_equal(one->out.tun.count, 1);
}

/* A source that reads its cookies may still not have more than its share. */
TEST(under_load_each_source_has_its_share)
{
	struct message_response msg = {.type = {MESSAGE_RESPONSE}, .sender = {1}};
	struct cookie_jar jar;
	size_t let_in = 0;

	flood(LOAD_PER_WINDOW + 1, 66, NOW);
	for (uint8_t from = 70; from < 72; from++) {
		cookie_jar_init(&jar, &one->key);
		cookie_sign(&jar, (void *)&msg, sizeof msg, NOW);
		assert_int_equal(hand_from(&msg, sizeof msg, from, NOW), DROP_UNDER_LOAD);
		assert_true(
			cookie_read_reply(&jar, (const void *)one->out.net.packets[0].data, NOW));
		outbox_clear(&one->out);
		let_in = 0;
		for (size_t i = 0; i < 20; i++) {
			cookie_sign(&jar, (void *)&msg, sizeof msg, NOW);
			enum drop drop = hand_from(&msg, sizeof msg, from, NOW);
			assert_true(drop == DROP_NO_SESSION || drop == DROP_RATE_LIMIT);
			assert_int_equal(one->out.net.count, 0);
			let_in += drop == DROP_NO_SESSION;
		}
		assert_int_equal(let_in, RATELIMIT_BURST);
	}
	assert_int_equal(node_drops(one, DROP_RATE_LIMIT), 2 * (20 - RATELIMIT_BURST));
}

TEST(a_full_outbox_costs_only_the_reply)
{
	while (outbox_datagram(&one->out, &(struct via){0}, 1) != NULL)
		;
	struct letter *l = node_initiation(two, 1, NOW);
	assert_int_equal(hand_from(l->data, l->len, 2, NOW), DROP_OUTBOX_FULL);
	assert_int_equal(one->out.net.count, OUTBOX_SLOTS);
	outbox_clear(&one->out);
	mesh_tick(two->m, NOW + MSEC(400), &two->out);
	node_settle(two, one, NOW + MSEC(400));
	assert_int_equal(one->out.tun.count, 1);
}

/* --- what is not WireGuard's ------------------------------------------------------------------------------------- */

TEST(by_a_fresh_door_no_handshake_comes)
{
	struct letter *l = node_initiation(two, 1, NOW);

	l->via.door = DOOR_FRESH;
	node_hand(one, l, 1, NOW);
	assert_int_equal(one->out.net.count, 0);
	assert_int_equal(node_drops(one, DROP_UNKNOWN_TYPE), 1);
	l->via.door = 0;
	node_hand(one, l, 1, NOW);
	assert_int_equal(one->out.net.count, 1);
}

TEST(by_a_fresh_door_no_data_comes)
{
	connect_both();
	struct letter *l = node_ping(two, 1, NOW);
	l->via.door = DOOR_FRESH + 1;
	node_hand(one, l, 1, NOW);
	assert_int_equal(one->out.tun.count, 0);
	assert_int_equal(node_drops(one, DROP_UNKNOWN_TYPE), 1);
	assert_int_equal(node_peer(one, two)->via.door, 0);
	l->via.door = 0;
	node_hand(one, l, 1, NOW);
	assert_int_equal(one->out.tun.count, 1);
}

/* Whatever STUN message comes: none of it is answered, and nothing is kept. */
TEST(vuln_24_strangers_who_ask_for_their_address_get_no_answer)
{
	uint8_t bytes[64];

	connect_both();
	uint64_t before = node_digest(one);
	for (enum stun_class class = STUN_REQUEST; class <= STUN_ERROR; class ++) {
		struct stun_message m = {.class = class, .method = STUN_METHOD_BINDING};
		size_t len = stun_write(bytes, sizeof bytes, &m);

		assert_int_equal(hand_from(bytes, len, 9, NOW), DROP_STUN);
		assert_int_equal(one->out.net.count, 0);
		assert_int_equal(one->out.action_count, 0);
		bytes[3] = 4; /* its length is another */
		assert_int_equal(hand_from(bytes, len, 9, NOW), DROP_UNKNOWN_TYPE);
	}
	assert_int_equal(node_digest(one), before);
}

TEST(vuln_22_two_nodes_do_not_talk_for_one_forged_message)
{
	struct stun_message m = {.class = STUN_ERROR, .method = STUN_METHOD_BINDING};
	uint8_t bytes[64];

	connect_both();
	m.has = STUN_HAS(STUN_ERROR_CODE);
	m.error = 400;
	hand_from(bytes, stun_write(bytes, sizeof bytes, &m), 2, NOW);
	for (usec now = NOW; now < NOW + SEC(1); now += MSEC(10)) {
		mesh_tick(one->m, now, &one->out);
		mesh_tick(two->m, now, &two->out);
		assert_int_equal(one->out.net.count + two->out.net.count, 0);
	}
}

/* The first packet of a session, amid a check: the initiation leaves at once, as it would without. */
TEST(the_first_packet_does_not_wait_for_a_check)
{
	struct conf_list servers = {0};
	struct delta *d = delta_new();

	assert_true(conf_list_add(&servers, "198.51.100.1") &&
		    conf_list_add(&servers, "stun.example.org"));
	d->stun = &servers;
	node_apply(one, d, NOW);
	conf_list_free(&servers);
	for (usec now = NOW; now < NOW + SEC(4); now += MSEC(250)) {
		mesh_tick(one->m, now, &one->out);
		outbox_clear(&one->out);
		if (now == NOW + MSEC(500))
			node_initiation(one, 2, now); /* fails unless it is there, alone */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_TRIO(
			answers_an_initiation_where_it_came_from_and_by_the_address_it_was_sent_to),
		RUN_WITH_TRIO(delivers_in_place_without_the_padding_and_touches_nothing_beside),
		RUN_WITH_TRIO(a_batch_may_mix_peers_and_kinds),
		RUN_WITH_TRIO(vuln_35_each_packet_of_a_run_is_from_the_owner_of_its_source_address),
		RUN_WITH_TRIO(a_response_and_data_behind_it_in_one_batch),
		RUN_WITH_TRIO(data_before_a_handshake_is_opened_before_it),
		RUN_WITH_TRIO(what_waits_leaves_as_soon_as_the_other_end_made_a_session),
		RUN_WITH_TRIO(a_keepalive_is_taken_and_delivers_nothing),
		RUN_WITH_TRIO(a_peer_is_answered_where_it_was_last_heard),
		RUN_WITH_TRIO(nothing_unproved_moves_a_peer),
		RUN_WITH_TRIO(under_load_it_answers_with_cookies_only_and_recovers),
		RUN_WITH_TRIO(data_flows_under_load),
		RUN_WITH_TRIO(under_load_each_source_has_its_share),
		RUN_WITH_TRIO(a_full_outbox_costs_only_the_reply),
		RUN_WITH_TRIO(by_a_fresh_door_no_handshake_comes),
		RUN_WITH_TRIO(by_a_fresh_door_no_data_comes),
		RUN_WITH_TRIO(vuln_24_strangers_who_ask_for_their_address_get_no_answer),
		RUN_WITH_TRIO(vuln_22_two_nodes_do_not_talk_for_one_forged_message),
		RUN_WITH_TRIO(the_first_packet_does_not_wait_for_a_check),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
