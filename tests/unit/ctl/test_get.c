/* WireGuard's configuration protocol: set and get together, through a real mesh. The answers were compared with those of
 * wireguard-go 0.0.20220316; where interface.md section 3 says otherwise, that counts. */
#include "base/text.h"
#include "unit/ctl/uapi_text.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(get_prints_what_wireguard_go_prints),
		RUN(a_handshake_is_told_in_seconds_and_nanoseconds_of_the_wall_clock),
		RUN(a_zero_private_key_is_forgotten_and_a_zero_psk_and_mark_are_none),
		RUN(update_only_makes_no_peer_and_remove_wants_none),
		RUN(replace_peers_forgets_all_that_are_not_said_again),
		RUN(an_allowed_ip_moves_and_only_its_owner_can_remove_it),
		RUN(two_sections_of_one_peer_are_applied_in_turn),
		RUN(our_own_key_as_a_peer_is_ignored),
		RUN(vuln_34_two_encodings_of_a_key_are_one_peer),
		RUN(vuln_46_get_amid_changes_of_peers_and_keys),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
