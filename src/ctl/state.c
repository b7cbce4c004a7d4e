/* Strict and bounded: a line is understood as a whole or not at all (interface.md section 1; reliability.md, F61). */
#include "ctl/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MAGIC     "warren.state/"
#define MAGIC_LEN (sizeof MAGIC - 1)
#define VERSION   "1"
#define SEEN_MOST (UINT64_MAX / SEC(1))
#define HEX_LEN   (2 * NOISE_TIMESTAMP_LEN)

/* --- the facts of a peer's line --------------------------------------------------------------------------------- */

static bool read_addr(void *out, const char *text)
{
	return addr_parse(out, text);
}

static bool print_addr(char *out, const void *value)
{
	const struct addr *a = value;

	addr_print(a, out);
	return addr_is_set(a) && a->port != 0;
}

static bool read_timestamp(void *out, const char *text)
{
	return text_hex(out, NOISE_TIMESTAMP_LEN, text) == TEXT_OK;
}

static bool print_timestamp(char *out, const void *value)
{
	static const uint8_t none[NOISE_TIMESTAMP_LEN];

	text_hex_print(out, value, NOISE_TIMESTAMP_LEN);
	return memcmp(value, none, sizeof none) != 0;
}

static bool read_seconds(void *out, const char *text)
{
	return text_u64(out, text, SEEN_MOST) == TEXT_OK;
}

static bool print_seconds(char *out, const void *value)
{
	uint64_t seconds;

	memcpy(&seconds, value, sizeof seconds);
	snprintf(out, ADDR_TEXT_MAX, "%llu", (unsigned long long)seconds);
	return seconds != 0;
}

/* In the order in which they are written; read in any. */
static const struct fact {
	const char *name;
	bool (*read)(void *out, const char *text);
	bool (*print)(char *out,
		      const void *value); /* ADDR_TEXT_MAX characters; false: not known */
	size_t at;
} facts[] = {
	{"endpoint", read_addr, print_addr, offsetof(struct past_peer, endpoint)},
	{"given", read_addr, print_addr, offsetof(struct past_peer, given)},
	{"sent", read_timestamp, print_timestamp, offsetof(struct past_peer, sent)},
	{"received", read_timestamp, print_timestamp, offsetof(struct past_peer, received)},
	{"seen", read_seconds, print_seconds, offsetof(struct past_peer, seen)},
};
#define FACTS (sizeof facts / sizeof facts[0])

_Static_assert(HEX_LEN < ADDR_TEXT_MAX, "every fact has room");
_Static_assert(sizeof "peer " + KEY_TEXT_LEN + FACTS * (sizeof " endpoint " + ADDR_TEXT_MAX) <
		       STATE_LINE_MAX,
	       "every peer's line has room");

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* The next line, without its end, copied to `line`: false at the end of the text. One that is torn, too long or has a zero in it
 * becomes "", which is no line of ours. */
static bool next_line(const char **at, const char *end, char line[static STATE_LINE_MAX])
{
	const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
	size_t len = (size_t)((stop != NULL ? stop : end) - *at);

	line[0] = '\0';
	if (*at == end)
		return false;
	if (stop != NULL && len < STATE_LINE_MAX && memchr(*at, '\0', len) == NULL) {
		memcpy(line, *at, len);
		line[len] = '\0';
	}
	*at = stop != NULL ? stop + 1 : end;
	return true;
}

/* Cut the next word off: words are parted by one space. NULL when there is none. */
static char *next_word(char **rest)
{
	return *rest == NULL ? NULL : strsep(rest, " ");
}

static const struct fact *find_fact(const char *name)
{
	for (size_t i = 0; i < FACTS; i++) {
		if (strcmp(facts[i].name, name) == 0)
			return &facts[i];
	}
	return NULL;
}

static bool read_key(struct key_public *out, const char *text)
{
	return text != NULL && text_base64(out->bytes, text) == TEXT_OK;
}

static bool read_peer(struct past_peer *out, char *line)
{
	const char *word = next_word(&line);
	unsigned seen = 0;

	*out = (struct past_peer){0};
	if (strcmp(word, "peer") != 0 || !read_key(&out->key, next_word(&line)))
		return false;
	while ((word = next_word(&line)) != NULL) {
		const struct fact *f = find_fact(word);
		const char *value = next_word(&line);
		unsigned bit = f == NULL ? 0 : 1u << (f - facts);

		if (value == NULL || bit == 0 || (seen & bit) != 0 ||
		    !f->read((uint8_t *)out + f->at, value))
			return false;
		seen |= bit;
	}
	return true;
}

static enum state_result read_head(const char **at, const char *end, const struct key_public *self)
{
	char line[STATE_LINE_MAX], *rest = line;
	struct key_public key;

	if (!next_line(at, end, line) || strncmp(line, MAGIC, MAGIC_LEN) != 0)
		return STATE_FOREIGN;
	if (strcmp(line + MAGIC_LEN, VERSION) != 0)
		return STATE_NEWER;
	if (!next_line(at, end, line) || strcmp(next_word(&rest), "self") != 0 ||
	    !read_key(&key, next_word(&rest)) || rest != NULL)
		return STATE_FOREIGN;
	return key_public_equal(&key, self) ? STATE_OK : STATE_OTHER_KEY;
}

enum state_result state_read(struct past *out, const char *text, size_t len,
			     const struct key_public *self, struct state_skipped *skipped)
{
	const char *at = text, *end = text + len;
	char line[STATE_LINE_MAX];
	enum state_result head = read_head(&at, end, self);

	*skipped = (struct state_skipped){0};
	if (head != STATE_OK)
		return head;
	if (past_init(out, self, MESH_PEERS_MAX) < 0)
		return STATE_NO_MEMORY;

	for (size_t number = 3; next_line(&at, end, line); number++) {
		if (out->count < MESH_PEERS_MAX && read_peer(&out->peers[out->count], line)) {
			out->count++;
			continue;
		}
		if (skipped->count++ == 0)
			skipped->first = number;
	}
	skipped->count += past_sort(out);
	return STATE_OK;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static size_t write_peer(char line[static STATE_LINE_MAX], const struct past_peer *p)
{
	char key[KEY_TEXT_LEN + 1], value[ADDR_TEXT_MAX];
	size_t len;

	text_base64_print(key, p->key.bytes);
	len = (size_t)snprintf(line, STATE_LINE_MAX, "peer %s", key);
	for (size_t i = 0; i < FACTS; i++) {
		if (facts[i].print(value, (const uint8_t *)p + facts[i].at))
			len += (size_t)snprintf(line + len, STATE_LINE_MAX - len, " %s %s",
						facts[i].name, value);
	}
	line[len++] = '\n';
	return len;
}

char *state_write(const struct past *p, size_t *len)
{
	char *text = malloc((p->count + 2) * STATE_LINE_MAX), *at = text;
	char self[KEY_TEXT_LEN + 1];

	if (text == NULL)
		return NULL;
	text_base64_print(self, p->self.bytes);
	at += snprintf(at, 2 * STATE_LINE_MAX, MAGIC VERSION "\nself %s\n", self);
	for (size_t i = 0; i < p->count; i++)
		at += write_peer(at, &p->peers[i]);
	*len = (size_t)(at - text);
	return text;
}
