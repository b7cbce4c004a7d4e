/* Counts of the stages. */
#include "ctl/stages.h"

#include <assert.h>

const char *stages_name(enum stage_id id)
{
#define X(id, name) [STAGE_##id] = name,
	static const char *const names[STAGE_COUNT] = {STAGE_NAMES(X)};
#undef X

	assert(id >= 0 && id < STAGE_COUNT);
	return names[id];
}

size_t stages_limit(size_t i)
{
	assert(i < STAGE_LIMITS);
	return (size_t)1 << (2 * i);
}

void stages_note_batch(struct stages *s, enum stage_id id, size_t packets)
{
	struct stage *at = &s->stage[id];
	size_t i = 0;

	if (packets == 0)
		return;
	while (i < STAGE_LIMITS && packets > stages_limit(i))
		i++;
	at->batches[i]++;
	at->batched += packets;
}
