/* Text to values and back, strictly: the whole text or nothing, with the reason. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_BASE64_32_LEN 44 /* 32 bytes, padded, without the final zero */

enum text_result {
	TEXT_OK,
	TEXT_EMPTY,
	TEXT_BAD_CHAR,   /* a character that does not belong */
	TEXT_BAD_LENGTH, /* too short or too long */
	TEXT_OUT_OF_RANGE,
};

/* "bad character", "wrong length", ... for an error message. */
const char *text_result_name(enum text_result r);

/* Exactly 32 bytes of padded standard base64 (44 characters, unused bits zero), as wg writes keys.
 * Constant time in the bytes (libsodium). */
enum text_result text_base64(uint8_t out[static 32], const char *text);
void text_base64_print(char out[static TEXT_BASE64_32_LEN + 1], const uint8_t bytes[static 32]);

/* Exactly 32 bytes in 64 hexadecimal digits. */
enum text_result text_hex32(uint8_t out[static 32], const char *text);
void text_hex32_print(char out[static 65], const uint8_t bytes[static 32]);

/* Exactly `len` bytes, at most 32, in twice as many hexadecimal digits. */
enum text_result text_hex(uint8_t *out, size_t len, const char *text);
void text_hex_print(char *out, const uint8_t *bytes, size_t len); /* 2 * len + 1 characters */

/* Decimal without sign, space or leading '+'; at most `most`. Leading zeros mean nothing. */
enum text_result text_u64(uint64_t *out, const char *text, uint64_t most);
/* The same, and 0x... hexadecimal too. */
enum text_result text_u32_any(uint32_t *out, const char *text);

/* The candidate nearest to `word` (case-insensitive edit distance at most a third of its length,
 * rounded up), or NULL: for "did you mean". */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/* Length in bytes of the character that text starts with, or 0 when that is no whole and proper
 * UTF-8 or a control character: C0, DEL, C1, line separators, bidirectional overrides. */
size_t text_printable_char(const char *text, size_t len);

/* True for UTF-8 without control characters. */
bool text_is_printable_utf8(const char *text, size_t len);

#endif
