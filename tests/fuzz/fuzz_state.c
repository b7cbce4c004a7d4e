/* The state file with arbitrary bytes (reliability.md 4.1, F61). Beyond no crash: what was understood is in order and each peer once,
 * and written down it is read again without a loss, to the same text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_state: not so: %s\n", what);
	abort();
}

static size_t lines_of(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\n' || i + 1 == len;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct key_public self = {{1}};
	struct past past, again;
	struct state_skipped skipped;
	size_t text_len, again_len;

	if (state_read(&past, (const char *)data, len, &self, &skipped) != STATE_OK)
		return 0;
	must(past.count + skipped.count + 2 == lines_of((const char *)data, len),
	     "each line is a peer or was passed over");
	for (size_t i = 0; i < past.count; i++) {
		must(i == 0 || key_public_compare(&past.peers[i - 1].key, &past.peers[i].key) < 0,
		     "peers are in order, each once");
		must(!past.peers[i].gone, "all of them count");
	}

	char *text = state_write(&past, &text_len);
	must(text != NULL && text_len <= STATE_TEXT_MAX, "it is written within its bounds");
	must(state_read(&again, text, text_len, &self, &skipped) == STATE_OK, "it is read again");
	must(skipped.count == 0 && again.count == past.count, "without a loss");
	char *text_again = state_write(&again, &again_len);
	must(text_again != NULL && again_len == text_len && memcmp(text, text_again, text_len) == 0,
	     "to the same text");
	free(text);
	free(text_again);
	past_free(&past);
	past_free(&again);
	return 0;
}
