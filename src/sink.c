/* The daemon's log output. */
#include "sink.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define PREFIX_MAX 96 /* interface and level, or what syslog wants before them */

static usec now_boot(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return SEC(ts.tv_sec) + ts.tv_nsec / 1000;
}

/* A pipe that takes anything takes a whole line: POLLOUT promises PIPE_BUF bytes. */
static bool write_line(int fd, const char *text, size_t len)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	return poll(&ready, 1, 0) == 1 && write(fd, text, len) >= 0;
}

static bool emit_line(const struct sink *s, const char *level, const char *line)
{
	char text[PREFIX_MAX + LOG_LINE_MAX];
	int len = snprintf(text, sizeof text, "%s: %s: %s\n", s->interface, level, line);

	return write_line(s->fd, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

/* By name each time: a daemon that was started anew is found. */
static bool emit_syslog(const struct sink *s, int priority, const char *line)
{
	char text[PREFIX_MAX + LOG_LINE_MAX], when[32];
	time_t now = time(NULL);
	struct tm local;

	if (localtime_r(&now, &local) == NULL)
		local = (struct tm){.tm_mday = 1};
	strftime(when, sizeof when, "%b %e %H:%M:%S", &local);
	snprintf(text, sizeof text, "<%d>%s warrend[%d]: %s: %s", LOG_DAEMON | priority, when,
		 (int)getpid(), s->interface, line);
	return sendto(s->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&s->syslog, sizeof s->syslog) >= 0;
}

static bool emit_one(const struct sink *s, enum log_level level, const char *line)
{
	static const struct {
		const char *name;
		int priority;
	} levels[] = {
		[LEVEL_SILENT] = {"", LOG_INFO},         [LEVEL_ERROR] = {"error", LOG_ERR},
		[LEVEL_WARN] = {"warning", LOG_WARNING}, [LEVEL_INFO] = {"info", LOG_INFO},
		[LEVEL_DEBUG] = {"debug", LOG_DEBUG},
	};

	if (s->syslog.sun_path[0] != '\0')
		return emit_syslog(s, levels[level].priority, line);
	return emit_line(s, levels[level].name, line);
}

static void emit(struct sink *s, enum log_level level, const char *line)
{
	char more[64];

	snprintf(more, sizeof more, "%u lines were lost: nobody took them", s->lost);
	if (s->lost > 0 && emit_one(s, LEVEL_WARN, more))
		s->lost = 0;
	if (!emit_one(s, level, line))
		s->lost++;
}

void sink_to_syslog(struct sink *s, const char *path)
{
	s->syslog = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(s->syslog.sun_path, sizeof s->syslog.sun_path, "%s", path);
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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
