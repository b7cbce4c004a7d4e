/* The packet filter. One script makes or removes all of it at once: nft takes it whole or not at all. */
#include "cli/filter.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/program.h"
#include "tun/route.h"

/* --- the script ------------------------------------------------------------------------------------------------- */

/* nft's words are of letters, digits and few signs; a slash is one, and in no interface's name. */
static void put_table(FILE *f, const char *verb, const char *name)
{
	fprintf(f, "%s inet warren-", verb);
	for (; *name != '\0'; name++)
		fprintf(f, isalnum((unsigned char)*name) || strchr("-_.", *name) ? "%c" : "/%02x",
			(unsigned char)*name);
}

/* Removes what is there, and is no error when nothing is. */
static void put_removal(FILE *f, const char *name)
{
	put_table(f, "add table", name);
	put_table(f, "\ndelete table", name);
	fputc('\n', f);
}

static void put_addresses(FILE *f, int index, const struct conf *c)
{
	for (size_t i = 0; i < c->address_count; i++) {
		const struct prefix *p = &c->addresses[i];
		char text[PREFIX_TEXT_MAX];

		if (!conf_has_full(c, p->family))
			continue;
		*strchr(prefix_print(p, text), '/') = '\0';
		fprintf(f, "\t\tiif != %d %s daddr %s fib saddr type != local drop\n", index,
			p->family == ADDR_V4 ? "ip" : "ip6", text);
	}
}

static char *written(FILE *f, char **text)
{
	if (fclose(f) == 0)
		return *text;
	free(*text);
	return NULL;
}

char *filter_write(const char *name, int index, uint32_t mark, const struct conf *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	put_removal(f, name);
	put_table(f, "table", name);
	fputs(" {\n\tchain shield {\n\t\ttype filter hook prerouting priority raw;\n", f);
	put_addresses(f, index, c);
	fprintf(f,
		"\t}\n\tchain answers {\n\t\ttype filter hook prerouting priority mangle;\n"
		"\t\tmeta l4proto udp ct mark %u meta mark set ct mark\n"
		"\t}\n\tchain own {\n\t\ttype filter hook postrouting priority mangle;\n"
		"\t\tmeta l4proto udp meta mark %u ct mark set meta mark\n\t}\n}\n",
		mark, mark);
	return written(f, &text);
}

static char *write_removal(const char *name)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	put_removal(f, name);
	return written(f, &text);
}

/* --- the table -------------------------------------------------------------------------------------------------- */

static const char *print_note(const struct cli *cli, const char *name,
			      char path[static ASK_PATH_MAX])
{
	snprintf(path, ASK_PATH_MAX, "%s/%s.nft", cli->run_dir, name);
	return path;
}

/* Takes the script. */
static bool run_nft(const struct cli *cli, const char *program, const char *name, char *script)
{
	int status = script == NULL
			     ? -ENOMEM
			     : program_run(program, (const char *const[]){program, "-f", "-", NULL},
					   script);

	free(script);
	if (status != 0)
		fprintf(cli->err, "warren: the packet filter of %s: %s failed: %s\n", name, program,
			status < 0 ? strerror(-status) : "see above");
	return status == 0;
}

/* The table of the full tunnel's routes, whose number is the mark; 0: there is none of this interface here, or -errno. */
static int find_mark(int index, uint32_t *mark)
{
	struct rtnl *r = NULL;
	int found = rtnl_open(&r);

	if (found == 0)
		found = route_default_table(r, index, ADDR_V4, mark);
	if (found == 0)
		found = route_default_table(r, index, ADDR_V6, mark);
	rtnl_close(r);
	return found;
}

static bool make(const struct cli *cli, const char *name, const struct conf *c)
{
	char program[PROGRAM_PATH_MAX], note[ASK_PATH_MAX];
	int index = (int)if_nametoindex(name), fd;
	uint32_t mark = 0;

	if (find_mark(index, &mark) <= 0) {
		fprintf(cli->err,
			"warren: the packet filter of %s is not set: its routes are not here (in "
			"another network namespace, perhaps)\n",
			name);
		return false;
	}
	if (!program_find(program, "nft", false)) {
		fprintf(cli->err,
			"warren: no packet filter keeps others from the addresses of %s: there is "
			"no nft here (package nftables)\n",
			name);
		return true;
	}
	/* First, or a table could be there without it. The folder is the daemon's: nothing in it is followed. */
	fd = open(print_note(cli, name, note), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST) {
		fprintf(cli->err, "warren: cannot write %s: %s\n", note, strerror(errno));
		return false;
	}
	if (fd >= 0)
		close(fd);
	return run_nft(cli, program, name, filter_write(name, index, mark, c));
}

bool filter_remove(const struct cli *cli, const char *name)
{
	char program[PROGRAM_PATH_MAX], note[ASK_PATH_MAX];

	if (access(print_note(cli, name, note), F_OK) != 0)
		return true;
	if (!program_find(program, "nft", false)) {
		fprintf(cli->err, "warren: the packet filter of %s stays: there is no nft here\n",
			name);
		return false;
	}
	if (!run_nft(cli, program, name, write_removal(name)))
		return false;
	unlink(note);
	return true;
}

bool filter_follow(const struct cli *cli, const char *name, const struct conf *c)
{
	if (conf_has_full(c, ADDR_V4) || conf_has_full(c, ADDR_V6))
		return make(cli, name, c);
	return filter_remove(cli, name);
}
