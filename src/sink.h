/* Where log records go: standard error in the foreground, syslog in the background. At most SINK_BURST records of one kind in
 * SINK_WINDOW; the rest are counted and told of in one line. */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/log.h"

#define SINK_BURST   10
#define SINK_WINDOW  SEC(5)
#define SINK_CLASSES 64

struct sink {
	const char *interface;
	bool to_syslog;
	struct sink_class {
		const char *event;
		usec window_at;
		unsigned count;
	} classes[SINK_CLASSES]; /* by hash of the event: kinds that collide share an allowance */
};

/* The log that writes to this sink. */
struct log sink_log(struct sink *s, enum log_level level);

#endif
