/* The daemons that run here, by their control sockets. */
#ifndef CLI_DAEMONS_H
#define CLI_DAEMONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"

/* Interfaces that have a socket, sorted; daemons_free() them. False after saying why none can be seen. */
bool daemons_list(const struct cli *cli, char ***out, size_t *count);
void daemons_free(char **list, size_t count);

/* True for what may be the name of an interface, else said. */
bool daemons_is_name(const struct cli *cli, const char *interface);
/* Say that none runs for this interface, and which may have been meant. */
void daemons_tell_missing(const struct cli *cli, const char *interface);
/* Say that none runs at all. */
void daemons_tell_none(const struct cli *cli);

#endif
