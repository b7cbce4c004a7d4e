/* The list of a configuration's errors (interface.md section 2). */
#include "conf/conf_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void conf_errors_add(struct conf_errors *e, unsigned line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	conf_errors_add_va(e, line, fmt, args);
	va_end(args);
}

void conf_errors_add_va(struct conf_errors *e, unsigned line, const char *fmt, va_list args)
{
	e->total++;
	if (!e->items)
		e->items = calloc(CONF_ERRORS_MAX, sizeof *e->items);
	if (!e->items)
		return;

	/* Most come in order; those of the checks at the end belong between them. */
	size_t at = e->count;
	while (at > 0 && e->items[at - 1].line > line)
		at--;
	if (at == CONF_ERRORS_MAX)
		return;

	if (e->count < CONF_ERRORS_MAX)
		e->count++;
	memmove(&e->items[at + 1], &e->items[at], (e->count - at - 1) * sizeof *e->items);
	e->items[at].line = line;
	vsnprintf(e->items[at].text, sizeof e->items[at].text, fmt, args);
}

void conf_errors_finish(struct conf_errors *e)
{
	if (e->count < CONF_ERRORS_MAX || e->total == e->count)
		return;

	struct conf_error *last = &e->items[CONF_ERRORS_MAX - 1];
	snprintf(last->text, sizeof last->text, "and %zu more errors from here on",
		 e->total - (CONF_ERRORS_MAX - 1));
}

void conf_errors_free(struct conf_errors *e)
{
	free(e->items);
	*e = (struct conf_errors){0};
}
