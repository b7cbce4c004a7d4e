/* One record: formatted and escaped on the stack, handed to the sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/defence.h"
#include "base/text.h"

void log_escape(char *out, size_t room, const char *text)
{
	size_t left = strlen(text), used = 0;

	while (left > 0) {
		size_t len = text_printable_char(text, left);
		bool refused = DEFENCE(13, len == 0);
		size_t taken = len > 0 ? len : 1;
		size_t need = refused ? sizeof "\\xNN" - 1 : taken;
		if (used + need >= room)
			break;
		if (refused)
			snprintf(out + used, room - used, "\\x%02x", (uint8_t)*text);
		else
			memcpy(out + used, text, taken);
		used += need;
		text += taken;
		left -= taken;
	}
	if (room > 0)
		out[used] = '\0';
}

void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char raw[LOG_LINE_MAX] = "", line[LOG_LINE_MAX];
	va_list args;

	if (level > log->level)
		return;

	va_start(args, fmt);
	vsnprintf(raw, sizeof raw, fmt, args);
	va_end(args);
	log_escape(line, sizeof line, raw);
	log->sink(log->ctx, level, fmt, line);
}
