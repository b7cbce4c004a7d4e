/* One session: sealing, padding, limits (WireGuard paper, 5.4.6 and 6.1; reliability.md, row
 * 37). */
#include "support/test.h"
#include "wg/session.h"

#include "base/bytes.h"
#include "crypto/crypto.h"

#define MTU 1400

struct buffer {
	uint8_t room[PACKET_HEAD + 2048 + PACKET_TAIL];
	struct packet packet;
};

/* A pair of ends of one session, made at time 0. */
static void meet(struct session *a, struct session *b)
{
	*a = (struct session){
		.local_index = 1, .remote_index = 2, .initiator = true, .confirmed = true};
	*b = (struct session){.local_index = 2, .remote_index = 1, .confirmed = true};
	memset(&a->keys.send, 0x11, sizeof a->keys.send);
	memset(&a->keys.receive, 0x22, sizeof a->keys.receive);
	b->keys = (struct noise_keys){.send = a->keys.receive, .receive = a->keys.send};
}

/* A packet of this length, in dirty memory. */
static struct packet *dirty(struct buffer *b, size_t len)
{
	memset(b->room, 0xaa, sizeof b->room);
	b->packet = (struct packet){.data = b->room + PACKET_HEAD, .len = len};
	return &b->packet;
}

static void seal(struct session *s, struct packet *p, size_t mtu)
{
	struct aead_job job;

	session_seal(s, p, mtu, &job);
	aead_seal_batch(&job, 1);
}

static bool open(struct session *s, struct packet *p, struct aead_job *job)
{
	if (session_open(s, p->data, p->len, 0, job) != DROP_NONE)
		return false;
	aead_open_batch(job, 1);
	return job->ok && session_accept(s, p->data, 0) == DROP_NONE;
}

TEST(seals_in_place_what_the_other_end_opens)
{
	struct session a, b;
	struct aead_job job;
	struct buffer buffer;

	meet(&a, &b);
	for (uint64_t i = 0; i < 3; i++) {
		struct packet *p = dirty(&buffer, 100);
		seal(&a, p, MTU);
		assert_ptr_equal(p->data, buffer.room + PACKET_HEAD - 16);
		assert_int_equal(p->len, 16 + 112 + 16);
		assert_int_equal(load_le32(p->data), MESSAGE_DATA);
		assert_int_equal(load_le32(p->data + 4), 2);
		assert_int_equal(load_le64(p->data + 8), i);

		assert_true(open(&b, p, &job));
		assert_int_equal(job.len, 112);
		for (size_t k = 0; k < 112; k++)
			assert_int_equal(job.data[k], k < 100 ? 0xaa : 0);
	}
}

TEST(seals_for_one_direction_only)
{
	struct session a, b;
	struct aead_job job;
	struct buffer buffer;

	meet(&a, &b);
	struct packet *p = dirty(&buffer, 20);
	seal(&a, p, MTU);
	assert_false(open(&a, p, &job));
}

TEST(pads_to_16_but_not_beyond_the_mtu)
{
	static const struct {
		size_t len, mtu, padded;
	} cases[] = {
		{0, MTU, 0},        {1, MTU, 16},       {15, MTU, 16},      {16, MTU, 16},
		{17, MTU, 32},      {1392, MTU, 1392},  {1393, MTU, 1400},  {1399, MTU, 1400},
		{1400, MTU, 1400},  {1401, MTU, 1401},  {1500, MTU, 1500},  {1399, 0, 1408},
		{1399, 1399, 1399}, {1280, 1280, 1280}, {1279, 1280, 1280}, {5, 7, 7},
	};
	struct session a, b;
	struct buffer buffer;

	meet(&a, &b);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct packet *p = dirty(&buffer, cases[i].len);
		struct aead_job job;
		seal(&a, p, cases[i].mtu);
		assert_int_equal(p->len, MESSAGE_DATA_MIN + cases[i].padded);
		assert_true(open(&b, p, &job));
		for (size_t k = cases[i].len; k < cases[i].padded; k++)
			assert_int_equal(job.data[k], 0);
	}
}

TEST(refuses_a_packet_that_came_before)
{
	struct session a, b;
	struct aead_job job;
	struct buffer buffer;
	uint8_t copy[64];

	meet(&a, &b);
	struct packet *p = dirty(&buffer, 16);
	seal(&a, p, MTU);
	memcpy(copy, p->data, p->len);
	assert_true(open(&b, p, &job));
	memcpy(p->data, copy, p->len);
	assert_int_equal(session_open(&b, p->data, p->len, 0, &job), DROP_NONE);
	assert_int_equal(session_accept(&b, p->data, 0), DROP_REPLAY);
}

TEST(ends_after_180_s_in_both_directions)
{
	struct session a, b;
	struct aead_job job;
	struct buffer buffer;

	meet(&a, &b);
	struct packet *p = dirty(&buffer, 16);
	seal(&a, p, MTU);
	assert_true(session_may_send(&a, REJECT_AFTER - 1));
	assert_false(session_may_send(&a, REJECT_AFTER));
	assert_int_equal(session_open(&b, p->data, p->len, REJECT_AFTER - 1, &job), DROP_NONE);
	assert_int_equal(session_open(&b, p->data, p->len, REJECT_AFTER, &job), DROP_EXPIRED);
}

TEST(is_not_sent_on_before_it_is_confirmed)
{
	struct session a, b;

	meet(&a, &b);
	b.confirmed = false;
	assert_false(session_may_send(&b, 0));
}

TEST(is_renewed_by_its_initiator_first)
{
	struct session a, b;

	meet(&a, &b);
	assert_int_equal(REKEY_AFTER_RESPONDER, SEC(135));
	assert_int_equal(REKEY_ON_RECEIVE_AFTER, SEC(165));
	assert_false(session_is_stale(&a, REKEY_AFTER - 1));
	assert_true(session_is_stale(&a, REKEY_AFTER));
	assert_false(session_is_stale(&b, REKEY_AFTER_RESPONDER - 1));
	assert_true(session_is_stale(&b, REKEY_AFTER_RESPONDER));
	assert_false(session_is_ending(&a, REKEY_ON_RECEIVE_AFTER - 1));
	assert_true(session_is_ending(&a, REKEY_ON_RECEIVE_AFTER));
	assert_false(session_is_ending(&b, REKEY_ON_RECEIVE_AFTER));
}

TEST(vuln_37_is_renewed_at_2_60_messages_and_ends_before_the_counter_does)
{
	struct session a, b;
	struct buffer buffer;
	uint64_t used = 0;

	meet(&a, &b);
	a.send_counter = REKEY_AFTER_MESSAGES - 1;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(session_is_stale(&a, 0), a.send_counter > UINT64_C(1) << 60);
		assert_true(session_may_send(&a, 0));
		seal(&a, dirty(&buffer, 16), MTU);
	}

	a.send_counter = UINT64_MAX - (1 << 13) - 3;
	while (session_may_send(&a, 0)) {
		struct packet *p = dirty(&buffer, 16);
		seal(&a, p, MTU);
		assert_true(load_le64(p->data + 8) > used);
		used = load_le64(p->data + 8);
		assert_true(used < REJECT_AFTER_MESSAGES);
	}
	assert_int_equal(used, REJECT_AFTER_MESSAGES - 1);
}

TEST(vuln_37_refuses_counters_beyond_the_limit)
{
	static const struct {
		uint64_t counter;
		enum drop drop;
	} cases[] = {
		{REKEY_AFTER_MESSAGES, DROP_NONE},
		{REJECT_AFTER_MESSAGES - 1, DROP_NONE},
		{REJECT_AFTER_MESSAGES, DROP_EXPIRED},
		{UINT64_MAX, DROP_EXPIRED},
	};
	struct session a, b;
	uint8_t msg[MESSAGE_DATA_MIN] = {MESSAGE_DATA};
	struct aead_job job;

	meet(&a, &b);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		store_le64(msg + 8, cases[i].counter);
		assert_int_equal(session_open(&b, msg, sizeof msg, 0, &job), cases[i].drop);
	}
}

TEST(leaves_nothing_when_wiped)
{
	static const struct session none;
	struct session a, b;

	meet(&a, &b);
	session_wipe(&a);
	assert_memory_equal(&a, &none, sizeof a);
	assert_false(session_exists(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(seals_in_place_what_the_other_end_opens),
		RUN(seals_for_one_direction_only),
		RUN(pads_to_16_but_not_beyond_the_mtu),
		RUN(refuses_a_packet_that_came_before),
		RUN(ends_after_180_s_in_both_directions),
		RUN(is_not_sent_on_before_it_is_confirmed),
		RUN(is_renewed_by_its_initiator_first),
		RUN(vuln_37_is_renewed_at_2_60_messages_and_ends_before_the_counter_does),
		RUN(vuln_37_refuses_counters_beyond_the_limit),
		RUN(leaves_nothing_when_wiped),
	};

	return crypto_init(NULL) < 0 || RUN_TESTS(tests);
}
