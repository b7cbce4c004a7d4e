/* Other programs, with small shell commands in their place. */
#include "cli/program.h"

#include <errno.h>

#include "cli_world.h"

static struct world w;

static int start(void **state)
{
	(void)state;
	world_init(&w);
	w.cli.err = open_memstream(&w.err, &w.err_len);
	return w.cli.err == NULL;
}

static int stop(void **state)
{
	(void)state;
	fclose(w.cli.err);
	world_free(&w);
	return 0;
}

static int sh(const char *text, const char *input)
{
	return program_run("/bin/sh", (const char *const[]){"sh", "-c", text, NULL}, input);
}

TEST(its_status_is_returned)
{
	assert_int_equal(sh("exit 0", NULL), 0);
	assert_int_equal(sh("exit 7", NULL), 7);
	assert_int_equal(sh("kill -KILL $$", NULL), 128 + 9);
	assert_int_equal(program_run("/nowhere/x", (const char *const[]){"x", NULL}, NULL),
			 -ENOENT);
}

TEST(it_reads_the_input_or_nothing)
{
	assert_int_equal(sh("test \"$(cat)\" = hello", "hello\n"), 0);
	assert_int_equal(sh("test -z \"$(cat)\"", NULL), 0);
}

TEST(vuln_33_only_absolute_folders_of_path_are_looked_into)
{
	char path[PROGRAM_PATH_MAX], expected[WORLD_PATH_MAX], relative[WORLD_PATH_MAX];
	char *before = strdup(getenv("PATH") != NULL ? getenv("PATH") : ""), here[512];

	assert_non_null(getcwd(here, sizeof here));
	world_write(w.first_dir, "thing-of-warren", "", 0700);
	assert_int_equal(chdir(w.folder), 0);
	snprintf(relative, sizeof relative, "first:.::../%s/first", strrchr(w.folder, '/') + 1);
	assert_int_equal(setenv("PATH", relative, 1), 0);
	assert_false(program_find(path, "thing-of-warren", false));
	assert_int_equal(setenv("PATH", w.first_dir, 1), 0);
	assert_true(program_find(path, "thing-of-warren", false));
	snprintf(expected, sizeof expected, "%s/thing-of-warren", w.first_dir);
	assert_string_equal(path, expected);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(setenv("PATH", before, 1), 0);
	world_remove(w.first_dir, "thing-of-warren");
	free(before);
}

TEST(hooks_run_in_order_with_the_interface_in_place)
{
	struct conf_list hooks = {0};
	char text[256], file[WORLD_PATH_MAX], said[64] = "";

	snprintf(file, sizeof file, "%s/said", w.folder);
	snprintf(text, sizeof text, "printf %%s '%%i;' >>%s", file);
	assert_true(conf_list_add(&hooks, text) && conf_list_add(&hooks, text));
	assert_true(program_hooks(&w.cli, &hooks, "wg0"));
	FILE *f = fopen(file, "r");
	assert_non_null(f);
	assert_true(fread(said, 1, sizeof said - 1, f) > 0);
	fclose(f);
	assert_string_equal(said, "wg0;wg0;");
	fflush(w.cli.err);
	assert_non_null(strstr(w.err, "[#] printf"));
	conf_list_free(&hooks);
	world_remove(w.folder, "said");
}

TEST(the_first_hook_that_fails_is_the_last)
{
	struct conf_list hooks = {0};
	char text[256];

	snprintf(text, sizeof text, "touch %s/said", w.folder);
	assert_true(conf_list_add(&hooks, "exit 3") && conf_list_add(&hooks, text));
	assert_false(program_hooks(&w.cli, &hooks, "wg0"));
	fflush(w.cli.err);
	assert_non_null(strstr(w.err, "status 3"));
	snprintf(text, sizeof text, "%s/said", w.folder);
	assert_int_equal(access(text, F_OK), -1);
	conf_list_free(&hooks);
}

#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(its_status_is_returned),
		IN_WORLD(it_reads_the_input_or_nothing),
		IN_WORLD(vuln_33_only_absolute_folders_of_path_are_looked_into),
		IN_WORLD(hooks_run_in_order_with_the_interface_in_place),
		IN_WORLD(the_first_hook_that_fails_is_the_last),
	};
	return RUN_TESTS(tests);
}
