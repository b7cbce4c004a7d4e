/* Reads WireGuard's configuration grammar, all keys of wg, wg-quick and warren, and says every error at once. */
#ifndef CONF_CONF_READ_H
#define CONF_CONF_READ_H

#include <stddef.h>

#include "conf/conf.h"

struct conf_error {
	unsigned line; /* 0: the file as a whole */
	char text[256]; /* what, and how to mend it; no line number, no file name */
};

struct conf_errors {
	struct conf_error *items;
	size_t count; /* at most 100 are kept; the last then says how many more */
};

void conf_errors_free(struct conf_errors *e);

/* Parse `len` bytes (NUL bytes are an error, CRLF and a BOM are accepted). Returns a new conf, or NULL with at least one
 * error. */
struct conf *conf_read(const char *text, size_t len, struct conf_errors *errors);

/* The same from a file, after checking that it is a regular file, not readable by others (it holds keys; the error names the
 * chmod), and at most 16 MiB. Returns NULL with errors. */
struct conf *conf_read_file(const char *path, struct conf_errors *errors);

#endif
