/* metrics: what running daemons count, for Prometheus (interface.md section 5). */
#ifndef CLI_SCRAPE_H
#define CLI_SCRAPE_H

#include "cli/command.h"

/* [IFACE]; without it of all that run here, as one page. */
enum cli_exit scrape_metrics(const struct cli *cli, int argc, char **argv);

#endif
