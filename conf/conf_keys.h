/* One table: section, key, setter. Every value of a configuration is judged here (interface.md section 2). */
#ifndef CONF_CONF_KEYS_H
#define CONF_CONF_KEYS_H

#include "conf/conf.h"
#include "conf/conf_check.h"
#include "conf/conf_error.h"
#include "conf/conf_lines.h"

#define CONF_KEYS_MAX   32 /* of one section */
#define CONF_PIECES_MAX 64

/* A file being read: filled by conf_read.c, line by line. */
struct conf_reading {
	struct conf *conf;
	struct conf_peer *peer; /* of the section being read, NULL in [Interface] */
	struct conf_errors *errors;
	struct conf_lines lines;
	struct conf_places places;
	bool no_memory;
	const char *key;              /* being set, as the table spells it */
	unsigned seen[CONF_KEYS_MAX]; /* line of each key's first time in this section */
	char section[CONF_PIECES_MAX];
	size_t value_len;
	char value[CONF_LINE_MAX + 1];
};

/* Set `name` to r->value in the section being read. What is wrong goes to r->errors; the value is cut to pieces. */
void conf_keys_set(struct conf_reading *r, const char *name);

#endif
