#include "cli/check.h"

#include "cli_world.h"

#define OWN_PRIVATE "mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A="
#define PUBLIC_B    "OgowcGAlwJzAW27339KT8T8f0kD2RpWCYdtLhanYOxI="
#define PUBLIC_C    "k1F5b4xpO4UJWio2vuz6yvN6P/nTLiqLRtOqwMULYiE="

static const char fine[] = "[Interface]\nAddress = 10.66.0.2/24\nPrivateKey = " OWN_PRIVATE
			   "\nPostUp = true\n[Peer]\nPublicKey = " PUBLIC_B "\nAnchor = yes\n"
			   "[Peer]\nPublicKey = " PUBLIC_C "\n";
static const char stripped[] =
	"[Interface]\nPrivateKey = " OWN_PRIVATE "\n\n[Peer]\nPublicKey = " PUBLIC_B
	"\n\n[Peer]\nPublicKey = " PUBLIC_C "\n";

TEST(check_sums_up_a_fine_file)
{
	struct world w;
	char path[WORLD_PATH_MAX], want[WORLD_PATH_MAX + 64];

	world_init(&w);
	world_write(w.folder, "wg0.conf", fine, 0600);
	snprintf(path, sizeof path, "%s/wg0.conf", w.folder);
	snprintf(want, sizeof want, "%s: ok, 1 address, 2 peers, 1 anchor\n", path);

	assert_int_equal(world_run(&w, "check", path), CLI_OK);
	assert_string_equal(w.out, want);
	assert_string_equal(w.err, "");
	world_remove(w.folder, "wg0.conf");
	world_free(&w);
}

TEST(check_says_all_errors_with_file_and_line)
{
	struct world w;
	char path[WORLD_PATH_MAX], want[4 * WORLD_PATH_MAX];

	world_init(&w);
	world_write(w.folder, "bad.conf",
		    "[Interface]\nPrivateKey = " OWN_PRIVATE
		    "\nMTU = 67\n[Peer]\nPublicKey = " PUBLIC_B "\nAncor = yes\n",
		    0600);
	snprintf(path, sizeof path, "%s/bad.conf", w.folder);
	snprintf(want, sizeof want,
		 "%s:3: MTU `67` is not a number from 576 to 65535; without the line it is 1400\n"
		 "%s:6: unknown key `Ancor` in [Peer]; did you mean `Anchor`?\n",
		 path, path);

	assert_int_equal(world_run(&w, "check", path), CLI_FAILED);
	assert_string_equal(w.out, "");
	assert_string_equal(w.err, want);
	world_remove(w.folder, "bad.conf");
	world_free(&w);
}

TEST(check_names_the_chmod_for_a_file_that_others_may_read)
{
	struct world w;
	char path[WORLD_PATH_MAX], want[4 * WORLD_PATH_MAX];

	world_init(&w);
	world_write(w.folder, "open.conf", fine, 0644);
	snprintf(path, sizeof path, "%s/open.conf", w.folder);
	snprintf(want, sizeof want,
		 "%s: holds keys and others may read or write it: chmod 600 '%s'\n", path, path);

	assert_int_equal(world_run(&w, "check", path), CLI_FAILED);
	assert_string_equal(w.err, want);
	assert_int_equal(world_run(&w, "strip", path), CLI_FAILED);
	assert_string_equal(w.out, "");
	world_remove(w.folder, "open.conf");
	world_free(&w);
}

TEST(strip_prints_what_wg_takes)
{
	struct world w;
	char path[WORLD_PATH_MAX];

	world_init(&w);
	world_write(w.folder, "wg0.conf", fine, 0600);
	snprintf(path, sizeof path, "%s/wg0.conf", w.folder);

	assert_int_equal(world_run(&w, "strip", path), CLI_OK);
	assert_string_equal(w.out, stripped);
	world_remove(w.folder, "wg0.conf");
	world_free(&w);
}

TEST(strip_finds_a_name_in_the_first_folder_that_has_it)
{
	struct world w;

	world_init(&w);
	world_write(w.second_dir, "wg0.conf", fine, 0600);
	assert_int_equal(world_run(&w, "strip", "wg0"), CLI_OK);
	assert_string_equal(w.out, stripped);

	world_write(w.first_dir, "wg0.conf", "[Interface]\nPrivateKey = " OWN_PRIVATE "\n", 0600);
	assert_int_equal(world_run(&w, "strip", "wg0"), CLI_OK);
	assert_string_equal(w.out, "[Interface]\nPrivateKey = " OWN_PRIVATE "\n");
	world_remove(w.first_dir, "wg0.conf");
	world_remove(w.second_dir, "wg0.conf");
	world_free(&w);
}

TEST(strip_says_where_a_name_is_not)
{
	struct world w;
	char want[512];

	world_init(&w);
	snprintf(
		want, sizeof want,
		"warren: there is no wg9.conf in %s or %s; a file is named with a slash or .conf\n",
		w.first_dir, w.second_dir);
	assert_int_equal(world_run(&w, "strip", "wg9"), CLI_FAILED);
	assert_string_equal(w.err, want);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(check_sums_up_a_fine_file),
		RUN(check_says_all_errors_with_file_and_line),
		RUN(check_names_the_chmod_for_a_file_that_others_may_read),
		RUN(strip_prints_what_wg_takes),
		RUN(strip_finds_a_name_in_the_first_folder_that_has_it),
		RUN(strip_says_where_a_name_is_not),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
