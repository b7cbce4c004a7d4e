/* Inner packets from one node to another, numbered, each of its own content: what is delivered is held against what was sent. */
#ifndef SIM_FLOW_H
#define SIM_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "sim/agenda.h"

#define FLOW_LEN_MIN 48
#define FLOW_LEN_MAX 1420
#define FLOW_REMEMBER                                                                              \
	65536 /* packets; one that was under way while so many followed is taken for a copy */

struct node;
struct world;

struct flow {
	struct node *from, *to;
	struct task task;
	usec every; /* 0: it rests */
	size_t len;
	usec started_at;
	usec apart_since; /* the oracle's: its ends do not agree on a session; USEC_NEVER: they do */
	uint64_t sent, delivered;
	uint8_t seen[FLOW_REMEMBER / 8];

	/* Since the last flow_mark(): */
	usec marked_at;
	uint64_t marked_sent, marked_delivered; /* of packets sent since then; so is all below */
	usec resumed_at;   /* when the first one was delivered; USEC_NEVER: none was */
	usec delivered_at; /* the last one */
	usec gap;          /* the longest time without one, from the mark on */
	usec slowest;      /* from sent to delivered */
};

/* The flow from one to another; it rests until somebody starts it. */
struct flow *flow_between(struct node *from, struct node *to);
/* A packet of len bytes at a random time within the first interval, and then each interval. */
struct flow *flow_start(struct node *from, struct node *to, usec every, size_t len);
/* In both directions. */
void flow_start_both(struct node *a, struct node *b, usec every, size_t len);
void flow_stop(struct flow *f);
/* One packet, now. */
void flow_send(struct flow *f);

/* What packet `number`, sent at that time, is: len bytes. */
void flow_write(const struct flow *f, uint64_t number, usec sent_at, uint8_t *at, size_t len);

/* Measure from here on. */
void flow_mark(struct flow *f);
/* The longest time without a packet since then, until now. */
usec flow_gap(const struct flow *f);
/* How many of the packets sent since then did not come, or are still under way. */
uint64_t flow_lost(const struct flow *f);

/* A node delivered this at its TUN: it is what the claimed peer sent, and was not delivered before; else the world fails. */
void flow_delivered(struct node *at, const uint8_t *packet, size_t len);

#endif
