/* The packet filter of a full tunnel, as wg-quick has it: nft, run by the tool, because the daemon starts no program. The table is called
 * warren-NAME. A file beside the daemon's socket, IFACE.nft, says that it is there. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "conf/conf.h"

/* The script that makes the table, whatever there was of it: packets to the overlay's addresses are dropped when they come in elsewhere than
 * by the interface of that index and not from this machine (reliability.md, vuln_49); and the answers to packets with the mark get it too,
 * so that a strict rp_filter finds the way they came. free() it; NULL without memory. */
char *filter_write(const char *name, int index, uint32_t mark, const struct conf *c);

/* Once the interface is as `c` says: make the table for a full tunnel, remove that of an earlier one. False after saying what failed; a
 * missing nft is only told. */
bool filter_follow(const struct cli *cli, const char *name, const struct conf *c);
/* Remove the table that filter_follow made, if any. False after saying why not. */
bool filter_remove(const struct cli *cli, const char *name);

#endif
