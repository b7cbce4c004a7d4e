/* What follows from what servers say: mapping, liars, outsiders. */
#include "nat/evidence.h"

#include <stdio.h>

#include "support/test.h"

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static void say(struct evidence *e, unsigned server, unsigned socket, const char *place,
		const char *seen)
{
	struct sighting s = {.socket = (uint8_t)socket,
			     .server = (uint8_t)server,
			     .place = at(place),
			     .seen = at(seen),
			     .turn = e->count};
	evidence_add(e, &s);
}

static bool is_66(const void *ctx, const struct addr *seen)
{
	(void)ctx;
	return seen->ip[3] == 66;
}

static struct evidence_mapping judge(const struct evidence *e)
{
	return evidence_mapping(e, is_66, NULL);
}

TEST(knows_nothing_from_nobody)
{
	struct evidence e = {0};

	assert_int_equal(judge(&e).mapping, NAT_MAPPING_UNKNOWN);
	assert_int_equal(judge(&e).ips, 0);
}

TEST(one_server_proves_no_independence)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 0, 0, "192.0.2.1:3479", "203.0.113.7:40000");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_UNKNOWN);
	assert_false(judge(&e).dependent);
	assert_int_equal(judge(&e).ips, 1);
	assert_int_equal(judge(&e).places, 2);
}

TEST(one_server_with_two_ports_proves_dependence_on_the_port)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 0, 0, "192.0.2.1:3479", "203.0.113.7:40001");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

TEST(two_ips_that_agree_prove_independence)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 1, 0, "192.0.2.2:3478", "203.0.113.7:40000");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
	assert_false(judge(&e).pooled);
}

TEST(two_ips_that_differ_leave_the_kind_open_without_a_second_port)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 1, 0, "192.0.2.2:3478", "203.0.113.7:40001");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_UNKNOWN);
	assert_true(judge(&e).dependent);
}

TEST(a_second_port_tells_the_kinds_apart)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 1, 0, "192.0.2.2:3478", "203.0.113.7:40001");
	say(&e, 0, 0, "192.0.2.1:3479", "203.0.113.7:40000");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_ADDRESS_DEPENDENT);
	say(&e, 0, 0, "192.0.2.1:3479", "203.0.113.7:40002");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

TEST(pooled_ips_with_one_port_are_no_dependence)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 1, 0, "192.0.2.2:3478", "203.0.113.8:40000");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
	assert_true(judge(&e).pooled);
}

TEST(pooled_ips_with_different_ports_are)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 0, 0, "192.0.2.1:3479", "203.0.113.8:40000");
	say(&e, 1, 0, "192.0.2.2:3478", "203.0.113.8:40001");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
	assert_true(judge(&e).pooled);
}

TEST(our_own_address_is_no_nat_if_all_see_it)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.66:51820");
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_NONE);
	say(&e, 1, 0, "192.0.2.2:3478", "203.0.113.7:51820");
	assert_int_not_equal(judge(&e).mapping, NAT_MAPPING_NONE);
}

TEST(fresh_sockets_say_nothing_of_the_wireguard_door)
{
	struct evidence e = {0};

	say(&e, 0, 1, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 1, 1, "192.0.2.2:3478", "203.0.113.7:40001");
	assert_int_equal(judge(&e).places, 0);
	assert_int_equal(judge(&e).mapping, NAT_MAPPING_UNKNOWN);
}

TEST(the_last_answer_to_a_question_counts)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40009");
	assert_int_equal(e.count, 1);
	assert_int_equal(e.items[0].seen.port, 40009);
}

TEST(what_has_no_room_is_left_out)
{
	struct evidence e = {0};

	for (unsigned i = 0; i < EVIDENCE_MAX + 5; i++)
		say(&e, 0, i, "192.0.2.1:3478", "203.0.113.7:40000");
	assert_int_equal(e.count, EVIDENCE_MAX);
}

TEST(three_sockets_at_one_address_are_a_lie)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.9:1");
	say(&e, 0, 1, "192.0.2.1:3478", "203.0.113.9:1");
	assert_false(evidence_is_lie(&e, 0)); /* a port that the host gave again */
	say(&e, 0, 2, "192.0.2.1:3478", "203.0.113.9:1");
	assert_true(evidence_is_lie(&e, 0));
	assert_false(evidence_is_lie(&e, 1));
	evidence_drop(&e, 0);
	assert_int_equal(e.count, 0);
}

TEST(one_mapping_for_three_places_is_none)
{
	struct evidence e = {0};

	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:1");
	say(&e, 0, 0, "192.0.2.1:3479", "203.0.113.7:1");
	say(&e, 0, 0, "192.0.2.2:3478", "203.0.113.7:1");
	assert_false(evidence_is_lie(&e, 0));
}

TEST(who_differs_from_two_at_two_sockets_is_alone)
{
	struct evidence e = {0};

	for (unsigned socket = 0; socket < 2; socket++) {
		assert_false(evidence_is_alone(&e, 2));
		say(&e, 0, socket, "192.0.2.1:3478",
		    socket ? "203.0.113.7:40001" : "203.0.113.7:40000");
		say(&e, 1, socket, "192.0.2.2:3478",
		    socket ? "203.0.113.7:40001" : "203.0.113.7:40000");
		say(&e, 2, socket, "192.0.2.3:3478",
		    socket ? "203.0.113.9:50001" : "203.0.113.9:50000");
	}
	assert_true(evidence_is_alone(&e, 2));
	assert_false(evidence_is_alone(&e, 0));
	assert_false(evidence_is_alone(&e, 1));
}

TEST(who_agrees_at_one_socket_is_not)
{
	struct evidence e = {0};

	for (unsigned socket = 0; socket < 3; socket++) {
		say(&e, 0, socket, "192.0.2.1:3478", "203.0.113.7:40000");
		say(&e, 1, socket, "192.0.2.2:3478", "203.0.113.7:40000");
		say(&e, 2, socket, "192.0.2.3:3478",
		    socket == 2 ? "203.0.113.7:40000" : "203.0.113.7:41000");
	}
	assert_false(evidence_is_alone(&e, 2));
}

TEST(two_places_of_one_ip_are_no_majority)
{
	struct evidence e = {0};

	for (unsigned socket = 0; socket < 2; socket++) {
		say(&e, 0, socket, "192.0.2.1:3478", "203.0.113.7:40000");
		say(&e, 0, socket, "192.0.2.1:3479", "203.0.113.7:40000");
		say(&e, 2, socket, "192.0.2.3:3478", "203.0.113.7:41000");
	}
	assert_false(evidence_is_alone(&e, 2));
}

TEST(what_was_said_is_found_by_socket_and_place)
{
	struct evidence e = {0};
	struct addr first = at("192.0.2.1:3478"), second = at("192.0.2.2:3478");

	assert_null(evidence_find(&e, 0, NULL));
	say(&e, 0, 0, "192.0.2.1:3478", "203.0.113.7:40000");
	say(&e, 0, 2, "192.0.2.1:3478", "203.0.113.7:40001");
	say(&e, 1, 2, "192.0.2.2:3478", "203.0.113.7:40002");
	assert_int_equal(evidence_find(&e, 2, &first)->seen.port, 40001);
	assert_int_equal(evidence_find(&e, 2, &second)->seen.port, 40002);
	assert_int_equal(evidence_find(&e, 2, NULL)->seen.port, 40001);
	assert_null(evidence_find(&e, 0, &second));
	assert_null(evidence_find(&e, 1, NULL));
}

TEST(public_addresses_are_those_of_the_wireguard_door_most_often_seen_first)
{
	static const char *const seen[] = {"203.0.113.7:1", "203.0.113.7:2", "203.0.113.7:3",
					   "203.0.113.7:3", "203.0.113.7:2", "203.0.113.7:3",
					   "203.0.113.7:4", "203.0.113.7:5", "203.0.113.7:5"};
	static const uint16_t expected[] = {3, 2, 1, 4};
	struct evidence e = {0};
	struct addr public[NAT_PUBLIC_MAX];
	char place[32];

	say(&e, 0, 1, "192.0.2.1:3478", "203.0.113.9:9");
	assert_int_equal(evidence_public(&e, public), 0);
	for (unsigned i = 0; i < sizeof seen / sizeof seen[0]; i++) {
		snprintf(place, sizeof place, "192.0.2.%u:3478", i + 1);
		say(&e, i, 0, place, seen[i]);
	}
	assert_int_equal(evidence_public(&e, public), NAT_PUBLIC_MAX);
	for (unsigned i = 0; i < NAT_PUBLIC_MAX; i++)
		assert_int_equal(public[i].port, expected[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(knows_nothing_from_nobody),
		RUN(one_server_proves_no_independence),
		RUN(one_server_with_two_ports_proves_dependence_on_the_port),
		RUN(two_ips_that_agree_prove_independence),
		RUN(two_ips_that_differ_leave_the_kind_open_without_a_second_port),
		RUN(a_second_port_tells_the_kinds_apart),
		RUN(pooled_ips_with_one_port_are_no_dependence),
		RUN(pooled_ips_with_different_ports_are),
		RUN(our_own_address_is_no_nat_if_all_see_it),
		RUN(fresh_sockets_say_nothing_of_the_wireguard_door),
		RUN(the_last_answer_to_a_question_counts),
		RUN(what_has_no_room_is_left_out),
		RUN(three_sockets_at_one_address_are_a_lie),
		RUN(one_mapping_for_three_places_is_none),
		RUN(who_differs_from_two_at_two_sockets_is_alone),
		RUN(who_agrees_at_one_socket_is_not),
		RUN(two_places_of_one_ip_are_no_majority),
		RUN(what_was_said_is_found_by_socket_and_place),
		RUN(public_addresses_are_those_of_the_wireguard_door_most_often_seen_first),
	};
	return RUN_TESTS(tests);
}
