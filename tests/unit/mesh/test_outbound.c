/* Life of a packet out: whom it is for, how it leaves, and why it does not. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW  TRIO_NOW
#define MTU  1400
#define SLOT (PACKET_HEAD + LETTER_MAX + PACKET_TAIL)

static int start(void **state)
{
	trio_start(state);
	mesh_mtu_changed(one->m, MTU);
	return 0;
}

static void connect_both(void)
{
	node_connect(one, two, NOW);
	node_connect(one, three, NOW);
	outbox_clear(&two->out);
	outbox_clear(&three->out);
}

/* A batch to be sent, each packet in memory of its own whose every byte is 0xa5 before. */
static uint8_t memory[BATCH_MAX][SLOT];
static struct batch in;

static void empty_batch(void)
{
	memset(memory, 0xa5, sizeof memory);
	in.count = 0;
}

static uint8_t *add_packet(size_t len)
{
	uint8_t *data = memory[in.count] + PACKET_HEAD;

	in.packets[in.count++] = (struct packet){.data = data, .len = len};
	return data;
}

static void add4(uint8_t to, size_t len, uint8_t fill)
{
	node_write_ip4(add_packet(len), 1, to, len, fill);
}

static void add6(uint8_t to, size_t len, uint8_t fill)
{
	node_write_ip6(add_packet(len), 1, to, len, fill);
}

static void send_batch(usec now)
{
	mesh_outbound(one->m, &in, now, &one->out);
}

/* --- what leaves ------------------------------------------------------------------------------------------------ */

TEST(each_packet_of_a_batch_goes_to_its_peer_in_order)
{
	static struct letter letters[BATCH_MAX];
	static const uint8_t to[] = {2, 3, 2, 2, 3, 3, 3, 2};

	connect_both();
	empty_batch();
	for (uint8_t i = 0; i < sizeof to; i++) {
		if (i % 3 == 0)
			add6(to[i], 100 + i, i);
		else
			add4(to[i], 100 + i, i);
	}
	send_batch(NOW + 1);
	assert_int_equal(node_all_drops(one), 0);
	assert_int_equal(node_take(one, letters, BATCH_MAX), sizeof to);

	for (uint8_t i = 0; i < sizeof to; i++) {
		uint8_t expected[200];
		assert_int_equal(letters[i].to, to[i]);
		node_hand(&nodes[to[i]], &letters[i], 1, NOW + 1);
		const struct batch *tun = &nodes[to[i]].out.tun;
		assert_int_equal(tun->count, 1);
		assert_int_equal(tun->packets[0].len, 100 + i);
		if (i % 3 == 0)
			node_write_ip6(expected, 1, to[i], 100 + i, i);
		else
			node_write_ip4(expected, 1, to[i], 100 + i, i);
		assert_memory_equal(tun->packets[0].data, expected, 100 + i);
		outbox_clear(&nodes[to[i]].out);
	}
}

TEST(writes_in_place_and_only_where_header_padding_and_tag_belong)
{
	connect_both();
	empty_batch();
	for (size_t len = 28; len < 28 + 40; len++)
		add4(2, len, 1);
	send_batch(NOW + 1);
	assert_int_equal(one->out.net.count, 40);
	for (size_t i = 0; i < 40; i++) {
		const struct packet *p = &one->out.net.packets[i];
		size_t padded = (28 + i + 15) / 16 * 16, end = PACKET_HEAD + padded + 16;
		assert_ptr_equal(p->data, memory[i] + PACKET_HEAD - 16);
		assert_int_equal(p->len, 16 + padded + 16);
		for (size_t b = 0; b < SLOT; b++) {
			if (b == PACKET_HEAD - 16)
				b = end;
			assert_int_equal(memory[i][b], 0xa5);
		}
	}
}

/* The kernel cuts a run of equal datagrams: what is as long inside must be as long outside. */
TEST(packets_of_one_length_make_datagrams_of_one_length)
{
	static const size_t mtus[] = {0, 68, 1280, 1400, 1420};

	connect_both();
	for (size_t m = 0; m < sizeof mtus / sizeof *mtus; m++) {
		mesh_mtu_changed(one->m, mtus[m]);
		for (size_t len = 28; len <= 1500; len++) {
			in.count = 0;
			for (uint8_t i = 0; i < 3; i++)
				add4(2, len, i);
			send_batch(NOW + 1);
			for (size_t i = 1; i < 3; i++)
				assert_int_equal(one->out.net.packets[i].len,
						 one->out.net.packets[0].len);
			outbox_clear(&one->out);
		}
	}
}

/* Whatever was looked for before: the same address, one that begins like it, one of nobody, one that another peer has now. */
TEST(each_packet_of_a_run_goes_to_the_owner_of_its_own_address)
{
	struct prefix moved = {.family = ADDR_V4, .len = 32, .ip = {10, 66, 0, 2}};
	struct delta *d = delta_new();
	static struct letter letters[8];

	connect_both();
	empty_batch();
	add4(9, 40, 1); /* nobody's, twice */
	add4(9, 40, 1);
	add4(2, 40, 1);
	add4(2, 40, 1);
	add6(2, 40, 1); /* as long as 10.66.0.2 it is the same */
	memcpy(in.packets[4].data + 24, in.packets[3].data + 16, 4);
	add4(2, 40, 1);
	add6(2, 40, 1);
	add6(3, 40, 1);
	add6(3, 40, 1);
	send_batch(NOW + 1);
	assert_int_equal(node_drops(one, DROP_NO_PEER), 3);
	assert_int_equal(node_take(one, letters, 8), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(letters[i].to, i < 4 ? 2 : 3);

	empty_batch();
	add4(2, 40, 1);
	send_batch(NOW + 1);
	assert_int_equal(node_take(one, letters, 8), 1);
	assert_int_equal(letters[0].to, 2);
	assert_true(delta_add_allowed(delta_add_peer(d, &three->key), &moved, false));
	node_apply(one, d, NOW + 1);
	empty_batch();
	add4(2, 40, 1);
	send_batch(NOW + 1);
	assert_int_equal(node_take(one, letters, 8), 1);
	assert_int_equal(letters[0].to, 3);
}

/* Padding stops at the MTU; what is longer than it is not padded at all. */
TEST(pads_to_16_but_not_beyond_the_mtu)
{
	static const struct {
		size_t mtu, len, padded;
	} cases[] = {
		{1400, 28, 32},     {1400, 32, 32},     {1400, 33, 48},     {1400, 1377, 1392},
		{1400, 1392, 1392}, {1400, 1393, 1400}, {1400, 1399, 1400}, {1400, 1400, 1400},
		{1400, 1401, 1401}, {0, 1401, 1408},    {1280, 1279, 1280}, {20, 28, 28},
	};

	connect_both();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		empty_batch();
		add4(2, cases[i].len, 1);
		mesh_mtu_changed(one->m, cases[i].mtu);
		send_batch(NOW + 1);
		assert_int_equal(one->out.net.packets[0].len, 32 + cases[i].padded);
		outbox_clear(&one->out);
	}
}

TEST(leaves_by_the_way_the_peer_was_last_heard_on)
{
	struct via expected = {.kind = VIA_DIRECT,
			       .door = 1,
			       .remote = node_outside(77),
			       .local = node_outside(1)};
	static struct letter l;

	connect_both();
	node_send(two, 1, NOW + 1);
	assert_int_equal(node_take(two, &l, 1), 1);
	l.via = expected;
	node_hand(one, &l, 1, NOW + 1);
	outbox_clear(&one->out);

	empty_batch();
	add4(2, 100, 1);
	send_batch(NOW + 2);
	assert_memory_equal(&one->out.net.packets[0].via, &expected, sizeof expected);
}

/* --- what waits ------------------------------------------------------------------------------------------------- */

TEST(packets_wait_for_the_session_and_leave_in_their_order)
{
	static struct letter letters[BATCH_MAX];

	empty_batch();
	for (uint8_t i = 0; i < 10; i++)
		add4(2, 40, i);
	send_batch(NOW + 1);
	assert_int_equal(one->out.net.count, 1); /* one initiation for all of them */
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_INITIATION);

	node_hand(two, letters, node_take(one, letters, BATCH_MAX), NOW + 2);
	node_hand(one, letters, node_take(two, letters, BATCH_MAX), NOW + 3);
	assert_int_equal(one->out.net.count, 10);
	node_hand(two, letters, node_take(one, letters, BATCH_MAX), NOW + 4);
	assert_int_equal(two->out.tun.count, 10);
	for (uint8_t i = 0; i < 10; i++)
		assert_int_equal(two->out.tun.packets[i].data[39], i);
}

TEST(a_batch_may_mix_peers_that_have_a_session_and_others)
{
	node_connect(one, two, NOW);
	empty_batch();
	for (uint8_t i = 0; i < 6; i++)
		add4(2 + i % 2, 40, i);
	send_batch(NOW + 1);
	/* The initiation to node 3 comes first, then what was sealed. */
	assert_int_equal(one->out.net.count, 4);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_INITIATION);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(load_le32(one->out.net.packets[i].data), MESSAGE_DATA);
	assert_int_equal(node_all_drops(one), 0);
}

/* --- what does not leave ---------------------------------------------------------------------------------------- */

TEST(counts_what_is_no_ip_or_for_nobody)
{
	connect_both();
	empty_batch();
	add4(2, 40, 1);
	in.packets[0].len = 39; /* shorter than it says */
	add4(2, 40, 1);
	in.packets[1].data[0] = 0x55;
	add_packet(0);
	add4(2, 20, 1);
	in.packets[3].len = 19;
	add6(2, 40, 1);
	in.packets[4].len = 39;
	send_batch(NOW + 1);
	assert_int_equal(node_drops(one, DROP_NOT_IP), 5);

	empty_batch();
	add4(9, 40, 1);
	add6(9, 40, 1);
	send_batch(NOW + 1);
	assert_int_equal(node_drops(one, DROP_NO_PEER), 2);
	assert_int_equal(node_all_drops(one), 7);
	assert_int_equal(one->out.net.count, 0);
}

TEST(counts_what_has_no_endpoint)
{
	struct delta *d = delta_new();

	d->replace_peers = true;
	node_add_peer(d, two, "", false, false);
	node_apply(one, d, NOW);
	empty_batch();
	add4(2, 40, 1);
	send_batch(NOW + 1);
	assert_int_equal(node_drops(one, DROP_NO_ENDPOINT), 1);
	assert_int_equal(one->out.net.count, 0);
	assert_true(mesh_deadline(one->m) == USEC_NEVER);
}

TEST(counts_what_has_no_private_key)
{
	struct delta *d = delta_new();

	connect_both();
	d->has_private_key = true;
	node_apply(one, d, NOW);
	empty_batch();
	add4(2, 40, 1);
	send_batch(NOW + 1);
	assert_int_equal(node_drops(one, DROP_NO_KEY), 1);
	assert_int_equal(one->out.net.count, 0);
}

TEST(counts_what_waited_in_vain)
{
	empty_batch();
	for (size_t i = 0; i < STAGING_PER_PEER + 3; i++)
		add4(2, 40, 1);
	send_batch(NOW);
	assert_int_equal(node_drops(one, DROP_STAGED_FULL), 3);
	outbox_clear(&one->out);
	node_pass_time(one, NOW, NOW + SEC(91));
	assert_int_equal(node_drops(one, DROP_STAGED_OLD), STAGING_PER_PEER);
	assert_int_equal(node_all_drops(one), STAGING_PER_PEER + 3);
}

TEST(counts_what_the_outbox_has_no_room_for)
{
	connect_both();
	while (one->out.net.count < BATCH_MAX - 5)
		outbox_net(&one->out, &(struct packet){.len = 1});
	empty_batch();
	for (size_t i = 0; i < 8; i++)
		add4(2, 40, 1);
	send_batch(NOW + 1);
	assert_int_equal(node_drops(one, DROP_OUTBOX_FULL), 3);
	assert_int_equal(one->out.overflows, 3);
}

/* Of as many packets as there are places none leaves without being sealed, and none twice. */
TEST(a_full_batch_fits)
{
	connect_both();
	empty_batch();
	while (in.count < BATCH_MAX)
		add4(2 + in.count % 2, 60, (uint8_t)in.count);
	send_batch(NOW + 1);
	assert_int_equal(one->out.net.count, BATCH_MAX);
	assert_int_equal(node_all_drops(one), 0);
}

/* The session ages while packets flow: the initiation that renews it finds its room at the next tick. */
TEST(a_renewal_waits_for_room_and_is_not_lost)
{
	usec later = NOW + REKEY_AFTER + SEC(2);

	node_connect(one, two, NOW);
	empty_batch();
	while (in.count < BATCH_MAX)
		add4(2, 60, 1);
	send_batch(later);
	assert_int_equal(one->out.net.count, BATCH_MAX);
	assert_true(mesh_deadline(one->m) <= later);
	mesh_tick(one->m, later, &one->out); /* full yet: nothing happens, and it ends */
	assert_true(mesh_deadline(one->m) <= later);
	outbox_clear(&one->out);
	mesh_tick(one->m, later, &one->out);
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_INITIATION);
	assert_true(mesh_deadline(one->m) > later);
}

/* --- the longest ------------------------------------------------------------------------------------------------ */

static uint8_t big[PACKET_SLOT];

/* One packet of `len` bytes for node 2, in a slot whose bytes are 0xa5 before. */
static uint8_t *send_big(size_t len)
{
	memset(big, 0xa5, sizeof big);
	node_write_ip4(big + PACKET_HEAD, 1, 2, len, 0x77);
	in = (struct batch){.packets[0] = {.data = big + PACKET_HEAD, .len = len}, .count = 1};
	send_batch(NOW + 1);
	return big;
}

/* Opened by the keys that sealed it. */
static void check_big(size_t len)
{
	const struct packet *p = &one->out.net.packets[one->out.net.count - 1];
	struct session *s = node_peer(one, two)->tunnel.current;
	uint8_t *text = p->data + 16;

	assert_true(
		aead_open(text, &s->keys.send, load_le64(p->data + 8), text, p->len - 16, NULL, 0));
	assert_int_equal(load_be16(text + 2), len);
	for (size_t i = IP4_HEADER_LEN; i < len; i++)
		assert_int_equal(text[i], 0x77);
	for (size_t i = len; i < p->len - 32; i++)
		assert_int_equal(text[i], 0);
}

TEST(vuln_59_the_longest_packet_is_sealed_within_its_slot)
{
	static const size_t mtus[] = {0, 1400, 9000, 65520, PACKET_DATA};

	connect_both();
	for (size_t m = 0; m < sizeof mtus / sizeof *mtus; m++) {
		mesh_mtu_changed(one->m, mtus[m]);
		for (size_t len = PACKET_DATA - 20; len <= PACKET_DATA; len++) {
			const uint8_t *slot = send_big(len);
			const struct packet *p = &one->out.net.packets[0];
			size_t end = PACKET_HEAD - 16 + p->len;

			assert_int_equal(one->out.net.count, 1);
			assert_in_range(p->len, len + 32, len + 32 + 15);
			assert_in_range(end, 0, PACKET_SLOT);
			for (size_t i = 0; i < PACKET_SLOT; i++) {
				if (i == PACKET_HEAD - 16)
					i = end;
				if (i < PACKET_SLOT)
					assert_int_equal(slot[i], 0xa5);
			}
			check_big(len);
			outbox_clear(&one->out);
		}
	}
}

TEST(vuln_59_the_longest_packets_wait_for_a_session_whole)
{
	static struct letter letters[2];

	send_big(PACKET_DATA);
	send_big(PACKET_DATA - 1);
	assert_int_equal(node_take(one, letters, 2), 1);
	node_hand(two, letters, 1, NOW + 1);
	assert_int_equal(node_take(two, letters, 2), 1);
	node_hand(one, letters, 1, NOW + 1);
	assert_int_equal(one->out.net.count, 2);
	check_big(PACKET_DATA - 1);
	one->out.net.count--;
	check_big(PACKET_DATA);
	assert_int_equal(node_all_drops(one), 0);
}

/* --- mistakes of others ----------------------------------------------------------------------------------------- */

static bool contains(const uint8_t *data, size_t len, uint8_t fill, size_t run)
{
	size_t seen = 0;

	for (size_t i = 0; i < len; i++) {
		seen = data[i] == fill ? seen + 1 : 0;
		if (seen >= run)
			return true;
	}
	return false;
}

/* Extension headers are the business of who reads them: a packet goes by its addresses, whatever follows. Here a chain up to the MTU, of
 * every type and length, with headers that say they are longer than the packet, or fragments of nothing. */
TEST(vuln_38_chains_of_extension_headers_pass_as_they_are)
{
	static const uint8_t types[] = {0, 43, 44, 50, 51, 60, 135, 139, 140, 253, 254, 59, 17};
	static struct letter l;

	connect_both();
	for (size_t t = 0; t < sizeof types; t++) {
		for (unsigned words = 0; words < 256; words += 15) {
			uint8_t packet[MTU];
			size_t step = (words + 1) * 8;

			node_write_ip6(packet, 1, 2, MTU, 0);
			packet[6] = types[t];
			for (size_t at = 40; at + 8 <= MTU; at += step) {
				packet[at] = types[t];
				packet[at + 1] = (uint8_t)words;
			}
			l = *node_data(one, packet, MTU, NOW + 1);
			node_hand(two, &l, 1, NOW + 1);
			assert_int_equal(two->out.tun.count, 1);
			assert_int_equal(two->out.tun.packets[0].len, MTU);
			assert_memory_equal(two->out.tun.packets[0].data, packet, MTU);
			outbox_clear(&two->out);
		}
	}
	assert_int_equal(node_all_drops(one) + node_all_drops(two), 0);
}

/* However a peer misbehaves, what it is sent shows nothing of the packets inside. */
TEST(vuln_30_no_plaintext_ever_leaves)
{
	static struct letter letters[BATCH_MAX];
	struct addr there = node_outside(2);
	uint8_t control[64];
	size_t sent = 0;

	connect_both();
	for (unsigned round = 0; round < 300; round++) {
		usec now = NOW + 1 + round * SEC(1);

		/* Peer 2 sends what could be taken for a command: control frames of any type and flags. */
		memset(control, (int)round, sizeof control);
		control[0] = round % 2 ? 0xf1 : 0x45;
		store_be16(control + 2, sizeof control);
		struct peer *p = table_find(&two->m->by_key, &one->key);
		struct packet raw = {.data = memory[0] + PACKET_HEAD, .len = sizeof control};
		struct aead_job job;
		memcpy(raw.data, control, sizeof control);
		if (tunnel_send(&p->tunnel, &raw, MTU, now, &job) == DROP_NONE && job.key != NULL) {
			aead_seal_batch(&job, 1);
			node_hand_bytes(one, raw.data, raw.len, &there, now);
			outbox_clear(&one->out);
		}

		empty_batch();
		add4(2, 300, 0x77);
		add6(3, 300, 0x77);
		send_batch(now);
		for (size_t i = 0; i < one->out.net.count; i++) {
			const struct packet *out = &one->out.net.packets[i];
			uint32_t type = load_le32(out->data);
			assert_true(type >= MESSAGE_INITIATION && type <= MESSAGE_DATA);
			assert_false(contains(out->data, out->len, 0x77, 8));
			sent += type == MESSAGE_DATA;
		}
		outbox_clear(&one->out);
		mesh_tick(one->m, now, &one->out);
		node_take(one, letters, BATCH_MAX);
	}
	assert_true(sent > REJECT_AFTER / SEC(1));
}

#define RUN_WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start, trio_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_NODES(each_packet_of_a_batch_goes_to_its_peer_in_order),
		RUN_WITH_NODES(writes_in_place_and_only_where_header_padding_and_tag_belong),
		RUN_WITH_NODES(packets_of_one_length_make_datagrams_of_one_length),
		RUN_WITH_NODES(each_packet_of_a_run_goes_to_the_owner_of_its_own_address),
		RUN_WITH_NODES(pads_to_16_but_not_beyond_the_mtu),
		RUN_WITH_NODES(leaves_by_the_way_the_peer_was_last_heard_on),
		RUN_WITH_NODES(packets_wait_for_the_session_and_leave_in_their_order),
		RUN_WITH_NODES(a_batch_may_mix_peers_that_have_a_session_and_others),
		RUN_WITH_NODES(counts_what_is_no_ip_or_for_nobody),
		RUN_WITH_NODES(counts_what_has_no_endpoint),
		RUN_WITH_NODES(counts_what_has_no_private_key),
		RUN_WITH_NODES(counts_what_waited_in_vain),
		RUN_WITH_NODES(counts_what_the_outbox_has_no_room_for),
		RUN_WITH_NODES(a_full_batch_fits),
		RUN_WITH_NODES(a_renewal_waits_for_room_and_is_not_lost),
		RUN_WITH_NODES(vuln_59_the_longest_packet_is_sealed_within_its_slot),
		RUN_WITH_NODES(vuln_59_the_longest_packets_wait_for_a_session_whole),
		RUN_WITH_NODES(vuln_38_chains_of_extension_headers_pass_as_they_are),
		RUN_WITH_NODES(vuln_30_no_plaintext_ever_leaves),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
