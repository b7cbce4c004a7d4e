/* The engine as its owner sees it: deadlines, limits, what it takes and what it never answers. */
#include "nat/natcheck.h"

#include "base/bytes.h"
#include "nat_world.h"
#include "support/test.h"

static struct nat_world w;

static const struct natbox_config cone = {
	.mapping = NATBOX_EIM, .filtering = NATBOX_APDF, .ports = NATBOX_RANDOM};

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static void two_servers(void)
{
	w.server_count = w.asked_count = 0;
	w.watch = NULL;
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
}

static void reset(uint64_t seed)
{
	nat_world_reset(&w, &(struct nat_world_config){.nat = cone, .cable = {.delay = MSEC(20)}},
			seed);
}

static void assert_doors_closed(void)
{
	for (int i = 2; i < NAT_WORLD_DOORS; i++)
		assert_int_equal(w.ports[i], 0);
	assert_int_equal(natcheck_deadline(&w.check), USEC_NEVER);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

TEST(is_idle_before_the_start)
{
	struct natcheck *n = calloc(1, sizeof *n);

	assert_non_null(n);
	assert_false(natcheck_is_running(n));
	assert_int_equal(natcheck_deadline(n), USEC_NEVER);
	assert_int_equal(natcheck_tick(n, SEC(1), &w.out), NATCHECK_WAITING);
	natcheck_stop(n, &w.out);
	assert_int_equal(w.out.action_count, 0);
	assert_int_equal(natcheck_report(n)->checked_at, 0);
	free(n);
}

TEST(tells_steps_and_then_once_that_it_is_done)
{
	two_servers();
	reset(1);
	nat_world_start(&w);
	assert_true(natcheck_is_running(&w.check));
	assert_false(natcheck_step_done(&w.check, ADDR_V4, SURVEY_STEP_MAPPING));
	assert_true(natcheck_step_done(&w.check, ADDR_V6, SURVEY_STEP_MAPPING));
	assert_true(nat_world_run(&w, w.started_at + NATCHECK_DEADLINE));
	assert_in_range(w.steps, 2, 5);
	assert_false(natcheck_is_running(&w.check));
	for (int step = 0; step < SURVEY_STEPS; step++)
		assert_true(natcheck_step_done(&w.check, ADDR_V4, (enum survey_step)step));
	assert_int_equal(natcheck_report(&w.check)->checked_at, w.now);
	assert_doors_closed();
	assert_int_equal(w.opened, w.closed);
}

TEST(both_families_are_found_out_beside_each_other)
{
	struct natcheck_setup setup = {.v4 = true, .v6 = true, .port = 51820};
	struct addr servers[] = {at("192.0.2.1:3478"), at("[2001:db8::1]:3478")};
	bool doors[2] = {0};

	reset(1);
	setup.servers = servers;
	setup.server_count = 2;
	natcheck_start(&w.check, &w.env.env, &setup, w.now, &w.out);
	assert_int_equal(w.out.net.count, 2);
	for (int i = 0; i < 2; i++) {
		const struct via *via = &w.out.net.packets[i].via;
		assert_int_equal(via->door, via->remote.family == ADDR_V6);
		doors[via->door] = true;
	}
	assert_true(doors[0] && doors[1]);

	setup.v6 = false; /* of which nothing is left then */
	outbox_clear(&w.out);
	natcheck_start(&w.check, &w.env.env, &setup, w.now, &w.out);
	assert_int_equal(w.out.net.count, 1);
	assert_false(natcheck_report(&w.check)->v6.tested);
	natcheck_stop(&w.check, &w.out);
	outbox_clear(&w.out);
}

TEST(a_family_without_an_address_of_ours_is_not_tested)
{
	struct addr servers[] = {at("[2001:db8::1]:3478")};
	struct natcheck_setup setup = {
		.servers = servers, .server_count = 1, .v4 = true, .v6 = true, .host = &w.host};

	reset(1); /* its host has IPv4 only */
	natcheck_start(&w.check, &w.env.env, &setup, w.now, &w.out);
	assert_int_equal(w.out.net.count, 0);
	assert_int_equal(natcheck_tick(&w.check, w.now, &w.out), NATCHECK_DONE);
	assert_false(natcheck_report(&w.check)->v6.tested);
	assert_int_equal(natcheck_report(&w.check)->servers[0].state, NAT_SERVER_UNASKED);
	outbox_clear(&w.out);
}

TEST(with_nobody_to_ask_it_is_done_at_once_and_knows_nothing)
{
	struct addr nowhere = {0};
	struct natcheck_setup setup = {
		.servers = &nowhere, .server_count = 1, .v4 = true, .v6 = true, .port = 51820};

	reset(1);
	natcheck_start(&w.check, &w.env.env, &setup, w.now, &w.out);
	assert_int_equal(natcheck_deadline(&w.check), w.now);
	assert_int_equal(natcheck_tick(&w.check, w.now, &w.out), NATCHECK_DONE);
	assert_int_equal(w.out.net.count + w.out.action_count, 0);
	assert_int_equal(natcheck_report(&w.check)->servers[0].state, NAT_SERVER_UNRESOLVED);
	assert_int_equal(natcheck_report(&w.check)->v4.mapping, NAT_MAPPING_UNKNOWN);
	assert_int_equal(natcheck_report(&w.check)->v4.blocked, NAT_UNKNOWN);
}

TEST(more_servers_than_eight_are_left_unasked)
{
	struct addr servers[NAT_SERVERS_MAX];
	struct natcheck_setup setup = {
		.servers = servers, .server_count = NAT_SERVERS_MAX, .v4 = true, .port = 51820};

	reset(1);
	for (int i = 0; i < NAT_SERVERS_MAX; i++) {
		servers[i] = at("192.0.2.1:3478");
		servers[i].ip[3] = (uint8_t)(1 + i);
	}
	natcheck_start(&w.check, &w.env.env, &setup, w.now, &w.out);
	assert_int_equal(w.out.net.count, NATCHECK_SERVERS_MAX);
	assert_int_equal(natcheck_report(&w.check)->servers[NATCHECK_SERVERS_MAX].state,
			 NAT_SERVER_UNASKED);
	natcheck_stop(&w.check, &w.out);
	outbox_clear(&w.out);
}

TEST(a_second_run_knows_nothing_of_the_first)
{
	struct nat_report first;

	two_servers();
	reset(5);
	first = *nat_world_check(&w);
	w.done_at = 0;
	nat_world_start(&w);
	assert_int_equal(natcheck_report(&w.check)->v4.mapping, NAT_MAPPING_UNKNOWN);
	assert_true(nat_world_run(&w, w.started_at + NATCHECK_DEADLINE));
	assert_int_equal(natcheck_report(&w.check)->v4.mapping, first.v4.mapping);
	assert_int_equal(natcheck_report(&w.check)->v4.filtering, first.v4.filtering);
	assert_int_equal(natcheck_report(&w.check)->v4.servers_asked, 2);
	assert_doors_closed();
}

TEST(equal_seeds_give_equal_runs)
{
	struct nat_report reports[2];
	unsigned sends[2];

	two_servers();
	for (int i = 0; i < 2; i++) {
		reset(9);
		memset(&reports[i], 0, sizeof reports[i]);
		reports[i] = *nat_world_check(&w);
		sends[i] = w.sends;
	}
	assert_int_equal(sends[0], sends[1]);
	assert_memory_equal(&reports[0].v4.public, &reports[1].v4.public,
			    sizeof reports[0].v4.public);
	assert_int_equal(reports[0].checked_at, reports[1].checked_at);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

TEST(f20_vuln_26_every_gathering_ends_by_its_deadline)
{
	/* Who answers just before he is given up each time would else take 4 seconds. */
	for (usec delay = 0; delay <= SEC(4); delay += MSEC(100)) {
		two_servers();
		w.servers[0].delay = w.servers[1].delay = delay;
		reset((uint64_t)delay);
		nat_world_start(&w);
		assert_true(nat_world_run(&w, w.started_at + NATCHECK_DEADLINE));
		assert_in_range(w.now - w.started_at, 0, NATCHECK_DEADLINE);
		assert_doors_closed();
	}
}

TEST(f54_a_clock_that_jumps_ends_it_without_a_storm)
{
	for (usec jump = MSEC(500); jump <= SEC(300000); jump *= 4) {
		two_servers();
		reset(1);
		nat_world_start(&w);
		assert_false(nat_world_run(&w, w.started_at + MSEC(100)));
		unsigned before = w.sends;
		w.now += jump;
		natcheck_tick(&w.check, w.now, &w.out);
		assert_in_range(w.out.net.count, 0, 20);
		outbox_clear(&w.out);
		assert_true(natcheck_is_running(&w.check) ==
			    (jump < NATCHECK_DEADLINE - MSEC(100)));
		assert_int_equal(w.sends, before);
	}
}

TEST(vuln_26_can_be_stopped_at_every_moment)
{
	for (unsigned moment = 0;; moment++) {
		two_servers();
		reset(3);
		nat_world_start(&w);
		for (unsigned i = 0; i < moment && w.done_at == 0; i++)
			nat_world_step(&w);
		if (w.done_at != 0)
			break;
		natcheck_stop(&w.check, &w.out);
		assert_int_equal(w.out.net.count, 0);
		assert_int_equal(natcheck_deadline(&w.check), USEC_NEVER);
		unsigned sends = w.sends, closes = (unsigned)w.out.action_count;
		assert_int_equal(closes, w.opened > w.closed ? w.opened - w.closed : 0);
		outbox_clear(&w.out);
		memset(w.ports + 2, 0, sizeof w.ports - 2 * sizeof w.ports[0]);
		/* What was under way arrives, and means nothing. */
		while (w.flight_count > 0)
			nat_world_step(&w);
		assert_int_equal(w.sends, sends);
		assert_false(natcheck_is_running(&w.check));
	}
}

TEST(a_door_is_closed_later_when_the_outbox_has_no_room)
{
	two_servers();
	reset(3);
	nat_world_start(&w);
	nat_world_run(&w, w.started_at + MSEC(100));
	assert_int_equal(w.opened, 4);
	w.out.action_count = OUTBOX_ACTIONS - 1;
	natcheck_stop(&w.check, &w.out);
	assert_int_not_equal(natcheck_deadline(&w.check), USEC_NEVER);
	outbox_clear(&w.out);
	natcheck_tick(&w.check, w.now, &w.out);
	assert_int_equal(w.out.action_count, 3);
	assert_int_equal(natcheck_deadline(&w.check), USEC_NEVER);
	outbox_clear(&w.out);
}

TEST(a_full_outbox_costs_knowledge_and_nothing_else)
{
	two_servers();
	reset(3);
	w.out.slots_used = OUTBOX_SLOTS;
	w.out.action_count = OUTBOX_ACTIONS;
	w.setup = (struct natcheck_setup){
		.servers = w.asked, .server_count = 2, .v4 = true, .port = NAT_WORLD_PORT};
	natcheck_start(&w.check, &w.env.env, &w.setup, w.now, &w.out);
	while (natcheck_is_running(&w.check)) {
		w.now = natcheck_deadline(&w.check);
		natcheck_tick(&w.check, w.now, &w.out);
	}
	assert_int_equal(natcheck_report(&w.check)->v4.servers_answered, 0);
	outbox_clear(&w.out);
}

/* --- limits ------------------------------------------------------------------------------------------------------ */

/* How often each address was sent to. */
struct sent {
	struct addr to[64];
	unsigned count[64], ips;
};

static void count_sent(void *ctx, const struct nat_world *world, const struct packet *p)
{
	struct sent *s = ctx;
	unsigned i = 0;

	(void)world;
	while (i < s->ips && !addr_same_ip(&s->to[i], &p->via.remote))
		i++;
	assert_true(i < 64);
	s->ips += i == s->ips;
	s->to[i] = p->via.remote;
	s->count[i]++;
}

TEST(never_sends_more_than_it_may_nor_to_anyone_it_was_not_told_of)
{
	for (unsigned round = 0; round < 40; round++) {
		struct sent sent = {0};
		struct nat_world_config c = {
			.nat = cone, .cable = {.delay = MSEC(20), .loss = LINK_PERCENT(40)}};
		w.server_count = w.asked_count = 0;
		for (unsigned i = 0; i < NATCHECK_SERVERS_MAX; i++) {
			char first[32], second[32];
			snprintf(first, sizeof first, "198.51.100.%u", 2 * i + 1);
			snprintf(second, sizeof second, "198.51.100.%u", 2 * i + 2);
			nat_world_add(&w, first, second)->faults =
				round % 3 == 1   ? STUN_SERVER_IGNORES_CHANGE
				: round % 3 == 2 ? STUN_SERVER_TWICE | STUN_SERVER_FLOODS
						 : 0;
		}
		c.nat.mapping = (enum natbox_mapping)(round % 2 * 2);
		w.watch = count_sent;
		w.watch_ctx = &sent;
		nat_world_reset(&w, &c, round);
		nat_world_check(&w);
		assert_true(w.sends <= NATCHECK_SENDS_MAX / 2);
		for (unsigned i = 0; i < sent.ips; i++)
			assert_true(sent.count[i] <= NATCHECK_SENDS_MAX / 4);
		assert_in_range(sent.ips, 1, 2 * NATCHECK_SERVERS_MAX + 1);
	}
	w.watch = NULL;
}

/* --- who is not heard -------------------------------------------------------------------------------------------- */

/* Hand it a datagram and see that nothing changed: state, outbox, deadline. */
static void assert_not_mine(const uint8_t *data, size_t len, const struct via *via)
{
	static struct natcheck before;
	uint8_t copy[TXN_REQUEST_MAX];
	struct packet in = {.data = copy, .len = len, .via = *via};

	assert_true(len <= sizeof copy);
	memcpy(copy, data, len);
	before = w.check;
	assert_int_equal(natcheck_input(&w.check, &in, w.now, &w.out), NATCHECK_NOT_MINE);
	assert_memory_equal(&before, &w.check, sizeof before);
	assert_int_equal(w.out.net.count + w.out.action_count, 0);
}

static size_t message(uint8_t *out, size_t room, enum stun_class class, uint16_t method,
		      const uint8_t *id)
{
	struct stun_message m = {.class = class,
				 .method = method,
				 .has = STUN_HAS(STUN_XOR_MAPPED_ADDRESS),
				 .xor_mapped = at("203.0.113.200:40000")};

	if (class == STUN_ERROR) {
		m.has = STUN_HAS(STUN_ERROR_CODE);
		m.error = 400;
	}
	memcpy(m.id, id, sizeof m.id);
	return stun_write(out, room, &m);
}

/* The id of a question that is under way to the first server from the WireGuard door. */
static const struct txn *question(void)
{
	for (unsigned i = 0; i < SURVEY_ASKS; i++)
		if (w.check.v4.asks[i].kind == SURVEY_FIRST)
			return &w.check.v4.asks[i].txn;
	fail();
	return NULL;
}

TEST(vuln_14_strangers_leave_no_trace)
{
	uint8_t data[256], id[STUN_ID_LEN];
	struct via via = {.kind = VIA_DIRECT, .door = 0, .remote = at("198.51.100.1:3478")};

	two_servers();
	reset(1);
	nat_world_start(&w);
	for (int class = STUN_REQUEST; class <= STUN_ERROR; class ++) {
		for (unsigned i = 0; i < 1000; i++) {
			rand_bytes(&w.rand, id, sizeof id);
			size_t len = message(data, sizeof data, (enum stun_class) class,
					     STUN_METHOD_BINDING, id);
			assert_not_mine(data, len, &via);
			rand_bytes(&w.rand, data + STUN_HEADER_LEN, len - STUN_HEADER_LEN);
			assert_not_mine(data, len, &via);
		}
	}
}

TEST(an_answer_by_another_door_or_from_another_place_is_not_ours)
{
	uint8_t data[256];
	struct via via = {.kind = VIA_DIRECT, .door = 0};
	size_t len;

	two_servers();
	reset(1);
	nat_world_start(&w);
	len = message(data, sizeof data, STUN_SUCCESS, STUN_METHOD_BINDING, question()->id);
	via.remote = at("198.51.100.1:3479");
	assert_not_mine(data, len, &via);
	via.remote = at("192.0.2.1:3478");
	assert_not_mine(data, len, &via);
	via.remote = at("198.51.100.1:3478");
	via.door = 1;
	assert_not_mine(data, len, &via);
	via.door = 2;
	assert_not_mine(data, len, &via);
	via.door = 0;
	via.kind = VIA_TURN;
	assert_not_mine(data, len, &via);
	len = message(data, sizeof data, STUN_SUCCESS, STUN_METHOD_ALLOCATE, question()->id);
	via.kind = VIA_DIRECT;
	assert_not_mine(data, len, &via);

	len = message(data, sizeof data, STUN_SUCCESS, STUN_METHOD_BINDING, question()->id);
	struct packet in = {.data = data, .len = len, .via = via};
	assert_int_not_equal(natcheck_input(&w.check, &in, w.now, &w.out), NATCHECK_NOT_MINE);
	assert_int_equal(natcheck_input(&w.check, &in, w.now, &w.out), NATCHECK_NOT_MINE);
	natcheck_stop(&w.check, &w.out);
	outbox_clear(&w.out);
}

TEST(vuln_22_vuln_24_requests_and_indications_with_our_own_id_get_no_answer)
{
	uint8_t data[256];
	struct via via = {.kind = VIA_DIRECT, .remote = at("198.51.100.1:3478")};

	two_servers();
	reset(1);
	nat_world_start(&w);
	for (uint16_t door = 0; door < NAT_WORLD_DOORS; door++) {
		via.door = door;
		assert_not_mine(data,
				message(data, sizeof data, STUN_REQUEST, STUN_METHOD_BINDING,
					question()->id),
				&via);
		assert_not_mine(data,
				message(data, sizeof data, STUN_INDICATION, STUN_METHOD_BINDING,
					question()->id),
				&via);
	}
}

TEST(a_question_that_comes_back_counts_at_the_other_door_only)
{
	const struct survey_ask *a = NULL;
	uint8_t data[TXN_REQUEST_MAX];
	struct via via = {.kind = VIA_DIRECT, .remote = at("203.0.113.7:40000")};

	two_servers();
	reset(1);
	nat_world_start(&w);
	while (a == NULL) {
		nat_world_step(&w);
		for (unsigned i = 0; i < SURVEY_ASKS; i++)
			if (w.check.v4.asks[i].kind == SURVEY_HAIRPIN &&
			    w.check.v4.asks[i].txn.via.door == 0)
				a = &w.check.v4.asks[i];
	}
	memcpy(data, a->txn.request, a->txn.len);
	for (uint16_t door = 0; door < NAT_WORLD_DOORS; door++) {
		via.door = door;
		if (door != 4)
			assert_not_mine(data, a->txn.len, &via);
	}
	via.door = 4;
	struct packet in = {.data = data, .len = a->txn.len, .via = via};
	assert_int_not_equal(natcheck_input(&w.check, &in, w.now, &w.out), NATCHECK_NOT_MINE);
	assert_int_equal(w.out.net.count, 0); /* and is not answered */
	assert_int_equal(natcheck_report(&w.check)->v4.hairpin, NAT_YES);
	natcheck_stop(&w.check, &w.out);
	outbox_clear(&w.out);
}

TEST(vuln_22_two_engines_that_ask_each_other_fall_silent)
{
	struct natcheck *n[2] = {calloc(1, sizeof *n[0]), calloc(1, sizeof *n[1])};
	struct addr each[2] = {at("198.51.100.1:51820"), at("198.51.100.2:51820")};
	struct outbox *out[2] = {&w.out, calloc(1, sizeof *out[1])};
	unsigned sends = 0;

	assert_true(n[0] != NULL && n[1] != NULL && out[1] != NULL);
	assert_int_equal(outbox_init(out[1]), 0);
	reset(1);
	for (int i = 0; i < 2; i++)
		natcheck_start(
			n[i], &w.env.env,
			&(struct natcheck_setup){
				.servers = &each[!i], .server_count = 1, .v4 = true, .port = 51820},
			w.now, out[i]);
	while (natcheck_is_running(n[0]) || natcheck_is_running(n[1])) {
		for (int i = 0; i < 2; i++) {
			for (size_t k = 0; k < out[i]->net.count; k++) {
				struct packet in = out[i]->net.packets[k];
				in.via.remote = each[i];
				sends++;
				assert_int_equal(natcheck_input(n[!i], &in, w.now, out[!i]),
						 NATCHECK_NOT_MINE);
			}
			outbox_clear(out[i]);
		}
		w.now = usec_min(natcheck_deadline(n[0]), natcheck_deadline(n[1]));
		for (int i = 0; i < 2; i++)
			natcheck_tick(n[i], w.now, out[i]);
	}
	assert_int_equal(sends, 8); /* each asked four times, and that was all */
	assert_int_equal(out[0]->net.count + out[1]->net.count, 0);
	outbox_free(out[1]);
	free(out[1]);
	free(n[0]);
	free(n[1]);
}

TEST(f29_floods_and_doubled_answers_change_nothing)
{
	static const unsigned faults[] = {0, STUN_SERVER_FLOODS, STUN_SERVER_TWICE,
					  STUN_SERVER_FLOODS | STUN_SERVER_TWICE};
	unsigned sends = 0;

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		two_servers();
		w.servers[0].faults = w.servers[1].faults = faults[i];
		reset(4);
		const struct nat_report *r = nat_world_check(&w);
		assert_int_equal(r->v4.mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
		assert_int_equal(r->v4.filtering, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
		assert_true(i == 0 || w.sends == sends);
		sends = w.sends;
	}
}

/* Ids of all questions, over several runs. */
struct ids {
	uint8_t id[4096][STUN_ID_LEN];
	unsigned count, run; /* of this run since number `run` */
};

static void note_id(void *ctx, const struct nat_world *world, const struct packet *p)
{
	struct ids *ids = ctx;

	(void)world;
	assert_true(ids->count < 4096);
	for (unsigned i = ids->run; i < ids->count; i++)
		if (memcmp(ids->id[i], p->data + 8, STUN_ID_LEN) == 0)
			return; /* asked again */
	memcpy(ids->id[ids->count++], p->data + 8, STUN_ID_LEN);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, STUN_ID_LEN);
}

TEST(vuln_06_transaction_ids_come_from_the_environment_and_never_again)
{
	static struct ids ids;

	two_servers();
	w.watch = note_id;
	w.watch_ctx = &ids;
	ids.count = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		ids.run = ids.count;
		reset(seed);
		nat_world_check(&w);
	}
	w.watch = NULL;
	assert_true(ids.count > 300);
	qsort(ids.id, ids.count, STUN_ID_LEN, by_bytes);
	for (unsigned i = 1; i < ids.count; i++)
		assert_memory_not_equal(ids.id[i - 1], ids.id[i], STUN_ID_LEN);
}

static int set_up(void **state)
{
	(void)state;
	nat_world_init(&w);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nat_world_free(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(is_idle_before_the_start),
		RUN(tells_steps_and_then_once_that_it_is_done),
		RUN(both_families_are_found_out_beside_each_other),
		RUN(a_family_without_an_address_of_ours_is_not_tested),
		RUN(with_nobody_to_ask_it_is_done_at_once_and_knows_nothing),
		RUN(more_servers_than_eight_are_left_unasked),
		RUN(a_second_run_knows_nothing_of_the_first),
		RUN(equal_seeds_give_equal_runs),
		RUN(f20_vuln_26_every_gathering_ends_by_its_deadline),
		RUN(f54_a_clock_that_jumps_ends_it_without_a_storm),
		RUN(vuln_26_can_be_stopped_at_every_moment),
		RUN(a_door_is_closed_later_when_the_outbox_has_no_room),
		RUN(a_full_outbox_costs_knowledge_and_nothing_else),
		RUN(never_sends_more_than_it_may_nor_to_anyone_it_was_not_told_of),
		RUN(vuln_14_strangers_leave_no_trace),
		RUN(an_answer_by_another_door_or_from_another_place_is_not_ours),
		RUN(vuln_22_vuln_24_requests_and_indications_with_our_own_id_get_no_answer),
		RUN(a_question_that_comes_back_counts_at_the_other_door_only),
		RUN(vuln_22_two_engines_that_ask_each_other_fall_silent),
		RUN(f29_floods_and_doubled_answers_change_nothing),
		RUN(vuln_06_transaction_ids_come_from_the_environment_and_never_again),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
