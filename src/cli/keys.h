/* genkey, pubkey, genpsk: the same text as wg's. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli/command.h"

/* A new private key in base64. Warns when the output is a file that everybody may read. */
enum cli_exit keys_genkey(const struct cli *cli, int argc, char **argv);
/* The same for a preshared key. */
enum cli_exit keys_genpsk(const struct cli *cli, int argc, char **argv);
/* Reads a private key, and nothing but white space after it; prints its public key. */
enum cli_exit keys_pubkey(const struct cli *cli, int argc, char **argv);

#endif
