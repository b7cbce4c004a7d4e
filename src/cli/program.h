/* Other programs, started by the tool and never by the daemon: warrend, hooks, resolvconf, nft. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <stdbool.h>

#include "cli/command.h"
#include "conf/conf.h"

#define PROGRAM_PATH_MAX 1024

/* Where `name` is: beside this program if asked for (also in the sbin beside its bin), else in the absolute folders of $PATH. */
bool program_find(char path[static PROGRAM_PATH_MAX], const char *name, bool beside);

/* Run it to its end, with `input` (or nothing) on its standard input. Its exit status, 128 and more for a signal; -errno when it does
 * not start. */
int program_run(const char *path, const char *const *argv, const char *input);

/* Run hooks one after the other as wg-quick does: by bash (sh where there is none), %i replaced by the interface, each shown on
 * cli->err before. False after the first that fails, which is told. */
bool program_hooks(const struct cli *cli, const struct conf_list *hooks, const char *interface);

#endif
