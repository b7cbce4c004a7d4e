/* A request to one daemon, and its answer understood. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <jansson.h>

#include "base/clock.h"
#include "cli/command.h"

#define ASK_PATH_MAX 256 /* the kernel takes socket names of 107 */

/* Where the daemon of an interface listens. */
void ask_path(const struct cli *cli, const char *interface, char path[static ASK_PATH_MAX]);
/* Send one line of JSON. CLI_OK: *reply is what it answered, a new reference. CLI_NOT_RUNNING: nobody listens; nothing is said. CLI_FAILED:
 * said on cli->err, with all errors that the daemon names. */
enum cli_exit ask_daemon(const struct cli *cli, const char *interface, const char *request,
			 usec patience, json_t **reply);
/* Say why whoever listens there could not be asked, which is -errno of client_ask or client_follow. CLI_FAILED. */
enum cli_exit ask_tell(const struct cli *cli, const char *path, int err);
/* Whether an answer is one of a daemon that did what was asked; else CLI_FAILED, after saying what it is. */
enum cli_exit ask_judge(const struct cli *cli, const char *interface, const json_t *reply);
/* True when a daemon answers, whatever it says. */
bool ask_is_up(const struct cli *cli, const char *interface);

#endif
