/* Start of cryptography: which back ends there are, and that no name stands for none. */
#include "crypto/crypto.h"

#include <errno.h>

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

TEST(vuln_30_there_is_no_name_for_no_cipher)
{
	static const char *const names[] = {
		"",    "none",    "null",   "NULL",  "plain", "plaintext", "off",         "0",
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
		RUN(vuln_30_there_is_no_name_for_no_cipher),
	};

	return RUN_TESTS(tests);
}
