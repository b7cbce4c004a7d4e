/* One tunnel against the clock and the outbox. The other end is a second tunnel over the wire, or nobody. */
#include "support/test.h"
#include "support/wire.h"

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
