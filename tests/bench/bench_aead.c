/* What a packet costs in each AEAD back end, by batches as the data path has them, beside
 * libsodium's: a markdown table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "crypto/aead.h"
#include "crypto/aead_backend.h"
#include "crypto/crypto.h"

#define BATCH   64
#define BATCHES 200
#define LEN_MAX 1420

static const char *const backends[] = {"sodium", "openssl", "mb-avx2",
				       "mb"}; /* the reference first */
static const size_t lens[] = {64, 512, 1420};

#define BACKENDS (sizeof backends / sizeof *backends)
#define LENS     (sizeof lens / sizeof *lens)

struct bench_aead {
	struct aead_key key;
	struct aead_job jobs[BATCH];
	uint8_t data[BATCH][LEN_MAX + AEAD_TAG_LEN];
};

static void prepare(struct bench_aead *b, size_t len)
{
	memset(b, 0x5a, sizeof *b);
	for (size_t i = 0; i < BATCH; i++) {
		b->jobs[i] = (struct aead_job){.key = &b->key, .data = b->data[i], .len = len};
		aead_nonce(b->jobs[i].nonce, i);
	}
}

static void seal(void *ctx)
{
	struct bench_aead *b = ctx;

	for (int i = 0; i < BATCHES; i++)
		aead_seal_batch(b->jobs, BATCH);
}

/* Opening is in place and happens once, so each batch is sealed anew; the caller takes the time of sealing off. */
static void seal_and_open(void *ctx)
{
	struct bench_aead *b = ctx;

	for (int i = 0; i < BATCHES; i++) {
		aead_seal_batch(b->jobs, BATCH);
		aead_open_batch(b->jobs, BATCH);
	}
	for (int i = 0; i < BATCH; i++)
		if (!b->jobs[i].ok)
			abort();
}

int main(void)
{
	static struct bench_aead b;
	double sodium_seal[LENS], sodium_open[LENS];

	if (crypto_init("sodium") != 0)
		return 1;

	printf("AEAD, ns per packet in batches of %d (times faster than libsodium)\n\n", BATCH);
	printf("| back end | bytes | seal | open |\n|---|---|---|---|\n");
	for (size_t i = 0; i < BACKENDS; i++) {
		const struct aead_backend *backend = aead_backend_find(backends[i]);

		if (backend == NULL) {
			printf("| %s | not to be had here | | |\n", backends[i]);
			continue;
		}
		aead_backend_use(backend);
		for (size_t l = 0; l < LENS; l++) {
			prepare(&b, lens[l]);
			double seal_ns = bench_least_ns(seal, &b, BATCH * BATCHES);
			double open_ns =
				bench_least_ns(seal_and_open, &b, BATCH * BATCHES) - seal_ns;

			if (i == 0) {
				sodium_seal[l] = seal_ns;
				sodium_open[l] = open_ns;
			}
			printf("| %s | %zu | %.0f (%.2f) | %.0f (%.2f) |\n", backends[i], lens[l],
			       seal_ns, sodium_seal[l] / seal_ns, open_ns,
			       sodium_open[l] / open_ns);
		}
	}
	printf("\n");
	return 0;
}
