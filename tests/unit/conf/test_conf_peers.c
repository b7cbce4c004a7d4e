#include "conf/conf_peers.h"

#include "conf_text.h"

#define PEERS 300

TEST(finds_each_peer_and_no_other)
{
	struct conf *c = conf_new();
	struct conf_peers peers;

	for (unsigned i = 0; i < PEERS; i++) {
		struct conf_peer *p = conf_add_peer(c);
		p->public_key.bytes[i % 32] = (uint8_t)(1 + i / 32);
		p->line = i;
	}
	assert_true(conf_peers_init(&peers, c));
	for (unsigned i = 0; i < PEERS; i++) {
		struct key_public key = c->peers[i].public_key;
		assert_ptr_equal(conf_peers_find(&peers, &key), &c->peers[i]);
		key.bytes[(i + 1) % 32] = 0xff;
		assert_null(conf_peers_find(&peers, &key));
	}
	conf_peers_free(&peers);
	conf_free(c);
}

TEST(none_is_found_where_there_are_none)
{
	struct conf *c = conf_new();
	struct conf_peers peers;

	assert_true(conf_peers_init(&peers, c));
	assert_null(conf_peers_find(&peers, &(struct key_public){{1}}));
	conf_peers_free(&peers);
	assert_null(conf_peers_find(&peers, &(struct key_public){{1}}));
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(finds_each_peer_and_no_other),
		RUN(none_is_found_where_there_are_none),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
