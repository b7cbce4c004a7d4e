/* Nodes for tests of this room: real meshes that reach each other through memory, at made-up times. */
#ifndef UNIT_CTL_NODES_H
#define UNIT_CTL_NODES_H

#include "mesh/mesh.h"
#include "support/env_fake.h"

/* Node N is 192.0.2.N:51820 outside and 10.66.0.N inside. */
struct node {
	struct env_fake env;
	struct mesh *m;
	struct outbox out;
	struct key_private secret;
	struct key_public key;
	uint8_t number;
};

extern struct node nodes[5]; /* by number */

struct node *node_start(uint8_t number);
void node_stop(struct node *n);

/* A change that gives the node its key and port. */
struct delta *node_identity(const struct node *n);
/* Adds to a change: n as a peer, with its inner address and, if asked for, its endpoint. */
void node_add_peer(struct delta *d, const struct node *n, const char *name, bool anchor,
		   bool endpoint);
/* Takes the change. */
void node_apply(struct node *n, struct delta *d, usec now);

/* An inner packet of 28 bytes for node `to` enters `from`. */
void node_send(struct node *from, uint8_t to, usec now);
/* The same, and all that follows from it between the two. */
void node_connect(struct node *a, struct node *b, usec now);
/* Ticks, while nobody hears the node. */
void node_pass_time(struct node *n, usec from, usec to);

#endif
