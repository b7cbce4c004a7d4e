/* An address and a length: allowed IPs, interface addresses, routes. */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include "base/addr.h"

struct prefix {
	uint8_t family; /* enum addr_family */
	uint8_t len;    /* bits: 0-32 or 0-128 */
	uint8_t ip[16];
};

#define PREFIX_TEXT_MAX 64

/* "10.0.0.0/8", "2001:db8::/32"; without a slash the whole address counts. Host bits are kept (an
 * interface address has them): prefix_mask() clears them. Strict as inet_pton (vuln_32). An
 * IPv4-mapped prefix stays IPv6: it speaks of inner packets, which are matched as they are. */
bool prefix_parse(struct prefix *out, const char *text);
const char *prefix_print(const struct prefix *p, char buf[static PREFIX_TEXT_MAX]);

void prefix_mask(struct prefix *p);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* For qsort and bsearch of prefixes: by family, address, length. */
int prefix_compare(const void *left, const void *right);
/* True when `ip` (4 or 16 bytes by p's family) lies in p. */
bool prefix_contains(const struct prefix *p, const uint8_t *ip);
/* True when the two have an address in common. */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

#endif
