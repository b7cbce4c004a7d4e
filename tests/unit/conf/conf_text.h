/* Keys and short files that the tests of conf share. */
#ifndef UNIT_CONF_TEXT_H
#define UNIT_CONF_TEXT_H

#include "conf/conf_read.h"
#include "crypto/crypto.h"
#include "support/test.h"

#define OWN_PRIVATE "mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A="
#define OWN_PUBLIC  "j+YFEIrrdJ6q7przFXSM1ToJ0vEfB7HVpIEhIkFf4wY="
#define PUBLIC_B    "OgowcGAlwJzAW27339KT8T8f0kD2RpWCYdtLhanYOxI="
#define PUBLIC_C    "k1F5b4xpO4UJWio2vuz6yvN6P/nTLiqLRtOqwMULYiE="
#define PSK         "A06JQ+fdvc1FOTH5pXrA80FL8t5eQasGmQYWWdWAbis="
#define ZERO_KEY    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* Two encodings of public keys above with the unused high bit set, and 9 with 2^255 - 19 added. */
#define OWN_PUBLIC_HIGH_BIT "j+YFEIrrdJ6q7przFXSM1ToJ0vEfB7HVpIEhIkFf44Y="
#define PUBLIC_B_HIGH_BIT   "OgowcGAlwJzAW27339KT8T8f0kD2RpWCYdtLhanYO5I="
#define PUBLIC_NINE         "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PUBLIC_NINE_PLUS_P  "9v///////////////////////////////////////38="

#define INTERFACE "[Interface]\nPrivateKey = " OWN_PRIVATE "\n" /* two lines */
#define PEER_B    "[Peer]\nPublicKey = " PUBLIC_B "\n"
#define PEER_C    "[Peer]\nPublicKey = " PUBLIC_C "\n"

static inline int start_crypto(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

/* The conf of a text that must be fine. */
static inline struct conf *read_fine(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_read(text, strlen(text), &errors);

	for (size_t i = 0; i < errors.count; i++)
		print_error("line %u: %s\n", errors.items[i].line, errors.items[i].text);
	assert_int_equal(errors.total, 0);
	assert_non_null(c);
	conf_errors_free(&errors);
	return c;
}

/* Asserts that reading gives exactly this one error. */
static inline void read_refused(const char *text, size_t len, unsigned line, const char *want)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_read(text, len, &errors);

	assert_null(c);
	assert_true(errors.count > 0);
	assert_string_equal(errors.items[0].text, want);
	assert_int_equal(errors.items[0].line, line);
	assert_int_equal(errors.total, 1);
	conf_errors_free(&errors);
}

static inline void text_refused(const char *text, unsigned line, const char *want)
{
	read_refused(text, strlen(text), line, want);
}

#endif
