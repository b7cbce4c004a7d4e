/* Checks of a configuration as a whole. Lists are sorted first: a file may have 100,000 lines
 * (vuln_60). */
#include "conf/conf_check.h"

#include <stdlib.h>
#include <string.h>

bool conf_check_claim(struct conf_claims *c, const struct prefix *prefix, unsigned line,
		      size_t peer)
{
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 16;
		struct conf_claim *moved = realloc(c->items, room * sizeof *moved);
		if (!moved)
			return false;
		c->items = moved;
		c->room = room;
	}

	c->items[c->count++] = (struct conf_claim){.prefix = *prefix, .line = line, .peer = peer};
	return true;
}

static int compare_lines(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

/* Networks in numerical order, a wider one before those inside it, equal ones in file order. */
static int compare_claims(const void *left, const void *right)
{
	const struct conf_claim *a = left, *b = right;
	struct prefix net_a = a->prefix, net_b = b->prefix;
	prefix_mask(&net_a);
	prefix_mask(&net_b);

	if (net_a.family != net_b.family)
		return net_a.family < net_b.family ? -1 : 1;
	int order = memcmp(net_a.ip, net_b.ip, sizeof net_a.ip);
	if (order != 0)
		return order;
	if (net_a.len != net_b.len)
		return net_a.len < net_b.len ? -1 : 1;
	return compare_lines(a->line, b->line);
}

static void sort_claims(struct conf_claims *c)
{
	if (c->count > 0)
		qsort(c->items, c->count, sizeof *c->items, compare_claims);
}

static void check_addresses(struct conf_claims *addresses, struct conf_errors *errors)
{
	sort_claims(addresses);

	/* Networks nest or are apart, so only the widest so far can reach the next one. */
	const struct conf_claim *widest = addresses->items;
	for (size_t i = 1; i < addresses->count; i++) {
		const struct conf_claim *next = &addresses->items[i];
		if (!prefix_overlaps(&widest->prefix, &next->prefix)) {
			widest = next;
			continue;
		}

		char wide[PREFIX_TEXT_MAX], text[PREFIX_TEXT_MAX];
		bool later = next->line >= widest->line;
		conf_errors_add(
			errors, later ? next->line : widest->line,
			"Address %s overlaps %s of line %u: give one of them a longer prefix",
			prefix_print(later ? &next->prefix : &widest->prefix, text),
			prefix_print(later ? &widest->prefix : &next->prefix, wide),
			later ? widest->line : next->line);
	}
}

static void check_allowed(const struct conf *c, struct conf_claims *allowed,
			  struct conf_errors *errors)
{
	sort_claims(allowed);

	for (size_t i = 1; i < allowed->count; i++) {
		const struct conf_claim *first = &allowed->items[i - 1], *next = &allowed->items[i];
		if (first->peer == next->peer || !prefix_equal(&first->prefix, &next->prefix))
			continue;

		char text[PREFIX_TEXT_MAX];
		conf_errors_add(errors, next->line,
				"AllowedIPs %s belongs to the [Peer] in line %u already (line %u): "
				"a prefix leads to one peer",
				prefix_print(&next->prefix, text), c->peers[first->peer].line,
				first->line);
	}
}

static int compare_peers(const void *left, const void *right)
{
	const struct conf_peer *a = *(const struct conf_peer *const *)left,
			       *b = *(const struct conf_peer *const *)right;
	int order = key_public_compare(&a->public_key, &b->public_key);
	return order ? order : compare_lines(a->key_line, b->key_line);
}

static bool check_duplicate_peers(const struct conf *c, struct conf_errors *errors)
{
	const struct conf_peer **sorted = calloc(c->peer_count + 1, sizeof *sorted);
	if (!sorted)
		return false;

	size_t count = 0;
	for (size_t i = 0; i < c->peer_count; i++)
		if (!key_public_is_zero(&c->peers[i].public_key))
			sorted[count++] = &c->peers[i];
	qsort(sorted, count, sizeof *sorted, compare_peers);

	for (size_t i = 1; i < count; i++)
		if (key_public_equal(&sorted[i - 1]->public_key, &sorted[i]->public_key))
			conf_errors_add(
				errors, sorted[i]->key_line,
				"PublicKey is that of the [Peer] in line %u already: join the two",
				sorted[i - 1]->line);
	free(sorted);
	return true;
}

static void check_peer_keys(const struct conf *c, struct conf_errors *errors)
{
	struct key_public own = {0};
	if (c->has_private_key)
		key_public_from(&own, &c->private_key);

	for (size_t i = 0; i < c->peer_count; i++) {
		const struct conf_peer *p = &c->peers[i];
		if (p->key_line == 0)
			conf_errors_add(errors, p->line, "[Peer] has no PublicKey");
		else if (c->has_private_key && key_public_equal(&p->public_key, &own))
			conf_errors_add(errors, p->key_line,
					"PublicKey is our own (of PrivateKey above): name the "
					"other side's");
	}
}

static void check_mtu(const struct conf *c, const struct conf_places *places,
		      struct conf_errors *errors)
{
	if (!c->has_mtu || c->mtu >= 1280)
		return;

	for (size_t i = 0; i < c->address_count; i++) {
		if (c->addresses[i].family != ADDR_V6)
			continue;
		conf_errors_add(
			errors, places->mtu_line,
			"MTU %u is too small for the IPv6 Address: IPv6 needs at least 1280",
			c->mtu);
		return;
	}
}

/* Without a PrivateKey a PostUp has to set one: wg-quick(8) fetches keys from elsewhere so. */
bool conf_check(const struct conf *c, struct conf_places *places, struct conf_errors *errors)
{
	if (places->interface_line == 0)
		conf_errors_add(errors, 0, "there is no [Interface] section");
	else if (places->private_key_line == 0 && c->post_up.count == 0)
		conf_errors_add(errors, places->interface_line,
				"[Interface] has no PrivateKey: `warren genkey` makes one");

	check_mtu(c, places, errors);
	check_addresses(&places->addresses, errors);
	check_allowed(c, &places->allowed, errors);
	check_peer_keys(c, errors);
	return check_duplicate_peers(c, errors);
}
