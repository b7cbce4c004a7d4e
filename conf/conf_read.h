/* Reads WireGuard's configuration grammar, all keys of wg, wg-quick and warren, and says every error at once
 * (interface.md section 2). */
#ifndef CONF_CONF_READ_H
#define CONF_CONF_READ_H

#include <stddef.h>
#include <stdio.h>

#include "conf/conf.h"
#include "conf/conf_error.h"

#define CONF_FILE_MAX (16 << 20)

/* Parse `len` bytes (NUL bytes are an error, CRLF and a BOM are accepted). Returns a new conf that holds together
 * (conf_check.h), or NULL with errors (`total` of them; without memory they may not have been kept). */
struct conf *conf_read(const char *text, size_t len, struct conf_errors *errors);

/* The same from a file, after checking that it is a regular file and no link, ours or root's, not readable by others (it
 * holds keys; the error names the chmod), and at most CONF_FILE_MAX. Returns NULL with errors. */
struct conf *conf_read_file(const char *path, struct conf_errors *errors);

/* The same for a person: errors are printed to `to`, one a line, as "path:line: text". NULL after at least one. */
struct conf *conf_read_or_tell(const char *path, FILE *to);

#endif
