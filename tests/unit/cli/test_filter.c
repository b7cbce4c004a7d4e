/* The packet filter's script, and when nft is run with it; a small shell script is in nft's place. */
#include "cli/filter.h"

#include "cli_world.h"
#include "conf/conf_read.h"

#define NFT "#!/bin/sh\nexec /bin/cat >\"${0%/*}/input\"\n"

#define FULL                                                                                       \
	"[Interface]\nPrivateKey = mHEIBegLttgbpycj5ckI9wYrkzB3wsBwa4MH8bx7G3A=\nAddress = "       \
	"10.66.0.2/24, fd66::2/64\n"                                                               \
	"[Peer]\nPublicKey = OgowcGAlwJzAW27339KT8T8f0kD2RpWCYdtLhanYOxI=\nAllowedIPs = "
#define MARKS                                                                                      \
	"\t}\n\tchain answers {\n\t\ttype filter hook prerouting priority mangle;\n"               \
	"\t\tmeta l4proto udp ct mark 51820 meta mark set ct mark\n\t}\n"                          \
	"\tchain own {\n\t\ttype filter hook postrouting priority mangle;\n"                       \
	"\t\tmeta l4proto udp meta mark 51820 ct mark set meta mark\n\t}\n}\n"

static struct world w;
static char *path_before;

static int start(void **state)
{
	(void)state;
	world_init(&w);
	w.cli.err = open_memstream(&w.err, &w.err_len);
	path_before = strdup(getenv("PATH"));
	setenv("PATH", w.second_dir, 1); /* empty: no nft */
	return w.cli.err == NULL;
}

static int stop(void **state)
{
	(void)state;
	setenv("PATH", path_before, 1);
	free(path_before);
	fclose(w.cli.err);
	world_free(&w);
	return 0;
}

static struct conf *read_conf(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_read(text, strlen(text), &errors);

	assert_non_null(c);
	return c;
}

static void assert_script(const char *name, const char *conf, const char *expected)
{
	struct conf *c = read_conf(conf);
	char *text = filter_write(name, 7, 51820, c);

	assert_string_equal(text, expected);
	free(text);
	conf_free(c);
}

TEST(vuln_49_the_addresses_of_each_family_with_a_default_route_are_shielded)
{
	static const char head[] = "add table inet warren-wg0\ndelete table inet warren-wg0\n"
				   "table inet warren-wg0 {\n\tchain shield {\n"
				   "\t\ttype filter hook prerouting priority raw;\n",
			  v4[] = "\t\tiif != 7 ip daddr 10.66.0.2 fib saddr type != local drop\n",
			  v6[] = "\t\tiif != 7 ip6 daddr fd66::2 fib saddr type != local drop\n";
	char text[1024];

	snprintf(text, sizeof text, "%s%s%s%s", head, v4, v6, MARKS);
	assert_script("wg0", FULL "0.0.0.0/0, ::/0", text);
	snprintf(text, sizeof text, "%s%s%s", head, v4, MARKS);
	assert_script("wg0", FULL "0.0.0.0/0", text);
	snprintf(text, sizeof text, "%s%s%s", head, v6, MARKS);
	assert_script("wg0", FULL "10.66.0.0/16, ::/0", text);
}

TEST(a_name_that_nft_does_not_take_is_written_otherwise)
{
	struct conf *c = read_conf(FULL "::/0");
	char *text = filter_write("a=b_c-1.x{", 7, 51820, c);

	assert_non_null(strstr(text, "table inet warren-a/3db_c-1.x/7b {\n"));
	free(text);
	conf_free(c);
}

TEST(an_interface_that_is_not_here_is_told)
{
	struct conf *c = read_conf(FULL "::/0");

	assert_false(filter_follow(&w.cli, "no-such-if", c));
	fflush(w.cli.err);
	assert_non_null(strstr(w.err, "its routes are not here"));
	conf_free(c);
}

TEST(without_a_table_there_is_nothing_to_remove)
{
	struct conf *c = read_conf(FULL "10.66.0.0/16");

	assert_true(filter_remove(&w.cli, "wg0"));
	assert_true(filter_follow(&w.cli, "wg0", c));
	fflush(w.cli.err);
	assert_int_equal(w.err_len, 0);
	conf_free(c);
}

static void assert_input(const char *expected)
{
	char path[WORLD_PATH_MAX], text[256];

	snprintf(path, sizeof path, "%s/input", w.first_dir);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text, expected);
	world_remove(w.first_dir, "input");
}

TEST(the_table_of_an_earlier_full_tunnel_is_removed_once)
{
	struct conf *c = read_conf(FULL "10.66.0.0/16");

	world_write(w.first_dir, "nft", NFT, 0700);
	world_write(w.folder, "wg0.nft", "", 0600);
	setenv("PATH", w.first_dir, 1);
	assert_true(filter_follow(&w.cli, "wg0", c));
	assert_input("add table inet warren-wg0\ndelete table inet warren-wg0\n");
	world_remove(w.first_dir, "nft");
	assert_true(filter_remove(&w.cli, "wg0")); /* nothing is run */
	conf_free(c);
}

TEST(what_is_not_removed_stays_noted)
{
	world_write(w.folder, "wg0.nft", "", 0600);
	assert_false(filter_remove(&w.cli, "wg0"));
	fflush(w.cli.err);
	assert_non_null(strstr(w.err, "there is no nft here"));

	world_write(w.first_dir, "nft", "#!/bin/sh\nexit 1\n", 0700);
	setenv("PATH", w.first_dir, 1);
	assert_false(filter_remove(&w.cli, "wg0"));
	world_remove(w.first_dir, "nft");
	world_remove(w.folder, "wg0.nft");
}

#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(vuln_49_the_addresses_of_each_family_with_a_default_route_are_shielded),
		IN_WORLD(a_name_that_nft_does_not_take_is_written_otherwise),
		IN_WORLD(an_interface_that_is_not_here_is_told),
		IN_WORLD(without_a_table_there_is_nothing_to_remove),
		IN_WORLD(the_table_of_an_earlier_full_tunnel_is_removed_once),
		IN_WORLD(what_is_not_removed_stays_noted),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
