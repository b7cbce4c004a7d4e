/* Addresses: canonical form, the one classification, text and sockaddr. Ranges by the IANA
 * special-purpose registries; text by RFC 4291 and 5952, through inet_pton and inet_ntop. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/defence.h"
#include "base/text.h"

/* A special range. An IPv6 one may carry IPv4 addresses: where, and XORed with what. */
struct range {
	uint8_t ip[16];
	uint8_t len;
	enum addr_class class;
	struct {
		uint8_t at; /* 0: none */
		uint8_t mask;
	} v4[2];
};

#define RANGE_COUNT(ranges) (sizeof(ranges) / sizeof(ranges)[0])

/* The longest match decides, so that the order of the rows means nothing (vuln_03). */
static const struct range ranges_v4[] = {
	{.ip = {0}, .len = 8, .class = ADDR_CLASS_UNSPECIFIED},
	{.ip = {10}, .len = 8, .class = ADDR_CLASS_PRIVATE},
	{.ip = {100, 64}, .len = 10, .class = ADDR_CLASS_PRIVATE},
	{.ip = {127}, .len = 8, .class = ADDR_CLASS_LOOPBACK},
	{.ip = {169, 254}, .len = 16, .class = ADDR_CLASS_LINK_LOCAL},
	{.ip = {172, 16}, .len = 12, .class = ADDR_CLASS_PRIVATE},
	{.ip = {192, 168}, .len = 16, .class = ADDR_CLASS_PRIVATE},
	{.ip = {224}, .len = 4, .class = ADDR_CLASS_MULTICAST},
	{.ip = {240}, .len = 4, .class = ADDR_CLASS_BROADCAST},
};

static const struct range ranges_v6[] = {
	{.ip = {[15] = 1}, .len = 128, .class = ADDR_CLASS_LOOPBACK},
	{.ip = {0xfc}, .len = 7, .class = ADDR_CLASS_PRIVATE},
	{.ip = {0xfe, 0x80}, .len = 10, .class = ADDR_CLASS_LINK_LOCAL},
	{.ip = {0xfe, 0xc0}, .len = 10, .class = ADDR_CLASS_PRIVATE}, /* site-local, RFC 3879 */
	{.ip = {0xff}, .len = 8, .class = ADDR_CLASS_MULTICAST},
	/* compatible, which :: is too; mapped; translated (RFC 2765) */
	{.ip = {0}, .len = 96, .class = ADDR_CLASS_GLOBAL, .v4 = {{.at = 12}}},
	{.ip = {[10] = 0xff, 0xff}, .len = 96, .class = ADDR_CLASS_GLOBAL, .v4 = {{.at = 12}}},
	{.ip = {[8] = 0xff, 0xff}, .len = 96, .class = ADDR_CLASS_GLOBAL, .v4 = {{.at = 12}}},
	/* NAT64: well-known (RFC 6052), local (RFC 8215) */
	{.ip = {0, 0x64, 0xff, 0x9b}, .len = 96, .class = ADDR_CLASS_GLOBAL, .v4 = {{.at = 12}}},
	{.ip = {0, 0x64, 0xff, 0x9b, 0, 1},
	 .len = 48,
	 .class = ADDR_CLASS_PRIVATE,
	 .v4 = {{.at = 12}}},
	/* Teredo: server, client inverted; 6to4 */
	{.ip = {0x20, 1},
	 .len = 32,
	 .class = ADDR_CLASS_GLOBAL,
	 .v4 = {{.at = 4}, {.at = 12, .mask = 0xff}}},
	{.ip = {0x20, 2}, .len = 16, .class = ADDR_CLASS_GLOBAL, .v4 = {{.at = 2}}},
};

bool addr_same_bits(const uint8_t *a, const uint8_t *b, size_t bits)
{
	size_t whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static const struct range *range_of(const struct range *ranges, size_t count, const uint8_t *ip)
{
	const struct range *best = NULL;

	for (const struct range *r = ranges; r < ranges + count; r++)
		if (addr_same_bits(r->ip, ip, r->len) && (best == NULL || r->len > best->len))
			best = r;
	return best;
}

static enum addr_class class_v4(const uint8_t *ip)
{
	const struct range *r = range_of(ranges_v4, RANGE_COUNT(ranges_v4), ip);

	return r != NULL ? r->class : ADDR_CLASS_GLOBAL;
}

/* Of several judgements the harshest counts: the enum goes from harsh to mild. */
static enum addr_class class_v6(const uint8_t *ip)
{
	const struct range *r = range_of(ranges_v6, RANGE_COUNT(ranges_v6), ip);

	if (r == NULL)
		return ADDR_CLASS_GLOBAL;

	enum addr_class class = r->class;
	for (size_t i = 0; i < 2 && r->v4[i].at != 0; i++) {
		uint8_t v4[4];
		for (size_t k = 0; k < sizeof v4; k++)
			v4[k] = ip[r->v4[i].at + k] ^ r->v4[i].mask;
		enum addr_class carried = class_v4(v4);
		if (DEFENCE(5, carried < class))
			class = carried;
	}
	return class;
}

enum addr_class addr_class(const struct addr *a)
{
	switch ((enum addr_family)a->family) {
	case ADDR_NONE:
		return ADDR_CLASS_UNSPECIFIED;
	case ADDR_V4:
		return class_v4(a->ip);
	case ADDR_V6:
		return class_v6(a->ip);
	}
	return ADDR_CLASS_UNSPECIFIED;
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_same_ip(a, b);
}

struct addr addr_v4(const uint8_t ip[static 4], uint16_t port)
{
	struct addr a = {.family = ADDR_V4, .port = port};

	memcpy(a.ip, ip, 4);
	return a;
}

static bool is_link_local_v6(const uint8_t ip[static 16])
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

struct addr addr_v6(const uint8_t ip[static 16], uint16_t port, uint32_t scope)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

	if (DEFENCE(2, memcmp(ip, mapped, sizeof mapped) == 0))
		return addr_v4(ip + 12, port);

	struct addr a = {
		.family = ADDR_V6, .port = port, .scope = is_link_local_v6(ip) ? scope : 0};
	memcpy(a.ip, ip, 16);
	return a;
}

enum addr_family addr_read_ip(uint8_t ip[static 16], const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16] = {0};

	if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
		return ADDR_NONE;
	memcpy(copy, text, len);
	copy[len] = '\0';

	bool is_v6 = memchr(copy, ':', len) != NULL;
	int result = inet_pton(is_v6 ? AF_INET6 : AF_INET, copy, bytes);
	if (DEFENCE(32, result != 1))
		return ADDR_NONE;
	memcpy(ip, bytes, sizeof bytes);
	return is_v6 ? ADDR_V6 : ADDR_V4;
}

/* The IP, and for a link-local IPv6 address perhaps "%" and an interface index. */
static bool read_host(struct addr *out, const char *text, size_t len)
{
	const char *zone = memchr(text, '%', len);
	size_t ip_len = zone != NULL ? (size_t)(zone - text) : len;
	uint8_t ip[16];
	uint64_t scope = 0;

	enum addr_family family = addr_read_ip(ip, text, ip_len);
	if (family == ADDR_NONE)
		return false;
	if (zone != NULL) {
		char digits[sizeof "4294967295"];
		size_t digits_len = len - ip_len - 1;
		if (family != ADDR_V6 || !is_link_local_v6(ip) || digits_len >= sizeof digits)
			return false;
		memcpy(digits, zone + 1, digits_len);
		digits[digits_len] = '\0';
		if (text_u64(&scope, digits, UINT32_MAX) != TEXT_OK || scope == 0)
			return false;
	}
	*out = family == ADDR_V4 ? addr_v4(ip, 0) : addr_v6(ip, 0, (uint32_t)scope);
	return true;
}

bool addr_parse_ip(struct addr *out, const char *text)
{
	return read_host(out, text, strlen(text));
}

bool addr_parse(struct addr *out, const char *text)
{
	bool bracketed = text[0] == '[';
	const char *host = text + bracketed;
	const char *host_end = strchr(host, bracketed ? ']' : ':');

	if (host_end == NULL)
		return false;
	const char *colon = host_end + bracketed;
	if (*colon != ':')
		return false;

	uint64_t port;
	if (text_u64(&port, colon + 1, UINT16_MAX) != TEXT_OK || port == 0)
		return false;

	/* Brackets are for IPv6 alone; without them the host ends before its first colon. */
	size_t host_len = (size_t)(host_end - host);
	if (bracketed && memchr(host, ':', host_len) == NULL)
		return false;
	struct addr a;
	if (!read_host(&a, host, host_len))
		return false;
	a.port = (uint16_t)port;
	*out = a;
	return true;
}

static void print_host(const struct addr *a, char *buf, size_t room)
{
	const char *ok =
		inet_ntop(a->family == ADDR_V4 ? AF_INET : AF_INET6, a->ip, buf, (socklen_t)room);

	assert(ok != NULL);
	if (a->scope != 0) {
		size_t len = strlen(buf);
		snprintf(buf + len, room - len, "%%%u", a->scope);
	}
}

const char *addr_print_ip(const struct addr *a, char buf[static ADDR_TEXT_MAX])
{
	if (addr_is_set(a))
		print_host(a, buf, ADDR_TEXT_MAX);
	else
		snprintf(buf, ADDR_TEXT_MAX, "(none)");
	return buf;
}

const char *addr_print(const struct addr *a, char buf[static ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN + sizeof "%4294967295"];

	if (!addr_is_set(a))
		return addr_print_ip(a, buf);
	print_host(a, host, sizeof host);
	if (a->family == ADDR_V4)
		snprintf(buf, ADDR_TEXT_MAX, "%s:%u", host, a->port);
	else
		snprintf(buf, ADDR_TEXT_MAX, "[%s]:%u", host, a->port);
	return buf;
}

bool addr_from_sockaddr(struct addr *out, const struct sockaddr *sa, socklen_t len)
{
	if (len < offsetof(struct sockaddr, sa_data))
		return false;

	if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;
		uint8_t ip[4];
		memcpy(&in, sa, sizeof in);
		memcpy(ip, &in.sin_addr, sizeof ip);
		*out = addr_v4(ip, ntohs(in.sin_port));
		return true;
	}
	if (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof in6);
		*out = addr_v6(in6.sin6_addr.s6_addr, ntohs(in6.sin6_port), in6.sin6_scope_id);
		return true;
	}
	return false;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	*out = (struct sockaddr_storage){0};

	switch ((enum addr_family)a->family) {
	case ADDR_NONE:
		return 0;
	case ADDR_V4: {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
		memcpy(&in.sin_addr, a->ip, sizeof in.sin_addr);
		memcpy(out, &in, sizeof in);
		return sizeof in;
	}
	case ADDR_V6: {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
					   .sin6_port = htons(a->port),
					   .sin6_scope_id = a->scope};
		memcpy(&in6.sin6_addr, a->ip, sizeof in6.sin6_addr);
		memcpy(out, &in6, sizeof in6);
		return sizeof in6;
	}
	}
	return 0;
}
