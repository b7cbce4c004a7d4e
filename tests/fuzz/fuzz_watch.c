/* Netlink: lists and notifications as watch.c takes them, in a block of exactly their size (reliability.md 4.1, harness 11). What was
 * taken stays within bounds and means something. */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tun/rtnl.h"
#include "tun/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define OVERLAY 7

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_addresses(const struct host_addresses *l)
{
	require(l->count <= HOST_ADDRESSES_MAX);
	for (size_t i = 0; i < l->count; i++) {
		const struct prefix *p = &l->items[i].prefix;
		require(p->family == ADDR_V4 || p->family == ADDR_V6);
		require(p->len <= 8 * addr_ip_len(p->family));
	}
}

static void check(const struct host *h)
{
	check_addresses(&h->outside);
	check_addresses(&h->inside);
	require(h->default_count <= HOST_DEFAULTS_MAX);
	for (size_t i = 0; i < h->default_count; i++)
		require(h->defaults[i].link != OVERLAY);
	require(memchr(h->overlay.name, '\0', sizeof h->overlay.name) != NULL);
	require(host_same_network(h, h));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct host *h = calloc(1, sizeof *h), *before = calloc(1, sizeof *before);
	uint8_t *block = malloc(len);
	struct reader r;
	const struct nlmsghdr *m;

	require(h != NULL && before != NULL && (block != NULL || len == 0));
	if (len > 0)
		memcpy(block, data, len);
	r = reader_of(block, len);
	while ((m = rtnl_next(&r)) != NULL) {
		memcpy(before, h, sizeof *h);
		require(watch_take(h, OVERLAY, m) || memcmp(before, h, sizeof *h) == 0);
		check(h);
	}
	watch_news(h, OVERLAY, block, len);
	check(h);
	free(block);
	free(before);
	free(h);
	return 0;
}
