/* status: what running daemons say of themselves. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/command.h"

/* [IFACE] [--json] [--check] [--color[=WHEN]]: the status of one daemon, or of all that have a socket in cli->run_dir. */
enum cli_exit show_status(const struct cli *cli, int argc, char **argv);

#endif
