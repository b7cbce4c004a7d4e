#include "cli/keys.h"

#include "base/text.h"
#include "cli_world.h"

/* RFC 7748, 6.1: Alice. */
#define ALICE_PRIVATE "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="
#define ALICE_PUBLIC  "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

static int pubkey(struct world *w, const char *input, size_t len)
{
	return world_run_input(w, input, len, (const char *const[]){"pubkey", NULL});
}

TEST(pubkey_prints_the_public_key_as_wg_does)
{
	static const char *const inputs[] = {ALICE_PRIVATE, ALICE_PRIVATE "\n",
					     ALICE_PRIVATE "\r\n \t\v\f\n"};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		assert_int_equal(pubkey(&w, inputs[i], strlen(inputs[i])), CLI_OK);
		assert_string_equal(w.out, ALICE_PUBLIC "\n");
		assert_string_equal(w.err, "");
	}
	world_free(&w);
}

TEST(pubkey_refuses_what_follows_the_key)
{
	static const char *const inputs[] = {ALICE_PRIVATE "x", ALICE_PRIVATE "=",
					     ALICE_PRIVATE "\n" ALICE_PRIVATE};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		assert_int_equal(pubkey(&w, inputs[i], strlen(inputs[i])), CLI_FAILED);
		assert_string_equal(w.out, "");
		assert_string_equal(w.err, "warren: Trailing characters found after key\n");
	}
	world_free(&w);
}

TEST(pubkey_refuses_what_is_no_key)
{
	static const char *const inputs[] = {
		"", "\n", "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo",
		"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC*=", ("\n" ALICE_PRIVATE)};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		assert_int_equal(pubkey(&w, inputs[i], strlen(inputs[i])), CLI_FAILED);
		assert_string_equal(w.out, "");
		assert_true(w.err_len > 0);
	}
	world_free(&w);
}

TEST(genkey_prints_a_clamped_key_and_another_each_time)
{
	struct world w;
	uint8_t key[32];
	char first[64];

	world_init(&w);
	assert_int_equal(world_run(&w, "genkey"), CLI_OK);
	assert_int_equal(w.out_len, 45);
	snprintf(first, sizeof first, "%s", w.out);
	w.out[44] = '\0';
	assert_int_equal(text_base64(key, w.out), TEXT_OK);
	assert_int_equal(key[0] & 7, 0);
	assert_int_equal(key[31] & 0xc0, 0x40);

	assert_int_equal(world_run(&w, "genkey"), CLI_OK);
	assert_string_not_equal(w.out, first);
	assert_string_equal(w.err, "");
	world_free(&w);
}

TEST(genpsk_prints_32_bytes_that_are_not_clamped)
{
	struct world w;
	unsigned high_bits = 0;

	world_init(&w);
	for (int i = 0; i < 64; i++) {
		uint8_t key[32];
		assert_int_equal(world_run(&w, "genpsk"), CLI_OK);
		assert_int_equal(w.out_len, 45);
		w.out[44] = '\0';
		assert_int_equal(text_base64(key, w.out), TEXT_OK);
		high_bits += key[31] >> 7;
	}
	assert_in_range(high_bits, 1, 63);
	world_free(&w);
}

/* What genkey says when its output goes to a file of this mode. */
static void genkey_says(mode_t mode, const char *want)
{
	char path[] = "/tmp/warren-genkey-XXXXXX", *err;
	int fd = mkstemp(path);
	size_t err_len;

	assert_int_equal(fchmod(fd, mode), 0);
	struct cli cli = {.out = fdopen(fd, "w"), .err = open_memstream(&err, &err_len)};
	assert_int_equal(keys_genkey(&cli, 0, NULL), CLI_OK);
	fclose(cli.out);
	fclose(cli.err);
	assert_string_equal(err, want);
	free(err);
	unlink(path);
}

TEST(genkey_warns_when_everybody_may_read_the_file)
{
	static const char warning[] = "Warning: writing to world accessible file.\n"
				      "Consider setting the umask to 077 and trying again.\n";

	genkey_says(0604, warning);
	genkey_says(0602, warning);
	genkey_says(0600, "");
	genkey_says(0640, ""); /* as wg: the world, not the group */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(pubkey_prints_the_public_key_as_wg_does),
		RUN(pubkey_refuses_what_follows_the_key),
		RUN(pubkey_refuses_what_is_no_key),
		RUN(genkey_prints_a_clamped_key_and_another_each_time),
		RUN(genpsk_prints_32_bytes_that_are_not_clamped),
		RUN(genkey_warns_when_everybody_may_read_the_file),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
