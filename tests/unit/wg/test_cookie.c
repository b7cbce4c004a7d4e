/* mac1, mac2 and cookies: both ends against each other and against known answers; every MAC with
 * every bit wrong. */
#include "wg/cookie.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "support/env_fake.h"
#include "support/hexdata.h"
#include "support/test.h"

#define NOW SEC(1000)

static const size_t lens[] = {sizeof(struct message_initiation), sizeof(struct message_response)};
static const struct addr source4 = {.family = ADDR_V4, .port = 51820, .ip = {192, 0, 2, 7}};
static const struct addr source6 = {
	.family = ADDR_V6, .port = 51820, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}};

/* We check, the peer signs. */
struct pair {
	struct env_fake fake;
	const struct env *env;
	struct cookie_checker checker;
	struct cookie_jar jar;
	uint8_t msg[sizeof(struct message_initiation)];
};

static void pair_init(struct pair *p)
{
	struct key_public key;

	for (size_t i = 0; i < sizeof key.bytes; i++)
		key.bytes[i] = (uint8_t)(i + 1);
	*p = (struct pair){0};
	env_fake_init(&p->fake, 1);
	p->env = &p->fake.env;
	cookie_checker_init(&p->checker, &key);
	cookie_jar_init(&p->jar, &key);
}

/* A new message of this length, signed; mac2 must not matter before it is written. */
static const uint8_t *sign(struct pair *p, size_t len, usec now)
{
	env_rand(p->env, p->msg, sizeof p->msg);
	store_le32(p->msg, len == sizeof(struct message_response) ? 2 : 1);
	cookie_sign(&p->jar, p->msg, len, now);
	return p->msg;
}

static enum cookie_verdict check(struct pair *p, size_t len, const struct addr *source, usec now)
{
	return cookie_check(&p->checker, p->msg, len, source, now, p->env);
}

/* The peer is told to prove its source, and learns its cookie. */
static void pass_cookie(struct pair *p, size_t len, const struct addr *source, usec now)
{
	struct message_cookie reply;

	sign(p, len, now);
	cookie_write_reply(&p->checker, &reply, p->msg, len, source, now, p->env);
	assert_true(cookie_read_reply(&p->jar, &reply, now));
}

static void flip(void *bytes, size_t bit)
{
	((uint8_t *)bytes)[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* --- known answers, computed apart from this program (Python: hashlib, and XChaCha20 from its
 * draft) -- */

#define KNOWN_MAC1    "ebb54c820ff70d8264ba43122f5c939e"
#define KNOWN_MAC2_V4 "ee0dfd0a2d9a48b4926f26afb8d71f01"
#define KNOWN_MAC2_V6 "9cdf4434dedceab1c71143a8f9da5063"
#define KNOWN_REPLY                                                                                \
	"0300000044332211404142434445464748494a4b4c4d4e4f5051525354555657"                         \
	"7c064e820af9e15b2324dac994e60f77f303147f7006dbfbc28bff726ed2f239"

/* A response from index 0x11223344 with an easy pattern, and secret a0 .. bf for the checker. */
static size_t known_message(struct pair *p)
{
	pair_init(p);
	store_le32(p->msg, MESSAGE_RESPONSE);
	store_le32(p->msg + 4, 0x11223344);
	for (unsigned i = 0; i < 52; i++)
		p->msg[8 + i] = (uint8_t)(i * 7);
	for (unsigned i = 0; i < sizeof p->checker.secret; i++)
		p->checker.secret[i] = (uint8_t)(0xa0 + i);
	p->checker.secret_until = NOW + 1;
	return sizeof(struct message_response);
}

TEST(signs_and_checks_as_the_known_answers_do)
{
	struct pair p;
	size_t len = known_message(&p);
	uint8_t mac1[16], mac2[16];
	struct message_cookie reply;

	hexdata(mac1, sizeof mac1, KNOWN_MAC1);
	cookie_sign(&p.jar, p.msg, len, NOW);
	assert_memory_equal(p.msg + len - 32, mac1, 16);
	assert_int_equal(check(&p, len, &source4, NOW), COOKIE_MAC1_GOOD);

	hexdata(p.msg + len - 16, 16, KNOWN_MAC2_V4);
	assert_int_equal(check(&p, len, &source4, NOW), COOKIE_MAC2_GOOD);
	assert_int_equal(check(&p, len, &source6, NOW), COOKIE_MAC1_GOOD);
	hexdata(p.msg + len - 16, 16, KNOWN_MAC2_V6);
	assert_int_equal(check(&p, len, &source6, NOW), COOKIE_MAC2_GOOD);
	assert_int_equal(check(&p, len, &source4, NOW), COOKIE_MAC1_GOOD);

	hexdata((uint8_t *)&reply, sizeof reply, KNOWN_REPLY);
	hexdata(mac2, sizeof mac2, KNOWN_MAC2_V4);
	assert_true(cookie_read_reply(&p.jar, &reply, NOW));
	cookie_sign(&p.jar, p.msg, len, NOW);
	assert_memory_equal(p.msg + len - 16, mac2, 16);
}

/* --- both ends ----------------------------------------------------------------------------------
 */

TEST(without_a_cookie_mac1_holds_and_mac2_is_zero)
{
	const uint8_t zero[16] = {0};
	struct pair p;

	for (size_t i = 0; i < 2; i++) {
		pair_init(&p);
		sign(&p, lens[i], NOW);
		assert_memory_equal(p.msg + lens[i] - 16, zero, 16);
		assert_int_equal(check(&p, lens[i], &source4, NOW), COOKIE_MAC1_GOOD);
	}
}

TEST(with_a_cookie_mac2_proves_the_source)
{
	const struct addr *sources[] = {&source4, &source6};
	struct pair p;

	for (size_t i = 0; i < 4; i++) {
		pair_init(&p);
		pass_cookie(&p, lens[i % 2], sources[i / 2], NOW);
		for (size_t j = 0; j < 2; j++) {
			sign(&p, lens[j], NOW);
			assert_int_equal(check(&p, lens[j], sources[i / 2], NOW), COOKIE_MAC2_GOOD);
		}
	}
}

TEST(a_reply_names_the_sender_and_is_smaller_than_what_it_answers)
{
	struct pair p;

	for (size_t i = 0; i < 2; i++) {
		struct message_cookie reply, other;

		pair_init(&p);
		sign(&p, lens[i], NOW);
		cookie_write_reply(&p.checker, &reply, p.msg, lens[i], &source4, NOW, p.env);
		cookie_write_reply(&p.checker, &other, p.msg, lens[i], &source4, NOW, p.env);
		assert_int_equal(load_le32(reply.type), MESSAGE_COOKIE);
		assert_memory_equal(reply.receiver, p.msg + 4, 4);
		assert_memory_not_equal(reply.nonce, other.nonce, sizeof reply.nonce);
		assert_true(sizeof reply < lens[i]);
	}
}

TEST(refuses_a_mac1_made_for_another_key)
{
	struct key_public other = {{42}};
	struct pair p;

	pair_init(&p);
	cookie_jar_init(&p.jar, &other);
	sign(&p, lens[0], NOW);
	assert_int_equal(check(&p, lens[0], &source4, NOW), COOKIE_MAC1_BAD);
}

TEST(a_cookie_is_bound_to_address_and_port)
{
	struct addr others[4 + 16 + 3];
	struct pair p;
	size_t count = 0;

	for (size_t i = 0; i < 4; i++) {
		others[count] = source4;
		others[count++].ip[i] ^= 1;
	}
	for (size_t i = 0; i < 16; i++) {
		others[count] = source6;
		others[count++].ip[i] ^= 1;
	}
	others[count] = source4;
	others[count++].port ^= 1;
	others[count] = source4;
	others[count++].port ^= 0x100;
	others[count] = source6;
	others[count++].port ^= 1;

	for (size_t i = 0; i < count; i++) {
		const struct addr *source = others[i].family == ADDR_V4 ? &source4 : &source6;

		pair_init(&p);
		pass_cookie(&p, lens[0], source, NOW);
		sign(&p, lens[0], NOW);
		assert_int_equal(check(&p, lens[0], source, NOW), COOKIE_MAC2_GOOD);
		assert_int_equal(check(&p, lens[0], &others[i], NOW), COOKIE_MAC1_GOOD);
	}
}

TEST(the_secret_lives_120_seconds_and_its_cookies_die_with_it)
{
	struct pair p;

	pair_init(&p);
	pass_cookie(&p, lens[0], &source4, NOW);
	/* signed while the jar still used the cookie, checked late */
	sign(&p, lens[0], NOW);
	assert_int_equal(check(&p, lens[0], &source4, NOW + SEC(120) - 1), COOKIE_MAC2_GOOD);
	assert_int_equal(check(&p, lens[0], &source4, NOW + SEC(120)), COOKIE_MAC1_GOOD);
	assert_int_equal(check(&p, lens[0], &source4, NOW), COOKIE_MAC1_GOOD);

	/* and the new secret serves as well */
	pass_cookie(&p, lens[0], &source4, NOW + SEC(121));
	sign(&p, lens[0], NOW + SEC(121));
	assert_int_equal(check(&p, lens[0], &source4, NOW + SEC(121)), COOKIE_MAC2_GOOD);
}

TEST(the_secret_is_drawn_when_first_needed)
{
	const uint8_t zero[32] = {0};
	struct pair p;

	pair_init(&p);
	assert_memory_equal(p.checker.secret, zero, 32);
	pass_cookie(&p, lens[0], &source4, 0);
	assert_memory_not_equal(p.checker.secret, zero, 32);
}

TEST(a_jar_uses_a_cookie_for_115_seconds)
{
	const uint8_t zero[16] = {0};
	struct pair p;

	pair_init(&p);
	pass_cookie(&p, lens[0], &source4, NOW);
	sign(&p, lens[0], NOW + SEC(115) - 1);
	assert_memory_not_equal(p.msg + lens[0] - 16, zero, 16);
	sign(&p, lens[0], NOW + SEC(115));
	assert_memory_equal(p.msg + lens[0] - 16, zero, 16);
}

TEST(refuses_a_reply_nobody_asked_for)
{
	struct pair asker, other;
	struct message_cookie reply;

	pair_init(&asker);
	pair_init(&other);
	sign(&asker, lens[0], NOW);
	cookie_write_reply(&asker.checker, &reply, asker.msg, lens[0], &source4, NOW, asker.env);
	assert_false(cookie_read_reply(&other.jar, &reply, NOW));
}

TEST(takes_one_reply_to_each_message)
{
	struct pair p;
	struct message_cookie first, second;

	pair_init(&p);
	sign(&p, lens[0], NOW);
	cookie_write_reply(&p.checker, &first, p.msg, lens[0], &source4, NOW, p.env);
	cookie_write_reply(&p.checker, &second, p.msg, lens[0], &source6, NOW, p.env);
	assert_true(cookie_read_reply(&p.jar, &first, NOW));
	assert_false(cookie_read_reply(&p.jar, &first, NOW + SEC(60)));
	assert_false(cookie_read_reply(&p.jar, &second, NOW + SEC(60)));

	/* neither the cookie nor its age was touched by those refused */
	sign(&p, lens[0], NOW + SEC(114));
	assert_int_equal(check(&p, lens[0], &source4, NOW + SEC(114)), COOKIE_MAC2_GOOD);
	assert_true(p.jar.cookie_until == NOW + SEC(115));
}

TEST(refuses_a_reply_to_an_older_message)
{
	struct pair p;
	struct message_cookie reply;

	pair_init(&p);
	sign(&p, lens[0], NOW);
	cookie_write_reply(&p.checker, &reply, p.msg, lens[0], &source4, NOW, p.env);
	sign(&p, lens[0], NOW);
	assert_false(cookie_read_reply(&p.jar, &reply, NOW));
}

TEST(refuses_a_reply_from_another_key)
{
	struct key_public other = {{42}};
	struct pair p;
	struct message_cookie reply;

	pair_init(&p);
	sign(&p, lens[0], NOW);
	cookie_checker_init(&p.checker, &other);
	cookie_write_reply(&p.checker, &reply, p.msg, lens[0], &source4, NOW, p.env);
	assert_false(cookie_read_reply(&p.jar, &reply, NOW));
}

/* --- every MAC with every bit wrong (reliability.md, 5.2) ------------------------------------------------------------ */

TEST(vuln_55_mac1_with_any_bit_wrong_is_refused)
{
	struct pair p;

	for (size_t i = 0; i < 2; i++) {
		pair_init(&p);
		pass_cookie(&p, lens[i], &source4, NOW);
		sign(&p, lens[i], NOW);
		/* the message itself and its mac1 */
		for (size_t bit = 0; bit < 8 * (lens[i] - 16); bit++) {
			flip(p.msg, bit);
			assert_int_equal(check(&p, lens[i], &source4, NOW), COOKIE_MAC1_BAD);
			flip(p.msg, bit);
		}
		assert_int_equal(check(&p, lens[i], &source4, NOW), COOKIE_MAC2_GOOD);
	}
}

TEST(vuln_55_mac2_with_any_bit_wrong_proves_nothing)
{
	struct pair p;

	for (size_t i = 0; i < 2; i++) {
		pair_init(&p);
		pass_cookie(&p, lens[i], &source4, NOW);
		sign(&p, lens[i], NOW);
		for (size_t bit = 8 * (lens[i] - 16); bit < 8 * lens[i]; bit++) {
			flip(p.msg, bit);
			assert_int_equal(check(&p, lens[i], &source4, NOW), COOKIE_MAC1_GOOD);
			flip(p.msg, bit);
		}
		assert_int_equal(check(&p, lens[i], &source4, NOW), COOKIE_MAC2_GOOD);
	}
}

TEST(vuln_55_a_cookie_reply_with_any_bit_wrong_is_refused)
{
	struct pair p;

	for (size_t i = 0; i < 2; i++) {
		struct message_cookie reply;

		pair_init(&p);
		sign(&p, lens[i], NOW);
		cookie_write_reply(&p.checker, &reply, p.msg, lens[i], &source4, NOW, p.env);
		/* nonce and sealed cookie; type and receiver were looked at before */
		for (size_t bit = 8 * 8; bit < 8 * sizeof reply; bit++) {
			flip(&reply, bit);
			assert_false(cookie_read_reply(&p.jar, &reply, NOW));
			flip(&reply, bit);
		}
		/* forgeries did not use up what was asked for */
		assert_true(cookie_read_reply(&p.jar, &reply, NOW));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(signs_and_checks_as_the_known_answers_do),
		RUN(without_a_cookie_mac1_holds_and_mac2_is_zero),
		RUN(with_a_cookie_mac2_proves_the_source),
		RUN(a_reply_names_the_sender_and_is_smaller_than_what_it_answers),
		RUN(refuses_a_mac1_made_for_another_key),
		RUN(a_cookie_is_bound_to_address_and_port),
		RUN(the_secret_lives_120_seconds_and_its_cookies_die_with_it),
		RUN(the_secret_is_drawn_when_first_needed),
		RUN(a_jar_uses_a_cookie_for_115_seconds),
		RUN(refuses_a_reply_nobody_asked_for),
		RUN(takes_one_reply_to_each_message),
		RUN(refuses_a_reply_to_an_older_message),
		RUN(refuses_a_reply_from_another_key),
		RUN(vuln_55_mac1_with_any_bit_wrong_is_refused),
		RUN(vuln_55_mac2_with_any_bit_wrong_proves_nothing),
		RUN(vuln_55_a_cookie_reply_with_any_bit_wrong_is_refused),
	};

	if (crypto_init("sodium") != 0)
		return 1;
	return RUN_TESTS(tests);
}
