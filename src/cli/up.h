/* up and down: an interface from its file, and all of wg-quick's work around the daemon: hooks and DNS. */
#ifndef CLI_UP_H
#define CLI_UP_H

#include "cli/command.h"

/* NAME|FILE: checks the file, runs PreUp, starts warrend in the background, sets DNS, runs PostUp. What fails is undone. */
enum cli_exit up_up(const struct cli *cli, int argc, char **argv);
/* NAME|FILE: runs PreDown, stops the daemon, takes DNS back, runs PostDown; also removes what a killed daemon left. Goes on after a hook that
 * fails, and fails at the end. */
enum cli_exit up_down(const struct cli *cli, int argc, char **argv);

#endif
