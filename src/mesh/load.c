/* Handshake load (WireGuard paper, 5.3). */
#include "mesh/load.h"

bool load_add(struct load *l, usec now)
{
	if (now - l->window_at >= LOAD_WINDOW) {
		l->window_at = now;
		l->count = 0;
	}
	if (++l->count > LOAD_PER_WINDOW)
		l->until = now + LOAD_WINDOW;
	return now < l->until;
}
