#include "conf/conf.h"

#include "conf_text.h"

/* A file with every key; each test below changes one line of it. */
static const char *const whole[] = {
	"[Interface]",
	"PrivateKey = " OWN_PRIVATE,
	"ListenPort = 51820",
	"FwMark = 0xca6c",
	"Address = 10.66.0.2/24, 2001:db8::2/64",
	"DNS = 10.66.0.1, example.org",
	"MTU = 1420",
	"Table = 1234",
	"PreUp = echo pre up",
	"PostUp = echo post up",
	"PreDown = echo pre down",
	"PostDown = echo post down",
	"SaveConfig = true",
	"Name = laptop1",
	"Anchor = yes",
	"Relay = off",
	"RelayLimit = 20Mbit",
	"STUN = 198.51.100.1:3478",
	"TURN = turn:turn.example.org:3478?transport=udp",
	"TURNUser = alice",
	"TURNPassword = correct horse",
	"TURNSecret = battery staple",
	"TURNCA = /etc/ssl/own.pem",
	"Punch = gentle",
	"Disclose = relay",
	"[Peer]",
	"PublicKey = " PUBLIC_B,
	"PresharedKey = " PSK,
	"AllowedIPs = 10.66.0.3/32, 2001:db8::3/128",
	"Endpoint = vpn.example.org:51820",
	"PersistentKeepalive = 25",
	"Name = laptop2",
	"Anchor = yes",
	"Path = direct",
};
#define LINES (sizeof whole / sizeof whole[0])

/* The file without one of its lines. */
static struct conf *read_without(size_t line)
{
	char text[4096];
	size_t len = 0;

	for (size_t i = 0; i < LINES; i++)
		if (i != line)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", whole[i]);
	return read_fine(text);
}

TEST(equal_files_are_equal)
{
	struct conf *a = read_without(LINES), *b = read_without(LINES);

	assert_true(conf_equal(a, b));
	conf_free(a);
	conf_free(b);
}

TEST(every_line_makes_a_difference)
{
	for (size_t i = 0; i < LINES; i++) {
		/* sections and both keys must be there */
		if (i < 2 || i == 25 || i == 26)
			continue;
		struct conf *a = read_without(LINES), *b = read_without(i);
		if (conf_equal(a, b))
			fail_msg("no difference without `%s`", whole[i]);
		assert_false(conf_equal(b, a));
		conf_free(a);
		conf_free(b);
	}
}

TEST(another_value_of_the_same_length_makes_a_difference)
{
	static const struct {
		const char *a, *b;
	} pairs[] = {
		{"TURNPassword = abc", "TURNPassword = abd"},
		{"PostUp = a", "PostUp = b"},
		{"Address = 10.66.0.1/24", "Address = 10.66.0.2/24"},
		{PEER_B "Endpoint = 192.0.2.1:1", PEER_B "Endpoint = 192.0.2.1:2"},
		{PEER_B "Endpoint = a:1", PEER_B "Endpoint = a:2"},
		{PEER_B "PersistentKeepalive = 1", PEER_B "PersistentKeepalive = 2"},
		{PEER_B "PresharedKey = " PSK, PEER_B "PresharedKey = " PUBLIC_C},
		{PEER_B, PEER_C},
		{"Table = 1", "Table = 2"},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		char text[2][1024];
		snprintf(text[0], sizeof text[0], INTERFACE "%s\n", pairs[i].a);
		snprintf(text[1], sizeof text[1], INTERFACE "%s\n", pairs[i].b);
		struct conf *a = read_fine(text[0]), *b = read_fine(text[1]);
		assert_false(conf_equal(a, b));
		conf_free(a);
		conf_free(b);
	}
}

TEST(grown_lists_keep_order_and_contents)
{
	struct conf *c = conf_new();

	for (unsigned i = 0; i < 100; i++) {
		struct prefix prefix = {
			.family = ADDR_V4, .len = 32, .ip = {10, 66, 0, (uint8_t)i}};
		char text[16];
		snprintf(text, sizeof text, "%u", i);
		struct conf_peer *p = conf_add_peer(c);
		p->line = i;
		p->psk.bytes[0] = (uint8_t)i;
		assert_true(conf_add_prefix(&c->addresses, &c->address_count, &prefix));
		assert_true(conf_list_add(&c->dns, text));
	}
	assert_int_equal(c->peer_count, 100);
	assert_int_equal(c->address_count, 100);
	assert_int_equal(c->dns.count, 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(c->peers[i].line, i);
		assert_int_equal(c->peers[i].psk.bytes[0], i);
		assert_int_equal(c->addresses[i].ip[3], i);
		assert_int_equal(atoi(c->dns.items[i]), i);
	}
	conf_free(c);
}

static bool has_full(const char *interface, const char *allowed, enum addr_family family)
{
	char text[512];

	snprintf(text, sizeof text, INTERFACE "%s" PEER_B PEER_C "AllowedIPs = %s\n", interface,
		 allowed);
	struct conf *c = read_fine(text);
	bool full = conf_has_full(c, family);
	conf_free(c);
	return full;
}

TEST(a_default_route_of_any_peer_makes_a_full_tunnel_of_its_family)
{
	assert_true(has_full("", "0.0.0.0/0", ADDR_V4));
	assert_false(has_full("", "0.0.0.0/0", ADDR_V6));
	assert_true(has_full("Table = auto\n", "10.0.0.0/8, ::/0", ADDR_V6));
	assert_false(has_full("", "10.0.0.0/8, ::/0", ADDR_V4));
	assert_false(has_full("", "0.0.0.0/1, 128.0.0.0/1", ADDR_V4));
	assert_false(has_full("Table = off\n", "0.0.0.0/0", ADDR_V4));
	assert_false(has_full("Table = 1234\n", "0.0.0.0/0", ADDR_V4));
}

TEST(freeing_nothing_is_fine)
{
	conf_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(equal_files_are_equal),
		RUN(every_line_makes_a_difference),
		RUN(another_value_of_the_same_length_makes_a_difference),
		RUN(grown_lists_keep_order_and_contents),
		RUN(a_default_route_of_any_peer_makes_a_full_tunnel_of_its_family),
		RUN(freeing_nothing_is_fine),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
