/* check and strip (interface.md sections 2 and 4). */
#include "cli/check.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_file.h"
#include "conf/conf_write.h"

static const char *plural(size_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

enum cli_exit check_check(const struct cli *cli, int argc, char **argv)
{
	(void)argc;
	struct conf *c = conf_file_read_or_tell(argv[0], cli->err);
	if (!c)
		return CLI_FAILED;

	size_t anchors = 0;
	for (size_t i = 0; i < c->peer_count; i++)
		anchors += c->peers[i].anchor;
	fprintf(cli->out, "%s: ok, %zu %s, %zu %s, %zu %s\n", argv[0], c->address_count,
		plural(c->address_count, "address", "addresses"), c->peer_count,
		plural(c->peer_count, "peer", "peers"), anchors,
		plural(anchors, "anchor", "anchors"));
	conf_free(c);
	return CLI_OK;
}

static bool is_file_name(const char *text)
{
	size_t len = strlen(text);

	return strchr(text, '/') || (len > 5 && strcmp(text + len - 5, ".conf") == 0);
}

/* The first NAME.conf that exists. False after saying where it is not. */
static bool find_named(const struct cli *cli, const char *name, char path[static PATH_MAX])
{
	for (const char *const *dir = cli->conf_dirs; *dir; dir++)
		if (snprintf(path, PATH_MAX, "%s/%s.conf", *dir, name) < PATH_MAX &&
		    access(path, F_OK) == 0)
			return true;

	fprintf(cli->err, "warren: there is no %s.conf in", name);
	for (const char *const *dir = cli->conf_dirs; *dir; dir++)
		fprintf(cli->err, "%s %s", dir == cli->conf_dirs ? "" : " or", *dir);
	fprintf(cli->err, "; a file is named with a slash or .conf\n");
	return false;
}

enum cli_exit check_strip(const struct cli *cli, int argc, char **argv)
{
	char found[PATH_MAX];
	const char *path = argv[0];

	(void)argc;
	if (!is_file_name(path)) {
		if (!find_named(cli, path, found))
			return CLI_FAILED;
		path = found;
	}

	struct conf *c = conf_file_read_or_tell(path, cli->err);
	if (!c)
		return CLI_FAILED;
	char *text = conf_write(c, CONF_FORM_WG);
	conf_free(c);
	if (!text) {
		fprintf(cli->err, "warren: not enough memory\n");
		return CLI_FAILED;
	}
	fputs(text, cli->out);
	key_free(text);
	return CLI_OK;
}
