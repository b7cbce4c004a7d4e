/* The state file's text (interface.md section 1, "State"): what outlives the process, one line for each peer.
 *
 *     warren.state/1
 *     self KEY
 *     peer KEY endpoint 192.0.2.1:51820 given 192.0.2.1:51820 sent HEX received HEX seen 1795260000
 *
 * KEY is base64, HEX the 12 bytes of a TAI64N, `seen` counts seconds since 1970. What is not known is left out. */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include <stddef.h>

#include "mesh/mesh.h"

#define STATE_LINE_MAX 512 /* with its line feed */
#define STATE_TEXT_MAX ((size_t)(MESH_PEERS_MAX + 2) * STATE_LINE_MAX)

enum state_result {
	STATE_OK,
	STATE_FOREIGN,   /* it does not start as a state file does */
	STATE_NEWER,     /* a format that a later version wrote */
	STATE_OTHER_KEY, /* of another identity: start afresh */
	STATE_NO_MEMORY,
};

/* Lines that were not understood, torn ones and repeated peers among them, and were passed over. */
struct state_skipped {
	size_t count, first; /* number of the first, from 1; 0 when only repeats were dropped */
};

/* Read what was written for `self`. After STATE_OK, past_free(out), which is ordered by key. */
enum state_result state_read(struct past *out, const char *text, size_t len,
			     const struct key_public *self, struct state_skipped *skipped);
/* free() it. NULL without memory. */
char *state_write(const struct past *p, size_t *len);

#endif
