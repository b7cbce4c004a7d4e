/* warrend: arguments and environment, then the daemon (interface.md section 1; wireguard-go's calling convention). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/conf_file.h"
#include "config.h"
#include "crypto/crypto.h"
#include "daemon.h"
#include "priv.h"
#include "sink.h"
#include "tun/tun.h"

static const char usage[] =
	"Usage: warrend [-f] [--config FILE] IFACE\n"
	"\n"
	"Carries a WireGuard tunnel interface. Without --config it is set up by wg, wg-quick or "
	"anything else that\n"
	"speaks WireGuard's configuration protocol.\n"
	"\n"
	"  -f, --foreground   stay in the foreground and log to standard error\n"
	"      --config FILE  take keys, peers, addresses, MTU and routes from FILE\n"
	"      --user NAME    once started, be this user with two capabilities (default: " PRIV_USER
	",\n"
	"                     where there is such a user)\n"
	"      --state-dir DIR\n"
	"                     keep what outlives a restart in DIR/IFACE.state; default "
	"$STATE_DIRECTORY, else\n"
	"                     /var/lib/warren\n"
	"      --version      print the version\n"
	"      --help         print this text\n"
	"\n"
	"Environment: LOG_LEVEL (silent, error, info, verbose, debug), WG_TUN_FD, WG_UAPI_FD, "
	"WG_PROCESS_FOREGROUND,\n"
	"NOTIFY_SOCKET, WARREN_AEAD (mb, mb-avx2, openssl, sodium).\n"
	"Exit status: 0 stopped, 1 refused by the host, 2 usage, 3 configuration, 4 another "
	"instance lives.\n";

struct arguments {
	bool foreground;
	const char *config, *user, *interface, *state_dir;
	enum log_level level;
	int tun_fd, uapi_fd;
};

static bool level_from(const char *name, enum log_level *level)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {
		{"silent", LEVEL_SILENT}, {"error", LEVEL_ERROR}, {"info", LEVEL_INFO},
		{"verbose", LEVEL_DEBUG}, {"debug", LEVEL_DEBUG},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcasecmp(name, names[i].name) == 0) {
			*level = names[i].level;
			return true;
		}
	}
	return false;
}

/* A descriptor number from the environment: -1 when unset; false when it is no number. */
static bool descriptor_from(const char *variable, int *fd)
{
	const char *text = getenv(variable);
	uint64_t value;

	*fd = -1;
	if (text == NULL || *text == '\0')
		return true;
	if (text_u64(&value, text, 65535) != TEXT_OK) {
		fprintf(stderr, "warrend: %s=%s is not a descriptor number\n", variable, text);
		return false;
	}
	*fd = (int)value;
	return true;
}

/* A socket unit hands its one socket over as descriptor 3. */
static void socket_unit(int *uapi_fd)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t value;

	if (*uapi_fd < 0 && pid != NULL && fds != NULL && strcmp(fds, "1") == 0 &&
	    text_u64(&value, pid, INT32_MAX) == TEXT_OK && value == (uint64_t)getpid())
		*uapi_fd = 3;
}

/* The service manager may name several: the first is ours. */
static const char *state_folder(void)
{
	char *folders = getenv("STATE_DIRECTORY");

	if (folders == NULL || *folders == '\0')
		return "/var/lib/warren";
	folders[strcspn(folders, ":")] = '\0';
	return folders;
}

static bool environment(struct arguments *a)
{
	const char *level = getenv("LOG_LEVEL"), *foreground = getenv("WG_PROCESS_FOREGROUND");

	a->level = LEVEL_INFO;
	if (a->state_dir == NULL)
		a->state_dir = state_folder();
	if (level != NULL && !level_from(level, &a->level)) {
		fprintf(stderr,
			"warrend: LOG_LEVEL=%s is none of silent, error, info, verbose, debug\n",
			level);
		return false;
	}
	if (foreground != NULL && strcmp(foreground, "1") == 0)
		a->foreground = true;
	if (!descriptor_from("WG_TUN_FD", &a->tun_fd) ||
	    !descriptor_from("WG_UAPI_FD", &a->uapi_fd))
		return false;
	socket_unit(&a->uapi_fd);
	return true;
}

static bool interface_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= TUN_NAME_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strpbrk(name, "/: \t\r\n%") == NULL;
}

/* Exit code, or -1 to go on. */
static int parse(struct arguments *a, int argc, char **argv)
{
	enum { OPT_CONFIG = 256, OPT_USER, OPT_STATE_DIR, OPT_VERSION, OPT_HELP };
	static const struct option options[] = {
		{"foreground", no_argument, NULL, 'f'},
		{"config", required_argument, NULL, OPT_CONFIG},
		{"user", required_argument, NULL, OPT_USER},
		{"state-dir", required_argument, NULL, OPT_STATE_DIR},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, OPT_HELP},
		{NULL, 0, NULL, 0},
	};
	int opt;

	*a = (struct arguments){0};
	while ((opt = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			a->foreground = true;
			break;
		case OPT_CONFIG:
			a->config = optarg;
			break;
		case OPT_USER:
			a->user = optarg;
			break;
		case OPT_STATE_DIR:
			a->state_dir = optarg;
			break;
		case OPT_VERSION:
			puts("warrend " PACKAGE_VERSION);
			return EXIT_OK;
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_OK;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	a->interface = argv[optind];
	if (!interface_name_ok(a->interface)) {
		fprintf(stderr,
			"warrend: %s is no interface name: 1 to 15 characters without '/', ':', "
			"'%%' or white space\n",
			a->interface);
		return EXIT_USAGE;
	}
	if (!environment(a))
		return EXIT_USAGE;
	return -1;
}

/* What everything after main() is given. */
struct start {
	const struct arguments *arguments;
	struct sink *sink;
	struct notify *notify;
	void (*ready)(void *ctx);
	void *ctx;
};

static enum daemon_exit find_user(struct priv_user *u, const char *name, const struct log *log)
{
	int err = priv_find(u, name);

	if (err == 0) {
		if (name == NULL && u->uid == 0)
			log_warn(log, "there is no user " PRIV_USER
				      ": the daemon stays root; --user names another");
		return EXIT_OK;
	}
	if (err == -ENOENT) {
		log_error(log, "there is no user %s", name);
		return EXIT_USAGE;
	}
	log_error(log, "cannot become the user %s: %s", u->name, strerror(-err));
	return EXIT_HOST;
}

/* All that is read before anything of the host is touched; then the daemon. */
static enum daemon_exit prepare_and_run(const struct start *s, struct sweeper *sweeper,
					const struct log *log)
{
	const struct arguments *a = s->arguments;
	const char *aead = getenv("WARREN_AEAD");
	struct priv_user user;
	struct conf *conf = NULL;
	enum daemon_exit code;
	int err;

	if ((err = crypto_init(aead)) < 0) {
		log_error(log, "cannot start the cryptographic libraries%s%s: %s",
			  aead != NULL ? " with WARREN_AEAD=" : "", aead != NULL ? aead : "",
			  strerror(-err));
		return EXIT_HOST;
	}
	if ((code = find_user(&user, a->user, log)) != EXIT_OK)
		return code;
	if (a->config != NULL && (conf = conf_file_read_or_tell(a->config, stderr)) == NULL)
		return EXIT_CONFIG;

	return daemon_run(&(struct daemon_options){
		.interface = a->interface,
		.conf = conf,
		.tun_fd = a->tun_fd,
		.uapi_fd = a->uapi_fd,
		.state_dir = a->state_dir,
		.user = &user,
		.sweeper = sweeper,
		.notify = s->notify,
		.log = log,
		.ready = s->ready,
		.ready_ctx = s->ctx,
	});
}

static enum daemon_exit run(const struct start *s)
{
	struct log log = sink_log(s->sink, s->arguments->level);
	struct sweeper sweeper;
	enum daemon_exit code;
	int err = 0;

	/* Whoever is not root can remove the files it makes, or was given them. */
	if (geteuid() == 0)
		err = sweeper_start(&sweeper);
	else
		sweeper_none(&sweeper);
	if (err < 0) {
		log_error(&log, "cannot start the sweeper: %s", strerror(-err));
		return EXIT_HOST;
	}
	code = prepare_and_run(s, &sweeper, &log);
	sweeper_end(&sweeper);
	return code;
}

static void ready_in_foreground(void *ctx)
{
	(void)ctx;
}

struct background {
	struct sink *sink;
	int ready_fd;
};

/* From here on nobody reads standard error: the log goes to syslog, and the process that started us may leave. */
static void ready_in_background(void *ctx)
{
	struct background *b = ctx;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int left = chdir("/"); /* not sooner: the file may have been named from here */

	(void)left; /* or it stays in that folder */
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	sink_to_syslog(b->sink, _PATH_LOG);
	if (write(b->ready_fd, "", 1) == 1)
		close(b->ready_fd);
}

/* The parent waits for the child's ready byte, or for its exit code. */
static enum daemon_exit wait_for(pid_t child, int ready_fd)
{
	char byte;
	int status;

	if (read(ready_fd, &byte, 1) == 1)
		return EXIT_OK;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? (enum daemon_exit)WEXITSTATUS(status) : EXIT_HOST;
}

static enum daemon_exit run_in_background(struct start *s)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		fprintf(stderr, "warrend: cannot go to the background: %s\n", strerror(errno));
		return EXIT_HOST;
	}
	if (child > 0) {
		close(fds[1]);
		notify_close(s->notify); /* the child tells */
		return wait_for(child, fds[0]);
	}
	close(fds[0]);
	setsid();
	signal(SIGHUP, SIG_IGN);
	s->ready = ready_in_background;
	s->ctx = &(struct background){s->sink, fds[1]};
	return run(s);
}

/* Why it ended, where the log did not say it (it may be silent). */
static const char *reason(enum daemon_exit code)
{
	switch (code) {
	case EXIT_OK:
		break;
	case EXIT_USAGE:
		return "wrong arguments or environment";
	case EXIT_CONFIG:
		return "the configuration has errors";
	case EXIT_OTHER:
		return "another instance lives";
	case EXIT_HOST:
		return "the host refused something";
	}
	return "stopped";
}

int main(int argc, char **argv)
{
	struct arguments a;
	struct sink sink = {.fd = STDERR_FILENO};
	struct notify notify;
	struct start start = {&a, &sink, &notify, ready_in_foreground, NULL};
	int err = notify_open(&notify, getenv("NOTIFY_SOCKET"));
	int code = parse(&a, argc, argv);

	if (err < 0)
		fprintf(stderr, "warrend: NOTIFY_SOCKET is not to be reached: %s\n",
			strerror(-err));
	if (code < 0) {
		sink.interface = a.interface;
		signal(SIGPIPE, SIG_IGN);
		priv_hide_memory();
		code = (int)(a.foreground ? run(&start) : run_in_background(&start));
	}
	if (code != EXIT_OK)
		notify_send(&notify, NULL,
			    *sink.last_error != '\0' ? sink.last_error
						     : reason((enum daemon_exit)code));
	notify_close(&notify);
	return code;
}
