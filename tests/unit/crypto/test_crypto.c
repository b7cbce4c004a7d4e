/* Start of cryptography: which back ends there are, and that no name stands for none. */
#include "crypto/crypto.h"

#include <errno.h>

#include "config.h"
#include "crypto/aead.h"
#include "crypto/aead_backend.h"
#include "support/test.h"

TEST(starts_every_back_end_that_is_to_be_had)
{
	static const char *const names[] = {"mb", "mb-avx2", "openssl", "sodium"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		bool here = aead_backend_find(names[i]) != NULL;
		assert_int_equal(crypto_init(names[i]), here ? 0 : -ENOENT);
		if (here)
			assert_string_equal(aead_backend_name(), names[i]);
	}
}

TEST(chooses_the_fastest_by_itself)
{
	const char *fastest = aead_backend_find("mb") != NULL ? "mb" : "openssl";

	assert_int_equal(crypto_init(NULL), 0);
	assert_string_equal(aead_backend_name(), fastest);
}

#ifdef WARREN_TEST_HOOKS

TEST(a_test_build_can_do_without_a_cipher_when_asked_by_name)
{
	static const struct aead_key key = {"of no use"};
	uint8_t data[10 + AEAD_TAG_LEN] = "plain text";
	const size_t len = sizeof data - AEAD_TAG_LEN;
	struct aead_job job = {.key = &key, .data = data, .len = len};

	assert_int_equal(crypto_init("none"), 0);
	aead_seal_batch(&job, 1);
	assert_memory_equal(data, "plain text", len);
	aead_open_batch(&job, 1);
	assert_true(job.ok);
	data[len] = 1;
	aead_open_batch(&job, 1);
	assert_false(job.ok);
	assert_int_equal(crypto_init(NULL), 0);
	assert_string_not_equal(aead_backend_name(), "none");
}

#define NO_CIPHER "None"
#else
#define NO_CIPHER "none"
#endif

TEST(vuln_30_there_is_no_name_for_no_cipher)
{
	static const char *const names[] = {
		"",    NO_CIPHER, "null",   "NULL",  "plain", "plaintext", "off",         "0",
		"mb ", " sodium", "Sodium", "sodiu", "aes",   "sodium\n",  "openssl,none"};

	assert_int_equal(crypto_init("sodium"), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_null(aead_backend_find(names[i]));
		assert_int_equal(crypto_init(names[i]), -ENOENT);
		assert_string_equal(aead_backend_name(), "sodium");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(starts_every_back_end_that_is_to_be_had),
		RUN(chooses_the_fastest_by_itself),
#ifdef WARREN_TEST_HOOKS
		RUN(a_test_build_can_do_without_a_cipher_when_asked_by_name),
#endif
		RUN(vuln_30_there_is_no_name_for_no_cipher),
	};

	return RUN_TESTS(tests);
}
