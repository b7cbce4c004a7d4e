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
	"      --version      print the version\n"
	"      --help         print this text\n"
	"\n"
	"Environment: LOG_LEVEL (silent, error, info, verbose, debug), WG_TUN_FD, WG_UAPI_FD, "
	"WG_PROCESS_FOREGROUND,\n"
	"WARREN_AEAD (mb, mb-avx2, openssl, sodium).\n"
	"Exit status: 0 stopped, 1 refused by the host, 2 usage, 3 configuration, 4 another "
	"instance lives.\n";

struct arguments {
	bool foreground;
	const char *config, *interface;
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

static bool environment(struct arguments *a)
{
	const char *level = getenv("LOG_LEVEL"), *foreground = getenv("WG_PROCESS_FOREGROUND");

	a->level = LEVEL_INFO;
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
	enum { OPT_CONFIG = 256, OPT_VERSION, OPT_HELP };
	static const struct option options[] = {
		{"foreground", no_argument, NULL, 'f'},
		{"config", required_argument, NULL, OPT_CONFIG},
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

static enum daemon_exit run(const struct arguments *a, struct sink *sink, void (*ready)(void *ctx),
			    void *ctx)
{
	struct log log = sink_log(sink, a->level);
	const char *aead = getenv("WARREN_AEAD");
	int err = crypto_init(aead);
	struct conf *conf = NULL;

	if (err < 0) {
		log_error(&log, "cannot start the cryptographic libraries%s%s: %s",
			  aead != NULL ? " with WARREN_AEAD=" : "", aead != NULL ? aead : "",
			  strerror(-err));
		return EXIT_HOST;
	}
	/* Before anything of the host is touched. */
	if (a->config != NULL && (conf = conf_file_read_or_tell(a->config, stderr)) == NULL)
		return EXIT_CONFIG;

	return daemon_run(&(struct daemon_options){
		.interface = a->interface,
		.conf = conf,
		.tun_fd = a->tun_fd,
		.uapi_fd = a->uapi_fd,
		.log = &log,
		.ready = ready,
		.ready_ctx = ctx,
	});
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

	(void)left;

	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	openlog("warrend", LOG_PID, LOG_DAEMON);
	b->sink->fd = SINK_SYSLOG;
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

static enum daemon_exit run_in_background(const struct arguments *a, struct sink *sink)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		fprintf(stderr, "warrend: cannot go to the background: %s\n", strerror(errno));
		return EXIT_HOST;
	}
	if (child > 0) {
		close(fds[1]);
		return wait_for(child, fds[0]);
	}
	close(fds[0]);
	setsid();
	signal(SIGHUP, SIG_IGN);
	return run(a, sink, ready_in_background, &(struct background){sink, fds[1]});
}

int main(int argc, char **argv)
{
	struct arguments a;
	struct sink sink = {.fd = STDERR_FILENO};
	int code = parse(&a, argc, argv);

	if (code >= 0)
		return code;
	sink.interface = a.interface;
	signal(SIGPIPE, SIG_IGN);
	priv_hide_memory();
	return a.foreground ? run(&a, &sink, ready_in_foreground, NULL)
			    : run_in_background(&a, &sink);
}
