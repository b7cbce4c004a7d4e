/* Life of a packet in: what is taken, what is answered, and that everything else is dropped without a trace. */
#include <malloc.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/forge.h"
#include "support/hexdata.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW SEC(100)

/* --- memory is counted (room.am) -------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *p, size_t count, size_t size);
void *__real_sodium_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);
void *__wrap_sodium_malloc(size_t size);

static size_t allocations;

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
	allocations++;
	return __real_reallocarray(p, count, size);
}

void *__wrap_sodium_malloc(size_t size)
{
	allocations++;
	return __real_sodium_malloc(size);
}

/* --- nodes ------------------------------------------------------------------------------------------------------ */

static struct node *one, *two, *three;
static struct letter letters[BATCH_MAX];

/* Nodes 1, 2 and 3: 1 knows both others, and they know it. Nothing was said yet. */
static int start(void **state)
{
	struct delta *d;

	(void)state;
	one = node_start(1);
	two = node_start(2);
	three = node_start(3);
	node_introduce(one, two, NOW);
	node_introduce(three, one, NOW);
	d = delta_new();
	node_add_peer(d, three, "", false, true);
	node_apply(one, d, NOW);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	node_stop(one);
	node_stop(two);
	node_stop(three);
	return 0;
}

static void connect_both(void)
{
	node_connect(two, one, NOW);
	node_connect(three, one, NOW);
	outbox_clear(&one->out);
}

static uint64_t drops(enum drop why)
{
	return one->m->shared.drops.count[why];
}

static uint64_t all_drops(void)
{
	uint64_t sum = 0;

	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		sum += drops(i);
	return sum;
}

/* Hand node 1 a datagram from a stranger's address; the drop it was counted as. */
static enum drop hand_from(const void *data, size_t len, uint8_t from, usec now)
{
	struct drops before = one->m->shared.drops;
	struct addr there = node_outside(from);

	node_hand_bytes(one, data, len, &there, now);
	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++) {
		if (one->m->shared.drops.count[i] != before.count[i])
			return i;
	}
	return DROP_NONE;
}

/* The same, and it has left no trace. */
static enum drop refused(const void *data, size_t len, uint8_t from, usec now)
{
	uint64_t digest = node_digest(one);
	size_t memory = allocations;
	enum drop drop = hand_from(data, len, from, now);

	assert_int_not_equal(drop, DROP_NONE);
	assert_int_equal(one->out.net.count, 0);
	assert_int_equal(one->out.tun.count, 0);
	assert_int_equal(one->out.slots_used, 0);
	assert_int_equal(allocations, memory);
	assert_true(node_digest(one) == digest);
	return drop;
}

/* mac1 and, once a cookie came, mac2, as anybody can make them who knows node 1's public key. */
static struct cookie_jar jar;

static void sign(void *msg, size_t len)
{
	cookie_jar_init(&jar, &one->key);
	cookie_sign(&jar, msg, len, NOW);
}

/* What the peer sent to node 1: it wanted to send a packet. */
static struct letter *initiation_of(struct node *peer, usec now)
{
	node_send(peer, 1, now);
	assert_int_equal(node_take(peer, letters, 1), 1);
	assert_int_equal(load_le32(letters[0].data), MESSAGE_INITIATION);
	return &letters[0];
}

/* One packet of the peer's, sealed for node 1. */
static struct letter *data_of(struct node *peer, const void *packet, size_t len, usec now)
{
	node_send_bytes(peer, packet, len, now);
	assert_int_equal(node_take(peer, letters, 1), 1);
	assert_int_equal(load_le32(letters[0].data), MESSAGE_DATA);
	return &letters[0];
}

static struct letter *ping_of(struct node *peer, usec now)
{
	uint8_t packet[28];

	node_write_ip4(packet, peer->number, 1, sizeof packet, 0);
	return data_of(peer, packet, sizeof packet, now);
}

/* An initiation by a key that no node knows, fit to be read: it costs node 1 all it can cost. */
static void stranger_writes(struct message_initiation *msg, struct env_fake *env)
{
	static const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};
	struct key_private secret;
	struct noise_local stranger;
	struct noise_remote victim;
	struct noise_initiator i;

	key_private_generate(&secret, &env->env);
	noise_local_init(&stranger, &secret);
	assert_true(noise_remote_init(&victim, &stranger, &one->key, &(struct key_shared){{0}}));
	assert_true(noise_write_initiation(&i, &stranger, &victim, 7, timestamp, &env->env, msg));
	sign(msg, sizeof *msg);
}

/* --- what is taken ---------------------------------------------------------------------------------------------- */

TEST(answers_an_initiation_where_it_came_from_and_by_the_address_it_was_sent_to)
{
	struct letter *l = initiation_of(two, NOW);
	struct via way = {.kind = VIA_DIRECT,
			  .door = 1,
			  .remote = node_outside(99),
			  .local = node_outside(98)};

	l->via = way;
	node_hand(one, l, 1, NOW);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_RESPONSE);
	assert_memory_equal(&one->out.net.packets[0].via, &way, sizeof way);
	assert_int_equal(all_drops(), 0);

	/* What is said to the peer from now on goes there, too. */
	const struct peer *p = table_find(&one->m->by_key, &two->key);
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
		const struct letter *l = data_of(two, packet, len, NOW);
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
	mixed[0] = *ping_of(three, NOW + 1);
	node_send(two, 1, later);
	assert_int_equal(node_take(two, letters, 2), 2);
	bool first = load_le32(letters[0].data) == MESSAGE_DATA;
	mixed[1] = letters[!first];
	mixed[2] = letters[first];
	assert_int_equal(load_le32(mixed[2].data), MESSAGE_INITIATION);
	mixed[3] = *ping_of(two, later);
	mixed[4] = mixed[0]; /* again */
	mixed[5] = mixed[3];
	node_hand(one, mixed, 6, later);
	assert_int_equal(one->out.tun.count, 3);
	assert_int_equal(one->out.tun.packets[0].data[15], 3);
	assert_int_equal(one->out.tun.packets[1].data[15], 2);
	assert_int_equal(one->out.tun.packets[2].data[15], 2);
	assert_int_equal(drops(DROP_REPLAY), 2);
	assert_int_equal(all_drops(), 2);
	size_t responses = 0;
	for (size_t i = 0; i < one->out.net.count; i++)
		responses += load_le32(one->out.net.packets[i].data) == MESSAGE_RESPONSE;
	assert_int_equal(responses, 1);
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
	mixed[0] = *ping_of(three, NOW);
	mixed[2] = *ping_of(three, NOW);
	node_hand(one, mixed, 3, NOW);
	assert_int_equal(one->out.tun.count, 2);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_DATA);
	assert_int_equal(all_drops(), 0);

	/* The first packet on it confirms it: from now on 2 may answer, here in the same batch as its first. */
	assert_int_equal(node_take(one, letters, 1), 1);
	node_hand(two, letters, 1, NOW);
	assert_int_equal(two->out.tun.count, 1);
}

/* A handshake may end the session that data before it in the batch belongs to. */
TEST(data_before_a_handshake_is_opened_before_it)
{
	static struct letter batch[2];
	struct peer *p = table_find(&one->m->by_key, &two->key);
	usec now = NOW;

	for (size_t i = 0; i <= TUNNEL_CONFIRMED; i++, now += SEC(2)) {
		tunnel_start(&p->tunnel, now);
		mesh_settle(one->m, p, now, &one->out);
		if (i == TUNNEL_CONFIRMED)
			break;
		node_settle(one, two, now);
		if (i == 0)
			batch[0] = *ping_of(two, now);
	}
	assert_int_equal(node_take(one, letters, 1), 1);
	node_hand(two, letters, 1, now);
	assert_int_equal(node_take(two, &batch[1], 1), 1);
	assert_int_equal(load_le32(batch[1].data), MESSAGE_RESPONSE);
	node_hand(one, batch, 2, now);
	assert_int_equal(one->out.tun.count, 1);
	assert_int_equal(all_drops(), 0);
	outbox_clear(&one->out);
	assert_int_equal(refused(batch[0].data, batch[0].len, 2, now), DROP_NO_SESSION);
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
	assert_int_equal(all_drops(), 0);
}

/* --- roaming ---------------------------------------------------------------------------------------------------- */

static struct via via_of(const struct node *peer)
{
	const struct peer *p = table_find(&one->m->by_key, &peer->key);

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
	l = ping_of(two, NOW);
	l->via = way;
	node_hand(one, l, 1, NOW);
	outbox_clear(&one->out);
	struct via now_at = via_of(two);
	assert_memory_equal(&now_at, &way, sizeof way);
	mesh_peer_look(one->m, mesh_peer_find(one->m, &two->key), NOW, &view);
	assert_int_equal(view.switches, 1);

	/* Another of our addresses was spoken to: that one answers. */
	way.local = node_outside(200);
	l = ping_of(two, NOW);
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
	l = *ping_of(two, NOW);
	node_hand(one, &l, 1, NOW);
	outbox_clear(&one->out);
	l.via.remote = elsewhere;
	node_hand(one, &l, 1, NOW); /* a replay */
	l = *ping_of(two, NOW);
	l.via.remote = elsewhere;
	l.data[l.len - 1] ^= 1; /* a forged tag */
	node_hand(one, &l, 1, NOW);
	struct via after = via_of(two);
	assert_memory_equal(&before, &after, sizeof after);
	assert_int_equal(drops(DROP_REPLAY), 1);
	assert_int_equal(drops(DROP_TAG), 1);
}

/* --- what is dropped, and why ----------------------------------------------------------------------------------- */

/* What the four messages look like, once more. */
static enum drop expected_drop(uint8_t type, size_t len)
{
	if (len < 16)
		return DROP_SHORT;
	if (type == MESSAGE_INITIATION)
		return len == 148 ? DROP_MAC1 : DROP_SHORT;
	if (type == MESSAGE_RESPONSE)
		return len == 92 ? DROP_MAC1 : DROP_SHORT;
	if (type == MESSAGE_COOKIE)
		return len == 64 ? DROP_NO_SESSION : DROP_SHORT;
	if (type == MESSAGE_DATA)
		return len >= 32 ? DROP_NO_SESSION : DROP_SHORT;
	return DROP_UNKNOWN_TYPE;
}

TEST(vuln_27_no_type_and_length_is_answered_or_leaves_anything_behind)
{
	static uint8_t memory[201][256];
	static struct batch in;
	uint64_t expected[DROP_COUNT] = {0};
	struct rand rand = rand_seeded(27);

	connect_both();
	uint64_t digest = node_digest(one);
	struct drops before = one->m->shared.drops;
	size_t taken = allocations, level = mallinfo2().uordblks;

	for (unsigned round = 0; round < 4; round++) {
		for (unsigned type = 0; type < 256; type++) {
			in.count = 0;
			for (size_t len = 0; len <= 200; len++) {
				rand_bytes(&rand, memory[len], len);
				if (len > 0)
					memory[len][0] = (uint8_t)type;
				if (len >= 4)
					memset(memory[len] + 1, 0, 3);
				in.packets[in.count++] = (struct packet){
					.data = memory[len],
					.len = len,
					.via = {.kind = VIA_DIRECT, .remote = node_outside(66)}};
				expected[expected_drop((uint8_t)type, len)]++;
			}
			mesh_inbound(one->m, &in, NOW, &one->out);
			assert_int_equal(one->out.net.count, 0);
		}
	}
	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		assert_int_equal(one->m->shared.drops.count[i] - before.count[i], expected[i]);
	assert_int_equal(one->out.tun.count + one->out.slots_used + one->out.overflows, 0);
	assert_int_equal(allocations, taken);
	assert_int_equal(mallinfo2().uordblks, level);
	assert_true(node_digest(one) == digest);
}

TEST(the_reserved_bytes_of_a_type_are_zero)
{
	struct letter *l = initiation_of(two, NOW);

	for (size_t i = 1; i < 4; i++) {
		l->data[i] = 1;
		assert_int_equal(refused(l->data, l->len, 2, NOW), DROP_UNKNOWN_TYPE);
		l->data[i] = 0;
	}
	assert_int_equal(hand_from(l->data, l->len, 2, NOW), DROP_NONE);
}

/* Rows 28: neither what is unknown nor what was not made for our key makes us send. */
TEST(vuln_28_nothing_without_a_valid_mac1_is_answered)
{
	struct rand rand = rand_seeded(28);
	struct letter *l = initiation_of(two, NOW);
	uint8_t junk[1500];

	for (size_t i = 0; i < 2000; i++) {
		size_t len = 1 + rand_below(&rand, sizeof junk);
		rand_bytes(&rand, junk, len);
		refused(junk, len, 2, NOW);
	}
	for (size_t bit = 0; bit < 8 * 16; bit++) {
		size_t at = offsetof(struct message_initiation, mac1) + bit / 8;
		l->data[at] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(refused(l->data, l->len, 2, NOW), DROP_MAC1);
		l->data[at] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(hand_from(l->data, l->len, 2, NOW), DROP_NONE);
	assert_int_equal(one->out.net.count, 1); /* it was only the mac */
}

TEST(counts_a_handshake_of_a_stranger)
{
	struct message_initiation msg;
	struct env_fake env;

	env_fake_init(&env, 5);
	stranger_writes(&msg, &env);
	assert_int_equal(refused(&msg, sizeof msg, 66, NOW), DROP_UNKNOWN_PEER);
	msg.static_sealed[0] ^= 1;
	sign(&msg, sizeof msg);
	assert_int_equal(refused(&msg, sizeof msg, 66, NOW), DROP_HANDSHAKE);
}

TEST(vuln_29_who_claims_to_be_a_peer_and_has_not_its_key_learns_nothing)
{
	static const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};
	struct message_initiation msg;
	struct noise_initiator initiator;
	struct key_private secret;
	struct noise_local forger;
	struct noise_remote victim;

	/* He has a key of his own, and writes node 2's public key where his would be. */
	key_private_generate(&secret, &two->env.env);
	noise_local_init(&forger, &secret);
	assert_true(noise_remote_init(&victim, &forger, &one->key, &(struct key_shared){{0}}));
	forger.public = two->key;
	assert_true(noise_write_initiation(&initiator, &forger, &victim, 7, timestamp,
					   &two->env.env, &msg));
	sign(&msg, sizeof msg);
	assert_int_equal(refused(&msg, sizeof msg, 2, NOW), DROP_HANDSHAKE);
}

TEST(vuln_45_is_silent_to_low_order_points_wherever_they_come_in)
{
	static const struct key_shared zero;
	static const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};
	const struct noise_local *local = &two->m->shared.local;
	const struct peer *p = table_find(&two->m->by_key, &one->key);

	for (size_t i = 0; i < FORGE_LOW_ORDER_COUNT; i++) {
		usec now = NOW + i * SEC(10);
		struct message_initiation initiation;
		struct message_response response;
		struct noise_responder r;
		struct key_public point;
		uint8_t got[NOISE_TIMESTAMP_LEN];

		hexdata(point.bytes, sizeof point.bytes, forge_low_order[i]);
		forge_initiation(&initiation, local, &p->tunnel.remote, timestamp, &point, &zero);
		sign(&initiation, sizeof initiation);
		assert_int_equal(refused(&initiation, sizeof initiation, 2, now), DROP_HANDSHAKE);

		node_send(one, 2, now);
		assert_in_range(node_take(one, letters, 2), 1, 1);
		assert_true(noise_read_initiation(&r, (const void *)letters[0].data, local));
		assert_true(noise_prove_initiator(&r, &p->tunnel.remote, got));
		forge_response(&response, &r, &p->tunnel.remote.psk, &point, &zero, &zero);
		sign(&response, sizeof response);
		assert_int_equal(refused(&response, sizeof response, 2, now), DROP_HANDSHAKE);
	}
}

TEST(counts_a_replayed_initiation_and_a_spent_response)
{
	static struct letter initiation, response;

	initiation = *initiation_of(two, NOW);
	node_hand(one, &initiation, 1, NOW);
	assert_int_equal(node_take(one, &response, 1), 1);
	assert_int_equal(refused(initiation.data, initiation.len, 2, NOW + SEC(1)), DROP_TIMESTAMP);

	node_send(one, 3, NOW);
	assert_int_equal(node_take(one, letters, 1), 1);
	node_hand(three, letters, 1, NOW);
	assert_int_equal(node_take(three, &response, 1), 1);
	assert_int_equal(hand_from(response.data, response.len, 3, NOW), DROP_NONE);
	outbox_clear(&one->out);
	/* The index is the session's now, and no handshake's. */
	assert_int_equal(refused(response.data, response.len, 3, NOW), DROP_NO_SESSION);
	store_le32(response.data + 8, 12345);
	sign(response.data, response.len);
	assert_int_equal(refused(response.data, response.len, 3, NOW), DROP_NO_SESSION);
}

TEST(counts_cookies_that_nobody_asked_for)
{
	struct message_cookie msg = {.type = {MESSAGE_COOKIE}};

	connect_both();
	assert_int_equal(refused(&msg, sizeof msg, 2, NOW), DROP_NO_SESSION);
	memcpy(msg.receiver, ping_of(two, NOW)->data + 4, 4);
	assert_int_equal(refused(&msg, sizeof msg, 2, NOW), DROP_COOKIE);
}

TEST(counts_data_without_session_or_past_its_end)
{
	static struct letter l;

	connect_both();
	l = *ping_of(two, NOW);
	assert_int_equal(refused(l.data, l.len, 2, NOW + REJECT_AFTER), DROP_EXPIRED);
	store_le64(l.data + 8, UINT64_MAX);
	assert_int_equal(refused(l.data, l.len, 2, NOW), DROP_EXPIRED);
	store_le32(l.data + 4, 0);
	assert_int_equal(refused(l.data, l.len, 2, NOW), DROP_NO_SESSION);
}

TEST(counts_what_is_no_ip_inside)
{
	uint8_t packet[64];
	const struct peer *p = table_find(&two->m->by_key, &one->key);

	connect_both();
	for (size_t i = 0; i < 3; i++) {
		uint8_t room[PACKET_HEAD + sizeof packet + PACKET_TAIL];
		struct packet raw = {.data = room + PACKET_HEAD, .len = sizeof packet};
		struct aead_job job;

		node_write_ip4(packet, 2, 1, sizeof packet, 0);
		if (i == 0)
			packet[0] = 0xf1; /* a control frame: none is spoken yet */
		if (i == 1)
			store_be16(packet + 2, sizeof packet + 1);
		if (i == 2)
			packet[0] = 0x44; /* a header of 16 bytes */
		memcpy(raw.data, packet, sizeof packet);
		assert_int_equal(tunnel_send((struct tunnel *)&p->tunnel, &raw, 0, NOW, &job),
				 DROP_NONE);
		aead_seal_batch(&job, 1);
		assert_int_equal(hand_from(raw.data, raw.len, 2, NOW), DROP_NOT_IP);
		assert_int_equal(one->out.tun.count, 0);
	}
}

TEST(counts_what_the_outbox_has_no_room_for)
{
	connect_both();
	while (outbox_tun(&one->out, &(struct packet){.len = 1}))
		;
	assert_int_equal(hand_from(ping_of(two, NOW)->data, 64, 2, NOW), DROP_OUTBOX_FULL);
}

TEST(without_a_private_key_no_handshake_is_looked_at)
{
	static struct letter l;
	struct delta *d = delta_new();

	l = *initiation_of(two, NOW);
	d->has_private_key = true;
	node_apply(one, d, NOW);
	assert_int_equal(refused(l.data, l.len, 2, NOW), DROP_NO_KEY);
}

/* Each peer with the address of each other node, its own but swapped, our own, and a stranger's. */
TEST(vuln_35_no_peer_speaks_for_another)
{
	static const uint8_t sources[] = {1, 2, 3, 9};
	struct node *peers[] = {two, three};

	connect_both();
	for (size_t i = 0; i < 2; i++) {
		for (size_t s = 0; s < sizeof sources; s++) {
			for (unsigned v6 = 0; v6 < 2; v6++) {
				bool own = sources[s] == peers[i]->number;
				uint8_t packet[60];
				if (v6)
					node_write_ip6(packet, sources[s], 1, sizeof packet, 0);
				else
					node_write_ip4(packet, sources[s], 1, sizeof packet, 0);
				const struct letter *l =
					data_of(peers[i], packet, sizeof packet, NOW);
				assert_int_equal(hand_from(l->data, l->len, peers[i]->number, NOW),
						 own ? DROP_NONE : DROP_SOURCE);
				assert_int_equal(one->out.tun.count, own);
				outbox_clear(&one->out);
			}
		}
	}
}

TEST(vuln_55_data_with_any_byte_changed_is_not_delivered)
{
	static struct letter l;

	connect_both();
	l = *ping_of(two, NOW);
	for (size_t i = 0; i < l.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			l.data[i] ^= (uint8_t)(1 << bit);
			refused(l.data, l.len, 2, NOW);
			l.data[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t len = 0; len < l.len; len++)
		refused(l.data, len, 2, NOW);
	assert_int_equal(hand_from(l.data, l.len, 2, NOW), DROP_NONE);
	assert_int_equal(one->out.tun.count, 1);
}

/* Valid messages, changed at random, some with their mac1 made anew, in batches and over time: no more than lost. */
TEST(vuln_57_nothing_on_the_wire_reaches_an_assert)
{
	static struct letter kept[64], batch[8];
	struct rand rand = rand_seeded(57);
	size_t kept_count = 0;
	usec now = NOW;

	for (unsigned round = 0; round < 3000; round++) {
		size_t count = rand_below(&rand, 8);

		now += rand_below(&rand, 300) * MSEC(10);
		if (round % 16 == 0) {
			node_send(two, 1, now);
			node_send(one, 3, now);
			mesh_tick(two->m, now, &two->out);
			mesh_tick(three->m, now, &three->out);
		}
		for (size_t peer = 2; peer <= 3; peer++) {
			size_t taken = node_take(&nodes[peer], letters, BATCH_MAX);
			for (size_t i = 0; i < taken; i++)
				kept[kept_count++ % 64] = letters[i];
			if (round % 4 == 0)
				node_hand(one, letters, taken, now);
		}
		for (size_t i = 0; i < count && kept_count > 0; i++) {
			batch[i] = kept[rand_below(&rand,
						   kept_count < 64 ? (uint32_t)kept_count : 64)];
			for (uint32_t n = rand_below(&rand, 4); n > 0; n--)
				batch[i].data[rand_below(&rand, (uint32_t)batch[i].len)] ^=
					(uint8_t)rand_below(&rand, 256);
			if (rand_below(&rand, 8) == 0)
				batch[i].len = rand_below(&rand, (uint32_t)batch[i].len + 8);
			if (rand_below(&rand, 2) && (batch[i].len == 148 || batch[i].len == 92))
				sign(batch[i].data, batch[i].len);
		}
		node_hand(one, batch, kept_count > 0 ? count : 0, now);
		mesh_tick(one->m, now, &one->out);
		size_t taken = node_take(one, letters, BATCH_MAX);
		for (size_t i = 0; i < taken; i++) {
			if (letters[i].to == 2 || letters[i].to == 3)
				node_hand(&nodes[letters[i].to], &letters[i], 1, now);
		}
		one->out.tun.count = two->out.tun.count = three->out.tun.count = 0;
	}
	assert_true(one->m->shared.index.count <= 2 * TUNNEL_INDICES);

	/* And both are served as before. */
	now += SEC(1000);
	for (uint8_t number = 1; number <= 3; number++)
		node_pass_time(&nodes[number], now, now);
	now += SEC(10);
	node_connect(two, one, now);
	assert_int_equal(one->out.tun.count, 1);
	node_connect(three, one, now);
	assert_int_equal(one->out.tun.count, 2);
}

/* --- load ------------------------------------------------------------------------------------------------------- */

/* So many handshakes that cost nothing but a mac1. Returns how many cookies they earned. */
static size_t flood(size_t count, uint8_t from, usec now)
{
	struct message_response msg = {.type = {MESSAGE_RESPONSE}};
	size_t cookies = 0;

	for (size_t i = 0; i < count; i++) {
		store_le32(msg.sender, (uint32_t)i);
		sign(&msg, sizeof msg);
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
	assert_int_equal(drops(DROP_UNDER_LOAD), 50);

	/* A peer's handshake gets a cookie, too; its retry shows that it can read it, and is answered. */
	l = *initiation_of(two, NOW);
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
	l = *initiation_of(three, calm);
	assert_int_equal(hand_from(l.data, l.len, 3, calm), DROP_NONE);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_RESPONSE);
}

TEST(data_flows_under_load)
{
	connect_both();
	flood(LOAD_PER_WINDOW + 50, 66, NOW);
	assert_int_equal(hand_from(ping_of(two, NOW)->data, 64, 2, NOW), DROP_NONE);
	assert_int_equal(one->out.tun.count, 1);
}

/* A source that reads its cookies may still not have more than its share. */
TEST(under_load_each_source_has_its_share)
{
	struct message_response msg = {.type = {MESSAGE_RESPONSE}, .sender = {1}};
	size_t let_in = 0;

	flood(LOAD_PER_WINDOW + 1, 66, NOW);
	for (uint8_t from = 70; from < 72; from++) {
		sign(&msg, sizeof msg);
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
	assert_int_equal(drops(DROP_RATE_LIMIT), 2 * (20 - RATELIMIT_BURST));
}

TEST(a_full_outbox_costs_only_the_reply)
{
	while (outbox_datagram(&one->out, &(struct via){0}, 1) != NULL)
		;
	struct letter *l = initiation_of(two, NOW);
	assert_int_equal(hand_from(l->data, l->len, 2, NOW), DROP_OUTBOX_FULL);
	assert_int_equal(one->out.net.count, OUTBOX_SLOTS);
	outbox_clear(&one->out);
	mesh_tick(two->m, NOW + MSEC(400), &two->out);
	node_settle(two, one, NOW + MSEC(400));
	assert_int_equal(one->out.tun.count, 1);
}

#define RUN_WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_NODES(
			answers_an_initiation_where_it_came_from_and_by_the_address_it_was_sent_to),
		RUN_WITH_NODES(delivers_in_place_without_the_padding_and_touches_nothing_beside),
		RUN_WITH_NODES(a_batch_may_mix_peers_and_kinds),
		RUN_WITH_NODES(a_response_and_data_behind_it_in_one_batch),
		RUN_WITH_NODES(data_before_a_handshake_is_opened_before_it),
		RUN_WITH_NODES(what_waits_leaves_as_soon_as_the_other_end_made_a_session),
		RUN_WITH_NODES(a_keepalive_is_taken_and_delivers_nothing),
		RUN_WITH_NODES(a_peer_is_answered_where_it_was_last_heard),
		RUN_WITH_NODES(nothing_unproved_moves_a_peer),
		RUN_WITH_NODES(vuln_27_no_type_and_length_is_answered_or_leaves_anything_behind),
		RUN_WITH_NODES(the_reserved_bytes_of_a_type_are_zero),
		RUN_WITH_NODES(vuln_28_nothing_without_a_valid_mac1_is_answered),
		RUN_WITH_NODES(counts_a_handshake_of_a_stranger),
		RUN_WITH_NODES(vuln_29_who_claims_to_be_a_peer_and_has_not_its_key_learns_nothing),
		RUN_WITH_NODES(vuln_45_is_silent_to_low_order_points_wherever_they_come_in),
		RUN_WITH_NODES(counts_a_replayed_initiation_and_a_spent_response),
		RUN_WITH_NODES(counts_cookies_that_nobody_asked_for),
		RUN_WITH_NODES(counts_data_without_session_or_past_its_end),
		RUN_WITH_NODES(counts_what_is_no_ip_inside),
		RUN_WITH_NODES(counts_what_the_outbox_has_no_room_for),
		RUN_WITH_NODES(without_a_private_key_no_handshake_is_looked_at),
		RUN_WITH_NODES(vuln_35_no_peer_speaks_for_another),
		RUN_WITH_NODES(vuln_55_data_with_any_byte_changed_is_not_delivered),
		RUN_WITH_NODES(vuln_57_nothing_on_the_wire_reaches_an_assert),
		RUN_WITH_NODES(under_load_it_answers_with_cookies_only_and_recovers),
		RUN_WITH_NODES(data_flows_under_load),
		RUN_WITH_NODES(under_load_each_source_has_its_share),
		RUN_WITH_NODES(a_full_outbox_costs_only_the_reply),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
