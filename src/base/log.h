/* The log: levels and one sink. error: the operator must act; warn: degraded; info: state changed;
 * debug: why. Never keys, nonces, credentials or packet bytes; peers by name or short key. One line
 * per record, control characters escaped, whatever a peer or a file supplied (vuln_13). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

enum log_level { LEVEL_SILENT, LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };

#define LOG_LINE_MAX 512

/* `event` is the format string of the record, by address: a name for its class, for rate limits. */
typedef void log_sink(void *ctx, enum log_level level, const char *event, const char *line);

struct log {
	enum log_level level; /* records above it are not formatted */
	log_sink *sink;
	void *ctx;
};

void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_write(log, LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_write(log, LEVEL_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_write(log, LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_write(log, LEVEL_DEBUG, __VA_ARGS__)

/* Copy text as one printable line: control characters (as text_printable_char says) and broken
 * UTF-8 become \xNN. What has no room, zero included, is cut between characters. */
void log_escape(char *out, size_t room, const char *text);

#endif
