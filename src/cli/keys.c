/* genkey, pubkey, genpsk (interface.md section 4). */
#include "cli/keys.h"

#include <ctype.h>
#include <sys/stat.h>

#include "base/env.h"
#include "crypto/key.h"

static void warn_if_others_may_read(const struct cli *cli)
{
	struct stat st;
	int fd = fileno(cli->out);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IRWXO))
		fputs("Warning: writing to world accessible file.\n"
		      "Consider setting the umask to 077 and trying again.\n",
		      cli->err);
}

static void print_key(const struct cli *cli, const uint8_t bytes[static KEY_LEN])
{
	char text[KEY_TEXT_LEN + 1];

	text_base64_print(text, bytes);
	fprintf(cli->out, "%s\n", text);
	key_wipe(text, sizeof text);
}

enum cli_exit keys_genkey(const struct cli *cli, int argc, char **argv)
{
	struct rand rand = rand_system();
	struct env env = {.rand = &rand};
	struct key_private key;

	(void)argc;
	(void)argv;
	warn_if_others_may_read(cli);
	key_private_generate(&key, &env);
	print_key(cli, key.bytes);
	key_wipe(&key, sizeof key);
	return CLI_OK;
}

enum cli_exit keys_genpsk(const struct cli *cli, int argc, char **argv)
{
	struct rand rand = rand_system();
	struct key_shared key;

	(void)argc;
	(void)argv;
	warn_if_others_may_read(cli);
	rand_bytes(&rand, key.bytes, sizeof key.bytes);
	print_key(cli, key.bytes);
	key_wipe(&key, sizeof key);
	return CLI_OK;
}

/* White space, and zero bytes as wg has it. */
static bool only_space_follows(FILE *in)
{
	int c;

	while ((c = getc(in)) != EOF)
		if (c != 0 && !isspace(c))
			return false;
	return true;
}

enum cli_exit keys_pubkey(const struct cli *cli, int argc, char **argv)
{
	char text[KEY_TEXT_LEN + 1] = "";
	struct key_private key;
	struct key_public public;
	enum cli_exit result = CLI_FAILED;

	(void)argc;
	(void)argv;
	setvbuf(cli->in, NULL, _IONBF, 0); /* no copy of the key in a buffer that nobody wipes */
	if (fread(text, 1, KEY_TEXT_LEN, cli->in) != KEY_TEXT_LEN) {
		fputs("warren: Key is not the correct length or format\n", cli->err);
	} else if (!only_space_follows(cli->in)) {
		fputs("warren: Trailing characters found after key\n", cli->err);
	} else if (text_base64(key.bytes, text) != TEXT_OK) {
		fputs("warren: Key is not the correct length or format\n", cli->err);
	} else {
		key_public_from(&public, &key);
		print_key(cli, public.bytes);
		result = CLI_OK;
	}
	key_wipe(text, sizeof text);
	key_wipe(&key, sizeof key);
	return result;
}
