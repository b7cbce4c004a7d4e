/* Hashes without memory, and what is to be given back. */
#include "crypto/reserve.h"

#include <openssl/crypto.h>

#include "crypto/blake2s.h"
#include "crypto/crypto.h"
#include "crypto/hmac.h"
#include "support/test.h"
#include "tests/support/starve.h"

TEST(f60_hashes_ask_nobody_for_memory)
{
	static const uint8_t key[BLAKE2S_LEN] = {1, 2, 3};
	uint8_t fed[BLAKE2S_LEN], starved[BLAKE2S_LEN], fed_mac[16], starved_mac[16];
	uint8_t fed_sha1[HMAC_SHA1_LEN], starved_sha1[HMAC_SHA1_LEN], digest[HMAC_SHA256_LEN];

	blake2s_hmac(fed, key, "text", 4);
	blake2s_mac(fed_mac, sizeof fed_mac, key, sizeof key, "text", 4);
	hmac_sha1(fed_sha1, key, sizeof key, "text", 4, NULL, 0);
	uint64_t calls = starve_calls();
	starve_after(0, UINT64_MAX);
	for (int i = 0; i < 10000; i++) {
		blake2s_hmac(starved, key, "text", 4);
		blake2s_mac(starved_mac, sizeof starved_mac, key, sizeof key, "text", 4);
		hmac_sha256(digest, key, sizeof key, "text", 4, NULL, 0);
		hmac_plain_md5(digest, "text", 4);
		hmac_sha1(starved_sha1, key, sizeof key, "text", 4, NULL, 0);
	}
	starve_end();
	assert_int_equal(starve_calls(), calls);
	assert_memory_equal(starved, fed, sizeof fed);
	assert_memory_equal(starved_mac, fed_mac, sizeof fed_mac);
	assert_memory_equal(starved_sha1, fed_sha1, sizeof fed_sha1);
}

#define LEN 512 /* of a block */

/* As many as there are, at once. */
static size_t take_all(void *blocks[], size_t room)
{
	size_t count = 0;

	starve_after(0, UINT64_MAX);
	assert_null(OPENSSL_malloc(LEN));
	reserve_use(true);
	while (count < room && (blocks[count] = OPENSSL_malloc(LEN)) != NULL)
		count++;
	reserve_use(false);
	starve_end();
	return count;
}

TEST(f60_blocks_are_few_small_and_given_back)
{
	void *blocks[100];
	size_t count = take_all(blocks, 100);

	assert_in_range(count, 2, 99);
	for (size_t i = 0; i < count; i++) {
		memset(blocks[i], (int)i, LEN);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(*(uint8_t *)blocks[k], k);
	}
	for (size_t i = 0; i < count; i++)
		OPENSSL_free(blocks[i]);
	assert_int_equal(take_all(blocks, 100), count);
	for (size_t i = 0; i < count; i++)
		OPENSSL_free(blocks[i]);

	starve_after(0, UINT64_MAX);
	reserve_use(true);
	assert_null(OPENSSL_malloc(LEN + 1));
	reserve_use(false);
	starve_end();
}

TEST(f60_a_block_that_grows_leaves_when_it_can)
{
	void *first[1];
	assert_int_equal(take_all(first, 1), 1);
	uint8_t *p = first[0];
	memset(p, 7, LEN);
	starve_after(0, UINT64_MAX);
	assert_ptr_equal(OPENSSL_realloc(p, 512), p);
	assert_null(OPENSSL_realloc(p, 513)); /* and it stays what it was */
	starve_end();

	uint8_t *grown = OPENSSL_realloc(p, 10000);
	assert_true(grown != NULL && grown != p);
	assert_int_equal(grown[99], 7);
	OPENSSL_free(grown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f60_hashes_ask_nobody_for_memory),
		cmocka_unit_test(f60_blocks_are_few_small_and_given_back),
		cmocka_unit_test(f60_a_block_that_grows_leaves_when_it_can),
	};

	if (crypto_init(NULL) < 0 || reserve_start() < 0)
		return 1;
	return RUN_TESTS(tests);
}
