/* A node: a mesh on a fake edge, on a machine with a clock and a disk of its own. It does what daemon.c does: hands the mesh what
 * comes, performs what it wants done, wakes it at its deadline, keeps its state file. */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "base/host.h"
#include "mesh/mesh.h"
#include "sim/doors.h"
#include "sim/network.h"
#include "sim/oracle.h"
#include "sim/server.h"
#include "sim/timepiece.h"
#include "sim/world.h"

#define NODE_PORT     51820
#define NODE_STUN_MAX 4
#define NODE_QUEUE_MAX                                                                             \
	256 /* datagrams that wait while the process is stopped, as in a socket's buffer */

/* How one node knows another. */
struct acquaintance {
	struct node *other;
	uint16_t keepalive;   /* seconds */
	bool by_name;         /* its endpoint is a name, which the world's table has */
	bool no_endpoint;     /* none is configured, though it could be */
	struct addr endpoint; /* where the other was when they met */
};

enum node_life {
	NODE_DEAD,
	NODE_AWAKE,
	NODE_STOPPED, /* the process: datagrams wait */
	NODE_ASLEEP,  /* the host: datagrams are lost */
};

struct node_question {
	struct task task;
	struct node *node;
	uint64_t id;
	unsigned life; /* of the node that asked */
};
#define NODE_QUESTIONS_MAX WORLD_NODES_MAX

struct node {
	struct machine machine;
	unsigned number;
	struct key_private secret;
	struct key_public key;
	struct acquaintance known[WORLD_NODES_MAX];
	size_t known_count;
	char *stun[NODE_STUN_MAX]; /* STUN servers, as a configuration names them */
	char stun_text[NODE_STUN_MAX][SITE_NAME_MAX + 8];
	size_t stun_count;

	enum node_life life;
	unsigned lives;
	struct timepiece clock;
	usec wall_ahead; /* of the right time */
	struct rand rand;
	struct log log;
	struct env env;
	struct mesh *mesh; /* NULL: dead */
	struct host host;
	usec away_since; /* by its clock: asleep or stopped */
	struct doors doors;
	struct task tick, save, wake;
	struct parcel *queue, **queue_end;
	size_t queued;
	struct node_question questions[NODE_QUESTIONS_MAX];

	struct past saved; /* its state file */
	usec saved_at;     /* by its clock */
	uint64_t saved_places;

	struct oracle_node oracle;
};

/* A new node, running, on a machine with one interface in this site. The machine is its first member. */
struct node *node_add(struct world *w, const char *name, struct site *site);
void node_free(struct node *n);

/* Each gets the other as a peer, with the endpoint if that is at the Internet. Of `how` neither other nor endpoint
 * are looked at. */
void node_introduce_as(struct node *a, struct node *b, const struct acquaintance *how);
/* All nodes, each to each other. */
void node_introduce_all(struct world *w, uint16_t keepalive);
/* It asks these STUN servers, at most NODE_STUN_MAX, for what it is behind. */
void node_ask_servers(struct node *n, struct server *const *servers, size_t count);

/* By its own clock. */
usec node_now(const struct node *n);

/* --- what may happen to it ---------------------------------------------------------------------------------------- */

/* All that is to be written down at once is. */
bool node_is_saved(const struct node *n);
/* The process is killed; the state file may be lost with it. */
void node_crash(struct node *n, bool lose_state);
void node_boot(struct node *n);
/* The process is stopped so long (a busy host, SIGSTOP), or the host sleeps. */
void node_stop_for(struct node *n, usec span);
void node_sleep_for(struct node *n, usec span);
/* The boot-time clock goes on from there (a virtual machine that was moved); or does not go on. */
void node_jump_clock(struct node *n, usec by);
void node_halt_clock(struct node *n);
void node_resume_clock(struct node *n);
void node_set_rate(struct node *n, int ppm);
/* Somebody sets the wall clock: so much ahead of the right time. */
void node_set_wall(struct node *n, usec ahead);
/* Another network, another address there, or the cable out and in. The mesh is told, as tun/watch does. */
void node_move(struct node *n, struct site *site);
void node_renumber(struct node *n);
void node_unplug(struct node *n);
void node_plug(struct node *n);
/* It gets another interface, in this site: the one before goes first while it is up. */
void node_join(struct node *n, struct site *site);
/* Alive, awake, plugged in, clock going. */
void node_mend(struct node *n);

/* --- packets ------------------------------------------------------------------------------------------------------ */

/* An inner packet comes from its TUN. */
void node_send_inner(struct node *n, const void *packet, size_t len);
/* A datagram comes, from anywhere. */
void node_input(struct node *n, struct parcel *p);

/* What its mesh has counted in this life; of the other as its peer. */
uint64_t node_drops(const struct node *n, enum drop why);
uint64_t node_switches(const struct node *n, const struct node *other);
uint64_t node_initiations(const struct node *n, const struct node *other);

/* What it found out about its NAT. */
const struct nat_report *node_nat(const struct node *n);

struct addr node_inner_addr(const struct node *n);
/* Where it is reached from the Internet, if it is there. */
struct addr node_endpoint(const struct node *n);

#endif
