#include "conf/delta.h"

#include "conf_text.h"

static const struct prefix prefix_c0 = {.family = ADDR_V4, .len = 24, .ip = {198, 51, 100, 9}};

TEST(peers_survive_growth)
{
	struct delta *d = delta_new();

	for (unsigned i = 0; i < 100; i++) {
		struct key_public key = {.bytes = {(uint8_t)i, 1}};
		struct delta_peer *p = delta_add_peer(d, &key);
		assert_non_null(p);
		assert_false(p->remove || p->has_psk || p->allowed);
		p->psk.bytes[31] = (uint8_t)i;
		for (unsigned j = 0; j < i; j++)
			assert_true(delta_add_allowed(p, &prefix_c0, j % 2));
	}

	assert_int_equal(d->peer_count, 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(d->peers[i].key.bytes[0], i);
		assert_int_equal(d->peers[i].psk.bytes[31], i);
		assert_int_equal(d->peers[i].allowed_count, i);
		for (unsigned j = 0; j < i; j++)
			assert_int_equal(d->peers[i].allowed[j].remove, j % 2);
	}
	delta_free(d);
}

TEST(masks_allowed_ips)
{
	struct delta *d = delta_new();
	struct delta_peer *p = delta_add_peer(d, &(struct key_public){0});

	assert_true(delta_add_allowed(p, &prefix_c0, false));
	assert_int_equal(p->allowed[0].prefix.ip[3], 0);
	assert_int_equal(p->allowed[0].prefix.ip[2], 100);
	delta_free(d);
}

TEST(a_configuration_becomes_a_change_that_says_everything)
{
	struct conf *c = read_fine(
		INTERFACE "ListenPort = 51820\nFwMark = 7\nName = me\n" PEER_B "PresharedKey = " PSK
			  "\nAllowedIPs = 10.66.0.3/32, 10.67.0.0/16\n"
			  "Endpoint = 192.0.2.1:51820\nPersistentKeepalive = 25\n"
			  "Name = nas\nAnchor = yes\nPath = relay\n");
	struct delta *d = delta_from_conf(c);

	assert_true(d->has_private_key && d->has_listen_port && d->has_fwmark && d->has_name &&
		    d->replace_peers);
	assert_int_equal(d->listen_port, 51820);
	assert_int_equal(d->fwmark, 7);
	assert_string_equal(d->name, "me");
	assert_int_equal(d->peer_count, 1);

	const struct delta_peer *p = &d->peers[0];
	assert_false(p->remove || p->update_only);
	assert_true(p->replace_allowed && p->has_psk && p->has_endpoint && p->has_keepalive &&
		    p->has_meta);
	assert_memory_equal(&p->key, &c->peers[0].public_key, sizeof p->key);
	assert_memory_equal(&p->psk, &c->peers[0].psk, sizeof p->psk);
	assert_int_equal(p->endpoint.port, 51820);
	assert_int_equal(p->keepalive, 25);
	assert_int_equal(p->allowed_count, 2);
	assert_false(p->allowed[0].remove);
	assert_true(prefix_equal(&p->allowed[1].prefix, &c->peers[0].allowed[1]));
	assert_string_equal(p->name, "nas");
	assert_true(p->anchor);
	assert_int_equal(p->path, CONF_PATH_RELAY);
	delta_free(d);
	conf_free(c);
}

TEST(what_a_configuration_leaves_out_is_put_back_to_nothing)
{
	struct conf *c = read_fine(INTERFACE PEER_B);
	struct delta *d = delta_from_conf(c);

	assert_true(d->has_listen_port && d->has_fwmark && d->has_name);
	assert_int_equal(d->listen_port, 0);
	assert_int_equal(d->fwmark, 0);
	assert_true(d->peers[0].has_psk && d->peers[0].has_keepalive);
	assert_true(key_shared_is_zero(&d->peers[0].psk));
	assert_int_equal(d->peers[0].keepalive, 0);
	assert_false(d->peers[0].has_endpoint);
	delta_free(d);
	conf_free(c);
}

TEST(an_endpoint_by_name_is_left_to_who_resolves_it)
{
	struct conf *c = read_fine(INTERFACE PEER_B "Endpoint = vpn.example.org:51820\n");
	struct delta *d = delta_from_conf(c);

	assert_false(d->peers[0].has_endpoint);
	assert_string_equal(d->peers[0].host, "vpn.example.org");
	assert_int_equal(d->peers[0].port, 51820);
	delta_free(d);
	conf_free(c);
}

TEST(the_private_key_is_clamped_as_wireguard_does)
{
	/* 32 bytes of 0xff */
	struct conf *c = read_fine(
		"[Interface]\nPrivateKey = //////////////////////////////////////////8=\n");
	struct delta *d = delta_from_conf(c);

	assert_int_equal(d->private_key.bytes[0], 0xf8);
	assert_int_equal(d->private_key.bytes[31], 0x7f);
	assert_int_equal(c->private_key.bytes[0], 0xff);
	delta_free(d);
	conf_free(c);
}

static struct delta *between(const char *before, const char *after)
{
	struct conf *a = read_fine(before), *b = read_fine(after);
	struct delta *d = delta_between(a, b);

	assert_non_null(d);
	conf_free(a);
	conf_free(b);
	return d;
}

TEST(between_the_same_there_is_nothing)
{
	static const char file[] =
		INTERFACE "ListenPort = 7\nFwMark = 1\n" PEER_B "PresharedKey = " PSK
			  "\nAllowedIPs = 10.66.0.3/32\nEndpoint = 192.0.2.1:1\n"
			  "PersistentKeepalive = 25\nName = nas\n" PEER_C;
	struct delta *d = between(file, file);

	assert_true(delta_is_empty(d));
	delta_free(d);
}

TEST(F09_only_what_differs_is_in_the_change)
{
	struct delta *d =
		between(INTERFACE PEER_B
			"AllowedIPs = 10.66.0.3/32, 10.67.0.0/16\nEndpoint = 192.0.2.1:1\n" PEER_C,
			INTERFACE PEER_B
			"AllowedIPs = 10.67.0.0/16, 10.68.0.0/16\nEndpoint = 192.0.2.1:1\n" PEER_C);
	const struct delta_peer *p = &d->peers[0];

	assert_false(d->has_private_key || d->has_listen_port || d->has_fwmark || d->has_name ||
		     d->replace_peers);
	assert_int_equal(d->peer_count, 1);
	assert_true(p->update_only);
	assert_false(p->remove || p->replace_allowed || p->has_psk || p->has_endpoint ||
		     p->has_keepalive || p->has_meta);
	assert_int_equal(p->allowed_count, 2);
	assert_true(p->allowed[0].remove);
	assert_int_equal(p->allowed[0].prefix.ip[1], 66);
	assert_false(p->allowed[1].remove);
	assert_int_equal(p->allowed[1].prefix.ip[1], 68);
	delta_free(d);
}

TEST(stun_servers_are_in_the_change_when_they_differ)
{
	struct conf *a = read_fine(INTERFACE "STUN = 192.0.2.1, stun.example.org\n");
	struct conf *b = read_fine(INTERFACE "STUN = stun.example.org\n");
	struct delta *all = delta_from_conf(a), *same = delta_between(a, a);
	struct delta *other = delta_between(a, b);

	assert_ptr_equal(all->stun, &a->stun);
	assert_null(same->stun);
	assert_true(delta_is_empty(same));
	assert_ptr_equal(other->stun, &b->stun);
	assert_false(delta_is_empty(other));
	delta_free(all);
	delta_free(same);
	delta_free(other);
	conf_free(a);
	conf_free(b);
}

TEST(peers_that_go_come_before_those_that_come)
{
	struct delta *d = between(INTERFACE PEER_B, INTERFACE PEER_C);

	assert_int_equal(d->peer_count, 2);
	assert_true(d->peers[0].remove);
	assert_false(d->peers[1].remove || d->peers[1].update_only);
	delta_free(d);
}

TEST(a_file_without_port_takes_the_one_in_use)
{
	static const char *const any[] = {INTERFACE, INTERFACE "ListenPort = 0\n"};

	for (size_t i = 0; i < 2; i++) {
		struct delta *d = between(INTERFACE "ListenPort = 7\n", any[i]);
		assert_true(delta_is_empty(d));
		delta_free(d);
	}
}

/* A PostUp may have set it, and hooks do not run again. */
TEST(a_file_without_private_key_keeps_the_one_in_use)
{
	struct delta *d = between(INTERFACE, "[Interface]\nPostUp = true\n");

	assert_true(delta_is_empty(d));
	delta_free(d);
	d = between("[Interface]\nPostUp = true\n", INTERFACE);
	assert_true(d->has_private_key);
	delta_free(d);
}

TEST(a_name_that_is_left_out_is_to_be_forgotten_and_an_address_is_not)
{
	struct delta *d =
		between(INTERFACE PEER_B "Endpoint = a.example.org:1\n", INTERFACE PEER_B);

	assert_int_equal(d->peer_count, 1);
	assert_true(d->peers[0].forget_host);
	assert_false(d->peers[0].has_endpoint);
	assert_null(d->peers[0].host);
	delta_free(d);
	d = between(INTERFACE PEER_B "Endpoint = 192.0.2.1:1\n", INTERFACE PEER_B);
	assert_true(delta_is_empty(d));
	delta_free(d);
}

TEST(another_name_of_an_endpoint_is_noted)
{
	struct conf *a = read_fine(INTERFACE PEER_B "Endpoint = a.example.org:1\n"),
		    *b = read_fine(INTERFACE PEER_B "Endpoint = b.example.org:1\n");
	struct delta *same = delta_between(a, a), *d = delta_between(a, b);

	assert_true(delta_is_empty(same));
	assert_int_equal(d->peer_count, 1);
	assert_false(d->peers[0].has_endpoint);
	assert_string_equal(d->peers[0].host, "b.example.org");
	assert_int_equal(d->peers[0].port, 1);
	delta_free(same);
	delta_free(d);
	conf_free(a);
	conf_free(b);
}

TEST(freeing_nothing_is_fine)
{
	delta_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(peers_survive_growth),
		RUN(masks_allowed_ips),
		RUN(a_configuration_becomes_a_change_that_says_everything),
		RUN(what_a_configuration_leaves_out_is_put_back_to_nothing),
		RUN(an_endpoint_by_name_is_left_to_who_resolves_it),
		RUN(the_private_key_is_clamped_as_wireguard_does),
		RUN(between_the_same_there_is_nothing),
		RUN(F09_only_what_differs_is_in_the_change),
		RUN(stun_servers_are_in_the_change_when_they_differ),
		RUN(peers_that_go_come_before_those_that_come),
		RUN(a_file_without_port_takes_the_one_in_use),
		RUN(a_file_without_private_key_keeps_the_one_in_use),
		RUN(a_name_that_is_left_out_is_to_be_forgotten_and_an_address_is_not),
		RUN(another_name_of_an_endpoint_is_noted),
		RUN(freeing_nothing_is_fine),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
