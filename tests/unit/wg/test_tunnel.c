/* One tunnel against the clock, the outbox and hostile handshakes. The other end is a second
 * tunnel over the wire, or nobody. */
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

/* A pair of which end 1 is not to be heard. */
static void alone(uint64_t seed)
{
	fresh(seed);
	there->cut = true;
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

/* --- waiting for a session -------------------------------------------------------------------------------------- */

TEST(stages_what_has_no_session_and_delivers_it_in_order)
{
	fresh(1);
	for (uint64_t i = 0; i < 10; i++)
		wire_send(&wire, 0, i);
	assert_int_equal(here->tunnel->staged.count, 10);
	assert_int_equal(initiations(here), 1);
	wire_run(&wire, SEC(1));
	assert_int_equal(here->tunnel->staged.count, 0);
	assert_int_equal(there->accepted, 10);
	assert_int_equal(here->sent[MESSAGE_DATA],
			 10); /* the first confirms the session: no keepalive besides */
}

TEST(confirms_with_a_keepalive_when_nothing_is_staged)
{
	fresh(1);
	wire_start(&wire, 0);
	wire_run(&wire, SEC(1));
	assert_true(wire_agrees(&wire));
	assert_int_equal(here->sent[MESSAGE_DATA], 1);
}

TEST(sends_as_responder_only_after_the_first_packet)
{
	fresh(1);
	wire_start(&wire, 0);
	wire_run(&wire, MSEC(31)); /* the initiation arrived and was answered */
	assert_int_equal(there->sent[MESSAGE_RESPONSE], 1);
	assert_false(tunnel_has_session(there->tunnel, wire.now));
	wire_send(&wire, 1, 1);
	wire_run(&wire, MSEC(89));
	assert_int_equal(there->sent[MESSAGE_DATA], 0);
	wire_run(&wire, MSEC(91));
	assert_int_equal(there->sent[MESSAGE_DATA], 1);
	assert_int_equal(initiations(there), 0); /* who answered starts none of its own */
}

TEST(counts_what_the_staging_queue_loses)
{
	alone(1);
	for (uint64_t i = 0; i < STAGING_PER_PEER + 3; i++)
		wire_send(&wire, 0, i);
	assert_int_equal(here->shared->drops.count[DROP_STAGED_FULL], 3);
}

TEST(gives_up_after_90_s_and_begins_again_with_the_next_packet)
{
	alone(1);
	wire_send(&wire, 0, 1);
	wire_send(&wire, 0, 2);
	wire_run(&wire, SEC(90) - 1);
	assert_int_equal(here->tunnel->staged.count, 2);
	assert_int_equal(here->expired, 0);
	/* 0, 0.25, 0.75, 1.75, 3.75, 8.75, ... and jitter */
	assert_in_range(initiations(here), 19, 22);

	wire_run(&wire, SEC(200));
	assert_int_equal(here->expired, 1);
	assert_int_equal(here->tunnel->staged.count, 0);
	assert_int_equal(here->shared->drops.count[DROP_STAGED_OLD], 2);
	assert_int_equal(here->shared->index.count, 0);
	assert_true(tunnel_deadline(here->tunnel) == USEC_NEVER);

	unsigned before = initiations(here);
	wire_send(&wire, 0, 3);
	assert_int_equal(initiations(here), before + 1);
}

/* The packet that ends the sleep comes before the tick that ends the handshake. */
TEST(f52_after_a_sleep_the_first_packet_begins_a_handshake_of_its_own)
{
	alone(1);
	wire_send(&wire, 0, 1);
	wire_send(&wire, 0, 2);
	wire_run(&wire, SEC(1));
	there->cut = false;
	wire.now = SEC(3600);
	wire_send(&wire, 0, 3);
	wire_send(&wire, 0, 4);
	wire_run(&wire, SEC(3601));
	assert_int_equal(here->expired, 1);
	assert_int_equal(here->shared->drops.count[DROP_STAGED_OLD], 2);
	assert_int_equal(there->accepted, 2);
	assert_int_equal(there->seen[0], 1 << 3 | 1 << 4);
}

TEST(waits_for_a_way_without_burning_its_schedule)
{
	alone(1);
	here->via.kind = VIA_NONE;
	wire_send(&wire, 0, 1);
	assert_true(tunnel_deadline(here->tunnel) == USEC_NEVER);
	wire_run(&wire, SEC(1000));
	assert_int_equal(initiations(here), 0);
	assert_int_equal(here->tunnel->staged.count, 1);

	here->via.kind = VIA_DIRECT;
	wire_start(&wire, 0);
	assert_int_equal(initiations(here), 1);
	wire_run(&wire, wire.now + SEC(89));
	assert_int_equal(here->expired, 0);
	assert_int_equal(here->tunnel->staged.count, 1);
}

TEST(sends_nothing_without_an_identity)
{
	struct aead_job job;
	uint8_t room[PACKET_HEAD + 100 + PACKET_TAIL];
	struct packet p = {.data = room + PACKET_HEAD, .len = 100};

	connected(1);
	noise_local_init(&here->shared->local, &(struct key_private){{0}});
	tunnel_identity_changed(here->tunnel);
	assert_int_equal(tunnel_send(here->tunnel, &p, 1400, wire.now, &job), DROP_NO_KEY);
	unsigned before = initiations(here);
	wire_start(&wire, 0);
	wire_run(&wire, SEC(20));
	assert_int_equal(initiations(here), before);
	assert_int_equal(here->shared->index.count, 0);
}

static void fill_outbox(struct wire_end *e)
{
	for (size_t i = 0; i < OUTBOX_SLOTS; i++) {
		struct packet *p = outbox_datagram(e->out, &e->via, sizeof(struct message_cookie));
		memset(p->data, 0, p->len);
		p->data[0] = MESSAGE_COOKIE;
	}
}

TEST(loses_an_initiation_that_finds_the_outbox_full_and_tries_again)
{
	alone(1);
	fill_outbox(here);
	wire_start(&wire, 0);
	assert_int_equal(initiations(here), 0);
	assert_int_equal(here->shared->drops.count[DROP_OUTBOX_FULL], 1);
	wire_run(&wire, SEC(6));
	assert_int_equal(initiations(here), 1);
}

TEST(loses_a_keepalive_that_finds_the_outbox_full_until_the_next)
{
	connected(1);
	tunnel_set_keepalive(here->tunnel, 25, wire.now);
	fill_outbox(here);
	assert_int_equal(tunnel_tick(here->tunnel, &here->via, wire.now, here->out), TUNNEL_IDLE);
	assert_true(here->tunnel->timers.persistent_at == wire.now + SEC(25));
	assert_true(tunnel_deadline(here->tunnel) > wire.now);
}

/* --- our own address -------------------------------------------------------------------------------------------- */

/* It came to this address of ours, so what is sent leaves from there. */
static void pin_local(void)
{
	here->via.local = addr_v4((uint8_t[]){192, 0, 2, 99}, 51820);
}

TEST(leaves_the_choice_of_our_address_to_the_host_when_an_initiation_is_not_answered)
{
	alone(1);
	pin_local();
	wire_start(&wire, 0);
	wire_run(&wire, SEC(4));
	assert_int_equal(initiations(here), 1);
	assert_true(addr_is_set(&here->via.local));
	wire_run(&wire, SEC(6));
	assert_int_equal(initiations(here), 2);
	assert_false(addr_is_set(&here->via.local));
}

TEST(leaves_the_choice_of_our_address_to_the_host_when_data_is_not_answered)
{
	connected(1);
	pin_local();
	there->cut = true;
	wire_send(&wire, 0, 2);
	wire_run(&wire, wire.now + SEC(14));
	assert_true(addr_is_set(&here->via.local));
	wire_run(&wire, wire.now + SEC(2));
	assert_int_equal(initiations(here), 2);
	assert_false(addr_is_set(&here->via.local));
}

TEST(keeps_our_address_for_a_rekey)
{
	connected(1);
	pin_local();
	wire_run(&wire, REKEY_AFTER + SEC(1));
	wire_send(&wire, 0, 2);
	assert_int_equal(initiations(here), 2);
	assert_true(addr_is_set(&here->via.local));
}

/* --- the clock -------------------------------------------------------------------------------------------------- */

TEST(ticks_at_any_time_without_harm)
{
	connected(1);
	unsigned sent = here->sent[MESSAGE_DATA];
	usec deadline = tunnel_deadline(here->tunnel);
	for (int i = 0; i < 100; i++)
		assert_int_equal(tunnel_tick(here->tunnel, &here->via, wire.now, here->out),
				 TUNNEL_IDLE);
	wire_collect(&wire, 0);
	assert_int_equal(initiations(here), 1);
	assert_int_equal(here->sent[MESSAGE_DATA], sent);
	assert_true(tunnel_deadline(here->tunnel) == deadline);
}

TEST(makes_no_storm_after_a_long_sleep)
{
	static const usec slept[] = {SEC(60), SEC(3600), SEC(3 * 86400), SEC(86400) * 3650};

	for (size_t i = 0; i < sizeof slept / sizeof slept[0]; i++) {
		connected(i);
		tunnel_set_keepalive(here->tunnel, 25, wire.now);
		wire_send(&wire, 0, 2);
		wire_run(&wire, SEC(2));
		unsigned before = here->sent[MESSAGE_DATA] + initiations(here);
		wire.now += slept[i];
		wire_run(&wire, wire.now + SEC(1));
		assert_in_range(here->sent[MESSAGE_DATA] + initiations(here) - before, 1, 3);
		assert_true(wire_agrees(&wire));
	}
}

TEST(answers_data_with_a_keepalive_after_10_s)
{
	fresh(1);
	wire_start(&wire, 0);
	wire_run(&wire, SEC(1));
	usec from = wire.now;
	wire_send(&wire, 0, 2); /* arrives 30 ms later */
	wire_run(&wire, from + SEC(10));
	assert_int_equal(there->sent[MESSAGE_DATA], 0);
	wire_run(&wire, from + SEC(10) + MSEC(31));
	assert_int_equal(there->sent[MESSAGE_DATA], 1);
	wire_run(&wire, from + SEC(100)); /* and no keepalive is answered */
	assert_int_equal(there->sent[MESSAGE_DATA], 1);
	assert_int_equal(initiations(here), 1);
}

TEST(starts_a_handshake_15_s_after_data_that_nothing_answered)
{
	connected(1);
	there->cut = true;
	wire_send(&wire, 0, 2);
	usec from = wire.now;
	wire_run(&wire, from + SEC(15) - 1);
	assert_int_equal(initiations(here), 1);
	wire_run(&wire, from + SEC(15) + MSEC(333));
	assert_int_equal(initiations(here), 2);
}

TEST(keeps_alive_persistently_even_without_a_session)
{
	fresh(1);
	tunnel_set_keepalive(here->tunnel, 25, wire.now);
	wire_run(&wire, SEC(1));
	assert_true(wire_agrees(&wire)); /* at once */
	unsigned before = here->sent[MESSAGE_DATA];
	wire_run(&wire, SEC(101));
	assert_int_equal(here->sent[MESSAGE_DATA] - before, 4);

	there->cut = true; /* the session ends; it goes on trying for ever */
	wire_run(&wire, SEC(2000));
	unsigned then = initiations(here);
	wire_run(&wire, SEC(2200));
	assert_true(initiations(here) > then + 10);
}

TEST(ends_its_session_after_180_s)
{
	connected(1);
	usec made = here->tunnel->current->created_at;
	wire_run(&wire, made + SEC(180) - 1);
	assert_true(tunnel_has_session(here->tunnel, wire.now));
	wire_run(&wire, made + SEC(180));
	assert_false(tunnel_has_session(here->tunnel, wire.now));
	wire_send(&wire, 0, 2);
	assert_int_equal(here->tunnel->staged.count, 1);
}

TEST(erases_all_keys_after_540_s)
{
	static const struct session none;

	connected(1);
	usec made = here->tunnel->current->created_at;
	wire_run(&wire, made + SEC(540) - 1);
	assert_int_equal(sessions(here), 1);
	wire_run(&wire, made + SEC(540));
	assert_int_equal(sessions(here), 0);
	for (size_t i = 0; i < TUNNEL_SESSIONS; i++)
		assert_memory_equal(&here->tunnel->sessions[i], &none, sizeof none);
	assert_int_equal(here->shared->index.count, 0);
	assert_true(tunnel_deadline(here->tunnel) == USEC_NEVER);
}

TEST(erases_nothing_of_a_handshake_under_way)
{
	connected(1);
	wire_run(&wire, here->tunnel->current->created_at + SEC(540) - MSEC(10));
	wire_start(&wire, 0);
	wire_run(&wire, wire.now + MSEC(100));
	assert_true(wire_agrees(&wire));
	assert_int_equal(initiations(here), 2);
}

TEST(renews_on_receiving_when_its_session_is_about_to_end)
{
	for (usec age = SEC(164); age <= SEC(165); age += SEC(1)) {
		connected(1);
		here->tunnel->current->created_at = wire.now - age;
		wire_send(&wire, 1, 2);
		wire.flights[0].at = wire.now; /* it has been under way */
		wire_run(&wire, wire.now);
		assert_int_equal(here->accepted, 1);
		assert_int_equal(here->tunnel->timers.wanted, age >= SEC(165));
	}
}

TEST(vuln_37_renews_a_session_of_2_60_messages_and_never_sends_past_its_limit)
{
	connected(1);
	here->tunnel->current->send_counter = REKEY_AFTER_MESSAGES;
	wire_run(&wire, SEC(10));
	wire_send(&wire, 0, 2);
	wire_run(&wire, SEC(11));
	assert_int_equal(initiations(here), 2);
	assert_true(here->tunnel->current->send_counter < 10);

	/* Nobody answers, and the counter runs out. */
	there->cut = true;
	here->tunnel->current->send_counter = REJECT_AFTER_MESSAGES - 2;
	unsigned before = here->sent[MESSAGE_DATA];
	for (uint64_t number = 3; number < 20; number++)
		wire_send(&wire, 0, number);
	assert_int_equal(here->sent[MESSAGE_DATA] - before, 2);
	assert_int_equal(here->tunnel->staged.count, 15);
	assert_int_equal(here->tunnel->current->send_counter, REJECT_AFTER_MESSAGES);
}

TEST(vuln_44_connects_after_the_clock_was_ten_years_ahead)
{
	connected(1);
	usec true_offset = here->env.env.wall_offset;
	here->env.env.wall_offset += SEC(86400) * 3650;
	wire_run(&wire, SEC(10));
	wire_start(&wire, 0);
	wire_run(&wire, SEC(11));
	here->env.env.wall_offset = true_offset;
	wire_run(&wire, SEC(20));
	wire_start(&wire, 0);
	wire_run(&wire, SEC(21));
	assert_int_equal(there->drops.count[DROP_TIMESTAMP], 0);
	assert_int_equal(here->tunnel->stats.handshakes_done, 3);
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

static void sign(void *msg, size_t len)
{
	struct cookie_jar jar;

	cookie_jar_init(&jar, &here->shared->local.public);
	cookie_sign(&jar, msg, len, wire.now);
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
	sign(&msg, sizeof msg);
	assert_refused(&msg, sizeof msg, DROP_HANDSHAKE);

	/* Nor to somebody with a key of his own. */
	noise_local_init(&forger, &secret);
	assert_true(noise_write_initiation(&initiator, &forger, &victim, 7, timestamp,
					   &there->env.env, &msg));
	sign(&msg, sizeof msg);
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
		sign(&initiation, sizeof initiation);
		assert_refused(&initiation, sizeof initiation, DROP_HANDSHAKE);

		wire_start(&wire, 0);
		assert_true(noise_read_initiation(&r, (const void *)wire.last[0],
						  &there->shared->local));
		assert_true(noise_prove_initiator(&r, &there->tunnel->remote, got));
		forge_response(&response, &r, &there->tunnel->remote.psk, &point, &zero, &zero);
		sign(&response, sizeof response);
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
		sign(&msg,
		     sizeof msg); /* anybody can make a mac1; the sender's index is in no other */
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
		sign(&msg, sizeof msg);
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

/* --- changes ---------------------------------------------------------------------------------------------------- */

TEST(begins_anew_with_another_identity)
{
	struct key_private secret;

	connected(1);
	key_private_generate(&secret, &here->env.env);
	noise_local_init(&here->shared->local, &secret);
	cookie_checker_init(&here->checker, &here->shared->local.public);
	tunnel_identity_changed(here->tunnel);
	assert_int_equal(here->shared->index.count, 0);
	assert_false(tunnel_has_session(here->tunnel, wire.now));
	assert_true(tunnel_deadline(here->tunnel) <= wire.now); /* traffic was there: at once */

	/* The other end is told of it, and both meet again. */
	struct key_shared psk = there->tunnel->remote.psk;
	tunnel_wipe(there->tunnel);
	assert_true(tunnel_init(there->tunnel, there->shared, &here->shared->local.public, &psk));
	wire_run(&wire, wire.now + SEC(1));
	assert_true(wire_agrees(&wire));
}

TEST(uses_a_new_psk_from_the_next_handshake_on)
{
	struct key_shared psk = {{7}};

	connected(1);
	tunnel_set_psk(here->tunnel, &psk);
	size_t before = there->accepted;
	wire_send(&wire, 0, 2);
	wire_run(&wire, SEC(1));
	assert_int_equal(there->accepted, before + 1); /* the session lives on */
	wire_start(&wire, 0);
	wire_run(&wire, SEC(2));
	assert_int_equal(here->tunnel->stats.handshakes_done,
			 1); /* the other end does not know it */
	tunnel_set_psk(there->tunnel, &psk);
	wire_run(&wire, SEC(10));
	assert_int_equal(here->tunnel->stats.handshakes_done, 2);
}

TEST(starts_no_two_handshakes_within_a_round_trip)
{
	alone(1);
	for (int i = 0; i < 100; i++) {
		wire_start(&wire, 0);
		wire_run(&wire, wire.now + MSEC(10));
	}
	assert_in_range(initiations(here), 3, 5); /* in a second, the round trip not being known */
}

TEST(counts_datagrams_as_both_ends_see_them)
{
	connected(1);
	wire_run(&wire, SEC(1));
	const struct tunnel_stats *a = &here->tunnel->stats, *b = &there->tunnel->stats;
	assert_int_equal(a->tx_bytes, 148 + 32 + 64);
	assert_int_equal(a->rx_bytes, 92);
	assert_int_equal(b->rx_bytes, a->tx_bytes);
	assert_int_equal(b->tx_bytes, a->rx_bytes);
	assert_int_equal(a->tx_packets, 2);
	assert_int_equal(b->rx_packets, 2);
	assert_true(a->handshake_at == MSEC(60));
	assert_true(b->handshake_at == MSEC(90));
	assert_true(here->tunnel->timers.round_trip == MSEC(60));
}

TEST(f67_byte_counts_wrap_and_nothing_else_does)
{
	connected(1);
	wire_run(&wire, SEC(1));
	struct wire_end *ends[] = {here, there};
	for (int i = 0; i < 2; i++) {
		struct tunnel_stats *s = &ends[i]->tunnel->stats;
		s->rx_bytes = s->tx_bytes = UINT64_MAX - 9;
		s->rx_packets = s->tx_packets = UINT64_MAX;
	}
	size_t before = there->accepted;
	wire_send(&wire, 0, 2);
	wire_run(&wire, SEC(2));
	assert_int_equal(there->accepted, before + 1);
	assert_int_equal(here->tunnel->stats.tx_bytes, 96 - 10);
	assert_int_equal(there->tunnel->stats.rx_bytes, 96 - 10);
	assert_int_equal(here->tunnel->stats.tx_packets, 0);
	assert_true(wire_agrees(&wire));
}

TEST(leaves_nothing_when_wiped)
{
	static const struct tunnel none;

	connected(1);
	there->cut = true;
	wire_run(&wire, SEC(200));
	wire_send(&wire, 0, 5);
	tunnel_wipe(here->tunnel);
	assert_memory_equal(here->tunnel, &none, sizeof none);
	assert_int_equal(here->shared->index.count, 0);
	assert_int_equal(here->shared->drops.count[DROP_STAGED_OLD], 1);
	tunnel_wipe(here->tunnel); /* again is fine */
	struct key_public remote = there->shared->local.public;
	assert_true(tunnel_init(here->tunnel, here->shared, &remote, &(struct key_shared){{0}}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(stages_what_has_no_session_and_delivers_it_in_order),
		RUN(confirms_with_a_keepalive_when_nothing_is_staged),
		RUN(sends_as_responder_only_after_the_first_packet),
		RUN(counts_what_the_staging_queue_loses),
		RUN(gives_up_after_90_s_and_begins_again_with_the_next_packet),
		RUN(f52_after_a_sleep_the_first_packet_begins_a_handshake_of_its_own),
		RUN(waits_for_a_way_without_burning_its_schedule),
		RUN(sends_nothing_without_an_identity),
		RUN(leaves_the_choice_of_our_address_to_the_host_when_an_initiation_is_not_answered),
		RUN(leaves_the_choice_of_our_address_to_the_host_when_data_is_not_answered),
		RUN(keeps_our_address_for_a_rekey),
		RUN(loses_an_initiation_that_finds_the_outbox_full_and_tries_again),
		RUN(loses_a_keepalive_that_finds_the_outbox_full_until_the_next),
		RUN(ticks_at_any_time_without_harm),
		RUN(makes_no_storm_after_a_long_sleep),
		RUN(answers_data_with_a_keepalive_after_10_s),
		RUN(starts_a_handshake_15_s_after_data_that_nothing_answered),
		RUN(keeps_alive_persistently_even_without_a_session),
		RUN(ends_its_session_after_180_s),
		RUN(erases_all_keys_after_540_s),
		RUN(erases_nothing_of_a_handshake_under_way),
		RUN(renews_on_receiving_when_its_session_is_about_to_end),
		RUN(vuln_37_renews_a_session_of_2_60_messages_and_never_sends_past_its_limit),
		RUN(vuln_44_connects_after_the_clock_was_ten_years_ahead),
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
		RUN(begins_anew_with_another_identity),
		RUN(uses_a_new_psk_from_the_next_handshake_on),
		RUN(starts_no_two_handshakes_within_a_round_trip),
		RUN(counts_datagrams_as_both_ends_see_them),
		RUN(f67_byte_counts_wrap_and_nothing_else_does),
		RUN(leaves_nothing_when_wiped),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	wire_init(&wire);
	int failed = RUN_TESTS(tests);
	wire_free(&wire);
	return failed;
}
