/* One question to a daemon's control socket (interface.md section 1): a line of JSON out, a line of JSON back, or one after another. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stdbool.h>

#include "base/clock.h"

#define CLIENT_ANSWER_MAX (64 << 20)

/* Sends `request` and a line feed; *answer is then a new string without its line feed: free() it. 0, or -errno:
 * -ENOENT and -ECONNREFUSED when no daemon listens there, -ETIMEDOUT when it does not answer within `patience`, -ECONNRESET when
 * it hangs up before the end of the line, -EMSGSIZE for an answer over CLIENT_ANSWER_MAX, -ENAMETOOLONG for the path. */
int client_ask(const char *path, const char *request, usec patience, char **answer);

/* The same with an answer of many lines: take() is given one after another, and says whether to go on. `patience` is for the first. 0 once
 * it says no; -ECONNRESET at the end of the answer. */
int client_follow(const char *path, const char *request, usec patience,
		  bool (*take)(void *ctx, const char *line), void *ctx);

#endif
