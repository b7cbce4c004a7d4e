/* WireGuard's configuration protocol: text in, answer out, through a real mesh. The answers were
 * compared with those of wireguard-go 0.0.20220316; where interface.md section 3 says otherwise,
 * that counts. */
#include "ctl/uapi.h"

#include <errno.h>
#include <time.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "support/env_fake.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW  SEC(1000)
#define PRIV "4040404040404040404040404040404040404040404040404040404040404041"
#define OWN                                                                                        \
	"16cc47ba4376ea9de41e2e0d41d924292b54c74b2a9b76201b3aa51a6906654e" /* the public key of    \
									      PRIV */
#define P    "1111111111111111111111111111111111111111111111111111111111111111"
#define Q    "2222222222222222222222222222222222222222222222222222222222222222"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static struct env_fake env;
static struct outbox outbox;

static int start(void **state)
{
	(void)state;
	env_fake_init(&env, 1);
	return crypto_init(NULL) != 0 || outbox_init(&outbox) != 0;
}

static int stop(void **state)
{
	(void)state;
	outbox_free(&outbox);
	return 0;
}

static struct mesh *new_mesh(void)
{
	struct mesh *m = mesh_new(&env.env);

	assert_non_null(m);
	return m;
}

/* What the daemon does with one whole request. Free the answer with key_free. */
static char *ask(struct mesh *m, const char *text, size_t len)
{
	struct delta *delta;
	int error;
	enum uapi_request what = uapi_read(text, len, &delta, &error);
	char *answer;

	if (what == UAPI_GET) {
		answer = uapi_write_get(m, NOW, &len);
		assert_non_null(answer);
		assert_int_equal(len, strlen(answer));
		return answer;
	}
	if (what == UAPI_SET) {
		error = -mesh_apply(m, delta, NOW, &outbox);
		outbox_clear(&outbox);
	}
	delta_free(delta);
	answer = key_alloc(UAPI_RESULT_MAX);
	assert_non_null(answer);
	len = uapi_write_result(answer, UAPI_RESULT_MAX, what, error);
	assert_int_equal(len, strlen(answer));
	return answer;
}

#define assert_answer(m, request, expected) assert_answer_at(m, request, expected, __LINE__)
static void assert_answer_at(struct mesh *m, const char *request, const char *expected, int line)
{
	size_t len = strlen(request);

	if (uapi_frame(request, len) != len)
		fail_msg("line %d: not one request: %s", line, request);
	char *answer = ask(m, request, len);
	if (strcmp(answer, expected) != 0)
		fail_msg("line %d: %s answered %s instead of %s", line, request, answer, expected);
	key_free(answer);
}

static void assert_set(struct mesh *m, const char *lines)
{
	char request[4096];

	snprintf(request, sizeof request, "set=1\n%s\n", lines);
	assert_answer(m, request, "errno=0\n\n");
}

/* What get says, without its errno line. */
static void assert_get(struct mesh *m, const char *lines)
{
	char expected[4096];

	snprintf(expected, sizeof expected, "%serrno=0\n\n", lines);
	assert_answer(m, "get=1\n\n", expected);
}

/* A set read by itself, which must be well formed. */
static struct delta *read_set(const char *lines)
{
	char request[4096];
	struct delta *d;
	int error;

	snprintf(request, sizeof request, "set=1\n%s\n", lines);
	assert_int_equal(uapi_read(request, strlen(request), &d, &error), UAPI_SET);
	assert_int_equal(error, 0);
	assert_non_null(d);
	return d;
}

#define PEER_LINES(key, psk, endpoint, tx, keepalive, allowed)                                     \
	"public_key=" key "\npreshared_key=" psk "\nprotocol_version=1\n" endpoint                 \
	"last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=" tx "\nrx_bytes=0\n"     \
	"persistent_keepalive_interval=" keepalive "\n" allowed
/* A peer about which nothing was said but its allowed IPs. */
#define BARE_PEER(key, allowed) PEER_LINES(key, ZERO, "", "0", "0", allowed)

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

#define PEER "public_key=" P "\n"

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

/* --- set and get together --------------------------------------------------------------- */

TEST(get_prints_what_wireguard_go_prints)
{
	struct mesh *m = new_mesh();

	/* 148 bytes: a keepalive that is turned on starts a handshake */
	assert_get(m, "");
	assert_set(m, "private_key=" PRIV "\nlisten_port=51820\nfwmark=32\nreplace_peers=true\n"
		      "public_key=" P "\npreshared_key=" Q
		      "\nendpoint=192.0.2.1:51820\npersistent_keepalive_interval=25\n"
		      "replace_allowed_ips=true\nallowed_ip=10.66.0.1/32\nallowed_ip=10.66.1.9/"
		      "24\nallowed_ip=2001:db8::/32\n"
		      "public_key=" Q "\nendpoint=[2001:db8::1]:51820\n");
	assert_get(m, "private_key=" PRIV "\nlisten_port=51820\nfwmark=32\n" PEER_LINES(
			      P, Q, "endpoint=192.0.2.1:51820\n", "148", "25",
			      "allowed_ip=10.66.0.1/32\nallowed_ip=10.66.1.0/"
			      "24\nallowed_ip=2001:db8::/32\n")
			      PEER_LINES(Q, ZERO, "endpoint=[2001:db8::1]:51820\n", "0", "0", ""));
	mesh_free(m);
}

TEST(a_handshake_is_told_in_seconds_and_nanoseconds_of_the_wall_clock)
{
	struct node *a = node_start(1), *b = node_start(2);
	usec now = SEC(1) + 234567;
	char expected[512], hex[65];
	size_t len;

	struct delta *d = node_identity(a);
	node_add_peer(d, b, "", false, true);
	node_apply(a, d, now);
	d = node_identity(b);
	node_add_peer(d, a, "", false, false);
	node_apply(b, d, now);
	node_connect(a, b, now);

	char *answer = uapi_write_get(a->m, now + SEC(5), &len);
	assert_non_null(answer);
	text_hex32_print(hex, b->key.bytes);
	/* out: initiation 148, data 32 + 32; in: response 92 */
	snprintf(expected, sizeof expected,
		 "public_key=%s\npreshared_key=" ZERO
		 "\nprotocol_version=1\nendpoint=192.0.2.2:51820\n"
		 "last_handshake_time_sec=1795260001\nlast_handshake_time_nsec=234567000\n"
		 "tx_bytes=212\nrx_bytes=92\npersistent_keepalive_interval=0\nallowed_ip=10.66.0.2/"
		 "32\n"
		 "allowed_ip=2001:db8:66::2/128\n"
		 "errno=0\n\n",
		 hex);
	assert_string_equal(strstr(answer, "public_key="), expected);
	key_free(answer);
	node_stop(b);
	node_stop(a);
}

TEST(a_zero_private_key_is_forgotten_and_a_zero_psk_and_mark_are_none)
{
	struct mesh *m = new_mesh();

	assert_set(m, "private_key=" PRIV "\nfwmark=1\n" PEER "preshared_key=" Q "\n");
	assert_set(m, "private_key=" ZERO "\nfwmark=0\n" PEER "preshared_key=" ZERO "\n");
	assert_get(m, BARE_PEER(P, ""));
	mesh_free(m);
}

TEST(update_only_makes_no_peer_and_remove_wants_none)
{
	struct mesh *m = new_mesh();

	assert_set(m, PEER "update_only=true\nallowed_ip=10.66.0.1/32\n");
	assert_set(m, PEER "remove=true\nallowed_ip=10.66.0.1/32\n");
	assert_get(m, "");

	assert_set(m, PEER);
	assert_set(m, PEER "update_only=true\nallowed_ip=10.66.0.1/32\n");
	assert_get(m, BARE_PEER(P, "allowed_ip=10.66.0.1/32\n"));
	assert_set(m, PEER "remove=true\n");
	assert_get(m, "");
	mesh_free(m);
}

TEST(replace_peers_forgets_all_that_are_not_said_again)
{
	struct mesh *m = new_mesh();

	assert_set(m, PEER "allowed_ip=10.66.0.1/32\npublic_key=" Q "\n");
	assert_set(m, "replace_peers=true\npublic_key=" Q "\nallowed_ip=10.66.0.2/32\n");
	assert_get(m, BARE_PEER(Q, "allowed_ip=10.66.0.2/32\n"));
	assert_set(m, "replace_peers=true\n");
	assert_get(m, "");
	mesh_free(m);
}

TEST(an_allowed_ip_moves_and_only_its_owner_can_remove_it)
{
	struct mesh *m = new_mesh();

	assert_set(m, PEER "allowed_ip=10.66.0.0/16\nallowed_ip=10.66.0.1/32\n");
	assert_set(m, "public_key=" Q "\nallowed_ip=10.66.0.0/16\n");
	assert_get(m, BARE_PEER(P, "allowed_ip=10.66.0.1/32\n")
			      BARE_PEER(Q, "allowed_ip=10.66.0.0/16\n"));
	assert_set(m, "public_key=" Q "\nallowed_ip=-10.66.0.1/32\n");
	assert_get(m, BARE_PEER(P, "allowed_ip=10.66.0.1/32\n")
			      BARE_PEER(Q, "allowed_ip=10.66.0.0/16\n"));
	assert_set(m, PEER "allowed_ip=-10.66.0.1/32\n");
	assert_get(m, BARE_PEER(P, "") BARE_PEER(Q, "allowed_ip=10.66.0.0/16\n"));
	mesh_free(m);
}

TEST(two_sections_of_one_peer_are_applied_in_turn)
{
	struct mesh *m = new_mesh();

	assert_set(m, PEER "allowed_ip=10.66.1.0/24\npersistent_keepalive_interval=1\n"
			   "public_key=" Q "\n" PEER
			   "allowed_ip=10.66.2.0/24\npersistent_keepalive_interval=2\n");
	assert_get(m, PEER_LINES(P, ZERO, "", "0", "2",
				 "allowed_ip=10.66.1.0/24\nallowed_ip=10.66.2.0/24\n")
			      BARE_PEER(Q, ""));
	assert_set(m, PEER "remove=true\n" PEER "allowed_ip=10.66.3.0/24\n");
	assert_get(m, BARE_PEER(Q, "") BARE_PEER(P, "allowed_ip=10.66.3.0/24\n"));
	mesh_free(m);
}

TEST(our_own_key_as_a_peer_is_ignored)
{
	struct mesh *m = new_mesh();

	assert_set(m, "private_key=" PRIV "\npublic_key=" OWN "\nallowed_ip=10.66.0.0/24\n");
	assert_get(m, "private_key=" PRIV "\n");
	assert_answer(m, "set=1\npublic_key=" OWN "\nendpoint=x\n\n", "errno=-22\n\n");

	assert_set(m, "private_key=" ZERO "\npublic_key=" OWN "\n");
	assert_get(m, BARE_PEER(OWN, ""));
	assert_set(m, "private_key=" PRIV "\n");
	assert_get(m, "private_key=" PRIV "\n");
	mesh_free(m);
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

TEST(vuln_34_two_encodings_of_a_key_are_one_peer)
{
	struct mesh *m = new_mesh();

	/* the high bit, which X25519 ignores */
	assert_set(m, PEER "allowed_ip=10.66.0.1/32\n");
	assert_set(m,
		   "public_key=1111111111111111111111111111111111111111111111111111111111111191\n"
		   "allowed_ip=10.66.0.2/32\n");
	assert_get(m, BARE_PEER(P, "allowed_ip=10.66.0.1/32\nallowed_ip=10.66.0.2/32\n"));

	/* 9 + (2^255 - 19) is 9 again, the base point */
	assert_set(m, "replace_peers=true\npublic_key="
		      "0900000000000000000000000000000000000000000000000000000000000000\n");
	assert_set(
		m,
		"public_key="
		"f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f\nremove=true\n");
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

/* --- get amid changes ------------------------------------------------------------------- */

/* One of four peers is added, changed or removed, or we get a key: theirs, none. */
static void random_set(struct mesh *m, struct rand *r)
{
	static const char *const changes[] = {
		"remove=true\n",
		"preshared_key=" Q "\nallowed_ip=10.66.0.0/16\n",
		"endpoint=192.0.2.1:51820\npersistent_keepalive_interval=25\n",
		"update_only=true\nreplace_allowed_ips=true\nallowed_ip=10.66.1.0/24\n",
	};
	char private[65], public[65], lines[512];
	uint32_t what = rand_below(r, 7);
	struct key_private secret;
	struct key_public key;

	memset(secret.bytes, (int)(1 + rand_below(r, 4)), sizeof secret.bytes);
	key_private_clamp(&secret);
	key_public_from(&key, &secret);
	text_hex32_print(private, secret.bytes);
	text_hex32_print(public, key.bytes);
	if (what < 4)
		snprintf(lines, sizeof lines, "public_key=%s\n%s", public, changes[what]);
	else
		snprintf(lines, sizeof lines, "private_key=%s\n%s", what == 4 ? ZERO : private,
			 what == 5 ? "replace_peers=true\n" : "");
	assert_set(m, lines);
}

static size_t occurrences(const char *text, const char *of)
{
	size_t count = 0;

	for (; (text = strstr(text, of)) != NULL; text += strlen(of))
		count++;
	return count;
}

static void assert_answer_is_of(const struct mesh *m, const char *answer)
{
	struct mesh_view v;
	char line[80];
	size_t peers = 0;

	mesh_look(m, &v);
	for (const struct peer *p = mesh_peer_next(m, NULL); p != NULL; p = mesh_peer_next(m, p)) {
		struct mesh_peer_view look;
		mesh_peer_look(m, p, NOW, &look);
		assert_false(v.has_private_key && key_public_equal(&look.key, &v.public_key));
		strcpy(line, "public_key=");
		text_hex32_print(line + strlen(line), look.key.bytes);
		assert_int_equal(occurrences(answer, line), 1);
		peers++;
	}
	assert_int_equal(occurrences(answer, "public_key="), peers);
	assert_int_equal(v.peer_count, peers);
	assert_int_equal(occurrences(answer, "private_key="), v.has_private_key);
	assert_int_equal(occurrences(answer, "errno=0\n\n"), 1);
}

/* And an answer that a slow client has not read yet stays what it was, until it is wiped. */
TEST(vuln_46_get_amid_changes_of_peers_and_keys)
{
	struct mesh *m = new_mesh();
	char *answers[2] = {NULL, NULL}, *copy = NULL;

	for (int i = 0; i < 2000; i++) {
		random_set(m, &env.rand);
		answers[1] = ask(m, "get=1\n\n", 7);
		assert_answer_is_of(m, answers[1]);
		if (i > 0)
			assert_string_equal(answers[0], copy);
		free(copy);
		copy = strdup(answers[1]);
		key_free(answers[0]);
		answers[0] = answers[1];
	}
	mesh_free(m);
	assert_string_equal(answers[0], copy);
	key_free(answers[0]);
	free(copy);
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
		RUN(get_prints_what_wireguard_go_prints),
		RUN(a_handshake_is_told_in_seconds_and_nanoseconds_of_the_wall_clock),
		RUN(a_zero_private_key_is_forgotten_and_a_zero_psk_and_mark_are_none),
		RUN(update_only_makes_no_peer_and_remove_wants_none),
		RUN(replace_peers_forgets_all_that_are_not_said_again),
		RUN(an_allowed_ip_moves_and_only_its_owner_can_remove_it),
		RUN(two_sections_of_one_peer_are_applied_in_turn),
		RUN(our_own_key_as_a_peer_is_ignored),
		RUN(vuln_19_takes_no_path_no_name_and_no_command),
		RUN(vuln_34_two_encodings_of_a_key_are_one_peer),
		RUN(vuln_46_get_amid_changes_of_peers_and_keys),
		RUN(vuln_57_no_text_reaches_an_assert),
		RUN(ten_megabytes_of_rubbish_cost_little),
		RUN(a_thousand_peers_are_set_and_printed_in_linear_time),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
