/* A short list. */
#include "sim/tally.h"

#include <assert.h>
#include <string.h>

void tally_add(struct tally *t, const char *name, uint64_t n)
{
	size_t i = 0;

	while (i < t->count && strcmp(t->items[i].name, name) != 0)
		i++;
	assert(i < TALLY_MAX);
	if (i == t->count) {
		t->items[i].name = name;
		t->count++;
	}
	t->items[i].count += n;
}

void tally_add_all(struct tally *to, const struct tally *from)
{
	for (size_t i = 0; i < from->count; i++)
		tally_add(to, from->items[i].name, from->items[i].count);
}

uint64_t tally_get(const struct tally *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++) {
		if (strcmp(t->items[i].name, name) == 0)
			return t->items[i].count;
	}
	return 0;
}
