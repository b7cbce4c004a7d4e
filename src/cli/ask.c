/* A request to one daemon. */
#include "cli/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/client.h"

#define UP_FOR SEC(2)

void ask_path(const struct cli *cli, const char *interface, char path[static ASK_PATH_MAX])
{
	snprintf(path, ASK_PATH_MAX, "%s/%s.sock", cli->run_dir, interface);
}

static void tell_errors(const struct cli *cli, const json_t *errors)
{
	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *e = json_array_get(errors, i);
		const char *text = json_string_value(json_object_get(e, "text"));
		char shown[256];

		log_escape(shown, sizeof shown, text != NULL ? text : "");
		fprintf(cli->err, "line %lld: %s\n",
			(long long)json_integer_value(json_object_get(e, "line")), shown);
	}
}

enum cli_exit ask_tell(const struct cli *cli, const char *path, int err)
{
	fprintf(cli->err, "warren: cannot ask %s: %s%s\n", path, strerror(-err),
		err == -EACCES ? "; be root or of its group" : "");
	return CLI_FAILED;
}

enum cli_exit ask_judge(const struct cli *cli, const char *interface, const json_t *reply)
{
	const char *schema = json_string_value(json_object_get(reply, "schema"));
	const char *error = json_string_value(json_object_get(reply, "error"));
	char shown[256];

	if (schema == NULL || strcmp(schema, "warren.reply/1") != 0) {
		fprintf(cli->err,
			"warren: %s: the daemon's answer is not understood; is it of another "
			"version?\n",
			interface);
		return CLI_FAILED;
	}
	if (error == NULL)
		return CLI_OK;
	log_escape(shown, sizeof shown, error);
	fprintf(cli->err, "warren: %s: %s\n", interface, shown);
	tell_errors(cli, json_object_get(reply, "errors"));
	return CLI_FAILED;
}

enum cli_exit ask_daemon(const struct cli *cli, const char *interface, const char *request,
			 usec patience, json_t **reply)
{
	char path[ASK_PATH_MAX], *answer;

	*reply = NULL;
	ask_path(cli, interface, path);
	int err = client_ask(path, request, patience, &answer);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return CLI_NOT_RUNNING;
	if (err < 0)
		return ask_tell(cli, path, err);

	*reply = json_loads(answer, 0, NULL);
	free(answer);
	enum cli_exit result = ask_judge(cli, interface, *reply);
	if (result != CLI_OK) {
		json_decref(*reply);
		*reply = NULL;
	}
	return result;
}

bool ask_is_up(const struct cli *cli, const char *interface)
{
	char path[ASK_PATH_MAX], *answer;

	ask_path(cli, interface, path);
	int err = client_ask(path, "{\"cmd\":\"status\"}", UP_FOR, &answer);
	if (err == 0)
		free(answer);
	return err != -ENOENT && err != -ECONNREFUSED;
}
