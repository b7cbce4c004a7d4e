/* netcheck as it is called, and what it makes of a daemon's answer; without a daemon: test_outlook.c. */
#include "cli/netcheck.h"

#include "cli_world.h"
#include "daemon_fake.h"
#include "nat/report_json.h"

#define REQUEST "{\"cmd\":\"netcheck\"}"

static struct nat_report report;
static char reply[REPORT_JSON_MAX + 256], object[REPORT_JSON_MAX];

static const char *reply_with(unsigned servers)
{
	report = (struct nat_report){.checked_at = SEC(1), .server_count = 1};
	report.servers[0] =
		(struct nat_server_line){.name = "stun.example.org", .state = NAT_SERVER_ASKED};
	report.v4 = (struct nat_view){.tested = true,
				      .mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT,
				      .filtering = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
				      .ports = NAT_PORTS_PRESERVE,
				      .public_count = 1,
				      .servers_asked = 2,
				      .servers_answered = 1,
				      .mapping_ips = 2};
	assert_true(addr_parse(&report.servers[0].addr, "198.51.100.1:3478"));
	assert_true(addr_parse(&report.v4.public[0], "203.0.113.9:51820"));
	report_json_write(&report, 0, object);
	snprintf(reply, sizeof reply,
		 "{\"schema\":\"warren.reply/1\",\"check\":3,\"running\":false,\"step\":"
		 "\"hairpin\",\"servers\":%u,\"netcheck\":%s}\n",
		 servers, object);
	return reply;
}

static void start(struct world *w, struct daemon_fake *d, const char *interface, const char *answer)
{
	char path[108];

	snprintf(path, sizeof path, "%s/%s.sock", w->folder, interface);
	daemon_fake_start(d, path, REQUEST, answer, strlen(answer));
}

TEST(the_report_is_for_people)
{
	char text[REPORT_TEXT_MAX];
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", reply_with(2));
	assert_int_equal(world_run(&w, "netcheck", "wg0"), CLI_OK);
	report_text(&report, text);
	assert_string_equal(w.out, text);
	assert_non_null(strstr(w.out, "stun.example.org: no answer"));
	assert_string_equal(w.err, "");
	w.cli.columns = 80; /* a terminal: progress comes and goes */
	assert_int_equal(world_run(&w, "netcheck"), CLI_OK);
	assert_int_equal(strncmp(w.out, "\r\x1b[K", 4), 0);
	assert_string_equal(w.out + 4, text);
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(json_is_the_object_in_one_line)
{
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", reply_with(2));
	assert_int_equal(world_run(&w, "netcheck", "--json", "wg0"), CLI_OK);
	assert_int_equal(w.out_len, strlen(object) + 1);
	assert_memory_equal(w.out, object, strlen(object));
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(a_daemon_without_servers_is_told_of)
{
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0", reply_with(0));
	assert_int_equal(world_run(&w, "netcheck", "wg0"), CLI_OK);
	assert_non_null(strstr(w.err, "wg0 has no STUN server to ask"));
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(another_versions_answer_is_not_guessed_at)
{
	struct world w;
	struct daemon_fake d;

	world_init(&w);
	start(&w, &d, "wg0",
	      "{\"schema\":\"warren.reply/1\",\"check\":3,\"running\":false,\"servers\":1}\n");
	assert_int_equal(world_run(&w, "netcheck", "wg0", "--json"), CLI_FAILED);
	assert_string_equal(w.out, "");
	assert_non_null(strstr(w.err, "another version"));
	daemon_fake_stop(&d);
	world_free(&w);
}

TEST(without_a_daemon_it_says_what_needs_none)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "netcheck"), CLI_NOT_RUNNING);
	assert_non_null(strstr(w.err, "netcheck --stun SERVER needs none"));
	assert_int_equal(world_run(&w, "netcheck", "wg0"), CLI_NOT_RUNNING);
	assert_non_null(strstr(w.err, "wg0"));
	world_free(&w);
}

TEST(among_several_daemons_one_has_to_be_named)
{
	struct world w;
	struct daemon_fake a, b;

	world_init(&w);
	start(&w, &a, "wg0", reply_with(1));
	start(&w, &b, "wg1", reply_with(1));
	assert_int_equal(world_run(&w, "netcheck"), CLI_USAGE);
	assert_non_null(strstr(w.err, "2 interfaces"));
	daemon_fake_stop(&a);
	daemon_fake_stop(&b);
	world_free(&w);
}

TEST(what_it_does_not_know_is_a_usage_error)
{
	static const struct {
		const char *const args[12];
		const char *says;
	} rows[] = {
		{{"netcheck", "--turn"}, "`--turn`"},
		{{"netcheck", "--stun"}, "--stun wants a server"},
		{{"netcheck", "--stun", "a b"}, "`a b` is no server"},
		{{"netcheck", "--stun=2001:db8::1"}, "is no server"},
		{{"netcheck", "--stun=a:0"}, "is no server"},
		{{"netcheck", "wg0", "wg1"}, "`wg1`"},
		{{"netcheck", "../wg0"}, "no slash"},
		{{"netcheck", "wg0", "--stun=a"}, "leave out --stun"},
		{{"netcheck", "--stun=a", "--stun=b", "--stun=c", "--stun=d", "--stun=e",
		  "--stun=f", "--stun=g", "--stun=h", "--stun=i"},
		 "at most 8"},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(world_run_input(&w, NULL, 0, rows[i].args), CLI_USAGE);
		assert_non_null(strstr(w.err, rows[i].says));
	}
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_report_is_for_people),
		RUN(json_is_the_object_in_one_line),
		RUN(a_daemon_without_servers_is_told_of),
		RUN(another_versions_answer_is_not_guessed_at),
		RUN(without_a_daemon_it_says_what_needs_none),
		RUN(among_several_daemons_one_has_to_be_named),
		RUN(what_it_does_not_know_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
