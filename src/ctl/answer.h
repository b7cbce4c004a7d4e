/* Requests on the control socket: a line of JSON in, a line of JSON out (interface.md section 1). Pure. */
#ifndef CTL_ANSWER_H
#define CTL_ANSWER_H

#include <stddef.h>

#include "base/clock.h"
#include "mesh/mesh.h"

#define ANSWER_SCHEMA      "warren.reply/1"
#define ANSWER_REQUEST_MAX 4096

/* Length of the first line with its line feed, 0 when more bytes are needed, SIZE_MAX when it is longer
 * than ANSWER_REQUEST_MAX. */
size_t answer_frame(const char *text, size_t len);

/* The answer to one line (which is followed by a zero byte): {"schema": ..., "status": {...}} or {"schema": ..., "error": "..."}, with its
 * line feed. free() it; NULL without memory. */
char *answer_line(const struct mesh *m, const char *interface, const char *host_name,
		  const char *text, usec now, size_t *len);

#endif
