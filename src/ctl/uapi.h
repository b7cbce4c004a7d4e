/* WireGuard's cross-platform configuration protocol, as text (interface.md section 3): what `wg` speaks. Pure: the daemon brings
 * the bytes. */
#ifndef CTL_UAPI_H
#define CTL_UAPI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "conf/delta.h"
#include "mesh/mesh.h"

/* Length of the first whole request in the buffer (its blank line included), 0 when more bytes are needed, SIZE_MAX when what is there can
 * never become one. */
size_t uapi_frame(const char *text, size_t len);

enum uapi_request { UAPI_GET, UAPI_SET, UAPI_BAD };

/* Read one whole request. UAPI_SET: *delta is the change to apply (free it). UAPI_BAD: *error is a positive errno. */
enum uapi_request uapi_read(const char *text, size_t len, struct delta **delta, int *error);

/* The answer to get: a new string with its errno line and blank line (free with key_free: it holds keys), or NULL. */
char *uapi_write_get(const struct mesh *m, usec now, size_t *len);
/* The answer to a set, or to a bad request: "errno=-N\n\n" for set with error > 0, "errno=0\n\n". */
size_t uapi_write_result(char *buf, size_t room, enum uapi_request what, int error);

#endif
