/* The STUN server of tests: honest by RFC 8489 and RFC 5780, and each of its faults is what it says. */
#include "sim/stun_server.h"

#include "base/bytes.h"
#include "support/stun_twin.h"
#include "support/test.h"

static const struct addr client = {.family = ADDR_V4, .port = 40000, .ip = {203, 0, 113, 9}};
static const struct addr lie = {.family = ADDR_V4, .port = 1, .ip = {224, 0, 0, 1}};
static const struct addr stranger = {.family = ADDR_V4, .port = 3478, .ip = {198, 51, 100, 7}};

static struct stun_server server_with(unsigned faults)
{
	return (struct stun_server){
		.ip = {{.family = ADDR_V4, .ip = {192, 0, 2, 1}},
		       {.family = ADDR_V4, .ip = {192, 0, 2, 2}}},
		.port = {3478, 3479},
		.faults = faults,
		.lie = lie,
		.lie_from = stranger,
		.error = 500,
		.rand = rand_seeded(1),
	};
}

static struct stun_server_reply replies[STUN_SERVER_REPLIES_MAX];

/* Ask at this place; how many answers came. */
static size_t ask_at(struct stun_server *s, unsigned ip, unsigned port, uint32_t change,
		     bool fingerprint)
{
	struct stun_message m = {.method = STUN_METHOD_BINDING,
				 .id = {1, 2, 3},
				 .has = change != 0 ? STUN_HAS(STUN_CHANGE_REQUEST) : 0,
				 .change = change};
	struct addr to = stun_server_addr(s, ip, port);
	uint8_t data[64];
	size_t len = stun_write(data, sizeof data, &m);

	if (fingerprint)
		len = stun_add_fingerprint(data, len, sizeof data);
	return stun_server_input(s, &client, &to, data, len, replies);
}

static size_t ask(struct stun_server *s, uint32_t change)
{
	return ask_at(s, 0, 0, change, true);
}

/* The one answer, read. */
static struct stun_message the_answer(size_t count)
{
	struct stun_message m;

	assert_int_equal(count, 1);
	assert_true(stun_read(&m, replies[0].data, replies[0].len));
	assert_null(stun_twin_differs(replies[0].data, replies[0].len, &m));
	assert_true(addr_equal(&replies[0].to, &client));
	return m;
}

TEST(answers_by_rfc_5780_from_all_its_addresses)
{
	struct stun_server s = server_with(0);

	for (unsigned at = 0; at < 4; at++) {
		for (uint32_t change = 0; change <= 6; change += 2) {
			unsigned ip = at / 2, port = at % 2;
			struct stun_message m = the_answer(ask_at(&s, ip, port, change, true));
			struct addr other = stun_server_addr(&s, 1 - ip, 1 - port);
			struct addr from =
				stun_server_addr(&s, ip ^ change / 4, port ^ (change / 2 & 1));

			assert_int_equal(m.class, STUN_SUCCESS);
			assert_memory_equal(m.id, "\1\2\3\0\0\0\0\0\0\0\0\0", sizeof m.id);
			assert_true(addr_equal(&m.xor_mapped, &client));
			assert_true(addr_equal(&m.other_address, &other));
			assert_true(addr_equal(&m.response_origin, &from));
			assert_true(addr_equal(&replies[0].from, &from));
			assert_int_equal(m.has, STUN_HAS(STUN_XOR_MAPPED_ADDRESS) |
							STUN_HAS(STUN_OTHER_ADDRESS) |
							STUN_HAS(STUN_RESPONSE_ORIGIN) |
							STUN_HAS(STUN_FINGERPRINT));
		}
	}
	assert_int_equal(s.requests, 16);
	assert_int_equal(s.changes, 12);
}

TEST(has_a_fingerprint_where_the_request_has_one)
{
	struct stun_server s = server_with(0);
	struct stun_message m = the_answer(ask_at(&s, 0, 0, 0, false));

	assert_false(stun_has(&m, STUN_FINGERPRINT));
}

TEST(with_one_address_refuses_to_change_it)
{
	struct stun_server s = server_with(0);

	s.ip[1] = (struct addr){0};
	struct stun_message m = the_answer(ask(&s, 0));
	assert_int_equal(m.class, STUN_SUCCESS);
	assert_false(stun_has(&m, STUN_OTHER_ADDRESS));
	m = the_answer(ask(&s, STUN_CHANGE_IP | STUN_CHANGE_PORT));
	assert_int_equal(m.class, STUN_ERROR);
	assert_int_equal(m.error, 420);
	assert_memory_equal(m.unknown_attributes.data, "\0\3", 2);
}

TEST(is_where_it_is)
{
	struct stun_server s = server_with(0);
	struct addr a = stun_server_addr(&s, 1, 1);

	assert_true(stun_server_is_at(&s, &a));
	assert_false(stun_server_is_at(&s, &stranger));
	a.port++;
	assert_false(stun_server_is_at(&s, &a));
	s.port[1] = 0;
	a = stun_server_addr(&s, 1, 1);
	assert_false(addr_is_set(&a));
	assert_false(stun_server_is_at(&s, &a));
}

TEST(sends_where_response_port_says_and_when_its_delay_is_over)
{
	struct stun_server s = server_with(0);
	struct stun_message m = {.method = STUN_METHOD_BINDING,
				 .has = STUN_HAS(STUN_RESPONSE_PORT),
				 .response_port = 7};
	struct addr to = stun_server_addr(&s, 0, 0);
	uint8_t data[64];
	size_t len = stun_write(data, sizeof data, &m);

	s.delay = MSEC(20);
	assert_int_equal(stun_server_input(&s, &client, &to, data, len, replies), 1);
	assert_int_equal(replies[0].to.port, 7);
	assert_int_equal(replies[0].after, MSEC(20));
	s.jitter = MSEC(10);
	for (int i = 0; i < 100; i++) {
		stun_server_input(&s, &client, &to, data, len, replies);
		assert_in_range(replies[0].after, MSEC(20), MSEC(30));
	}
}

TEST(vuln_22_answers_binding_requests_and_nothing_else)
{
	struct stun_server s = server_with(0);
	struct addr to = stun_server_addr(&s, 0, 0);
	uint8_t data[64];
	uint64_t refused = 0;

	for (unsigned class = 0; class < 4; class ++) {
		for (uint16_t method = 0; method < 16; method++) {
			struct stun_message m = {.class = (enum stun_class) class,
						 .method = method};
			size_t len = stun_write(data, sizeof data, &m);
			bool right = class == STUN_REQUEST && method == STUN_METHOD_BINDING;
			refused += !right;
			assert_int_equal(stun_server_input(&s, &client, &to, data, len, replies),
					 right);
		}
	}
	assert_int_equal(s.refused, refused);

	/* Its own answers come back to it, from itself or from another of its kind. */
	ask(&s, 0);
	struct stun_server_reply mine = replies[0];
	assert_int_equal(stun_server_input(&s, &mine.from, &to, mine.data, mine.len, replies), 0);
}

TEST(ignores_change_requests_when_told_so)
{
	struct stun_server s = server_with(STUN_SERVER_IGNORES_CHANGE);
	struct addr first = stun_server_addr(&s, 0, 0);
	struct stun_message m = the_answer(ask(&s, STUN_CHANGE_IP | STUN_CHANGE_PORT));

	assert_true(addr_equal(&replies[0].from, &first));
	assert_true(stun_has(&m, STUN_OTHER_ADDRESS));
	s.faults = STUN_SERVER_REFUSES_CHANGE;
	m = the_answer(ask(&s, STUN_CHANGE_PORT));
	assert_int_equal(m.error, 420);
}

TEST(claims_another_address_where_it_has_only_another_port)
{
	struct stun_server s = server_with(STUN_SERVER_CLAIMS_OTHER);

	s.ip[1] = (struct addr){0};
	struct addr other = stun_server_addr(&s, 0, 1);
	struct stun_message m = the_answer(ask(&s, 0));
	assert_true(addr_equal(&m.other_address, &other));
	m = the_answer(ask(&s, STUN_CHANGE_IP | STUN_CHANGE_PORT));
	assert_int_equal(m.class, STUN_SUCCESS);
	assert_true(addr_equal(&replies[0].from, &other));

	s.faults = STUN_SERVER_CLAIMS_FOREIGN;
	m = the_answer(ask(&s, 0));
	assert_true(addr_equal(&m.other_address, &lie));
	s.faults = STUN_SERVER_NO_OTHER | STUN_SERVER_NO_ORIGIN;
	m = the_answer(ask(&s, 0));
	assert_int_equal(m.has, STUN_HAS(STUN_XOR_MAPPED_ADDRESS) | STUN_HAS(STUN_FINGERPRINT));
}

TEST(lies_about_the_mapped_address)
{
	struct stun_server s = server_with(STUN_SERVER_LIES);
	size_t i = 0;

	for (const struct addr *a; (a = stun_server_lie(i)) != NULL; i++) {
		s.lie = *a;
		struct stun_message m = the_answer(ask(&s, 0));
		assert_int_equal(addr_class(stun_mapped(&m)), addr_class(a));
		assert_int_not_equal(addr_class(a), ADDR_CLASS_GLOBAL);
	}
	assert_in_range(i, 40, 100);

	s.lie = lie;
	s.faults |= STUN_SERVER_MAPPED_ONLY;
	struct stun_message m = the_answer(ask(&s, 0));
	assert_true(addr_equal(&m.mapped, &lie));
	assert_false(stun_has(&m, STUN_XOR_MAPPED_ADDRESS));
	s.faults = STUN_SERVER_NO_MAPPED;
	m = the_answer(ask(&s, 0));
	assert_null(stun_mapped(&m));
}

TEST(answers_from_elsewhere_or_with_another_id)
{
	struct stun_server s = server_with(STUN_SERVER_WRONG_SOURCE);

	the_answer(ask(&s, 0));
	assert_true(addr_equal(&replies[0].from, &stranger));
	s.faults = STUN_SERVER_WRONG_ID;
	struct stun_message m = the_answer(ask(&s, 0));
	assert_memory_not_equal(m.id, "\1\2\3\0\0\0\0\0\0\0\0\0", sizeof m.id);
}

TEST(answers_what_cannot_be_read)
{
	static const unsigned faults[] = {STUN_SERVER_TRUNCATES, STUN_SERVER_OVERLONG,
					  STUN_SERVER_CUTS, STUN_SERVER_BAD_FINGERPRINT,
					  STUN_SERVER_OVERLONG | STUN_SERVER_MAPPED_ONLY};
	struct stun_message m;

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct stun_server s = server_with(faults[i]);
		assert_int_equal(ask(&s, 0), 1);
		assert_false(stun_read(&m, replies[0].data, replies[0].len));
		assert_int_equal(stun_is_message(replies[0].data, replies[0].len),
				 faults[i] != STUN_SERVER_CUTS);
	}
	struct stun_server s = server_with(STUN_SERVER_JUNK);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(ask_at(&s, 0, 0, 0, false), 1);
		assert_true(stun_is_message(replies[0].data, replies[0].len));
	}
}

TEST(answers_with_too_much)
{
	struct stun_server s = server_with(0);
	struct stun_message m = the_answer(ask(&s, 0));
	size_t len = replies[0].len;

	s.faults = STUN_SERVER_DUPLICATES;
	m = the_answer(ask(&s, 0));

	assert_true(addr_equal(stun_mapped(&m), &client));
	assert_false(addr_equal(&m.other_address, &lie));
	assert_int_equal(replies[0].len, len + 4 * 12);

	s.faults = STUN_SERVER_AFTER_INTEGRITY;
	m = the_answer(ask(&s, 0));
	assert_int_equal(m.has, STUN_HAS(STUN_MESSAGE_INTEGRITY) | STUN_HAS(STUN_FINGERPRINT));

	s.faults = STUN_SERVER_UNKNOWN_MANDATORY;
	m = the_answer(ask(&s, 0));
	assert_int_equal(m.unknown_count, 1);

	s.faults = STUN_SERVER_AS_REQUEST;
	m = the_answer(ask(&s, 0));
	assert_int_equal(m.class, STUN_REQUEST);
}

TEST(answers_with_errors)
{
	static const uint16_t errors[] = {300, 400, 401, 420, 500, 699};
	struct stun_server s = server_with(STUN_SERVER_ERROR);

	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		s.error = errors[i];
		struct stun_message m = the_answer(ask(&s, 0));
		assert_int_equal(m.class, STUN_ERROR);
		assert_int_equal(m.error, errors[i]);
		assert_int_equal(stun_has(&m, STUN_ALTERNATE_SERVER), errors[i] == 300);
		assert_int_equal(stun_has(&m, STUN_UNKNOWN_ATTRIBUTES), errors[i] == 420);
	}
}

TEST(answers_too_often_or_not_at_all)
{
	struct stun_server s = server_with(STUN_SERVER_SILENT);
	struct stun_message m;

	assert_int_equal(ask(&s, 0), 0);
	assert_int_equal(s.requests, 1);
	s.faults = STUN_SERVER_TWICE;
	assert_int_equal(ask(&s, 0), 2);
	assert_int_equal(replies[0].len, replies[1].len);
	assert_memory_equal(replies[0].data, replies[1].data, replies[0].len);
	s.faults = STUN_SERVER_FLOODS | STUN_SERVER_TWICE;
	assert_int_equal(ask(&s, 0), STUN_SERVER_REPLIES_MAX);
	for (size_t i = 0; i < STUN_SERVER_REPLIES_MAX; i++) {
		assert_true(stun_read(&m, replies[i].data, replies[i].len));
		assert_int_equal(memcmp(m.id, "\1\2\3\0\0\0\0\0\0\0\0\0", sizeof m.id) == 0,
				 i == STUN_SERVER_REPLIES_MAX - 1);
	}
}

/* All faults at once, and any pair, stay within the reply. */
TEST(stays_within_its_reply_whatever_it_does_wrong)
{
	for (unsigned a = 0; a < 24; a++) {
		for (unsigned b = 0; b < 24; b++) {
			struct stun_server s = server_with(1u << a | 1u << b);
			size_t count = ask(&s, STUN_CHANGE_IP);
			for (size_t i = 0; i < count; i++)
				assert_in_range(replies[i].len, 10, STUN_SERVER_REPLY_MAX);
		}
	}
	struct stun_server s = server_with(~(unsigned)STUN_SERVER_SILENT);
	assert_int_equal(ask(&s, 0), STUN_SERVER_REPLIES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(answers_by_rfc_5780_from_all_its_addresses),
		RUN(has_a_fingerprint_where_the_request_has_one),
		RUN(with_one_address_refuses_to_change_it),
		RUN(is_where_it_is),
		RUN(sends_where_response_port_says_and_when_its_delay_is_over),
		RUN(vuln_22_answers_binding_requests_and_nothing_else),
		RUN(ignores_change_requests_when_told_so),
		RUN(claims_another_address_where_it_has_only_another_port),
		RUN(lies_about_the_mapped_address),
		RUN(answers_from_elsewhere_or_with_another_id),
		RUN(answers_what_cannot_be_read),
		RUN(answers_with_too_much),
		RUN(answers_with_errors),
		RUN(answers_too_often_or_not_at_all),
		RUN(stays_within_its_reply_whatever_it_does_wrong),
	};
	return RUN_TESTS(tests);
}
