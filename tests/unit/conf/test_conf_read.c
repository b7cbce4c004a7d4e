/* Reading text: grammar, sections, lines; every error at once. */
#include "conf/conf_read.h"

#include <time.h>
#include <unistd.h>

#include "conf_text.h"

/* --- values that are fine -------------------------------------------------------------------------------------------- */

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

/* --- bad input ------------------------------------------------------------------------------------------------------- */

/* Each line stands third in an [Interface], or fifth in a [Peer]. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(reads_what_wg_showconf_writes),
		RUN(keys_and_sections_are_case_insensitive_and_spaces_do_not_count),
		RUN(reads_a_whole_hook_with_semicolons_and_number_signs),
		RUN(reads_a_hook_of_60000_bytes_whole),
		RUN(accepts_crlf_and_a_byte_order_mark),
		RUN(the_example_is_fine_with_and_without_its_commented_keys),
		RUN(refuses_keys_before_any_section),
		RUN(refuses_nul_bytes_and_lines_of_100_KiB),
		RUN(tells_all_errors_at_once_in_line_order),
		RUN(vuln_60_reads_a_file_of_100000_lines_quickly),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
