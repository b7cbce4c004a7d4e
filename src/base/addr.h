/* An IPv4 or IPv6 address with a port. Canonical always: an IPv4-mapped IPv6 address becomes IPv4
 * where it enters the program, so that nobody has to think of ::ffff:127.0.0.1 again (vuln_02). */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum addr_family { ADDR_NONE, ADDR_V4, ADDR_V6 };

struct addr {
	uint8_t family; /* enum addr_family; zero means: no address */
	uint16_t port;
	uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
	uint8_t ip[16]; /* IPv4 in the first four bytes, the rest zero */
};

#define ADDR_TEXT_MAX 80 /* "[v6%scope]:port" and its zero */

/* From harsh to mild: where an address can be judged twice, the lower value counts. */
enum addr_class {
	ADDR_CLASS_UNSPECIFIED, /* no address, ::, 0.0.0.0/8 */
	ADDR_CLASS_LOOPBACK,
	ADDR_CLASS_LINK_LOCAL,
	ADDR_CLASS_MULTICAST,
	ADDR_CLASS_BROADCAST, /* 240.0.0.0/4 */
	ADDR_CLASS_PRIVATE,   /* RFC 1918, RFC 6598, fc00::/7, fec0::/10 */
	ADDR_CLASS_GLOBAL,
};

static inline bool addr_is_set(const struct addr *a)
{
	return a->family != ADDR_NONE;
}

/* Bytes of an address of this family: 4, 16, or 0. */
static inline size_t addr_ip_len(uint8_t family)
{
	return family == ADDR_V4 ? 4 : family == ADDR_V6 ? 16 : 0;
}

/* True when the first `bits` bits of two IPs agree. */
bool addr_same_bits(const uint8_t *a, const uint8_t *b, size_t bits);

bool addr_equal(const struct addr *a, const struct addr *b);   /* family, IP, scope and port */
bool addr_same_ip(const struct addr *a, const struct addr *b); /* family, IP and scope */

/* From 4 or 16 bytes; ::ffff:a.b.c.d becomes IPv4, and only fe80::/10 keeps its scope. */
struct addr addr_v4(const uint8_t ip[static 4], uint16_t port);
struct addr addr_v6(const uint8_t ip[static 16], uint16_t port, uint32_t scope);

/* The one classification everybody uses. IPv4-in-IPv6 disguises (mapped, compatible, NAT64, 6to4,
 * Teredo) are judged by the IPv4 address they carry (reliability 5.1, rows 01-05). */
enum addr_class addr_class(const struct addr *a);

/* The IP that is all of `len` bytes of text, exactly as inet_pton reads it (no zone, no port,
 * nothing mapped): its family, or ADDR_NONE, which leaves ip alone. IPv4 fills four bytes, the rest
 * becomes zero. */
enum addr_family addr_read_ip(uint8_t ip[static 16], const char *text, size_t len);

/* "192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%2]:51820". The port is required; port 0 is
 * refused. Numbers only, no names; a zone is an interface index and belongs to fe80::/10. Returns
 * false and leaves *out alone when the text is not exactly that. */
bool addr_parse(struct addr *out, const char *text);

/* "192.0.2.1", "2001:db8::1", "fe80::1%2" with no port and no brackets; port becomes 0. */
bool addr_parse_ip(struct addr *out, const char *text);

/* Prints as addr_parse reads, "(none)" without an address. Returns buf. */
const char *addr_print(const struct addr *a, char buf[static ADDR_TEXT_MAX]);
/* The same without port and brackets. */
const char *addr_print_ip(const struct addr *a, char buf[static ADDR_TEXT_MAX]);

/* False when the family is neither AF_INET nor AF_INET6 or len is too short. */
bool addr_from_sockaddr(struct addr *out, const struct sockaddr *sa, socklen_t len);
/* Returns the length used, 0 without an address. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);

#endif
