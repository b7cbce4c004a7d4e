/* An env for tests: seeded randomness, a log that remembers its last line, a wall clock that starts at a fixed date. */
#ifndef SUPPORT_ENV_FAKE_H
#define SUPPORT_ENV_FAKE_H

#include "base/env.h"

#define ENV_FAKE_WALL SEC(1795260000) /* 2026-11-21 */

struct env_fake {
	struct env env;
	struct rand rand;
	struct log log;
	char last_line[LOG_LINE_MAX];
	unsigned lines;
};

void env_fake_init(struct env_fake *e, uint64_t seed);

#endif
