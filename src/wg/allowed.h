/* Allowed IPs: longest prefix -> owner, one trie per family. An entry belongs to one owner; adding
 * it again moves it. Owners are opaque and never NULL. Memory is reserved by allowed_add only
 * (configuration time); finding allocates nothing. Families are ADDR_V4 or ADDR_V6, lengths those
 * of the family. */
#ifndef WG_ALLOWED_H
#define WG_ALLOWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

struct allowed_node;

struct allowed {
	struct allowed_node *root4, *root6;
	size_t count; /* entries of both families */
	struct allowed_node *spare; /* reserved nodes, linked by their parent */
	size_t spare_count;
};

void allowed_init(struct allowed *a);
void allowed_free(struct allowed *a);
/* Remove all entries; what is reserved stays. */
void allowed_clear(struct allowed *a);

/* Put memory aside for `count` additions, which then cannot fail; with 0, give back what was not used. 0 or
 * -ENOMEM. */
int allowed_reserve(struct allowed *a, size_t count);

/* 0, or -ENOMEM and nothing changed. Host bits are masked off. */
int allowed_add(struct allowed *a, const struct prefix *p, void *owner);
/* Only if the exact prefix belongs to this owner; true when it did. */
bool allowed_remove(struct allowed *a, const struct prefix *p, const void *owner);
/* Visits every entry, of whatever owner: configuration time. */
void allowed_remove_owner(struct allowed *a, const void *owner);

/* Owner of the longest prefix that contains the address (4 or 16 bytes by family), or NULL. */
void *allowed_find(const struct allowed *a, uint8_t family, const uint8_t *ip);

/* Visit the prefixes of one owner (NULL: all) in a stable order: IPv4 before IPv6, then by address,
 * shorter prefixes first. Return false from visit to stop. visit may not change the table. */
void allowed_each(const struct allowed *a, const void *owner,
		  bool (*visit)(void *ctx, const struct prefix *p, void *owner), void *ctx);

#endif
