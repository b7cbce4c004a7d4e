/* Where log records go: standard error in the foreground, syslog in the background. At most SINK_BURST records of one kind in
 * SINK_WINDOW; the rest are counted and told of in one line, before the next of that kind. Whoever reads standard error may be
 * slow or dead: what does not fit into his pipe is lost, for the tunnel does not wait. */
#ifndef SINK_H
#define SINK_H

#include "base/clock.h"
#include "base/log.h"

#define SINK_BURST   10
#define SINK_WINDOW  SEC(5)
#define SINK_CLASSES 64
#define SINK_SYSLOG  (-1)

struct sink {
	const char *interface;
	int fd;                        /* or SINK_SYSLOG */
	char last_error[LOG_LINE_MAX]; /* empty: none yet */
	struct sink_class {
		usec window_at;
		unsigned count;  /* in this window; 0: none before */
	} classes[SINK_CLASSES]; /* by hash of the event: kinds that collide share an allowance */
};

/* The log that writes to this sink, by the boot-time clock. */
struct log sink_log(struct sink *s, enum log_level level);

/* One record at `now`. */
void sink_write(struct sink *s, usec now, enum log_level level, const char *event,
		const char *line);

#endif
