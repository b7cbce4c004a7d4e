/* Under load or not: the rate of handshake messages with a valid mac1, in windows of one second. Each of them costs Diffie-Hellman
 * operations, so beyond the limit a source has to prove itself by a cookie first (WireGuard paper, 5.3). */
#ifndef MESH_LOAD_H
#define MESH_LOAD_H

#include <stdbool.h>

#include "base/clock.h"

#define LOAD_WINDOW     SEC(1)
#define LOAD_PER_WINDOW 200 /* an initiation costs about 150 us: 3 % of a core */

struct load {
	usec window_at; /* start of the current window */
	unsigned count;
	usec until; /* under load until then */
};

/* One more handshake message came: true when it comes under load. */
bool load_add(struct load *l, usec now);

#endif
