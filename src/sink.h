/* Where log records go: standard error in the foreground, syslog in the background. At most SINK_BURST records of one kind in
 * SINK_WINDOW; the rest are counted and told of in one line, before the next of that kind. Whoever reads the log may be slow or
 * dead: what he has no room for is lost, for the tunnel does not wait, and counted, to be told of once he reads again (F62). */
#ifndef SINK_H
#define SINK_H

#include <sys/un.h>

#include "base/clock.h"
#include "base/log.h"

#define SINK_BURST   10
#define SINK_WINDOW  SEC(5)
#define SINK_CLASSES 64

struct sink {
	const char *interface;
	int fd;
	struct sockaddr_un syslog; /* where it listens; .sun_path empty: lines are written to fd */
	unsigned lost;             /* records, since one was taken */
	char last_error[LOG_LINE_MAX]; /* empty: none yet */
	struct sink_class {
		usec window_at;
		unsigned count;  /* in this window; 0: none before */
	} classes[SINK_CLASSES]; /* by hash of the event: kinds that collide share an allowance */
};

/* The log that writes to this sink, by the boot-time clock. */
struct log sink_log(struct sink *s, enum log_level level);

/* From now on records are datagrams to the syslog daemon at this socket, whether it is there or not. (Not by syslog(): that
 * waits for a daemon that hangs.) */
void sink_to_syslog(struct sink *s, const char *path);

/* One record at `now`. */
void sink_write(struct sink *s, usec now, enum log_level level, const char *event,
		const char *line);

#endif
