/* Configuration text to values: our reader feeds inih, inih feeds the table of keys (interface.md section 2). */
#include "conf/conf_read.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_check.h"
#include "conf/conf_keys.h"
#include "conf/conf_lines.h"

/* Follows inih into the section that conf_lines numbered. */
static void enter_section(struct conf_reading *r, const char *section)
{
	if (strcmp(r->section, section) == 0)
		return;

	snprintf(r->section, sizeof r->section, "%s", section);
	memset(r->seen, 0, sizeof r->seen);
	r->peer = NULL;
	if (strncmp(section, "peer ", 5) == 0)
		r->peer = &r->conf->peers[strtoul(section + 5, NULL, 10)];
}

/* The handler of inih. */
static int take(void *user, const char *section, const char *name, const char *piece)
{
	struct conf_reading *r = user;

	if (!conf_lines_gather(r->value, &r->value_len, piece))
		return 1;

	enter_section(r, section);
	if (section[0] == '\0')
		conf_errors_add(r->errors, r->lines.line,
				"a key before any section: write [Interface] above it");
	else if (strcmp(section, "other") != 0)
		conf_keys_set(r, name);
	return 1;
}

struct conf *conf_read(const char *text, size_t len, struct conf_errors *errors)
{
	struct conf *c = conf_new();
	struct conf_reading *r = key_alloc(sizeof *r); /* lines with keys pass through it */
	size_t before = errors->total;

	if (c && r) {
		r->conf = c;
		r->errors = errors;
		r->lines =
			(struct conf_lines){.text = text, .len = len, .conf = c, .errors = errors};
		/* Our reader leaves nothing for inih to refuse; an inih built without multi-line
		 * values would. */
		int unread = ini_parse_stream(conf_lines_next, &r->lines, take, r);
		if (unread)
			conf_errors_add(errors, 0, "the inih library cannot read this file (%d)",
					unread);

		r->places.interface_line = r->lines.interface_line;
		r->no_memory |= r->lines.no_memory || !conf_check(c, &r->places, errors);
		free(r->places.addresses.items);
		free(r->places.allowed.items);
	}
	if (!c || !r || r->no_memory)
		conf_errors_add(errors, 0, "not enough memory");
	key_free(r);
	conf_errors_finish(errors);

	if (errors->total == before)
		return c;
	conf_free(c);
	return NULL;
}
