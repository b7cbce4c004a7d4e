/* The network between machines: the Internet, sites behind a NAT or behind several, and cables that delay and lose. A datagram finds its
 * way as it goes: each box on it decides by what it knows at that moment.
 *
 *	machine -- cable -- [site] -- natbox -- cable -- [Internet] -- cable -- machine
 *
 * A site is a network of its own, in which all machines reach each other. IPv6 is routed, through the natbox's firewall. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/table.h"
#include "sim/agenda.h"
#include "sim/link.h"
#include "sim/natbox.h"

#define NETWORK_GATES_MAX      256 /* machines and sites at the Internet */
#define MACHINE_INTERFACES_MAX 4
#define PARCEL_MAX             1600
#define SITE_NAME_MAX          16
#define NETWORK_SEEN           256

struct machine;
struct site;
struct world;

/* Who holds it sends by `out` and receives by `in`. */
struct cable {
	struct link out, in;
	struct link_config usual; /* of either direction, while nothing is broken */
};

/* An address of a site leads to one of its interfaces, or to the gate of a site behind it. */
struct place {
	struct addr ip;
	uint8_t key[17];
	struct interface *interface;
	struct site *behind;
	struct place *next; /* of the same holder */
};

struct interface {
	struct machine *machine;
	struct site *site;
	struct addr ip[2]; /* IPv4, IPv6, without port; not set: none */
	struct cable cable;
	bool up;
	unsigned gate; /* at the Internet */
	struct place *places;
};

/* A datagram under way. */
struct parcel {
	struct task task;
	struct world *world;
	struct site *site;      /* where it arrives ... */
	struct interface *to;   /* ... unless it is there */
	bool from_outside;      /* at the site's gate */
	struct machine *sender; /* who really sent it */
	unsigned gate;          /* by which it came to the Internet */
	struct addr src, dst;
	uint8_t ttl;
	size_t len;
	struct parcel *next; /* of the free, or of those that wait */
	_Alignas(16) uint8_t data[PARCEL_MAX];
};

/* Something with addresses; embedded in what it is. */
struct machine {
	struct world *world;
	char name[SITE_NAME_MAX];
	struct interface interfaces[MACHINE_INTERFACES_MAX];
	size_t interface_count;
	/* A datagram came; to be given back by network_free_parcel(). */
	void (*receive)(struct machine *m, struct parcel *p);
	struct machine *next;
};

struct site {
	struct world *world;
	char name[SITE_NAME_MAX];
	unsigned number;
	struct site *outside; /* NULL: this is the Internet */
	struct natbox nat;
	struct cable cable; /* to what is outside */
	unsigned gate;      /* at the Internet */
	struct place *pool; /* its public addresses */
	struct table places;
	unsigned next_host;
	struct site *next;
};

struct network {
	struct site internet;
	struct site *sites; /* all others */
	struct machine *machines;
	unsigned gate_count, site_count;
	bool blocked[NETWORK_GATES_MAX][NETWORK_GATES_MAX]; /* from, to */
	struct parcel *free;
	struct parcel *seen; /* the last NETWORK_SEEN, if somebody listens */
	uint64_t seen_count;
	struct {
		uint64_t sent, arrived; /* copies count */
		uint64_t links[LINK_FATES], nats[NATBOX_VERDICTS];
		uint64_t no_route, too_long, blocked;
	} stats;
};

void network_init(struct world *w);
void network_free(struct world *w);

/* --- building --------------------------------------------------------------------------------------------------- */

/* A site behind a NAT, which is at the Internet or inside another site. Its public addresses are chosen here: config->pool_count says
 * how many, 0 means one. */
struct site *network_site(struct world *w, const char *name, struct site *outside,
			  const struct natbox_config *config);
/* A machine without interfaces. */
void network_add(struct world *w, struct machine *m, const char *name);
void network_remove(struct machine *m);
/* NULL: there is none of that name. */
struct machine *network_find(const struct world *w, const char *name);
/* Its next interface, in this site with an address of each family, up. */
struct interface *network_plug(struct machine *m, struct site *site);
/* The interface moves to this site, where it gets other addresses. */
void network_move(struct interface *i, struct site *site);
/* Another address in the same site, as after a new lease. */
void network_renumber(struct interface *i);
/* One new public address for the site, and all mappings gone. */
void network_rebind(struct site *s);

/* Either direction is so from now on, and is again after cable_mend(). */
void cable_lay(struct cable *c, const struct link_config *usual);
/* So from now on, until it is mended. */
void cable_break(struct cable *c, const struct link_config *broken);
void cable_mend(struct cable *c);
/* All cables, and nothing is blocked any more. */
void network_mend(struct world *w);

/* Nothing passes the Internet between what leads to `from` and what leads to `to`, in this direction; or it does again. */
void network_block(const struct machine *from, const struct machine *to, bool blocked);

/* --- datagrams -------------------------------------------------------------------------------------------------- */

/* The interface by which the machine sends to this address: the one that has `local` if that is set, else the first that is up and has
 * an address of the family. NULL: none. */
struct interface *network_route(struct machine *m, const struct addr *local,
				const struct addr *remote);
/* Send from this port of the interface. ttl 0: the usual one. */
void network_send(struct interface *i, uint16_t port, const struct addr *to, uint8_t ttl,
		  const void *data, size_t len);
/* From any address: a forger who sits at the Internet. */
void network_forge(struct world *w, const struct addr *from, const struct addr *to,
		   const void *data, size_t len);
/* Somebody listens to what machines say that they have got (network_heard); and the datagram that he heard so many before the last.
 * NULL: none yet. */
void network_listen(struct world *w);
void network_heard(const struct parcel *p);
const struct parcel *network_recall(const struct world *w, unsigned before);
void network_free_parcel(struct parcel *p);

#endif
