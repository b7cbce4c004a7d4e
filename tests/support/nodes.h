/* Nodes: real meshes that reach each other through memory, at made-up times. Whatever a test did not expect here aborts. */
#ifndef SUPPORT_NODES_H
#define SUPPORT_NODES_H

#include "mesh/mesh.h"
#include "support/env_fake.h"

#define NODES_MAX  8
#define LETTER_MAX 2048

/* Node N is 192.0.2.N:51820 outside and 10.66.0.N, 2001:db8:66::N inside. */
struct node {
	struct env_fake env;
	struct mesh *m;
	struct outbox out;
	struct key_private secret;
	struct key_public key;
	uint8_t number;
};

/* A datagram on its way: to which node, and how it will have come there. */
struct letter {
	uint8_t to;
	struct via via;
	size_t len;
	uint8_t data[LETTER_MAX];
};

extern struct node nodes[NODES_MAX]; /* by number */

struct node *node_start(uint8_t number);
void node_stop(struct node *n);

struct addr node_outside(uint8_t number);

/* --- configuration ---------------------------------------------------------------------------------------------- */

/* A change that gives the node its key and port. */
struct delta *node_identity(const struct node *n);
/* Adds to a change: n as a peer, with its inner addresses and, if asked for, its endpoint. */
struct delta_peer *node_add_peer(struct delta *d, const struct node *n, const char *name,
				 bool anchor, bool endpoint);
/* Takes the change. */
void node_apply(struct node *n, struct delta *d, usec now);
/* Both get their identity and each other as peers, with endpoints. */
void node_introduce(struct node *a, struct node *b, usec now);

/* --- inner packets ---------------------------------------------------------------------------------------------- */

/* Write an IPv4 (IPv6) packet of `len` bytes in all, filled with `fill`, from one node's inner address to another's. */
void node_write_ip4(uint8_t *at, uint8_t from, uint8_t to, size_t len, uint8_t fill);
void node_write_ip6(uint8_t *at, uint8_t from, uint8_t to, size_t len, uint8_t fill);
/* These bytes enter the node by its TUN, alone. */
void node_send_bytes(struct node *from, const void *packet, size_t len, usec now);
/* An inner packet of 28 bytes for node `to` enters `from`. */
void node_send(struct node *from, uint8_t to, usec now);

/* --- datagrams -------------------------------------------------------------------------------------------------- */

/* Take all datagrams a node wants to send; what it delivered stays. Returns how many. */
size_t node_take(struct node *n, struct letter *letters, size_t room);
/* Hand datagrams to a node, in one batch. What it delivers is in its outbox; the bytes are good until the next call. */
void node_hand(struct node *to, const struct letter *letters, size_t count, usec now);
/* The same with one datagram that came from this address. The first drop it was counted as, or DROP_NONE. */
enum drop node_hand_bytes(struct node *to, const void *data, size_t len, const struct addr *from,
			  usec now);
/* The one datagram that a node sends for an inner packet: sealed data of these bytes, or of one for node `to`; or the
 * initiation of the session it lacks. Good until the next call. */
struct letter *node_data(struct node *from, const void *packet, size_t len, usec now);
struct letter *node_ping(struct node *from, uint8_t to, usec now);
struct letter *node_initiation(struct node *from, uint8_t to, usec now);
/* Carry what the two have for each other until both are silent. */
void node_settle(struct node *a, struct node *b, usec now);
/* The same among all of these; what is for others is lost. */
void node_settle_all(struct node *const *all, size_t count, usec now);
/* An inner packet from a to b, and all that follows from it between the two. */
void node_connect(struct node *a, struct node *b, usec now);
/* Ticks, while nobody hears the node. */
void node_pass_time(struct node *n, usec from, usec to);

/* --- what a node knows ------------------------------------------------------------------------------------------ */

/* Its peer with that node's key; NULL: it has none. */
struct peer *node_peer(const struct node *n, const struct node *peer);
/* How much it dropped for this reason, and for any. */
uint64_t node_drops(const struct node *n, enum drop why);
uint64_t node_all_drops(const struct node *n);

/* A hash over one peer: handshakes, sessions, timers, counts, where it is. */
uint64_t node_digest_peer(const struct node *n, const struct node *peer);
/* Over all peers and tables, but not over the counts of drops and the load. When it stays the same, nothing was kept. */
uint64_t node_digest(const struct node *n);

#endif
