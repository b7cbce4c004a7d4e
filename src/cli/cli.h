/* The `warren` tool: a table of subcommands (interface.md section 4). */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/command.h"

/* Runs the subcommand that argv[1] names, with argv[2] and so on; returns the exit code. */
enum cli_exit cli_run(const struct cli *cli, int argc, char **argv);

#endif
