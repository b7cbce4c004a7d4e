/* netcheck. */
#ifndef CLI_NETCHECK_H
#define CLI_NETCHECK_H

#include "cli/command.h"

enum cli_exit netcheck_netcheck(const struct cli *cli, int argc, char **argv);

#endif
