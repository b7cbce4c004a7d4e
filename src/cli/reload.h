/* reload: a running daemon takes up what its file says now. */
#ifndef CLI_RELOAD_H
#define CLI_RELOAD_H

#include "cli/command.h"

/* NAME|FILE: checks the file, sends its text, prints what changed. */
enum cli_exit reload_reload(const struct cli *cli, int argc, char **argv);

#endif
