/* Configuration text (reliability.md 4.1, row 9). What is refused has a reason; what is read prints to a text that
 * reads back to the same values and prints the same again; the wg part alone reads back too. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_read.h"
#include "conf/conf_write.h"
#include "crypto/crypto.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return crypto_init("sodium");
}

static void check_errors(const struct conf *c, const struct conf_errors *errors)
{
	assert((c == NULL) == (errors->total > 0));
	assert(errors->count <= errors->total && errors->count <= CONF_ERRORS_MAX);
	for (size_t i = 0; i < errors->count; i++) {
		assert(errors->items[i].text[0] != '\0');
		assert(i == 0 || errors->items[i - 1].line <= errors->items[i].line);
		for (const char *at = errors->items[i].text; *at; at++)
			assert((unsigned char)*at >= 0x20);
	}
}

static struct conf *read_again(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_read(text, strlen(text), &errors);

	assert(c);
	conf_errors_free(&errors);
	return c;
}

static void check_round_trip(const struct conf *c)
{
	char *text = conf_write(c, CONF_FORM_WARREN);
	struct conf *again = read_again(text);
	char *text_again = conf_write(again, CONF_FORM_WARREN);

	assert(conf_equal(c, again));
	assert(strcmp(text, text_again) == 0);
	key_free(text);
	key_free(text_again);
	conf_free(again);
}

static void check_wg_form(const struct conf *c)
{
	char *text = conf_write(c, CONF_FORM_WG);
	struct conf *again = read_again(text);
	char *text_again = conf_write(again, CONF_FORM_WARREN);

	/* Nothing but wg's keys was in it. */
	assert(strcmp(text, text_again) == 0);
	key_free(text);
	key_free(text_again);
	conf_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_read((const char *)data, len, &errors);

	check_errors(c, &errors);
	if (c) {
		check_round_trip(c);
		check_wg_form(c);
	}
	conf_free(c);
	conf_errors_free(&errors);
	return 0;
}
