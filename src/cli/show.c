/* status (interface.md section 4): asks the daemons and prints what they say. */
#include "cli/show.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/daemons.h"
#include "cli/view.h"

#define ANSWER_FOR SEC(2)

struct options {
	const char *interface; /* NULL: all */
	const char *color;     /* always, never, auto; NULL: not said */
	bool json, check;
};

static bool parse_options(const struct cli *cli, int argc, char **argv, struct options *o)
{
	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];
		if (strcmp(arg, "--json") == 0)
			o->json = true;
		else if (strcmp(arg, "--check") == 0)
			o->check = true;
		else if (strcmp(arg, "--color") == 0)
			o->color = "always";
		else if (strcmp(arg, "--color=always") == 0 || strcmp(arg, "--color=never") == 0 ||
			 strcmp(arg, "--color=auto") == 0)
			o->color = arg + strlen("--color=");
		else if (arg[0] != '-' && !o->interface)
			o->interface = arg;
		else {
			fprintf(cli->err, "warren: status does not know `%s`\n", arg);
			return false;
		}
	}
	return true;
}

/* --color > NO_COLOR > WG_COLOR_MODE > terminal. */
static bool wants_color(const struct cli *cli, const struct options *o)
{
	const char *mode = o->color                            ? o->color
			   : cli->no_color && cli->no_color[0] ? "never"
							       : cli->color_mode;

	if (mode && strcmp(mode, "always") == 0)
		return true;
	if (mode && strcmp(mode, "never") == 0)
		return false;
	return cli->columns > 0;
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

/* The status text of one daemon in *json, free() it. */
static enum cli_exit ask(const struct cli *cli, const char *interface, char **json)
{
	json_t *reply;
	enum cli_exit result =
		ask_daemon(cli, interface, "{\"cmd\":\"status\"}", ANSWER_FOR, &reply);

	*json = NULL;
	if (result == CLI_NOT_RUNNING)
		daemons_tell_missing(cli, interface);
	if (result != CLI_OK)
		return result;
	const json_t *status = json_object_get(reply, "status");
	if (status)
		*json = json_dumps(status, JSON_COMPACT);
	if (!*json)
		fprintf(cli->err, "warren: %s: the daemon's answer has no status\n", interface);
	json_decref(reply);
	return *json ? CLI_OK : CLI_FAILED;
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static bool has_relayed_peer(const json_t *status)
{
	const json_t *peers = json_object_get(status, "peers");

	for (size_t i = 0; i < json_array_size(peers); i++) {
		const json_t *path = json_object_get(json_array_get(peers, i), "path");
		const char *kind = json_string_value(json_object_get(path, "kind"));
		if (kind && (strcmp(kind, "anchor") == 0 || strncmp(kind, "turn-", 5) == 0))
			return true;
	}
	return false;
}

/* What --check says: 0, 4 where it is degraded because relayed, else 1. */
static enum cli_exit verdict(const char *json)
{
	json_t *status = json_loads(json, 0, NULL);
	const char *health = json_string_value(json_object_get(status, "health"));
	enum cli_exit result = CLI_FAILED;

	if (health && strcmp(health, "healthy") == 0)
		result = CLI_OK;
	else if (health && strcmp(health, "degraded") == 0 && has_relayed_peer(status))
		result = CLI_RELAYED;
	json_decref(status);
	return result;
}

static int64_t now_unix_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum cli_exit show_one(const struct cli *cli, const struct options *o, const char *interface)
{
	char *json;
	enum cli_exit result = ask(cli, interface, &json);
	if (result != CLI_OK)
		return result;

	struct view view = {.now_unix_ns = now_unix_ns(),
			    .columns = cli->columns,
			    .color = wants_color(cli, o)};
	char *text = o->json ? NULL : view_status(json, &view);
	if (o->json) {
		fprintf(cli->out, "%s\n", json);
	} else if (text) {
		fputs(text, cli->out);
	} else {
		fprintf(cli->err,
			"warren: %s: the daemon's status is not understood; is it of another "
			"version?\n",
			interface);
		result = CLI_FAILED;
	}

	if (result == CLI_OK && o->check)
		result = verdict(json);
	free(text);
	free(json);
	return result;
}

/* The worse of two results, for many interfaces: a failure, then none running, then relayed. */
static enum cli_exit worse(enum cli_exit a, enum cli_exit b)
{
	static const enum cli_exit order[] = {CLI_FAILED, CLI_NOT_RUNNING, CLI_RELAYED};

	for (size_t i = 0; i < 3; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return CLI_OK;
}

static enum cli_exit show_all(const struct cli *cli, const struct options *o)
{
	enum cli_exit result = CLI_OK;
	char **interfaces;
	size_t count;

	if (!daemons_list(cli, &interfaces, &count))
		return CLI_FAILED;
	if (count == 0) {
		daemons_tell_none(cli);
		return CLI_NOT_RUNNING;
	}

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && !o->json)
			fputc('\n', cli->out);
		result = worse(result, show_one(cli, o, interfaces[i]));
	}
	daemons_free(interfaces, count);
	return result;
}

enum cli_exit show_status(const struct cli *cli, int argc, char **argv)
{
	struct options o = {0};

	if (!parse_options(cli, argc, argv, &o))
		return CLI_USAGE;
	if (!o.interface)
		return show_all(cli, &o);
	if (!daemons_is_name(cli, o.interface))
		return CLI_USAGE;
	return show_one(cli, &o, o.interface);
}
