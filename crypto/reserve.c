/* A few blocks of our own for hashes, and malloc() for all else. For the one thread that hashes. */
#include "crypto/reserve.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN   512 /* more than the state of any hash in use: BLAKE2s has 128 */
#define BLOCK_COUNT 4   /* a context holds one from a hash to its next */

static struct block {
	_Alignas(max_align_t) unsigned char bytes[BLOCK_LEN];
} blocks[BLOCK_COUNT];
static bool given[BLOCK_COUNT];
static bool in_use;

static void *take(size_t len)
{
	for (size_t i = 0; len <= BLOCK_LEN && i < BLOCK_COUNT; i++) {
		if (!given[i]) {
			given[i] = true;
			return &blocks[i];
		}
	}
	return NULL;
}

/* The block that this is, or BLOCK_COUNT. */
static size_t block_of(const void *p)
{
	size_t i = 0;

	while (i < BLOCK_COUNT && p != &blocks[i])
		i++;
	return i;
}

static void *reserve_malloc(size_t len, const char *file, int line)
{
	void *p = in_use ? take(len) : NULL;

	(void)file;
	(void)line;
	if (p == NULL)
		p = malloc(len);
	return p;
}

static void reserve_free(void *p, const char *file, int line)
{
	size_t i = block_of(p);

	(void)file;
	(void)line;
	if (i == BLOCK_COUNT)
		free(p);
	else
		given[i] = false;
}

static void *reserve_realloc(void *p, size_t len, const char *file, int line)
{
	size_t i = block_of(p);
	void *fresh;

	if (i == BLOCK_COUNT)
		return realloc(p, len);
	if (len > 0 && len <= BLOCK_LEN)
		return p;
	fresh = len > 0 ? malloc(len) : NULL;
	if (fresh != NULL)
		memcpy(fresh, p, BLOCK_LEN);
	if (fresh != NULL || len == 0)
		reserve_free(p, file, line);
	return fresh;
}

int reserve_start(void)
{
	static bool started;

	started =
		started || CRYPTO_set_mem_functions(reserve_malloc, reserve_realloc, reserve_free);
	return started ? 0 : -EIO;
}

void reserve_use(bool hashing)
{
	in_use = hashing;
}
