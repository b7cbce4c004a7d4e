/* Strict readers and writers of text. Base64 and hex are libsodium's: keys want constant time. */
#include "base/text.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/defence.h"

#define NEAREST_MAX 64 /* longer words are no misspelling of ours */

const char *text_result_name(enum text_result r)
{
	switch (r) {
	case TEXT_OK:
		return "ok";
	case TEXT_EMPTY:
		return "empty";
	case TEXT_BAD_CHAR:
		return "bad character";
	case TEXT_BAD_LENGTH:
		return "wrong length";
	case TEXT_OUT_OF_RANGE:
		return "out of range";
	}
	return "unknown";
}

static enum text_result check_len(const char *text, size_t want)
{
	size_t len = strnlen(text, want + 1);

	return len == 0 ? TEXT_EMPTY : len != want ? TEXT_BAD_LENGTH : TEXT_OK;
}

/* libsodium 1.0.18 takes bytes above 127 for letters where char is signed (vuln_11). Only text that
 * is printed again as it was read is taken. */
enum text_result text_base64(uint8_t out[static 32], const char *text)
{
	char again[TEXT_BASE64_32_LEN + 1];
	uint8_t bytes[32] = {0};
	size_t len;

	enum text_result r = check_len(text, TEXT_BASE64_32_LEN);
	if (r != TEXT_OK)
		return r;

	bool readable = sodium_base642bin(bytes, sizeof bytes, text, TEXT_BASE64_32_LEN, NULL, &len,
					  NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
			len == sizeof bytes;
	text_base64_print(again, bytes);
	if (!readable || DEFENCE(11, sodium_memcmp(again, text, TEXT_BASE64_32_LEN) != 0))
		r = TEXT_BAD_CHAR;
	else
		memcpy(out, bytes, sizeof bytes);
	sodium_memzero(bytes, sizeof bytes);
	sodium_memzero(again, sizeof again);
	return r;
}

void text_base64_print(char out[static TEXT_BASE64_32_LEN + 1], const uint8_t bytes[static 32])
{
	sodium_bin2base64(out, TEXT_BASE64_32_LEN + 1, bytes, 32, sodium_base64_VARIANT_ORIGINAL);
}

enum text_result text_hex(uint8_t *out, size_t len, const char *text)
{
	uint8_t bytes[32];
	size_t read;

	assert(len <= sizeof bytes);
	enum text_result r = check_len(text, 2 * len);
	if (r != TEXT_OK)
		return r;

	if (sodium_hex2bin(bytes, len, text, 2 * len, NULL, &read, NULL) != 0 || read != len)
		r = TEXT_BAD_CHAR;
	else
		memcpy(out, bytes, len);
	sodium_memzero(bytes, sizeof bytes);
	return r;
}

void text_hex_print(char *out, const uint8_t *bytes, size_t len)
{
	sodium_bin2hex(out, 2 * len + 1, bytes, len);
}

enum text_result text_hex32(uint8_t out[static 32], const char *text)
{
	return text_hex(out, 32, text);
}

void text_hex32_print(char out[static 65], const uint8_t bytes[static 32])
{
	text_hex_print(out, bytes, 32);
}

/* Value of a digit in bases to 16, or 16. */
static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

static enum text_result read_number(uint64_t *out, const char *text, unsigned base, uint64_t most)
{
	uint64_t value = 0;
	bool too_large = false;

	if (*text == '\0')
		return TEXT_EMPTY;
	for (; *text != '\0'; text++) {
		unsigned digit = digit_of(*text);
		if (digit >= base)
			return TEXT_BAD_CHAR;
		if (digit > most || value > (most - digit) / base)
			too_large = true;
		else
			value = value * base + digit;
	}
	if (too_large)
		return TEXT_OUT_OF_RANGE;
	*out = value;
	return TEXT_OK;
}

enum text_result text_u64(uint64_t *out, const char *text, uint64_t most)
{
	return read_number(out, text, 10, most);
}

enum text_result text_u32_any(uint32_t *out, const char *text)
{
	bool hex = strncmp(text, "0x", 2) == 0;
	uint64_t value;

	enum text_result r = read_number(&value, text + (hex ? 2 : 0), hex ? 16 : 10, UINT32_MAX);
	if (r == TEXT_OK)
		*out = (uint32_t)value;
	return r;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions and replacements that turn a into b, one row of the table at a time. */
static size_t edit_distance(const char *a, size_t a_len, const char *b)
{
	size_t row[NEAREST_MAX + 1];

	for (size_t i = 0; i <= a_len; i++)
		row[i] = i;
	for (; *b != '\0'; b++) {
		size_t diagonal = row[0]++;
		for (size_t i = 1; i <= a_len; i++) {
			size_t best = diagonal + (lower(a[i - 1]) != lower(*b));
			diagonal = row[i];
			if (row[i] + 1 < best)
				best = row[i] + 1;
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			row[i] = best;
		}
	}
	return row[a_len];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t len = strnlen(word, NEAREST_MAX + 1);
	const char *nearest = NULL;

	if (len > NEAREST_MAX)
		return NULL;

	size_t best = (len + 2) / 3 + 1;
	for (size_t i = 0; i < count; i++) {
		size_t distance = edit_distance(word, len, candidates[i]);
		if (distance < best) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}

/* What breaks or turns a line: C0, DEL, C1, line separators, bidirectional controls. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

size_t text_printable_char(const char *text, size_t len)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least; /* smaller code points have a shorter form */
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	const uint8_t *p = (const uint8_t *)text;

	for (size_t n = 1; n <= 4 && n <= len; n++) {
		if ((p[0] & forms[n - 1].mask) != forms[n - 1].lead)
			continue;

		uint32_t c = p[0] & (uint8_t)~forms[n - 1].mask;
		for (size_t i = 1; i < n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (p[i] & 0x3f);
		}
		bool surrogate = c >= 0xd800 && c <= 0xdfff;
		return c < forms[n - 1].least || c > 0x10ffff || surrogate || is_control(c) ? 0 : n;
	}
	return 0;
}

bool text_is_printable_utf8(const char *text, size_t len)
{
	while (len > 0) {
		size_t n = text_printable_char(text, len);
		if (n == 0)
			return false;
		text += n;
		len -= n;
	}
	return true;
}
