/* One direction of a cable and what it does to packets: delay, jitter, loss, duplication, reordering, corruption, a rate with
 * a queue, a block, a largest size. Pure: it says when a packet arrives, the caller keeps it until then. Used by the simulator
 * and by the lab, where the kernel has no netem. */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rand.h"

/* Probabilities are in millionths: LINK_PERCENT(2) is two of a hundred. */
#define LINK_CERTAIN    1000000
#define LINK_PERCENT(n) ((uint32_t)((n)*10000))

#define LINK_COPIES_MAX 2
#define LINK_BITS_MAX   64

struct link_config {
	usec delay;
	usec jitter; /* 0 to this in addition, uniform; the order of packets stays */

	uint32_t loss; /* of each packet by itself */
	/* Gilbert-Elliott: with each packet good times become bad with probability burst_begin, bad ones good with burst_end
	 * (mean length of a burst: 1 / burst_end packets). In bad times burst_loss is lost. */
	uint32_t burst_begin, burst_end, burst_loss;

	uint32_t duplicate; /* arrives twice; the copy has a jitter of its own */

	uint32_t reorder; /* is held back by 1 microsecond up to reorder_by, and overtaken */
	usec reorder_by;

	uint32_t corrupt;      /* arrives with wrong bits */
	uint32_t corrupt_bits; /* 1 up to this many (LINK_BITS_MAX at most); 0: one */

	uint64_t rate; /* bits per second; 0: any */
	usec queue; /* with a rate: who would wait longer than this for the packets before it is dropped */

	size_t mtu;   /* longer packets are dropped; 0: any length */
	bool blocked; /* nothing passes. The other direction is another link */
};

enum link_fate {
	LINK_CARRIED,
	LINK_BLOCKED,
	LINK_TOO_LONG, /* whoever is a router tells the sender */
	LINK_QUEUE_FULL,
	LINK_LOST,
	LINK_FATES,
};

struct link_arrival {
	usec at;       /* never before it was sent */
	unsigned bits; /* to be flipped, see link_corrupt() */
};

struct link_result {
	enum link_fate fate;
	size_t copies; /* 0 unless carried; else 1 or 2, not in the order of their instants */
	struct link_arrival arrival[LINK_COPIES_MAX];
};

struct link_stats {
	uint64_t packets[LINK_FATES];
	uint64_t duplicated, reordered, corrupted;
};

struct link {
	struct link_config config; /* may be changed at any time with link_change() */
	struct link_stats stats;
	bool bad; /* Gilbert-Elliott */
	int64_t idle_at; /* when the packets before are on their way: nanoseconds, for they are short on fast links */
	usec last_arrival; /* of those in order */
};

struct link link_of(const struct link_config *config);
/* From now on it is so; what is queued stays queued, and packets under way stay in order. */
void link_change(struct link *l, const struct link_config *config);

/* A packet of `len` bytes (whatever the rate counts) is sent. The same calls with the same rand give the same results. now never
 * goes back. */
struct link_result link_send(struct link *l, size_t len, usec now, struct rand *rand);

/* Flip `bits` (at most LINK_BITS_MAX) different bits of it at random; all, if it has no more. */
void link_corrupt(uint8_t *data, size_t len, unsigned bits, struct rand *rand);

/* "lost", "queue-full" */
const char *link_fate_name(enum link_fate fate);

#endif
