/* The daemon's log output. */
#include "sink.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define PREFIX_MAX 64 /* interface and level */

static usec now_boot(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return SEC(ts.tv_sec) + ts.tv_nsec / 1000;
}

/* A pipe that takes anything takes a whole line: POLLOUT promises PIPE_BUF bytes. */
static void write_line(int fd, const char *text, size_t len)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	if (poll(&ready, 1, 0) == 1 && write(fd, text, len) < 0)
		return; /* nobody is left to tell */
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
	char text[PREFIX_MAX + LOG_LINE_MAX];

	if (s->fd == SINK_SYSLOG) {
		syslog(levels[level].priority, "%s: %s", s->interface, line);
		return;
	}
	int len =
		snprintf(text, sizeof text, "%s: %s: %s\n", s->interface, levels[level].name, line);
	write_line(s->fd, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

void sink_write(struct sink *s, usec now, enum log_level level, const char *event, const char *line)
{
	struct sink_class *c = &s->classes[((uintptr_t)event >> 3) % SINK_CLASSES];

	if (level == LEVEL_ERROR)
		snprintf(s->last_error, sizeof s->last_error, "%s", line);
	if (c->count > 0 && now - c->window_at >= SINK_WINDOW) {
		char more[64];

		snprintf(more, sizeof more, "%u more lines like one before were left out",
			 c->count - SINK_BURST);
		if (c->count > SINK_BURST)
			emit(s, level, more);
		c->count = 0;
	}
	if (c->count == 0)
		c->window_at = now;
	if (++c->count <= SINK_BURST)
		emit(s, level, line);
}

static void write_now(void *ctx, enum log_level level, const char *event, const char *line)
{
	sink_write(ctx, now_boot(), level, event, line);
}

struct log sink_log(struct sink *s, enum log_level level)
{
	return (struct log){.level = level, .sink = write_now, .ctx = s};
}
