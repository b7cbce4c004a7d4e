/* BLAKE2s, its keyed form, HMAC and KDF against published answers and Python's hashlib and hmac. */
#include "crypto/blake2s.h"

#include "crypto/crypto.h"
#include "support/hexdata.h"
#include "support/test.h"

#define TEXT_MAX 301

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	uint8_t expected[64];

	assert_int_equal(hexdata(expected, sizeof expected, hex), len);
	assert_memory_equal(bytes, expected, len);
}

/* start, start + step, start + 2 step, ... modulo 256 */
static void count_up(uint8_t *out, size_t len, size_t start, size_t step)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(start + i * step);
}

TEST(hashes_abc_as_rfc_7693_says)
{
	uint8_t out[BLAKE2S_LEN];

	blake2s(out, "abc", 3, NULL, 0);
	assert_hex(out, sizeof out,
		   "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

/* The initial chaining key and hash of every WireGuard handshake, as implementations of it print
 * them as constants. */
TEST(makes_wireguards_initial_chaining_key_and_hash)
{
	static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
	static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
	uint8_t out[BLAKE2S_LEN];

	blake2s(out, construction, strlen(construction), NULL, 0);
	assert_hex(out, sizeof out,
		   "60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36");
	blake2s(out, out, sizeof out, identifier, strlen(identifier));
	assert_hex(out, sizeof out,
		   "2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3");
}

TEST(hashes_two_parts_as_one_whatever_overlaps)
{
	uint8_t text[200], whole[BLAKE2S_LEN], split[BLAKE2S_LEN];

	count_up(text, sizeof text, 3, 7);
	blake2s(whole, text, sizeof text, NULL, 0);
	for (size_t cut = 0; cut <= sizeof text; cut++) {
		blake2s(split, text, cut, text + cut, sizeof text - cut);
		assert_memory_equal(split, whole, sizeof whole);
	}
	blake2s(text + 168, text, 168, text + 168, 32);
	assert_memory_equal(text + 168, whole, sizeof whole);
}

TEST(answers_as_the_blake2_project_does)
{
	struct vectors v;
	size_t plain = 0, keyed = 0;

	if (!vectors_open(&v, "blake2s.txt")) {
		print_message("# SKIP: vectors not found\n");
		return;
	}
	while (vectors_next(&v)) {
		uint8_t out[BLAKE2S_LEN];
		size_t len, key_len, out_len;
		uint8_t *text = vectors_bytes(&v, 0, &len);
		uint8_t *key = vectors_bytes(&v, 1, &key_len);
		uint8_t *expected = vectors_bytes(&v, 2, &out_len);

		assert_int_equal(out_len, BLAKE2S_LEN);
		if (key_len == 0) {
			blake2s(out, text, len, NULL, 0);
			plain++;
		} else {
			blake2s_mac(out, sizeof out, key, key_len, text, len);
			keyed++;
		}
		assert_memory_equal(out, expected, out_len);
		free(text);
		free(key);
		free(expected);
	}
	assert_true(plain >= 256 && keyed >= 256);
}

/* Python 3: hashlib.blake2s(msg, key=k, digest_size=16), where k = blake2s(b"mac1----" + public
 * key), public key = 40..5f and msg = 00..73: mac1 of an initiation (WireGuard paper, 5.4.4). Its
 * 32-byte form begins 3ee91f78: not a longer 16. */
TEST(makes_mac1_of_16_bytes_which_is_no_truncated_32)
{
	uint8_t public[32], msg[116], key[BLAKE2S_LEN], mac[BLAKE2S_LEN] = {0};

	count_up(public, sizeof public, 0x40, 1);
	count_up(msg, sizeof msg, 0, 1);
	blake2s(key, "mac1----", 8, public, sizeof public);
	assert_hex(key, sizeof key,
		   "81dd06eaa8afd940140a94adcb9fc15b2c030af1cc66c5f962b074d6583bf16f");

	blake2s_mac(mac, BLAKE2S_MAC_LEN, key, sizeof key, msg, sizeof msg);
	assert_hex(mac, BLAKE2S_MAC_LEN, "32540bdead6af339efdfe3720c9a22ba");
	assert_int_equal(mac[BLAKE2S_MAC_LEN], 0); /* nothing beyond the length asked for */

	blake2s_mac(mac, sizeof mac, key, sizeof key, msg, sizeof msg);
	assert_hex(mac, sizeof mac,
		   "3ee91f78c322233f1c19dc647deb247e8b5368219919344b3210aa7d2287b5cf");
}

/* The hash of all MACs with outputs and keys of 1-32 bytes, in the manner of RFC 7693, appendix E.
 * Python 3: g = hashlib.blake2s() for o in range(1, 33): for k in range(1, 33): n = (o * 37 + k *
 * 11) % 300 g.update(hashlib.blake2s(bytes((o + i * 7) & 255 for i in range(n)), key=bytes((k + i *
 * 5) & 255 for i in range(k)), digest_size=o).digest()) */
TEST(makes_macs_of_every_length_with_keys_of_every_length)
{
	static uint8_t all[32 * 32 * 33 / 2];
	uint8_t text[TEXT_MAX], key[32], out[BLAKE2S_LEN], *end = all;

	for (size_t out_len = 1; out_len <= 32; out_len++) {
		for (size_t key_len = 1; key_len <= 32; key_len++) {
			size_t len = (out_len * 37 + key_len * 11) % 300;
			count_up(text, len, out_len, 7);
			count_up(key, key_len, key_len, 5);
			blake2s_mac(end, out_len, key, key_len, text, len);
			end += out_len;
		}
	}
	assert_ptr_equal(end, all + sizeof all);
	blake2s(out, all, sizeof all, NULL, 0);
	assert_hex(out, sizeof out,
		   "0ca13fb33079c78a4d173226fabf58c1131c8bb5b3ed2cf86e436281597bb4e1");
}

/* Python 3: hmac.new(key, msg, hashlib.blake2s), key = 00..1f; then the hash of the HMACs of
 * messages of 0-300 bytes n with key = (n + 3 i) & 255, message = (n + 7 i) & 255. */
TEST(makes_hmacs_as_python_does)
{
	static uint8_t all[TEXT_MAX][BLAKE2S_LEN];
	uint8_t key[BLAKE2S_LEN], text[TEXT_MAX], out[BLAKE2S_LEN];

	count_up(key, sizeof key, 0, 1);
	blake2s_hmac(out, key, "sample", 6);
	assert_hex(out, sizeof out,
		   "4f27d50fb5cbd26911cc9ff1c8c79ddf39076747b9d8dcce148c8d0661270468");

	for (size_t len = 0; len < TEXT_MAX; len++) {
		count_up(key, sizeof key, len, 3);
		count_up(text, len, len, 7);
		blake2s_hmac(all[len], key, text, len);
	}
	blake2s(out, all, sizeof all, NULL, 0);
	assert_hex(out, sizeof out,
		   "1d23b38ed6392e556b6646cae7afd4cb75ead7e18c28ce38ad02ffb82b9e51ba");
}

TEST(makes_an_hmac_over_its_own_input)
{
	uint8_t key[BLAKE2S_LEN], text[BLAKE2S_LEN], expected[BLAKE2S_LEN];

	count_up(key, sizeof key, 0, 1);
	count_up(text, sizeof text, 9, 1);
	blake2s_hmac(expected, key, text, sizeof text);
	blake2s_hmac(text, key, text, sizeof text);
	assert_memory_equal(text, expected, sizeof expected);
}

/* Python 3, with hmac over hashlib.blake2s: secret = hmac(chaining, input), t1 = hmac(secret, 01),
 * t2 = hmac(secret, t1 02), t3 = hmac(secret, t2 03); chaining = 00..1f, input empty or 80..9f. */
static const struct {
	size_t input_len;
	const char *out[3];
} kdf_answers[] = {
	{0,
	 {"7a38c34bf2b8738d7374ca77c44ecb309a11d2b2528304fa86052c365e722624",
	  "1a17621f346abdc520746a9fb64d8eb03231d674fc15687537b0780fd9c060fd",
	  "4eaf02809ac4b930ef63479de62275f1c55656e61f78a3cc653c18a2223d6c5f"}},
	{32,
	 {"a1184f94acc4df8cc7ec312b85b80bdaac0ae5248c7d82841ccc1c37c01de2fb",
	  "92a78c15c9df42c2b3e06157d8bb680cea4b01aa8f5f8798703581baed6b23f0",
	  "bb562bc2ff5cc7efcc186849bbafeca342467e2fd5932b34b64654ec6591dfd0"}},
};

TEST(derives_the_outputs_asked_for_and_no_other)
{
	uint8_t chaining[BLAKE2S_LEN], input[32];

	count_up(chaining, sizeof chaining, 0, 1);
	count_up(input, sizeof input, 0x80, 1);
	for (size_t i = 0; i < sizeof kdf_answers / sizeof *kdf_answers; i++) {
		for (unsigned wanted = 1; wanted < 8; wanted++) {
			uint8_t out[3][BLAKE2S_LEN] = {0};
			static const uint8_t untouched[BLAKE2S_LEN];

			blake2s_kdf(wanted & 1 ? out[0] : NULL, wanted & 2 ? out[1] : NULL,
				    wanted & 4 ? out[2] : NULL, chaining, input,
				    kdf_answers[i].input_len);
			for (unsigned n = 0; n < 3; n++) {
				if (wanted >> n & 1)
					assert_hex(out[n], sizeof out[n], kdf_answers[i].out[n]);
				else
					assert_memory_equal(out[n], untouched, sizeof untouched);
			}
		}
	}
}

TEST(derives_over_its_own_inputs)
{
	uint8_t chaining[BLAKE2S_LEN], input[32], third[BLAKE2S_LEN];

	count_up(chaining, sizeof chaining, 0, 1);
	count_up(input, sizeof input, 0x80, 1);
	blake2s_kdf(chaining, input, third, chaining, input, sizeof input);
	assert_hex(chaining, sizeof chaining, kdf_answers[1].out[0]);
	assert_hex(input, sizeof input, kdf_answers[1].out[1]);
	assert_hex(third, sizeof third, kdf_answers[1].out[2]);
}

static int start(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(hashes_abc_as_rfc_7693_says),
		RUN(makes_wireguards_initial_chaining_key_and_hash),
		RUN(hashes_two_parts_as_one_whatever_overlaps),
		RUN(answers_as_the_blake2_project_does),
		RUN(makes_mac1_of_16_bytes_which_is_no_truncated_32),
		RUN(makes_macs_of_every_length_with_keys_of_every_length),
		RUN(makes_hmacs_as_python_does),
		RUN(makes_an_hmac_over_its_own_input),
		RUN(derives_the_outputs_asked_for_and_no_other),
		RUN(derives_over_its_own_inputs),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
