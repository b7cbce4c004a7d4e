/* check and strip: what a configuration file says, without a daemon. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/command.h"

/* FILE: every error as `FILE:LINE: text` on cli->err, or one line of summary. */
enum cli_exit check_check(const struct cli *cli, int argc, char **argv);
/* NAME|FILE: the part that `wg setconf` takes. A NAME is looked for in cli->conf_dirs; what has a slash or ends in .conf is
 * a FILE. */
enum cli_exit check_strip(const struct cli *cli, int argc, char **argv);

#endif
