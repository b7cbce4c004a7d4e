/* The control socket's requests (interface.md section 1). */
#include "ctl/answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ctl/status.h"

size_t answer_frame(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len < ANSWER_REQUEST_MAX ? len : ANSWER_REQUEST_MAX);

	if (end != NULL)
		return (size_t)(end - text) + 1;
	return len < ANSWER_REQUEST_MAX ? 0 : SIZE_MAX;
}

/* Takes the reference of `value`. */
static char *line_of(const char *key, json_t *value, size_t *len)
{
	json_t *reply = json_pack("{s:s, s:o}", "schema", ANSWER_SCHEMA, key, value);
	char *text = json_dumps(reply, JSON_COMPACT), *line = NULL;

	json_decref(reply);
	if (text != NULL) {
		*len = strlen(text) + 1;
		line = realloc(text, *len + 1);
		if (line == NULL)
			free(text);
		else
			memcpy(line + *len - 1, "\n", 2);
	}
	return line;
}

char *answer_line(const struct mesh *m, const char *interface, const char *host_name,
		  const char *text, usec now, size_t *len)
{
	json_t *request = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *status = NULL;
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	const char *error = NULL;

	if (cmd == NULL) {
		error = "a request is one line of JSON with a member \"cmd\"";
	} else if (strcmp(cmd, "status") == 0) {
		char *object = status_json(m, interface, host_name, now);
		status = object == NULL ? NULL : json_loads(object, 0, NULL);
		free(object);
		if (status == NULL)
			error = "out of memory";
	} else {
		error = "unknown command; this version knows \"status\"";
	}
	json_decref(request);
	return error != NULL ? line_of("error", json_string(error), len)
			     : line_of("status", status, len);
}
