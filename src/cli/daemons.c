/* Which daemons run: each has a socket IFACE.sock. */
#include "cli/daemons.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

static int is_socket_name(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".sock") == 0;
}

bool daemons_list(const struct cli *cli, char ***out, size_t *count)
{
	struct dirent **entries;
	int found = scandir(cli->run_dir, &entries, is_socket_name, alphasort);

	*out = NULL;
	*count = 0;
	if (found < 0 && errno != ENOENT) {
		fprintf(cli->err, "warren: cannot look into %s: %s\n", cli->run_dir,
			strerror(errno));
		return false;
	}
	if (found <= 0)
		return true;

	*out = calloc((size_t)found, sizeof **out);
	for (int i = 0; i < found; i++) {
		size_t len = strlen(entries[i]->d_name) - strlen(".sock");
		char *name = *out ? strndup(entries[i]->d_name, len) : NULL;
		if (name)
			(*out)[(*count)++] = name;
		free(entries[i]);
	}
	free(entries);
	if (*count == (size_t)found)
		return true;
	fprintf(cli->err, "warren: not enough memory\n");
	daemons_free(*out, *count);
	return false;
}

void daemons_free(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

bool daemons_is_name(const struct cli *cli, const char *interface)
{
	if (interface[0] != '\0' && !strchr(interface, '/') && strlen(interface) < IF_NAMESIZE)
		return true;
	fprintf(cli->err, "warren: an interface name has 1 to %d characters and no slash\n",
		IF_NAMESIZE - 1);
	return false;
}

void daemons_tell_missing(const struct cli *cli, const char *interface)
{
	char **running, shown[64];
	size_t count;

	log_escape(shown, sizeof shown, interface);
	fprintf(cli->err, "warren: no warrend runs for `%s`", shown);
	if (daemons_list(cli, &running, &count)) {
		const char *near = text_nearest(interface, (const char *const *)running, count);
		if (near && strcmp(near, interface) != 0)
			fprintf(cli->err, "; did you mean `%s`?", near);
		daemons_free(running, count);
	}
	fputc('\n', cli->err);
}

void daemons_tell_none(const struct cli *cli)
{
	fprintf(cli->err, "warren: no warrend runs here (no socket in %s)\n", cli->run_dir);
}
