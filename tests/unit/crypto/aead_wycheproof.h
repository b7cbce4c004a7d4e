/* The cases that Wycheproof has for an AEAD. */
#ifndef UNIT_AEAD_WYCHEPROOF_H
#define UNIT_AEAD_WYCHEPROOF_H

#include "crypto/aead.h"
#include "support/hexdata.h"
#include "support/test.h"

struct aead_case {
	struct aead_key key;
	uint8_t *nonce, *ad, *text, *sealed; /* sealed: the text's cipher and the tag */
	size_t ad_len, len;
	bool valid;
};

static inline void aead_case_run(const struct vectors *v, size_t nonce_len,
				 void (*check)(const struct aead_case *c))
{
	size_t key_len, got_nonce_len, cipher_len, tag_len;
	struct aead_case c = {.valid = strcmp(v->field[7], "valid") == 0};
	uint8_t *key = vectors_bytes(v, 1, &key_len);
	uint8_t *cipher = vectors_bytes(v, 5, &cipher_len), *tag = vectors_bytes(v, 6, &tag_len);

	c.nonce = vectors_bytes(v, 2, &got_nonce_len);
	c.ad = vectors_bytes(v, 3, &c.ad_len);
	c.text = vectors_bytes(v, 4, &c.len);
	c.sealed = malloc(c.len + AEAD_TAG_LEN);
	assert_non_null(c.sealed);
	assert_int_equal(key_len, sizeof c.key.bytes);
	assert_int_equal(got_nonce_len, nonce_len);
	assert_int_equal(cipher_len, c.len);
	assert_int_equal(tag_len, AEAD_TAG_LEN);
	memcpy(c.key.bytes, key, sizeof c.key.bytes);
	memcpy(c.sealed, cipher, c.len);
	memcpy(c.sealed + c.len, tag, AEAD_TAG_LEN);
	check(&c);
	free(key);
	free(cipher);
	free(tag);
	free(c.nonce);
	free(c.ad);
	free(c.text);
	free(c.sealed);
}

/* All cases of this file with this result. Those that our types cannot express must be exactly the ones the suite calls invalid
 * for their nonce: they come without a tag. */
static inline void aead_suite(const char *file, size_t nonce_len, const char *result,
			      void (*check)(const struct aead_case *c))
{
	struct vectors v;
	size_t checked = 0;

	if (!vectors_open(&v, file)) {
		print_message("# SKIP: vectors not found\n");
		return;
	}
	while (vectors_next(&v)) {
		assert_int_equal(v.field_count, 8);
		bool expressible = strlen(v.field[2]) == 2 * nonce_len;
		assert_int_equal(!expressible, strcmp(v.field[6], "-") == 0);
		if (!expressible) {
			assert_string_equal(v.field[7], "invalid");
		} else if (strcmp(v.field[7], result) == 0) {
			aead_case_run(&v, nonce_len, check);
			checked++;
		}
	}
	assert_true(checked >= 60);
}

#endif
