#include "cli/cli.h"

#include "cli_world.h"
#include "config.h"

TEST(help_lists_every_command_and_fits_80_columns)
{
	static const char *const names[] = {"genkey", "pubkey", "genpsk", "check",   "strip", "up",
					    "down",   "reload", "status", "metrics", "events"};
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "--help"), CLI_OK);
	assert_string_equal(w.err, "");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_non_null(strstr(w.out, names[i]));
	for (char *line = strtok(w.out, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	world_free(&w);
}

TEST(no_command_is_a_usage_error_that_helps)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run_input(&w, NULL, 0, (const char *const[]){NULL}), CLI_USAGE);
	assert_string_equal(w.out, "");
	assert_non_null(strstr(w.err, "Usage: warren"));
	world_free(&w);
}

TEST(says_its_version)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "--version"), CLI_OK);
	assert_string_equal(w.out, "warren " PACKAGE_VERSION "\n");
	world_free(&w);
}

TEST(an_unknown_command_names_the_nearest)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "stauts"), CLI_USAGE);
	assert_string_equal(w.err, "warren: unknown command `stauts`; did you mean `status`?\n");
	assert_int_equal(world_run(&w, "frob\x1b[2J"), CLI_USAGE);
	assert_string_equal(w.err,
			    "warren: unknown command `frob\\x1b[2J`; `warren --help` lists them\n");
	world_free(&w);
}

TEST(a_wrong_number_of_arguments_is_a_usage_error)
{
	static const char *const lines[][4] = {
		{"check"},       {"check", "a", "b"}, {"strip"},       {"strip", "a", "b"},
		{"genkey", "x"}, {"pubkey", "x"},     {"genpsk", "x"},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(world_run_input(&w, NULL, 0, lines[i]), CLI_USAGE);
		assert_int_equal(strncmp(w.err, "Usage: warren ", 14), 0);
		assert_string_equal(w.out, "");
	}
	world_free(&w);
}

TEST(a_command_explains_itself)
{
	struct world w;

	world_init(&w);
	assert_int_equal(world_run(&w, "check", "--help"), CLI_OK);
	assert_string_equal(w.out,
			    "Usage: warren check FILE\nsay all errors of a configuration file\n");
	world_free(&w);
}

TEST(output_that_cannot_be_written_is_a_failure)
{
	char *argv[] = {(char[]){"warren"}, (char[]){"genkey"}}, *err;
	size_t err_len;
	struct cli cli = {.out = fopen("/dev/full", "w"), .err = open_memstream(&err, &err_len)};

	assert_int_equal(cli_run(&cli, 2, argv), CLI_FAILED);
	fclose(cli.out);
	fclose(cli.err);
	assert_string_equal(err, "warren: cannot write the output\n");
	free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(help_lists_every_command_and_fits_80_columns),
		RUN(no_command_is_a_usage_error_that_helps),
		RUN(says_its_version),
		RUN(an_unknown_command_names_the_nearest),
		RUN(a_wrong_number_of_arguments_is_a_usage_error),
		RUN(a_command_explains_itself),
		RUN(output_that_cannot_be_written_is_a_failure),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
