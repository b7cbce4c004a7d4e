/* One running tunnel interface: glue between the edges (TUN, doors, sockets, clock) and the mesh. */
#ifndef DAEMON_H
#define DAEMON_H

#include "base/log.h"
#include "conf/conf.h"
#include "io/notify.h"
#include "priv.h"
#include "sweeper.h"

/* Exit codes of warrend (interface.md section 1). */
enum daemon_exit {
	EXIT_OK = 0,   /* by a signal, or because its link or socket was removed */
	EXIT_HOST = 1, /* the host refused: TUN, socket, privilege */
	EXIT_USAGE = 2,
	EXIT_CONFIG = 3,
	EXIT_OTHER = 4, /* another instance lives */
};

struct daemon_options {
	const char *interface;
	struct conf *conf;   /* or NULL: configured by UAPI. Taken: wiped and freed once applied */
	int tun_fd, uapi_fd; /* handed over, or -1 */
	const struct priv_user *user;
	struct sweeper *sweeper;
	const struct notify *notify;
	const char *state_dir;
	const struct log *log;
	void (*ready)(void *ctx); /* once: TUN and sockets are there and configured */
	void *ready_ctx;
};

/* Runs until it is stopped; returns an exit code, the reason of a failure having been logged. crypto_init() was called. */
enum daemon_exit daemon_run(const struct daemon_options *o);

#endif
