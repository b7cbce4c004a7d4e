/* Reads a configuration file, keys and all. */
#ifndef CONF_CONF_FILE_H
#define CONF_CONF_FILE_H

#include <stdio.h>

#include "conf/conf.h"
#include "conf/conf_error.h"

#define CONF_FILE_MAX (16 << 20)

/* conf_read() of a file, after checking that it is a regular file and no link, ours or root's, not readable by others (it
 * holds keys; the error names the chmod), and at most CONF_FILE_MAX. Returns NULL with errors. */
struct conf *conf_file_read(const char *path, struct conf_errors *errors);

/* The same for a person: errors are printed to `to`, one a line, as "path:line: text". NULL after at least one. */
struct conf *conf_file_read_or_tell(const char *path, FILE *to);

#endif
