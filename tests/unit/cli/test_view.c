#include "cli/view.h"

#include "support/test.h"

#define NOW INT64_C(1795260000000000000)
#define HEAD                                                                                       \
	"{\"schema\":\"warren.status/"                                                             \
	"1\",\"interface\":\"warren0\",\"name\":\"laptop1\",\"listen_port\":51820,"                \
	"\"health\":\"healthy\",\"health_reason\":\"none\","
#define NAT_EASY                                                                                   \
	"\"nat\":{\"mapping\":\"endpoint-independent\",\"filtering\":\"address-and-port-"          \
	"dependent\","                                                                             \
	"\"udp_blocked\":false}"
#define PEER(name, ip, anchor, state, kind, remote, via, rtt, reason, ago, rx, tx)                 \
	"{\"name\":\"" name "\",\"allowed_ips\":[\"" ip "\",\"10.99.0.0/16\"],\"anchor\":" anchor  \
	",\"state\":\"" state "\",\"path\":{\"kind\":\"" kind "\",\"remote\":" remote              \
	",\"via\":" via ",\"rtt_us\":" rtt "},\"reason\":\"" reason                                \
	"\",\"latest_handshake_unix_ns\":" ago ",\"rx_bytes\":" rx ",\"tx_bytes\":" tx "}"

static void expect_view(const char *json, const struct view *view, const char *want)
{
	char *text = view_status(json, view);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

TEST(shows_paths_of_every_kind)
{
	static const char json[] = HEAD NAT_EASY ",\"peers\":[" PEER(
		"vps", "10.66.0.1/32", "true", "direct", "direct", "\"203.0.113.5:51820\"", "null",
		"18400", "none", "1795259959000000000", "1258291",
		"943718") "," PEER("laptop2", "10.66.0.3/32", "false", "direct", "punched",
				   "\"198.51.100.7:40112\"", "null", "9123", "none",
				   "1795259911000000000", "326107136",
				   "12582912") "," PEER("nas", "10.66.0.4/32", "false", "relaying",
							"anchor", "\"203.0.113.5:51820\"",
							"\"vps\"", "37100", "peer-hard",
							"1795259988000000000", "4194304",
							"209715") "," PEER("phone", "10.66.0.9/32",
									   "false", "direct",
									   "plain",
									   "\"192.0.2.44:3921\"",
									   "null", "null", "none",
									   "1795259880000000000",
									   "81920",
									   "12288") "," PEER("old-"
											     "pi",
											     "10."
											     "66.0."
											     "5/32",
											     "fals"
											     "e",
											     "down",
											     "none",
											     "null",
											     "null",
											     "null",
											     "none",
											     "17950"
											     "72800"
											     "00000"
											     "0000",
											     "0",
											     "0") "," PEER("new",
													   "2001:db8::7/128",
													   "false",
													   "idle",
													   "none",
													   "null",
													   "null",
													   "null",
													   "none",
													   "null",
													   "0",
													   "0") "]}";

	expect_view(
		json, &(struct view){.now_unix_ns = NOW, .columns = 100},
		"warren0  laptop1  port 51820  NAT: endpoint-independent, port-restricted (easy)\n"
		"\n"
		"PEER     ADDRESS      PATH                               RTT     HANDSHAKE  RX / "
		"TX\n"
		"vps *    10.66.0.1    direct  203.0.113.5:51820          18 ms   41s ago    1.2 / "
		"0.9 MiB\n"
		"laptop2  10.66.0.3    punched 198.51.100.7:40112         9.1 ms  1m ago     311 / "
		"12 MiB\n"
		"nas      10.66.0.4    anchor  via vps (their NAT: hard)  37 ms   12s ago    4.0 / "
		"0.2 MiB\n"
		"phone    10.66.0.9    plain   192.0.2.44:3921            -       2m ago     80 / "
		"12 KiB\n"
		"old-pi   10.66.0.5    down    no answer for 2d4h         -       2d ago     -\n"
		"new      2001:db8::7  idle    -                          -       never      -\n"
		"* anchor.   1 relayed, 1 down\n");
}

TEST(is_never_wider_than_80_columns_without_a_wider_terminal)
{
	static const char json[] = HEAD NAT_EASY ",\"peers\":[" PEER(
		"a-name-that-somebody-thought-about-for-a-long-time",
		"2001:db8:1234:5678:9abc:def0:1234:5678/128", "true", "direct", "turn-udp",
		"\"[2001:db8:1234:5678:9abc:def0:1234:5678]:51820\"", "null", "18400", "own-hard",
		"1795259959000000000", "1258291", "943718") "]}";

	for (unsigned columns = 0; columns <= 200; columns += 40) {
		char *text =
			view_status(json, &(struct view){.now_unix_ns = NOW, .columns = columns});
		unsigned most = columns > 80 ? columns : 80, longest = 0;
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			if (strlen(line) > longest)
				longest = (unsigned)strlen(line);
		assert_true(longest <= most);
		assert_true(columns > 160 || longest >= 80); /* not cut more than it must */
		free(text);
	}
}

TEST(cut_cells_end_in_two_dots)
{
	static const char json[] = HEAD NAT_EASY ",\"peers\":[" PEER(
		"a-name-that-somebody-thought-about-for-a-long-time", "10.66.0.1/32", "false",
		"direct", "plain", "\"192.0.2.1:51820\"", "null", "null", "none",
		"1795259959000000000", "0", "0") "]}";

	expect_view(
		json, &(struct view){.now_unix_ns = NOW},
		"warren0  laptop1  port 51820  NAT: endpoint-independent, port-restricted (easy)\n"
		"\n"
		"PEER                       ADDRESS   PATH                  RTT HANDSHAKE RX / TX\n"
		"a-name-that-somebody-tho.. 10.66.0.1 plain 192.0.2.1:51820 -   41s ago   -\n");
}

TEST(the_nat_gets_a_line_of_its_own_where_it_must)
{
	static const char json[] =
		"{\"schema\":\"warren.status/"
		"1\",\"interface\":\"warren0\",\"name\":\"a-longer-name\","
		"\"listen_port\":51820,\"health\":\"healthy\"," NAT_EASY ",\"peers\":[]}";

	expect_view(json, &(struct view){.now_unix_ns = NOW},
		    "warren0  a-longer-name  port 51820\n  NAT: endpoint-independent, "
		    "port-restricted (easy)\n");
}

TEST(what_is_not_known_is_said_so)
{
	expect_view("{\"schema\":\"warren.status/"
		    "1\",\"interface\":\"wg0\",\"name\":\"me\",\"listen_port\":null,"
		    "\"health\":\"healthy\",\"nat\":{\"mapping\":\"unknown\",\"filtering\":"
		    "\"unknown\"},\"peers\":[]}",
		    &(struct view){.now_unix_ns = NOW}, "wg0  me  no port  NAT: unknown\n");
}

TEST(says_why_it_is_not_healthy)
{
	expect_view("{\"schema\":\"warren.status/"
		    "1\",\"interface\":\"wg0\",\"name\":\"me\",\"listen_port\":1,"
		    "\"health\":\"degraded\",\"health_reason\":\"an anchor does not answer\","
		    "\"nat\":{\"mapping\":\"none\",\"udp_blocked\":true},\"peers\":[]}",
		    &(struct view){.now_unix_ns = NOW},
		    "wg0  me  port 1  NAT: UDP blocked\ndegraded: an anchor does not answer\n");
}

TEST(vuln_13_text_of_peers_is_escaped)
{
	static const char json[] =
		"{\"schema\":\"warren.status/"
		"1\",\"interface\":\"wg0\",\"name\":\"\\u001b[2J%n\",\"listen_port\":1,"
		"\"health\":\"healthy\",\"nat\":{\"mapping\":\"a\\nb\"},\"peers\":[" PEER(
			"x\\ny\\u009b%s", "10.66.0.1/32", "false", "di\\trect", "none", "\"a\\rb\"",
			"null", "null", "none", "null", "0", "0") "]}";
	char *text = view_status(json, &(struct view){.now_unix_ns = NOW});
	unsigned lines = 0;

	for (const char *at = text; *at; at++) {
		assert_true((unsigned char)*at >= 0x20 || *at == '\n');
		lines += *at == '\n';
	}
	assert_int_equal(lines, 4);
	assert_non_null(strstr(text, "\\x1b[2J%n"));
	assert_non_null(strstr(text, "x\\x0ay"));
	assert_null(strstr(text, "\xc2\x9b"));
	free(text);
}

TEST(color_marks_words_and_carries_no_meaning_alone)
{
	static const char json[] = HEAD NAT_EASY ",\"peers\":[" PEER(
		"a", "10.66.0.1/32", "false", "direct", "plain", "\"192.0.2.1:1\"", "null", "null",
		"none", "null", "0",
		"0") "," PEER("b", "10.66.0.2/32", "false", "relayed", "anchor", "null", "\"a\"",
			      "null", "none", "null", "0",
			      "0") "," PEER("c", "10.66.0.3/32", "false", "down", "none", "null",
					    "null", "null", "none", "null", "0", "0") "]}";
	char *plain = view_status(json, &(struct view){.now_unix_ns = NOW});
	char *colored = view_status(json, &(struct view){.now_unix_ns = NOW, .color = true});

	assert_non_null(strstr(colored, "\x1b[32mplain "));
	assert_non_null(strstr(colored, "\x1b[33manchor"));
	assert_non_null(strstr(colored, "\x1b[31mdown  "));

	/* Without the sequences both are the same. */
	char *to = colored;
	for (const char *from = colored; *from; from++) {
		if (*from == '\x1b')
			from = strchr(from, 'm');
		else
			*to++ = *from;
	}
	*to = '\0';
	assert_string_equal(colored, plain);
	free(plain);
	free(colored);
}

TEST(amounts_have_the_unit_of_the_larger)
{
	static const struct {
		const char *rx, *tx, *want;
	} cases[] = {
		{"1", "0", "1 / 0 B"},
		{"999", "5", "999 / 5 B"},
		{"1000", "0", "1.0 / 0 KiB"},
		{"1023", "1", "1.0 / 0.0 KiB"},
		{"10240", "1024", "10 / 1.0 KiB"},
		{"1048576", "524288", "1.0 / 0.5 MiB"},
		{"9223372036854775807", "0", "8.0 / 0 EiB"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char json[2048];
		snprintf(json, sizeof json,
			 "{\"schema\":\"warren.status/"
			 "1\",\"peers\":[{\"name\":\"a\",\"rx_bytes\":%s,\"tx_bytes\":%s}]}",
			 cases[i].rx, cases[i].tx);
		char *text = view_status(json, &(struct view){.now_unix_ns = NOW});
		assert_non_null(text);
		if (!strstr(text, cases[i].want))
			fail_msg("%s not in %s", cases[i].want, text);
		free(text);
	}
}

TEST(a_clock_that_was_set_back_shows_no_negative_times)
{
	static const char json[] = "{\"schema\":\"warren.status/"
				   "1\",\"peers\":[{\"name\":\"a\",\"latest_handshake_unix_ns\":"
				   "1795260000000000000}]}";
	char *text = view_status(json, &(struct view){.now_unix_ns = NOW - 5});

	assert_non_null(strstr(text, "0s ago"));
	free(text);
}

TEST(anything_else_is_no_status)
{
	static const char *const bad[] = {
		"", "{", "[]", "null", "{}", "{\"schema\":\"warren.status/2\"}", "{\"schema\":1}"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_null(view_status(bad[i], &(struct view){.now_unix_ns = NOW}));
}

TEST(fields_of_wrong_types_are_shown_as_nothing)
{
	static const char *const odd[] = {
		"{\"schema\":\"warren.status/"
		"1\",\"interface\":1,\"name\":[],\"listen_port\":\"x\",\"nat\":3,\"peers\":7}",
		"{\"schema\":\"warren.status/1\",\"peers\":[1,null,\"x\",[],{}]}",
		"{\"schema\":\"warren.status/"
		"1\",\"peers\":[{\"path\":[],\"allowed_ips\":{},\"rx_bytes\":-5,\"anchor\":1}]}",
	};

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		char *text = view_status(odd[i], &(struct view){.now_unix_ns = NOW});
		assert_non_null(text);
		free(text);
	}
}

/* --- events ----------------------------------------------------------------------------------------------------- */

#define EVENT(time, peer, from, to, reason, took)                                                  \
	"{\"schema\":\"warren.event/1\",\"time_unix_ns\":" time ",\"peer\":" peer                  \
	",\"from\":" from ",\"to\":" to ",\"reason\":\"" reason "\",\"took_us\":" took "}"

static void expect_event(const char *json, const char *want)
{
	char *text = view_event(json);

	assert_non_null(text);
	assert_string_equal(text, want);
	assert_true(strlen(text) <= 81);
	free(text);
}

TEST(an_event_is_a_line_below_its_heading)
{
	assert_string_equal(
		VIEW_EVENT_HEADING,
		"TIME      PEER                  FROM -> TO            REASON      TOOK\n");
	expect_event(EVENT("1795260000999999999", "\"nas\"", "null", "\"idle\"", "added", "null"),
		     "11:20:00  nas                   - -> idle             added       -\n");
	expect_event(EVENT("1795260001000000000", "\"nas\"", "\"relaying\"", "\"punching\"",
			   "0123456789", "9223372036854775807"),
		     "11:20:01  nas                   relaying -> punching  0123456789  "
		     "106751991d4h\n");
	expect_event(EVENT("null", "null", "null", "null", "lost", "null"),
		     "-         -                     - -> -                lost        -\n");
}

TEST(how_long_it_took_has_a_unit_for_people)
{
	static const char *const took[][2] = {
		{"0", "0.0 ms"},      {"9949", "9.9 ms"},     {"37100", "37 ms"},
		{"999999", "999 ms"}, {"1000000", "1.0 s"},   {"59900000", "59.9 s"},
		{"60000000", "1m"},   {"105000000", "1m45s"}, {"7200000000", "2h"},
	};

	for (size_t i = 0; i < sizeof took / sizeof took[0]; i++) {
		char json[200], *text;
		snprintf(json, sizeof json, EVENT("1", "\"a\"", "null", "null", "heard", "%s"),
			 took[i][0]);
		text = view_event(json);
		assert_non_null(text);
		assert_int_equal(strncmp(text + 66, took[i][1], strlen(took[i][1])), 0);
		assert_string_equal(text + 66 + strlen(took[i][1]), "\n");
		free(text);
	}
}

TEST(vuln_13_names_in_events_are_escaped_and_cut)
{
	expect_event(
		EVENT("1", "\"\\u001b[2J\\n\"", "\"\\u0007\"", "null", "removed", "5"),
		"00:00:00  \\x1b[2J\\x0a           \\x07 -> -             removed     0.0 ms\n");
	expect_event(EVENT("1", "\"a-name-longer-than-its-column\"", "null", "null",
			   "a-new-word-of-later", "5"),
		     "00:00:00  a-name-longer-than..  - -> -                a-new-wo..  0.0 ms\n");
}

TEST(anything_else_is_no_event)
{
	static const char *const others[] = {
		"",
		"{}",
		"[]",
		"{\"schema\":\"warren.event/2\"}",
		"{\"schema\":\"warren.status/1\"}",
		"{\"schema\":\"warren.event/1\"} {}",
	};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_null(view_event(others[i]));
	expect_event("{\"schema\":\"warren.event/1\",\"peer\":7,\"from\":{},\"took_us\":\"x\"}",
		     "-         -                     - -> -                -           -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(shows_paths_of_every_kind),
		RUN(is_never_wider_than_80_columns_without_a_wider_terminal),
		RUN(cut_cells_end_in_two_dots),
		RUN(the_nat_gets_a_line_of_its_own_where_it_must),
		RUN(what_is_not_known_is_said_so),
		RUN(says_why_it_is_not_healthy),
		RUN(vuln_13_text_of_peers_is_escaped),
		RUN(color_marks_words_and_carries_no_meaning_alone),
		RUN(amounts_have_the_unit_of_the_larger),
		RUN(a_clock_that_was_set_back_shows_no_negative_times),
		RUN(anything_else_is_no_status),
		RUN(fields_of_wrong_types_are_shown_as_nothing),
		RUN(an_event_is_a_line_below_its_heading),
		RUN(how_long_it_took_has_a_unit_for_people),
		RUN(vuln_13_names_in_events_are_escaped_and_cut),
		RUN(anything_else_is_no_event),
	};

	setenv("TZ", "UTC0", 1);
	return RUN_TESTS(tests);
}
