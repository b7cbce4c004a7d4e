/* Hex in tests, and the vector files of public suites: one case a line, fields separated by one space, "-" for empty. */
#ifndef SUPPORT_HEXDATA_H
#define SUPPORT_HEXDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of a string of hex digits ("-": none); spaces are skipped. Returns the count; aborts on anything else or if it is more than room. */
size_t hexdata(uint8_t *out, size_t room, const char *hex);

#define VECTORS_FIELDS_MAX 8

struct vectors {
	FILE *file;
	char *line;
	size_t room;
	char *field[VECTORS_FIELDS_MAX]; /* of the current case, zero-terminated */
	size_t field_count;
};

/* $WARREN_VECTORS/name, or false where the folder is not there (the test then says so and skips). */
bool vectors_open(struct vectors *v, const char *name);
/* The next case, comments skipped; false at the end, where the file is closed. */
bool vectors_next(struct vectors *v);
/* Field i as new bytes (free them), length in *len; never NULL. */
uint8_t *vectors_bytes(const struct vectors *v, size_t i, size_t *len);

#endif
