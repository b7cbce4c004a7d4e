/* The reader that inih is fed from (interface.md section 2, last paragraph). */
#include "conf/conf_lines.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MARK_FIRST     '\x01'
#define MARK_MORE      '\x02'
#define MARK_CUT       '\x03'
#define MARK_LAST      '\x04'
#define MARK_SEMICOLON '\x05'

/* A stretch of the text, without an end mark. */
struct span {
	const char *at;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trimmed(struct span s)
{
	while (s.len > 0 && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

static struct span before(struct span s, char stop)
{
	const char *end = s.len ? memchr(s.at, stop, s.len) : NULL;
	return (struct span){s.at, end ? (size_t)(end - s.at) : s.len};
}

static bool span_is(struct span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

/* Shell commands: "#" is theirs. */
static bool is_hook(struct span key)
{
	return span_is(key, "PreUp") || span_is(key, "PostUp") || span_is(key, "PreDown") ||
	       span_is(key, "PostDown");
}

static bool has_control_character(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* The next line without its end. False at the end of the text. */
static bool raw_line(struct conf_lines *l, struct span *out)
{
	if (l->line == 0 && l->len >= 3 && memcmp(l->text, "\xef\xbb\xbf", 3) == 0)
		l->at = 3;
	if (l->at == l->len)
		return false;

	struct span rest = {l->text + l->at, l->len - l->at};
	*out = before(rest, '\n');
	l->at += out->len < rest.len ? out->len + 1 : out->len;
	l->line++;
	if (out->len > 0 && out->at[out->len - 1] == '\r')
		out->len--;
	return true;
}

static void peer_section(struct conf_lines *l, char *str, int room)
{
	if (l->conf->peer_count == CONF_PEERS_MAX) {
		conf_errors_add(l->errors, l->line, "more than %d [Peer] sections", CONF_PEERS_MAX);
		snprintf(str, (size_t)room, "[other]");
		return;
	}

	struct conf_peer *p = conf_add_peer(l->conf);
	if (!p) {
		l->no_memory = true;
		snprintf(str, (size_t)room, "[other]");
		return;
	}
	p->line = l->line;
	snprintf(str, (size_t)room, "[peer %zu]", l->conf->peer_count - 1);
}

/* Keys of a section that is refused are not looked at, so that one slip is one error. */
static void section(struct conf_lines *l, struct span line, char *str, int room)
{
	if (span_is(line, "[Peer]")) {
		peer_section(l, str, room);
		return;
	}

	if (span_is(line, "[Interface]") && l->interface_line == 0) {
		l->interface_line = l->line;
		snprintf(str, (size_t)room, "[interface]");
		return;
	}

	if (span_is(line, "[Interface]"))
		conf_errors_add(l->errors, l->line,
				"a second [Interface]: join it with the one in line %u",
				l->interface_line);
	else
		conf_errors_add(
			l->errors, l->line,
			"unknown section: a section is [Interface] or [Peer], alone in its line");
	snprintf(str, (size_t)room, "[other]");
}

/* Puts the line's value into delivery. */
static void key_line(struct conf_lines *l, struct span line)
{
	struct span key = before(line, '=');
	if (key.len == line.len) {
		conf_errors_add(l->errors, l->line, "not `Key = value`, a section or a # comment");
		return;
	}

	struct span value = trimmed((struct span){key.at + key.len + 1, line.len - key.len - 1});
	key = trimmed(key);
	if (key.len == 0) {
		conf_errors_add(l->errors, l->line, "no key before the `=`");
		return;
	}
	if (memchr(key.at, ';', key.len) || memchr(key.at, ':', key.len)) {
		conf_errors_add(l->errors, l->line,
				"a `;` or `:` in a key: a comment begins with #");
		return;
	}
	/* As conf_write would print it, so that it can be read again. */
	if (key.len + 3 + value.len > CONF_LINE_MAX) {
		conf_errors_add(l->errors, l->line, "longer than %d bytes", CONF_LINE_MAX);
		return;
	}

	/* No known key is as long as l->key: cut, it stays unknown. */
	size_t len = key.len < sizeof l->key - 1 ? key.len : sizeof l->key - 1;
	memcpy(l->key, key.at, len);
	l->key[len] = '\0';
	l->value = value.at;
	l->value_left = value.len;
	l->stage = LINES_FIRST;
}

/* A section goes into str, a value into delivery. Other lines give nothing. */
static void take_line(struct conf_lines *l, struct span line, char *str, int room)
{
	if (line.len > 0 && memchr(line.at, '\0', line.len)) {
		conf_errors_add(l->errors, l->line, "a NUL byte: this is not a text file");
		return;
	}
	if (line.len > CONF_LINE_MAX) {
		conf_errors_add(l->errors, l->line, "longer than %d bytes", CONF_LINE_MAX);
		return;
	}

	struct span bare = before(line, '#');
	struct span key = before(bare, '=');
	bool hook = key.len < bare.len && is_hook(trimmed(key));
	line = trimmed(hook ? line : bare);
	if (line.len == 0)
		return;
	if (has_control_character(line)) {
		conf_errors_add(l->errors, l->line, "a control character: retype the line");
		return;
	}

	if (line.at[0] == '[') {
		section(l, line, str, room);
		return;
	}
	key_line(l, line);
}

static void deliver(struct conf_lines *l, char *str, size_t room)
{
	int head = l->stage == LINES_FIRST ? snprintf(str, room, "%s = %c", l->key, MARK_FIRST)
					   : snprintf(str, room, " %c", MARK_MORE);
	size_t used = (size_t)head, most = room - used - 2; /* the closing mark, and zero */
	size_t len = l->value_left < most ? l->value_left : most;

	for (size_t i = 0; i < len; i++)
		str[used++] = l->value[i] == ';' ? MARK_SEMICOLON : l->value[i];
	l->value += len;
	l->value_left -= len;
	l->stage = l->value_left ? LINES_MORE : LINES_IDLE;
	str[used++] = l->value_left ? MARK_CUT : MARK_LAST;
	str[used] = '\0';
}

char *conf_lines_next(char *str, int room, void *lines)
{
	struct conf_lines *l = lines;
	assert(room > (int)sizeof l->key + 16);

	str[0] = '\0';
	while (l->stage == LINES_IDLE && str[0] == '\0') {
		struct span line;
		if (!raw_line(l, &line)) {
			key_wipe(str, (size_t)room);
			return NULL;
		}
		take_line(l, line, str, room);
	}

	if (l->stage != LINES_IDLE)
		deliver(l, str, (size_t)room);
	return str;
}

bool conf_lines_gather(char *value, size_t *len, const char *piece)
{
	size_t piece_len = strlen(piece);
	assert(piece_len >= 2);
	if (piece[0] == MARK_FIRST)
		*len = 0;

	for (size_t i = 1; i < piece_len - 1; i++) {
		assert(*len < CONF_LINE_MAX);
		value[(*len)++] = piece[i] == MARK_SEMICOLON ? ';' : piece[i];
	}
	value[*len] = '\0';
	return piece[piece_len - 1] == MARK_LAST;
}
