/* What the log says of a peer that moves: not every move. A key that two hosts have is heard from both in turn, packet by packet; then it
 * is said who fights (reliability.md, F12). Packets do not wait for this: they follow the peer at each move. */
#ifndef MESH_MOVES_H
#define MESH_MOVES_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/log.h"

#define MOVES_EVERY SEC(5)  /* one is told of */
#define MOVES_FIGHT 4       /* more that were not are no roaming: it is told of ... */
#define MOVES_AGAIN SEC(60) /* ... so often */

struct moves {
	usec quiet_until;
	unsigned untold;
};

/* The peer called `label` moved. */
void moves_note(struct moves *m, const char *label, const struct addr *from, const struct addr *to,
		usec now, const struct log *log);

#endif
