/* NAME|FILE: which configuration a command means, and which interface. */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>

#include "cli/command.h"

/* What has a slash or ends in .conf is a FILE; a NAME is looked for in cli->conf_dirs. False after saying why. */
bool find_path(const struct cli *cli, const char *what, char path[static PATH_MAX]);
/* The interface of a file: its name without .conf. False after saying what an interface may be called. */
bool find_interface(const struct cli *cli, const char *path, char name[static IF_NAMESIZE]);

#endif
