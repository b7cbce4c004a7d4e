/* Prefixes: text, masks and comparison. */
#include "base/prefix.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool prefix_parse(struct prefix *out, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t ip_len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct prefix p = {0};

	p.family = (uint8_t)addr_read_ip(p.ip, text, ip_len);
	if (p.family == ADDR_NONE)
		return false;

	uint64_t bits = addr_ip_len(p.family) * 8;
	if (slash != NULL && text_u64(&bits, slash + 1, bits) != TEXT_OK)
		return false;
	p.len = (uint8_t)bits;
	*out = p;
	return true;
}

const char *prefix_print(const struct prefix *p, char buf[static PREFIX_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN];
	const char *ok = inet_ntop(p->family == ADDR_V4 ? AF_INET : AF_INET6, p->ip, ip, sizeof ip);

	assert(ok != NULL);
	snprintf(buf, PREFIX_TEXT_MAX, "%s/%u", ip, p->len);
	return buf;
}

void prefix_mask(struct prefix *p)
{
	size_t whole = p->len / 8;

	if (whole == sizeof p->ip)
		return;
	p->ip[whole] &= (uint8_t)(0xff00 >> p->len % 8);
	memset(p->ip + whole + 1, 0, sizeof p->ip - whole - 1);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

int prefix_compare(const void *left, const void *right)
{
	const struct prefix *a = left, *b = right;
	int order = a->family - b->family;

	if (order == 0)
		order = memcmp(a->ip, b->ip, sizeof a->ip);
	return order != 0 ? order : a->len - b->len;
}

bool prefix_contains(const struct prefix *p, const uint8_t *ip)
{
	return addr_same_bits(p->ip, ip, p->len);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family &&
	       addr_same_bits(a->ip, b->ip, a->len < b->len ? a->len : b->len);
}
