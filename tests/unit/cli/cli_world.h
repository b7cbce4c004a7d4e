/* A world for subcommands in tests: input and output in memory, folders below one of its own. */
#ifndef UNIT_CLI_WORLD_H
#define UNIT_CLI_WORLD_H

#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "crypto/crypto.h"
#include "support/test.h"

#define WORLD_PATH_MAX 128 /* below /tmp, all are short */

struct world {
	struct cli cli;
	char folder[32], first_dir[64], second_dir[64];
	const char *conf_dirs[3];
	char *out, *err; /* what was written, after world_run */
	size_t out_len, err_len;
};

static inline void world_init(struct world *w)
{
	*w = (struct world){.folder = "/tmp/warren-cli-XXXXXX"};
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->first_dir, sizeof w->first_dir, "%s/first", w->folder);
	snprintf(w->second_dir, sizeof w->second_dir, "%s/second", w->folder);
	assert_int_equal(mkdir(w->first_dir, 0700), 0);
	assert_int_equal(mkdir(w->second_dir, 0700), 0);
	w->conf_dirs[0] = w->first_dir;
	w->conf_dirs[1] = w->second_dir;
	w->cli.conf_dirs = w->conf_dirs;
	w->cli.run_dir = w->folder;
}

static inline void world_forget_output(struct world *w)
{
	free(w->out);
	free(w->err);
	w->out = w->err = NULL;
}

/* Removes the folders, which must be empty again. */
static inline void world_free(struct world *w)
{
	world_forget_output(w);
	assert_int_equal(rmdir(w->first_dir), 0);
	assert_int_equal(rmdir(w->second_dir), 0);
	assert_int_equal(rmdir(w->folder), 0);
}

/* Runs `warren` with a NULL-terminated list of arguments and an input. */
static inline int world_run_input(struct world *w, const char *input, size_t input_len,
				  const char *const *args)
{
	char *argv[16] = {(char[]){"warren"}}, copies[15][WORLD_PATH_MAX];
	int argc = 1;

	for (; args[argc - 1]; argc++) {
		snprintf(copies[argc - 1], WORLD_PATH_MAX, "%s", args[argc - 1]);
		argv[argc] = copies[argc - 1];
	}

	world_forget_output(w);
	w->cli.in = input_len ? fmemopen((void *)(uintptr_t)input, input_len, "r")
			      : fopen("/dev/null", "r");
	w->cli.out = open_memstream(&w->out, &w->out_len);
	w->cli.err = open_memstream(&w->err, &w->err_len);
	int code = (int)cli_run(&w->cli, argc, argv);
	fclose(w->cli.in);
	fclose(w->cli.out);
	fclose(w->cli.err);
	return code;
}

#define world_run(w, ...) world_run_input(w, NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

static inline void world_write(const char *folder, const char *name, const char *text, mode_t mode)
{
	char path[WORLD_PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static inline void world_remove(const char *folder, const char *name)
{
	char path[WORLD_PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static inline int start_crypto(void **state)
{
	(void)state;
	return crypto_init(NULL);
}

#endif
