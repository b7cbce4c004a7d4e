/* Sequences of operations on the replay window and on allowed IPs, against models too simple to be wrong
 * (reliability.md 4.1, harness 15). Each operation is a byte that says which, then what it needs. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prefix.h"
#include "wg/allowed.h"
#include "wg/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define OPERATIONS_MAX 2000

/* What follows an operation's byte: its lowest bits say which, the others how. */
enum operation {
	REPLAY_NEAR, /* 16 bits: so far ahead of the greatest counter, or behind it */
	REPLAY_ANY,  /* 64 bits: the counter */
	ALLOWED_ADD, /* prefix */
	ALLOWED_REMOVE,
	ALLOWED_FIND,
	ALLOWED_REMOVE_OWNER,
	ALLOWED_LIST,
	ALLOWED_RESERVE, /* 8 bits: how many additions */
};
#define OPERATION(byte) ((byte)&7)
#define BACKWARDS(byte) ((byte)&8)
#define IS_V6(byte)     ((byte)&8)
#define LIKE_LAST(byte)                                                                            \
	((byte)&16) /* the last address with one bit flipped, so that prefixes meet */
#define OWNER(byte)      ((byte) >> 5 & 3)
#define ALL_OWNERS(byte) ((byte)&128)

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* --- replay: a list of all counters accepted --------------------------------------------------------- */

struct counters {
	uint64_t seen[OPERATIONS_MAX];
	size_t count;
	uint64_t greatest;
};

static bool counters_accept(struct counters *m, uint64_t counter)
{
	if (counter < m->greatest && m->greatest - counter > REPLAY_BEHIND_MAX)
		return false;
	for (size_t i = 0; i < m->count; i++)
		if (m->seen[i] == counter)
			return false;
	m->seen[m->count++] = counter;
	if (counter > m->greatest)
		m->greatest = counter;
	return true;
}

/* --- allowed IPs: a list of prefixes ----------------------------------------------------------------- */

struct prefixes {
	struct entry {
		struct prefix p;
		void *owner;
	} entries[OPERATIONS_MAX];
	size_t count;
};

static struct entry *prefixes_at(struct prefixes *m, const struct prefix *p)
{
	for (size_t i = 0; i < m->count; i++)
		if (prefix_equal(&m->entries[i].p, p))
			return &m->entries[i];
	return NULL;
}

static void prefixes_add(struct prefixes *m, const struct prefix *p, void *owner)
{
	struct entry *e = prefixes_at(m, p);

	if (e == NULL)
		e = &m->entries[m->count++];
	*e = (struct entry){.p = *p, .owner = owner};
}

static bool prefixes_remove(struct prefixes *m, const struct prefix *p, const void *owner)
{
	struct entry *e = prefixes_at(m, p);

	if (e == NULL || e->owner != owner)
		return false;
	*e = m->entries[--m->count];
	return true;
}

static void prefixes_remove_owner(struct prefixes *m, const void *owner)
{
	for (size_t i = 0; i < m->count;)
		if (owner == NULL || m->entries[i].owner == owner)
			m->entries[i] = m->entries[--m->count];
		else
			i++;
}

static void *prefixes_find(const struct prefixes *m, const struct prefix *ip)
{
	const struct entry *best = NULL;

	for (const struct entry *e = m->entries; e < m->entries + m->count; e++)
		if (e->p.family == ip->family && prefix_contains(&e->p, ip->ip) &&
		    (best == NULL || e->p.len > best->p.len))
			best = e;
	return best != NULL ? best->owner : NULL;
}

struct listing {
	struct prefixes *model;
	const void *owner;
	struct prefix last;
	size_t count;
};

static bool visit(void *ctx, const struct prefix *p, void *owner)
{
	struct listing *l = ctx;
	const struct entry *e = prefixes_at(l->model, p);

	require(e != NULL && e->owner == owner);
	require(l->owner == NULL || l->owner == owner);
	if (l->count++ > 0) {
		int order = l->last.family - p->family;

		if (order == 0)
			order = memcmp(l->last.ip, p->ip, sizeof p->ip);
		require(order < 0 || (order == 0 && l->last.len < p->len));
	}
	l->last = *p;
	return true;
}

static void compare_lists(const struct allowed *a, struct prefixes *m, const void *owner)
{
	struct listing l = {.model = m, .owner = owner};
	size_t expected = 0;

	for (size_t i = 0; i < m->count; i++)
		expected += owner == NULL || m->entries[i].owner == owner;
	allowed_each(a, owner, visit, &l);
	require(l.count == expected);
}

/* ----------------------------------------------------------------------------------------------------- */

static struct prefix read_prefix(struct reader *r, uint8_t op, struct prefix *last)
{
	struct prefix p = {.family = IS_V6(op) ? ADDR_V6 : ADDR_V4};
	size_t ip_len = addr_ip_len(p.family);

	if (LIKE_LAST(op)) {
		unsigned bit = read_u8(r) % (unsigned)(8 * ip_len);

		memcpy(p.ip, last->ip, ip_len);
		p.ip[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	} else {
		const uint8_t *ip = read_bytes(r, ip_len);

		if (ip != NULL)
			memcpy(p.ip, ip, ip_len);
	}
	p.len = (uint8_t)(read_u8(r) % (8 * ip_len + 1));
	*last = p;
	return p;
}

static uint64_t read_be64(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 8);

	return p != NULL ? load_be64(p) : 0;
}

struct world {
	struct replay replay;
	struct counters counters;
	struct allowed allowed;
	struct prefixes prefixes;
	struct prefix last;
};

static void operate(struct world *w, uint8_t op, struct reader *r)
{
	static char owners[4];
	void *owner = &owners[OWNER(op)];
	struct prefix p, masked;
	uint64_t counter;

	switch ((enum operation)OPERATION(op)) {
	case REPLAY_NEAR:
		counter = read_be16(r);
		counter = BACKWARDS(op) ? w->counters.greatest - counter
					: w->counters.greatest + counter;
		require(replay_accept(&w->replay, counter) ==
			counters_accept(&w->counters, counter));
		return;
	case REPLAY_ANY:
		counter = read_be64(r);
		require(replay_accept(&w->replay, counter) ==
			counters_accept(&w->counters, counter));
		return;
	case ALLOWED_ADD:
		p = masked = read_prefix(r, op, &w->last);
		prefix_mask(&masked);
		require(allowed_add(&w->allowed, &p, owner) == 0);
		prefixes_add(&w->prefixes, &masked, owner);
		return;
	case ALLOWED_REMOVE:
		p = masked = read_prefix(r, op, &w->last);
		prefix_mask(&masked);
		require(allowed_remove(&w->allowed, &p, owner) ==
			prefixes_remove(&w->prefixes, &masked, owner));
		return;
	case ALLOWED_FIND:
		p = read_prefix(r, op, &w->last);
		require(allowed_find(&w->allowed, p.family, p.ip) ==
			prefixes_find(&w->prefixes, &p));
		return;
	case ALLOWED_REMOVE_OWNER:
		if (ALL_OWNERS(op)) {
			allowed_clear(&w->allowed);
			owner = NULL;
		} else {
			allowed_remove_owner(&w->allowed, owner);
		}
		prefixes_remove_owner(&w->prefixes, owner);
		return;
	case ALLOWED_LIST:
		compare_lists(&w->allowed, &w->prefixes, ALL_OWNERS(op) ? NULL : owner);
		return;
	case ALLOWED_RESERVE:
		require(allowed_reserve(&w->allowed, read_u8(r)) == 0);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	struct world *w = calloc(1, sizeof *w);

	require(w != NULL);
	replay_init(&w->replay);
	allowed_init(&w->allowed);
	for (int i = 0; i < OPERATIONS_MAX && reader_left(&r) > 0 && reader_ok(&r); i++) {
		operate(w, read_u8(&r), &r);
		require(w->allowed.count == w->prefixes.count);
	}
	compare_lists(&w->allowed, &w->prefixes, NULL);
	allowed_free(&w->allowed);
	free(w);
	return 0;
}
