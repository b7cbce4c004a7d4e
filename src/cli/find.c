/* NAME|FILE. */
#include "cli/find.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"

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

bool find_path(const struct cli *cli, const char *what, char path[static PATH_MAX])
{
	if (!is_file_name(what))
		return find_named(cli, what, path);
	if (snprintf(path, PATH_MAX, "%s", what) < PATH_MAX)
		return true;
	fprintf(cli->err, "warren: the file name is too long\n");
	return false;
}

bool find_interface(const struct cli *cli, const char *path, char name[static IF_NAMESIZE])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t len = strlen(base);
	char shown[64];

	if (len > 5 && strcmp(base + len - 5, ".conf") == 0)
		len -= 5;
	if (len > 0 && len < IF_NAMESIZE && strcspn(base, "/: \t\r\n%;$`'\"\\&|<>()") >= len &&
	    base[0] != '.' && base[0] != '-') {
		memcpy(name, base, len);
		name[len] = '\0';
		return true;
	}
	log_escape(shown, sizeof shown, base);
	fprintf(cli->err,
		"warren: the interface is called like the file, and %s is no interface name: 1 to "
		"%d letters, digits, - _ = + . and then .conf\n",
		shown, IF_NAMESIZE - 1);
	return false;
}
