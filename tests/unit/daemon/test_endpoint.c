/* Names of endpoints, with the system's resolver held to numbers: no test asks the network. */
#include "endpoint.h"

#include <netdb.h>
#include <netinet/in.h>

#include "crypto/crypto.h"
#include "support/env_fake.h"
#include "support/test.h"

static struct env_fake env;
static int asked;      /* times */
static int refuse_all; /* an error for every name, or 0 */
static int family_of_all;

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **res);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **res);

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **res)
{
	struct addrinfo numeric = *hints;
	int err = refuse_all;

	asked++;
	numeric.ai_flags |= AI_NUMERICHOST;
	if (err == 0)
		err = __real_getaddrinfo(node, service, &numeric, res);
	if (err == 0 && family_of_all != 0)
		(*res)->ai_addr->sa_family = (sa_family_t)family_of_all;
	return err;
}

static struct conf *conf;
static struct delta *change;

static void peer(const char *host, uint16_t port, bool named)
{
	struct conf_peer *p = conf_add_peer(conf);

	assert_non_null(p);
	p->public_key.bytes[0] = (uint8_t)conf->peer_count;
	p->has_endpoint = host != NULL;
	if (host != NULL && named)
		p->endpoint = (struct conf_endpoint){.host = strdup(host), .port = port};
	else if (host != NULL)
		assert_true(addr_parse(&p->endpoint.addr, host));
}

static void resolve(void)
{
	change = delta_from_conf(conf);
	assert_non_null(change);
	endpoint_resolve(change, &env.log);
}

static void assert_endpoint(size_t i, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	assert_true(change->peers[i].has_endpoint);
	assert_string_equal(addr_print(&change->peers[i].endpoint, text), expected);
}

static int start(void **state)
{
	(void)state;
	env_fake_init(&env, 1);
	asked = refuse_all = family_of_all = 0;
	conf = conf_new();
	return conf == NULL;
}

static int stop(void **state)
{
	(void)state;
	delta_free(change);
	change = NULL;
	conf_free(conf);
	return 0;
}

TEST(a_name_becomes_an_address_with_the_port_beside_it)
{
	peer("192.0.2.7", 51820, true);
	peer("2001:db8::7", 1, true);
	resolve();
	assert_endpoint(0, "192.0.2.7:51820");
	assert_endpoint(1, "[2001:db8::7]:1");
	assert_int_equal(env.lines, 0);
}

TEST(each_peer_gets_its_own)
{
	peer(NULL, 0, false);
	peer("192.0.2.1", 1, true);
	peer("192.0.2.2:2", 0, false);
	peer("192.0.2.3", 3, true);
	resolve();
	assert_false(change->peers[0].has_endpoint);
	assert_endpoint(1, "192.0.2.1:1");
	assert_endpoint(2, "192.0.2.2:2");
	assert_endpoint(3, "192.0.2.3:3");
	assert_int_equal(asked, 2); /* who has an address is not looked up */
}

TEST(a_name_that_is_not_found_is_told_and_the_others_are_looked_up)
{
	peer("vps.example.net", 51820, true);
	peer("192.0.2.7", 51820, true);
	resolve();
	assert_false(change->peers[0].has_endpoint);
	assert_endpoint(1, "192.0.2.7:51820");
	assert_int_equal(env.lines, 1);
	assert_non_null(strstr(env.last_line, "vps.example.net"));
}

TEST(a_resolver_that_fails_leaves_peers_without_endpoint)
{
	refuse_all = EAI_AGAIN;
	peer("192.0.2.7", 51820, true);
	resolve();
	assert_false(change->peers[0].has_endpoint);
	assert_non_null(strstr(env.last_line, gai_strerror(EAI_AGAIN)));
}

TEST(an_address_of_another_family_is_none)
{
	family_of_all = AF_UNIX;
	peer("192.0.2.7", 51820, true);
	resolve();
	assert_false(change->peers[0].has_endpoint);
	assert_int_equal(env.lines, 1);
}

static int start_crypto(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

#define CONFIGURED(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIGURED(a_name_becomes_an_address_with_the_port_beside_it),
		CONFIGURED(each_peer_gets_its_own),
		CONFIGURED(a_name_that_is_not_found_is_told_and_the_others_are_looked_up),
		CONFIGURED(a_resolver_that_fails_leaves_peers_without_endpoint),
		CONFIGURED(an_address_of_another_family_is_none),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
