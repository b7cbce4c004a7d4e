/* One tunnel and the handshakes that come to it: several at once, and those it refuses. The other end is a second tunnel over
 * the wire. */
#include "support/forge.h"
#include "support/hexdata.h"
#include "support/test.h"
#include "support/wire.h"

#include "base/bytes.h"
#include "crypto/crypto.h"

static struct wire wire;
static struct wire_end *const here = &wire.ends[0], *const there = &wire.ends[1];

/* A fresh pair; nothing has happened. */
static void fresh(uint64_t seed)
{
	wire_reset(&wire, seed, false);
}

/* A pair with a session that end 0 initiated. */
static void connected(uint64_t seed)
{
	fresh(seed);
	wire_send(&wire, 0, 1);
	assert_true(wire_run_until(&wire, wire_agrees, SEC(1)));
}

static unsigned initiations(const struct wire_end *e)
{
	return e->sent[MESSAGE_INITIATION];
}

static size_t sessions(const struct wire_end *e)
{
	size_t count = 0;

	for (size_t i = 0; i < TUNNEL_SESSIONS; i++)
		count += session_exists(&e->tunnel->sessions[i]);
	return count;
}

/* --- several handshakes at once --------------------------------------------------------------------------------- */

/* An initiation of end 1, caught before it gets anywhere. */
static struct message_initiation caught_initiation(void)
{
	struct message_initiation msg;

	there->cut = true;
	tunnel_start(there->tunnel, wire.now);
	there->tunnel->timers.fast_at = there->tunnel->timers.slow_at = wire.now;
	there->tunnel->timers.quiet_until = wire.now;
	tunnel_tick(there->tunnel, &there->via, wire.now, there->out);
	wire_collect(&wire, 1);
	memcpy(&msg, wire.last[1], sizeof msg);
	there->cut = false;
	return msg;
}

/* The response of end 0 to it, caught as well. */
static struct message_response caught_response(const struct message_initiation *initiation)
{
	struct message_response msg;

	here->cut = true;
	wire.now += INITIATION_INTERVAL_MIN;
	assert_int_equal(wire_input(&wire, 0, initiation, sizeof *initiation), DROP_NONE);
	memcpy(&msg, wire.last[0], sizeof msg);
	here->cut = false;
	return msg;
}

TEST(takes_the_responses_to_its_two_latest_initiations)
{
	for (unsigned which = 0; which < 3; which++) {
		struct message_response responses[3];
		fresh(which);
		for (unsigned i = 0; i < 3; i++) {
			struct message_initiation initiation = caught_initiation();
			responses[i] = caught_response(&initiation);
		}
		enum drop drop = wire_input(&wire, 1, &responses[which], sizeof responses[which]);
		assert_int_equal(drop, which == 0 ? DROP_NO_SESSION : DROP_NONE);
		assert_int_equal(wire_input(&wire, 1, &responses[which], sizeof responses[which]),
				 DROP_NO_SESSION);
		wire_run(&wire, wire.now + SEC(1));
		assert_int_equal(wire_agrees(&wire),
				 which != 0); /* end 0 knows the two latest, too */
	}
}

TEST(drops_older_initiations_when_a_later_one_is_answered)
{
	struct message_response responses[2];

	fresh(1);
	for (unsigned i = 0; i < 2; i++) {
		struct message_initiation initiation = caught_initiation();
		responses[i] = caught_response(&initiation);
	}
	assert_int_equal(wire_input(&wire, 1, &responses[1], sizeof responses[1]), DROP_NONE);
	assert_int_equal(wire_input(&wire, 1, &responses[0], sizeof responses[0]), DROP_NO_SESSION);
}

TEST(keeps_a_later_initiation_when_an_older_one_is_answered)
{
	struct message_response responses[2];

	fresh(1);
	for (unsigned i = 0; i < 2; i++) {
		struct message_initiation initiation = caught_initiation();
		responses[i] = caught_response(&initiation);
	}
	assert_int_equal(wire_input(&wire, 1, &responses[0], sizeof responses[0]), DROP_NONE);
	assert_int_equal(wire_input(&wire, 1, &responses[1], sizeof responses[1]), DROP_NONE);
	wire_run(&wire, wire.now + SEC(1));
	assert_true(wire_agrees(&wire));
}

TEST(forgets_a_later_initiation_that_is_never_answered)
{
	fresh(1);
	struct message_initiation initiation = caught_initiation();
	struct message_response response = caught_response(&initiation);
	caught_initiation();
	assert_int_equal(wire_input(&wire, 1, &response, sizeof response), DROP_NONE);
	assert_int_equal(there->shared->index.count, 2);
	wire_run(&wire, SEC(600));
	assert_int_equal(there->shared->index.count, 0);
}

TEST(refuses_the_response_to_an_initiation_of_90_s_ago)
{
	for (unsigned late = 0; late < 2; late++) {
		fresh(1);
		struct message_initiation initiation = caught_initiation();
		usec sent_at = wire.now;
		struct message_response response = caught_response(&initiation);
		wire.now = sent_at + SEC(90) - !late; /* asleep */
		assert_int_equal(wire_input(&wire, 1, &response, sizeof response),
				 late ? DROP_EXPIRED : DROP_NONE);
		assert_int_equal(tunnel_has_session(there->tunnel, wire.now), !late);
	}
}

TEST(does_not_go_back_to_an_older_session_that_is_confirmed_late)
{
	struct message_response responses[2];

	fresh(1);
	for (unsigned i = 0; i < 2; i++) {
		struct message_initiation initiation = caught_initiation();
		responses[i] = caught_response(&initiation);
	}
	for (unsigned i = 0; i < 2; i++) /* each is confirmed by a keepalive */
		wire_input(&wire, 1, &responses[i], sizeof responses[i]);
	assert_int_equal(wire.flight_count, 2);
	wire.flights[0].at += MSEC(10); /* the first comes last */
	wire_run(&wire, wire.now + SEC(1));
	assert_int_equal(here->tunnel->stats.handshakes_done, 2);
	assert_true(wire_agrees(&wire));
}

TEST(takes_the_smaller_keys_session_of_two_that_cross_whichever_comes_first)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		fresh(seed);
		bool smaller = key_public_compare(&here->shared->local.public,
						  &there->shared->local.public) < 0;
		struct message_initiation initiation = caught_initiation();
		struct message_response response = caught_response(&initiation);
		/* The other one, by end 0, runs to its end first or last. */
		if (seed % 2 == 0)
			assert_int_equal(wire_input(&wire, 1, &response, sizeof response),
					 DROP_NONE);
		here->tunnel->timers.quiet_until = wire.now;
		wire_send(&wire, 0, 1);
		wire_run(&wire, wire.now + (seed % 2 == 0 ? MSEC(200) : SEC(3)));
		if (seed % 2 == 1)
			assert_int_equal(wire_input(&wire, 1, &response, sizeof response),
					 DROP_NONE);
		wire_send(&wire, 1, 1);
		wire_run(&wire, wire.now + MSEC(200));
		wire_send(&wire, 0, 2);
		wire_run(&wire, wire.now + MSEC(200));
		assert_true(wire_agrees(&wire));
		if (initiations(here) > 0)
			assert_int_equal(here->tunnel->current->initiator, smaller);
	}
}

TEST(keeps_the_session_before_and_few_others)
{
	fresh(1);
	for (unsigned i = 0; i < 10; i++) {
		wire_start(&wire, i < 7);
		wire_run(&wire, wire.now + SEC(2));
		assert_true(wire_agrees(&wire));
		for (unsigned e = 0; e < 2; e++)
			assert_int_equal(sessions(&wire.ends[e]), i < 3 ? i + 1 : TUNNEL_CONFIRMED);
	}
}

TEST(loses_no_session_in_use_to_a_flood_of_initiations)
{
	connected(1);
	uint32_t used = here->tunnel->current->local_index;
	for (int i = 0; i < 100; i++) {
		struct message_initiation initiation = caught_initiation();
		wire.now += INITIATION_INTERVAL_MIN;
		assert_int_equal(wire_input(&wire, 0, &initiation, sizeof initiation), DROP_NONE);
	}
	assert_int_equal(here->tunnel->current->local_index, used);
	assert_true(sessions(here) <= 1 + TUNNEL_UNCONFIRMED);
}

/* --- refused ---------------------------------------------------------------------------------------------------- */

/* What may not change when end 0 refuses something. */
struct state {
	size_t sessions, indices;
	unsigned sent[5];
	uint8_t timestamp[NOISE_TIMESTAMP_LEN];
	uint64_t rx_bytes;
	usec deadline;
};

static struct state state_of(const struct wire_end *e)
{
	struct state s = {
		.sessions = sessions(e),
		.indices = e->shared->index.count,
		.rx_bytes = e->tunnel->stats.rx_bytes,
		.deadline = tunnel_deadline(e->tunnel),
	};

	memcpy(s.sent, e->sent, sizeof s.sent);
	memcpy(s.timestamp, e->tunnel->timestamp_received, sizeof s.timestamp);
	return s;
}

/* End 0 drops it for this reason (DROP_NONE: for any) and neither keeps nor sends anything. */
static void assert_refused(const void *msg, size_t len, enum drop why)
{
	struct state before = state_of(here);
	enum drop drop = wire_input(&wire, 0, msg, len);

	if (why != DROP_NONE)
		assert_int_equal(drop, why);
	else
		assert_int_not_equal(drop, DROP_NONE);
	struct state after = state_of(here);
	assert_memory_equal(&before, &after, sizeof before);
}

TEST(refuses_an_initiation_that_came_before)
{
	fresh(1);
	struct message_initiation first = caught_initiation();
	caught_response(&first);
	wire.now += SEC(1);
	assert_refused(&first, sizeof first, DROP_TIMESTAMP);
}

TEST(refuses_an_initiation_older_than_one_it_took)
{
	fresh(1);
	struct message_initiation first = caught_initiation(), second = caught_initiation();
	caught_response(&second);
	wire.now += SEC(1);
	assert_refused(&first, sizeof first, DROP_TIMESTAMP);
}

TEST(refuses_more_than_50_initiations_per_second)
{
	fresh(1);
	struct message_initiation first = caught_initiation(), second = caught_initiation();
	caught_response(&first);
	wire.now += INITIATION_INTERVAL_MIN - 1;
	assert_refused(&second, sizeof second, DROP_TIMESTAMP);
	wire.now += 1;
	assert_int_equal(wire_input(&wire, 0, &second, sizeof second), DROP_NONE);
}

TEST(vuln_29_reveals_nothing_to_who_has_not_proved_himself)
{
	struct key_private secret;
	struct noise_local forger;
	struct noise_remote victim;
	struct noise_initiator initiator;
	struct message_initiation msg;
	uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};

	/* He knows both public keys, but has another secret than the peer he claims to be. */
	fresh(1);
	key_private_generate(&secret, &there->env.env);
	noise_local_init(&forger, &secret);
	assert_true(noise_remote_init(&victim, &forger, &here->shared->local.public,
				      &(struct key_shared){{0}}));
	forger.public = there->shared->local.public;
	assert_true(noise_write_initiation(&initiator, &forger, &victim, 7, timestamp,
					   &there->env.env, &msg));
	forge_sign(&msg, sizeof msg, &here->shared->local.public, wire.now);
	assert_refused(&msg, sizeof msg, DROP_HANDSHAKE);

	/* Nor to somebody with a key of his own. */
	noise_local_init(&forger, &secret);
	assert_true(noise_write_initiation(&initiator, &forger, &victim, 7, timestamp,
					   &there->env.env, &msg));
	forge_sign(&msg, sizeof msg, &here->shared->local.public, wire.now);
	assert_refused(&msg, sizeof msg, DROP_UNKNOWN_PEER);
}

TEST(vuln_45_is_silent_to_low_order_ephemeral_keys)
{
	static const struct key_shared zero;
	static const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};

	for (size_t i = 0; i < FORGE_LOW_ORDER_COUNT; i++) {
		struct message_initiation initiation;
		struct message_response response;
		struct noise_responder r;
		struct key_public point;
		uint8_t got[NOISE_TIMESTAMP_LEN];

		fresh(1);
		hexdata(point.bytes, sizeof point.bytes, forge_low_order[i]);
		forge_initiation(&initiation, &there->shared->local, &there->tunnel->remote,
				 timestamp, &point, &zero);
		forge_sign(&initiation, sizeof initiation, &here->shared->local.public, wire.now);
		assert_refused(&initiation, sizeof initiation, DROP_HANDSHAKE);

		wire_start(&wire, 0);
		assert_true(noise_read_initiation(&r, (const void *)wire.last[0],
						  &there->shared->local));
		assert_true(noise_prove_initiator(&r, &there->tunnel->remote, got));
		forge_response(&response, &r, &there->tunnel->remote.psk, &point, &zero, &zero);
		forge_sign(&response, sizeof response, &here->shared->local.public, wire.now);
		assert_refused(&response, sizeof response, DROP_HANDSHAKE);
	}
}

TEST(vuln_45_takes_no_peer_with_a_low_order_key)
{
	struct tunnel t = {0};

	fresh(1);
	assert_false(tunnel_init(&t, here->shared, &(struct key_public){{1}},
				 &(struct key_shared){{0}}));
	tunnel_wipe(&t);
}

/* mac1 covers all before it; mac2 only counts under load. */
TEST(vuln_55_refuses_a_handshake_message_with_any_byte_changed)
{
	fresh(1);
	struct message_initiation initiation = caught_initiation();
	for (size_t i = 0; i < offsetof(struct message_initiation, mac2); i++) {
		struct message_initiation msg = initiation;
		((uint8_t *)&msg)[i] ^= 0x40;
		assert_refused(&msg, sizeof msg, DROP_NONE);
		if (i >= offsetof(struct message_initiation, mac1))
			continue;
		forge_sign(
			&msg, sizeof msg, &here->shared->local.public,
			wire.now); /* anybody can make a mac1; the sender's index is in no other */
		if (i < 4 || i >= offsetof(struct message_initiation, ephemeral))
			assert_refused(&msg, sizeof msg, DROP_NONE);
	}
	assert_int_equal(wire_input(&wire, 0, &initiation, sizeof initiation), DROP_NONE);

	/* The same with a response to end 0. */
	fresh(2);
	there->cut = true;
	wire_start(&wire, 0);
	wire_run(&wire, MSEC(31));
	struct message_response response;
	memcpy(&response, wire.last[1], sizeof response);
	for (size_t i = 0; i < offsetof(struct message_response, mac2); i++) {
		struct message_response msg = response;
		((uint8_t *)&msg)[i] ^= 0x40;
		assert_refused(&msg, sizeof msg, DROP_NONE);
		if (i >= offsetof(struct message_response, mac1))
			continue;
		forge_sign(&msg, sizeof msg, &here->shared->local.public, wire.now);
		if (i < 4 || i >= offsetof(struct message_response, receiver))
			assert_refused(&msg, sizeof msg, DROP_NONE);
	}
	assert_int_equal(wire_input(&wire, 0, &response, sizeof response), DROP_NONE);
}

TEST(vuln_55_refuses_data_with_any_byte_changed)
{
	connected(1);
	wire_send(&wire, 1, 77);
	struct wire_flight data = wire.flights[wire.flight_count - 1];
	wire.flight_count = 0;
	for (size_t i = 0; i < data.len; i++) {
		uint8_t msg[WIRE_DATAGRAM_MAX];
		memcpy(msg, data.data, data.len);
		msg[i] ^= 1;
		assert_refused(msg, data.len, DROP_NONE);
	}
	assert_int_equal(wire_input(&wire, 0, data.data, data.len), DROP_NONE);
	assert_refused(data.data, data.len, DROP_REPLAY);
}

TEST(refuses_cookies_it_did_not_ask_for)
{
	struct message_cookie msg = {.type = {MESSAGE_COOKIE}};

	connected(1);
	store_le32(msg.receiver, here->tunnel->current->local_index);
	assert_refused(&msg, sizeof msg, DROP_COOKIE);
	store_le32(msg.receiver, here->tunnel->current->local_index + 1);
	assert_refused(&msg, sizeof msg, DROP_NO_SESSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(takes_the_responses_to_its_two_latest_initiations),
		RUN(drops_older_initiations_when_a_later_one_is_answered),
		RUN(keeps_a_later_initiation_when_an_older_one_is_answered),
		RUN(forgets_a_later_initiation_that_is_never_answered),
		RUN(refuses_the_response_to_an_initiation_of_90_s_ago),
		RUN(does_not_go_back_to_an_older_session_that_is_confirmed_late),
		RUN(takes_the_smaller_keys_session_of_two_that_cross_whichever_comes_first),
		RUN(keeps_the_session_before_and_few_others),
		RUN(loses_no_session_in_use_to_a_flood_of_initiations),
		RUN(refuses_an_initiation_that_came_before),
		RUN(refuses_an_initiation_older_than_one_it_took),
		RUN(refuses_more_than_50_initiations_per_second),
		RUN(vuln_29_reveals_nothing_to_who_has_not_proved_himself),
		RUN(vuln_45_is_silent_to_low_order_ephemeral_keys),
		RUN(vuln_45_takes_no_peer_with_a_low_order_key),
		RUN(vuln_55_refuses_a_handshake_message_with_any_byte_changed),
		RUN(vuln_55_refuses_data_with_any_byte_changed),
		RUN(refuses_cookies_it_did_not_ask_for),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	wire_init(&wire);
	int failed = RUN_TESTS(tests);
	wire_free(&wire);
	return failed;
}
