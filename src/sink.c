/* The daemon's log output. */
#include "sink.h"

#include <stdint.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

static usec now_boot(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return SEC(ts.tv_sec) + ts.tv_nsec / 1000;
}

static void emit(const struct sink *s, enum log_level level, const char *line)
{
	static const struct {
		const char *name;
		int priority;
	} levels[] = {
		[LEVEL_SILENT] = {"", LOG_DAEMON},       [LEVEL_ERROR] = {"error", LOG_ERR},
		[LEVEL_WARN] = {"warning", LOG_WARNING}, [LEVEL_INFO] = {"info", LOG_INFO},
		[LEVEL_DEBUG] = {"debug", LOG_DEBUG},
	};

	if (s->to_syslog)
		syslog(levels[level].priority, "%s: %s", s->interface, line);
	else
		fprintf(stderr, "%s: %s: %s\n", s->interface, levels[level].name, line);
}

static void write_record(void *ctx, enum log_level level, const char *event, const char *line)
{
	struct sink *s = ctx;
	struct sink_class *c = &s->classes[((uintptr_t)event >> 3) % SINK_CLASSES];
	usec now = now_boot();

	if (c->event == NULL || now - c->window_at >= SINK_WINDOW) {
		unsigned lost = c->count > SINK_BURST ? c->count - SINK_BURST : 0;
		char more[64];

		*c = (struct sink_class){.event = event, .window_at = now};
		snprintf(more, sizeof more, "%u more lines like one before were left out", lost);
		if (lost > 0)
			emit(s, level, more);
	}
	if (++c->count <= SINK_BURST)
		emit(s, level, line);
}

struct log sink_log(struct sink *s, enum log_level level)
{
	return (struct log){.level = level, .sink = write_record, .ctx = s};
}
