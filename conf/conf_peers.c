/* The peers of a configuration by key. */
#include "conf/conf_peers.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
	const struct conf_peer *a = *(const struct conf_peer *const *)left,
			       *b = *(const struct conf_peer *const *)right;

	return key_public_compare(&a->public_key, &b->public_key);
}

bool conf_peers_init(struct conf_peers *s, const struct conf *c)
{
	*s = (struct conf_peers){.items = calloc(c->peer_count + 1, sizeof *s->items)};
	if (!s->items)
		return false;

	for (size_t i = 0; i < c->peer_count; i++)
		s->items[s->count++] = &c->peers[i];
	qsort(s->items, s->count, sizeof *s->items, compare);
	return true;
}

void conf_peers_free(struct conf_peers *s)
{
	free(s->items);
	*s = (struct conf_peers){0};
}

const struct conf_peer *conf_peers_find(const struct conf_peers *s, const struct key_public *key)
{
	const struct conf_peer wanted = {.public_key = *key}, *p = &wanted;
	const struct conf_peer **found =
		s->items ? bsearch(&p, s->items, s->count, sizeof p, compare) : NULL;

	return found ? *found : NULL;
}
