/* A quick hash, not a secure one: it tells runs apart that nobody made to look alike. */
#include "sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"

void trace_number(struct trace *t, uint64_t n)
{
	uint64_t h = (t->hash ^ n) * UINT64_C(0x9e3779b97f4a7c15);

	t->hash = h ^ h >> 29;
	t->steps++;
}

void trace_bytes(struct trace *t, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t rest = len;

	for (; len >= 8; p += 8, len -= 8)
		trace_number(t, load_le64(p));
	for (; len > 0; p++, len--)
		rest = rest << 8 | *p;
	trace_number(t, rest);
}

void trace_line(const struct trace *t, const char *format, ...)
{
	va_list args;

	if (!t->print)
		return;
	printf("# %" PRId64 ".%06d ", t->now / SEC(1), (int)(t->now % SEC(1)));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}
