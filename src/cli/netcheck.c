/* netcheck (interface.md section 4): a daemon looks at the NAT by its WireGuard port, or we do by a port of our own. */
#include "cli/netcheck.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/ask.h"
#include "cli/daemons.h"
#include "cli/findings.h"
#include "cli/outlook.h"
#include "conf/conf_host.h"
#include "nat/report_json.h"

#define ANSWER_FOR SEC(2)
#define VERDICT_IN SEC(15) /* with names to resolve and a network that changes meanwhile */
#define POLL_EVERY MSEC(50)

struct netcheck {
	const struct cli *cli;
	const char *interface; /* NULL: none was named */
	const char *servers[OUTLOOK_SERVERS_MAX];
	size_t server_count;
	bool json;
};

/* --- options ---------------------------------------------------------------------------------------------------- */

static bool add_server(struct netcheck *n, const char *text)
{
	char copy[CONF_HOST_TEXT_MAX], shown[64];
	struct conf_endpoint where;

	if (n->server_count == OUTLOOK_SERVERS_MAX) {
		fprintf(n->cli->err, "warren: netcheck asks at most %d servers\n",
			OUTLOOK_SERVERS_MAX);
		return false;
	}
	if (conf_host_copy(&where, copy, text, OUTLOOK_PORT) != CONF_HOST_OK) {
		log_escape(shown, sizeof shown, text);
		fprintf(n->cli->err,
			"warren: `%s` is no server like stun.example.org:3478, 192.0.2.1 or "
			"[2001:db8::1]:3478\n",
			shown);
		return false;
	}
	n->servers[n->server_count++] = text;
	return true;
}

static bool parse_options(struct netcheck *n, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];

		if (strcmp(arg, "--json") == 0) {
			n->json = true;
		} else if (strcmp(arg, "--stun") == 0 && i + 1 < argc) {
			if (!add_server(n, argv[++i]))
				return false;
		} else if (strncmp(arg, "--stun=", 7) == 0) {
			if (!add_server(n, arg + 7))
				return false;
		} else if (arg[0] != '-' && n->interface == NULL) {
			n->interface = arg;
		} else if (strcmp(arg, "--stun") == 0) {
			fputs("warren: netcheck: --stun wants a server\n", n->cli->err);
			return false;
		} else {
			fprintf(n->cli->err, "warren: netcheck does not know `%s`\n", arg);
			return false;
		}
	}
	if (n->interface != NULL && n->server_count > 0) {
		fputs("warren: netcheck: a daemon asks the servers of its file: leave out --stun "
		      "or "
		      "the interface\n",
		      n->cli->err);
		return false;
	}
	return n->interface == NULL || daemons_is_name(n->cli, n->interface);
}

/* --- what is shown ---------------------------------------------------------------------------------------------- */

/* On a terminal only, and gone before anything else is written. */
static void show_progress(struct netcheck *n, const char *what)
{
	if (n->cli->columns == 0)
		return;
	fprintf(n->cli->out, "\r\x1b[K%s%s", what[0] != '\0' ? "looking at the NAT: " : "", what);
	fflush(n->cli->out);
}

static void show_report(const struct netcheck *n, const struct nat_report *r)
{
	char text[REPORT_TEXT_MAX];
	size_t len = report_text(r, text);

	fwrite(text, 1, len, n->cli->out);
}

/* --- by a daemon ------------------------------------------------------------------------------------------------ */

static enum cli_exit not_understood(const struct netcheck *n)
{
	fprintf(n->cli->err,
		"warren: %s: what the daemon found out is not understood; is it of another "
		"version?\n",
		n->interface);
	return CLI_FAILED;
}

static enum cli_exit show_reply(const struct netcheck *n, const json_t *reply)
{
	const json_t *found = json_object_get(reply, "netcheck");
	struct nat_report report;

	if (json_integer_value(json_object_get(reply, "servers")) == 0)
		fprintf(n->cli->err,
			"warren: %s has no STUN server to ask: its file wants a line like STUN = "
			"stun.example.org\n",
			n->interface);
	if (!findings_read(&report, found))
		return not_understood(n);
	if (!n->json) {
		show_report(n, &report);
		return CLI_OK;
	}
	char *line = json_dumps(found, JSON_COMPACT);
	if (line == NULL)
		return not_understood(n);
	fprintf(n->cli->out, "%s\n", line);
	free(line);
	return CLI_OK;
}

static enum cli_exit ask(struct netcheck *n, int64_t check, json_t **reply)
{
	char request[64] = "{\"cmd\":\"netcheck\"}";

	if (check != 0)
		snprintf(request, sizeof request, "{\"cmd\":\"netcheck\",\"check\":%" PRId64 "}",
			 check);
	enum cli_exit result = ask_daemon(n->cli, n->interface, request, ANSWER_FOR, reply);
	if (result == CLI_NOT_RUNNING)
		daemons_tell_missing(n->cli, n->interface);
	return result;
}

/* The daemon is asked again and again until its check is over: it keeps no list of who waits. */
static enum cli_exit run_daemon(struct netcheck *n)
{
	const struct timespec pause = {.tv_nsec = POLL_EVERY * 1000};
	int64_t check = 0;

	for (usec waited = 0; waited < VERDICT_IN; waited += POLL_EVERY) {
		json_t *reply;
		enum cli_exit result = ask(n, check, &reply);
		if (result != CLI_OK)
			return result;

		bool running = json_is_true(json_object_get(reply, "running"));
		const char *step = json_string_value(json_object_get(reply, "step"));
		check = json_integer_value(json_object_get(reply, "check"));
		show_progress(n, running && step != NULL ? step : "");
		if (!running)
			result = show_reply(n, reply);
		json_decref(reply);
		if (!running)
			return result;
		nanosleep(&pause, NULL);
	}
	fprintf(n->cli->err, "warren: %s: the check was begun again and again: try once more\n",
		n->interface);
	return CLI_FAILED;
}

static enum cli_exit run_only_daemon(struct netcheck *n)
{
	enum cli_exit result = CLI_USAGE;
	char **interfaces;
	size_t count;

	if (!daemons_list(n->cli, &interfaces, &count))
		return CLI_FAILED;
	if (count == 1) {
		n->interface = interfaces[0];
		result = run_daemon(n);
	} else if (count == 0) {
		daemons_tell_none(n->cli);
		fputs("warren: netcheck --stun SERVER needs none\n", n->cli->err);
		result = CLI_NOT_RUNNING;
	} else {
		fprintf(n->cli->err, "warren: %zu interfaces run here: name one\n", count);
	}
	daemons_free(interfaces, count);
	return result;
}

/* --- without one ------------------------------------------------------------------------------------------------ */

static void on_progress(void *ctx, enum survey_step step)
{
	show_progress(ctx, report_json_step(step));
}

static void on_log(void *ctx, enum log_level level, const char *event, const char *line)
{
	const struct netcheck *n = ctx;

	(void)level;
	(void)event;
	fprintf(n->cli->err, "warren: %s\n", line);
}

static enum cli_exit show_own(const struct netcheck *n, const struct nat_report *report,
			      usec wall_offset)
{
	if (!n->json) {
		show_report(n, report);
		return CLI_OK;
	}
	char *line = malloc(REPORT_JSON_MAX);
	if (line == NULL) {
		fputs("warren: out of memory\n", n->cli->err);
		return CLI_FAILED;
	}
	report_json_write(report, wall_offset, line);
	fprintf(n->cli->out, "%s\n", line);
	free(line);
	return CLI_OK;
}

static enum cli_exit run_own(struct netcheck *n)
{
	const struct log log = {.level = LEVEL_ERROR, .sink = on_log, .ctx = n};
	const struct outlook_options options = {
		.servers = n->servers,
		.server_count = n->server_count,
		.log = &log,
		.progress = on_progress,
		.progress_ctx = n,
	};
	struct nat_report report;
	usec wall_offset;
	int err = outlook_run(&options, &report, &wall_offset);

	show_progress(n, "");
	if (err == 0)
		return show_own(n, &report, wall_offset);
	fprintf(n->cli->err, "warren: cannot look at the NAT: %s\n", strerror(-err));
	return CLI_FAILED;
}

enum cli_exit netcheck_netcheck(const struct cli *cli, int argc, char **argv)
{
	struct netcheck n = {.cli = cli};

	if (!parse_options(&n, argc, argv))
		return CLI_USAGE;
	if (n.server_count > 0)
		return run_own(&n);
	return n.interface != NULL ? run_daemon(&n) : run_only_daemon(&n);
}
