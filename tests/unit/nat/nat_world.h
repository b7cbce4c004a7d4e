/* A host that checks its NAT, the NAT, a cable and STUN servers, in one process and in made-up time. */
#ifndef NAT_WORLD_H
#define NAT_WORLD_H

#include "nat/natcheck.h"
#include "sim/link.h"
#include "sim/natbox.h"
#include "sim/stun_server.h"
#include "support/env_fake.h"

#define NAT_WORLD_SERVERS 8
#define NAT_WORLD_DOORS   10
#define NAT_WORLD_FLIGHTS 512
#define NAT_WORLD_PORT    51820

/* A datagram on its way, as it is on the outer side of the cable, or, inward, already inside. */
struct nat_world_flight {
	usec at;
	uint64_t number; /* those of one instant arrive in this order */
	bool inward, inside;
	struct addr from, to;
	size_t len;
	uint8_t data[TXN_REQUEST_MAX];
};

struct nat_world_config {
	struct natbox_config nat;
	struct link_config cable; /* each direction, between NAT and servers */
	bool cable_inside;        /* it lies between host and NAT instead */
	usec host_delay;          /* between host and NAT, without loss; each direction */
	bool no_host;             /* the engine is not told its own addresses */
	bool deaf_doors;          /* fresh doors cannot be opened */
	bool v6;
	uint16_t told_port; /* what the engine takes for its WireGuard port; 0: the real one */
	bool lost_changes; /* CHANGE-REQUEST gets no answer, as from servers that drop what they do not know */
};

struct nat_world;
/* Sees each datagram that the host sends. */
typedef void nat_world_watch(void *ctx, const struct nat_world *w, const struct packet *p);

struct nat_world {
	struct nat_world_config config;
	struct natcheck check;
	struct natcheck_setup setup;
	struct env_fake env;
	struct host host;
	struct outbox out;
	struct rand rand;
	usec now;
	struct natbox nat;
	struct link up, down;
	struct stun_server servers[NAT_WORLD_SERVERS];
	size_t server_count;
	struct addr asked[NAT_SERVERS_MAX]; /* what the engine is given */
	size_t asked_count;
	uint16_t ports[NAT_WORLD_DOORS]; /* of the host's sockets; 0: closed */
	uint16_t fixed_ports; /* fresh doors have this one and the next ones; 0: random */
	struct nat_world_flight flights[NAT_WORLD_FLIGHTS];
	size_t flight_count;
	uint64_t flown;
	/* Changes the first server just before it is asked by `from`. */
	void (*bend)(struct nat_world *w, struct stun_server *first, const struct addr *from);
	nat_world_watch *watch;
	void *watch_ctx;
	/* What happened. */
	unsigned sends, opened, closed, steps, not_mine;
	usec started_at, done_at; /* 0: not yet */
};

/* 203.0.113.7, the NAT's; 10.66.0.2 behind it, or, where nothing is translated, 203.0.113.66. IPv6: 2001:db8:66::2. */
void nat_world_init(struct nat_world *w);
void nat_world_free(struct nat_world *w);
/* From the start: no flights, no mappings, all random things by this seed; servers as they are. */
void nat_world_reset(struct nat_world *w, const struct nat_world_config *config, uint64_t seed);
/* A server of two addresses (or one), and the engine told of its first. */
struct stun_server *nat_world_add(struct nat_world *w, const char *first, const char *second);
/* Run until the check is done, or `until`. True when it is done. */
bool nat_world_run(struct nat_world *w, usec until);
/* Start the check, then the same until it is done. */
const struct nat_report *nat_world_check(struct nat_world *w);
void nat_world_start(struct nat_world *w);
/* Its next moment: a datagram arrives or the check is ticked. */
void nat_world_step(struct nat_world *w);

#endif
