/* events: what happens to the peers of a daemon, as it happens (interface.md section 4). */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "cli/command.h"

/* [IFACE] [--json]. Ends when the daemon does, with CLI_NOT_RUNNING, or when nothing can be written any more. */
enum cli_exit follow_events(const struct cli *cli, int argc, char **argv);

#endif
