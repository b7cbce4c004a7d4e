/* events: one daemon, and a line for each event until either end leaves. */
#include "cli/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/client.h"
#include "cli/daemons.h"
#include "cli/view.h"

#define ANSWER_FOR SEC(2)
#define ENDING_FOR MSEC(500)

struct follower {
	const struct cli *cli;
	const char *interface; /* NULL: the one that runs */
	bool json;
	bool listening; /* the daemon said yes */
	enum cli_exit result;
};

static bool parse_options(struct follower *f, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			f->json = true;
		} else if (argv[i][0] != '-' && !f->interface) {
			f->interface = argv[i];
		} else {
			fprintf(f->cli->err, "warren: events does not know `%s`\n", argv[i]);
			return false;
		}
	}
	return !f->interface || daemons_is_name(f->cli, f->interface);
}

static bool tell_not_understood(struct follower *f)
{
	fprintf(f->cli->err,
		"warren: %s: what the daemon tells is not understood; is it of another version?\n",
		f->interface);
	f->result = CLI_FAILED;
	return false;
}

/* Who reads us through a pipe wants each line at once. */
static bool write_out(struct follower *f, const char *text, const char *end)
{
	bool written = fputs(text, f->cli->out) >= 0 && fputs(end, f->cli->out) >= 0 &&
		       fflush(f->cli->out) == 0;

	f->result = written ? CLI_OK : CLI_FAILED;
	return written;
}

static bool take_answer(struct follower *f, const char *line)
{
	json_t *reply = json_loads(line, 0, NULL);
	const char *schema = json_string_value(json_object_get(reply, "events"));
	bool known = schema && strcmp(schema, "warren.event/1") == 0;

	f->result = ask_judge(f->cli, f->interface, reply);
	json_decref(reply);
	if (f->result != CLI_OK)
		return false;
	if (!known)
		return tell_not_understood(f);
	f->listening = true;
	return f->json || write_out(f, VIEW_EVENT_HEADING, "");
}

static bool take_event(struct follower *f, const char *line)
{
	char *text = view_event(line);
	bool more;

	if (!text)
		return tell_not_understood(f);
	more = f->json ? write_out(f, line, "\n") : write_out(f, text, "");
	free(text);
	return more;
}

static bool take_line(void *ctx, const char *line)
{
	struct follower *f = ctx;

	return f->listening ? take_event(f, line) : take_answer(f, line);
}

/* One that ends closes its connections in any order: for a moment it may seem to listen. */
static bool lives_on(const struct follower *f)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	for (usec waited = 0; waited < ENDING_FOR; waited += MSEC(20)) {
		if (!ask_is_up(f->cli, f->interface))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static enum cli_exit tell_end(const struct follower *f)
{
	if (lives_on(f)) {
		fprintf(f->cli->err,
			"warren: %s: the daemon hung up: more happened than was read\n",
			f->interface);
		return CLI_FAILED;
	}
	fprintf(f->cli->err, "warren: %s: the daemon has ended\n", f->interface);
	return CLI_NOT_RUNNING;
}

static enum cli_exit follow(struct follower *f)
{
	char path[ASK_PATH_MAX];

	ask_path(f->cli, f->interface, path);
	int err = client_follow(path, "{\"cmd\":\"events\"}", ANSWER_FOR, take_line, f);
	if (err == 0)
		return f->result;
	if (err == -ENOENT || err == -ECONNREFUSED) {
		daemons_tell_missing(f->cli, f->interface);
		return CLI_NOT_RUNNING;
	}
	if (f->listening && err == -ECONNRESET)
		return tell_end(f);
	return ask_tell(f->cli, path, err);
}

static enum cli_exit follow_only(struct follower *f)
{
	enum cli_exit result = CLI_USAGE;
	char **interfaces;
	size_t count;

	if (!daemons_list(f->cli, &interfaces, &count))
		return CLI_FAILED;
	if (count == 1) {
		f->interface = interfaces[0];
		result = follow(f);
	} else if (count == 0) {
		daemons_tell_none(f->cli);
		result = CLI_NOT_RUNNING;
	} else {
		fprintf(f->cli->err, "warren: %zu interfaces run here: name one\n", count);
	}
	daemons_free(interfaces, count);
	return result;
}

enum cli_exit follow_events(const struct cli *cli, int argc, char **argv)
{
	struct follower f = {.cli = cli};

	if (!parse_options(&f, argc, argv))
		return CLI_USAGE;
	return f.interface ? follow(&f) : follow_only(&f);
}
