#include "support/env_fake.h"

#include <stdio.h>

static void remember(void *ctx, enum log_level level, const char *event, const char *line)
{
	struct env_fake *e = ctx;
	(void)level;
	(void)event;
	snprintf(e->last_line, sizeof e->last_line, "%s", line);
	e->lines++;
}

void env_fake_init(struct env_fake *e, uint64_t seed)
{
	*e = (struct env_fake){.rand = rand_seeded(seed)};
	e->log = (struct log){.level = LEVEL_DEBUG, .sink = remember, .ctx = e};
	e->env = (struct env){.rand = &e->rand, .log = &e->log, .wall_offset = ENV_FAKE_WALL};
}
