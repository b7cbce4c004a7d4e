/* Reload: what a mesh has, compared with a file, and brought to what the file says by the least change. */
#include "ctl/running.h"

#include <stdio.h>

#include "conf/delta_text.h"
#include "crypto/crypto.h"
#include "support/test.h"
#include "support/trio.h"

#define NOW    SEC(100)
#define PEERS  12
#define ROUNDS 120

static struct env_fake env;
static struct outbox out;
static struct key_public keys[PEERS];

static int start_all(void **state)
{
	(void)state;
	if (crypto_init(NULL) < 0 || outbox_init(&out) < 0)
		return 1;
	env_fake_init(&env, 7);
	for (size_t i = 0; i < PEERS; i++) {
		struct key_private secret;
		key_private_generate(&secret, &env.env);
		key_public_from(&keys[i], &secret);
	}
	return 0;
}

static int stop_all(void **state)
{
	(void)state;
	outbox_free(&out);
	return 0;
}

static uint32_t below(uint32_t n)
{
	return rand_below(env.env.rand, n);
}

/* --- random configurations ------------------------------------------------------------------------------------- */

static void random_endpoint(struct conf_peer *p)
{
	p->has_endpoint = below(3) > 0;
	if (!p->has_endpoint)
		return;
	if (below(4) == 0)
		p->endpoint = (struct conf_endpoint){.host = strdup(below(2) ? "a.test" : "b.test"),
						     .port = 1};
	else
		p->endpoint.addr = node_outside((uint8_t)(1 + below(2)));
}

static void random_peer(struct conf *c, size_t i, uint32_t owners)
{
	struct conf_peer *p = conf_add_peer(c);

	assert_non_null(p);
	p->public_key = keys[i];
	p->has_psk = below(2);
	if (p->has_psk)
		p->psk.bytes[0] = (uint8_t)below(3); /* 0: as good as none */
	p->has_keepalive = below(2);
	p->keepalive = p->has_keepalive ? (uint16_t)below(3) : 0;
	snprintf(p->name, sizeof p->name, "%s", below(2) ? "" : below(2) ? "a" : "b");
	p->anchor = below(2);
	p->path = below(3);
	random_endpoint(p);
	/* Each prefix has one owner in a file: here it is drawn by the file, so it may move between peers. */
	for (uint8_t k = 0; k < 24; k++) {
		struct prefix four = {.family = ADDR_V4, .len = 24, .ip = {10, 66, k}};
		struct prefix six = {.family = ADDR_V6, .len = (uint8_t)(32 + k), .ip = {0x20, 1}};
		if ((owners + k * 7u) % PEERS == i)
			assert_true(conf_add_prefix(&p->allowed, &p->allowed_count,
						    k % 2 ? &four : &six));
	}
}

static struct conf *random_conf(void)
{
	struct conf *c = conf_new();
	uint32_t owners = below(PEERS);

	assert_non_null(c);
	c->has_private_key = true;
	c->private_key.bytes[5] = (uint8_t)below(2);
	c->has_listen_port = below(2);
	c->listen_port = c->has_listen_port ? (uint16_t)below(3) : 0;
	c->has_fwmark = below(2);
	c->fwmark = c->has_fwmark ? below(3) : 0;
	snprintf(c->name, sizeof c->name, "%s", below(2) ? "" : "me");
	for (uint32_t first = below(3), i = first; i < 2; i++)
		assert_true(conf_list_add(&c->stun, i == first ? "192.0.2.1" : "stun.a.test"));
	for (size_t i = 0; i < PEERS; i++)
		if (below(3) > 0)
			random_peer(c, i, owners);
	return c;
}

/* --- meshes ------------------------------------------------------------------------------------------------------ */

static struct mesh *mesh_at(const struct conf *c)
{
	struct mesh *m = mesh_new(&env.env);
	struct delta *d = delta_from_conf(c);

	assert_non_null(m);
	assert_non_null(d);
	assert_int_equal(mesh_apply(m, d, NOW, &out), 0);
	outbox_clear(&out);
	delta_free(d);
	return m;
}

static struct delta *change_to(struct mesh *m, const struct conf *file, const struct conf *to)
{
	struct conf *running = running_conf(m, file);
	struct delta *d = delta_between(running, to);

	assert_non_null(running);
	assert_non_null(d);
	conf_free(running);
	return d;
}

/* What a mesh has where peers do not depend on how it came there; an endpoint that the file leaves out may be any. */
static void assert_is(struct mesh *m, const struct conf *c)
{
	struct mesh *other = mesh_at(c);
	struct conf *has = running_conf(m, c), *wanted = running_conf(other, c);

	assert_non_null(has);
	assert_non_null(wanted);
	if (!c->has_listen_port || c->listen_port == 0)
		wanted->has_listen_port = has->has_listen_port,
		wanted->listen_port = has->listen_port;
	struct delta *d = delta_between(has, wanted);
	assert_true(delta_is_empty(d));
	assert_int_equal(has->peer_count, wanted->peer_count);
	delta_free(d);
	conf_free(has);
	conf_free(wanted);
	mesh_free(other);
}

TEST(a_mesh_at_one_configuration_comes_to_any_other)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct conf *a = random_conf(), *b = random_conf();
		struct mesh *m = mesh_at(a);
		struct delta *d = change_to(m, a, b);

		assert_int_equal(mesh_apply(m, d, NOW, &out), 0);
		outbox_clear(&out);
		assert_is(m, b);
		delta_free(d);

		d = change_to(m, b, b);
		assert_true(delta_is_empty(d));
		delta_free(d);
		mesh_free(m);
		conf_free(a);
		conf_free(b);
	}
}

TEST(a_change_by_wg_in_between_does_no_harm)
{
	for (int i = 0; i < ROUNDS / 2; i++) {
		struct conf *a = random_conf(), *wg = random_conf(), *b = random_conf();
		struct mesh *m = mesh_at(a);
		struct delta *d = delta_from_conf(wg);

		assert_int_equal(mesh_apply(m, d, NOW, &out), 0);
		delta_free(d);
		d = change_to(m, a, b);
		assert_int_equal(mesh_apply(m, d, NOW, &out), 0);
		outbox_clear(&out);
		assert_is(m, b);
		delta_free(d);
		mesh_free(m);
		conf_free(a);
		conf_free(wg);
		conf_free(b);
	}
}

TEST(every_change_is_a_sentence)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		struct conf *a = random_conf(), *b = random_conf();
		struct delta *d = delta_between(a, b);
		struct conf_list lines = {0};

		assert_true(delta_text(&lines, d, a, b));
		assert_true(lines.count >= d->peer_count);
		assert_int_equal(lines.count == 0, delta_is_empty(d));
		conf_list_free(&lines);
		delta_free(d);
		conf_free(a);
		conf_free(b);
	}
}

/* --- sessions ---------------------------------------------------------------------------------------------------- */

static int start_nodes(void **state)
{
	trio_start(state);
	node_connect(one, two, NOW);
	node_connect(one, three, NOW);
	return 0;
}

/* The configuration one has, as its file would say it. */
static struct conf *file_of_one(void)
{
	struct conf *none = conf_new(), *c = running_conf(one->m, none);

	assert_non_null(c);
	conf_free(none);
	return c;
}

static struct conf_peer *peer_in(struct conf *c, const struct node *n)
{
	for (size_t i = 0; i < c->peer_count; i++)
		if (key_public_equal(&c->peers[i].public_key, &n->key))
			return &c->peers[i];
	fail();
	return NULL;
}

static void reload(const struct conf *file, const struct conf *to)
{
	struct delta *d = change_to(one->m, file, to);

	node_apply(one, d, NOW);
}

TEST(F09_what_is_the_same_touches_no_peer)
{
	struct conf *c = file_of_one();
	uint64_t before = node_digest(one);

	reload(c, c);
	assert_int_equal(node_digest(one), before);
	conf_free(c);
}

TEST(F09_a_peer_that_does_not_change_keeps_its_session)
{
	struct conf *a = file_of_one(), *b = file_of_one();
	uint64_t before = node_digest_peer(one, two);

	peer_in(b, three)->keepalive = 7;
	peer_in(b, three)->has_keepalive = true;
	peer_in(b, three)->endpoint.addr.port = 9;
	reload(a, b);
	assert_int_equal(node_digest_peer(one, two), before);
	conf_free(a);
	conf_free(b);
}

TEST(vuln_58_a_removed_peer_is_gone_at_once)
{
	struct conf *a = file_of_one(), *b = file_of_one();
	struct letter letters[2];

	node_send(three, 1, NOW);
	size_t count = node_take(three, letters, 2);
	assert_int_equal(count, 1);

	b->peer_count = 0;
	for (size_t i = 0; i < 2; i++) {
		if (key_public_equal(&b->peers[i].public_key, &two->key))
			b->peers[b->peer_count++] = b->peers[i];
		else
			free(b->peers[i].allowed);
	}
	reload(a, b);
	assert_null(mesh_peer_find(one->m, &three->key));
	outbox_clear(&one->out);
	node_hand(one, letters, count, NOW);
	assert_int_equal(one->out.tun.count, 0);
	conf_free(a);
	conf_free(b);
}

static struct addr endpoint_of(const struct node *n)
{
	struct mesh_peer_view v;

	mesh_peer_look(one->m, mesh_peer_find(one->m, &n->key), NOW, &v);
	return v.endpoint;
}

static void assert_at(const struct node *n, struct addr expected)
{
	struct addr at = endpoint_of(n);

	assert_int_equal(addr_is_set(&at), addr_is_set(&expected));
	assert_true(!addr_is_set(&at) || addr_equal(&at, &expected));
}

static void roam(struct node *n)
{
	struct letter letters[2];
	struct addr elsewhere = node_outside(6);

	node_send(n, 1, NOW);
	assert_int_equal(node_take(n, letters, 2), 1);
	node_hand_bytes(one, letters[0].data, letters[0].len, &elsewhere, NOW);
	assert_at(n, elsewhere);
}

TEST(F09_a_peer_that_roamed_is_not_called_back)
{
	struct conf *file = file_of_one();

	roam(two);
	reload(file, file);
	assert_at(two, node_outside(6));
	conf_free(file);
}

TEST(an_endpoint_that_the_file_changes_is_taken)
{
	struct conf *a = file_of_one(), *b = file_of_one();

	roam(two);
	peer_in(b, two)->endpoint.addr = node_outside(5);
	reload(a, b);
	assert_at(two, node_outside(5));
	conf_free(a);
	conf_free(b);
}

TEST(an_endpoint_that_the_mesh_lost_is_given_again)
{
	struct conf *file = file_of_one();
	struct delta *d = delta_new();

	delta_add_peer(d, &two->key)->remove = true;
	assert_non_null(delta_add_peer(d, &two->key));
	node_apply(one, d, NOW);
	assert_at(two, (struct addr){0});
	reload(file, file);
	assert_at(two, node_outside(2));
	conf_free(file);
}

TEST(the_keys_are_those_of_the_mesh_and_can_be_forgotten)
{
	struct conf *c = file_of_one();

	assert_memory_equal(&c->private_key, &one->secret, sizeof c->private_key);
	peer_in(c, two)->has_psk = true;
	peer_in(c, two)->psk.bytes[3] = 1;
	conf_forget_keys(c);
	assert_true(key_private_is_zero(&c->private_key) && !c->has_private_key);
	assert_true(key_shared_is_zero(&peer_in(c, two)->psk) && !peer_in(c, two)->has_psk);
	conf_free(c);
}

#define WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start_nodes, trio_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_mesh_at_one_configuration_comes_to_any_other),
		RUN(a_change_by_wg_in_between_does_no_harm),
		RUN(every_change_is_a_sentence),
		WITH_NODES(F09_what_is_the_same_touches_no_peer),
		WITH_NODES(F09_a_peer_that_does_not_change_keeps_its_session),
		WITH_NODES(vuln_58_a_removed_peer_is_gone_at_once),
		WITH_NODES(F09_a_peer_that_roamed_is_not_called_back),
		WITH_NODES(an_endpoint_that_the_file_changes_is_taken),
		WITH_NODES(an_endpoint_that_the_mesh_lost_is_given_again),
		WITH_NODES(the_keys_are_those_of_the_mesh_and_can_be_forgotten),
	};

	return cmocka_run_group_tests(tests, start_all, stop_all);
}
