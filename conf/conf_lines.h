/* Between a configuration text and inih: lines that inih cannot misread (interface.md section 2, last paragraph).
 *
 * inih by itself cuts a value at " ;", keeps "#" comments, takes an indented line for more of the
 * last value, breaks long lines, and hides repeated or empty sections. Its reader here hands it only
 *
 *	[interface]    [peer 7]    [other]         sections, peers numbered from 0 in file order
 *	Key = F text E                             a value's first piece
 *	 M text E                                  a further piece, which inih delivers under the same key
 *
 * where F, M and E are marks, ";" is written as another, and marks are control characters, which a line may not contain. */
#ifndef CONF_CONF_LINES_H
#define CONF_CONF_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "conf/conf_error.h"

#define CONF_LINE_MAX 65536 /* "Key = value", without the line's end */

struct conf_lines {
	const char *text;
	size_t len, at;
	struct conf *conf;          /* each [Peer] becomes a peer here, an empty one too */
	struct conf_errors *errors; /* lines that are refused are told here and not delivered */
	unsigned line;              /* of what was delivered last, from 1 */
	unsigned interface_line;    /* of [Interface], 0: not seen */
	bool no_memory;
	char key[48]; /* of the value in delivery */
	const char *value;
	size_t value_left;
	enum { LINES_IDLE, LINES_FIRST, LINES_MORE } stage;
};

/* A reader for ini_parse_stream; `lines` is a struct conf_lines with text, len, conf and errors set, the rest zero.
 * str is wiped at the end of the text: it held keys. */
char *conf_lines_next(char *str, int room, void *lines);

/* Puts back the characters behind the marks of `piece`. Appends the text to value (CONF_LINE_MAX + 1 bytes, *len of them
 * used), after starting anew where the piece is a first one. True when the value is whole and zero-terminated. */
bool conf_lines_gather(char *value, size_t *len, const char *piece);

#endif
