/* up and down (interface.md sections 1 and 4). That `up` came to its end is noted by an empty file beside the daemon's socket,
 * so that `down` has its work also when the daemon was killed; it lies in /run, and so goes with a reboot as the rest does.
 * What a killed daemon leaves of policy rules is told by rule_purge, whoever's it was. */
#include "cli/up.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/filter.h"
#include "cli/find.h"
#include "cli/program.h"
#include "conf/conf_file.h"
#include "tun/rule.h"

#define STOP_FOR SEC(5)
#define LINK_FOR SEC(1)

/* What a command is about. */
struct subject {
	char path[PATH_MAX], name[IF_NAMESIZE], mark[ASK_PATH_MAX];
	struct conf *conf;
};

static bool open_subject(const struct cli *cli, const char *what, struct subject *s)
{
	if (!find_path(cli, what, s->path) || !find_interface(cli, s->path, s->name))
		return false;
	if (geteuid() != 0) {
		fprintf(cli->err, "warren: only root can do that: try sudo\n");
		return false;
	}
	snprintf(s->mark, sizeof s->mark, "%s/%s.up", cli->run_dir, s->name);
	s->conf = conf_file_read_or_tell(s->path, cli->err);
	if (s->conf == NULL)
		return false;
	conf_forget_keys(s->conf);
	return true;
}

/* --- DNS -------------------------------------------------------------------------------------------------------- */

static bool is_address(const char *text)
{
	struct in6_addr ip;

	return inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1;
}

/* What resolvconf takes: name servers, then search domains. free() it; NULL without memory. */
static char *write_resolv(const struct conf_list *dns)
{
	const char *separator = "search ";
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < dns->count; i++)
		if (is_address(dns->items[i]))
			fprintf(f, "nameserver %s\n", dns->items[i]);
	for (size_t i = 0; i < dns->count; i++) {
		if (is_address(dns->items[i]))
			continue;
		fprintf(f, "%s%s", separator, dns->items[i]);
		separator = " ";
	}
	if (separator[1] == '\0')
		fputc('\n', f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* resolvconf with this option: 0, or a status that is told. */
static bool run_resolvconf(const struct cli *cli, const struct subject *s, const char *option,
			   const char *input)
{
	/* Debian's resolvconf orders interfaces by such names; the others know the plain one. */
	bool ordered = access("/etc/resolvconf/interface-order", F_OK) == 0;
	char program[PROGRAM_PATH_MAX], interface[IF_NAMESIZE + 4];

	if (!program_find(program, "resolvconf", false)) {
		if (input != NULL)
			fprintf(cli->err,
				"warren: DNS of %s is not set: there is no resolvconf here "
				"(packages openresolv, resolvconf or systemd-resolved have one)\n",
				s->name);
		return true;
	}
	snprintf(interface, sizeof interface, "%s%s", ordered ? "tun." : "", s->name);
	const char *const add[] = {program, option, interface, "-m", "0", "-x", NULL};
	const char *const take[] = {program, option, interface, "-f", NULL};
	int status = program_run(program, input != NULL ? add : take, input);
	if (status != 0)
		fprintf(cli->err, "warren: %s %s %s failed: %s\n", program, option, interface,
			status < 0 ? strerror(-status) : "see above");
	return status == 0;
}

static bool set_dns(const struct cli *cli, const struct subject *s)
{
	if (s->conf->dns.count == 0)
		return true;

	char *text = write_resolv(&s->conf->dns);
	bool ok = text != NULL && run_resolvconf(cli, s, "-a", text);
	free(text);
	return ok;
}

static bool take_dns_back(const struct cli *cli, const struct subject *s)
{
	return s->conf->dns.count == 0 || run_resolvconf(cli, s, "-d", NULL);
}

/* --- the daemon ------------------------------------------------------------------------------------------------- */

/* It says itself what is wrong. */
static bool start_daemon(const struct cli *cli, const struct subject *s)
{
	char program[PROGRAM_PATH_MAX];

	if (!program_find(program, "warrend", true)) {
		fprintf(cli->err, "warren: there is no warrend beside this program or in PATH\n");
		return false;
	}
	fflush(cli->err);
	int status = program_run(
		program, (const char *const[]){program, "--config", s->path, s->name, NULL}, NULL);
	if (status < 0)
		fprintf(cli->err, "warren: cannot start %s: %s\n", program, strerror(-status));
	return status == 0;
}

static void remove_stale(const struct cli *cli, const char *name)
{
	char path[ASK_PATH_MAX];

	ask_path(cli, name, path);
	unlink(path);
	snprintf(path, sizeof path, "%s/%s.sock", cli->uapi_dir, name);
	unlink(path);
}

/* Its socket goes first, then its link, but for one that was there before it. */
static bool wait_for_end(const struct cli *cli, const char *name)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	char path[ASK_PATH_MAX];
	bool gone = false;

	ask_path(cli, name, path);
	for (usec waited = 0; waited < STOP_FOR; waited += MSEC(20)) {
		gone = gone || access(path, F_OK) != 0 || !ask_is_up(cli, name);
		if (gone && (if_nametoindex(name) == 0 || waited >= LINK_FOR))
			return true;
		nanosleep(&pause, NULL);
	}
	fprintf(cli->err, "warren: the daemon of %s does not end\n", name);
	return false;
}

/* Whoever runs or ran: afterwards nothing is left of it. */
static bool stop_daemon(const struct cli *cli, const char *name)
{
	json_t *reply;
	enum cli_exit result = ask_daemon(cli, name, "{\"cmd\":\"stop\"}", STOP_FOR, &reply);

	json_decref(reply);
	if (result == CLI_FAILED || (result == CLI_OK && !wait_for_end(cli, name)))
		return false;
	if (result == CLI_NOT_RUNNING)
		remove_stale(cli, name);
	return true;
}

/* Of a full tunnel, which the daemon takes back itself unless it was killed. */
static bool tidy_rules(const struct cli *cli)
{
	struct rtnl *r = NULL;
	int err = rtnl_open(&r);

	if (err == 0)
		err = rule_purge(r);
	rtnl_close(r);
	if (err < 0)
		fprintf(cli->err, "warren: cannot see to the policy rules: %s\n", strerror(-err));
	return err == 0;
}

/* --- commands --------------------------------------------------------------------------------------------------- */

static void set_mark(const struct cli *cli, const struct subject *s)
{
	int fd = open(s->mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		fprintf(cli->err, "warren: cannot write %s: %s\n", s->mark, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static enum cli_exit bring_up(const struct cli *cli, const struct subject *s)
{
	if (s->conf->save_config) {
		fprintf(cli->err,
			"warren: %s: SaveConfig is not supported: warren never writes your file; "
			"take the line out (`wg showconf %s` prints what runs)\n",
			s->path, s->name);
		return CLI_FAILED;
	}
	if (ask_is_up(cli, s->name)) {
		fprintf(cli->err, "warren: %s is up already: `warren reload` takes up changes\n",
			s->name);
		return CLI_FAILED;
	}
	if (!program_hooks(cli, &s->conf->pre_up, s->name) || !start_daemon(cli, s))
		return CLI_FAILED;
	set_mark(cli, s);
	if (!filter_follow(cli, s->name, s->conf) || !set_dns(cli, s) ||
	    !program_hooks(cli, &s->conf->post_up, s->name)) {
		stop_daemon(cli, s->name);
		filter_remove(cli, s->name);
		take_dns_back(cli, s);
		unlink(s->mark);
		return CLI_FAILED;
	}
	fprintf(cli->out, "%s is up\n", s->name);
	return CLI_OK;
}

static enum cli_exit bring_down(const struct cli *cli, const struct subject *s)
{
	char socket[ASK_PATH_MAX];
	bool ok;

	ask_path(cli, s->name, socket);
	if (access(s->mark, F_OK) != 0 && access(socket, F_OK) != 0) {
		fprintf(cli->err, "warren: no warrend runs for %s\n", s->name);
		return CLI_NOT_RUNNING;
	}
	ok = program_hooks(cli, &s->conf->pre_down, s->name);
	if (!stop_daemon(cli, s->name))
		return CLI_FAILED;
	ok = tidy_rules(cli) && ok;
	ok = filter_remove(cli, s->name) && ok;
	ok = take_dns_back(cli, s) && ok;
	ok = program_hooks(cli, &s->conf->post_down, s->name) && ok;
	unlink(s->mark);
	if (ok)
		fprintf(cli->out, "%s is down\n", s->name);
	return ok ? CLI_OK : CLI_FAILED;
}

enum cli_exit up_up(const struct cli *cli, int argc, char **argv)
{
	struct subject s = {0};

	(void)argc;
	enum cli_exit result = open_subject(cli, argv[0], &s) ? bring_up(cli, &s) : CLI_FAILED;
	conf_free(s.conf);
	return result;
}

enum cli_exit up_down(const struct cli *cli, int argc, char **argv)
{
	struct subject s = {0};

	(void)argc;
	enum cli_exit result = open_subject(cli, argv[0], &s) ? bring_down(cli, &s) : CLI_FAILED;
	conf_free(s.conf);
	return result;
}
