/* When the NAT is looked at, and with whom; the servers are a few lines here, the verdicts natcheck's. */
#include "mesh/outside.h"

#include "support/env_fake.h"
#include "support/test.h"

#define NOW  SEC(1000)
#define PORT 51820

static struct env_fake env;
static struct outside o;
static struct outbox out;
static struct host host;
static usec now;
static bool door_open[16];
static unsigned doors_opened, sent;
static bool deaf; /* no server answers */

static int start(void **state)
{
	(void)state;
	env_fake_init(&env, 1);
	host = (struct host){.outside = {.count = 1}};
	host.outside.items[0].prefix =
		(struct prefix){.family = ADDR_V4, .len = 24, .ip = {10, 0, 0, 2}};
	outside_init(&o, &env.env);
	now = NOW;
	deaf = false;
	doors_opened = sent = 0;
	memset(door_open, 0, sizeof door_open);
	return outbox_init(&out);
}

static int stop(void **state)
{
	(void)state;
	natcheck_stop(&o.check, &out);
	outbox_free(&out);
	return 0;
}

static void set_servers(const char *first, const char *second)
{
	struct conf_list list = {0};

	assert_true(conf_list_add(&list, first));
	if (second != NULL)
		assert_true(conf_list_add(&list, second));
	outside_set_servers(&o, &list);
	conf_list_free(&list);
}

/* --- the world -------------------------------------------------------------------------------------------------- */

static uint64_t questions[64];
static size_t question_count;

static void take_actions(void)
{
	for (size_t i = 0; i < out.action_count; i++) {
		const struct action *a = &out.actions[i];

		if (a->kind == ACTION_RESOLVE)
			questions[question_count++] = a->id;
		else
			door_open[a->id] = a->kind == ACTION_OPEN_DOOR;
		doors_opened += a->kind == ACTION_OPEN_DOOR;
	}
}

/* A server that has one address and says truly that we are 203.0.113.9, our ports as they are. */
static void answer(const struct packet *p)
{
	static uint8_t memory[PACKET_HEAD + 600];
	struct stun_message m;
	struct packet in = {.data = memory + PACKET_HEAD, .via = p->via};

	assert_true(stun_read(&m, p->data, p->len));
	assert_int_equal(m.class, STUN_REQUEST);
	if (deaf || (m.has & STUN_HAS(STUN_CHANGE_REQUEST) && m.change != 0))
		return;
	struct stun_message reply = {.class = STUN_SUCCESS, .method = STUN_METHOD_BINDING};
	memcpy(reply.id, m.id, sizeof reply.id);
	reply.has = STUN_HAS(STUN_XOR_MAPPED_ADDRESS);
	reply.xor_mapped = addr_v4((uint8_t[]){203, 0, 113, 9},
				   p->via.door == 0 ? PORT : (uint16_t)(40000 + p->via.door));
	in.len = stun_write(in.data, 600, &reply);
	assert_true(in.len > 0);
	assert_true(outside_input(&o, &in, now, &out));
}

/* Datagrams reach their servers, which answer at once. */
static void deliver(void)
{
	for (size_t i = 0; i < out.net.count; i++) {
		const struct packet p = out.net.packets[i];

		sent++;
		if (addr_class(&p.via.remote) == ADDR_CLASS_GLOBAL && p.via.remote.ip[0] != 203)
			answer(&p);
	}
	take_actions();
	outbox_clear(&out);
}

/* Do what is due, in its order, until then. */
static void pass(usec until)
{
	for (unsigned turns = 0; outside_deadline(&o) <= until; turns++) {
		assert_true(turns < 1000);
		if (outside_deadline(&o) > now)
			now = outside_deadline(&o);
		outside_tick(&o, &host, PORT, now, &out);
		deliver();
	}
	now = until;
}

static bool a_door_is_open(void)
{
	for (size_t i = 0; i < sizeof door_open / sizeof door_open[0]; i++)
		if (door_open[i])
			return true;
	return false;
}

/* --- when ------------------------------------------------------------------------------------------------------- */

TEST(nothing_is_asked_without_servers)
{
	struct conf_list none = {0};

	assert_true(outside_deadline(&o) == USEC_NEVER);
	outside_restart(&o);
	pass(NOW + SEC(5000));
	outside_set_servers(&o, &none);
	pass(NOW + SEC(9000));
	assert_int_equal(sent, 0);
	assert_int_equal(o.started, 0);
	assert_int_equal(outside_want(&o, now), 0);
	assert_true(outside_deadline(&o) == USEC_NEVER);
}

TEST(a_literal_never_reaches_the_resolver_and_has_a_port)
{
	question_count = 0;
	set_servers("198.51.100.1", "198.51.100.2:3479");
	pass(NOW + SEC(5));
	assert_int_equal(question_count, 0);
	assert_int_equal(o.done, 1);
	assert_int_equal(o.report.server_count, 2);
	assert_int_equal(o.report.servers[0].addr.port, 3478);
	assert_int_equal(o.report.servers[1].addr.port, 3479);
	assert_int_equal(o.report.servers[0].state, NAT_SERVER_ANSWERED);
	assert_int_equal(o.report.v4.mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
	assert_true(o.report.v4.public_count > 0);
	assert_int_equal(o.report.v4.public[0].port, PORT);
	assert_false(o.report.v6.tested);
	assert_int_equal(o.successes, 1);
	assert_false(a_door_is_open());
}

TEST(it_is_looked_at_again_every_15_minutes)
{
	set_servers("198.51.100.1", "198.51.100.2");
	pass(NOW + SEC(5));
	usec first = o.report.checked_at;
	assert_int_equal(o.done, 1);
	pass(first + OUTSIDE_EVERY - 1);
	assert_int_equal(o.done, 1);
	pass(first + OUTSIDE_EVERY + SEC(5));
	assert_int_equal(o.done, 2);
	pass(first + 4 * OUTSIDE_EVERY + SEC(30));
	assert_int_equal(o.done, 5);
}

TEST(when_nobody_answers_it_is_looked_at_sooner)
{
	deaf = true;
	set_servers("198.51.100.1", "198.51.100.2");
	pass(NOW + SEC(5));
	assert_int_equal(o.done, 1);
	assert_int_equal(o.failures, 1);
	assert_int_equal(o.report.v4.mapping, NAT_MAPPING_UNKNOWN);
	assert_int_equal(o.report.v4.blocked, NAT_YES);
	deaf = false;
	pass(NOW + SEC(5) + OUTSIDE_RETRY + SEC(5));
	assert_int_equal(o.done, 2);
	assert_int_equal(o.report.v4.blocked, NAT_NO);
}

TEST(f34_another_network_gives_up_a_check_and_begins_another)
{
	set_servers("198.51.100.1", "198.51.100.2");
	pass(NOW + OUTSIDE_SETTLE + MSEC(20));
	assert_int_equal(o.phase, OUTSIDE_CHECKING);
	assert_true(a_door_is_open());
	outside_restart(&o);
	outside_tick(&o, &host, PORT, now, &out);
	deliver();
	assert_false(a_door_is_open());
	assert_int_equal(o.phase, OUTSIDE_IDLE);
	assert_int_equal(o.done, 0);
	pass(now + SEC(5));
	assert_int_equal(o.started, 2);
	assert_int_equal(o.done, 2);
}

TEST(other_servers_are_asked_at_once)
{
	set_servers("198.51.100.1", NULL);
	pass(NOW + SEC(10));
	assert_int_equal(o.done, 1);
	set_servers("198.51.100.7", NULL);
	assert_int_equal(o.report.server_count, 0); /* the verdict stays */
	assert_true(o.report.checked_at != 0);
	pass(now + SEC(5));
	assert_int_equal(o.done, 2);
	assert_int_equal(o.report.servers[0].addr.ip[3], 7);
}

TEST(who_wants_a_check_gets_the_one_under_way_or_a_new_one)
{
	set_servers("198.51.100.1", NULL);
	assert_int_equal(outside_want(&o, now), 1); /* the first is due anyway */
	pass(NOW + OUTSIDE_SETTLE + MSEC(20));
	assert_int_equal(outside_want(&o, now), 1);
	outside_restart(&o);
	assert_int_equal(outside_want(&o, now), 2);
	pass(now + SEC(30));
	assert_int_equal(o.done, 2);
	assert_int_equal(outside_want(&o, now), 3);
	assert_int_equal(outside_want(&o, now), 3);
	assert_true(outside_deadline(&o) <= now);
	pass(o.report.checked_at + OUTSIDE_EVERY / 2);
	assert_int_equal(o.done, 3);
	assert_int_equal(outside_want(&o, o.report.checked_at + OUTSIDE_AGAIN - 1), 3);
	assert_int_equal(outside_want(&o, o.report.checked_at + OUTSIDE_AGAIN), 4);
}

TEST(what_the_outbox_has_no_room_for_stays_due)
{
	set_servers("198.51.100.1", NULL);
	outbox_keep(&out, BATCH_MAX);
	outside_tick(&o, &host, PORT, now, &out);
	assert_true(outside_deadline(&o) <= now);
	outbox_clear(&out);
	out.action_count = OUTBOX_ACTIONS;
	outside_tick(&o, &host, PORT, now, &out);
	assert_true(outside_deadline(&o) <= now);
	out.action_count = 0;
	pass(NOW + SEC(10));
	assert_int_equal(o.done, 1);
}

TEST(a_door_that_the_outbox_had_no_room_for_is_closed_later)
{
	set_servers("198.51.100.1", "198.51.100.2");
	pass(NOW + OUTSIDE_SETTLE + MSEC(20));
	assert_true(a_door_is_open());
	out.action_count = OUTBOX_ACTIONS;
	natcheck_stop(&o.check, &out);
	o.phase = OUTSIDE_IDLE;
	outbox_clear(&out);

	assert_true(outside_deadline(&o) <= now);
	pass(now);
	assert_false(a_door_is_open());
	assert_true(outside_deadline(&o) > now);
}

TEST(a_host_without_a_family_is_not_asked_for_it)
{
	set_servers("[2001:db8::1]", "198.51.100.1");
	pass(NOW + SEC(10));
	assert_false(o.report.v6.tested);
	assert_int_equal(o.report.v6.blocked, NAT_UNKNOWN);
	assert_int_equal(o.report.servers[0].state, NAT_SERVER_UNASKED);
	assert_int_equal(o.report.servers[1].state, NAT_SERVER_ANSWERED);
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static void resolve(uint64_t id, const char *ip)
{
	struct addr a;

	if (ip != NULL)
		assert_true(addr_parse_ip(&a, ip));
	outside_resolved(&o, id, &a, ip != NULL, now);
}

static void name_setup(void)
{
	question_count = 0;
	set_servers("stun.example.org", "198.51.100.2");
	pass(NOW + OUTSIDE_SETTLE + MSEC(100));
	assert_int_equal(question_count, 1);
}

TEST(a_name_is_asked_for_and_waited_for)
{
	name_setup();
	assert_true(outside_is_question(questions[0]));
	assert_false(outside_is_question(1));
	assert_false(outside_is_question(UINT64_MAX >> 1)); /* no peer has so great an id */
	assert_string_equal(outside_name(&o, questions[0]), "stun.example.org");
	assert_null(outside_name(&o, questions[0] + 1));
	assert_int_equal(sent, 0);
	resolve(questions[0], "198.51.100.1");
	assert_null(outside_name(&o, questions[0]));
	pass(now + SEC(5));
	assert_int_equal(o.done, 1);
	assert_int_equal(o.report.servers[0].state, NAT_SERVER_ANSWERED);
	assert_int_equal(o.report.servers[0].addr.port, 3478);
	assert_int_equal(o.report.v4.mapping_ips, 2);
}

TEST(f20_a_name_that_leads_nowhere_costs_two_seconds)
{
	name_setup();
	pass(NOW + OUTSIDE_SETTLE + OUTSIDE_RESOLVE_FOR - 1);
	assert_int_equal(o.phase, OUTSIDE_RESOLVING);
	pass(NOW + OUTSIDE_SETTLE + OUTSIDE_RESOLVE_FOR + NATCHECK_DEADLINE);
	assert_int_equal(o.done, 1);
	assert_int_equal(o.report.servers[0].state, NAT_SERVER_UNRESOLVED);
	assert_int_equal(o.report.servers[1].state, NAT_SERVER_ANSWERED);
	assert_int_equal(o.successes, 1);

	/* It comes late: it is of use at once. */
	resolve(questions[0], "198.51.100.1");
	pass(now + SEC(5));
	assert_int_equal(o.done, 2);
	assert_int_equal(o.report.servers[0].state, NAT_SERVER_ANSWERED);
}

TEST(f20_a_name_server_that_says_no_is_not_waited_for)
{
	name_setup();
	resolve(questions[0], NULL);
	pass(NOW + OUTSIDE_SETTLE + MSEC(200) + NATCHECK_DEADLINE);
	assert_int_equal(o.done, 1);
	assert_int_equal(o.report.servers[0].state, NAT_SERVER_UNRESOLVED);
	assert_non_null(strstr(env.last_line, "NAT: "));
}

TEST(a_name_that_led_somewhere_before_is_not_waited_for_and_not_forgotten)
{
	name_setup();
	resolve(questions[0], "198.51.100.1");
	pass(now + SEC(5));
	outside_want(&o, now);
	pass(now + MSEC(100));
	assert_int_equal(question_count, 2);
	assert_int_equal(o.phase, OUTSIDE_CHECKING); /* by the address it had */
	pass(now + SEC(4));
	assert_int_equal(o.done, 2);
	resolve(questions[1], NULL);
	outside_want(&o, now);
	pass(now + SEC(4));
	assert_int_equal(o.report.servers[0].state, NAT_SERVER_ANSWERED);
	assert_int_equal(question_count, 3);
}

TEST(an_answer_from_before_a_change_does_not_count)
{
	name_setup();
	outside_restart(&o);
	pass(now + OUTSIDE_SETTLE + MSEC(50));
	assert_int_equal(question_count, 2);
	assert_int_not_equal(questions[0], questions[1]);
	resolve(questions[0], "198.51.100.1");
	assert_int_equal(o.phase, OUTSIDE_RESOLVING);
	resolve(questions[1], "198.51.100.3");
	pass(now + SEC(5));
	assert_int_equal(o.report.servers[0].addr.ip[3], 3);
	resolve(questions[1], "198.51.100.4"); /* twice: the second is nobody's */
	assert_int_equal(o.servers[0].v4.ip[3], 3);
}

TEST(only_the_first_address_of_each_family_is_asked)
{
	struct addr found[4];

	name_setup();
	assert_true(addr_parse_ip(&found[0], "198.51.100.11") &&
		    addr_parse_ip(&found[1], "198.51.100.12") &&
		    addr_parse_ip(&found[2], "2001:db8::1") &&
		    addr_parse_ip(&found[3], "2001:db8::2"));
	outside_resolved(&o, questions[0], found, 4, now);
	pass(now + SEC(5));
	assert_int_equal(o.report.server_count, 3);
	assert_int_equal(o.report.servers[0].addr.ip[3], 11);
	assert_int_equal(o.report.servers[1].addr.ip[15], 1);
	assert_string_equal(o.report.servers[0].name, "stun.example.org");
	assert_string_equal(o.report.servers[1].name, "stun.example.org");
	assert_string_equal(o.report.servers[2].name, "198.51.100.2");
}

TEST(more_servers_than_are_asked_are_left_out_with_a_warning)
{
	struct conf_list list = {0};
	char text[32];

	for (int i = 0; i < OUTSIDE_SERVERS_MAX + 2; i++) {
		snprintf(text, sizeof text, "198.51.100.%d", i + 1);
		assert_true(conf_list_add(&list, text));
	}
	outside_set_servers(&o, &list);
	assert_int_equal(o.server_count, OUTSIDE_SERVERS_MAX);
	assert_non_null(strstr(env.last_line, "8 of 10"));
	conf_list_free(&list);
}

/* --- strangers -------------------------------------------------------------------------------------------------- */

TEST(vuln_22_nothing_is_sent_for_what_was_not_asked_for)
{
	uint8_t bytes[64];

	set_servers("198.51.100.1", NULL);
	for (int running = 0; running < 2; running++) {
		for (enum stun_class class = STUN_REQUEST; class <= STUN_ERROR; class ++) {
			struct stun_message m = {.class = class, .method = STUN_METHOD_BINDING};
			struct packet in = {
				.data = bytes,
				.via = {.kind = VIA_DIRECT,
					.remote = addr_v4((uint8_t[]){198, 51, 100, 1}, 3478)}};

			in.len = stun_write(bytes, sizeof bytes, &m);
			assert_true(in.len > 0);
			assert_false(outside_input(&o, &in, now, &out));
			assert_int_equal(out.net.count, 0);
			assert_int_equal(out.action_count, 0);
		}
		pass(NOW + OUTSIDE_SETTLE + MSEC(20));
		assert_int_equal(o.phase, OUTSIDE_CHECKING);
	}
}

#define RUN_HERE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_HERE(nothing_is_asked_without_servers),
		RUN_HERE(a_literal_never_reaches_the_resolver_and_has_a_port),
		RUN_HERE(it_is_looked_at_again_every_15_minutes),
		RUN_HERE(when_nobody_answers_it_is_looked_at_sooner),
		RUN_HERE(f34_another_network_gives_up_a_check_and_begins_another),
		RUN_HERE(other_servers_are_asked_at_once),
		RUN_HERE(who_wants_a_check_gets_the_one_under_way_or_a_new_one),
		RUN_HERE(what_the_outbox_has_no_room_for_stays_due),
		RUN_HERE(a_host_without_a_family_is_not_asked_for_it),
		RUN_HERE(a_door_that_the_outbox_had_no_room_for_is_closed_later),
		RUN_HERE(a_name_is_asked_for_and_waited_for),
		RUN_HERE(f20_a_name_that_leads_nowhere_costs_two_seconds),
		RUN_HERE(f20_a_name_server_that_says_no_is_not_waited_for),
		RUN_HERE(a_name_that_led_somewhere_before_is_not_waited_for_and_not_forgotten),
		RUN_HERE(an_answer_from_before_a_change_does_not_count),
		RUN_HERE(only_the_first_address_of_each_family_is_asked),
		RUN_HERE(more_servers_than_are_asked_are_left_out_with_a_warning),
		RUN_HERE(vuln_22_nothing_is_sent_for_what_was_not_asked_for),
	};

	return RUN_TESTS(tests);
}
