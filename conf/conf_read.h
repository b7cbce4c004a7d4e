/* Reads WireGuard's configuration grammar, all keys of wg, wg-quick and warren, and says every error at once
 * (interface.md section 2). */
#ifndef CONF_CONF_READ_H
#define CONF_CONF_READ_H

#include <stddef.h>

#include "conf/conf.h"
#include "conf/conf_error.h"

/* Parse `len` bytes (NUL bytes are an error, CRLF and a BOM are accepted). Returns a new conf that holds together
 * (conf_check.h), or NULL with errors (`total` of them; without memory they may not have been kept). */
struct conf *conf_read(const char *text, size_t len, struct conf_errors *errors);

#endif
