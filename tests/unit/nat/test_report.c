/* Words and sentences for what was found out. */
#include "nat/report.h"

#include "support/test.h"

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

/* An answered view with one public address. */
static struct nat_view view_of(enum nat_mapping mapping, enum nat_filtering filtering,
			       enum nat_ports ports)
{
	return (struct nat_view){
		.tested = true,
		.mapping = mapping,
		.filtering = filtering,
		.ports = ports,
		.ports_step = ports == NAT_PORTS_SEQUENTIAL ? 2 : 0,
		.ports_base = 40000,
		.ports_span = 1000,
		.blocked = NAT_NO,
		.hairpin = NAT_NO,
		.public = {at("198.51.100.7:51820")},
		.public_count = 1,
		.servers_asked = 2,
		.servers_answered = 2,
		.mapping_ips = 2,
		.mapping_places = 3,
		.port_samples = 12,
	};
}

static char text[REPORT_TEXT_MAX];

static const char *text_of(const struct nat_report *r)
{
	size_t len = report_text(r, text);

	assert_int_equal(len, strlen(text));
	assert_true(len > 0 && text[len - 1] == '\n');
	for (const char *p = text; *p != '\0';) {
		size_t line = strcspn(p, "\n");
		assert_in_range(line, 1, 80);
		assert_true(p[line - 1] != ' ');
		p += line + 1;
	}
	return text;
}

static void assert_has(const char *haystack, const char *needle)
{
	if (strstr(haystack, needle) == NULL)
		fail_msg("no \"%s\" in:\n%s", needle, haystack);
}

TEST(the_report_of_the_interface_document)
{
	struct nat_report r = {
		.v4 = view_of(NAT_MAPPING_ENDPOINT_INDEPENDENT,
			      NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_PRESERVE),
		.v6 = view_of(NAT_MAPPING_NONE, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
			      NAT_PORTS_PRESERVE),
	};

	r.v6.public[0] = at("[2001:db8:4::17]:51820");
	r.v6.servers_asked = r.v6.servers_answered = 0;
	r.v6.servers_asked = 1;
	assert_string_equal(
		text_of(&r),
		"UDP                 works (2 of 3 servers answered)\n"
		"Public address      198.51.100.7:51820, the same seen from both servers\n"
		"NAT mapping         endpoint-independent        one public port for all peers\n"
		"NAT filtering       address-and-port-dependent  peers must be contacted first\n"
		"Port pattern        preserved\n"
		"Hairpin             no\n"
		"IPv6                yes, 2001:db8:4::17, inbound filtered\n"
		"Verdict: EASY. Direct paths will work to everyone except peers behind\n"
		"random-port NATs; those need a relay.\n");
}

TEST(a_verdict_for_each_class)
{
	static const struct {
		enum nat_mapping mapping;
		enum nat_filtering filtering;
		enum nat_ports ports;
		enum nat_ease ease;
		const char *word, *headline;
	} rows[] = {
		{NAT_MAPPING_NONE, NAT_FILTERING_ENDPOINT_INDEPENDENT, NAT_PORTS_PRESERVE,
		 NAT_EASE_OPEN, "Verdict: OPEN. ", "none, open to all (open)"},
		{NAT_MAPPING_NONE, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_PRESERVE,
		 NAT_EASE_EASY, "Verdict: EASY. ", "none, port-restricted (easy)"},
		{NAT_MAPPING_NONE, NAT_FILTERING_UNKNOWN, NAT_PORTS_PRESERVE, NAT_EASE_EASY,
		 "Verdict: EASY. ", "none, filtering unknown (easy)"},
		{NAT_MAPPING_ENDPOINT_INDEPENDENT, NAT_FILTERING_ENDPOINT_INDEPENDENT,
		 NAT_PORTS_RANDOM, NAT_EASE_EASY, "Verdict: EASY. ",
		 "endpoint-independent, open to all (easy)"},
		{NAT_MAPPING_ENDPOINT_INDEPENDENT, NAT_FILTERING_ADDRESS_DEPENDENT, NAT_PORTS_BLOCK,
		 NAT_EASE_EASY, "Verdict: EASY. ",
		 "endpoint-independent, address-restricted (easy)"},
		{NAT_MAPPING_ENDPOINT_INDEPENDENT, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
		 NAT_PORTS_PRESERVE, NAT_EASE_EASY, "Verdict: EASY. ",
		 "endpoint-independent, port-restricted (easy)"},
		{NAT_MAPPING_ADDRESS_DEPENDENT, NAT_FILTERING_ADDRESS_DEPENDENT,
		 NAT_PORTS_SEQUENTIAL, NAT_EASE_MEDIUM, "Verdict: MEDIUM. ",
		 "address-dependent, sequential ports (medium)"},
		{NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
		 NAT_PORTS_BLOCK, NAT_EASE_MEDIUM, "Verdict: MEDIUM. ",
		 "address-and-port-dependent, ports of a block (medium)"},
		{NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_FILTERING_UNKNOWN, NAT_PORTS_PRESERVE,
		 NAT_EASE_MEDIUM, "Verdict: MEDIUM. ",
		 "address-and-port-dependent, preserved ports (medium)"},
		{NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
		 NAT_PORTS_RANDOM, NAT_EASE_HARD, "Verdict: HARD. ",
		 "address-and-port-dependent, random ports (hard)"},
		{NAT_MAPPING_ADDRESS_DEPENDENT, NAT_FILTERING_UNKNOWN, NAT_PORTS_UNKNOWN,
		 NAT_EASE_HARD, "Verdict: HARD. ", "address-dependent, unknown ports (hard)"},
		{NAT_MAPPING_UNKNOWN, NAT_FILTERING_ENDPOINT_INDEPENDENT, NAT_PORTS_PRESERVE,
		 NAT_EASE_UNKNOWN, "Verdict: UNKNOWN. ", "unknown"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct nat_report r = {
			.v4 = view_of(rows[i].mapping, rows[i].filtering, rows[i].ports)};
		char headline[REPORT_HEADLINE_MAX];
		assert_int_equal(report_ease(&r.v4), rows[i].ease);
		assert_has(text_of(&r), rows[i].word);
		assert_string_equal(report_headline(&r.v4, headline), rows[i].headline);
	}
}

TEST(blocked_udp_outweighs_all)
{
	struct nat_report r = {
		.v4 = {.tested = true, .blocked = NAT_YES, .servers_asked = 3},
	};
	char headline[REPORT_HEADLINE_MAX];

	assert_int_equal(report_ease(&r.v4), NAT_EASE_BLOCKED);
	assert_string_equal(report_headline(&r.v4, headline), "UDP blocked");
	assert_string_equal(text_of(&r),
			    "UDP                 blocked (none of 3 servers answered)\n"
			    "IPv6                no address\n"
			    "Verdict: BLOCKED. No UDP gets through: everything needs a relay over "
			    "TCP or TLS.\n");
}

TEST(a_dependent_mapping_of_unknown_kind_is_not_called_unknown)
{
	struct nat_report r = {
		.v4 = view_of(NAT_MAPPING_UNKNOWN, NAT_FILTERING_UNKNOWN, NAT_PORTS_RANDOM)};
	char headline[REPORT_HEADLINE_MAX];

	r.v4.dependent = true;
	assert_int_equal(report_ease(&r.v4), NAT_EASE_HARD);
	assert_string_equal(report_headline(&r.v4, headline),
			    "endpoint-dependent, random ports (hard)");
	assert_has(text_of(&r), "endpoint-dependent          of which kind is unknown");
	r.v4.ports = NAT_PORTS_BLOCK;
	assert_int_equal(report_ease(&r.v4), NAT_EASE_MEDIUM);
}

TEST(a_step_beyond_16_cannot_be_predicted)
{
	struct nat_view v =
		view_of(NAT_MAPPING_ADDRESS_DEPENDENT, NAT_FILTERING_UNKNOWN, NAT_PORTS_SEQUENTIAL);

	v.ports_step = -16;
	assert_int_equal(report_ease(&v), NAT_EASE_MEDIUM);
	v.ports_step = -17;
	assert_int_equal(report_ease(&v), NAT_EASE_HARD);
}

TEST(pooled_addresses_are_told)
{
	struct nat_report r = {.v4 = view_of(NAT_MAPPING_ENDPOINT_INDEPENDENT,
					     NAT_FILTERING_UNKNOWN, NAT_PORTS_PRESERVE)};

	r.v4.public[1] = at("198.51.100.8:51820");
	r.v4.public_count = 2;
	r.v4.pooled = true;
	assert_int_equal(report_ease(&r.v4), NAT_EASE_MEDIUM);
	assert_has(text_of(&r), "198.51.100.7:51820, 198.51.100.8:51820 (asked 3 places)\n");
	assert_has(text, "one port, but several public IPs");
}

TEST(every_pattern_and_public_address_has_its_words)
{
	struct nat_report r = {.v4 = view_of(NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
					     NAT_FILTERING_UNKNOWN, NAT_PORTS_SEQUENTIAL)};

	assert_has(text_of(&r), "Port pattern        sequential, step 2 (12 samples)\n");
	r.v4.ports = NAT_PORTS_BLOCK;
	assert_has(text_of(&r),
		   "Port pattern        within a block: 40000 to 40999 at least (12 samples)\n");
	r.v4.ports = NAT_PORTS_RANDOM;
	assert_has(text_of(&r), "Port pattern        random (12 samples)\n");
	r.v4.ports = NAT_PORTS_UNKNOWN;
	r.v4.mapping_ips = 1;
	assert_has(text_of(&r), "Port pattern        unknown (12 samples)\n");
	assert_has(text, "198.51.100.7:51820, seen from one server\n");
	r.v4.mapping_ips = 5;
	assert_has(text_of(&r), "the same seen from all 5 servers\n");
	r.v4.double_nat = NAT_YES;
	assert_has(text_of(&r), "Double NAT          yes: a second NAT lies behind the first\n");
	r.v4.public_count = 0;
	assert_has(text_of(&r), "Public address      unknown\n");
}

TEST(no_nat_has_no_pattern_and_no_hairpin)
{
	struct nat_report r = {.v4 = view_of(NAT_MAPPING_NONE, NAT_FILTERING_ADDRESS_DEPENDENT,
					     NAT_PORTS_PRESERVE)};

	assert_null(strstr(text_of(&r), "Port pattern"));
	assert_null(strstr(text, "Hairpin"));
	assert_has(text, "none                        our address is the public one\n");
	assert_has(text, "\nFiltering           address-dependent ");
}

TEST(servers_that_do_not_count_are_named_with_the_reason)
{
	static const struct {
		enum nat_server state;
		const char *text;
	} rows[] = {
		{NAT_SERVER_UNASKED, "not asked"},
		{NAT_SERVER_TWIN, "the same host as one before"},
		{NAT_SERVER_ASKED, "no answer"},
		{NAT_SERVER_REFUSED, "answers with an error"},
		{NAT_SERVER_LIES, "says what cannot be our address; not believed"},
		{NAT_SERVER_ALONE, "says otherwise than all others; not believed"},
	};
	struct nat_report r = {.server_count = 2};
	char want[128];

	r.servers[0].addr = r.servers[1].addr = at("192.0.2.1:3478");
	r.servers[0].name = "stun.test";
	r.servers[1].name = "good.test";
	r.servers[1].state = NAT_SERVER_ANSWERED;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		r.servers[0].state = rows[i].state;
		snprintf(want, sizeof want, "Server              stun.test: %s\n", rows[i].text);
		assert_has(text_of(&r), want);
		assert_null(strstr(text, "good.test"));
	}
	r.servers[0] = (struct nat_server_line){.name = "no.test", .state = NAT_SERVER_UNRESOLVED};
	assert_has(text_of(&r), "Server              no.test: its name leads to no address\n");
	r.servers[0] =
		(struct nat_server_line){.addr = at("192.0.2.1:3478"), .state = NAT_SERVER_ASKED};
	assert_has(text_of(&r), "Server              192.0.2.1:3478: no answer\n");
}

TEST(nothing_known_is_said_so)
{
	struct nat_report r = {0};

	assert_has(text_of(&r), "UDP                 unknown (no server to ask)\n");
	r.v4 = (struct nat_view){.tested = true, .servers_asked = 1};
	assert_has(text_of(&r), "UDP                 unknown (the server did not answer)\n");
	assert_has(text, "Verdict: UNKNOWN. ");
}

TEST(the_other_family_has_a_line)
{
	struct nat_report r = {.v4 = view_of(NAT_MAPPING_ENDPOINT_INDEPENDENT,
					     NAT_FILTERING_UNKNOWN, NAT_PORTS_PRESERVE)};

	r.v6 = (struct nat_view){.tested = true};
	assert_has(text_of(&r), "IPv6                unknown: no server to ask\n");
	r.v6.servers_asked = 2;
	assert_has(text_of(&r), "IPv6                unknown: the server did not answer\n");
	r.v6.blocked = NAT_YES;
	assert_has(text_of(&r), "IPv6                no: no server answers\n");
	r.v6.servers_answered = 1;
	assert_has(text_of(&r), "IPv6                works, address unknown\n");
	r.v4.servers_answered = 0;
	assert_ptr_equal(report_view(&r), &r.v6);
	assert_has(text_of(&r),
		   "IPv4                yes, 198.51.100.7, translated, inbound unknown\n");
}

TEST(the_longest_report_fits)
{
	struct nat_report r = {.server_count = NAT_SERVERS_MAX};
	char name[256] = "";
	struct addr longest = at("[2001:db8:1111:2222:3333:4444:5555:6666]:65535");

	r.v6 = view_of(NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
		       NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_BLOCK);
	r.v6.double_nat = NAT_YES;
	r.v6.public_count = NAT_PUBLIC_MAX;
	for (int i = 0; i < NAT_PUBLIC_MAX; i++)
		r.v6.public[i] = longest;
	memset(name, 'n', sizeof name - 1);
	for (int i = 0; i < NAT_SERVERS_MAX; i++)
		r.servers[i] = (struct nat_server_line){
			.name = name, .addr = longest, .state = NAT_SERVER_ALONE};
	text_of(&r);
	assert_has(text, "nnnn...:\n                    says");
	assert_has(text, "relay.\n");
}

TEST(a_long_name_is_cut)
{
	struct nat_report r = {.server_count = 1};
	char name[256] = "";

	memset(name, 'n', 58);
	r.servers[0] = (struct nat_server_line){.name = name, .state = NAT_SERVER_UNRESOLVED};
	assert_null(strstr(text_of(&r), "..."));
	memset(name, 'n', 59);
	assert_has(text_of(&r), "nnnnnnn...:\n                    its name leads");
}

TEST(words_are_read_back)
{
	enum nat_mapping m;
	enum nat_filtering f;
	enum nat_ports p;
	enum nat_answer a;
	enum nat_server s;

	for (int i = 0; i <= NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT; i++)
		assert_true(report_read_mapping(&m, report_mapping((enum nat_mapping)i)) &&
			    (int)m == i);
	for (int i = 0; i <= NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT; i++)
		assert_true(report_read_filtering(&f, report_filtering((enum nat_filtering)i)) &&
			    (int)f == i);
	for (int i = 0; i <= NAT_PORTS_RANDOM; i++)
		assert_true(report_read_ports(&p, report_ports((enum nat_ports)i)) && (int)p == i);
	for (int i = 0; i <= NAT_YES; i++)
		assert_true(report_read_answer(&a, report_answer((enum nat_answer)i)) &&
			    (int)a == i);
	for (int i = 0; i <= NAT_SERVER_ALONE; i++)
		assert_true(report_read_server(&s, report_server((enum nat_server)i)) &&
			    (int)s == i);
	assert_false(report_read_mapping(&m, "symmetric"));
	assert_false(report_read_filtering(&f, "none"));
	assert_false(report_read_ports(&p, ""));
	assert_false(report_read_answer(&a, "YES"));
	assert_false(report_read_server(&s, "dead"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_report_of_the_interface_document),
		RUN(a_verdict_for_each_class),
		RUN(blocked_udp_outweighs_all),
		RUN(a_dependent_mapping_of_unknown_kind_is_not_called_unknown),
		RUN(a_step_beyond_16_cannot_be_predicted),
		RUN(pooled_addresses_are_told),
		RUN(every_pattern_and_public_address_has_its_words),
		RUN(no_nat_has_no_pattern_and_no_hairpin),
		RUN(servers_that_do_not_count_are_named_with_the_reason),
		RUN(nothing_known_is_said_so),
		RUN(the_other_family_has_a_line),
		RUN(the_longest_report_fits),
		RUN(a_long_name_is_cut),
		RUN(words_are_read_back),
	};
	return RUN_TESTS(tests);
}
