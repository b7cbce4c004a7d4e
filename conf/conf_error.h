/* What is wrong with a configuration: all of it at once, in line order (interface.md section 2). */
#ifndef CONF_CONF_ERROR_H
#define CONF_CONF_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define CONF_ERRORS_MAX 100

struct conf_error {
	unsigned line;  /* 0: the file as a whole */
	char text[256]; /* what, and how to mend it; no line number */
};

/* Start with a zeroed one. */
struct conf_errors {
	struct conf_error *items; /* in line order */
	size_t count; /* at most CONF_ERRORS_MAX are kept; the last then says how many more there are */
	size_t total; /* found, kept or not */
};

/* Adds one in its place. Without memory it is only counted in `total`. */
void conf_errors_add(struct conf_errors *e, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conf_errors_add_va(struct conf_errors *e, unsigned line, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));
/* Call when no more will come: puts the last line in its place. */
void conf_errors_finish(struct conf_errors *e);
void conf_errors_free(struct conf_errors *e);

#endif
