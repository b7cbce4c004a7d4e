/* Start of all cryptography, with the self-tests that must pass before a packet is sealed. */
#include "crypto/crypto.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/aead_backend.h"
#include "crypto/blake2s.h"
#include "crypto/hmac.h"
#include "crypto/reserve.h"

#define PROBE_LEN 1420 /* of text: a full packet, so that the wide loops run and the tail too */

/* dataplane.md, section 1: the order of their speed, which does not depend on the CPU once they
 * start at all. */
static const char *const fastest_first[] = {"mb", "openssl", "sodium"};

static const struct aead_backend *choose(const char *name)
{
	const struct aead_backend *b = NULL;

	if (name != NULL)
		return aead_backend_find(name);
	for (size_t i = 0; b == NULL && i < sizeof fastest_first / sizeof *fastest_first; i++)
		b = aead_backend_find(fastest_first[i]);
	return b;
}

/* libsodium ends the program itself when the system gives no randomness; this catches a generator
 * that is stuck. */
static bool random_is_alive(void)
{
	uint8_t a[32], b[32];

	randombytes_buf(a, sizeof a);
	randombytes_buf(b, sizeof b);
	return memcmp(a, b, sizeof a) != 0;
}

/* The back end must agree with libsodium's one-at-a-time form, both ways. */
static bool aead_agrees(void)
{
	static const struct aead_key key = {"start-up self-test, not a secret"};
	static const uint8_t ad[] = "additional";
	uint8_t text[PROBE_LEN], expect[PROBE_LEN + AEAD_TAG_LEN], data[PROBE_LEN + AEAD_TAG_LEN];
	struct aead_job job = {
		.key = &key, .ad = ad, .ad_len = sizeof ad, .data = data, .len = PROBE_LEN};

	for (size_t i = 0; i < PROBE_LEN; i++)
		data[i] = text[i] = (uint8_t)i;
	aead_nonce(job.nonce, 1);
	aead_seal(expect, &key, 1, text, PROBE_LEN, ad, sizeof ad);
	aead_seal_batch(&job, 1);
	if (memcmp(data, expect, sizeof data) != 0)
		return false;
	aead_open_batch(&job, 1);
	return job.ok && memcmp(data, text, PROBE_LEN) == 0;
}

int crypto_init(const char *aead)
{
	if (sodium_init() < 0 || !random_is_alive() || reserve_start() < 0 ||
	    blake2s_start() != 0 || hmac_start() != 0)
		return -EIO;
	const struct aead_backend *b = choose(aead);
	if (b == NULL)
		return -ENOENT;
	aead_backend_use(b);
	return b->bare || aead_agrees() ? 0 : -EIO;
}
