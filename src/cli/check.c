/* check and strip (interface.md sections 2 and 4). */
#include "cli/check.h"

#include "cli/find.h"
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

enum cli_exit check_strip(const struct cli *cli, int argc, char **argv)
{
	char path[PATH_MAX];

	(void)argc;
	if (!find_path(cli, argv[0], path))
		return CLI_FAILED;

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
