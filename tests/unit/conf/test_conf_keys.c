/* Every key: what it takes, and what it says of what it does not take. */
#include "conf/conf_read.h"

#include "conf_text.h"

/* --- values that are fine -------------------------------------------------------------------------------------------- */

TEST(vuln_34_public_keys_are_made_canonical)
{
	struct conf *a = read_fine(INTERFACE "[Peer]\nPublicKey = " PUBLIC_B_HIGH_BIT "\n"),
		    *b = read_fine(INTERFACE PEER_B);

	assert_memory_equal(&a->peers[0].public_key, &b->peers[0].public_key,
			    sizeof b->peers[0].public_key);
	conf_free(a);
	conf_free(b);
}

TEST(reads_endpoints_by_name_and_by_address)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		uint8_t family;
	} cases[] = {
		{"vpn.example.org:1", "vpn.example.org", 1, ADDR_NONE},
		{"a_b-c:65535", "a_b-c", 65535, ADDR_NONE},
		{"192.0.2.1:51820", NULL, 51820, ADDR_V4},
		{"[2001:db8::1]:51820", NULL, 51820, ADDR_V6},
		{"[::ffff:192.0.2.1]:51820", NULL, 51820, ADDR_V4},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[512];
		snprintf(text, sizeof text, INTERFACE PEER_B "Endpoint = %s\n", cases[i].text);
		struct conf *c = read_fine(text);
		const struct conf_endpoint *e = &c->peers[0].endpoint;
		assert_true(c->peers[0].has_endpoint);
		assert_int_equal(e->port, cases[i].port);
		assert_int_equal(e->addr.family, cases[i].family);
		if (cases[i].host)
			assert_string_equal(e->host, cases[i].host);
		else
			assert_int_equal(e->addr.port, cases[i].port);
		conf_free(c);
	}
}

TEST(off_and_zero_are_values_too)
{
	struct conf *c = read_fine(INTERFACE "ListenPort = 0\nFwMark = off\nTable = off\n" PEER_B
					     "PersistentKeepalive = off\n");

	assert_true(c->has_listen_port && c->has_fwmark && c->peers[0].has_keepalive);
	assert_int_equal(c->listen_port, 0);
	assert_int_equal(c->table, CONF_TABLE_OFF);
	conf_free(c);
}

TEST(blanks_part_addresses_and_servers_as_in_wg_quick)
{
	struct conf *c = read_fine(INTERFACE
				   "Address = 10.66.0.1/24 \t2001:db8::1/64 ,10.67.0.1/24\n"
				   "DNS = 10.66.0.1 2001:db8::1,\texample.org\n"),
		    *same = read_fine(INTERFACE
				      "Address = 10.66.0.1/24, 2001:db8::1/64, 10.67.0.1/24\n"
				      "DNS = 10.66.0.1, 2001:db8::1, example.org\n");

	assert_int_equal(c->address_count, 3);
	assert_int_equal(c->dns.count, 3);
	assert_true(conf_equal(c, same));
	conf_free(c);
	conf_free(same);
}

TEST(the_main_table_has_a_name)
{
	struct conf *c = read_fine(INTERFACE "Table = main\n");

	assert_int_equal(c->table, CONF_TABLE_NUMBER);
	assert_int_equal(c->table_number, 254);
	conf_free(c);
}

/* The example without the # of its commented keys, or as it is. */
static const struct {
	const char *line, *want;
} bad_interface_lines[] = {
	{"Adress = 10.66.0.1/24", "unknown key `Adress` in [Interface]; did you mean `Address`?"},
	{"Network = abc", "unknown key `Network` in [Interface]"},
	{"PublicKey = " PUBLIC_B, "`PublicKey` does not belong in [Interface] but in [Peer]"},
	{"PrivateKey = " OWN_PRIVATE, "PrivateKey is given in line 2 already"},
	{"ListenPort = 70000",
	 "ListenPort `70000` is not a number from 1 to 65535, or 0 for a random port"},
	{"ListenPort = -1",
	 "ListenPort `-1` is not a number from 1 to 65535, or 0 for a random port"},
	{"ListenPort =", "ListenPort `` is not a number from 1 to 65535, or 0 for a random port"},
	{"FwMark = 0x100000000",
	 "FwMark `0x100000000` is not off, a number of 32 bits, or one in hexadecimal like 0xca6c"},
	{"Address = 10.66.0.1/33", "Address `10.66.0.1/33` is not an address with a prefix length, "
				   "like 10.66.0.2/24 or 2001:db8::2/64"},
	{"Address = 10.66.0.1/", "Address `10.66.0.1/` is not an address with a prefix length, "
				 "like 10.66.0.2/24 or 2001:db8::2/64"},
	{"Address = 10.66.0.01/24", "Address `10.66.0.01/24` is not an address with a prefix "
				    "length, like 10.66.0.2/24 or 2001:db8::2/64"},
	{"Address = 2001:db8::1/129", "Address `2001:db8::1/129` is not an address with a prefix "
				      "length, like 10.66.0.2/24 or 2001:db8::2/64"},
	{"Address = 10.66.0.1/24,",
	 "Address `` is not an address with a prefix length, like 10.66.0.2/24 or 2001:db8::2/64"},
	{"Address = 0.0.0.0/0", "Address `0.0.0.0/0` is not the address of one host"},
	{"Address = ff02::1/64", "Address `ff02::1/64` is not the address of one host"},
	{"DNS = 10.66.0.256", "DNS `10.66.0.256` is not an address or a search domain"},
	{"DNS = a /b", "DNS `/b` is not an address or a search domain"},
	{"DNS = 10.66.0.1 ,, example.org", "DNS `` is not an address or a search domain"},
	{"Table = main road",
	 "Table `main road` is not auto, off, main or the number of a routing table"},
	{"Table = 0", "Table `0` is not auto, off, main or the number of a routing table"},
	{"PostUp =", "PostUp has no command"},
	{"SaveConfig = maybe", "SaveConfig `maybe` is not yes or no"},
	{"Name = ", "Name `` is not a name of 1 to 63 bytes of UTF-8"},
	{"Name = 1234567890123456789012345678901234567890123456789012345678901234",
	 "Name `123456789012345678901234567890123456789012345678901234567890123` is not a name of "
	 "1 to 63 bytes of UTF-8"},
	{"RelayLimit = 20",
	 "RelayLimit `20` is not a rate like 20Mbit (bit, kbit, Mbit, Gbit), or 0bit for no limit"},
	{"RelayLimit = Mbit", "RelayLimit `Mbit` is not a rate like 20Mbit (bit, kbit, Mbit, "
			      "Gbit), or 0bit for no limit"},
	{"RelayLimit = 18446744074Gbit", "RelayLimit `18446744074Gbit` is not a rate like 20Mbit "
					 "(bit, kbit, Mbit, Gbit), or 0bit for no limit"},
	{"STUN = ", "STUN ``: neither a host name nor an address before the port"},
	{"STUN = a:0", "STUN `a:0`: the port is not a number from 1 to 65535"},
	{"STUN = 2001:db8::1",
	 "STUN `2001:db8::1`: an IPv6 address wants brackets and a port: [2001:db8::1]:51820"},
	{"TURN = turn.example.org",
	 "TURN `turn.example.org` is not a URI like turn:turn.example.org:3478?transport=udp or "
	 "turns:turn.example.org"},
	{"TURN = turn:a?transport=sctp",
	 "TURN: what follows the `?` is transport=udp, transport=tcp or cost=N, joined by &"},
	{"TURN = turns:a?transport=udp",
	 "TURN: what follows the `?` is transport=tcp or cost=N, joined by &"},
	{"TURN = turn:a?cost=-1",
	 "TURN: what follows the `?` is transport=udp, transport=tcp or cost=N, joined by &"},
	{"TURN = turn::3478", "TURN `:3478`: neither a host name nor an address before the port"},
	{"TURNPassword =", "TURNPassword is empty"},
	{"TURNUser =", "TURNUser is empty"},
	{"Punch = hard", "Punch `hard` is not auto, gentle or off"},
	{"Disclose = none", "Disclose `none` is not all, public or relay"},
	{"PrivateKey", "not `Key = value`, a section or a # comment"},
	{"[Pear]", "unknown section: a section is [Interface] or [Peer], alone in its line"},
	{"[Interface]", "a second [Interface]: join it with the one in line 1"},
	{"[Peer]", "[Peer] has no PublicKey"},
};

TEST(names_what_is_wrong_in_interface_and_how_to_mend_it)
{
	for (size_t i = 0; i < sizeof bad_interface_lines / sizeof bad_interface_lines[0]; i++) {
		char text[512];
		snprintf(text, sizeof text, INTERFACE "%s\n", bad_interface_lines[i].line);
		text_refused(text, 3, bad_interface_lines[i].want);
	}
}

static const struct {
	const char *line, *want;
} bad_peer_lines[] = {
	{"Ancor = yes", "unknown key `Ancor` in [Peer]; did you mean `Anchor`?"},
	{"PrivateKey = " OWN_PRIVATE, "`PrivateKey` does not belong in [Peer] but in [Interface]"},
	{"PublicKey = " PUBLIC_C, "PublicKey is given in line 4 already"},
	{"PresharedKey = abc",
	 "PresharedKey: wrong length: a key is 32 bytes in base64, 44 characters"},
	{"AllowedIPs = 10.66.0.3/24, 10.66.0/24",
	 "AllowedIPs `10.66.0/24` is not an address with a prefix length, like 10.66.0.3/32 or "
	 "2001:db8::/64"},
	{"AllowedIPs = 10.66.0.3/32,,10.66.0.4/32", "AllowedIPs `` is not an address with a prefix "
						    "length, like 10.66.0.3/32 or 2001:db8::/64"},
	{"Endpoint = vpn.example.org",
	 "Endpoint `vpn.example.org` has no port: write vpn.example.org:51820"},
	{"Endpoint = 192.0.2.1", "Endpoint `192.0.2.1` has no port: write 192.0.2.1:51820"},
	{"Endpoint = [2001:db8::1]",
	 "Endpoint `[2001:db8::1]` has no port: write [2001:db8::1]:51820"},
	{"Endpoint = 192.0.2.1:0",
	 "Endpoint `192.0.2.1:0`: the port is not a number from 1 to 65535"},
	{"Endpoint = 192.0.2.1:70000",
	 "Endpoint `192.0.2.1:70000`: the port is not a number from 1 to 65535"},
	{"Endpoint = 192.0.2.1:https",
	 "Endpoint `192.0.2.1:https`: the port is not a number from 1 to 65535"},
	{"Endpoint = 192.0.2.1:",
	 "Endpoint `192.0.2.1:`: the port is not a number from 1 to 65535"},
	{"Endpoint = 192.0.2.256:1",
	 "Endpoint `192.0.2.256:1`: neither a host name nor an address before the port"},
	{"Endpoint = :1", "Endpoint `:1`: neither a host name nor an address before the port"},
	{"Endpoint = a b:1",
	 "Endpoint `a b:1`: neither a host name nor an address before the port"},
	{"Endpoint = 2001:db8::1",
	 "Endpoint `2001:db8::1`: an IPv6 address wants brackets and a port: [2001:db8::1]:51820"},
	{"Endpoint = 2001:db8::x:51820",
	 "Endpoint `2001:db8::x:51820`: an IPv6 address wants brackets: [2001:db8::1]:51820"},
	{"Endpoint = [2001:db8::1:51820",
	 "Endpoint `[2001:db8::1:51820` has no `]:port` at its end"},
	{"Endpoint = [vpn.example.org]:1",
	 "Endpoint `[vpn.example.org]:1`: neither a host name nor an address before the port"},
	{"Endpoint = 0.0.0.0:51820", "Endpoint `0.0.0.0:51820` is not the address of one host"},
	{"Endpoint = [ff02::1]:51820", "Endpoint `[ff02::1]:51820` is not the address of one host"},
	{"PersistentKeepalive = 65536",
	 "PersistentKeepalive `65536` is not off or a number of seconds up to 65535"},
	{"Path = anchor", "Path `anchor` is not auto, direct or relay"},
	{"Anchor = 1", "Anchor `1` is not yes or no"},
};

TEST(names_what_is_wrong_in_peer_and_how_to_mend_it)
{
	for (size_t i = 0; i < sizeof bad_peer_lines / sizeof bad_peer_lines[0]; i++) {
		char text[512];
		snprintf(text, sizeof text, INTERFACE PEER_B "%s\n", bad_peer_lines[i].line);
		text_refused(text, 5, bad_peer_lines[i].want);
	}
}

TEST(refuses_bad_keys_without_showing_them)
{
	static const char *const keys[][2] = {
		{"", "PrivateKey: empty: a key is 32 bytes in base64, 44 characters"},
		{"mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A",
		 "PrivateKey: wrong length: a key is 32 bytes in base64, 44 characters"},
		{"mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A==",
		 "PrivateKey: wrong length: a key is 32 bytes in base64, 44 characters"},
		{"mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3*=",
		 "PrivateKey: bad character: a key is 32 bytes in base64, 44 characters"},
		{"mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3B=",
		 "PrivateKey: bad character: a key is 32 bytes in base64, 44 characters"},
		{ZERO_KEY, "PrivateKey is all zero: `warren genkey` makes one"},
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		char text[256];
		snprintf(text, sizeof text, "[Interface]\nPrivateKey = %s\n", keys[i][0]);
		text_refused(text, 2, keys[i][1]);
	}
	text_refused(INTERFACE "[Peer]\nPublicKey = " ZERO_KEY "\n", 4,
		     "PublicKey is all zero: nobody has that key");
}

TEST(vuln_58_refuses_an_mtu_that_carries_nothing)
{
	static const char *const bad[] = {"0", "1", "67", "575", "65536", "-1", "", "1400x"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[256], want[128];
		snprintf(text, sizeof text, INTERFACE "MTU = %s\n", bad[i]);
		snprintf(want, sizeof want,
			 "MTU `%s` is not a number from 576 to 65535; without the line it is 1400",
			 bad[i]);
		text_refused(text, 3, want);
	}
	conf_free(read_fine(INTERFACE "MTU = 576\n"));
	conf_free(read_fine(INTERFACE "MTU = 65535\n"));
}

TEST(vuln_13_values_in_errors_are_escaped_and_short)
{
	char text[512];

	text_refused(INTERFACE "Name = \xff\n", 3,
		     "Name `\\xff` is not a name of 1 to 63 bytes of UTF-8");
	text_refused(INTERFACE "Punch = \xff\xfe%n%s\n", 3,
		     "Punch `\\xff\\xfe%n%s` is not auto, gentle or off");
	snprintf(text, sizeof text, INTERFACE "Punch = %0200d\n", 0);
	text_refused(text, 3,
		     "Punch `000000000000000000000000000000000000000000000000000000000000000` is "
		     "not auto, gentle or off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(vuln_34_public_keys_are_made_canonical),
		RUN(reads_endpoints_by_name_and_by_address),
		RUN(off_and_zero_are_values_too),
		RUN(the_main_table_has_a_name),
		RUN(blanks_part_addresses_and_servers_as_in_wg_quick),
		RUN(names_what_is_wrong_in_interface_and_how_to_mend_it),
		RUN(names_what_is_wrong_in_peer_and_how_to_mend_it),
		RUN(refuses_bad_keys_without_showing_them),
		RUN(vuln_58_refuses_an_mtu_that_carries_nothing),
		RUN(vuln_13_values_in_errors_are_escaped_and_short),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
