/* WireGuard's cross-platform configuration protocol, as text (interface.md section 3): what `wg`
 * speaks. A request is the line get=1, or the line set=1 and lines key=value, those of the device
 * first, then those of each peer after its public_key; a blank line ends it. Pure: the daemon
 * brings the bytes. */
#ifndef CTL_UAPI_H
#define CTL_UAPI_H

#include <stddef.h>

#include "base/clock.h"
#include "conf/delta.h"
#include "mesh/mesh.h"

/* 4 MiB: keys, endpoint and some six allowed IPs of every peer there can be. */
#define UAPI_REQUEST_MAX (512 * MESH_PEERS_MAX)
#define UAPI_RESULT_MAX  24 /* "errno=-2147483648\n\n" and its zero */

/* Length of the first whole request in the buffer (its blank line included), 0 when more bytes are
 * needed, SIZE_MAX when what is there can never become one: neither get=1 nor set=1, or longer than
 * UAPI_REQUEST_MAX. Then hang up, as wireguard-go does: where the next request begins cannot be
 * known. */
size_t uapi_frame(const char *text, size_t len);

enum uapi_request {
	UAPI_GET,
	UAPI_SET,
	UAPI_BAD_GET, /* to be refused */
	UAPI_BAD,     /* the same, for a set and for what is neither */
};

/* Read one whole request. UAPI_SET: *delta is the change to apply (free it), with every value in
 * its range. Refused: *error is EPROTO for a line that is not key=value, EINVAL for an unknown or
 * misplaced key or a bad value, E2BIG for more than twice MESH_PEERS_MAX peer sections, ENOMEM. */
enum uapi_request uapi_read(const char *text, size_t len, struct delta **delta, int *error);

/* The answer to get: a new string with its errno line and blank line (free with key_free: it holds
 * keys), or NULL without memory. */
char *uapi_write_get(const struct mesh *m, usec now, size_t *len);
/* Every other answer: "errno=N\n\n" with error (0 or a positive errno) positive for a get and
 * negative for the rest, as the tools want it. room: at least UAPI_RESULT_MAX. Returns its
 * length. */
size_t uapi_write_result(char *buf, size_t room, enum uapi_request what, int error);

#endif
