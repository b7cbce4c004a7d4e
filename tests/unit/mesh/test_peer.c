/* One peer: its settings, where its packets go, and what is said about it. */
#include "mesh/peer.h"

#include <errno.h>

#include "crypto/crypto.h"
#include "support/env_fake.h"
#include "support/forge.h"
#include "support/hexdata.h"
#include "support/test.h"

static struct env_fake env;
static struct tunnel_shared shared;
static struct outbox out;
static struct peer *peer;
static struct key_public key;
static const struct host host; /* nothing is known of it */

static int start(void **state)
{
	struct key_private secret;

	(void)state;
	env_fake_init(&env, 1);
	shared = (struct tunnel_shared){.env = &env.env};
	key_private_generate(&secret, &env.env);
	noise_local_init(&shared.local, &secret);
	key_private_generate(&secret, &env.env);
	key_public_from(&key, &secret);
	return staging_init(&shared.staging) < 0 || index_init(&shared.index, TUNNEL_INDICES) < 0 ||
	       outbox_init(&out) < 0 || peer_new(&peer, &shared, &key) < 0;
}

static int stop(void **state)
{
	(void)state;
	peer_free(peer);
	assert_int_equal(shared.index.count, 0);
	staging_free(&shared.staging);
	index_free(&shared.index);
	outbox_free(&out);
	return 0;
}

static struct via via(uint8_t remote, uint8_t local)
{
	return (struct via){
		.kind = VIA_DIRECT,
		.remote = addr_v4((uint8_t[]){192, 0, 2, remote}, 51820),
		.local = addr_v4((uint8_t[]){198, 51, 100, local}, 51820),
	};
}

TEST(begins_without_name_way_or_session)
{
	char short_key[KEY_SHORT_MAX];

	assert_string_equal(peer_label(peer), key_public_short(&key, short_key));
	assert_int_equal(peer->via.kind, VIA_NONE);
	assert_int_equal(peer->keepalive, 0);
	assert_true(peer->direct_since == USEC_NEVER);
	assert_true(tunnel_deadline(&peer->tunnel) == USEC_NEVER);
	peer_free(NULL);
}

TEST(vuln_45_takes_no_low_order_key)
{
	struct peer *p = NULL;

	for (size_t i = 0; i < FORGE_LOW_ORDER_COUNT; i++) {
		struct key_public point;
		hexdata(point.bytes, sizeof point.bytes, forge_low_order[i]);
		assert_int_equal(peer_new(&p, &shared, &point), -EINVAL);
		assert_null(p);
	}
}

TEST(takes_only_what_a_change_says)
{
	struct delta_peer d = {
		.key = key,
		.has_psk = true,
		.psk = {{7}},
		.has_endpoint = true,
		.endpoint = via(1, 0).remote,
		.has_keepalive = true,
		.keepalive = 25,
		.has_meta = true,
		.name = "nas",
		.anchor = true,
		.path = CONF_PATH_RELAY,
	};

	peer_apply(peer, &d, SEC(1));
	peer_apply(peer, &(struct delta_peer){.key = key}, SEC(1));
	assert_string_equal(peer_label(peer), "nas");
	assert_true(peer->anchor);
	assert_int_equal(peer->path, CONF_PATH_RELAY);
	assert_int_equal(peer->keepalive, 25);
	assert_int_equal(peer->via.kind, VIA_DIRECT);
	assert_int_equal(peer->via.door, 0);
	assert_true(addr_equal(&peer->via.remote, &d.endpoint));
	assert_int_equal(peer->tunnel.remote.psk.bytes[0], 7);

	d = (struct delta_peer){.key = key,
				.has_psk = true,
				.has_keepalive = true,
				.has_endpoint = true,
				.has_meta = true};
	assert_true(addr_parse(&d.endpoint, "[2001:db8::1]:51820"));
	peer_apply(peer, &d, SEC(1));
	assert_true(key_shared_is_zero(&peer->tunnel.remote.psk));
	assert_int_equal(peer->keepalive, 0);
	assert_string_equal(peer_label(peer), peer->short_key);
	assert_int_equal(peer->via.door, 1);
}

TEST(keeps_the_own_address_it_was_spoken_to_when_the_same_endpoint_is_set)
{
	struct via spoken = via(1, 9);
	struct delta_peer d = {.key = key, .has_endpoint = true, .endpoint = spoken.remote};

	peer_heard(peer, &spoken, &host, 0);
	peer_apply(peer, &d, SEC(1));
	assert_true(addr_equal(&peer->via.local, &spoken.local));

	d.endpoint = via(2, 0).remote;
	peer_apply(peer, &d, SEC(1));
	assert_true(addr_equal(&peer->via.remote, &d.endpoint));
	assert_false(addr_is_set(&peer->via.local)); /* whichever leads there */
}

TEST(follows_the_address_it_is_heard_from_and_counts_the_moves)
{
	struct via first = via(1, 8), moved = via(2, 8), pinned = via(2, 9);

	peer_heard(peer, &first, &host, 0);
	assert_int_equal(peer->switches, 0); /* nothing was known before */
	assert_int_equal(env.lines, 0);
	peer_heard(peer, &moved, &host, 0);
	assert_int_equal(peer->switches, 1);
	assert_non_null(strstr(env.last_line, "moved from 192.0.2.1:51820 to 192.0.2.2:51820"));
	peer_heard(peer, &pinned, &host, 0);
	assert_int_equal(peer->switches, 1); /* it is where it was */
	assert_memory_equal(&peer->via, &pinned, sizeof pinned);
}

TEST(vuln_13_a_name_is_no_format)
{
	struct delta_peer d = {.key = key, .has_meta = true, .name = "%n%s%n%s"};
	struct via a = via(1, 8), b = via(2, 8);

	peer_apply(peer, &d, SEC(1));
	peer_heard(peer, &a, &host, 0);
	peer_heard(peer, &b, &host, 0);
	assert_non_null(strstr(env.last_line, "%n%s%n%s moved"));
}

TEST(an_endpoint_lets_the_keepalive_leave_that_waited_for_it)
{
	struct delta_peer d = {.key = key, .has_keepalive = true, .keepalive = 25};

	peer_apply(peer, &d, SEC(1));
	peer_tick(peer, SEC(1), &out);
	assert_int_equal(out.net.count, 0);
	assert_true(tunnel_deadline(&peer->tunnel) == USEC_NEVER);

	d = (struct delta_peer){.key = key, .has_endpoint = true, .endpoint = via(1, 0).remote};
	peer_apply(peer, &d, SEC(2));
	assert_true(tunnel_deadline(&peer->tunnel) <= SEC(2));
	peer_tick(peer, SEC(2), &out);
	assert_int_equal(out.net.count, 1); /* an initiation: there is no session to keep alive */
}

TEST(is_down_once_its_handshake_was_given_up_until_a_session_is_there)
{
	struct via way = via(1, 0);

	peer->via = way;
	tunnel_start(&peer->tunnel, 0);
	for (usec now = 0; now < REKEY_ATTEMPT_FOR; now += SEC(1)) {
		peer_tick(peer, now, &out);
		outbox_clear(&out);
		assert_false(peer->down);
	}
	peer_tick(peer, REKEY_ATTEMPT_FOR, &out);
	assert_true(peer->down);
	assert_non_null(strstr(env.last_line, "does not answer"));
	peer_up(peer, true, 1400, REKEY_ATTEMPT_FOR, &out);
	assert_false(peer->down);
}

TEST(is_direct_since_the_first_of_its_sessions_without_a_gap)
{
	peer->via = via(1, 0);
	peer_up(peer, false, 1400, SEC(10), &out);
	assert_true(peer->direct_since == SEC(10));
	peer_up(peer, false, 1400, SEC(10) + REJECT_AFTER - 1, &out);
	assert_true(peer->direct_since == SEC(10));
	/* As responder nothing ticks in between. */
	peer_up(peer, false, 1400, SEC(10) + 2 * REJECT_AFTER, &out);
	assert_true(peer->direct_since == SEC(10) + 2 * REJECT_AFTER);
	peer_tick(peer, SEC(10) + 2 * REJECT_AFTER, &out);
	assert_true(peer->direct_since == USEC_NEVER); /* there was no session really */
}

#define RUN_WITH_PEER(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_PEER(begins_without_name_way_or_session),
		RUN_WITH_PEER(vuln_45_takes_no_low_order_key),
		RUN_WITH_PEER(takes_only_what_a_change_says),
		RUN_WITH_PEER(keeps_the_own_address_it_was_spoken_to_when_the_same_endpoint_is_set),
		RUN_WITH_PEER(follows_the_address_it_is_heard_from_and_counts_the_moves),
		RUN_WITH_PEER(vuln_13_a_name_is_no_format),
		RUN_WITH_PEER(an_endpoint_lets_the_keepalive_leave_that_waited_for_it),
		RUN_WITH_PEER(is_down_once_its_handshake_was_given_up_until_a_session_is_there),
		RUN_WITH_PEER(is_direct_since_the_first_of_its_sessions_without_a_gap),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
