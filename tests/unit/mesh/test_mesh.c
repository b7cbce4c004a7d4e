/* The whole node: changes of configuration as WireGuard's set has them, and what others read. */
#include "mesh/mesh.h"

#include <errno.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/forge.h"
#include "support/hexdata.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW TRIO_NOW

/* --- memory runs out (room.am) ---------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *p, size_t count, size_t size);
void *__real_sodium_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);
void *__wrap_sodium_malloc(size_t size);

void __real_sodium_free(void *p);
void __wrap_sodium_free(void *p);

static size_t locked;     /* pieces of locked memory in use */
static unsigned fails_in; /* 1: the next allocation fails; 0: none does */

static bool fails(void)
{
	return fails_in > 0 && --fails_in == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, count, size);
}

void *__wrap_sodium_malloc(size_t size)
{
	void *p = fails() ? NULL : __real_sodium_malloc(size);

	locked += p != NULL;
	return p;
}

void __wrap_sodium_free(void *p)
{
	locked -= p != NULL;
	__real_sodium_free(p);
}

/* --- nodes ------------------------------------------------------------------------------------------------------ */

static void connect_both(void)
{
	node_connect(one, two, NOW);
	node_connect(three, one, NOW);
	outbox_clear(&one->out);
	outbox_clear(&two->out);
}

static bool has_session(const struct node *n, const struct node *peer)
{
	return tunnel_has_session(&node_peer(n, peer)->tunnel, NOW);
}

/* A change of node 1 with one entry for this peer, and nothing in it. */
static struct delta_peer *change_of(struct delta **d, const struct node *peer)
{
	struct delta_peer *p;

	*d = delta_new();
	p = delta_add_peer(*d, &peer->key);
	assert_non_null(p);
	return p;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static void allow(struct delta_peer *p, const char *text, bool remove)
{
	struct prefix parsed = prefix(text);

	assert_true(delta_add_allowed(p, &parsed, remove));
}

static bool write_down(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	strcat(ctx, prefix_print(p, text));
	strcat(ctx, " ");
	return true;
}

static void assert_allowed(const struct node *peer, const char *expected)
{
	char text[400] = "";

	mesh_peer_allowed(one->m, mesh_peer_find(one->m, &peer->key), write_down, text);
	assert_string_equal(text, expected);
}

/* All that can be read of node 1, as text. */
static const char *read_all(char text[static 4000])
{
	struct mesh_view v;
	size_t at = 0;

	mesh_look(one->m, &v);
	at += (size_t)snprintf(text, 4000, "%d %02x%02x %s %u %u %zu\n", v.has_private_key,
			       v.private_key->bytes[1], v.public_key.bytes[1], v.name,
			       v.listen_port, v.fwmark, v.peer_count);
	for (const struct peer *p = mesh_peer_next(one->m, NULL); p != NULL;
	     p = mesh_peer_next(one->m, p)) {
		struct mesh_peer_view pv;
		char endpoint[ADDR_TEXT_MAX], allowed[400] = "";
		mesh_peer_look(one->m, p, NOW, &pv);
		mesh_peer_allowed(one->m, p, write_down, allowed);
		at += (size_t)snprintf(text + at, 4000 - at, "%02x %02x %s %s %u %d %d %s\n",
				       pv.key.bytes[1], pv.psk->bytes[0], pv.name,
				       addr_print(&pv.endpoint, endpoint), pv.keepalive, pv.anchor,
				       pv.state, allowed);
	}
	return text;
}

/* --- changes: the node itself ----------------------------------------------------------------------------------- */

TEST(takes_only_what_a_change_says_of_the_node)
{
	struct delta *d = delta_new();
	struct mesh_view v;

	d->has_fwmark = d->has_name = true;
	d->fwmark = 0x1234;
	strcpy(d->name, "office");
	node_apply(one, d, NOW);
	node_apply(one, delta_new(), NOW);
	mesh_look(one->m, &v);
	assert_int_equal(v.fwmark, 0x1234);
	assert_string_equal(v.name, "office");
	assert_int_equal(v.listen_port, 51820);
	assert_true(v.has_private_key);
	assert_memory_equal(v.private_key, &one->secret, KEY_LEN);
	assert_memory_equal(&v.public_key, &one->key, KEY_LEN);
	assert_int_equal(v.peer_count, 2);

	mesh_port_changed(one->m, 40000);
	mesh_mtu_changed(one->m, 1280);
	mesh_count_drop(one->m, DROP_SEND_FAILED, 7);
	mesh_look(one->m, &v);
	assert_int_equal(v.listen_port, 40000);
	assert_int_equal(v.mtu, 1280);
	assert_int_equal(v.drops.count[DROP_SEND_FAILED], 7);
}

TEST(a_new_private_key_ends_all_sessions_and_makes_new_ones)
{
	struct delta *d = delta_new(), *theirs = delta_new();

	connect_both();
	memset(one->secret.bytes, 0x55, KEY_LEN);
	key_private_clamp(&one->secret);
	d->has_private_key = true;
	d->private_key = one->secret;
	node_apply(one, d, NOW + SEC(1));
	assert_false(has_session(one, two));
	assert_false(has_session(one, three));
	/* Who had a session starts anew at once. */
	assert_int_equal(one->out.net.count, 2);
	outbox_clear(&one->out);

	/* The other end is told the new key, and it works. */
	key_public_from(&one->key, &one->secret);
	theirs->replace_peers = true;
	node_add_peer(theirs, one, "", false, true);
	node_apply(two, theirs, NOW + SEC(1));
	node_connect(two, one, NOW + SEC(1));
	assert_int_equal(one->out.tun.count, 1);
	assert_true(has_session(one, two));
}

/* wg syncconf and setconf repeat the key with each change. */
TEST(the_same_private_key_leaves_sessions_alone)
{
	connect_both();
	uint64_t digest = node_digest(one);
	node_apply(one, node_identity(one), NOW + SEC(1));
	assert_true(has_session(one, two));
	assert_true(node_digest(one) == digest);
	assert_int_equal(one->out.net.count, 0);
}

TEST(without_a_private_key_all_sessions_end_and_nothing_starts)
{
	struct delta *d = delta_new();
	struct mesh_peer_view v;

	connect_both();
	d->has_private_key = true;
	node_apply(one, d, NOW + SEC(1));
	assert_false(has_session(one, two));
	assert_int_equal(one->out.net.count, 0);
	mesh_peer_look(one->m, node_peer(one, two), NOW + SEC(1), &v);
	assert_int_equal(v.state, MESH_PEER_IDLE);
	assert_true(v.direct_since_wall == 0);
	assert_true(mesh_deadline(one->m) == USEC_NEVER);
}

TEST(vuln_46_a_private_key_set_to_that_of_a_peer_removes_the_peer)
{
	struct delta *d = delta_new();

	connect_both();
	d->has_private_key = true;
	d->private_key = two->secret;
	/* Even when the same change says the peer again. */
	node_add_peer(d, two, "", false, true);
	node_add_peer(d, three, "", false, true);
	node_apply(one, d, NOW + SEC(1));
	assert_null(node_peer(one, two));
	assert_non_null(node_peer(one, three));
	assert_int_equal(one->m->peer_count, 1);
	assert_null(allowed_find(&one->m->allowed, ADDR_V4, (uint8_t[]){10, 66, 0, 2}));
}

TEST(our_own_key_as_a_peer_is_ignored)
{
	struct delta *d = delta_new();

	node_add_peer(d, one, "", false, true);
	node_apply(one, d, NOW);
	assert_null(node_peer(one, one));
	assert_int_equal(one->m->peer_count, 2);
	assert_null(allowed_find(&one->m->allowed, ADDR_V4, (uint8_t[]){10, 66, 0, 1}));
}

/* --- changes: peers --------------------------------------------------------------------------------------------- */

TEST(update_only_makes_no_peer_and_changes_one_that_is_there)
{
	struct node *four = node_start(4);
	struct delta *d;
	struct delta_peer *p = change_of(&d, four);

	p->update_only = true;
	node_apply(one, d, NOW);
	assert_null(node_peer(one, four));
	p = change_of(&d, two);
	p->update_only = p->has_psk = true;
	p->psk.bytes[0] = 9;
	node_apply(one, d, NOW);
	assert_int_equal(node_peer(one, two)->tunnel.remote.psk.bytes[0], 9);
	node_stop(four);
}

TEST(vuln_58_a_removed_peer_is_gone_at_once_and_for_good)
{
	static struct letter letters[4];
	struct delta *d;

	connect_both();
	node_send(two, 1, NOW);
	assert_int_equal(node_take(two, letters, 4), 1);
	change_of(&d, two)->remove = true;
	node_apply(one, d, NOW);
	assert_null(node_peer(one, two));
	assert_int_equal(one->m->peer_count, 1);

	/* Its session, its addresses, and its handshakes. */
	node_hand(one, letters, 1, NOW);
	assert_int_equal(node_drops(one, DROP_NO_SESSION), 1);
	node_send(one, 2, NOW);
	assert_int_equal(node_drops(one, DROP_NO_PEER), 1);
	node_apply(two, node_identity(two), NOW);
	node_pass_time(two, NOW, NOW);
	node_peer(two, one)->tunnel.current = NULL;
	node_send(two, 1, NOW + SEC(10));
	assert_int_equal(node_take(two, letters, 4), 1);
	assert_int_equal(load_le32(letters[0].data), MESSAGE_INITIATION);
	node_hand(one, letters, 1, NOW + SEC(10));
	assert_int_equal(node_drops(one, DROP_UNKNOWN_PEER), 1);
	assert_int_equal(one->out.net.count, 0);

	change_of(&d, two)->remove = true; /* again: nothing to do */
	node_apply(one, d, NOW);
	assert_int_equal(one->m->peer_count, 1);
}

TEST(replace_peers_forgets_all_that_are_not_said_again)
{
	struct delta *d = delta_new();

	connect_both();
	d->replace_peers = true;
	node_add_peer(d, three, "new", false, true);
	node_apply(one, d, NOW);
	assert_null(node_peer(one, two));
	assert_string_equal(node_peer(one, three)->name, "new");
	assert_false(
		has_session(one, three)); /* it is another peer of that key, as in the kernel */
	assert_allowed(three, "10.66.0.3/32 2001:db8:66::3/128 ");

	d = delta_new();
	d->replace_peers = true;
	node_apply(one, d, NOW);
	assert_int_equal(one->m->peer_count, 0);
	assert_int_equal(one->m->shared.index.count, 0);
	assert_int_equal(one->m->allowed.count, 0);
	assert_true(mesh_deadline(one->m) == USEC_NEVER);
}

TEST(entries_of_one_peer_are_applied_in_turn)
{
	struct delta *d = delta_new();
	struct delta_peer *p;

	connect_both();
	delta_add_peer(d, &two->key)->remove = true;
	p = delta_add_peer(d, &two->key);
	allow(p, "10.66.9.0/24", false);
	p = delta_add_peer(d, &two->key);
	p->update_only = true;
	allow(p, "10.66.8.0/24", false);
	delta_add_peer(d, &three->key);
	delta_add_peer(d, &three->key)->remove = true;
	node_apply(one, d, NOW);
	assert_null(node_peer(one, three));
	assert_false(has_session(one, two));
	assert_allowed(two, "10.66.8.0/24 10.66.9.0/24 ");
	assert_int_equal(one->m->peer_count, 1);
}

TEST(allowed_ips_are_added_replaced_removed_and_moved)
{
	struct delta *d;
	struct delta_peer *p = change_of(&d, two);

	allow(p, "10.66.7.0/24", false);
	node_apply(one, d, NOW);
	assert_allowed(two, "10.66.0.2/32 10.66.7.0/24 2001:db8:66::2/128 ");

	p = change_of(&d, three); /* moves to 3; what is 2's cannot be removed by 3 */
	allow(p, "10.66.7.0/24", false);
	allow(p, "10.66.0.2/32", true);
	node_apply(one, d, NOW);
	assert_allowed(two, "10.66.0.2/32 2001:db8:66::2/128 ");
	assert_allowed(three, "10.66.0.3/32 10.66.7.0/24 2001:db8:66::3/128 ");

	p = change_of(&d, three);
	p->replace_allowed = true;
	allow(p, "0.0.0.0/0", false);
	allow(p, "2001:db8::/32", false);
	allow(p, "2001:db8::/32", true);
	node_apply(one, d, NOW);
	assert_allowed(three, "0.0.0.0/0 ");
	node_send(one, 2, NOW);
	struct addr there = node_outside(2);
	assert_true(addr_equal(&one->out.net.packets[0].via.remote, &there));

	p = change_of(&d, three);
	p->replace_allowed = true;
	node_apply(one, d, NOW);
	assert_allowed(three, "");
}

TEST(a_keepalive_switched_on_sends_at_once)
{
	struct delta *d;
	struct delta_peer *p;

	connect_both();
	p = change_of(&d, two);
	p->has_keepalive = true;
	p->keepalive = 25;
	node_apply(one, d, NOW + SEC(1));
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(one->out.net.packets[0].len, MESSAGE_DATA_MIN);
	outbox_clear(&one->out);
	assert_true(mesh_deadline(one->m) <= NOW + SEC(1) + SEC(25));

	p = change_of(&d, two); /* it is on already */
	p->has_keepalive = true;
	p->keepalive = 20;
	node_apply(one, d, NOW + SEC(2));
	assert_int_equal(one->out.net.count, 0);
}

TEST(a_keepalive_without_session_makes_one_as_soon_as_there_is_a_way)
{
	struct delta *d = delta_new();
	struct delta_peer *p;

	d->replace_peers = true;
	p = node_add_peer(d, two, "", false, false);
	p->has_keepalive = true;
	p->keepalive = 25;
	node_apply(one, d, NOW);
	assert_int_equal(one->out.net.count, 0);
	assert_true(mesh_deadline(one->m) == USEC_NEVER); /* no spinning either */

	p = change_of(&d, two);
	p->has_endpoint = true;
	p->endpoint = node_outside(2);
	node_apply(one, d, NOW + SEC(7));
	assert_int_equal(one->out.net.count, 1);
	assert_int_equal(load_le32(one->out.net.packets[0].data), MESSAGE_INITIATION);
}

/* --- changes: all or nothing ------------------------------------------------------------------------------------ */

/* A change of everything: key, names, a peer removed, one changed, two made, addresses moved. */
static struct delta *great_change(const struct key_public *last)
{
	struct delta *d = node_identity(three);
	struct delta_peer *p;

	d->has_fwmark = d->has_name = true;
	d->fwmark = 99;
	strcpy(d->name, "renamed");
	delta_add_peer(d, &two->key)->remove = true;
	p = node_add_peer(d, &nodes[4], "four", true, true);
	for (uint8_t i = 0; i < 20; i++) {
		struct prefix net = {.family = ADDR_V4, .len = 24, .ip = {10, 66, i}};
		delta_add_allowed(p, &net, false);
	}
	p = delta_add_peer(d, &two->key);
	p->has_psk = true;
	p->psk.bytes[0] = 1;
	allow(p, "10.66.0.3/32", false);
	for (uint8_t i = 5; i < 40; i++) { /* more than the tables were made for */
		struct key_private secret = {{i}};
		struct key_public key;
		key_private_clamp(&secret);
		key_public_from(&key, &secret);
		delta_add_peer(d, &key);
	}
	delta_add_peer(d, last);
	return d;
}

TEST(f10_a_change_without_memory_changes_nothing)
{
	char before[4000], after[4000];
	unsigned failures = 0;
	int err;

	nodes[4].key = (struct key_public){{9}};
	connect_both();
	read_all(before);
	do {
		struct delta *d = great_change(&two->key);
		size_t before_locked = locked;
		fails_in = ++failures;
		err = mesh_apply(one->m, d, NOW, &one->out);
		assert_true(err == 0 || err == -ENOMEM);
		assert_true(err == 0 || has_session(one, two));
		if (err != 0) {
			assert_string_equal(read_all(after), before);
			assert_int_equal(one->out.net.count, 0);
			assert_int_equal(one->m->allowed.spare_count, 0);
			assert_int_equal(locked, before_locked);
		}
		fails_in = 0;
		delta_free(d);
	} while (err != 0);
	assert_true(failures > 60); /* 38 peers, nodes of allowed IPs, four tables */
	assert_string_not_equal(read_all(after), before);
}

TEST(f10_a_change_with_a_low_order_key_changes_nothing)
{
	char before[4000], after[4000];

	nodes[4].key = (struct key_public){{9}};
	read_all(before);
	for (size_t i = 0; i < FORGE_LOW_ORDER_COUNT; i++) {
		struct key_public point;
		hexdata(point.bytes, sizeof point.bytes, forge_low_order[i]);
		struct delta *d = great_change(&point);
		assert_int_equal(mesh_apply(one->m, d, NOW, &one->out), -EINVAL);
		assert_string_equal(read_all(after), before);
		delta_free(d);

		/* Where it makes no peer it does no harm. */
		d = delta_new();
		delta_add_peer(d, &point)->update_only = true;
		delta_add_peer(d, &point)->remove = true;
		node_apply(one, d, NOW);
		assert_string_equal(read_all(after), before);
	}
}

TEST(there_may_be_so_many_peers_at_any_moment_and_no_more)
{
	struct node *four = node_start(4), *five = node_start(5);
	struct delta *d;

	/* All but two are made up. */
	one->m->peer_count = MESH_PEERS_MAX - 1;
	d = delta_new();
	delta_add_peer(d, &four->key);
	delta_add_peer(d, &five->key);
	assert_int_equal(mesh_apply(one->m, d, NOW, &one->out), -E2BIG);
	assert_null(node_peer(one, four));
	delta_free(d);

	/* Those that are there do not count again, and who goes makes room. */
	d = delta_new();
	delta_add_peer(d, &four->key);
	delta_add_peer(d, &two->key)->remove = true;
	delta_add_peer(d, &three->key);
	delta_add_peer(d, &five->key);
	delta_add_peer(d, &four->key)->update_only = true;
	node_apply(one, d, NOW);
	assert_non_null(node_peer(one, five));
	assert_int_equal(one->m->peer_count, MESH_PEERS_MAX);

	/* But not before it is gone. */
	d = delta_new();
	delta_add_peer(d, &two->key);
	delta_add_peer(d, &three->key)->remove = true;
	assert_int_equal(mesh_apply(one->m, d, NOW, &one->out), -E2BIG);
	assert_non_null(node_peer(one, three));
	delta_free(d);
	one->m->peer_count = 3;
	node_stop(four);
	node_stop(five);
}

TEST(a_mesh_without_memory_is_none)
{
	unsigned failures = 0;
	struct mesh *m;

	do {
		fails_in = ++failures;
		m = mesh_new(&one->env.env);
	} while (m == NULL);
	assert_true(failures > 3);
	fails_in = 0;
	mesh_free(m);
	mesh_free(NULL);
}

/* --- what others read ------------------------------------------------------------------------------------------- */

TEST(peers_are_listed_in_the_order_in_which_they_came)
{
	const struct peer *p = mesh_peer_next(one->m, NULL);
	struct delta *d;

	assert_ptr_equal(p, node_peer(one, two));
	p = mesh_peer_next(one->m, p);
	assert_ptr_equal(p, node_peer(one, three));
	assert_null(mesh_peer_next(one->m, p));

	change_of(&d, two)->remove = true;
	delta_add_peer(d, &two->key);
	node_apply(one, d, NOW);
	p = mesh_peer_next(one->m, NULL);
	assert_ptr_equal(p, node_peer(one, three));
	assert_ptr_equal(mesh_peer_next(one->m, p), node_peer(one, two));
	assert_null(mesh_peer_find(one->m, &one->key));
}

TEST(says_of_a_peer_what_is_so)
{
	struct mesh_peer_view v;
	usec later;

	mesh_peer_look(one->m, node_peer(one, two), NOW, &v);
	assert_int_equal(v.state, MESH_PEER_IDLE);
	assert_true(v.handshake_wall == 0 && v.direct_since_wall == 0 && v.plain);
	assert_true(v.idle_for == USEC_NEVER);

	connect_both();
	mesh_peer_look(one->m, node_peer(one, two), NOW + SEC(1), &v);
	assert_int_equal(v.state, MESH_PEER_DIRECT);
	assert_true(v.handshake_wall == NOW + ENV_FAKE_WALL);
	assert_true(v.direct_since_wall == NOW + ENV_FAKE_WALL);
	assert_int_equal(v.tx_bytes, 148 + 64);
	assert_int_equal(v.rx_bytes, 92);
	struct addr there = node_outside(2);
	assert_true(addr_equal(&v.endpoint, &there));
	assert_int_equal(v.switches, 0);
	assert_true(v.idle_for == SEC(1));

	/* Unheard until its session is past its age, then given up. */
	later = NOW + REJECT_AFTER;
	mesh_peer_look(one->m, node_peer(one, two), later, &v);
	assert_int_equal(v.state, MESH_PEER_IDLE);
	assert_true(v.direct_since_wall == 0);
	node_send(one, 2, later);
	node_pass_time(one, later, later + REKEY_ATTEMPT_FOR + SEC(1));
	mesh_peer_look(one->m, node_peer(one, two), later + REKEY_ATTEMPT_FOR + SEC(1), &v);
	assert_int_equal(v.state, MESH_PEER_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_TRIO(takes_only_what_a_change_says_of_the_node),
		RUN_WITH_TRIO(a_new_private_key_ends_all_sessions_and_makes_new_ones),
		RUN_WITH_TRIO(the_same_private_key_leaves_sessions_alone),
		RUN_WITH_TRIO(without_a_private_key_all_sessions_end_and_nothing_starts),
		RUN_WITH_TRIO(vuln_46_a_private_key_set_to_that_of_a_peer_removes_the_peer),
		RUN_WITH_TRIO(our_own_key_as_a_peer_is_ignored),
		RUN_WITH_TRIO(update_only_makes_no_peer_and_changes_one_that_is_there),
		RUN_WITH_TRIO(vuln_58_a_removed_peer_is_gone_at_once_and_for_good),
		RUN_WITH_TRIO(replace_peers_forgets_all_that_are_not_said_again),
		RUN_WITH_TRIO(entries_of_one_peer_are_applied_in_turn),
		RUN_WITH_TRIO(allowed_ips_are_added_replaced_removed_and_moved),
		RUN_WITH_TRIO(a_keepalive_switched_on_sends_at_once),
		RUN_WITH_TRIO(a_keepalive_without_session_makes_one_as_soon_as_there_is_a_way),
		RUN_WITH_TRIO(f10_a_change_without_memory_changes_nothing),
		RUN_WITH_TRIO(f10_a_change_with_a_low_order_key_changes_nothing),
		RUN_WITH_TRIO(there_may_be_so_many_peers_at_any_moment_and_no_more),
		RUN_WITH_TRIO(a_mesh_without_memory_is_none),
		RUN_WITH_TRIO(peers_are_listed_in_the_order_in_which_they_came),
		RUN_WITH_TRIO(says_of_a_peer_what_is_so),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
