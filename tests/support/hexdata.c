#include "support/hexdata.h"

#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

size_t hexdata(uint8_t *out, size_t room, const char *hex)
{
	size_t len = 0;

	if (strcmp(hex, "-") == 0)
		return 0;
	for (const char *p = hex; *p != '\0';) {
		if (*p == ' ') {
			p++;
			continue;
		}
		if (digit(p[0]) < 0 || digit(p[1]) < 0 || len == room)
			abort();
		out[len++] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
		p += 2;
	}
	return len;
}

bool vectors_open(struct vectors *v, const char *name)
{
	const char *folder = getenv("WARREN_VECTORS");
	char path[4096];

	*v = (struct vectors){0};
	snprintf(path, sizeof path, "%s/%s", folder ? folder : "../shared/vectors", name);
	v->file = fopen(path, "r");
	return v->file != NULL;
}

bool vectors_next(struct vectors *v)
{
	ssize_t len;

	while ((len = getline(&v->line, &v->room, v->file)) >= 0) {
		if (len == 0 || v->line[0] == '#' || v->line[0] == '\n')
			continue;
		v->line[strcspn(v->line, "\n")] = '\0';
		v->field_count = 0;
		for (char *save = NULL, *f = strtok_r(v->line, " ", &save);
		     f != NULL && v->field_count < VECTORS_FIELDS_MAX;
		     f = strtok_r(NULL, " ", &save))
			v->field[v->field_count++] = f;
		return true;
	}
	free(v->line);
	fclose(v->file);
	*v = (struct vectors){0};
	return false;
}

uint8_t *vectors_bytes(const struct vectors *v, size_t i, size_t *len)
{
	size_t room = strlen(v->field[i]) / 2 + 1;
	uint8_t *bytes = malloc(room);

	if (bytes == NULL)
		abort();
	*len = hexdata(bytes, room, v->field[i]);
	return bytes;
}
