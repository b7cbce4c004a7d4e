/* A plain main for a fuzz target: runs stored inputs through it, so that `make check` replays the
 * corpora with any compiler and a crash is looked at under a debugger. reliability.md, 4.2: each
 * input in a block of exactly its size, at offsets 0 to 3, so that a sanitizer sees a read one byte
 * too far and an unaligned one.
 *
 *     fuzz_conf                  every file of tests/fuzz/corpus/conf below $top_srcdir
 *     fuzz_conf FILE|FOLDER...   those
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFSETS   4
#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned inputs;
static unsigned failed;

/* "conf/nul" of "/some/where/corpus/conf/nul" */
static const char *last_two(const char *path)
{
	const char *at = path + strlen(path);

	for (int slashes = 0; at > path; at--)
		if (at[-1] == '/' && ++slashes == 2)
			break;
	return at;
}

static void told(bool ok, const char *path, const char *why)
{
	inputs++;
	if (!ok)
		failed++;
	printf("%sok %u - %s%s%s\n", ok ? "" : "not ", inputs, last_two(path), why ? ": " : "",
	       why ? why : "");
}

static void run(const uint8_t *data, size_t len)
{
	for (size_t offset = 0; offset < OFFSETS; offset++) {
		size_t room = len + offset;
		uint8_t *block = malloc(room > 0 ? room : 1);

		if (block == NULL)
			abort();
		memcpy(block + offset, data, len);
		LLVMFuzzerTestOneInput(block + offset, len);
		free(block);
	}
}

static void run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		told(false, path, strerror(errno));
		return;
	}
	size_t len = fread(data, 1, sizeof data, f);
	bool whole = !ferror(f) && fgetc(f) == EOF;
	fclose(f);
	if (!whole) {
		told(false, path, "cannot be read whole");
		return;
	}

	/* Should the target crash, this is the last line. */
	printf("# %s\n", path);
	fflush(stdout);
	run(data, len);
	told(true, path, NULL);
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* A folder has no folders in it. */
static void run_path(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, visible, alphasort);

	if (count < 0 && errno == ENOTDIR) {
		run_file(path);
		return;
	}
	if (count <= 0) {
		told(false, path, count < 0 ? strerror(errno) : "has no inputs");
		if (count == 0)
			free(entries);
		return;
	}
	for (int i = 0; i < count; i++) {
		char file[4096];

		snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
		run_file(file);
		free(entries[i]);
	}
	free(entries);
}

static void run_own_corpus(const char *program)
{
	const char *tree = getenv("top_srcdir");
	const char *slash = strrchr(program, '/');
	const char *name = slash != NULL ? slash + 1 : program;
	char path[4096];

	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", tree != NULL ? tree : ".", name);
	run_path(path);
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);

	run((const uint8_t *)"", 0);
	if (argc < 2)
		run_own_corpus(argv[0]);
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);

	printf("1..%u\n", inputs);
	return failed > 0;
}
