/* HMAC-SHA1, HMAC-SHA256 and plain hashes against Wycheproof's and the RFCs' answers. */
#include "crypto/hmac.h"

#include "crypto/crypto.h"
#include "support/hexdata.h"
#include "support/test.h"

typedef void mac_function(uint8_t *out, const void *key, size_t key_len, const void *a,
			  size_t a_len, const void *b, size_t b_len);

/* Tags may be truncated; "invalid" ones differ in a bit. Each text at each place cut in two. */
static void answers_as_wycheproof(const char *file, mac_function *mac, size_t mac_len, size_t least)
{
	struct vectors v;
	size_t valid = 0, invalid = 0;

	if (!vectors_open(&v, file)) {
		print_message("# SKIP: vectors not found\n");
		return;
	}
	while (vectors_next(&v)) {
		uint8_t out[HMAC_SHA256_LEN];
		size_t key_len, len, tag_len;
		uint8_t *key = vectors_bytes(&v, 1, &key_len);
		uint8_t *text = vectors_bytes(&v, 2, &len);
		uint8_t *tag = vectors_bytes(&v, 3, &tag_len);
		bool right = strcmp(v.field[4], "valid") == 0;

		assert_in_range(tag_len, 10, mac_len);
		for (size_t cut = 0; cut <= len; cut++) {
			mac(out, key, key_len, text, cut, text + cut, len - cut);
			assert_int_equal(memcmp(out, tag, tag_len) == 0, right);
		}
		*(right ? &valid : &invalid) += 1;
		free(key);
		free(text);
		free(tag);
	}
	assert_in_range(valid, least, 1000);
	assert_in_range(invalid, least, 1000);
}

static void sha1(uint8_t *out, const void *key, size_t key_len, const void *a, size_t a_len,
		 const void *b, size_t b_len)
{
	hmac_sha1(out, key, key_len, a, a_len, b, b_len);
}

static void sha256(uint8_t *out, const void *key, size_t key_len, const void *a, size_t a_len,
		   const void *b, size_t b_len)
{
	hmac_sha256(out, key, key_len, a, a_len, b, b_len);
}

TEST(makes_hmac_sha1_as_wycheproof_does)
{
	answers_as_wycheproof("hmac_sha1.txt", sha1, HMAC_SHA1_LEN, 50);
}

TEST(makes_hmac_sha256_as_wycheproof_does)
{
	answers_as_wycheproof("hmac_sha256.txt", sha256, HMAC_SHA256_LEN, 50);
}

/* RFC 2202 and RFC 4231, cases 1 and 6 (a key longer than a block). */
TEST(makes_hmacs_as_the_rfcs_do)
{
	static const char text6[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131], out[HMAC_SHA256_LEN], want[HMAC_SHA256_LEN];

	memset(key, 0x0b, 20);
	hmac_sha1(out, key, 20, "Hi There", 8, NULL, 0);
	hexdata(want, sizeof want, "b617318655057264e28bc0b6fb378c8ef146be00");
	assert_memory_equal(out, want, HMAC_SHA1_LEN);
	hmac_sha256(out, key, 20, NULL, 0, "Hi There", 8);
	hexdata(want, sizeof want,
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_memory_equal(out, want, HMAC_SHA256_LEN);

	memset(key, 0xaa, sizeof key);
	hmac_sha1(out, key, 80, text6, sizeof text6 - 1, NULL, 0);
	hexdata(want, sizeof want, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	assert_memory_equal(out, want, HMAC_SHA1_LEN);
	hmac_sha256(out, key, 131, text6, sizeof text6 - 1, NULL, 0);
	hexdata(want, sizeof want,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_memory_equal(out, want, HMAC_SHA256_LEN);
}

/* A longer key counts as its hash, one of a block and a shorter one as themselves, with zeros behind. */
TEST(takes_keys_around_the_length_of_a_block)
{
	uint8_t key[HMAC_BLOCK_LEN + 1], hashed[HMAC_SHA256_LEN];
	uint8_t whole[HMAC_SHA256_LEN], other[HMAC_SHA256_LEN];

	memset(key, 7, sizeof key);
	hmac_plain_sha256(hashed, key, sizeof key);
	hmac_sha256(whole, key, sizeof key, "text", 4, NULL, 0);
	hmac_sha256(other, hashed, sizeof hashed, "text", 4, NULL, 0);
	assert_memory_equal(whole, other, sizeof whole);

	key[HMAC_BLOCK_LEN - 1] = 0;
	hmac_sha256(whole, key, HMAC_BLOCK_LEN, "text", 4, NULL, 0);
	hmac_sha256(other, key, HMAC_BLOCK_LEN - 1, "text", 4, NULL, 0);
	assert_memory_equal(whole, other, sizeof whole);
	key[HMAC_BLOCK_LEN - 1] = 1;
	hmac_sha256(whole, key, HMAC_BLOCK_LEN, "text", 4, NULL, 0);
	assert_memory_not_equal(whole, other, sizeof whole);
}

/* RFC 1321, A.5; FIPS 180-2, B.1. */
TEST(hashes_as_the_standards_do)
{
	uint8_t out[HMAC_SHA256_LEN], want[HMAC_SHA256_LEN];

	hmac_plain_md5(out, "", 0);
	hexdata(want, sizeof want, "d41d8cd98f00b204e9800998ecf8427e");
	assert_memory_equal(out, want, HMAC_MD5_LEN);
	hmac_plain_md5(out, "message digest", 14);
	hexdata(want, sizeof want, "f96b697d7cb7938d525a2f31aaf161d0");
	assert_memory_equal(out, want, HMAC_MD5_LEN);
	hmac_plain_sha256(out, "abc", 3);
	hexdata(want, sizeof want,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_memory_equal(out, want, HMAC_SHA256_LEN);
}

static int start(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(makes_hmac_sha1_as_wycheproof_does),
		RUN(makes_hmac_sha256_as_wycheproof_does),
		RUN(makes_hmacs_as_the_rfcs_do),
		RUN(takes_keys_around_the_length_of_a_block),
		RUN(hashes_as_the_standards_do),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
