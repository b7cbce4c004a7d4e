/* MESSAGE-INTEGRITY in both forms: RFC 5769's messages, what we signed, and every bit of it wrong. */
#include "nat/integrity.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "support/hexdata.h"
#include "support/stun_twin.h"
#include "support/test.h"

#define ROOM 512

static struct stun_bytes text(const char *s)
{
	return (struct stun_bytes){(const uint8_t *)s, strlen(s)};
}

/* A short-term credential's key is its password. */
static struct integrity_key short_term(enum integrity_kind kind, const char *password)
{
	struct integrity_key key = {.kind = kind, .len = strlen(password)};

	memcpy(key.bytes, password, key.len);
	return key;
}

TEST(accepts_the_messages_of_rfc_5769)
{
	struct vectors v;
	struct integrity_key key, other = short_term(INTEGRITY_SHA1, "VOkJxbRl1RmTxUk/WvJxBT");
	unsigned count = 0;

	if (!vectors_open(&v, "rfc5769.txt")) {
		print_message("# SKIP: vectors not found\n");
		return;
	}
	while (vectors_next(&v)) {
		struct stun_message m;
		size_t len;
		uint8_t *data = vectors_bytes(&v, 1, &len);

		assert_true(stun_read(&m, data, len));
		if (strcmp(v.field[0], "2.4") == 0)
			assert_true(integrity_key_long_term(&key, INTEGRITY_SHA1,
							    STUN_ALGORITHM_MD5, m.username, m.realm,
							    text("TheMatrIX")));
		else
			key = short_term(INTEGRITY_SHA1, "VOkJxbRl1RmTxUk/WvJxBt");
		assert_true(integrity_holds(&m, &key));
		assert_false(integrity_holds(&m, &other));
		key.kind = INTEGRITY_SHA256;
		assert_false(integrity_holds(&m, &key));
		count++;
		free(data);
	}
	assert_int_equal(count, 4);
}

/* Of "user:realm:pass": MD5 by RFC 8489, 9.2.2, SHA-256 by Python 3's hashlib. */
TEST(makes_keys_of_long_term_credentials)
{
	struct integrity_key key;
	uint8_t want[32];

	assert_true(integrity_key_long_term(&key, INTEGRITY_SHA1, STUN_ALGORITHM_MD5, text("user"),
					    text("realm"), text("pass")));
	assert_int_equal(key.kind, INTEGRITY_SHA1);
	assert_int_equal(key.len, 16);
	hexdata(want, sizeof want, "8493fbc53ba582fb4c044c456bdc40eb");
	assert_memory_equal(key.bytes, want, 16);

	assert_true(integrity_key_long_term(&key, INTEGRITY_SHA256, STUN_ALGORITHM_SHA256,
					    text("user"), text("realm"), text("pass")));
	assert_int_equal(key.kind, INTEGRITY_SHA256);
	assert_int_equal(key.len, 32);
	hexdata(want, sizeof want,
		"07e934117abd40836e7c6329b54731b2b2d2a5f9a71f544922d75e0730d8251b");
	assert_memory_equal(key.bytes, want, 32);
}

TEST(refuses_credentials_that_are_longer_than_there_is_room_for)
{
	static uint8_t bytes[2049];
	struct integrity_key key;
	struct stun_bytes none = {bytes, 0};

	for (size_t len = 2040; len < 2049; len++) {
		struct stun_bytes longest = {bytes, len};
		bool fits = len <= 2046; /* and two colons */
		assert_int_equal(integrity_key_long_term(&key, INTEGRITY_SHA1, STUN_ALGORITHM_MD5,
							 longest, none, none),
				 fits);
		assert_int_equal(integrity_key_long_term(&key, INTEGRITY_SHA1, STUN_ALGORITHM_MD5,
							 none, none, longest),
				 fits);
	}
}

/* The answer of coturn 4.6.1 to an Allocate request, as captured. */
TEST(accepts_what_coturn_signed)
{
	struct stun_message m;
	struct integrity_key key;
	uint8_t data[128];
	size_t len = hexdata(data, sizeof data,
			     "010300642112a442fb67965418d57c06072c6455001600080001edace112a643"
			     "002000080001c108e112a64b002200085cd1d0410000fd21000d000400000258"
			     "80220014436f7475726e2d342e362e312027476f727374270008001448acfa0b"
			     "5417ad6b6a59c334f6c6bb753748b56a802800043db4d0e9");

	assert_true(integrity_key_long_term(&key, INTEGRITY_SHA1, STUN_ALGORITHM_MD5, text("user"),
					    text("example.org"), text("pass")));
	assert_true(stun_read(&m, data, len));
	assert_int_equal(m.class, STUN_SUCCESS);
	assert_int_equal(m.method, STUN_METHOD_ALLOCATE);
	assert_int_equal(m.lifetime, 600);
	assert_int_equal(m.xor_relayed.family, ADDR_V4);
	assert_int_equal(m.reservation_token.len, 8);
	assert_true(integrity_holds(&m, &key));
}

static const struct stun_message request = {
	.method = STUN_METHOD_BINDING,
	.has = STUN_HAS(STUN_SOFTWARE) | STUN_HAS(STUN_LIFETIME),
	.software = {(const uint8_t *)"odd", 3},
	.lifetime = 600,
};

static const struct integrity_key keys[] = {
	{.kind = INTEGRITY_SHA1, .bytes = "0123456789abcdef", .len = 16},
	{.kind = INTEGRITY_SHA256, .bytes = "0123456789abcdef0123456789abcdef", .len = 32},
	{.kind = INTEGRITY_SHA1, .bytes = "", .len = 0},
	{.kind = INTEGRITY_SHA256, .bytes = "x", .len = INTEGRITY_KEY_MAX},
};

static size_t signed_request(uint8_t data[static ROOM], const struct integrity_key *key)
{
	size_t len = stun_write(data, ROOM, &request);

	return integrity_sign(data, len, ROOM, key);
}

static bool holds(const uint8_t *data, size_t len, const struct integrity_key *key)
{
	struct stun_message m;

	return stun_read(&m, data, len) && integrity_holds(&m, key);
}

TEST(accepts_what_it_signed_with_or_without_a_fingerprint)
{
	for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
		uint8_t data[ROOM];
		size_t len = signed_request(data, &keys[k]);

		assert_true(holds(data, len, &keys[k]));
		for (size_t other = 0; other < sizeof keys / sizeof keys[0]; other++)
			assert_int_equal(holds(data, len, &keys[other]), other == k);
		assert_null(stun_twin_fault(data, len));
		len = stun_add_fingerprint(data, len, ROOM);
		assert_true(holds(data, len, &keys[k]));
	}
}

TEST(signs_in_both_forms_at_once)
{
	uint8_t data[ROOM];
	size_t len = signed_request(data, &keys[0]);

	len = integrity_sign(data, len, ROOM, &keys[1]);
	assert_true(holds(data, len, &keys[0]));
	assert_true(holds(data, len, &keys[1]));
	len = stun_add_fingerprint(data, len, ROOM);
	assert_true(holds(data, len, &keys[0]));
	assert_true(holds(data, len, &keys[1]));
}

/* Of the header's length only what it says of the message up to the attribute is covered. */
TEST(vuln_55_refuses_a_message_when_any_bit_of_it_is_wrong)
{
	for (size_t k = 0; k < 2; k++) {
		uint8_t data[ROOM];
		size_t len = signed_request(data, &keys[k]);

		for (size_t bit = 0; bit < len * 8; bit++) {
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (holds(data, len, &keys[k]))
				fail_msg("accepted with bit %zu wrong", bit);
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(holds(data, len, &keys[k]));
		for (size_t bit = 0; bit < keys[k].len * 8; bit++) {
			struct integrity_key wrong = keys[k];
			wrong.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(holds(data, len, &wrong));
		}
	}
}

/* 16 right bytes of 32 (RFC 8489, 14.6, where both ends agreed on them). */
TEST(vuln_55_refuses_a_truncated_mac)
{
	uint8_t data[ROOM];
	size_t len = stun_write(data, ROOM, &request), at = len;

	for (size_t mac_len = 16; mac_len <= 32; mac_len += 4) {
		struct stun_message m;
		len = integrity_sign(data, at, ROOM, &keys[1]) - (32 - mac_len);
		store_be16(data + 2, (uint16_t)(len - STUN_HEADER_LEN));
		store_be16(data + at + 2, (uint16_t)mac_len);
		assert_true(stun_read(&m, data, len));
		assert_int_equal(integrity_holds(&m, &keys[1]), mac_len == 32);
	}
}

/* Padding is covered as it came, be it zero or not (nat.md, section 1). */
TEST(covers_padding_that_is_not_zero)
{
	static struct stun_raw raw;

	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_BINDING);
	stun_raw_add(&raw, 0x8022, "odd", 3, ' ');
	raw.len = integrity_sign(raw.data, raw.len, sizeof raw.data, &keys[0]);
	assert_true(holds(raw.data, raw.len, &keys[0]));
	raw.data[20 + 4 + 3] = 0;
	assert_false(holds(raw.data, raw.len, &keys[0]));
}

/* Bytes behind MESSAGE-INTEGRITY are not covered, and hence not looked at (stun.c). */
TEST(vuln_09_what_was_appended_to_a_signed_message_changes_nothing)
{
	static struct stun_raw raw;
	struct stun_message m;

	for (size_t k = 0; k < 2; k++) {
		raw.len = signed_request(raw.data, &keys[k]);
		stun_raw_add(&raw, 0x0020, "\0\1\x21\x12\x21\x12\xa4\x42", 8, 0);
		assert_true(stun_read(&m, raw.data, raw.len));
		assert_true(integrity_holds(&m, &keys[k]));
		assert_false(stun_has(&m, STUN_XOR_MAPPED_ADDRESS));
	}
}

TEST(refuses_a_message_without_integrity)
{
	uint8_t data[ROOM];
	size_t len = stun_write(data, ROOM, &request);

	for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
		assert_false(holds(data, len, &keys[k]));
}

TEST(signs_within_the_room_there_is_or_not_at_all)
{
	for (size_t k = 0; k < 2; k++) {
		uint8_t data[ROOM];
		size_t len = stun_write(data, ROOM, &request);
		size_t need = len + (k == 0 ? 24 : 36);

		for (size_t room = len; room < need; room++)
			assert_int_equal(integrity_sign(data, len, room, &keys[k]), 0);
		assert_int_equal(integrity_sign(data, len, need, &keys[k]), need);
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
		RUN(accepts_the_messages_of_rfc_5769),
		RUN(accepts_what_coturn_signed),
		RUN(makes_keys_of_long_term_credentials),
		RUN(refuses_credentials_that_are_longer_than_there_is_room_for),
		RUN(accepts_what_it_signed_with_or_without_a_fingerprint),
		RUN(signs_in_both_forms_at_once),
		RUN(vuln_55_refuses_a_message_when_any_bit_of_it_is_wrong),
		RUN(vuln_55_refuses_a_truncated_mac),
		RUN(covers_padding_that_is_not_zero),
		RUN(vuln_09_what_was_appended_to_a_signed_message_changes_nothing),
		RUN(refuses_a_message_without_integrity),
		RUN(signs_within_the_room_there_is_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
