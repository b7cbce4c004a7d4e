/* The order of things on a cable: what never enters it, the queue, the sender's rate, losses on the way, then the time it takes. */
#include "sim/link.h"

#include <assert.h>
#include <string.h>

#define NSEC 1000 /* of a microsecond */

/* All the randomness of one packet: one block of the seeded stream, which costs as much as one number. */
struct draws {
	uint32_t burst, burst_loss, loss, duplicate;
	struct {
		uint32_t jitter, reorder, reorder_by, corrupt, corrupt_bits;
	} copy[LINK_COPIES_MAX];
};
_Static_assert(sizeof(struct draws) <= 64, "one block");

struct link link_of(const struct link_config *config)
{
	struct link l = {.idle_at = 0};

	link_change(&l, config);
	return l;
}

void link_change(struct link *l, const struct link_config *config)
{
	assert(config->delay >= 0 && config->jitter >= 0 && config->queue >= 0);
	assert(config->reorder_by > 0 || (config->reorder_by == 0 && config->reorder == 0));
	assert(config->corrupt_bits <= LINK_BITS_MAX);
	l->config = *config;
	if (config->burst_begin == 0)
		l->bad = false;
}

/* Uniform in 0 .. most: draw * (most + 1) / 2^32, of which the product may be longer than 64 bits. */
static usec spread(uint32_t draw, usec most)
{
	uint64_t range = (uint64_t)most + 1;

	return (usec)(draw * (range >> 32) + (draw * (range & UINT32_MAX) >> 32));
}

static bool happens(uint32_t draw, uint32_t millionths)
{
	return spread(draw, LINK_CERTAIN - 1) < millionths;
}

static bool is_random(const struct link_config *c)
{
	return c->jitter > 0 || c->loss > 0 || c->burst_begin > 0 || c->duplicate > 0 ||
	       c->reorder > 0 || c->corrupt > 0;
}

/* When its last bit is on the cable: false when it does not get a place in the queue. */
static bool queue(struct link *l, size_t len, usec now, usec *left)
{
	const struct link_config *c = &l->config;
	int64_t start = l->idle_at > now * NSEC ? l->idle_at : now * NSEC;

	*left = now;
	if (c->rate == 0)
		return true;
	if (start - now * NSEC > c->queue * NSEC)
		return false;
	l->idle_at = start + (int64_t)(len * 8 * 1000000000 / c->rate);
	*left = (l->idle_at + NSEC - 1) / NSEC;
	return true;
}

static bool is_lost(struct link *l, const struct draws *d)
{
	const struct link_config *c = &l->config;

	if (happens(d->burst, l->bad ? c->burst_end : c->burst_begin))
		l->bad = !l->bad;
	return (l->bad && happens(d->burst_loss, c->burst_loss)) || happens(d->loss, c->loss);
}

static struct link_arrival arrive(struct link *l, usec left, const struct draws *d, size_t copy)
{
	const struct link_config *c = &l->config;
	struct link_arrival a = {.at = left + c->delay + spread(d->copy[copy].jitter, c->jitter)};

	a.at = usec_max(a.at, l->last_arrival);
	if (happens(d->copy[copy].reorder, c->reorder)) {
		a.at += 1 + spread(d->copy[copy].reorder_by, c->reorder_by - 1);
		l->stats.reordered++;
	} else {
		l->last_arrival = a.at;
	}
	if (happens(d->copy[copy].corrupt, c->corrupt)) {
		a.bits = 1;
		if (c->corrupt_bits > 1)
			a.bits += (unsigned)spread(d->copy[copy].corrupt_bits, c->corrupt_bits - 1);
		l->stats.corrupted++;
	}
	return a;
}

static struct link_result carry(struct link *l, size_t len, usec now, struct rand *rand)
{
	const struct link_config *c = &l->config;
	struct link_result r = {.fate = LINK_CARRIED, .copies = 1};
	struct draws d;
	usec left;

	if (c->blocked)
		return (struct link_result){.fate = LINK_BLOCKED};
	if (c->mtu > 0 && len > c->mtu)
		return (struct link_result){.fate = LINK_TOO_LONG};
	if (!queue(l, len, now, &left))
		return (struct link_result){.fate = LINK_QUEUE_FULL};

	memset(&d, 0xff, sizeof d); /* nothing happens to it */
	if (is_random(c))
		rand_bytes(rand, &d, sizeof d);
	if (is_lost(l, &d))
		return (struct link_result){.fate = LINK_LOST};

	r.arrival[0] = arrive(l, left, &d, 0);
	if (happens(d.duplicate, c->duplicate)) {
		r.arrival[r.copies++] = arrive(l, left, &d, 1);
		l->stats.duplicated++;
	}
	return r;
}

struct link_result link_send(struct link *l, size_t len, usec now, struct rand *rand)
{
	struct link_result r = carry(l, len, now, rand);

	l->stats.packets[r.fate]++;
	return r;
}

void link_corrupt(uint8_t *data, size_t len, unsigned bits, struct rand *rand)
{
	uint32_t flipped[LINK_BITS_MAX];

	assert(bits <= LINK_BITS_MAX);
	if (bits > len * 8)
		bits = (unsigned)len * 8;

	for (unsigned i = 0; i < bits;) {
		bool again = false;

		flipped[i] = rand_below(rand, (uint32_t)len * 8);
		for (unsigned j = 0; j < i; j++)
			again |= flipped[j] == flipped[i];
		if (again)
			continue;
		data[flipped[i] / 8] ^= (uint8_t)(1U << flipped[i] % 8);
		i++;
	}
}

const char *link_fate_name(enum link_fate fate)
{
	static const char *const names[LINK_FATES] = {
		[LINK_CARRIED] = "carried",   [LINK_BLOCKED] = "blocked",
		[LINK_TOO_LONG] = "too-long", [LINK_QUEUE_FULL] = "queue-full",
		[LINK_LOST] = "lost",
	};

	return names[fate];
}
