/* The AEAD one at a time, as handshakes and cookies use it, and the batch through whatever back end
 * was chosen. */
#include "crypto/aead.h"

#include "crypto/crypto.h"
#include "support/hexdata.h"
#include "support/test.h"
#include "unit/crypto/aead_rfc8439.h"
#include "unit/crypto/aead_wycheproof.h"

static const struct aead_key key = {"a key of tests, 32 bytes long..."};
static const uint8_t ad[] = "additional data";

TEST(writes_a_counter_as_wireguards_nonce)
{
	static const uint8_t expected[AEAD_NONCE_LEN] = {0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1};
	uint8_t nonce[AEAD_NONCE_LEN];

	memset(nonce, 0xff, sizeof nonce);
	aead_nonce(nonce, 0x0102030405060708);
	assert_memory_equal(nonce, expected, sizeof nonce);
}

/* The nonce of A.5 begins with 32 zero bits, so it is a counter. */
TEST(seals_and_opens_rfc_8439_a_5)
{
	const struct aead_example *e = &aead_examples[1];
	uint8_t text[512], sealed[512], more[16], out[512];
	struct aead_key k;

	hexdata(k.bytes, sizeof k.bytes, e->key);
	size_t more_len = hexdata(more, sizeof more, e->ad);
	size_t len = hexdata(text, sizeof text, e->text);
	size_t sealed_len = hexdata(sealed, sizeof sealed, e->sealed);

	assert_string_equal(e->nonce, "000000000102030405060708");
	aead_seal(out, &k, 0x0807060504030201, text, len, more, more_len);
	assert_memory_equal(out, sealed, sealed_len);
	assert_true(aead_open(out, &k, 0x0807060504030201, sealed, sealed_len, more, more_len));
	assert_memory_equal(out, text, len);
}

static void check_xchacha(const struct aead_case *c)
{
	size_t sealed_len = c->len + AEAD_TAG_LEN;
	uint8_t *out = malloc(sealed_len);

	assert_non_null(out);
	aead_xseal(out, &c->key, c->nonce, c->text, c->len, c->ad, c->ad_len);
	assert_int_equal(memcmp(out, c->sealed, sealed_len) == 0, c->valid);
	assert_int_equal(
		aead_xopen(out, &c->key, c->nonce, c->sealed, sealed_len, c->ad, c->ad_len),
		c->valid);
	if (c->valid)
		assert_memory_equal(out, c->text, c->len);
	free(out);
}

TEST(seals_and_opens_the_xchacha_that_wycheproof_calls_valid)
{
	aead_suite("xchacha20_poly1305.txt", AEAD_XNONCE_LEN, "valid", check_xchacha);
}

TEST(vuln_55_refuses_the_xchacha_that_wycheproof_calls_invalid)
{
	aead_suite("xchacha20_poly1305.txt", AEAD_XNONCE_LEN, "invalid", check_xchacha);
}

TEST(seals_and_opens_in_place_and_without_text)
{
	static const uint8_t nonce[AEAD_XNONCE_LEN] = {1, 2, 3};
	uint8_t text[100], data[100 + AEAD_TAG_LEN], apart[100 + AEAD_TAG_LEN];

	for (size_t len = 0; len <= sizeof text; len++) {
		memset(text, (int)len, len);
		memcpy(data, text, len);
		aead_seal(apart, &key, 7, len > 0 ? text : NULL, len, ad, sizeof ad);
		aead_seal(data, &key, 7, data, len, ad, sizeof ad);
		assert_memory_equal(data, apart, len + AEAD_TAG_LEN);
		assert_true(aead_open(data, &key, 7, data, len + AEAD_TAG_LEN, ad, sizeof ad));
		assert_memory_equal(data, text, len);

		aead_xseal(apart, &key, nonce, len > 0 ? text : NULL, len, NULL, 0);
		aead_xseal(data, &key, nonce, data, len, NULL, 0);
		assert_memory_equal(data, apart, len + AEAD_TAG_LEN);
		assert_true(aead_xopen(data, &key, nonce, data, len + AEAD_TAG_LEN, NULL, 0));
		assert_memory_equal(data, text, len);
	}
}

TEST(vuln_55_refuses_what_is_too_short_for_a_tag)
{
	static const uint8_t nonce[AEAD_XNONCE_LEN], sealed[AEAD_TAG_LEN];
	uint8_t out[1];

	for (size_t len = 0; len < AEAD_TAG_LEN; len++) {
		assert_false(aead_open(out, &key, 0, sealed, len, NULL, 0));
		assert_false(aead_xopen(out, &key, nonce, sealed, len, NULL, 0));
	}
}

TEST(vuln_55_refuses_any_bit_wrong_in_text_tag_and_additional_data)
{
	static const uint8_t nonce[AEAD_XNONCE_LEN] = {4, 5, 6};
	uint8_t sealed[32 + AEAD_TAG_LEN], xsealed[32 + AEAD_TAG_LEN], more[sizeof ad],
		out[32] = {0};

	memcpy(more, ad, sizeof ad);
	aead_seal(sealed, &key, 9, out, sizeof out, ad, sizeof ad);
	aead_xseal(xsealed, &key, nonce, out, sizeof out, ad, sizeof ad);
	for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
		uint8_t flip = (uint8_t)(1 << bit % 8);
		sealed[bit / 8] ^= flip;
		xsealed[bit / 8] ^= flip;
		assert_false(aead_open(out, &key, 9, sealed, sizeof sealed, ad, sizeof ad));
		assert_false(aead_xopen(out, &key, nonce, xsealed, sizeof xsealed, ad, sizeof ad));
		sealed[bit / 8] ^= flip;
		xsealed[bit / 8] ^= flip;
	}
	for (size_t bit = 0; bit < sizeof more * 8; bit++) {
		more[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(aead_open(out, &key, 9, sealed, sizeof sealed, more, sizeof more));
		assert_false(
			aead_xopen(out, &key, nonce, xsealed, sizeof xsealed, more, sizeof more));
		memcpy(more, ad, sizeof ad);
	}
	assert_false(aead_open(out, &key, 10, sealed, sizeof sealed, ad, sizeof ad));
	assert_false(aead_open(out, &key, 9, sealed, sizeof sealed, NULL, 0));
	assert_false(aead_xopen(out, &key, nonce, xsealed, sizeof xsealed, NULL, 0));
	assert_true(aead_open(out, &key, 9, sealed, sizeof sealed, ad, sizeof ad));
	assert_true(aead_xopen(out, &key, nonce, xsealed, sizeof xsealed, ad, sizeof ad));
}

TEST(seals_the_same_by_batch_and_one_at_a_time)
{
	static const char *const names[] = {"mb", "mb-avx2", "openssl", "sodium"};
	uint8_t text[64], data[3][64 + AEAD_TAG_LEN], one[64 + AEAD_TAG_LEN];

	memset(text, 0x5a, sizeof text);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct aead_job jobs[3];

		if (crypto_init(names[i]) != 0) {
			print_message("# SKIP: %s is not to be had in this build or on this CPU\n",
				      names[i]);
			continue;
		}
		for (size_t n = 0; n < 3; n++) {
			memcpy(data[n], text, sizeof text);
			jobs[n] =
				(struct aead_job){.key = &key, .data = data[n], .len = sizeof text};
			aead_nonce(jobs[n].nonce, n);
		}
		aead_seal_batch(jobs, 3);
		for (size_t n = 0; n < 3; n++) {
			aead_seal(one, &key, n, text, sizeof text, NULL, 0);
			assert_memory_equal(data[n], one, sizeof one);
		}
		data[1][70] ^= 1;
		aead_open_batch(jobs, 3);
		assert_true(jobs[0].ok && jobs[2].ok);
		assert_memory_equal(data[2], text, sizeof text);
	}
}

static int start(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(writes_a_counter_as_wireguards_nonce),
		RUN(seals_and_opens_rfc_8439_a_5),
		RUN(seals_and_opens_the_xchacha_that_wycheproof_calls_valid),
		RUN(vuln_55_refuses_the_xchacha_that_wycheproof_calls_invalid),
		RUN(seals_and_opens_in_place_and_without_text),
		RUN(vuln_55_refuses_what_is_too_short_for_a_tag),
		RUN(vuln_55_refuses_any_bit_wrong_in_text_tag_and_additional_data),
		RUN(seals_the_same_by_batch_and_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
