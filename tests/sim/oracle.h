/* What must hold at every step, whatever happens around it (reliability.md, section 2.8). The first thing that does not ends the run. */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/drop.h"
#include "base/packet.h"

#define ORACLE_KEYS         1024 /* that one node sends with, and that are remembered */
#define ORACLE_AGREE_WITHIN SEC(16)

struct node;
struct world;

/* Counters seen in a node's datagrams under one receiver index. */
struct oracle_key {
	uint32_t index; /* the receiver's; 0: free */
	usec since;
	uint64_t most;
	uint64_t window; /* bit i: most - i was seen */
};

struct oracle_node {
	struct oracle_key keys[ORACLE_KEYS];
	struct drops drops; /* before a datagram came */
	size_t turn;        /* the peer that is looked at next */
};

/* A node is about to be handed a datagram, and what came of it is in the outbox. */
void oracle_before_input(struct node *n);
void oracle_after_input(struct node *n, size_t len);
/* It sends this. */
void oracle_datagram(struct node *n, const struct packet *p);
/* It has finished a step: nothing is due, everything outstanding has a timer, nothing more is kept than it may. */
void oracle_step(struct node *n);
/* Once a second: no receiver index was lost, and pairs that have something to say to each other agree on a session, soon after the network
 * is well. */
void oracle_survey(struct world *w);

/* The age of the oldest session that the node holds with the other, 0: none. */
usec oracle_oldest_key(const struct node *n, const struct node *other);
/* Both send on the same session. */
bool oracle_agree(const struct node *a, const struct node *b);

#endif
