/* A report as JSON and back. With --samples it prints some for check_schema instead. */
#include "cli/findings.h"

#include "nat/report_json.h"
#include "support/test.h"

#define ROUNDS 300

static const char *const given[NAT_SERVERS_MAX] = {"a.test",     "192.0.2.1:3478",
						   "b.test:1",   "[2001:db8::1]",
						   "d",          "e",
						   "f",          "g",
						   "h",          "i",
						   "j.test:443", "k",
						   "l",          "m",
						   "n",          "o"};

static char text[REPORT_JSON_MAX];

static uint32_t seed;

static unsigned below(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct addr random_addr(void)
{
	uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)below(256), (uint8_t)below(256)};
	uint16_t port = (uint16_t)(1 + below(65535));

	if (below(2) == 0)
		return addr_v6(ip, port, 0);
	return addr_v4((uint8_t[]){203, 0, 113, (uint8_t)below(256)}, port);
}

static struct nat_view random_view(void)
{
	struct nat_view v = {
		.tested = below(2),
		.mapping = below(NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT + 1),
		.dependent = below(2),
		.filtering = below(NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT + 1),
		.ports = below(NAT_PORTS_RANDOM + 1),
		.blocked = below(NAT_YES + 1),
		.hairpin = below(NAT_YES + 1),
		.double_nat = below(NAT_YES + 1),
		.public_count = below(NAT_PUBLIC_MAX + 1),
		.pooled = below(2),
		.servers_asked = below(9),
		.servers_answered = below(9),
		.mapping_ips = below(9),
		.mapping_places = below(20),
		.port_samples = below(20),
		.mapping_took = below(1000),
		.took = below(1000),
	};

	if (v.ports == NAT_PORTS_SEQUENTIAL)
		v.ports_step = (int)below(100) - 50;
	if (v.ports == NAT_PORTS_BLOCK) {
		v.ports_base = (uint16_t)below(65536);
		v.ports_span = (uint16_t)below(4096);
	}
	for (unsigned i = 0; i < v.public_count; i++)
		v.public[i] = random_addr();
	return v;
}

static struct nat_report random_report(void)
{
	struct nat_report r = {.checked_at = SEC(below(100000)),
			       .v4 = random_view(),
			       .v6 = random_view(),
			       .server_count = below(NAT_SERVERS_MAX + 1)};

	for (size_t i = 0; i < r.server_count; i++) {
		r.servers[i] = (struct nat_server_line){.name = given[i],
							.state = below(NAT_SERVER_ALONE + 1),
							.rtt = below(3) * 1000,
							.two_faces = below(NAT_YES + 1)};
		if (r.servers[i].state != NAT_SERVER_UNRESOLVED)
			r.servers[i].addr = random_addr();
	}
	return r;
}

static json_t *json_of(const struct nat_report *r, usec wall_offset)
{
	size_t len = report_json_write(r, wall_offset, text);
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(o);
	return o;
}

TEST(every_report_comes_back_as_it_went)
{
	for (seed = 0; seed < ROUNDS; seed++) {
		uint32_t kept = seed;
		struct nat_report r = random_report(), back;
		json_t *o = json_of(&r, 0);

		assert_true(findings_read(&back, o));
		for (size_t i = 0; i < r.server_count; i++)
			assert_string_equal(back.servers[i].name, given[i]);
		report_json_write(&back, 0, text);
		json_t *again = json_loads(text, 0, NULL);
		assert_true(json_equal(o, again));
		assert_int_equal(back.v4.ports_step, r.v4.ports_step);
		assert_int_equal(back.v6.ports_base, r.v6.ports_base);
		assert_int_equal(back.checked_at, r.checked_at);
		json_decref(again);
		json_decref(o);
		seed = kept;
	}
}

/* With this field taken away, or of another kind, all of it is not understood. */
static void spoil_field(json_t *whole, json_t *object, const char *key)
{
	json_t *value = json_incref(json_object_get(object, key));
	struct nat_report r;

	json_object_set_new(object, key, json_is_array(value) ? json_object() : json_array());
	assert_false(findings_read(&r, whole));
	json_object_del(object, key);
	assert_false(findings_read(&r, whole));
	json_object_set_new(object, key, value);
	assert_true(findings_read(&r, whole));
}

static void spoil(json_t *whole, json_t *object, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		spoil_field(whole, object, *keys);
}

TEST(what_is_not_as_it_should_be_is_not_understood)
{
	static const char *const view[] = {"tested",           "dependent",       "mapping",
					   "filtering",        "port_pattern",    "udp_blocked",
					   "hairpin",          "double_nat",      "port_step",
					   "port_base",        "port_span",       "public",
					   "pooled",           "servers_asked",   "mapping_ips",
					   "servers_answered", "mapping_places",  "port_samples",
					   "took_us",          "mapping_took_us", NULL};
	static const char *const server[] = {"name",           "address", "state",
					     "second_address", "rtt_us",  NULL};
	struct nat_report r;

	seed = 7;
	do
		r = random_report();
	while (r.server_count == 0 || r.v4.public_count == 0);
	json_t *o = json_of(&r, 0);
	spoil(o, o, (const char *const[]){"schema", "nat", "ipv4", "ipv6", "servers", NULL});
	spoil(o, json_object_get(o, "nat"), (const char *const[]){"checked_unix_ns", NULL});
	spoil(o, json_object_get(o, "ipv4"), view);
	spoil(o, json_object_get(o, "ipv6"), view);
	spoil(o, json_array_get(json_object_get(o, "servers"), 0), server);

	json_t *first = json_array_get(json_object_get(o, "servers"), 0);
	json_object_set_new(first, "name", json_string("a\033[31m.test"));
	assert_false(findings_read(&r, o));
	json_object_set_new(first, "name", json_string("a.test"));
	assert_true(findings_read(&r, o));

	json_t *v4 = json_object_get(o, "ipv4"), *list = json_object_get(v4, "public");
	json_array_append_new(list, json_string("not an address"));
	assert_false(findings_read(&r, o));
	json_array_remove(list, json_array_size(list) - 1);
	while (json_array_size(list) <= NAT_PUBLIC_MAX)
		json_array_append_new(list, json_string("192.0.2.1:1"));
	assert_false(findings_read(&r, o));
	json_decref(o);
	assert_false(findings_read(&r, NULL));
	o = json_array();
	assert_false(findings_read(&r, o));
	json_decref(o);
}

static int print_samples(void)
{
	struct nat_report r = {.checked_at = 0};

	report_json_write(&r, 0, text);
	puts(text);
	for (seed = 0; seed < 40; seed++) {
		uint32_t kept = seed;

		r = random_report();
		report_json_write(&r, SEC(1795260000), text);
		puts(text);
		seed = kept;
	}
	do
		r = random_report();
	while (r.server_count == 0);
	report_json_write(&r, SEC(1795260000), text);
	puts(text);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(every_report_comes_back_as_it_went),
		RUN(what_is_not_as_it_should_be_is_not_understood),
	};

	if (argc == 2 && strcmp(argv[1], "--samples") == 0)
		return print_samples();
	return RUN_TESTS(tests);
}
