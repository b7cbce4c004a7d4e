/* reload (interface.md sections 1 and 4). */
#include "cli/reload.h"

#include <string.h>

#include "base/log.h"
#include "cli/ask.h"
#include "cli/filter.h"
#include "cli/find.h"
#include "conf/conf_file.h"
#include "conf/conf_write.h"

#define RELOAD_FOR SEC(30) /* a name of an endpoint may be slow to look up */

/* Write text as the inside of a JSON string; its length. NULL: only count. */
static size_t escape(char *out, const char *text)
{
	size_t len = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		char buf[7] = {(char)c};

		if (c == '"' || c == '\\')
			snprintf(buf, sizeof buf, "\\%c", c);
		else if (c < 0x20)
			snprintf(buf, sizeof buf, "\\u%04x", c);
		size_t n = strlen(buf);
		if (out != NULL)
			memcpy(out + len, buf, n);
		len += n;
	}
	return len;
}

/* The request in memory that is wiped when freed (key_free): it holds keys. NULL without memory. */
static char *write_request(const struct conf *c)
{
	static const char head[] = "{\"cmd\":\"reload\",\"config\":\"", tail[] = "\"}";
	char *text = conf_write(c, CONF_FORM_WARREN);
	if (text == NULL)
		return NULL;

	size_t len = escape(NULL, text);
	char *request = key_alloc(sizeof head + len + sizeof tail);
	if (request != NULL) {
		memcpy(request, head, sizeof head - 1);
		escape(request + sizeof head - 1, text);
		memcpy(request + sizeof head - 1 + len, tail, sizeof tail);
	}
	key_free(text);
	return request;
}

static void print_changes(const struct cli *cli, const char *name, const json_t *changes)
{
	if (json_array_size(changes) == 0)
		fprintf(cli->out, "%s: nothing changed\n", name);
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const char *change = json_string_value(json_array_get(changes, i));
		char shown[LOG_LINE_MAX];

		log_escape(shown, sizeof shown, change != NULL ? change : "");
		fprintf(cli->out, "%s\n", shown);
	}
}

enum cli_exit reload_reload(const struct cli *cli, int argc, char **argv)
{
	char path[PATH_MAX], name[IF_NAMESIZE];
	json_t *reply;

	(void)argc;
	if (!find_path(cli, argv[0], path) || !find_interface(cli, path, name))
		return CLI_FAILED;
	struct conf *c = conf_file_read_or_tell(path, cli->err);
	if (c == NULL)
		return CLI_FAILED;
	char *request = write_request(c);
	conf_forget_keys(c);
	if (request == NULL) {
		fprintf(cli->err, "warren: not enough memory\n");
		conf_free(c);
		return CLI_FAILED;
	}

	enum cli_exit result = ask_daemon(cli, name, request, RELOAD_FOR, &reply);
	key_free(request);
	if (result == CLI_NOT_RUNNING)
		fprintf(cli->err, "warren: no warrend runs for %s: `warren up` starts one\n", name);
	if (result == CLI_OK)
		print_changes(cli, name, json_object_get(reply, "changes"));
	json_decref(reply);
	if (result == CLI_OK && !filter_follow(cli, name, c))
		result = CLI_FAILED;
	conf_free(c);
	return result;
}
