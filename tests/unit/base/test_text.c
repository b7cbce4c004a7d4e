/* Text to values: every byte at every place, every length, every bound. */
#include "base/rand.h"
#include "base/text.h"
#include "support/test.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

TEST(base64_goes_there_and_back)
{
	struct rand r = rand_seeded(1);

	for (size_t n = 0; n < 1000; n++) {
		uint8_t bytes[32], again[32];
		char text[TEXT_BASE64_32_LEN + 1];
		rand_bytes(&r, bytes, sizeof bytes);
		text_base64_print(text, bytes);
		assert_int_equal(strlen(text), TEXT_BASE64_32_LEN);
		assert_int_equal(text_base64(again, text), TEXT_OK);
		assert_memory_equal(bytes, again, sizeof bytes);
	}
}

TEST(base64_reads_a_key_as_wg_writes_it)
{
	uint8_t bytes[32], want[32];

	for (size_t i = 0; i < 32; i++)
		want[i] = (uint8_t)i;
	assert_int_equal(text_base64(bytes, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
			 TEXT_OK);
	assert_memory_equal(bytes, want, sizeof want);
}

/* Place 42 holds four bits of the last byte and two that must be zero; place 43 is the padding. */
TEST(vuln_11_base64_refuses_each_wrong_byte_at_each_place)
{
	static const char good[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

	for (size_t place = 0; place < TEXT_BASE64_32_LEN; place++) {
		for (unsigned byte = 1; byte < 256; byte++) {
			char text[sizeof good], again[sizeof good];
			uint8_t bytes[32], before[32];
			memset(bytes, 0x5a, sizeof bytes);
			memcpy(before, bytes, sizeof before);
			memcpy(text, good, sizeof good);
			text[place] = (char)byte;

			const char *letter = strchr(alphabet, (int)byte);
			bool ok = place == 43 ? byte == '=' : letter != NULL;
			if (place == 42)
				ok = ok && (letter - alphabet) % 4 == 0;
			assert_int_equal(text_base64(bytes, text), ok ? TEXT_OK : TEXT_BAD_CHAR);
			if (ok) {
				text_base64_print(again, bytes);
				assert_string_equal(again, text);
			} else {
				assert_memory_equal(bytes, before, sizeof before);
			}
		}
	}
}

TEST(base64_refuses_every_other_length)
{
	char text[200];
	uint8_t bytes[32];

	for (size_t len = 0; len < sizeof text; len++) {
		memset(text, 'A', len);
		text[len] = '\0';
		enum text_result want = len == 0    ? TEXT_EMPTY
					: len == 44 ? TEXT_BAD_CHAR
						    : TEXT_BAD_LENGTH;
		assert_int_equal(text_base64(bytes, text), want);
		if (len > 0)
			text[len - 1] = '=';
		if (len == 44)
			want = TEXT_OK;
		assert_int_equal(text_base64(bytes, text), want);
		if (len > 1)
			text[len - 2] = '=';
		if (len == 44)
			want = TEXT_BAD_CHAR;
		assert_int_equal(text_base64(bytes, text), want);
	}
}

TEST(hex_goes_there_and_back_in_either_case)
{
	static const char upper[] =
		"000102030405060708090A0B0C0D0E0FF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF";
	static const char lower[] =
		"000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
	uint8_t a[32], b[32];
	char text[65];

	assert_int_equal(text_hex32(a, upper), TEXT_OK);
	assert_int_equal(text_hex32(b, lower), TEXT_OK);
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(a[1], 1);
	assert_int_equal(a[31], 0xff);
	text_hex32_print(text, a);
	assert_string_equal(text, lower);
}

TEST(hex_refuses_each_wrong_byte_at_each_place_and_other_lengths)
{
	char text[130];
	uint8_t bytes[32];

	for (size_t place = 0; place < 64; place++) {
		for (unsigned byte = 1; byte < 256; byte++) {
			memset(text, '0', 64);
			text[64] = '\0';
			text[place] = (char)byte;
			bool ok = strchr("0123456789abcdefABCDEF", (int)byte) != NULL;
			assert_int_equal(text_hex32(bytes, text), ok ? TEXT_OK : TEXT_BAD_CHAR);
		}
	}
	for (size_t len = 0; len < sizeof text; len++) {
		memset(text, '0', len);
		text[len] = '\0';
		enum text_result want = len == 0    ? TEXT_EMPTY
					: len == 64 ? TEXT_OK
						    : TEXT_BAD_LENGTH;
		assert_int_equal(text_hex32(bytes, text), want);
	}
}

TEST(hex_of_other_lengths_has_two_digits_for_each_byte)
{
	uint8_t bytes[12] = {0}, again[12];
	char text[26] = "400000006b019d200a0000ff";

	assert_int_equal(text_hex(bytes, sizeof bytes, text), TEXT_OK);
	assert_int_equal(bytes[0], 0x40);
	assert_int_equal(bytes[11], 0xff);
	text_hex_print(text, bytes, sizeof bytes);
	assert_string_equal(text, "400000006b019d200a0000ff");
	memcpy(again, bytes, sizeof again);
	assert_int_equal(text_hex(again, sizeof again, "400000006b019d200a0000f"), TEXT_BAD_LENGTH);
	assert_int_equal(text_hex(again, sizeof again, "400000006b019d200a0000ffa"),
			 TEXT_BAD_LENGTH);
	assert_int_equal(text_hex(again, sizeof again, "400000006b019d200a0000fg"), TEXT_BAD_CHAR);
	assert_int_equal(text_hex(again, sizeof again, ""), TEXT_EMPTY);
	assert_memory_equal(again, bytes, sizeof again);
}

TEST(numbers_are_digits_up_to_a_bound)
{
	static const struct {
		const char *text;
		uint64_t most;
		enum text_result result;
		uint64_t value;
	} rows[] = {
		{"0", 0, TEXT_OK, 0},
		{"1", 0, TEXT_OUT_OF_RANGE, 0},
		{"65535", 65535, TEXT_OK, 65535},
		{"65536", 65535, TEXT_OUT_OF_RANGE, 0},
		{"70000", 65535, TEXT_OUT_OF_RANGE, 0},
		{"00042", 65535, TEXT_OK, 42},
		{"5", 3, TEXT_OUT_OF_RANGE, 0},
		{"18446744073709551615", UINT64_MAX, TEXT_OK, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, TEXT_OUT_OF_RANGE, 0},
		{"99999999999999999999999999999999", UINT64_MAX, TEXT_OUT_OF_RANGE, 0},
		{"100", 99, TEXT_OUT_OF_RANGE, 0},
		{"1000", 99, TEXT_OUT_OF_RANGE, 0},
		{"", 9, TEXT_EMPTY, 0},
		{" 1", 9, TEXT_BAD_CHAR, 0},
		{"1 ", 9, TEXT_BAD_CHAR, 0},
		{"+1", 9, TEXT_BAD_CHAR, 0},
		{"-1", 9, TEXT_BAD_CHAR, 0},
		{"0x1", 9, TEXT_BAD_CHAR, 0},
		{"1a", 99, TEXT_BAD_CHAR, 0},
		{"1.0", 99, TEXT_BAD_CHAR, 0},
		{"1\n", 99, TEXT_BAD_CHAR, 0},
		{"\xb2", 99, TEXT_BAD_CHAR, 0},
		{"99999999999999999999999x", 99, TEXT_BAD_CHAR, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t value = 0x5a;
		enum text_result got = text_u64(&value, rows[i].text, rows[i].most);
		if (got != rows[i].result || value != (got == TEXT_OK ? rows[i].value : 0x5a))
			fail_msg("%s: %s", rows[i].text, text_result_name(got));
	}
}

TEST(numbers_for_marks_may_be_hexadecimal)
{
	static const struct {
		const char *text;
		enum text_result result;
		uint32_t value;
	} rows[] = {
		{"0", TEXT_OK, 0},
		{"51820", TEXT_OK, 51820},
		{"4294967295", TEXT_OK, UINT32_MAX},
		{"4294967296", TEXT_OUT_OF_RANGE, 0},
		{"0xca6c", TEXT_OK, 0xca6c},
		{"0xCA6C", TEXT_OK, 0xca6c},
		{"0xffffffff", TEXT_OK, UINT32_MAX},
		{"0x100000000", TEXT_OUT_OF_RANGE, 0},
		{"0x000000001", TEXT_OK, 1},
		{"0x", TEXT_EMPTY, 0},
		{"", TEXT_EMPTY, 0},
		{"0X1", TEXT_BAD_CHAR, 0},
		{"0xg", TEXT_BAD_CHAR, 0},
		{"0x0x1", TEXT_BAD_CHAR, 0},
		{"ca6c", TEXT_BAD_CHAR, 0},
		{"0x-1", TEXT_BAD_CHAR, 0},
		{"off", TEXT_BAD_CHAR, 0},
		{"x1", TEXT_BAD_CHAR, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t value = 0x5a;
		enum text_result got = text_u32_any(&value, rows[i].text);
		if (got != rows[i].result || value != (got == TEXT_OK ? rows[i].value : 0x5a))
			fail_msg("%s: %s", rows[i].text, text_result_name(got));
	}
}

TEST(names_every_result)
{
	for (enum text_result r = TEXT_OK; r <= TEXT_OUT_OF_RANGE; r++)
		for (enum text_result other = TEXT_OK; other < r; other++)
			assert_string_not_equal(text_result_name(r), text_result_name(other));
}

TEST(nearest_suggests_what_was_meant)
{
	static const char *const keys[] = {"PrivateKey", "PublicKey", "ListenPort",
					   "AllowedIPs", "Endpoint",  "MTU"};
	static const struct {
		const char *word, *want;
	} rows[] = {
		{"PrivatKey", "PrivateKey"},
		{"publickey", "PublicKey"},
		{"LsitenPort", "ListenPort"},
		{"AllowedIP", "AllowedIPs"},
		{"Endpint", "Endpoint"},
		{"MTV", "MTU"},
		{"MXX", NULL},
		{"Address", NULL},
		{"", NULL},
		{"x", NULL},
		{"mtu", "MTU"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *got = text_nearest(rows[i].word, keys, sizeof keys / sizeof keys[0]);
		if (rows[i].want == NULL)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].want);
	}
	assert_null(text_nearest("MTU", keys, 0));
}

TEST(nearest_takes_the_first_of_equals_and_nothing_from_endless_words)
{
	static const char *const two[] = {"cat", "car"};
	char *word = malloc(100001);

	assert_ptr_equal(text_nearest("cas", two, 2), two[0]);
	memset(word, 'c', 100000);
	word[100000] = '\0';
	assert_null(text_nearest(word, two, 2));
	assert_null(text_nearest("cat", (const char *const *)&word, 1));
	free(word);
}

/* The whole table of the textbook, kept. */
static size_t slow_distance(const char *a, const char *b)
{
	size_t d[16][16], a_len = strlen(a), b_len = strlen(b);

	for (size_t i = 0; i <= a_len; i++)
		for (size_t k = 0; k <= b_len; k++) {
			if (i == 0 || k == 0) {
				d[i][k] = i + k;
				continue;
			}
			size_t best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			best = d[i - 1][k] + 1 < best ? d[i - 1][k] + 1 : best;
			d[i][k] = d[i][k - 1] + 1 < best ? d[i][k - 1] + 1 : best;
		}
	return d[a_len][b_len];
}

TEST(nearest_agrees_with_the_textbook)
{
	struct rand r = rand_seeded(9);

	for (size_t n = 0; n < 20000; n++) {
		char a[16] = "", b[16] = "";
		const char *only = b;
		for (uint32_t i = rand_below(&r, 12); i > 0; i--)
			a[i - 1] = (char)('a' + rand_below(&r, 3));
		for (uint32_t i = rand_below(&r, 12); i > 0; i--)
			b[i - 1] = (char)('a' + rand_below(&r, 3));
		bool near = slow_distance(a, b) <= (strlen(a) + 2) / 3;
		assert_ptr_equal(text_nearest(a, &only, 1), near ? b : NULL);
	}
}

/* How RFC 3629 writes a code point. */
static size_t encode(char out[static 4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(0xf00 >> len | c);
	return len;
}

static bool prints(uint32_t c)
{
	return !(c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xdfff) ||
		 c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
		 (c >= 0x2066 && c <= 0x2069));
}

/* The count of accepted sequences equals that of characters, so nothing else is accepted. */
TEST(utf8_takes_every_character_in_its_one_form)
{
	size_t characters[5] = {0}, accepted[5] = {0};
	char text[4];

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t len = encode(text, c);
		assert_int_equal(text_printable_char(text, len), prints(c) ? len : 0);
		assert_int_equal(text_printable_char(text, len - 1), 0);
		characters[len] += prints(c);
	}
	for (uint32_t n = 0; n < 1u << 16; n++) {
		memcpy(text, (const char[]){(char)(n >> 8), (char)n}, 2);
		accepted[1] += text_printable_char(text, 1) == 1 && (n & 0xff) == 0;
		accepted[2] += text_printable_char(text, 2) == 2;
	}
	for (uint32_t n = 0xe00000; n <= 0xefffff; n++) {
		memcpy(text, (const char[]){(char)(n >> 16), (char)(n >> 8), (char)n}, 3);
		accepted[3] += text_printable_char(text, 3) == 3;
	}
	for (unsigned len = 1; len <= 3; len++)
		assert_int_equal(accepted[len], characters[len]);
}

TEST(utf8_refuses_what_is_no_character)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{"a\0b", 3},
		{"\n", 1},
		{"\x7f", 1},
		{"\xc2\x80", 2},
		{"\x80", 1},
		{"\xff", 1},
		{"\xfe", 1},
		{"\xc0\xaf", 2},
		{"\xe0\x80\xaf", 3},
		{"\xf0\x80\x80\xaf", 4},
		{"\xed\xa0\x80", 3},
		{"\xf4\x90\x80\x80", 4},
		{"\xf8\x88\x80\x80\x80", 5},
		{"\xc3", 1},
		{"\xe2\x82", 2},
		{"\xf0\x9f\x90", 3},
		{"\xc3\x28", 2},
		{"\xe2\x82\x28", 3},
		{"ok\xe2\x80\xae", 5},
		{"\xe2\x81\xa6", 3},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (text_is_printable_utf8(rows[i].text, rows[i].len))
			fail_msg("took row %zu", i);
	assert_true(text_is_printable_utf8("", 0));
	assert_true(text_is_printable_utf8("caf\xc3\xa9 \xf0\x9f\x90\x87", 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(base64_goes_there_and_back),
		RUN(base64_reads_a_key_as_wg_writes_it),
		RUN(vuln_11_base64_refuses_each_wrong_byte_at_each_place),
		RUN(base64_refuses_every_other_length),
		RUN(hex_goes_there_and_back_in_either_case),
		RUN(hex_refuses_each_wrong_byte_at_each_place_and_other_lengths),
		RUN(hex_of_other_lengths_has_two_digits_for_each_byte),
		RUN(numbers_are_digits_up_to_a_bound),
		RUN(numbers_for_marks_may_be_hexadecimal),
		RUN(names_every_result),
		RUN(nearest_suggests_what_was_meant),
		RUN(nearest_takes_the_first_of_equals_and_nothing_from_endless_words),
		RUN(nearest_agrees_with_the_textbook),
		RUN(utf8_takes_every_character_in_its_one_form),
		RUN(utf8_refuses_what_is_no_character),
	};
	return RUN_TESTS(tests);
}
