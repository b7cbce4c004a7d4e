/* What wg set and wg syncconf do to a node that runs: text in, through real meshes. Where it matters to
 * whom they serve, the kernel's WireGuard is followed. */
#include "ctl/uapi.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include "support/nodes.h"
#include "support/test.h"
#include "wg/message.h"

#define NOW SEC(1000)

static struct node *a, *b;

static int start(void **state)
{
	(void)state;
	a = node_start(1);
	b = node_start(2);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	node_stop(a);
	node_stop(b);
	return 0;
}

static int start_crypto(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

/* "key=" and these 32 bytes. */
static const char *key_line(const char *key, const uint8_t bytes[static KEY_LEN])
{
	static char line[128];
	char hex[2 * KEY_LEN + 1];

	text_hex32_print(hex, bytes);
	snprintf(line, sizeof line, "%s=%s\n", key, hex);
	return line;
}

static void set(struct node *n, const char *first, const char *rest, usec now)
{
	char request[1024];
	struct delta *d;
	int error;

	int len = snprintf(request, sizeof request, "set=1\n%s%s\n", first, rest);
	assert_int_equal(uapi_read(request, (size_t)len, &d, &error), UAPI_SET);
	node_apply(n, d, now);
}

static void set_peer(struct node *n, const struct node *peer, const char *lines, usec now)
{
	set(n, key_line("public_key", peer->key.bytes), lines, now);
}

static bool is_direct(const struct node *n, const struct node *peer, usec now)
{
	struct mesh_peer_view v;

	mesh_peer_look(n->m, mesh_peer_find(n->m, &peer->key), now, &v);
	return v.state == MESH_PEER_DIRECT;
}

TEST(the_private_key_said_again_leaves_sessions_alone)
{
	node_introduce(a, b, NOW);
	node_connect(a, b, NOW);
	assert_true(is_direct(a, b, NOW));
	set(a, key_line("private_key", a->secret.bytes), "", NOW);
	assert_true(is_direct(a, b, NOW));
	assert_int_equal(a->out.net.count, 0);
}

TEST(another_private_key_ends_sessions)
{
	node_introduce(a, b, NOW);
	node_connect(a, b, NOW);
	set(a, "private_key=4040404040404040404040404040404040404040404040404040404040404041\n", "",
	    NOW);
	assert_false(is_direct(a, b, NOW));
}

TEST(a_keepalive_that_waited_for_an_endpoint_leaves_when_it_comes)
{
	node_apply(a, node_identity(a), NOW);
	set_peer(a, b, "persistent_keepalive_interval=25\n", NOW);
	assert_int_equal(a->out.net.count, 0);
	node_pass_time(a, NOW, NOW + SEC(60));
	set_peer(a, b, "endpoint=192.0.2.2:51820\n", NOW + SEC(60));
	assert_int_equal(a->out.net.count, 1);
}

TEST(a_keepalive_that_waited_for_a_private_key_leaves_when_it_comes)
{
	set_peer(a, b, "endpoint=192.0.2.2:51820\npersistent_keepalive_interval=25\n", NOW);
	node_pass_time(a, NOW, NOW + SEC(60));
	assert_int_equal(a->out.net.count, 0);
	set(a, key_line("private_key", a->secret.bytes), "", NOW + SEC(60));
	assert_int_equal(a->out.net.count, 1);
}

TEST(a_peer_without_endpoint_is_answered_where_it_spoke_from)
{
	node_introduce(a, b, NOW);
	set(b, "replace_peers=true\n", "", NOW);
	node_apply(b, node_identity(b), NOW);
	set_peer(b, a, "allowed_ip=10.66.0.1/32\n", NOW);
	node_send(b, a->number, NOW);
	assert_int_equal(b->out.net.count, 0);
	node_connect(a, b, NOW + SEC(1));
	assert_true(is_direct(b, a, NOW + SEC(1)));
	node_send(b, a->number, NOW + SEC(2));
	assert_int_equal(b->out.net.count, 1);
}

TEST(a_retry_goes_to_the_endpoint_that_was_set_meanwhile)
{
	static struct letter letters[4];

	node_introduce(a, b, NOW);
	node_send(a, b->number, NOW);
	assert_int_equal(node_take(a, letters, 4), 1);
	assert_int_equal(letters[0].to, b->number);
	set_peer(a, b, "endpoint=192.0.2.3:51820\n", NOW + MSEC(1));
	mesh_tick(a->m, NOW + SEC(1), &a->out);
	assert_int_equal(node_take(a, letters, 4), 1);
	assert_int_equal(letters[0].to, 3);
}

TEST(a_psk_counts_from_the_next_handshake_on_and_at_both_ends)
{
	static const char psk[] = "preshared_key="
				  "5050505050505050505050505050505050505050505050505050505050505050"
				  "\n";
	usec renewed = NOW + REJECT_AFTER;

	node_introduce(a, b, NOW);
	node_connect(a, b, NOW);
	set_peer(a, b, psk, NOW + SEC(1));
	assert_true(is_direct(a, b, renewed - 1));

	node_connect(a, b, renewed);
	assert_false(is_direct(a, b, renewed));
	set_peer(b, a, psk, renewed);
	node_connect(a, b, renewed + SEC(1)); /* the next retry */
	assert_true(is_direct(a, b, renewed + SEC(1)));
	assert_true(is_direct(b, a, renewed + SEC(1)));
}

#define LIVE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE(the_private_key_said_again_leaves_sessions_alone),
		LIVE(another_private_key_ends_sessions),
		LIVE(a_keepalive_that_waited_for_an_endpoint_leaves_when_it_comes),
		LIVE(a_keepalive_that_waited_for_a_private_key_leaves_when_it_comes),
		LIVE(a_peer_without_endpoint_is_answered_where_it_spoke_from),
		LIVE(a_retry_goes_to_the_endpoint_that_was_set_meanwhile),
		LIVE(a_psk_counts_from_the_next_handshake_on_and_at_both_ends),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
