#include "conf/conf_read.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf_text.h"

/* --- values that are fine
 * --------------------------------------------------------------------------------------- */

TEST(reads_what_wg_showconf_writes)
{
	struct conf *c = read_fine(
		"[Interface]\nListenPort = 51820\nFwMark = 0xca6c\nPrivateKey = " OWN_PRIVATE "\n\n"
		"[Peer]\nPublicKey = " PUBLIC_B "\nPresharedKey = " PSK
		"\nAllowedIPs = 10.66.0.3/24, 2001:db8::/32\nEndpoint = 192.0.2.1:51820\n"
		"PersistentKeepalive = 25\n\n[Peer]\nPublicKey = " PUBLIC_C "\nAllowedIPs = \n");

	assert_true(c->has_private_key && c->has_listen_port && c->has_fwmark);
	assert_int_equal(c->listen_port, 51820);
	assert_int_equal(c->fwmark, 0xca6c);
	assert_int_equal(c->peer_count, 2);
	const struct conf_peer *p = &c->peers[0];
	assert_true(p->has_psk && p->has_endpoint && p->has_keepalive);
	assert_int_equal(p->keepalive, 25);
	assert_int_equal(p->allowed_count, 2);
	assert_int_equal(p->allowed[0].ip[3], 0); /* masked */
	assert_int_equal(p->endpoint.addr.port, 51820);
	assert_null(p->endpoint.host);
	assert_int_equal(c->peers[1].allowed_count, 0);
	assert_false(c->peers[1].has_psk || c->peers[1].has_endpoint || c->peers[1].has_keepalive);
	conf_free(c);
}

TEST(keys_and_sections_are_case_insensitive_and_spaces_do_not_count)
{
	struct conf *c =
		read_fine("[INTERFACE]\n\tprivatekey=" OWN_PRIVATE "\n  LISTENPORT  =\t7  \n"
			  "[peer]\npublickey = " PUBLIC_B
			  "\nallowedips=10.0.0.0/8,10.1.0.0/16 , 10.2.0.0/16\n");

	assert_int_equal(c->listen_port, 7);
	assert_int_equal(c->peers[0].allowed_count, 3);
	conf_free(c);
}

TEST(reads_a_whole_hook_with_semicolons_and_number_signs)
{
	struct conf *c = read_fine(
		INTERFACE
		"PostUp = iptables -A FORWARD -i %i -j ACCEPT; echo '#' ; true\nPostUp = second\n");

	assert_int_equal(c->post_up.count, 2);
	assert_string_equal(c->post_up.items[0],
			    "iptables -A FORWARD -i %i -j ACCEPT; echo '#' ; true");
	assert_string_equal(c->post_up.items[1], "second");
	conf_free(c);
}

TEST(reads_a_hook_of_60000_bytes_whole)
{
	char *text = malloc(61000);
	size_t head = strlen(strcpy(text, INTERFACE "PostUp = "));
	for (size_t i = 0; i < 60000; i++)
		text[head + i] = "ab; #"[i % 5];
	text[head + 59999] = 'z';
	text[head + 60000] = '\0';

	struct conf *c = read_fine(text);
	assert_string_equal(c->post_up.items[0], text + head);
	conf_free(c);
	free(text);
}

TEST(accepts_crlf_and_a_byte_order_mark)
{
	struct conf *c = read_fine("\xef\xbb\xbf[Interface]\r\nPrivateKey = " OWN_PRIVATE
				   "\r\nAddress = 10.66.0.1/24\r\n\r\n"
				   "[Peer]\r\nPublicKey = " PUBLIC_B "\r\n");

	assert_int_equal(c->address_count, 1);
	assert_int_equal(c->peer_count, 1);
	conf_free(c);
}

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

/* The example without the # of its commented keys, or as it is. */
static void example_reads(bool uncommented)
{
	static char text[16384];
	char path[4096], line[512];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof path, "%s/conf/warren.conf.example", top ? top : "..");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[0] = '\0';
	while (fgets(line, sizeof line, f)) {
		bool key = line[0] == '#' && line[1] != ' ';
		strcat(text, line + (key && uncommented));
	}
	fclose(f);
	conf_free(read_fine(text));
}

TEST(the_example_is_fine_with_and_without_its_commented_keys)
{
	example_reads(false);
	example_reads(true);
}

/* --- bad input
 * --------------------------------------------------------------------------------------------------
 */

/* Each line stands third in an [Interface], or fifth in a [Peer]. */
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
	{"DNS = a b", "DNS `a b` is not an address or a search domain"},
	{"Table = main road",
	 "Table `main road` is not auto, off or the number of a routing table"},
	{"Table = 0", "Table `0` is not auto, off or the number of a routing table"},
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

TEST(refuses_keys_before_any_section)
{
	text_refused("PrivateKey = " OWN_PRIVATE "\n" INTERFACE, 1,
		     "a key before any section: write [Interface] above it");
}

TEST(refuses_nul_bytes_and_lines_of_100_KiB)
{
	static const char nul[] = INTERFACE "Name = a\0b\n";
	read_refused(nul, sizeof nul - 1, 3, "a NUL byte: this is not a text file");

	char *text = malloc(102400 + 200);
	size_t head = strlen(strcpy(text, INTERFACE "PostUp = "));
	memset(text + head, 'x', 102400);
	text[head + 102400] = '\0';
	text_refused(text, 3, "longer than 65536 bytes");
	free(text);
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

TEST(tells_all_errors_at_once_in_line_order)
{
	static const char text[] =
		"[Interface]\nAdress = 10.66.0.1/24\nListenPort = x\n[Peer]\n[Peer]\nPublicKey = "
		"x\nEndpoint = a\n" PEER_B "AllowedIPs = 10.66.0.1/24\n" PEER_C
		"AllowedIPs = 10.66.0.9/24\n";
	static const unsigned lines[] = {1, 2, 3, 4, 6, 7, 13};
	struct conf_errors errors = {0};

	assert_null(conf_read(text, strlen(text), &errors));
	assert_int_equal(errors.count, sizeof lines / sizeof lines[0]);
	for (size_t i = 0; i < errors.count; i++)
		assert_int_equal(errors.items[i].line, lines[i]);
	conf_errors_free(&errors);
}

TEST(vuln_60_reads_a_file_of_100000_lines_quickly)
{
	size_t room = 16 << 20, len;
	char *text = malloc(room);
	struct timespec begin, end;

	len = (size_t)snprintf(text, room, INTERFACE);
	for (unsigned i = 0; i < 25000; i++) {
		struct key_public key = {.bytes = {(uint8_t)i, (uint8_t)(i >> 8), 1}};
		char base64[KEY_TEXT_LEN + 1];
		text_base64_print(base64, key.bytes);
		len += (size_t)snprintf(
			text + len, room - len,
			"[Peer]\nPublicKey = %s\nAllowedIPs = 10.%u.%u.0/24\n# four\n", base64,
			i >> 8, i & 255);
	}

	clock_gettime(CLOCK_MONOTONIC, &begin);
	struct conf *c = read_fine(text);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(c->peer_count, 25000);
	/* Quadratic checks take a minute; sanitizers and busy machines several times the usual 0.1
	 * s. */
	assert_true(end.tv_sec - begin.tv_sec < 10);
	conf_free(c);
	free(text);
}

/* --- files
 * ------------------------------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/warren-conf-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void file_refused(const char *name, const char *want)
{
	struct conf_errors errors = {0};

	assert_null(conf_read_file(in_folder(name), &errors));
	assert_int_equal(errors.total, 1);
	assert_int_equal(errors.items[0].line, 0);
	assert_string_equal(errors.items[0].text, want);
	conf_errors_free(&errors);
}

TEST(reads_a_file_of_ours)
{
	struct conf_errors errors = {0};

	write_file("fine.conf", INTERFACE PEER_B, 0600);
	struct conf *c = conf_read_file(in_folder("fine.conf"), &errors);
	assert_non_null(c);
	assert_int_equal(c->peer_count, 1);
	conf_free(c);
}

TEST(refuses_a_file_that_others_may_read_and_names_the_chmod)
{
	static const mode_t modes[] = {0604, 0640, 0644, 0620, 0602, 0601};
	char want[256];

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		write_file("open.conf", INTERFACE, modes[i]);
		snprintf(want, sizeof want,
			 "holds keys and others may read or write it: chmod 600 '%s'",
			 in_folder("open.conf"));
		file_refused("open.conf", want);
	}
}

TEST(refuses_a_file_that_is_not_ours)
{
	char want[256];

	if (geteuid() != 0) {
		print_message("# SKIP: only root can give a file away\n");
		return;
	}
	write_file("theirs.conf", INTERFACE, 0600);
	assert_int_equal(chown(in_folder("theirs.conf"), 65534, 65534), 0);
	snprintf(want, sizeof want, "belongs to user 65534, who could change it: chown root '%s'",
		 in_folder("theirs.conf"));
	file_refused("theirs.conf", want);
}

TEST(refuses_what_is_no_regular_file)
{
	char target[64];

	assert_int_equal(mkdir(in_folder("dir"), 0700), 0);
	file_refused("dir", "is a directory, not a file");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	file_refused("fifo", "is not a regular file"); /* and does not wait */
	write_file("target.conf", INTERFACE, 0600);
	strcpy(target, in_folder("target.conf"));
	assert_int_equal(symlink(target, in_folder("link")), 0);
	file_refused("link", "is a symbolic link: name the file itself");
	file_refused("missing", "cannot be opened: No such file or directory");
}

TEST(refuses_an_unreadable_file)
{
	if (geteuid() == 0) {
		print_message("# SKIP: root reads everything\n");
		return;
	}
	write_file("shut.conf", INTERFACE, 0);
	file_refused("shut.conf", "cannot be opened: Permission denied");
}

TEST(refuses_a_file_over_16_MiB_unread)
{
	write_file("large.conf", INTERFACE, 0600);
	assert_int_equal(truncate(in_folder("large.conf"), CONF_FILE_MAX + 1), 0);
	file_refused("large.conf", "is larger than 16 MiB");
}

TEST(refuses_an_empty_file)
{
	write_file("empty.conf", "", 0600);
	file_refused("empty.conf", "there is no [Interface] section");
}

static int start(void **state)
{
	return mkdtemp(folder) ? start_crypto(state) : -1;
}

static int stop(void **state)
{
	static const char *const names[] = {"fine.conf", "open.conf",  "theirs.conf",
					    "fifo",      "link",       "target.conf",
					    "shut.conf", "large.conf", "empty.conf"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(in_folder(names[i]));
	rmdir(in_folder("dir"));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(reads_what_wg_showconf_writes),
		RUN(keys_and_sections_are_case_insensitive_and_spaces_do_not_count),
		RUN(reads_a_whole_hook_with_semicolons_and_number_signs),
		RUN(reads_a_hook_of_60000_bytes_whole),
		RUN(accepts_crlf_and_a_byte_order_mark),
		RUN(vuln_34_public_keys_are_made_canonical),
		RUN(reads_endpoints_by_name_and_by_address),
		RUN(off_and_zero_are_values_too),
		RUN(the_example_is_fine_with_and_without_its_commented_keys),
		RUN(names_what_is_wrong_in_interface_and_how_to_mend_it),
		RUN(names_what_is_wrong_in_peer_and_how_to_mend_it),
		RUN(refuses_bad_keys_without_showing_them),
		RUN(vuln_58_refuses_an_mtu_that_carries_nothing),
		RUN(refuses_keys_before_any_section),
		RUN(refuses_nul_bytes_and_lines_of_100_KiB),
		RUN(vuln_13_values_in_errors_are_escaped_and_short),
		RUN(tells_all_errors_at_once_in_line_order),
		RUN(vuln_60_reads_a_file_of_100000_lines_quickly),
		RUN(reads_a_file_of_ours),
		RUN(refuses_a_file_that_others_may_read_and_names_the_chmod),
		RUN(refuses_a_file_that_is_not_ours),
		RUN(refuses_what_is_no_regular_file),
		RUN(refuses_an_unreadable_file),
		RUN(refuses_a_file_over_16_MiB_unread),
		RUN(refuses_an_empty_file),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
