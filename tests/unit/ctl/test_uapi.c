/* WireGuard's configuration protocol: what is one request, what is read of it, and what is refused. */
#include <errno.h>
#include <time.h>

#include "unit/ctl/uapi_text.h"

/* --- framing ---------------------------------------------------------------------------- */

TEST(a_request_ends_with_its_blank_line)
{
	const char *text = "set=1\nfwmark=1\n\nget=1\n\n";

	for (size_t len = 1; len < 16; len++)
		assert_int_equal(uapi_frame(text, len), 0);
	for (size_t len = 16; len <= strlen(text); len++)
		assert_int_equal(uapi_frame(text, len), 16);
	assert_int_equal(uapi_frame(text + 16, 6), 0);
	assert_int_equal(uapi_frame(text + 16, 7), 7);
	assert_int_equal(uapi_frame("set=1\n\n", 7), 7);
}

TEST(what_is_neither_get_nor_set_is_known_at_its_first_wrong_byte)
{
	const char *const texts[] = {"\n",     "x",         "g\n",     "get=2",
				     "get=10", "set=1\r\n", "GET=1\n", " get=1\n",
				     "set=\n", "\0get=1",   "setx"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(uapi_frame(texts[i], strlen(texts[i]) + (texts[i][0] == '\0')),
				 SIZE_MAX);
}

TEST(a_request_has_a_greatest_length)
{
	char *text = malloc(UAPI_REQUEST_MAX + 1);

	assert_non_null(text);
	memset(text, 'x', UAPI_REQUEST_MAX + 1);
	memcpy(text, "set=1\n", 6);
	assert_int_equal(uapi_frame(text, UAPI_REQUEST_MAX - 1), 0);
	assert_int_equal(uapi_frame(text, UAPI_REQUEST_MAX), SIZE_MAX);
	memcpy(text + UAPI_REQUEST_MAX - 2, "\n\n", 2);
	assert_int_equal(uapi_frame(text, UAPI_REQUEST_MAX), UAPI_REQUEST_MAX);
	memcpy(text + UAPI_REQUEST_MAX - 2, "x\n\n", 3);
	assert_int_equal(uapi_frame(text, UAPI_REQUEST_MAX + 1), SIZE_MAX);
	free(text);
}

/* --- reading ---------------------------------------------------------------------------- */

TEST(reads_every_key)
{
	struct delta *d = read_set(
		"private_key=" PRIV "\nlisten_port=51820\nfwmark=4294967295\nreplace_peers=true\n"
		"public_key=" P "\nupdate_only=true\npreshared_key=" Q "\nprotocol_version=1\n"
		"endpoint=[2001:db8::1]:51820\npersistent_keepalive_interval=65535\n"
		"replace_allowed_ips=true\nallowed_ip=10.66.1.7/24\nallowed_ip=-2001:db8::/32\n"
		"public_key=" Q "\nremove=true\n");

	assert_true(d->has_private_key && d->has_listen_port && d->has_fwmark && d->replace_peers);
	assert_false(d->has_name);
	assert_int_equal(d->private_key.bytes[31], 0x41);
	assert_int_equal(d->listen_port, 51820);
	assert_int_equal(d->fwmark, UINT32_MAX);

	assert_int_equal(d->peer_count, 2);
	const struct delta_peer *p = &d->peers[0];
	assert_int_equal(p->key.bytes[0], 0x11);
	assert_true(p->update_only && p->replace_allowed && p->has_psk && p->has_endpoint &&
		    p->has_keepalive);
	assert_false(p->remove || p->has_meta);
	assert_int_equal(p->psk.bytes[31], 0x22);
	assert_int_equal(p->endpoint.family, ADDR_V6);
	assert_int_equal(p->endpoint.port, 51820);
	assert_int_equal(p->keepalive, 65535);
	assert_int_equal(p->allowed_count, 2);
	assert_false(p->allowed[0].remove);
	assert_memory_equal(p->allowed[0].prefix.ip, "\x0a\x42\x01\x00", 4); /* host bits gone */
	assert_int_equal(p->allowed[0].prefix.len, 24);
	assert_true(p->allowed[1].remove);
	assert_int_equal(p->allowed[1].prefix.family, ADDR_V6);

	assert_int_equal(d->peers[1].key.bytes[0], 0x22);
	assert_true(d->peers[1].remove);
	assert_false(d->peers[1].update_only || d->peers[1].has_psk || d->peers[1].has_endpoint);
	delta_free(d);
}

TEST(an_empty_set_changes_nothing)
{
	struct delta *d = read_set("");

	assert_false(d->has_private_key || d->has_listen_port || d->has_fwmark || d->replace_peers);
	assert_int_equal(d->peer_count, 0);
	delta_free(d);
}

TEST(the_last_of_equal_lines_counts)
{
	struct delta *d = read_set("listen_port=1\nlisten_port=2\npublic_key=" P
				   "\npersistent_keepalive_interval=7\n"
				   "persistent_keepalive_interval=8\n");

	assert_int_equal(d->listen_port, 2);
	assert_int_equal(d->peers[0].keepalive, 8);
	delta_free(d);
}

TEST(replacing_allowed_ips_forgets_those_said_before)
{
	struct delta *d =
		read_set("public_key=" P "\nallowed_ip=10.66.1.0/24\nreplace_allowed_ips=true\n"
			 "allowed_ip=10.66.2.0/24\n");

	assert_int_equal(d->peers[0].allowed_count, 1);
	assert_int_equal(d->peers[0].allowed[0].prefix.ip[2], 2);
	delta_free(d);
}

TEST(keys_may_be_written_in_capitals)
{
	struct delta *d = read_set(
		"public_key=ABCDEF0000000000000000000000000000000000000000000000000000000000\n");

	assert_memory_equal(d->peers[0].key.bytes, "\xab\xcd\xef", 3);
	delta_free(d);
}

TEST(a_private_key_is_clamped_and_zero_stays_zero)
{
	struct delta *d = read_set(
		"private_key=ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n");

	assert_int_equal(d->private_key.bytes[0], 0xf8);
	assert_int_equal(d->private_key.bytes[31], 0x7f);
	delta_free(d);

	d = read_set("private_key=" ZERO "\n");
	assert_true(d->has_private_key && key_private_is_zero(&d->private_key));
	delta_free(d);
}

struct refusal {
	const char *lines;
	int error;
};

static const struct refusal refusals[] = {
	/* lines that are no lines */
	{"listen_port\n", EPROTO},
	{"fwmark=1\nx\nlisten_port=1\n", EPROTO},
	{PEER "remove\n", EPROTO},
	/* keys */
	{"frobnicate=1\n", EINVAL},
	{"=1\n", EINVAL},
	{"=\n", EINVAL},
	{"Listen_Port=1\n", EINVAL},
	{" listen_port=1\n", EINVAL},
	{"listen_port =1\n", EINVAL},
	{"listen_por=1\n", EINVAL},
	{"listen_port1=1\n", EINVAL},
	{"get=1\n", EINVAL},
	{"errno=0\n", EINVAL},
	{"name=me\n", EINVAL},
	/* the device's after a peer's, a peer's without a peer */
	{PEER "listen_port=1234\n", EINVAL},
	{PEER "private_key=" PRIV "\n", EINVAL},
	{PEER "replace_peers=true\n", EINVAL},
	{"allowed_ip=10.66.0.0/16\n", EINVAL},
	{"protocol_version=1\n", EINVAL},
	{"remove=true\n", EINVAL},
	/* keys of 32 bytes */
	{"private_key=zz\n", EINVAL},
	{"private_key=\n", EINVAL},
	{"private_key=" PRIV "00\n", EINVAL},
	{"private_key=404040404040404040404040404040404040404040404040404040404040404g\n", EINVAL},
	{"private_key=0x40404040404040404040404040404040404040404040404040404040404041\n", EINVAL},
	{"public_key=11\n", EINVAL},
	{"public_key=\n", EINVAL},
	{PEER "preshared_key=" P "1\n", EINVAL},
	{PEER "preshared_key=\n", EINVAL},
	/* numbers */
	{"listen_port=\n", EINVAL},
	{"listen_port=65536\n", EINVAL},
	{"listen_port=-1\n", EINVAL},
	{"listen_port=+1\n", EINVAL},
	{"listen_port=0x10\n", EINVAL},
	{"listen_port=1 \n", EINVAL},
	{"listen_port= 1\n", EINVAL},
	{"listen_port=1\r\n", EINVAL},
	{"listen_port=1=1\n", EINVAL},
	{"listen_port=18446744073709551617\n", EINVAL},
	{"fwmark=\n", EINVAL},
	{"fwmark=0x20\n", EINVAL},
	{"fwmark=off\n", EINVAL},
	{"fwmark=4294967296\n", EINVAL},
	{PEER "persistent_keepalive_interval=65536\n", EINVAL},
	{PEER "persistent_keepalive_interval=off\n", EINVAL},
	{PEER "persistent_keepalive_interval=\n", EINVAL},
	/* flags */
	{"replace_peers=false\n", EINVAL},
	{"replace_peers=1\n", EINVAL},
	{"replace_peers=\n", EINVAL},
	{PEER "remove=false\n", EINVAL},
	{PEER "update_only=TRUE\n", EINVAL},
	{PEER "replace_allowed_ips=\n", EINVAL},
	{PEER "protocol_version=2\n", EINVAL},
	{PEER "protocol_version=\n", EINVAL},
	{PEER "protocol_version=01\n", EINVAL},
	/* endpoints */
	{PEER "endpoint=\n", EINVAL},
	{PEER "endpoint=192.0.2.1\n", EINVAL},
	{PEER "endpoint=192.0.2.1:\n", EINVAL},
	{PEER "endpoint=192.0.2.1:0\n", EINVAL},
	{PEER "endpoint=192.0.2.1:65536\n", EINVAL},
	{PEER "endpoint=192.0.2.1:51820 \n", EINVAL},
	{PEER "endpoint=192.0.2:51820\n", EINVAL},
	{PEER "endpoint=2001:db8::1:51820\n", EINVAL},
	{PEER "endpoint=[2001:db8::1]\n", EINVAL},
	{PEER "endpoint=[2001:db8::1:51820\n", EINVAL},
	{PEER "endpoint=[192.0.2.1]:51820\n", EINVAL},
	{PEER "endpoint=example.com:51820\n", EINVAL},
	/* allowed IPs */
	{PEER "allowed_ip=\n", EINVAL},
	{PEER "allowed_ip=-\n", EINVAL},
	{PEER "allowed_ip=10.66.0.1\n", EINVAL},
	{PEER "allowed_ip=10.66.0.1/\n", EINVAL},
	{PEER "allowed_ip=10.66.0.1/33\n", EINVAL},
	{PEER "allowed_ip=10.66.0.1/-1\n", EINVAL},
	{PEER "allowed_ip=10.66.0.1/24/24\n", EINVAL},
	{PEER "allowed_ip=--10.66.0.1/32\n", EINVAL},
	{PEER "allowed_ip=+10.66.0.1/32\n", EINVAL},
	{PEER "allowed_ip=2001:db8::/129\n", EINVAL},
	{PEER "allowed_ip=10.66.0.0/16,10.67.0.0/16\n", EINVAL},
	/* values are read even where they will not count */
	{PEER "remove=true\nallowed_ip=x\n", EINVAL},
};

TEST(refuses_what_is_wrong_and_applies_nothing_of_it)
{
	struct mesh *m = new_mesh();

	assert_set(m, "private_key=" PRIV "\nfwmark=7\n");
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		char request[1024], expected[32];
		snprintf(request, sizeof request, "set=1\n%s\n", refusals[i].lines);
		snprintf(expected, sizeof expected, "errno=-%d\n\n", refusals[i].error);
		assert_answer(m, request, expected);
		assert_get(m, "private_key=" PRIV "\nfwmark=7\n");
	}
	mesh_free(m);
}

TEST(one_wrong_line_at_the_end_undoes_every_line_before_it)
{
	static const char *const wrong[] = {"frobnicate=1\n", "x\n", "allowed_ip=10.66.0.0\n"};
	struct mesh *m = new_mesh();

	assert_set(m, "private_key=" PRIV "\n" PEER "allowed_ip=10.66.0.0/16\n");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char request[2048];
		snprintf(request, sizeof request,
			 "set=1\nprivate_key=" ZERO
			 "\nlisten_port=5\nfwmark=3\nreplace_peers=true\n"
			 "public_key=" Q "\nallowed_ip=10.66.0.0/16\n" PEER "remove=true\n%s\n",
			 wrong[i]);
		assert_answer(m, request,
			      strcmp(wrong[i], "x\n") == 0 ? "errno=-71\n\n" : "errno=-22\n\n");
		assert_get(m, "private_key=" PRIV "\n" BARE_PEER(P, "allowed_ip=10.66.0.0/16\n"));
	}
	mesh_free(m);
}

TEST(the_first_wrong_line_names_the_error)
{
	struct mesh *m = new_mesh();

	assert_answer(m, "set=1\nx\nfrobnicate=1\n\n", "errno=-71\n\n");
	assert_answer(m, "set=1\nfrobnicate=1\nx\n\n", "errno=-22\n\n");
	mesh_free(m);
}

TEST(refuses_a_value_that_hides_behind_a_nul_byte)
{
	static const char request[] = "set=1\nlisten_port=1\0002\n\n";
	struct mesh *m = new_mesh();
	char *answer = ask(m, request, sizeof request - 1);

	assert_string_equal(answer, "errno=-22\n\n");
	key_free(answer);
	mesh_free(m);
}

TEST(refuses_a_line_without_end)
{
	char *request = malloc(100000);
	struct mesh *m = new_mesh();

	assert_non_null(request);
	memset(request, '0', 100000);
	memcpy(request, "set=1\nlisten_port=", 18);
	memcpy(request + 100000 - 3, "\n\n", 3);
	assert_answer(m, request, "errno=-22\n\n");
	free(request);
	mesh_free(m);
}

TEST(get_takes_no_lines_and_its_errors_are_positive)
{
	struct mesh *m = new_mesh();

	assert_answer(m, "get=1\nlisten_port=1\n\n", "errno=22\n\n");
	assert_answer(m, "get=1\nx\n\n", "errno=22\n\n");
	mesh_free(m);
}

TEST(anything_but_one_whole_request_is_refused)
{
	static const char *const texts[] = {"",
					    "\n",
					    "\n\n",
					    "get=1\n",
					    "get=1",
					    "set=1\n",
					    "set=1\nfwmark=1\n",
					    "set=2\n\n",
					    "hello=1\n\n",
					    "get=1\n\nget=1\n\n",
					    "get=1\r\n\r\n",
					    "set=1\r\nfwmark=1\r\n\r\n"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct delta *d;
		int error;
		assert_int_equal(uapi_read(texts[i], strlen(texts[i]), &d, &error), UAPI_BAD);
		assert_int_equal(error, EPROTO);
		assert_null(d);
	}
}

TEST(errors_are_negative_on_set_and_positive_on_get)
{
	char buf[UAPI_RESULT_MAX];

	assert_int_equal(uapi_write_result(buf, sizeof buf, UAPI_SET, EADDRINUSE), 11);
	assert_string_equal(buf, "errno=-98\n\n");
	uapi_write_result(buf, sizeof buf, UAPI_SET, 0);
	assert_string_equal(buf, "errno=0\n\n");
	uapi_write_result(buf, sizeof buf, UAPI_BAD, EPROTO);
	assert_string_equal(buf, "errno=-71\n\n");
	uapi_write_result(buf, sizeof buf, UAPI_GET, ENOMEM);
	assert_string_equal(buf, "errno=12\n\n");
	uapi_write_result(buf, sizeof buf, UAPI_BAD_GET, EINVAL);
	assert_string_equal(buf, "errno=22\n\n");
}

TEST(refuses_more_sections_than_there_can_be_peers)
{
	const size_t sections = 2 * MESH_PEERS_MAX, line = strlen(PEER);
	char *request = malloc(6 + (sections + 1) * line + 2);
	struct delta *d;
	int error;

	assert_non_null(request);
	memcpy(request, "set=1\n", 6);
	for (size_t i = 0; i <= sections; i++)
		memcpy(request + 6 + i * line, PEER, line + 1);
	request[6 + (sections + 1) * line] = '\n';
	assert_int_equal(uapi_read(request, 6 + (sections + 1) * line + 1, &d, &error), UAPI_BAD);
	assert_int_equal(error, E2BIG);

	request[6 + sections * line] = '\n';
	assert_int_equal(uapi_read(request, 6 + sections * line + 1, &d, &error), UAPI_SET);
	assert_int_equal(d->peer_count, sections);
	delta_free(d);
	free(request);
}

/* --- what others got wrong (reliability.md, section 5) ---------------------------------- */

TEST(vuln_19_takes_no_path_no_name_and_no_command)
{
	static const char *const lines[] = {"config=/etc/passwd\n",
					    "log_file=/tmp/x\n",
					    "include=/etc/passwd\n",
					    "interface=wg1\n",
					    "post_up=id\n",
					    "private_key=/etc/passwd\n",
					    "private_key=@/etc/passwd\n",
					    "private_key=$(id)\n",
					    PEER "preshared_key=/etc/passwd\n",
					    PEER "psk_file=/etc/passwd\n",
					    PEER "endpoint=/run/x.sock\n",
					    PEER "endpoint=localhost:51820\n",
					    PEER "allowed_ip=10.66.0.0/16;id\n",
					    PEER "name=`id`\n"};
	struct mesh *m = new_mesh();

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		char request[1024];
		snprintf(request, sizeof request, "set=1\n%s\n", lines[i]);
		assert_answer(m, request, "errno=-22\n\n");
	}
	assert_get(m, "");
	mesh_free(m);
}

static const char whole[] =
	"set=1\nprivate_key=" PRIV
	"\nlisten_port=51820\nfwmark=32\nreplace_peers=true\npublic_key=" P "\npreshared_key=" Q
	"\nendpoint=[2001:db8::1]:51820\npersistent_keepalive_interval=25\n"
	"replace_allowed_ips=true\nallowed_ip=10.66.0.1/32\nallowed_ip=-2001:db8::/"
	"32\nprotocol_version=1\n"
	"public_key=" Q "\nremove=true\n\n";

static void assert_read_is_sane(const char *text, size_t len)
{
	struct delta *d;
	int error;
	enum uapi_request what = uapi_read(text, len, &d, &error);

	assert_int_equal(what == UAPI_SET, d != NULL);
	assert_int_equal(what == UAPI_SET || what == UAPI_GET, error == 0);
	delta_free(d);
}

TEST(vuln_57_no_text_reaches_an_assert)
{
	static const char bytes[] = "\0\n=-/:0gZ\xff";
	char text[sizeof whole];

	for (size_t len = 0; len < sizeof whole; len++)
		assert_read_is_sane(whole, len);
	for (size_t at = 0; at < sizeof whole - 1; at++) {
		for (size_t b = 0; b < sizeof bytes - 1; b++) {
			memcpy(text, whole, sizeof whole);
			text[at] = bytes[b];
			assert_read_is_sane(text, sizeof whole - 1);
		}
	}
}

/* --- sizes ------------------------------------------------------------------------------ */

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* Bounds on time are wide: they catch work that grows with the square of what came in, on any
 * machine. */
#define BOUND 2.0

TEST(ten_megabytes_of_rubbish_cost_little)
{
	const size_t len = 10000000;
	char *text = malloc(len);
	struct delta *d;
	int error;

	assert_non_null(text);
	double began = cpu_seconds();
	memset(text, 'x', len);
	assert_int_equal(uapi_frame(text, len), SIZE_MAX);
	memcpy(text, "set=1\n", 6);
	assert_int_equal(uapi_frame(text, len), SIZE_MAX);

	/* the most that is read: one line short of a request, all of it wrong or all of it right */
	memset(text, '\n', 1 + UAPI_REQUEST_MAX);
	memcpy(text, "set=1\nx", 7);
	assert_int_equal(uapi_read(text, 9, &d, &error), UAPI_BAD);
	size_t at = 6;
	for (; at + 16 < UAPI_REQUEST_MAX; at += 9)
		memcpy(text + at, "fwmark=1\n", 9);
	assert_int_equal(uapi_read(text, at + 1, &d, &error), UAPI_SET);
	assert_true(cpu_seconds() - began < BOUND);
	delta_free(d);
	free(text);
}

TEST(a_thousand_peers_are_set_and_printed_in_linear_time)
{
	struct mesh *m = new_mesh();
	size_t room = 1000 * 128, at = 0, len = 0, peers = 0;
	char *request = malloc(room);

	assert_non_null(request);
	at += (size_t)snprintf(request, room, "set=1\n");
	for (unsigned i = 1; i <= 1000; i++)
		at += (size_t)snprintf(
			request + at, room - at,
			"public_key=%"
			"04x0000000000000000000000000000000000000000000000000000000000ff\n"
			"allowed_ip=10.66.%u.%u/32\n",
			i, i / 250, i % 250);
	at += (size_t)snprintf(request + at, room - at, "\n");
	double began = cpu_seconds();
	assert_answer(m, request, "errno=0\n\n");
	char *answer = uapi_write_get(m, NOW, &len);
	assert_true(cpu_seconds() - began < BOUND);

	assert_non_null(answer);
	for (const char *p = answer; (p = strstr(p, "public_key=")) != NULL; p++)
		peers++;
	assert_int_equal(peers, 1000);
	assert_string_equal(answer + len - 9, "errno=0\n\n");
	key_free(answer);
	free(request);
	mesh_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_request_ends_with_its_blank_line),
		RUN(what_is_neither_get_nor_set_is_known_at_its_first_wrong_byte),
		RUN(a_request_has_a_greatest_length),
		RUN(reads_every_key),
		RUN(an_empty_set_changes_nothing),
		RUN(the_last_of_equal_lines_counts),
		RUN(replacing_allowed_ips_forgets_those_said_before),
		RUN(keys_may_be_written_in_capitals),
		RUN(a_private_key_is_clamped_and_zero_stays_zero),
		RUN(refuses_what_is_wrong_and_applies_nothing_of_it),
		RUN(one_wrong_line_at_the_end_undoes_every_line_before_it),
		RUN(the_first_wrong_line_names_the_error),
		RUN(refuses_a_value_that_hides_behind_a_nul_byte),
		RUN(refuses_a_line_without_end),
		RUN(get_takes_no_lines_and_its_errors_are_positive),
		RUN(anything_but_one_whole_request_is_refused),
		RUN(errors_are_negative_on_set_and_positive_on_get),
		RUN(refuses_more_sections_than_there_can_be_peers),
		RUN(vuln_19_takes_no_path_no_name_and_no_command),
		RUN(vuln_57_no_text_reaches_an_assert),
		RUN(ten_megabytes_of_rubbish_cost_little),
		RUN(a_thousand_peers_are_set_and_printed_in_linear_time),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
