#include "conf/conf_write.h"

#include "conf/conf_lines.h"

#include "conf_text.h"

/* What fits behind "PostUp = ". */
#define LONGEST_HOOK (CONF_LINE_MAX - 9)

static void expect_written(const char *text, enum conf_form form, const char *want)
{
	struct conf *c = read_fine(text);
	char *written = conf_write(c, form);

	assert_string_equal(written, want);
	key_free(written);
	conf_free(c);
}

TEST(the_wg_form_is_what_wg_takes_and_no_more)
{
	expect_written("[Interface]\nAddress = 10.66.0.2/24\nPrivateKey = " OWN_PRIVATE
		       "\nListenPort=51820\nFwMark = 51820\n"
		       "DNS = 10.66.0.1\nMTU = 1420\nTable = off\nPostUp = true\nSaveConfig = "
		       "true\nName = me\nAnchor = yes\n"
		       "STUN = a\nTURNSecret = s\n" PEER_B "PresharedKey = " PSK
		       "\nAllowedIPs = 10.66.0.3/24\nAllowedIPs = 2001:db8::/32, "
		       "0.0.0.0/0\nEndpoint = [2001:db8::9]:51820\n"
		       "PersistentKeepalive = 25\nName = b\nPath = relay\n",
		       CONF_FORM_WG,
		       "[Interface]\nListenPort = 51820\nFwMark = 0xca6c\nPrivateKey = " OWN_PRIVATE
		       "\n"
		       "\n[Peer]\nPublicKey = " PUBLIC_B "\nPresharedKey = " PSK
		       "\nAllowedIPs = 10.66.0.0/24, 2001:db8::/32, 0.0.0.0/0\nEndpoint = "
		       "[2001:db8::9]:51820\n"
		       "PersistentKeepalive = 25\n");
}

TEST(off_is_written_as_off_and_silence_as_silence)
{
	expect_written(INTERFACE "FwMark = 0\n" PEER_B "PersistentKeepalive = 0\n" PEER_C,
		       CONF_FORM_WG,
		       "[Interface]\nFwMark = off\nPrivateKey = " OWN_PRIVATE
		       "\n\n[Peer]\nPublicKey = " PUBLIC_B
		       "\nPersistentKeepalive = off\n\n[Peer]\nPublicKey = " PUBLIC_C "\n");
}

TEST(a_zero_preshared_key_is_none)
{
	expect_written(INTERFACE PEER_B "PresharedKey = " ZERO_KEY "\n", CONF_FORM_WG,
		       "[Interface]\nPrivateKey = " OWN_PRIVATE "\n\n[Peer]\nPublicKey = " PUBLIC_B
		       "\n");
}

static void expect_round_trip(const char *text)
{
	struct conf *first = read_fine(text);
	char *written = conf_write(first, CONF_FORM_WARREN);
	struct conf *second = read_fine(written);
	char *again = conf_write(second, CONF_FORM_WARREN);

	assert_true(conf_equal(first, second));
	assert_string_equal(written, again);
	key_free(written);
	key_free(again);
	conf_free(first);
	conf_free(second);
}

TEST(every_key_comes_back)
{
	expect_round_trip(
		INTERFACE
		"ListenPort = 0\nFwMark = 0xffffffff\nAddress = 10.66.0.2/24, 10.67.0.2, "
		"2001:db8::2/64\n"
		"DNS = 10.66.0.1, 2001:db8::1, example.org\nMTU = 65535\nTable = 4294967295\n"
		"PreUp = a; b # c\nPreUp = d\nPostUp = e ;f\nPreDown = \"g\"\nPostDown = h = "
		"i\nSaveConfig = true\n"
		"Name = caf\xc3\xa9 ; 1\nAnchor = yes\nRelay = off\nRelayLimit = 1500kbit\n"
		"STUN = stun.example.org, 192.0.2.1:3478, [2001:db8::1]:3478\nSTUN = "
		"[2001:db8::1]\n"
		"TURN = turn:turn.example.org?transport=tcp&cost=5\nTURN = turns:192.0.2.7:443\n"
		"TURNUser = a b\nTURNPassword = c;d\nTURNSecret = e=f\nTURNCA = /etc/x y.pem\n"
		"Punch = off\nDisclose = public\n" PEER_B "PresharedKey = " PSK
		"\nAllowedIPs =\nEndpoint = vpn.example.org:1\nPersistentKeepalive = 65535\n"
		"Name = b\nAnchor = yes\nPath = direct\n" PEER_C
		"AllowedIPs = 10.66.0.3/24, ::/0\nEndpoint = 192.0.2.9:65535\nPath = relay\n");
}

TEST(rates_come_back_in_the_largest_unit_that_is_exact)
{
	static const char *const rates[][2] = {
		{"20Mbit", "20Mbit"},
		{"1500 kbit", "1500kbit"},
		{"3000000000bit", "3Gbit"},
		{"17bit", "17bit"},
		{"18446744073709551615bit", "18446744073709551615bit"}};

	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		char text[256], want[64];
		snprintf(text, sizeof text, INTERFACE "RelayLimit = %s\n", rates[i][0]);
		snprintf(want, sizeof want, "RelayLimit = %s\n", rates[i][1]);
		struct conf *c = read_fine(text);
		char *written = conf_write(c, CONF_FORM_WARREN);
		assert_non_null(strstr(written, want));
		key_free(written);
		conf_free(c);
		expect_round_trip(text);
	}
}

TEST(thousands_of_prefixes_and_a_longest_line_come_back)
{
	size_t room = 1 << 20, len;
	char *text = malloc(room);

	len = (size_t)snprintf(text, room, INTERFACE "PostUp = ");
	memset(text + len, 'x', LONGEST_HOOK);
	len += LONGEST_HOOK;
	len += (size_t)snprintf(text + len, room - len, "\n" PEER_B);
	for (unsigned i = 0; i < 9000; i++)
		len += (size_t)snprintf(text + len, room - len, "AllowedIPs = 10.%u.%u.0/24\n",
					i >> 8, i & 255);

	expect_round_trip(text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_wg_form_is_what_wg_takes_and_no_more),
		RUN(off_is_written_as_off_and_silence_as_silence),
		RUN(a_zero_preshared_key_is_none),
		RUN(every_key_comes_back),
		RUN(rates_come_back_in_the_largest_unit_that_is_exact),
		RUN(thousands_of_prefixes_and_a_longest_line_come_back),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
