#include "cli/find.h"

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

TEST(a_name_is_looked_for_in_the_folders_in_order)
{
	char path[PATH_MAX], expected[WORLD_PATH_MAX];

	assert_false(find_path(&w.cli, "wg0", path));
	world_write(w.second_dir, "wg0.conf", "", 0600);
	assert_true(find_path(&w.cli, "wg0", path));
	snprintf(expected, sizeof expected, "%s/wg0.conf", w.second_dir);
	assert_string_equal(path, expected);
	world_write(w.first_dir, "wg0.conf", "", 0600);
	assert_true(find_path(&w.cli, "wg0", path));
	snprintf(expected, sizeof expected, "%s/wg0.conf", w.first_dir);
	assert_string_equal(path, expected);
	world_remove(w.first_dir, "wg0.conf");
	world_remove(w.second_dir, "wg0.conf");
}

TEST(a_file_is_taken_as_it_is)
{
	static const char *const files[] = {"./wg0", "wg0.conf", "/a/b", "a/b.conf"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_true(find_path(&w.cli, files[i], path));
		assert_string_equal(path, files[i]);
	}
}

TEST(the_interface_is_called_like_the_file)
{
	static const char *const files[][2] = {
		{"/etc/warren/warren0.conf", "warren0"},
		{"wg0.conf", "wg0"},
		{"./wg0", "wg0"},
		{"a=b+c_d.e-f.conf", "a=b+c_d.e-f"},
		{"123456789012345.conf", "123456789012345"},
	};
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_true(find_interface(&w.cli, files[i][0], name));
		assert_string_equal(name, files[i][1]);
	}
}

TEST(what_no_interface_can_be_called_is_refused)
{
	/* The name stands in hooks, too. */
	static const char *const files[] = {
		"/etc/warren/", "/etc/.conf", "1234567890123456.conf",
		"a b.conf",     "a:b.conf",   "a%i.conf",
		"a;b.conf",     "a$(b).conf", "a`b.conf",
		"-f.conf",      "..conf",     "a|b.conf",
		"a&.conf",      "a'b.conf",   "a\nb.conf",
	};
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		assert_false(find_interface(&w.cli, files[i], name));
}

#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_name_is_looked_for_in_the_folders_in_order),
		IN_WORLD(a_file_is_taken_as_it_is),
		IN_WORLD(the_interface_is_called_like_the_file),
		IN_WORLD(what_no_interface_can_be_called_is_refused),
	};
	return RUN_TESTS(tests);
}
