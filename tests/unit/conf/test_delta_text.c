#include "conf/delta_text.h"

#include "conf_text.h"

/* Asserts that going from one file to the other is told in these lines, each with a line feed. */
static void assert_told(const char *before, const char *after, const char *expected)
{
	struct conf *a = read_fine(before), *b = read_fine(after);
	struct delta *d = delta_between(a, b);
	struct conf_list lines = {0};
	char told[1024] = "";

	assert_true(delta_text_host(&lines, a, b) && delta_text(&lines, d, a, b));
	for (size_t i = 0, at = 0; i < lines.count; i++)
		at += (size_t)snprintf(told + at, sizeof told - at, "%s\n", lines.items[i]);
	assert_string_equal(told, expected);
	conf_list_free(&lines);
	delta_free(d);
	conf_free(a);
	conf_free(b);
}

TEST(nothing_is_said_of_what_is_the_same)
{
	assert_told(INTERFACE PEER_B, INTERFACE PEER_B, "");
}

TEST(the_interface)
{
	assert_told(INTERFACE "ListenPort = 1\n",
		    "[Interface]\nPrivateKey = " PSK "\nListenPort = 2\nFwMark = 7\nName = me\n",
		    "PrivateKey replaced\nListenPort 1 -> 2\nFwMark off -> 7\nName none -> me\n");
	assert_told(INTERFACE "FwMark = 7\nName = me\n", INTERFACE,
		    "FwMark 7 -> off\nName me -> none\n");
}

TEST(stun_servers)
{
	assert_told(INTERFACE "STUN = 192.0.2.1, stun.example.org\n",
		    INTERFACE "STUN = stun.example.org, 192.0.2.2:3479\n",
		    "STUN - 192.0.2.1\nSTUN + 192.0.2.2:3479\n");
	assert_told(INTERFACE "STUN = 192.0.2.1, 192.0.2.2\n",
		    INTERFACE "STUN = 192.0.2.2, 192.0.2.1\n",
		    "STUN: the same servers in another order\n");
}

TEST(the_host)
{
	assert_told(INTERFACE "Address = 10.66.0.1/24\nMTU = 1380\n",
		    INTERFACE
		    "Address = 10.66.0.9/24\nTable = 77\nDNS = 10.66.0.1\nPostUp = true\n",
		    "Address - 10.66.0.1/24\nAddress + 10.66.0.9/24\nMTU 1380 -> 1400\n"
		    "Table auto -> 77\nDNS waits for the next `warren up`\n"
		    "PostUp waits for the next `warren up`\n");
	assert_told(INTERFACE "Table = 77\n", INTERFACE "Table = off\n", "Table 77 -> off\n");
}

TEST(a_peer_is_called_by_its_name_or_its_key)
{
	assert_told(INTERFACE PEER_B "Name = nas\n", INTERFACE, "peer nas: removed\n");
	assert_told(INTERFACE PEER_B, INTERFACE, "peer OgowcGAl: removed\n");
	assert_told(INTERFACE, INTERFACE PEER_C "Name = laptop\nAllowedIPs = 10.66.0.9/32\n",
		    "peer laptop: added\npeer laptop: AllowedIPs + 10.66.0.9/32\n");
}

TEST(each_field_of_a_peer)
{
	assert_told(INTERFACE PEER_B
		    "Name = nas\nAllowedIPs = 10.66.0.3/32\nEndpoint = 192.0.2.1:1\n",
		    INTERFACE PEER_B "Name = box\nAnchor = yes\nPath = relay\nPresharedKey = " PSK
				     "\nAllowedIPs = 10.66.0.4/32\nEndpoint = vpn.example.org:2\n"
				     "PersistentKeepalive = 25\n",
		    "peer box: Name nas -> box\npeer box: Anchor no -> yes\n"
		    "peer box: Path auto -> relay\npeer box: PresharedKey added\n"
		    "peer box: Endpoint 192.0.2.1:1 -> vpn.example.org:2\n"
		    "peer box: PersistentKeepalive off -> 25\n"
		    "peer box: AllowedIPs - 10.66.0.3/32\npeer box: AllowedIPs + 10.66.0.4/32\n");
	assert_told(INTERFACE PEER_B "PresharedKey = " PSK "\nPersistentKeepalive = 25\n",
		    INTERFACE PEER_B,
		    "peer OgowcGAl: PresharedKey removed\n"
		    "peer OgowcGAl: PersistentKeepalive 25 -> off\n");
	assert_told(INTERFACE PEER_B "PresharedKey = " PSK "\n",
		    INTERFACE PEER_B "PresharedKey = " OWN_PRIVATE "\nEndpoint = 192.0.2.1:1\n",
		    "peer OgowcGAl: PresharedKey replaced\n"
		    "peer OgowcGAl: Endpoint none -> 192.0.2.1:1\n");
	assert_told(INTERFACE PEER_B "Endpoint = vpn.example.org:2\n", INTERFACE PEER_B,
		    "peer OgowcGAl: Endpoint vpn.example.org is no longer looked up\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(nothing_is_said_of_what_is_the_same),
		RUN(the_interface),
		RUN(stun_servers),
		RUN(the_host),
		RUN(a_peer_is_called_by_its_name_or_its_key),
		RUN(each_field_of_a_peer),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
