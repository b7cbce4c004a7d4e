/* The table of subcommands, and how one is found and run (interface.md section 4). */
#include "cli/cli.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/check.h"
#include "cli/follow.h"
#include "cli/keys.h"
#include "cli/netcheck.h"
#include "cli/reload.h"
#include "cli/scrape.h"
#include "cli/show.h"
#include "cli/up.h"
#include "config.h"

#define ANY 16 /* as many arguments as the command takes, it judges itself */

static const struct command {
	const char *name, *args, *help;
	int args_min, args_max;
	enum cli_exit (*run)(const struct cli *cli, int argc,
			     char **argv); /* argv[0] is the first argument */
} commands[] = {
	{"genkey", "", "print a new private key", 0, 0, keys_genkey},
	{"pubkey", "", "read a private key, print its public key", 0, 0, keys_pubkey},
	{"genpsk", "", "print a new preshared key", 0, 0, keys_genpsk},
	{"check", "FILE", "say all errors of a configuration file", 1, 1, check_check},
	{"strip", "NAME|FILE", "print the part of a file that wg takes", 1, 1, check_strip},
	{"up", "NAME|FILE", "bring an interface up", 1, 1, up_up},
	{"down", "NAME|FILE", "take it down, even after a crash", 1, 1, up_down},
	{"reload", "NAME|FILE", "take up changes of the file, say them", 1, 1, reload_reload},
	{"status", "[IFACE] [--json] [--check]", "show a daemon, its peers and paths", 0, ANY,
	 show_status},
	{"metrics", "[IFACE]", "print what daemons count, for Prometheus", 0, 1, scrape_metrics},
	{"netcheck", "[IFACE | --stun HOST...]", "find out what the NAT here does", 0, ANY,
	 netcheck_netcheck},
	{"events", "[IFACE] [--json]", "say what happens to peers, as it does", 0, ANY,
	 follow_events},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
	fputs("Usage: warren COMMAND [ARGUMENT]...\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %-27s %s\n", commands[i].name, commands[i].args,
			commands[i].help);
	fputs("\n  --help, --version, or COMMAND --help\n"
	      "  --color[=always|never|auto] for status; else NO_COLOR, WG_COLOR_MODE count\n\n"
	      "Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 relayed only\n",
	      out);
}

static void print_usage(FILE *out, const struct command *c)
{
	fprintf(out, "Usage: warren %s%s%s\n", c->name, c->args[0] ? " " : "", c->args);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static enum cli_exit unknown_command(const struct cli *cli, const char *name)
{
	const char *names[COMMANDS];
	char shown[64];

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	const char *near = text_nearest(name, names, COMMANDS);

	log_escape(shown, sizeof shown, name);
	if (near)
		fprintf(cli->err, "warren: unknown command `%s`; did you mean `%s`?\n", shown,
			near);
	else
		fprintf(cli->err, "warren: unknown command `%s`; `warren --help` lists them\n",
			shown);
	return CLI_USAGE;
}

static enum cli_exit run_command(const struct cli *cli, const struct command *c, int argc,
				 char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") != 0)
			continue;
		print_usage(cli->out, c);
		fprintf(cli->out, "%s\n", c->help);
		return CLI_OK;
	}

	if (argc < c->args_min || argc > c->args_max) {
		print_usage(cli->err, c);
		return CLI_USAGE;
	}
	return c->run(cli, argc, argv);
}

static enum cli_exit dispatch(const struct cli *cli, int argc, char **argv)
{
	if (argc < 2) {
		print_help(cli->err);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		print_help(cli->out);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		fprintf(cli->out, "warren %s\n", PACKAGE_VERSION);
		return CLI_OK;
	}

	const struct command *c = find_command(argv[1]);
	return c ? run_command(cli, c, argc - 2, argv + 2) : unknown_command(cli, argv[1]);
}

enum cli_exit cli_run(const struct cli *cli, int argc, char **argv)
{
	enum cli_exit result = dispatch(cli, argc, argv);

	/* A key that did not reach a full disk must not look made. */
	if (fflush(cli->out) != 0 || ferror(cli->out)) {
		fputs("warren: cannot write the output\n", cli->err);
		return result == CLI_OK ? CLI_FAILED : result;
	}
	return result;
}
