/* warren.netcheck/1 as text; tests/unit/cli/test_findings.c reads it back, and with --samples prints some for check_schema. */
#include "nat/report_json.h"

#include <limits.h>

#include "support/test.h"

static char text[REPORT_JSON_MAX];

TEST(what_is_not_known_is_null_or_unknown)
{
	const struct nat_report r = {.checked_at = 0};

	size_t len = report_json_write(&r, SEC(1), text);

	assert_int_equal(len, strlen(text));
	assert_non_null(strstr(text, "{\"schema\":\"warren.netcheck/1\",\"nat\":{\"mapping\":"
				     "\"unknown\",\"filtering\":\"unknown\",\"port_pattern\":"
				     "\"unknown\",\"public\":[],\"udp_blocked\":false,\"hairpin\":"
				     "\"unknown\",\"double_nat\":\"unknown\",\"checked_unix_ns\":"
				     "null},\"ipv4\":{\"tested\":false,"));
	assert_non_null(strstr(text, "\"port_step\":null,\"port_base\":null,\"port_span\":null,"));
	assert_non_null(strstr(text, "\"mapping_took_us\":null,\"took_us\":null},\"ipv6\":{"));
	assert_non_null(strstr(text, "\"took_us\":null},\"servers\":[],\"turn\":[]}"));
}

TEST(instants_are_of_the_wall_clock)
{
	const struct nat_report r = {.checked_at = SEC(7)};

	report_json_write(&r, SEC(1795260000), text);
	assert_non_null(strstr(text, "\"checked_unix_ns\":1795260007000000000}"));
}

TEST(both_families_are_in_what_the_world_sees)
{
	struct nat_report r = {.v4 = {.tested = true, .servers_answered = 1, .public_count = 1},
			       .v6 = {.tested = true, .servers_answered = 1, .public_count = 1}};

	assert_true(addr_parse(&r.v4.public[0], "203.0.113.9:51820"));
	assert_true(addr_parse(&r.v6.public[0], "[2001:db8::9]:51820"));
	report_json_write(&r, 0, text);
	assert_non_null(
		strstr(text, "\"public\":[\"203.0.113.9:51820\",\"[2001:db8::9]:51820\"],"));
	r.v4.public_count = 0;
	report_json_write(&r, 0, text);
	assert_non_null(strstr(text, "\"public\":[\"[2001:db8::9]:51820\"],"));
}

TEST(what_goes_with_a_port_pattern_is_there_with_it_only)
{
	struct nat_report r = {.v4 = {.ports = NAT_PORTS_SEQUENTIAL,
				      .ports_step = -3,
				      .ports_base = 1,
				      .ports_span = 2}};

	report_json_write(&r, 0, text);
	assert_non_null(strstr(text, "\"port_step\":-3,\"port_base\":null,\"port_span\":null,"));
	r.v4.ports = NAT_PORTS_BLOCK;
	report_json_write(&r, 0, text);
	assert_non_null(strstr(text, "\"port_step\":null,\"port_base\":1,\"port_span\":2,"));
}

TEST(vuln_07_the_longest_report_has_room)
{
	char name[REPORT_JSON_NAME_MAX + 1];
	struct nat_report r = {.checked_at = INT64_MAX / 2000, .server_count = NAT_SERVERS_MAX};
	struct addr longest;

	memset(name, 'a', REPORT_JSON_NAME_MAX);
	name[REPORT_JSON_NAME_MAX] = '\0';
	assert_true(addr_parse(&longest, "[2001:db8:1111:1111:1111:1111:1111:1111]:65535"));
	for (size_t i = 0; i < NAT_SERVERS_MAX; i++) {
		r.servers[i] = (struct nat_server_line){
			.addr = longest, .state = NAT_SERVER_UNRESOLVED, .rtt = INT64_MAX};
	}
	r.v4 = (struct nat_view){
		.mapping = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
		.filtering = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
		.ports = NAT_PORTS_SEQUENTIAL,
		.ports_step = -65535,
		.public_count = NAT_PUBLIC_MAX,
		.servers_asked = UINT_MAX,
		.servers_answered = UINT_MAX,
		.mapping_ips = UINT_MAX,
		.mapping_places = UINT_MAX,
		.port_samples = UINT_MAX,
		.mapping_took = INT64_MAX,
		.took = INT64_MAX,
	};
	for (size_t i = 0; i < NAT_PUBLIC_MAX; i++)
		r.v4.public[i] = longest;
	r.v6 = r.v4;
	assert_in_range(report_json_write(&r, 0, text), 4000, REPORT_JSON_MAX - 1);
}

TEST(each_step_has_a_word)
{
	for (enum survey_step a = SURVEY_STEP_SERVERS; a < SURVEY_STEPS; a++)
		for (enum survey_step b = SURVEY_STEP_SERVERS; b < a; b++)
			assert_string_not_equal(report_json_step(a), report_json_step(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(what_is_not_known_is_null_or_unknown),
		RUN(instants_are_of_the_wall_clock),
		RUN(both_families_are_in_what_the_world_sees),
		RUN(what_goes_with_a_port_pattern_is_there_with_it_only),
		RUN(vuln_07_the_longest_report_has_room),
		RUN(each_step_has_a_word),
	};

	return RUN_TESTS(tests);
}
