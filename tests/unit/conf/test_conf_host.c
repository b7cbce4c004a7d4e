#include "conf/conf_host.h"

#include "support/test.h"

static enum conf_host_result result_of(const char *text)
{
	char copy[CONF_HOST_TEXT_MAX];
	struct conf_endpoint e;

	return conf_host_copy(&e, copy, text, 3478);
}

TEST(names_and_addresses_with_and_without_port)
{
	static const struct {
		const char *text, *host, *addr;
		uint16_t port;
	} rows[] = {
		{"stun.example.org", "stun.example.org", NULL, 3478},
		{"stun.example.org:19302", "stun.example.org", NULL, 19302},
		{"localhost:1", "localhost", NULL, 1},
		{"192.0.2.1", NULL, "192.0.2.1:3478", 3478},
		{"192.0.2.1:65535", NULL, "192.0.2.1:65535", 65535},
		{"[2001:db8::1]", NULL, "[2001:db8::1]:3478", 3478},
		{"[2001:db8::1]:5", NULL, "[2001:db8::1]:5", 5},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char copy[CONF_HOST_TEXT_MAX], text[ADDR_TEXT_MAX];
		struct conf_endpoint e;

		assert_int_equal(conf_host_copy(&e, copy, rows[i].text, 3478), CONF_HOST_OK);
		assert_int_equal(e.port, rows[i].port);
		if (rows[i].host != NULL)
			assert_string_equal(e.host, rows[i].host);
		else
			assert_string_equal(addr_print(&e.addr, text), rows[i].addr);
		assert_true((e.host == NULL) == (rows[i].host == NULL));
	}
}

TEST(a_missing_port_is_none_unless_one_is_given)
{
	char text[] = "stun.example.org", v6[] = "[2001:db8::1]";
	struct conf_endpoint e;

	assert_int_equal(conf_host_read(&e, text), CONF_HOST_OK);
	assert_int_equal(e.port, 0);
	assert_int_equal(conf_host_read(&e, v6), CONF_HOST_OK);
	assert_int_equal(e.port, 0);
	assert_int_equal(e.addr.port, 0);
}

TEST(what_is_neither_is_refused_by_its_reason)
{
	char long_name[CONF_HOST_TEXT_MAX + 1];

	memset(long_name, 'a', CONF_HOST_TEXT_MAX);
	long_name[CONF_HOST_TEXT_MAX] = '\0';
	assert_int_equal(result_of(long_name), CONF_HOST_NEITHER);
	long_name[CONF_HOST_MAX + 1] = '\0';
	assert_int_equal(result_of(long_name), CONF_HOST_NEITHER);
	long_name[CONF_HOST_MAX] = '\0';
	assert_int_equal(result_of(long_name), CONF_HOST_OK);

	assert_int_equal(result_of(""), CONF_HOST_NEITHER);
	assert_int_equal(result_of(":3478"), CONF_HOST_NEITHER);
	assert_int_equal(result_of("192.0.2.256"), CONF_HOST_NEITHER);
	assert_int_equal(result_of("a b"), CONF_HOST_NEITHER);
	assert_int_equal(result_of("-a"), CONF_HOST_NEITHER);
	assert_int_equal(result_of("a..b"), CONF_HOST_NEITHER);
	assert_int_equal(result_of("[stun.example.org]:1"), CONF_HOST_NEITHER);
	assert_int_equal(result_of("[2001:db8::1"), CONF_HOST_HALF_BRACKET);
	assert_int_equal(result_of("[2001:db8::1]1"), CONF_HOST_HALF_BRACKET);
	assert_int_equal(result_of("2001:db8::1"), CONF_HOST_BARE_V6);
	assert_int_equal(result_of("2001:db8::1:x"), CONF_HOST_BARE_COLONS);
	assert_int_equal(result_of("a:0"), CONF_HOST_PORT);
	assert_int_equal(result_of("a:65536"), CONF_HOST_PORT);
	assert_int_equal(result_of("a:"), CONF_HOST_PORT);
	assert_int_equal(result_of("0.0.0.0:1"), CONF_HOST_NOT_ONE);
	assert_int_equal(result_of("224.0.0.1:1"), CONF_HOST_NOT_ONE);
	assert_int_equal(result_of("[ff02::1]:1"), CONF_HOST_NOT_ONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(names_and_addresses_with_and_without_port),
		RUN(a_missing_port_is_none_unless_one_is_given),
		RUN(what_is_neither_is_refused_by_its_reason),
	};
	return RUN_TESTS(tests);
}
