/* What is known of the network this host is in: our addresses and default routes, and how the
 * overlay interface stands. A fact, read by tun/watch; engines are handed it. */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/prefix.h"

/* Beyond these, addresses and routes are left out: a change of one of them goes unnoticed. */
#define HOST_ADDRESSES_MAX 128
#define HOST_DEFAULTS_MAX  16
#define HOST_NAME_MAX      15

/* An address of ours, of a scope that reaches further than one link, and its subnet. */
struct host_address {
	struct prefix prefix;
	uint32_t link;
};

struct host_addresses {
	struct host_address items[HOST_ADDRESSES_MAX];
	size_t count;
};

struct host_default {
	struct addr gateway; /* not set: none, or several */
	uint32_t link, table, metric;
	uint8_t family;
};

struct host {
	struct host_addresses outside; /* usable now: their link is up, they are neither tentative
	                                  nor deprecated */
	struct host_addresses inside;  /* of the overlay interface */
	struct host_default defaults[HOST_DEFAULTS_MAX]; /* not through the overlay */
	size_t default_count;
	struct {
		char name[HOST_NAME_MAX + 1];
		uint32_t mtu;
		bool up;
		unsigned ups; /* how often it came up since it is watched */
	} overlay;
	usec slept_at, woke_at; /* the last sleep, of host or process, that was noticed; 0: none */
};

/* True when datagrams leave and come as before: the same addresses outside, by the same routes. */
bool host_same_network(const struct host *a, const struct host *b);

/* True when what goes to `remote` leaves by another link than that of `local`, our address: default routes lead elsewhere, and it is
 * not of local's subnet. An uplink drops what comes from another one's address. False where that is not known. */
bool host_leads_elsewhere(const struct host *h, const struct addr *local,
			  const struct addr *remote);

/* True when this is an address of ours, on whichever side. ip: 4 or 16 bytes. */
bool host_has_address(const struct host *h, uint8_t family, const uint8_t *ip);

#endif
