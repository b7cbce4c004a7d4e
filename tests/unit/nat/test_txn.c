/* Transactions: the schedules, whose answer counts, when it is over; with made-up time. */
#include "nat/txn.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "support/env_fake.h"
#include "support/hexdata.h"
#include "support/stun_twin.h"
#include "support/test.h"

#define NOW SEC(1000)

static const struct stun_message binding = {.class = STUN_REQUEST, .method = STUN_METHOD_BINDING};
static const struct addr server4 = {.family = ADDR_V4, .port = 3478, .ip = {192, 0, 2, 1}};
static const struct addr server6 = {
	.family = ADDR_V6, .port = 3478, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}};

/* One transaction and its world. */
struct world {
	struct env_fake fake;
	struct outbox out;
	struct txn t;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	if (w == NULL || outbox_init(&w->out) != 0)
		return -1;
	env_fake_init(&w->fake, 5);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	outbox_free(&w->out);
	free(w);
	return 0;
}

static void start(struct world *w, const struct addr *server, const struct txn_schedule *schedule)
{
	struct via via = via_direct(server);

	assert_true(txn_start(&w->t, &via, server, &binding, NULL, schedule, &w->fake.env, NOW,
			      &w->out));
}

/* What was sent since, which has to be one datagram. */
static const struct packet *sent(struct world *w)
{
	assert_int_equal(w->out.net.count, 1);
	return &w->out.net.packets[0];
}

/* An answer to the transaction as the server would give it. */
struct answer {
	struct stun_message m;
	struct packet p;
	uint8_t data[512];
};

static void answer(struct answer *a, const struct world *w, enum stun_class class)
{
	struct stun_message m = {
		.class = class,
		.method = STUN_METHOD_BINDING,
		.has = class == STUN_ERROR ? STUN_HAS(STUN_ERROR_CODE)
					   : STUN_HAS(STUN_XOR_MAPPED_ADDRESS),
		.xor_mapped = server4,
		.error = 500,
	};

	memcpy(m.id, w->t.id, sizeof m.id);
	*a = (struct answer){.p = {.data = a->data, .via = w->t.via}};
	a->p.len = stun_write(a->data, sizeof a->data, &m);
	assert_true(stun_read(&a->m, a->data, a->p.len));
}

TEST(sends_a_request_with_a_fingerprint_at_once)
{
	struct world *w = *state;
	struct stun_message m;

	start(w, &server6, &txn_rfc);
	const struct packet *p = sent(w);
	assert_int_equal(p->via.kind, VIA_DIRECT);
	assert_int_equal(p->via.door, 1);
	assert_true(addr_equal(&p->via.remote, &server6));
	assert_int_equal(p->len, 28);
	assert_true(stun_read(&m, p->data, p->len));
	assert_int_equal(m.class, STUN_REQUEST);
	assert_int_equal(m.method, STUN_METHOD_BINDING);
	assert_int_equal(m.has, STUN_HAS(STUN_FINGERPRINT));
	assert_memory_equal(m.id, w->t.id, sizeof m.id);
	assert_true(txn_is_waiting(&w->t));
}

/* The instants at which it sends, by its own deadlines alone. */
static void assert_schedule(struct world *w, const usec *at, unsigned count, usec give_up)
{
	uint8_t first[TXN_REQUEST_MAX];
	size_t first_len = 0;

	for (unsigned i = 0; i < count; i++) {
		if (i > 0) {
			assert_int_equal(txn_deadline(&w->t), NOW + at[i]);
			assert_int_equal(txn_tick(&w->t, NOW + at[i] - 1, &w->out), TXN_WAITING);
			assert_int_equal(w->out.net.count, 0);
			assert_int_equal(txn_tick(&w->t, NOW + at[i], &w->out), TXN_WAITING);
		}
		const struct packet *p = sent(w);
		if (i == 0)
			memcpy(first, p->data, first_len = p->len);
		assert_int_equal(p->len, first_len);
		assert_memory_equal(p->data, first, first_len); /* the same id with the rest */
		outbox_clear(&w->out);
	}
	assert_int_equal(txn_deadline(&w->t), NOW + give_up);
	assert_int_equal(txn_tick(&w->t, NOW + give_up - 1, &w->out), TXN_WAITING);
	assert_int_equal(txn_tick(&w->t, NOW + give_up, &w->out), TXN_FAILED);
	assert_int_equal(txn_tick(&w->t, NOW + 2 * give_up, &w->out), TXN_WAITING);
	assert_int_equal(w->out.net.count, 0);
	assert_int_equal(txn_deadline(&w->t), USEC_NEVER);
	assert_false(txn_is_waiting(&w->t));
}

TEST(retransmits_on_the_schedule_of_rfc_8489_then_fails)
{
	static const usec at[] = {0,          MSEC(500),   MSEC(1500), MSEC(3500),
				  MSEC(7500), MSEC(15500), MSEC(31500)};
	struct world *w = *state;

	start(w, &server4, &txn_rfc);
	assert_schedule(w, at, 7, MSEC(39500));
}

TEST(vuln_26_retransmits_on_the_short_schedule_and_ends_by_its_deadline)
{
	static const usec at[] = {0, MSEC(100), MSEC(200), MSEC(400)};
	struct world *w = *state;

	start(w, &server4, &txn_short);
	assert_schedule(w, at, 4, MSEC(1200));
}

TEST(sends_a_single_try_once)
{
	static const usec at[] = {0};
	struct world *w = *state;

	start(w, &server4, &txn_once);
	assert_schedule(w, at, 1, MSEC(1200));
}

TEST(takes_the_answer_and_is_done)
{
	struct world *w = *state;
	struct answer a;

	for (unsigned class = STUN_SUCCESS; class <= STUN_ERROR; class ++) {
		start(w, &server4, &txn_rfc);
		answer(&a, w, (enum stun_class) class);
		assert_true(txn_matches(&w->t, &a.p, &a.m));
		assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + MSEC(40)), TXN_ANSWERED);
		assert_false(txn_is_waiting(&w->t));
		assert_int_equal(txn_deadline(&w->t), USEC_NEVER);
		/* Once. */
		assert_false(txn_matches(&w->t, &a.p, &a.m));
		assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + MSEC(41)), TXN_WAITING);
		outbox_clear(&w->out);
		assert_int_equal(txn_tick(&w->t, NOW + SEC(100), &w->out), TXN_WAITING);
		assert_int_equal(w->out.net.count, 0);
	}
}

/* Karn: after a second send nobody knows which one was answered. */
TEST(measures_the_round_trip_of_a_request_sent_once_only)
{
	struct world *w = *state;
	struct answer a;

	start(w, &server4, &txn_short);
	answer(&a, w, STUN_SUCCESS);
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + MSEC(99)), TXN_ANSWERED);
	assert_int_equal(w->t.rtt, MSEC(99));
	assert_int_equal(w->t.rtt_most, MSEC(99));

	outbox_clear(&w->out);
	start(w, &server4, &txn_short);
	answer(&a, w, STUN_SUCCESS);
	txn_tick(&w->t, NOW + MSEC(100), &w->out);
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + MSEC(101)), TXN_ANSWERED);
	assert_int_equal(w->t.rtt, USEC_NEVER);
	assert_int_equal(w->t.rtt_most, MSEC(101));
}

/* F45: 2 s of round trip. */
TEST(f45_takes_an_answer_that_comes_late)
{
	struct world *w = *state;
	struct answer a;

	start(w, &server4, &txn_rfc);
	answer(&a, w, STUN_SUCCESS);
	txn_tick(&w->t, NOW + MSEC(500), &w->out);
	txn_tick(&w->t, NOW + MSEC(1500), &w->out);
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + SEC(2)), TXN_ANSWERED);
	assert_int_equal(w->t.rtt_most, SEC(2));
}

TEST(takes_an_answer_from_its_server_to_its_door_with_its_id_only)
{
	struct world *w = *state;
	struct answer right, a;

	start(w, &server4, &txn_rfc);
	answer(&right, w, STUN_SUCCESS);

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		a = right;                                                                         \
		change;                                                                            \
		assert_false(txn_matches(&w->t, &a.p, &a.m));                                      \
		assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_WAITING);              \
	} while (0)
	REFUSED(a.p.via.remote.port++);
	REFUSED(a.p.via.remote.ip[3]++);
	REFUSED(a.p.via.remote = server6);
	REFUSED(a.p.via.remote = (struct addr){0});
	REFUSED(a.p.via.door = 2);
	REFUSED(a.p.via.kind = VIA_TURN);
	REFUSED(a.m.method = STUN_METHOD_ALLOCATE);
	for (size_t bit = 0; bit < 8 * sizeof a.m.id; bit++)
		REFUSED(a.m.id[bit / 8] ^= (uint8_t)(1 << bit % 8));
#undef REFUSED
	assert_int_equal(txn_input(&w->t, &right.p, &right.m, NOW + 1), TXN_ANSWERED);
}

TEST(takes_an_answer_from_anybody_where_the_caller_looks_himself)
{
	struct world *w = *state;
	struct via via = via_direct(&server4);
	struct answer a;

	assert_true(txn_start(&w->t, &via, NULL, &binding, NULL, &txn_once, &w->fake.env, NOW,
			      &w->out));
	answer(&a, w, STUN_SUCCESS);
	a.p.via.remote.ip[3]++;
	a.p.via.door = 2;
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_WAITING);
	a.p.via.door = 0;
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_ANSWERED);
}

/* Nothing that comes makes it send: neither to requests and indications, its own one reflected included, nor to errors and answers of
 * any kind, right or wrong. Two of us that hear each other's messages are quiet. */
TEST(vuln_22_answers_nobody)
{
	struct world *w = *state;
	struct answer a;

	start(w, &server4, &txn_rfc);
	struct packet reflected = *sent(w);
	uint8_t copy[TXN_REQUEST_MAX];
	memcpy(copy, reflected.data, reflected.len);
	reflected.data = copy;
	outbox_clear(&w->out);

	struct stun_message m;
	assert_true(stun_read(&m, copy, reflected.len));
	assert_int_equal(txn_input(&w->t, &reflected, &m, NOW + 1), TXN_WAITING);
	for (unsigned class = STUN_REQUEST; class <= STUN_ERROR; class ++) {
		for (unsigned wrong_id = 0; wrong_id < 2; wrong_id++) {
			for (unsigned error = 300; error < 700; error++) {
				answer(&a, w, (enum stun_class) class);
				a.m.id[0] ^= (uint8_t)wrong_id;
				a.m.error = (uint16_t)error;
				if (class == STUN_REQUEST || class == STUN_INDICATION || wrong_id)
					assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1),
							 TXN_WAITING);
			}
		}
	}
	assert_true(txn_is_waiting(&w->t));
	answer(&a, w, STUN_ERROR);
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_ANSWERED);
	assert_int_equal(w->out.net.count, 0);
	assert_int_equal(w->out.action_count, 0);
}

TEST(discards_an_answer_that_has_to_be_understood_and_is_not)
{
	struct world *w = *state;
	static struct stun_raw raw;
	struct answer a;

	start(w, &server4, &txn_rfc);
	answer(&a, w, STUN_SUCCESS);
	memcpy(raw.data, a.data, raw.len = a.p.len);
	stun_raw_add(&raw, 0x7ffe, "", 0, 0);
	struct packet p = {.data = raw.data, .len = raw.len, .via = w->t.via};
	struct stun_message m;
	assert_true(stun_read(&m, raw.data, raw.len));
	assert_int_equal(txn_input(&w->t, &p, &m, NOW + 1), TXN_WAITING);
	assert_true(txn_is_waiting(&w->t));
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_ANSWERED);
}

TEST(vuln_06_ids_come_from_the_randomness_of_its_world)
{
	struct world *w = *state;
	struct env_fake same;
	uint8_t want[STUN_ID_LEN], ids[100][STUN_ID_LEN];

	env_fake_init(&same, 5);
	for (size_t i = 0; i < 100; i++) {
		start(w, &server4, &txn_once);
		memcpy(ids[i], w->t.id, sizeof ids[i]);
		env_rand(&same.env, want, sizeof want);
		assert_memory_equal(w->t.id, want, sizeof want);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(ids[k], ids[i], sizeof ids[i]);
		outbox_clear(&w->out);
	}
}

/* F54: the loop stood for 5 s. One is sent, and the schedule goes on where it would be. */
TEST(f54_sends_one_after_a_long_stop)
{
	struct world *w = *state;

	start(w, &server4, &txn_rfc);
	outbox_clear(&w->out);
	assert_int_equal(txn_tick(&w->t, NOW + SEC(5), &w->out), TXN_WAITING);
	sent(w);
	assert_int_equal(txn_deadline(&w->t), NOW + MSEC(7500));
	outbox_clear(&w->out);
	/* F52: it slept for three days. */
	assert_int_equal(txn_tick(&w->t, NOW + SEC(3 * 86400), &w->out), TXN_FAILED);
	assert_int_equal(w->out.net.count, 0);
}

/* A clock that stands still makes it send no more than the schedule has. */
TEST(f54_sends_no_more_than_its_schedule_has)
{
	struct world *w = *state;
	unsigned sends = 0;

	start(w, &server4, &txn_short);
	for (usec now = NOW; now < NOW + SEC(2); now += 100) {
		for (int again = 0; again < 3; again++) {
			txn_tick(&w->t, now, &w->out);
			sends += (unsigned)w->out.net.count;
			outbox_clear(&w->out);
		}
	}
	assert_int_equal(sends, 4);
}

/* What cannot be sent now is lost as on the way: the schedule goes on. */
TEST(goes_on_when_the_outbox_is_full)
{
	struct world *w = *state;
	struct via via = via_direct(&server4);

	while (outbox_datagram(&w->out, &via, 1) != NULL)
		;
	start(w, &server4, &txn_short);
	assert_true(txn_is_waiting(&w->t));
	outbox_clear(&w->out);
	assert_int_equal(txn_tick(&w->t, NOW + MSEC(100), &w->out), TXN_WAITING);
	sent(w);
}

TEST(vuln_26_stops_in_every_state)
{
	struct world *w = *state;
	struct answer a;

	for (unsigned when = 0; when < 5; when++) {
		w->t = (struct txn){0};
		if (when > 0)
			start(w, &server4, &txn_short);
		if (when == 2)
			txn_tick(&w->t, NOW + MSEC(100), &w->out);
		if (when == 3) {
			answer(&a, w, STUN_SUCCESS);
			txn_input(&w->t, &a.p, &a.m, NOW + 1);
		}
		if (when == 4)
			txn_tick(&w->t, NOW + SEC(2), &w->out);
		txn_stop(&w->t);
		assert_false(txn_is_waiting(&w->t));
		assert_int_equal(txn_deadline(&w->t), USEC_NEVER);
		outbox_clear(&w->out);
		assert_int_equal(txn_tick(&w->t, NOW + SEC(9), &w->out), TXN_WAITING);
		assert_int_equal(w->out.net.count, 0);
		/* And another starts. */
		start(w, &server4, &txn_short);
		assert_true(txn_is_waiting(&w->t));
		txn_stop(&w->t);
		outbox_clear(&w->out);
	}
}

/* Row 41: an engine that waits has a deadline; one that does not has none. */
TEST(vuln_41_has_a_deadline_as_long_as_it_waits)
{
	struct world *w = *state;

	assert_int_equal(txn_deadline(&(struct txn){0}), USEC_NEVER);
	start(w, &server4, &txn_rfc);
	for (usec now = NOW; txn_is_waiting(&w->t); now = txn_deadline(&w->t)) {
		assert_int_not_equal(txn_deadline(&w->t), USEC_NEVER);
		assert_true(now == NOW || now <= txn_deadline(&w->t));
		txn_tick(&w->t, now, &w->out);
		outbox_clear(&w->out);
		if (!txn_is_waiting(&w->t))
			break;
		assert_true(txn_deadline(&w->t) > now);
	}
	assert_int_equal(txn_deadline(&w->t), USEC_NEVER);
}

TEST(refuses_a_request_that_is_too_long)
{
	static const uint8_t bytes[TXN_REQUEST_MAX];
	struct world *w = *state;
	struct via via = via_direct(&server4);
	const size_t most = TXN_REQUEST_MAX - STUN_HEADER_LEN - 4 - STUN_FINGERPRINT_LEN;

	for (size_t len = most - 4; len <= most + 4; len += 4) {
		struct stun_message m = {.method = STUN_METHOD_BINDING,
					 .has = STUN_HAS(STUN_PADDING),
					 .padding = {bytes, len}};
		bool ok = txn_start(&w->t, &via, &server4, &m, NULL, &txn_rfc, &w->fake.env, NOW,
				    &w->out);
		assert_int_equal(ok, len <= most);
		assert_int_equal(txn_is_waiting(&w->t), ok);
		assert_int_equal(w->out.net.count, ok);
		outbox_clear(&w->out);
	}
}

/* --- signed ---------------------------------------------------------------------------------------------------------- */

static const struct integrity_key keys[] = {
	{.kind = INTEGRITY_SHA1, .bytes = "0123456789abcdef", .len = 16},
	{.kind = INTEGRITY_SHA256, .bytes = "0123456789abcdef0123456789abcdef", .len = 32},
};

static void start_signed(struct world *w, const struct integrity_key *key)
{
	struct via via = via_direct(&server4);

	outbox_clear(&w->out);
	assert_true(txn_start(&w->t, &via, &server4, &binding, key, &txn_rfc, &w->fake.env, NOW,
			      &w->out));
}

static void sign(struct answer *a, const struct integrity_key *key)
{
	a->p.len = integrity_sign(a->data, a->p.len, sizeof a->data, key);
	assert_true(stun_read(&a->m, a->data, a->p.len));
}

TEST(signs_with_a_key_before_the_fingerprint)
{
	struct world *w = *state;

	for (size_t k = 0; k < 2; k++) {
		struct stun_message m;
		start_signed(w, &keys[k]);
		const struct packet *p = sent(w);
		assert_true(stun_read(&m, p->data, p->len));
		assert_true(integrity_holds(&m, &keys[k]));
		assert_true(stun_has(&m, STUN_FINGERPRINT));
		txn_stop(&w->t);
	}
}

TEST(vuln_55_takes_a_success_only_when_it_is_signed_with_the_same_key)
{
	struct world *w = *state;

	for (size_t k = 0; k < 2; k++) {
		struct answer a;
		struct integrity_key wrong = keys[k];

		start_signed(w, &keys[k]);
		answer(&a, w, STUN_SUCCESS);
		assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_WAITING);
		wrong.bytes[0] ^= 1;
		sign(&a, &wrong);
		assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_WAITING);
		answer(&a, w, STUN_SUCCESS);
		sign(&a, &keys[1 - k]); /* the other kind */
		assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_WAITING);
		answer(&a, w, STUN_SUCCESS);
		sign(&a, &keys[k]);
		assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_ANSWERED);
	}
}

TEST(takes_an_error_without_integrity_for_the_caller_to_judge)
{
	struct world *w = *state;
	struct answer a;

	start_signed(w, &keys[0]);
	answer(&a, w, STUN_ERROR);
	assert_int_equal(txn_input(&w->t, &a.p, &a.m, NOW + 1), TXN_ANSWERED);
}

TEST(forgets_its_key_when_it_is_over)
{
	static const struct integrity_key none;
	struct world *w = *state;
	struct answer a;

	start_signed(w, &keys[0]);
	answer(&a, w, STUN_ERROR);
	txn_input(&w->t, &a.p, &a.m, NOW + 1);
	assert_memory_equal(&w->t.key, &none, sizeof none);

	start_signed(w, &keys[0]);
	txn_tick(&w->t, NOW + SEC(40), &w->out);
	assert_memory_equal(&w->t.key, &none, sizeof none);

	start_signed(w, &keys[0]);
	txn_stop(&w->t);
	assert_memory_equal(&w->t.key, &none, sizeof none);
}

static int start_all(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

int main(void)
{
#define WORLD(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WORLD(sends_a_request_with_a_fingerprint_at_once),
		WORLD(retransmits_on_the_schedule_of_rfc_8489_then_fails),
		WORLD(vuln_26_retransmits_on_the_short_schedule_and_ends_by_its_deadline),
		WORLD(sends_a_single_try_once),
		WORLD(takes_the_answer_and_is_done),
		WORLD(measures_the_round_trip_of_a_request_sent_once_only),
		WORLD(f45_takes_an_answer_that_comes_late),
		WORLD(takes_an_answer_from_its_server_to_its_door_with_its_id_only),
		WORLD(takes_an_answer_from_anybody_where_the_caller_looks_himself),
		WORLD(vuln_22_answers_nobody),
		WORLD(discards_an_answer_that_has_to_be_understood_and_is_not),
		WORLD(vuln_06_ids_come_from_the_randomness_of_its_world),
		WORLD(f54_sends_one_after_a_long_stop),
		WORLD(f54_sends_no_more_than_its_schedule_has),
		WORLD(goes_on_when_the_outbox_is_full),
		WORLD(vuln_26_stops_in_every_state),
		WORLD(vuln_41_has_a_deadline_as_long_as_it_waits),
		WORLD(refuses_a_request_that_is_too_long),
		WORLD(signs_with_a_key_before_the_fingerprint),
		WORLD(vuln_55_takes_a_success_only_when_it_is_signed_with_the_same_key),
		WORLD(takes_an_error_without_integrity_for_the_caller_to_judge),
		WORLD(forgets_its_key_when_it_is_over),
	};
	return cmocka_run_group_tests(tests, start_all, NULL);
}
