#include "conf/conf_check.h"

#include "conf_text.h"

TEST(refuses_our_own_key_as_a_peer)
{
	text_refused(INTERFACE "[Peer]\nPublicKey = " OWN_PUBLIC "\n", 4,
		     "PublicKey is our own (of PrivateKey above): name the other side's");
}

TEST(refuses_a_peer_twice)
{
	text_refused(INTERFACE PEER_B PEER_C PEER_B, 8,
		     "PublicKey is that of the [Peer] in line 3 already: join the two");
}

TEST(vuln_34_two_encodings_of_one_key_are_one_peer)
{
	text_refused(INTERFACE PEER_B "[Peer]\nPublicKey = " PUBLIC_B_HIGH_BIT "\n", 6,
		     "PublicKey is that of the [Peer] in line 3 already: join the two");
	text_refused(INTERFACE "[Peer]\nPublicKey = " PUBLIC_NINE_PLUS_P
			       "\n[Peer]\nPublicKey = " PUBLIC_NINE "\n",
		     6, "PublicKey is that of the [Peer] in line 3 already: join the two");
	text_refused(INTERFACE "[Peer]\nPublicKey = " OWN_PUBLIC_HIGH_BIT "\n", 4,
		     "PublicKey is our own (of PrivateKey above): name the other side's");
}

TEST(refuses_overlapping_addresses)
{
	text_refused(INTERFACE "Address = 10.66.0.1/24, 10.66.0.2/24\n", 3,
		     "Address 10.66.0.2/24 overlaps 10.66.0.1/24 of line 3: give one of them a "
		     "longer prefix");
	text_refused(INTERFACE "Address = 10.66.7.1/32\nAddress = 10.66.0.1/16\n", 4,
		     "Address 10.66.0.1/16 overlaps 10.66.7.1/32 of line 3: give one of them a "
		     "longer prefix");
	text_refused(INTERFACE
		     "Address = 10.0.0.1/8, 11.0.0.1/8, 2001:db8::1/64\nAddress = 2001:db8::1/64\n",
		     4,
		     "Address 2001:db8::1/64 overlaps 2001:db8::1/64 of line 3: give one of them a "
		     "longer prefix");
}

TEST(sees_through_a_short_network_between)
{
	/* The widest reaches over the one that sorts between them. */
	struct conf_errors errors = {0};
	const char *text = INTERFACE "Address = 10.0.0.1/8, 10.1.0.1/16, 10.2.0.1/16\n";

	assert_null(conf_read(text, strlen(text), &errors));
	assert_int_equal(errors.total, 2);
	conf_errors_free(&errors);
}

TEST(accepts_addresses_side_by_side)
{
	conf_free(read_fine(INTERFACE
			    "Address = 10.66.0.1/32, 10.66.0.2/32, 10.66.1.1/24, 2001:db8::1/64\n"
			    "Address = 2001:db8:0:1::1/64\n"));
}

TEST(refuses_one_prefix_in_two_peers)
{
	text_refused(INTERFACE PEER_B "AllowedIPs = 10.66.0.0/24, 10.66.3.0/24\n" PEER_C
				      "AllowedIPs = 10.66.3.9/24\n",
		     8,
		     "AllowedIPs 10.66.3.0/24 belongs to the [Peer] in line 3 already (line 5): "
		     "a prefix leads to one peer");
}

TEST(accepts_a_longer_prefix_inside_another_peers_and_one_twice_in_a_peer)
{
	conf_free(read_fine(INTERFACE PEER_B "AllowedIPs = 10.66.0.0/16, 10.66.0.0/16\n" PEER_C
					     "AllowedIPs = 10.66.3.0/24\n"));
}

TEST(refuses_a_peer_without_a_key)
{
	text_refused(INTERFACE "[Peer]\n" PEER_B, 3, "[Peer] has no PublicKey");
	text_refused(INTERFACE PEER_B "[Peer]", 5, "[Peer] has no PublicKey");
	text_refused(INTERFACE "[Peer]\nAllowedIPs = 10.66.0.0/24\n", 3, "[Peer] has no PublicKey");
}

TEST(a_bad_key_is_one_error_not_two)
{
	text_refused(INTERFACE "[Peer]\nPublicKey = abc\n", 4,
		     "PublicKey: wrong length: a key is 32 bytes in base64, 44 characters");
}

TEST(refuses_a_file_without_interface_or_private_key)
{
	text_refused("", 0, "there is no [Interface] section");
	text_refused("# nothing\n\n", 0, "there is no [Interface] section");
	text_refused(PEER_B, 0, "there is no [Interface] section");
	text_refused("\n[Interface]\nListenPort = 1\n", 2,
		     "[Interface] has no PrivateKey: `warren genkey` makes one");
}

TEST(a_hook_may_set_the_private_key)
{
	struct conf *c = read_fine("[Interface]\nPostUp = wg set %i private-key /etc/key\n");

	assert_false(c->has_private_key);
	conf_free(c);
	text_refused("[Interface]\nPreUp = true\nPostDown = true\n", 1,
		     "[Interface] has no PrivateKey: `warren genkey` makes one");
}

TEST(vuln_58_an_mtu_below_1280_and_ipv6_do_not_go_together)
{
	text_refused(INTERFACE "MTU = 1279\nAddress = 10.66.0.1/24, 2001:db8::1/64\n", 3,
		     "MTU 1279 is too small for the IPv6 Address: IPv6 needs at least 1280");
	conf_free(read_fine(INTERFACE "MTU = 1280\nAddress = 2001:db8::1/64\n"));
	conf_free(read_fine(INTERFACE "MTU = 1279\nAddress = 10.66.0.1/24\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(refuses_our_own_key_as_a_peer),
		RUN(refuses_a_peer_twice),
		RUN(vuln_34_two_encodings_of_one_key_are_one_peer),
		RUN(refuses_overlapping_addresses),
		RUN(sees_through_a_short_network_between),
		RUN(accepts_addresses_side_by_side),
		RUN(refuses_one_prefix_in_two_peers),
		RUN(accepts_a_longer_prefix_inside_another_peers_and_one_twice_in_a_peer),
		RUN(refuses_a_peer_without_a_key),
		RUN(a_bad_key_is_one_error_not_two),
		RUN(refuses_a_file_without_interface_or_private_key),
		RUN(a_hook_may_set_the_private_key),
		RUN(vuln_58_an_mtu_below_1280_and_ipv6_do_not_go_together),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
