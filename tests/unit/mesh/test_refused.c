/* What comes in and is dropped: why, and that it leaves no trace and is not answered. */
#include <malloc.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/forge.h"
#include "support/hexdata.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW TRIO_NOW

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

/* --- refused ---------------------------------------------------------------------------------------------------- */

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
	forge_sign(msg, sizeof *msg, &one->key, NOW);
}

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
	struct letter *l = node_initiation(two, 1, NOW);

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
	struct letter *l = node_initiation(two, 1, NOW);
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
	forge_sign(&msg, sizeof msg, &one->key, NOW);
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
	forge_sign(&msg, sizeof msg, &one->key, NOW);
	assert_int_equal(refused(&msg, sizeof msg, 2, NOW), DROP_HANDSHAKE);
}

TEST(vuln_45_is_silent_to_low_order_points_wherever_they_come_in)
{
	static const struct key_shared zero;
	static const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};
	const struct noise_local *local = &two->m->shared.local;
	const struct peer *p = node_peer(two, one);

	for (size_t i = 0; i < FORGE_LOW_ORDER_COUNT; i++) {
		usec now = NOW + i * SEC(10);
		struct message_initiation initiation;
		struct message_response response;
		struct noise_responder r;
		struct key_public point;
		uint8_t got[NOISE_TIMESTAMP_LEN];

		hexdata(point.bytes, sizeof point.bytes, forge_low_order[i]);
		forge_initiation(&initiation, local, &p->tunnel.remote, timestamp, &point, &zero);
		forge_sign(&initiation, sizeof initiation, &one->key, NOW);
		assert_int_equal(refused(&initiation, sizeof initiation, 2, now), DROP_HANDSHAKE);

		node_send(one, 2, now);
		assert_in_range(node_take(one, letters, 2), 1, 1);
		assert_true(noise_read_initiation(&r, (const void *)letters[0].data, local));
		assert_true(noise_prove_initiator(&r, &p->tunnel.remote, got));
		forge_response(&response, &r, &p->tunnel.remote.psk, &point, &zero, &zero);
		forge_sign(&response, sizeof response, &one->key, NOW);
		assert_int_equal(refused(&response, sizeof response, 2, now), DROP_HANDSHAKE);
	}
}

TEST(counts_a_replayed_initiation_and_a_spent_response)
{
	static struct letter initiation, response;

	initiation = *node_initiation(two, 1, NOW);
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
	forge_sign(response.data, response.len, &one->key, NOW);
	assert_int_equal(refused(response.data, response.len, 3, NOW), DROP_NO_SESSION);
}

TEST(counts_cookies_that_nobody_asked_for)
{
	struct message_cookie msg = {.type = {MESSAGE_COOKIE}};

	connect_both();
	assert_int_equal(refused(&msg, sizeof msg, 2, NOW), DROP_NO_SESSION);
	memcpy(msg.receiver, node_ping(two, 1, NOW)->data + 4, 4);
	assert_int_equal(refused(&msg, sizeof msg, 2, NOW), DROP_COOKIE);
}

TEST(counts_data_without_session_or_past_its_end)
{
	static struct letter l;

	connect_both();
	l = *node_ping(two, 1, NOW);
	assert_int_equal(refused(l.data, l.len, 2, NOW + REJECT_AFTER), DROP_EXPIRED);
	store_le64(l.data + 8, UINT64_MAX);
	assert_int_equal(refused(l.data, l.len, 2, NOW), DROP_EXPIRED);
	store_le32(l.data + 4, 0);
	assert_int_equal(refused(l.data, l.len, 2, NOW), DROP_NO_SESSION);
}

TEST(counts_what_is_no_ip_inside)
{
	uint8_t packet[64];
	const struct peer *p = node_peer(two, one);

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
	assert_int_equal(hand_from(node_ping(two, 1, NOW)->data, 64, 2, NOW), DROP_OUTBOX_FULL);
}

TEST(without_a_private_key_no_handshake_is_looked_at)
{
	static struct letter l;
	struct delta *d = delta_new();

	l = *node_initiation(two, 1, NOW);
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
					node_data(peers[i], packet, sizeof packet, NOW);
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
	l = *node_ping(two, 1, NOW);
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
				forge_sign(batch[i].data, batch[i].len, &one->key, NOW);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_TRIO(vuln_27_no_type_and_length_is_answered_or_leaves_anything_behind),
		RUN_WITH_TRIO(the_reserved_bytes_of_a_type_are_zero),
		RUN_WITH_TRIO(vuln_28_nothing_without_a_valid_mac1_is_answered),
		RUN_WITH_TRIO(counts_a_handshake_of_a_stranger),
		RUN_WITH_TRIO(vuln_29_who_claims_to_be_a_peer_and_has_not_its_key_learns_nothing),
		RUN_WITH_TRIO(vuln_45_is_silent_to_low_order_points_wherever_they_come_in),
		RUN_WITH_TRIO(counts_a_replayed_initiation_and_a_spent_response),
		RUN_WITH_TRIO(counts_cookies_that_nobody_asked_for),
		RUN_WITH_TRIO(counts_data_without_session_or_past_its_end),
		RUN_WITH_TRIO(counts_what_is_no_ip_inside),
		RUN_WITH_TRIO(counts_what_the_outbox_has_no_room_for),
		RUN_WITH_TRIO(without_a_private_key_no_handshake_is_looked_at),
		RUN_WITH_TRIO(vuln_35_no_peer_speaks_for_another),
		RUN_WITH_TRIO(vuln_55_data_with_any_byte_changed_is_not_delivered),
		RUN_WITH_TRIO(vuln_57_nothing_on_the_wire_reaches_an_assert),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
