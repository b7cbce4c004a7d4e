/* What every subcommand of `warren` gets and gives (interface.md section 4). */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdio.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_RUNNING = 3,
	CLI_RELAYED = 4, /* works, but relayed only */
};

/* The world as a subcommand sees it. Errors are sentences on `err`. */
struct cli {
	FILE *in, *out, *err;
	const char *run_dir;          /* of control sockets, IFACE.sock */
	const char *uapi_dir;         /* of WireGuard's sockets, IFACE.sock */
	const char *const *conf_dirs; /* of NAME.conf, by preference; NULL at the end */
	unsigned columns;             /* of the terminal, 0: out is none */
	const char *no_color;         /* $NO_COLOR, or NULL */
	const char *color_mode;       /* $WG_COLOR_MODE, or NULL */
};

#endif
