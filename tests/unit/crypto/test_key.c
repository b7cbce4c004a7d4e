/* X25519 keys, their one form, their secret memory. */
#include "crypto/key.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "support/env_fake.h"
#include "support/hexdata.h"
#include "support/test.h"

static struct key_private private_of(const char *hex)
{
	struct key_private key;

	assert_int_equal(hexdata(key.bytes, sizeof key.bytes, hex), KEY_LEN);
	return key;
}

static struct key_public public_of(const char *hex)
{
	struct key_public key;

	assert_int_equal(hexdata(key.bytes, sizeof key.bytes, hex), KEY_LEN);
	return key;
}

/* 2^255 - 19 + n for n in -19 .. 18, without the high bit. */
static struct key_public near_p(int n)
{
	struct key_public key;

	memset(key.bytes, 0xff, sizeof key.bytes);
	key.bytes[0] = (uint8_t)(0xed + n);
	key.bytes[31] = 0x7f;
	return key;
}

TEST(generates_clamped_keys_from_the_env_it_is_given)
{
	struct env_fake one, same, other;
	struct key_private a, b, c;

	env_fake_init(&one, 1);
	env_fake_init(&same, 1);
	env_fake_init(&other, 2);
	key_private_generate(&a, &one.env);
	key_private_generate(&b, &same.env);
	key_private_generate(&c, &other.env);
	assert_memory_equal(&a, &b, sizeof a);
	assert_memory_not_equal(&a, &c, sizeof a);

	for (int i = 0; i < 100; i++) {
		key_private_generate(&b, &one.env);
		assert_memory_not_equal(&a, &b, sizeof a);
		assert_int_equal(b.bytes[0] & 0x07, 0);
		assert_int_equal(b.bytes[31] & 0xc0, 0x40);
	}
}

TEST(clamps_nothing_but_five_bits)
{
	struct key_private ones, zeros = {0};

	memset(&ones, 0xff, sizeof ones);
	key_private_clamp(&ones);
	key_private_clamp(&zeros);
	for (size_t i = 0; i < KEY_LEN; i++) {
		assert_int_equal(ones.bytes[i], i == 0 ? 0xf8 : i == 31 ? 0x7f : 0xff);
		assert_int_equal(zeros.bytes[i], i == 31 ? 0x40 : 0);
	}
}

/* RFC 7748, 6.1. */
TEST(agrees_on_the_secret_of_rfc_7748)
{
	struct key_private alice =
		private_of("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	struct key_private bob =
		private_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	struct key_public alice_public =
		public_of("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	struct key_public bob_public =
		public_of("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	struct key_public secret =
		public_of("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	struct key_public made;
	struct key_shared shared;

	key_public_from(&made, &alice);
	assert_memory_equal(&made, &alice_public, KEY_LEN);
	key_public_from(&made, &bob);
	assert_memory_equal(&made, &bob_public, KEY_LEN);
	assert_true(key_dh(&shared, &alice, &bob_public));
	assert_memory_equal(&shared, &secret, KEY_LEN);
	assert_true(key_dh(&shared, &bob, &alice_public));
	assert_memory_equal(&shared, &secret, KEY_LEN);
}

/* "acceptable" are there twisted, non-canonical and low-order points; only those that yield zero
 * are refused. */
TEST(vuln_45_agrees_with_wycheproof_and_refuses_its_zero_results)
{
	static const uint8_t zero[KEY_LEN];
	struct vectors v;
	size_t agreed = 0, refused = 0;

	if (!vectors_open(&v, "x25519.txt")) {
		print_message("# SKIP: vectors not found\n");
		return;
	}
	while (vectors_next(&v)) {
		struct key_public public = public_of(v.field[1]), expected = public_of(v.field[3]);
		struct key_private private = private_of(v.field[2]);
		struct key_shared shared;

		if (memcmp(expected.bytes, zero, sizeof zero) == 0) {
			assert_string_equal(v.field[4], "acceptable");
			assert_false(key_dh(&shared, &private, &public));
			refused++;
		} else {
			assert_true(key_dh(&shared, &private, &public));
			agreed++;
		}
		assert_memory_equal(&shared, &expected, KEY_LEN);

		/* The one form of the same point gives the same secret. */
		key_public_canonical(&public);
		assert_int_equal(key_dh(&shared, &private, &public),
				 memcmp(expected.bytes, zero, sizeof zero) != 0);
		assert_memory_equal(&shared, &expected, KEY_LEN);
	}
	assert_true(agreed >= 400 && refused >= 25);
}

TEST(vuln_45_refuses_every_low_order_point_in_every_encoding)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", /* order 8 */
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", /* order 8 */
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p - 1 */
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p */
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* p + 1 */
	};
	struct env_fake e;

	env_fake_init(&e, 45);
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		for (unsigned high = 0; high < 2; high++) {
			struct key_public point = public_of(points[i]);
			struct key_private mine;
			struct key_shared shared;

			point.bytes[31] |= (uint8_t)(high << 7);
			key_private_generate(&mine, &e.env);
			memset(&shared, 0xaa, sizeof shared);
			assert_false(key_dh(&shared, &mine, &point));
			assert_true(key_shared_is_zero(&shared));
		}
	}
}

TEST(vuln_34_two_encodings_of_one_point_become_one_identity)
{
	struct env_fake e;
	struct key_private mine;

	env_fake_init(&e, 34);
	key_private_generate(&mine, &e.env);
	for (int n = 0; n < 19; n++) {
		struct key_public same[4] = {
			{.bytes = {(uint8_t)n}}, {.bytes = {(uint8_t)n}}, near_p(n), near_p(n)};
		struct key_public small = same[0];

		same[1].bytes[31] |= 0x80;
		same[3].bytes[31] |= 0x80;
		for (size_t i = 0; i < 4; i++) {
			struct key_shared theirs = {0}, one = {0};
			assert_int_equal(key_dh(&theirs, &mine, &same[i]),
					 key_dh(&one, &mine, &small));
			assert_memory_equal(&theirs, &one, KEY_LEN);
			key_public_canonical(&same[i]);
			assert_memory_equal(&same[i], &small, KEY_LEN);
		}
	}
}

TEST(vuln_34_the_high_bit_makes_no_second_identity)
{
	struct env_fake e;

	env_fake_init(&e, 35);
	for (int i = 0; i < 20; i++) {
		struct key_private key;
		struct key_public public, high;

		key_private_generate(&key, &e.env);
		key_public_from(&public, &key);
		high = public;
		high.bytes[31] |= 0x80;
		key_public_canonical(&high);
		assert_memory_equal(&high, &public, KEY_LEN);
	}
}

TEST(leaves_what_is_canonical_as_it_is)
{
	struct key_public key, before;

	for (int n = -19; n < 0; n++) {
		key = before = near_p(n);
		key_public_canonical(&key);
		assert_memory_equal(&key, &before, KEY_LEN);
	}
	/* One bit away from p in every byte. */
	for (size_t i = 1; i < KEY_LEN; i++) {
		key = near_p(5);
		key.bytes[i] ^= 0x01;
		before = key;
		key_public_canonical(&key);
		assert_memory_equal(&key, &before, KEY_LEN);
	}
}

TEST(vuln_53_equal_means_every_byte_is_equal)
{
	uint8_t a[64] = {0}, b[64] = {0};

	/* Zero bytes end nothing: what differs may lie behind them. */
	for (size_t i = 0; i < sizeof a * 8; i++) {
		b[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(key_bytes_equal(a, b, sizeof a));
		assert_true(key_bytes_equal(a, b, i / 8));
		assert_false(key_bytes_equal(a, b, i / 8 + 1));
		b[i / 8] = 0;
		assert_true(key_bytes_equal(a, b, sizeof a));
	}
	assert_true(key_bytes_equal("x", "y", 0));
}

TEST(compares_keys_of_each_kind)
{
	struct key_public p = {0}, q = {0};
	struct key_private private = {0};
	struct key_shared shared = {0};

	assert_true(key_public_is_zero(&p));
	assert_true(key_private_is_zero(&private));
	assert_true(key_shared_is_zero(&shared));
	for (size_t i = 0; i < KEY_LEN; i++) {
		p.bytes[i] = private.bytes[i] = shared.bytes[i] = 0x80;
		assert_false(key_public_is_zero(&p));
		assert_false(key_private_is_zero(&private));
		assert_false(key_shared_is_zero(&shared));
		assert_false(key_public_equal(&p, &q));
		q.bytes[i] = 0x80;
		assert_true(key_public_equal(&p, &q));
		p.bytes[i] = q.bytes[i] = private.bytes[i] = shared.bytes[i] = 0;
	}
}

TEST(orders_keys_by_their_first_different_byte_unsigned)
{
	struct key_public low = {.bytes = {0x7f, 0xff}}, high = {.bytes = {0x80}}, same = high;

	assert_true(key_public_compare(&low, &high) < 0);
	assert_true(key_public_compare(&high, &low) > 0);
	assert_int_equal(key_public_compare(&high, &same), 0);
	same.bytes[31] = 1;
	assert_true(key_public_compare(&high, &same) < 0);
}

TEST(names_a_key_by_the_first_eight_characters)
{
	struct key_public key =
		public_of("00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29a");
	char buf[KEY_SHORT_MAX];

	/* The bytes that base64 writes as its own alphabet in order. */
	assert_ptr_equal(key_public_short(&key, buf), buf);
	assert_string_equal(buf, "ABCDEFGH");
}

TEST(wipes)
{
	uint8_t secret[40];

	memset(secret, 0xff, sizeof secret);
	key_wipe(secret + 1, sizeof secret - 2);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], i == 0 || i == sizeof secret - 1 ? 0xff : 0);
}

TEST(allocates_zeroed_memory_aligned_for_any_struct)
{
	for (size_t len = 0; len < 300; len += 7) {
		uint8_t *secret = key_alloc(len);

		assert_non_null(secret);
		assert_int_equal((uintptr_t)secret % 64, 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(secret[i], 0);
		memset(secret, 0xff, len);
		key_free(secret);
	}
	assert_null(key_alloc(SIZE_MAX));
	assert_null(key_alloc(SIZE_MAX - 64));
	key_free(NULL);
}

/* How a child ends that reads one byte at this address: 0 when it may. */
static int signal_of_reading(const volatile uint8_t *at)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		signal(SIGSEGV, SIG_DFL);
		(void)*at;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(ends_secret_memory_at_a_guard_page)
{
	uint8_t *secret = key_alloc(128);

	assert_non_null(secret);
	assert_int_equal(signal_of_reading(secret + 127), 0);
	assert_int_equal(signal_of_reading(secret + 128), SIGSEGV);
	key_free(secret);
}

static int start(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(generates_clamped_keys_from_the_env_it_is_given),
		RUN(clamps_nothing_but_five_bits),
		RUN(agrees_on_the_secret_of_rfc_7748),
		RUN(vuln_45_agrees_with_wycheproof_and_refuses_its_zero_results),
		RUN(vuln_45_refuses_every_low_order_point_in_every_encoding),
		RUN(vuln_34_two_encodings_of_one_point_become_one_identity),
		RUN(vuln_34_the_high_bit_makes_no_second_identity),
		RUN(leaves_what_is_canonical_as_it_is),
		RUN(vuln_53_equal_means_every_byte_is_equal),
		RUN(compares_keys_of_each_kind),
		RUN(orders_keys_by_their_first_different_byte_unsigned),
		RUN(names_a_key_by_the_first_eight_characters),
		RUN(wipes),
		RUN(allocates_zeroed_memory_aligned_for_any_struct),
		RUN(ends_secret_memory_at_a_guard_page),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
