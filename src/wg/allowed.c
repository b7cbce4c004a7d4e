/* Allowed IPs (WireGuard paper, 2: cryptokey routing) as path-compressed binary tries: a node for
 * each entry, and a fork where two branches part and no entry is. So N entries take fewer than 2 N
 * nodes, and a way down passes at most one node for each bit. Nodes know their parents, so that
 * every walk is a loop.
 *
 * Two things hold between calls: a child's prefix lies in its parent's and is longer; a node
 * without an owner has two children. */
#include "wg/allowed.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"

/* The first bit of an address is the highest of hi; an IPv4 address fills the upper half of hi. */
struct bits {
	uint64_t hi, lo;
};

struct allowed_node {
	struct bits bits; /* zero from bit `len` on */
	uint8_t len;
	void *owner; /* NULL: a fork */
	struct allowed_node *parent, *child[2];
};

static struct bits bits_of_ip(uint8_t family, const uint8_t *ip)
{
	if (family == ADDR_V4)
		return (struct bits){.hi = (uint64_t)load_be32(ip) << 32};
	return (struct bits){.hi = load_be64(ip), .lo = load_be64(ip + 8)};
}

static uint64_t upper(uint64_t word, unsigned count)
{
	return count < 64 ? word & ~(UINT64_MAX >> count) : word;
}

static struct bits bits_first(struct bits b, unsigned count)
{
	return (struct bits){.hi = upper(b.hi, count),
			     .lo = upper(b.lo, count > 64 ? count - 64 : 0)};
}

/* How many bits are the same before the first that is not. */
static unsigned bits_common(struct bits a, struct bits b)
{
	if (a.hi != b.hi)
		return (unsigned)__builtin_clzll(a.hi ^ b.hi);
	if (a.lo != b.lo)
		return 64 + (unsigned)__builtin_clzll(a.lo ^ b.lo);
	return 128;
}

/* Which child of a node of length `at` the bits lead to. Past the end of an address any answer will
 * do: nodes of full length have no children. */
static unsigned bits_turn(struct bits b, unsigned at)
{
	return (unsigned)((at < 64 ? b.hi : b.lo) >> (63 - at % 64)) & 1;
}

static bool contains(const struct allowed_node *n, struct bits bits)
{
	return bits_common(n->bits, bits) >= n->len;
}

/* --- walks ----------------------------------------------------------------------------------------------------------- */

/* The next node, each before its children: in order of address, then of length. */
static struct allowed_node *next_down(const struct allowed_node *n)
{
	if (n->child[0] != NULL)
		return n->child[0];
	if (n->child[1] != NULL)
		return n->child[1];
	for (; n->parent != NULL; n = n->parent)
		if (n == n->parent->child[0] && n->parent->child[1] != NULL)
			return n->parent->child[1];
	return NULL;
}

static struct allowed_node *deepest(struct allowed_node *n)
{
	while (n != NULL && (n->child[0] != NULL || n->child[1] != NULL))
		n = n->child[n->child[0] == NULL];
	return n;
}

/* The next node, each after its children, from deepest(root) on: the one just visited may go away.
 */
static struct allowed_node *next_up(const struct allowed_node *n)
{
	struct allowed_node *parent = n->parent;

	if (parent != NULL && n == parent->child[0] && parent->child[1] != NULL)
		return deepest(parent->child[1]);
	return parent;
}

/* --- change ---------------------------------------------------------------------------------------------------------- */

static struct allowed_node **root_of(struct allowed *a, uint8_t family)
{
	assert(family == ADDR_V4 || family == ADDR_V6);
	return family == ADDR_V4 ? &a->root4 : &a->root6;
}

static struct bits bits_of_prefix(const struct prefix *p)
{
	assert(p->len <= 8 * addr_ip_len(p->family));
	return bits_first(bits_of_ip(p->family, p->ip), p->len);
}

/* The link where the prefix is or, when something else or nothing is there, belongs; and the node
 * that has this link (NULL: none, the link is the root's). */
static struct allowed_node **place_of(struct allowed_node **root, struct bits bits, unsigned len,
				      struct allowed_node **parent)
{
	struct allowed_node **link = root;

	*parent = NULL;
	while (*link != NULL && (*link)->len < len && contains(*link, bits)) {
		*parent = *link;
		link = &(*link)->child[bits_turn(bits, (*link)->len)];
	}
	return link;
}

static bool is_exactly(const struct allowed_node *n, struct bits bits, unsigned len)
{
	return n != NULL && n->len == len && contains(n, bits);
}

static struct allowed_node *node_new(struct allowed *a, struct bits bits, unsigned len, void *owner)
{
	struct allowed_node *n = a->spare;

	if (n != NULL) {
		a->spare = n->parent;
		a->spare_count--;
	} else {
		n = malloc(sizeof *n);
	}
	if (n != NULL)
		*n = (struct allowed_node){.bits = bits, .len = (uint8_t)len, .owner = owner};
	return n;
}

static void adopt(struct allowed_node *parent, struct allowed_node *child)
{
	parent->child[bits_turn(child->bits, parent->len)] = child;
	child->parent = parent;
}

/* Free a node that holds nothing together: no entry, and not two children. */
static void drop_if_idle(struct allowed_node **root, struct allowed_node *n)
{
	if (n->owner != NULL || (n->child[0] != NULL && n->child[1] != NULL))
		return;

	struct allowed_node *child = n->child[n->child[0] == NULL];
	if (child != NULL)
		child->parent = n->parent;
	if (n->parent == NULL)
		*root = child;
	else
		n->parent->child[n == n->parent->child[1]] = child;
	free(n);
}

void allowed_init(struct allowed *a)
{
	*a = (struct allowed){0};
}

void allowed_clear(struct allowed *a)
{
	struct allowed_node *roots[] = {a->root4, a->root6};

	for (size_t i = 0; i < 2; i++)
		for (struct allowed_node *n = deepest(roots[i]), *next; n != NULL; n = next) {
			next = next_up(n);
			free(n);
		}
	a->root4 = a->root6 = NULL;
	a->count = 0;
}

void allowed_free(struct allowed *a)
{
	allowed_clear(a);
	allowed_reserve(a, 0);
}

int allowed_reserve(struct allowed *a, size_t count)
{
	while (a->spare_count < 2 * count) {
		struct allowed_node *n = malloc(sizeof *n);
		if (n == NULL)
			return -ENOMEM;
		n->parent = a->spare;
		a->spare = n;
		a->spare_count++;
	}
	while (a->spare_count > 2 * count) {
		struct allowed_node *n = a->spare;
		a->spare = n->parent;
		free(n);
		a->spare_count--;
	}
	return 0;
}

int allowed_add(struct allowed *a, const struct prefix *p, void *owner)
{
	assert(owner != NULL);
	struct bits bits = bits_of_prefix(p);
	struct allowed_node *parent;
	struct allowed_node **link = place_of(root_of(a, p->family), bits, p->len, &parent);
	struct allowed_node *there = *link;

	if (is_exactly(there, bits, p->len)) {
		a->count += there->owner == NULL;
		there->owner = owner;
		return 0;
	}

	/* What is there lies inside the new prefix, or beside it: then a fork holds both. */
	unsigned common = there != NULL ? bits_common(there->bits, bits) : 128;
	bool beside = common < p->len;
	struct allowed_node *entry = node_new(a, bits, p->len, owner);
	struct allowed_node *fork =
		beside ? node_new(a, bits_first(bits, common), common, NULL) : NULL;
	if (entry == NULL || (beside && fork == NULL)) {
		free(entry);
		free(fork);
		return -ENOMEM;
	}

	struct allowed_node *top = beside ? fork : entry;
	top->parent = parent;
	*link = top;
	if (beside)
		adopt(fork, entry);
	if (there != NULL)
		adopt(top, there);
	a->count++;
	return 0;
}

bool allowed_remove(struct allowed *a, const struct prefix *p, const void *owner)
{
	struct allowed_node **root = root_of(a, p->family), *parent;
	struct bits bits = bits_of_prefix(p);
	struct allowed_node *n = *place_of(root, bits, p->len, &parent);

	if (!is_exactly(n, bits, p->len) || n->owner == NULL || n->owner != owner)
		return false;

	n->owner = NULL;
	a->count--;
	drop_if_idle(root, n);
	if (parent != NULL)
		drop_if_idle(root, parent);
	return true;
}

void allowed_remove_owner(struct allowed *a, const void *owner)
{
	struct allowed_node **roots[] = {&a->root4, &a->root6};

	for (size_t i = 0; i < 2; i++)
		for (struct allowed_node *n = deepest(*roots[i]), *next; n != NULL; n = next) {
			next = next_up(n);
			if (n->owner != NULL && n->owner == owner) {
				n->owner = NULL;
				a->count--;
			}
			drop_if_idle(roots[i], n);
		}
}

/* --- look ------------------------------------------------------------------------------------------------------------ */

void *allowed_find(const struct allowed *a, uint8_t family, const uint8_t *ip)
{
	struct bits bits = bits_of_ip(family, ip);
	const struct allowed_node *n = family == ADDR_V4 ? a->root4 : a->root6;
	void *owner = NULL;

	while (n != NULL && contains(n, bits)) {
		if (n->owner != NULL)
			owner = n->owner;
		n = n->child[bits_turn(bits, n->len)];
	}
	return owner;
}

void allowed_each(const struct allowed *a, const void *owner,
		  bool (*visit)(void *ctx, const struct prefix *p, void *owner), void *ctx)
{
	const struct {
		uint8_t family;
		const struct allowed_node *root;
	} tries[] = {{ADDR_V4, a->root4}, {ADDR_V6, a->root6}};

	for (size_t i = 0; i < 2; i++)
		for (const struct allowed_node *n = tries[i].root; n != NULL; n = next_down(n)) {
			struct prefix p = {.family = tries[i].family, .len = n->len};

			if (n->owner == NULL || (owner != NULL && n->owner != owner))
				continue;
			store_be64(p.ip, n->bits.hi);
			store_be64(p.ip + 8, n->bits.lo);
			if (!visit(ctx, &p, n->owner))
				return;
		}
}
