/* A NAT or a stateful firewall as its neighbours see it: what becomes of a flow that leaves or comes. Behaviour is named
 * as in RFC 4787, 4 and 5 (mapping, filtering, hairpinning), ports as in the design's nat.md 1, and Linux conntrack as
 * measured there in 4. Pure: no packet, clock or socket. The simulator asks it, and the lab's `warren-natbox`.
 *
 *	inside hosts --- natbox_out() --> | pool of public addresses | --> outside
 *	             <-- natbox_in()  --- |                          | <--
 *
 * IPv4 is translated, unless mapping is NATBOX_NO_NAT; IPv6 never is. What is not translated passes a stateful firewall
 * of the same filtering kinds. Each passage costs a hop. */
#ifndef SIM_NATBOX_H
#define SIM_NATBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/rand.h"
#include "base/table.h"

/* Which destinations of one inside address and port share a public one (RFC 4787, 4.1). */
enum natbox_mapping {
	NATBOX_EIM,    /* all: endpoint-independent */
	NATBOX_ADM,    /* those of one IP: address-dependent */
	NATBOX_APDM,   /* none: address and port-dependent */
	NATBOX_NO_NAT, /* nothing is translated */
};

/* From whom a mapping takes packets (RFC 4787, 5). */
enum natbox_filtering {
	NATBOX_EIF, /* from everybody: endpoint-independent */
	NATBOX_ADF, /* from IPs that the inside sent to: address-dependent */
	NATBOX_APDF, /* from addresses and ports that the inside sent to: address and port-dependent */
	NATBOX_OPEN, /* no filter and no state: a plain router. Only for what is not translated */
};

/* Which public port a new mapping is given. A port that is taken is never given. */
enum natbox_port_rule {
	NATBOX_PRESERVE, /* the inside's own; if that is taken or outside the range, a random one */
	NATBOX_SEQUENTIAL, /* the last one of this public address and protocol, plus step */
	NATBOX_BLOCK, /* a random one of the inside host's block, which it has while it has mappings */
	NATBOX_RANDOM, /* a random one of the range */
};

/* Packets from inside to a public address of our own (RFC 4787, 6). */
enum natbox_hairpin {
	NATBOX_HAIRPIN_NONE,     /* are dropped */
	NATBOX_HAIRPIN_EXTERNAL, /* reach the inside host from the sender's public address */
	NATBOX_HAIRPIN_INTERNAL, /* reach it from the sender's inside address, as some routers do it */
};

/* Packets from outside to a public address that no mapping takes. They reach the router's own INPUT chain. */
enum natbox_input {
	NATBOX_INPUT_DROP,
	NATBOX_INPUT_REJECT, /* refused: the sender is told */
	/* Taken by a router where no such port is open: the sender is told as well, and conntrack keeps an entry. While it lives
	 * (NATBOX_UNCONFIRMED after the last such packet) no new mapping gets this public port towards this
	 * sender: the flow that was to meet the packet is moved to another port, and both directions stay dead. UDP only. */
	NATBOX_INPUT_ACCEPT,
};

enum natbox_proto { NATBOX_UDP, NATBOX_TCP, NATBOX_ECHO, NATBOX_PROTOS };

#define NATBOX_POOL_MAX     8         /* public addresses */
#define NATBOX_HOSTS_MAX    1024      /* inside hosts with mappings at one time */
#define NATBOX_CAPACITY     8192      /* entries, when config says 0 */
#define NATBOX_STEP_MAX     64        /* of sequential ports, up or down */
#define NATBOX_PORT_LOW     1024      /* when config says 0 */
#define NATBOX_PORT_HIGH    65535     /* when config says 0 */
#define NATBOX_UNCONFIRMED  SEC(30)   /* nf_conntrack_udp_timeout; of ICMP as well */
#define NATBOX_CONFIRMED    SEC(120)  /* nf_conntrack_udp_timeout_stream */
#define NATBOX_CONFIRM_AGE  SEC(2)    /* net/netfilter/nf_conntrack_proto_udp.c */
#define NATBOX_TCP_LIFETIME SEC(7440) /* RFC 5382, REQ-5: 2 hours and 4 minutes */

struct natbox_config {
	/* IPv4 */
	enum natbox_mapping mapping;
	enum natbox_filtering filtering;
	/* Port overloading: a public port may serve several mappings as long as their destinations differ in what mapping
	 * looks at. What is not unique in that is taken. Linux does so: masquerade is NATBOX_APDM, NATBOX_APDF, NATBOX_PRESERVE
	 * with this, and looks endpoint-independent until a port is taken; then the socket has another one, and keeps that towards all
	 * whom it has not sent to (a new mapping tries the public address of the newest one of its socket, then NATBOX_PRESERVE).
	 * Needs a mapping other than NATBOX_EIM and a filtering at least as fine as it. */
	bool overload;
	enum natbox_port_rule ports;
	int step;                     /* of NATBOX_SEQUENTIAL: not 0 */
	uint16_t block_len;           /* of NATBOX_BLOCK: 512 to 4096 */
	uint16_t port_low, port_high; /* both included; 0: the defaults */
	enum natbox_hairpin hairpin;
	enum natbox_input input;
	struct addr pool[NATBOX_POOL_MAX]; /* IPv4; ports do not count */
	size_t pool_count;                 /* 0 only with NATBOX_NO_NAT */
	bool paired; /* one inside host, one public address (RFC 4787, 4.1); else each mapping a random one */

	/* IPv6 */
	enum natbox_filtering filtering6;

	/* both */
	bool udp_blocked; /* no UDP passes in either direction */
	bool refresh_outbound_only; /* packets from outside prolong nothing (RFC 4787, 4.3); Linux lets them */
	usec unconfirmed,
		confirmed; /* lifetimes of UDP mappings, 0: the defaults. See natbox_out() */
	usec confirm_age;  /* 0: the default; 1: nearly none */
	size_t capacity; /* mappings, filter entries and conntrack's of accepted input together; 0: the default */
};

/* Who speaks to whom. The port of an echo is its identifier, on the side that asks; the other side's is 0. */
struct natbox_flow {
	enum natbox_proto proto;
	/* This is an ICMP error (RFC 5508, 4) and src and dst are those of the packet it quotes, which went the other way. The
	 * caller rewrites the quoted packet, and of the ICMP packet itself the one address that is ours: coming in, its
	 * destination becomes src of the result; going out, its source becomes dst of the result. */
	bool error;
	uint8_t ttl; /* of the outer packet; hop limit */
	struct addr src, dst;
};

/* What the caller does next. Unless it is one of the first two, the flow is as it was. */
enum natbox_verdict {
	NATBOX_FORWARD, /* send it on, as the flow now says */
	NATBOX_HAIRPIN, /* send it back to the inside, as the flow now says */
	NATBOX_EXPIRED, /* drop it, and tell its sender: time exceeded */
	NATBOX_LOCAL, /* drop it, and answer as a host does where no port is open (or to a ping) */
	/* drop it in silence */
	NATBOX_DROP_BLOCKED, /* UDP is blocked */
	NATBOX_DROP_NO_MAPPING, /* from outside, to nobody; or an error about a flow that is not known */
	NATBOX_DROP_FILTERED, /* from outside, to a mapping that does not take it */
	NATBOX_DROP_HAIRPIN,  /* from inside to a public address of ours, without hairpinning */
	NATBOX_DROP_PORTS,    /* no public port is left (for this host, destination, or at all) */
	NATBOX_DROP_FULL,     /* no entry is left */
	NATBOX_DROP_BAD,      /* not a flow: families differ, port 0, link-local */
	NATBOX_VERDICTS,
};

struct natbox_stats {
	uint64_t out[NATBOX_VERDICTS], in[NATBOX_VERDICTS]; /* packets, by what became of them */
	uint64_t mappings;                                  /* made */
	uint64_t moved;    /* of those, the ones whose port NATBOX_PRESERVE could not keep */
	uint64_t poisoned; /* entries made by accepted input */
	uint64_t expired;  /* entries whose lifetime ended */
};

/* Fields are natbox's own, but for stats, and config to read. */
struct natbox_entry;
struct natbox_host;
struct natbox {
	struct natbox_config config; /* with the defaults filled in */
	struct natbox_stats stats;
	struct rand rand;
	struct table entries; /* by inside, by public side, by permission */
	struct table hosts;
	struct natbox_entry *entry_slab;
	struct natbox_host *host_slab;
	struct list entries_free, hosts_free;
	struct list ageing
		[4]; /* entries by kind of lifetime, the one that was refreshed longest ago first */
	size_t entry_count;
	size_t entries_touched; /* of the slab: the memory of the others was never needed */
	size_t next_pool;       /* of paired hosts */
	uint16_t last_port[NATBOX_PROTOS][NATBOX_POOL_MAX];
};

/* What `nft masquerade` does on a Linux router, with a firewall for IPv6. */
struct natbox_config natbox_linux(const struct addr *public, enum natbox_input input);

/* 0, -EINVAL when the configuration contradicts itself, -ENOMEM. Equal seeds, configurations and calls give equal results. */
int natbox_init(struct natbox *nb, const struct natbox_config *config, uint64_t seed);
void natbox_free(struct natbox *nb);

/* A packet from inside. UDP as Linux ages it: an entry lives `unconfirmed` after the last packet; `confirmed`, once a packet came
 * from outside and then another one, in either direction, when the entry was older than confirm_age. It is gone at the very
 * microsecond. Echo lives NATBOX_UNCONFIRMED, TCP NATBOX_TCP_LIFETIME. A packet whose hops end here makes no mapping. An error
 * makes and prolongs nothing. now never goes back. */
enum natbox_verdict natbox_out(struct natbox *nb, struct natbox_flow *flow, usec now);
/* A packet from outside. */
enum natbox_verdict natbox_in(struct natbox *nb, struct natbox_flow *flow, usec now);

/* Forget all mappings, as a router does that starts again; ports begin elsewhere. */
void natbox_flush(struct natbox *nb);
/* Another configuration, live: 0 or -EINVAL, in which case nothing changed. Mappings made before stay as they are until they
 * expire, but new packets from inside find only those that the new kind could have made, and what a finer or coarser filter let
 * in is asked anew. Other public addresses, another `overload`, another mapping with it, and NATBOX_NO_NAT or no longer, flush. capacity
 * stays what it was. */
int natbox_change(struct natbox *nb, const struct natbox_config *config);
/* One new public address instead of all there were (as a provider gives one each night): 0 or -EINVAL; flushes. */
int natbox_rebind(struct natbox *nb, const struct addr *public);

/* Entries that live at this moment (mappings, filter entries, accepted input). */
size_t natbox_count(struct natbox *nb, usec now);

/* What probes from one socket can see of this configuration (RFC 5780, 4): two places where that is not its name. Linux'
 * overloading shows as NATBOX_EIM. Mappings that need a port each preserve the first one only: NATBOX_RANDOM. */
enum natbox_mapping natbox_seen_mapping(const struct natbox_config *config);
enum natbox_port_rule natbox_seen_ports(const struct natbox_config *config);

/* Words for tables, commands and traces: "eim", "adf", "sequential", "no-mapping". */
const char *natbox_mapping_name(enum natbox_mapping mapping);
const char *natbox_filtering_name(enum natbox_filtering filtering);
const char *natbox_ports_name(enum natbox_port_rule ports);
const char *natbox_verdict_name(enum natbox_verdict verdict);

#endif
