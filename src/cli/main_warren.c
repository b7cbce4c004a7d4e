/* warren, the command-line tool: the real files, folders and terminal for cli_run. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "crypto/crypto.h"

static unsigned terminal_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int main(int argc, char **argv)
{
	static const char *const conf_dirs[] = {"/etc/warren", "/etc/wireguard", NULL};

	if (crypto_init(NULL) != 0) {
		fputs("warren: the cryptographic libraries do not start\n", stderr);
		return CLI_FAILED;
	}
	return cli_run(&(struct cli){.in = stdin,
				     .out = stdout,
				     .err = stderr,
				     .run_dir = "/run/warren",
				     .uapi_dir = "/var/run/wireguard",
				     .conf_dirs = conf_dirs,
				     .columns = terminal_columns(),
				     .no_color = getenv("NO_COLOR"),
				     .color_mode = getenv("WG_COLOR_MODE")},
		       argc, argv);
}
