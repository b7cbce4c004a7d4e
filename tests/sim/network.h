/* The network between machines: the Internet, sites behind a NAT or several, and cables that delay and lose. A datagram's way is worked
 * out when it is there: each box on it decides by what it knows at that moment. */
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

struct world;
struct machine;

/* One interface's, or one site's: both directions have the same properties, unless somebody says otherwise. */
struct cable {
	struct link out, in; /* out: away from the interface, or the site */
	struct link_spec usual; /* as it is while nothing is broken */
};

struct interface {
	struct machine *machine;
	struct site *site;
	struct addr ip[2]; /* IPv4 and IPv6, no port; not set: none */
	struct cable cable;
	bool up;
	unsigned gate; /* at the Internet */
};

/* Something with addresses. Others embed it. */
struct machine {
	struct world *world;
	char name[16];
	struct interface interfaces[MACHINE_INTERFACES_MAX];
	size_t interface_count;
	/* A datagram came. It is the network's again after the call. */
	void (*receive)(struct machine *m, struct parcel *p);
};

/* A network of its own: the Internet, which has nothing outside; or one behind a NAT. */
struct site {
	struct world *world;
	char name[16];
	unsigned number; /* in its addresses */
	struct site *outside;
	struct natbox *nat;
	struct cable cable; /* to what is outside */
	unsigned gate;
	struct table places; /* of struct place, by their key */
	unsigned next_host, next_gateway;
	struct site *next;
};
