/* The control socket's requests (interface.md section 1). */
#include "ctl/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/defence.h"
#include "base/log.h"
#include "conf/conf_read.h"
#include "ctl/metrics.h"
#include "ctl/status.h"
#include "nat/report_json.h"

#define NETCHECK_HEAD_MAX 256

/* --- memory that is wiped ---------------------------------------------------------------------------------------- */

union block {
	size_t len; /* of what follows */
	max_align_t align;
};

static bool refused; /* some allocation of jansson's, since it was last set to false */

static void *wiped_alloc(size_t len)
{
	union block *b = len <= SIZE_MAX - sizeof *b ? malloc(sizeof *b + len) : NULL;

	if (b == NULL) {
		refused = true;
		return NULL;
	}
	b->len = len;
	return b + 1;
}

static void wiped_free(void *p)
{
	union block *b = p;

	if (b == NULL)
		return;
	b--;
	key_wipe(p, b->len);
	free(b);
}

void answer_init(void)
{
	json_set_alloc_funcs(wiped_alloc, wiped_free);
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

/* A line that says `reply`, whose reference is taken; NULL is a lack of memory. */
static char *line_of(json_t *reply, size_t *len)
{
	size_t room = json_dumpb(reply, NULL, 0, JSON_COMPACT);
	char *line = room != 0 ? malloc(room + 2) : NULL;

	if (line != NULL && json_dumpb(reply, line, room, JSON_COMPACT) == room) {
		memcpy(line + room, "\n", 2);
		*len = room + 1;
	} else {
		free(line);
		line = NULL;
	}
	json_decref(reply);
	return line;
}

/* Whatever text it is, as one printable line of UTF-8. */
static json_t *printable(const char *text)
{
	char line[LOG_LINE_MAX];

	log_escape(line, sizeof line, text);
	return json_string(line);
}

char *answer_error(const char *text, size_t *len)
{
	return line_of(json_pack("{s:s, s:o}", "schema", ANSWER_SCHEMA, "error", printable(text)),
		       len);
}

/* Not parsed and printed again by jansson: with many peers that takes longer than all the rest, and the loop waits. */
char *answer_status(const struct mesh *m, const char *interface, const char *host_name,
		    const struct stages *stages, usec now, size_t *len)
{
	static const char head[] = "{\"schema\":\"" ANSWER_SCHEMA "\",\"status\":", tail[] = "}\n";
	char *text = status_json(m, interface, host_name, stages, now);
	size_t text_len = text == NULL ? 0 : strlen(text);
	char *line = text == NULL ? NULL : malloc(sizeof head + text_len + sizeof tail);

	if (line != NULL) {
		char *to = mempcpy(line, head, sizeof head - 1);
		to = mempcpy(to, text, text_len);
		to = mempcpy(to, tail, sizeof tail);
		*len = (size_t)(to - line) - 1;
	}
	free(text);
	return line != NULL ? line : answer_error("out of memory", len);
}

/* The same holds for a text of megabytes as a JSON string: of what needs an escape it has these three only. */
char *answer_metrics(const struct mesh *m, const char *interface, const struct stages *stages,
		     usec now, size_t *len)
{
	static const char head[] = "{\"schema\":\"" ANSWER_SCHEMA "\",\"metrics\":\"",
			  tail[] = "\"}\n";
	size_t text_len;
	char *text = metrics_text(m, interface, stages, now, &text_len);
	char *line = text == NULL ? NULL : malloc(sizeof head + 2 * text_len + sizeof tail);

	if (line == NULL) {
		free(text);
		return answer_error("out of memory", len);
	}
	char *to = mempcpy(line, head, sizeof head - 1);
	for (size_t i = 0; i < text_len; i++) {
		char c = text[i];

		if (c == '"' || c == '\\' || c == '\n')
			*to++ = '\\';
		*to++ = c == '\n' ? 'n' : c;
	}
	to = mempcpy(to, tail, sizeof tail);
	*len = (size_t)(to - line) - 1;
	free(text);
	return line;
}

char *answer_netcheck(const struct mesh *m, uint64_t check, size_t *len)
{
	char *line = malloc(NETCHECK_HEAD_MAX + REPORT_JSON_MAX);
	struct mesh_nat n;
	int head;

	if (line == NULL)
		return answer_error("out of memory", len);
	mesh_nat_look(m, &n);
	head = snprintf(line, NETCHECK_HEAD_MAX,
			"{\"schema\":\"" ANSWER_SCHEMA "\",\"check\":%" PRIu64
			",\"running\":%s,\"step\":\"%s\",\"servers\":%zu,\"netcheck\":",
			check, n.done < check ? "true" : "false", report_json_step(n.step),
			n.server_count);
	*len = (size_t)head;
	*len += report_json_write(n.report, n.wall_offset, line + head);
	memcpy(line + *len, "}\n", 3);
	*len += 2;
	return line;
}

char *answer_changes(const struct conf_list *changes, size_t *len)
{
	json_t *list = json_array();

	for (size_t i = 0; i < changes->count; i++) {
		if (json_array_append_new(list, printable(changes->items[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return line_of(json_pack("{s:s, s:o}", "schema", ANSWER_SCHEMA, "changes", list), len);
}

char *answer_stopping(size_t *len)
{
	return line_of(json_pack("{s:s, s:b}", "schema", ANSWER_SCHEMA, "stopping", 1), len);
}

char *answer_events(size_t *len)
{
	return line_of(
		json_pack("{s:s, s:s}", "schema", ANSWER_SCHEMA, "events", STATUS_EVENT_SCHEMA),
		len);
}

char *answer_event(const struct event *e, size_t *len)
{
	char *text = status_event(e);
	size_t room = text == NULL ? 0 : strlen(text);
	char *line = text == NULL ? NULL : realloc(text, room + 2);

	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + room, "\n", 2);
	*len = room + 1;
	return line;
}

static char *answer_errors(const struct conf_errors *errors, size_t *len)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->count; i++) {
		json_t *e = json_pack("{s:i, s:o}", "line", (int)errors->items[i].line, "text",
				      printable(errors->items[i].text));
		if (json_array_append_new(list, e) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return line_of(json_pack("{s:s, s:s, s:o}", "schema", ANSWER_SCHEMA, "error",
				 "the configuration has errors; nothing was changed", "errors",
				 list),
		       len);
}

/* --- requests --------------------------------------------------------------------------------------------------- */

size_t answer_frame(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len < ANSWER_REQUEST_MAX ? len : ANSWER_REQUEST_MAX);

	if (end != NULL)
		return (size_t)(end - text) + 1;
	return len < ANSWER_REQUEST_MAX ? 0 : SIZE_MAX;
}

static void refuse(struct answer_request *out, const char *why)
{
	out->refusal = answer_error(why, &out->refusal_len);
}

static void read_status(struct answer_request *out, const json_t *request)
{
	(void)request;
	out->kind = ANSWER_STATUS;
}

static void read_metrics(struct answer_request *out, const json_t *request)
{
	(void)request;
	out->kind = ANSWER_METRICS;
}

static void read_netcheck(struct answer_request *out, const json_t *request)
{
	const json_t *check = json_object_get(request, "check");

	if (check != NULL && (!json_is_integer(check) || json_integer_value(check) <= 0)) {
		refuse(out, "the member \"check\" of netcheck is the number of one");
		return;
	}
	out->kind = ANSWER_NETCHECK;
	out->check = (uint64_t)json_integer_value(check);
}

static void read_events(struct answer_request *out, const json_t *request)
{
	(void)request;
	out->kind = ANSWER_EVENTS;
}

static void read_reload(struct answer_request *out, const json_t *request)
{
	const json_t *config = json_object_get(request, "config");
	struct conf_errors errors = {0};

	if (!json_is_string(config)) {
		refuse(out, "reload needs a member \"config\": the text of a configuration");
		return;
	}
	out->conf = conf_read(json_string_value(config), json_string_length(config), &errors);
	if (out->conf != NULL)
		out->kind = ANSWER_RELOAD;
	else
		out->refusal = answer_errors(&errors, &out->refusal_len);
	conf_errors_free(&errors);
}

static void read_stop(struct answer_request *out, const json_t *request)
{
	(void)request;
	out->kind = ANSWER_STOP;
}

static const struct command {
	const char *name;
	bool changes; /* for uid 0 only */
	void (*read)(struct answer_request *out, const json_t *request);
} commands[] = {
	{"status", false, read_status},     {"metrics", false, read_metrics},
	{"netcheck", false, read_netcheck}, {"events", false, read_events},
	{"reload", true, read_reload},      {"stop", true, read_stop},
};

static void read_command(struct answer_request *out, const json_t *request, uid_t uid)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));

	if (cmd == NULL) {
		refuse(out, "a request is one line of JSON with a member \"cmd\"");
		return;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(cmd, commands[i].name) != 0)
			continue;
		if (DEFENCE(52, commands[i].changes && uid != 0))
			refuse(out, "only root may do that");
		else
			commands[i].read(out, request);
		return;
	}
	refuse(out, "unknown command; this version knows \"status\", \"metrics\", \"netcheck\", "
		    "\"events\", \"reload\" and \"stop\"");
}

void answer_read(struct answer_request *out, const char *text, uid_t uid)
{
	refused = false;
	json_t *request = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	*out = (struct answer_request){.kind = ANSWER_REFUSED};
	/* jansson 2.14 goes on when its buffer cannot grow, and leaves out a character. */
	if (refused)
		refuse(out, "out of memory");
	else
		read_command(out, request, uid);
	json_decref(request);
}
