/* Every AEAD back end that runs here, against RFC 8439, Wycheproof and libsodium. */
#include "crypto/aead_backend.h"

#include <sodium.h>

#include "base/rand.h"
#include "config.h"
#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "support/hexdata.h"
#include "support/test.h"
#include "unit/crypto/aead_rfc8439.h"
#include "unit/crypto/aead_wycheproof.h"

#define LEN_MAX   2048
#define BATCH_MAX 200
#define GUARD     0xc5 /* what lies around a job's data and must lie there afterwards */

static const struct aead_backend *here[4];
static size_t here_count;

/* One job with its own memory, and what it ought to become. */
struct bench {
	struct aead_key key;
	uint8_t ad[64];
	uint8_t text[LEN_MAX], sealed[LEN_MAX + AEAD_TAG_LEN];
	uint8_t room[64 + LEN_MAX + AEAD_TAG_LEN + 64]; /* holds the job's data at some offset */
	size_t offset;
};

static struct bench benches[BATCH_MAX];
static struct aead_job jobs[BATCH_MAX];

/* A random job of this length, its data the text; what sealing should give is computed by libsodium
 * itself. */
static void set_up(size_t i, struct rand *r, size_t len)
{
	struct bench *b = &benches[i];
	struct aead_job *j = &jobs[i];
	unsigned long long sealed_len;

	rand_bytes(r, b->key.bytes, sizeof b->key.bytes);
	rand_bytes(r, b->ad, sizeof b->ad);
	rand_bytes(r, b->text, len);
	b->offset = rand_below(r, 64);
	memset(b->room, GUARD, sizeof b->room);
	memcpy(b->room + b->offset, b->text, len);
	*j = (struct aead_job){.key = &b->key, .data = b->room + b->offset, .len = len};
	rand_bytes(r, j->nonce, sizeof j->nonce);
	if (rand_below(r, 2) == 1) {
		j->ad = b->ad;
		j->ad_len = rand_below(r, sizeof b->ad + 1);
	}
	crypto_aead_chacha20poly1305_ietf_encrypt(b->sealed, &sealed_len, b->text, len, j->ad,
						  j->ad_len, NULL, j->nonce, b->key.bytes);
	assert_int_equal(sealed_len, len + AEAD_TAG_LEN);
}

static void assert_guards(size_t i)
{
	const struct bench *b = &benches[i];
	size_t end = b->offset + jobs[i].len + AEAD_TAG_LEN;

	for (size_t n = 0; n < sizeof b->room; n++)
		if (n < b->offset || n >= end)
			assert_int_equal(b->room[n], GUARD);
}

static void assert_sealed(size_t i)
{
	assert_memory_equal(jobs[i].data, benches[i].sealed, jobs[i].len + AEAD_TAG_LEN);
	assert_guards(i);
}

static void assert_opened(size_t i)
{
	assert_true(jobs[i].ok);
	assert_memory_equal(jobs[i].data, benches[i].text, jobs[i].len);
	assert_guards(i);
}

TEST(runs_every_back_end_that_this_build_and_cpu_can)
{
	assert_non_null(aead_backend_find("openssl"));
	assert_non_null(aead_backend_find("sodium"));
#ifdef HAVE_IPSECMB
	bool able = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes") &&
		    __builtin_cpu_supports("bmi2");
	assert_int_equal(aead_backend_find("mb") != NULL, able);
	assert_int_equal(aead_backend_find("mb-avx2") != NULL, able);
#else
	assert_null(aead_backend_find("mb"));
	assert_null(aead_backend_find("mb-avx2"));
#endif
}

TEST(seals_and_opens_the_examples_of_rfc_8439)
{
	for (size_t e = 0; e < sizeof aead_examples / sizeof *aead_examples; e++) {
		uint8_t data[512], text[512], sealed[512], ad[16];
		struct aead_key key;
		struct aead_job j = {.key = &key, .ad = ad, .data = data};

		hexdata(key.bytes, sizeof key.bytes, aead_examples[e].key);
		hexdata(j.nonce, sizeof j.nonce, aead_examples[e].nonce);
		j.ad_len = hexdata(ad, sizeof ad, aead_examples[e].ad);
		j.len = hexdata(text, sizeof text, aead_examples[e].text);
		assert_int_equal(hexdata(sealed, sizeof sealed, aead_examples[e].sealed),
				 j.len + AEAD_TAG_LEN);
		for (size_t i = 0; i < here_count; i++) {
			memcpy(data, text, j.len);
			here[i]->seal(&j, 1);
			assert_memory_equal(data, sealed, j.len + AEAD_TAG_LEN);
			j.ok = false;
			here[i]->open(&j, 1);
			assert_true(j.ok);
			assert_memory_equal(data, text, j.len);
		}
	}
}

/* Through every back end. The suite's tags are all wrong in some bits where it says invalid. */
static void check_everywhere(const struct aead_case *c)
{
	uint8_t *data = malloc(c->len + AEAD_TAG_LEN), *tag = c->sealed + c->len;
	struct aead_job j = {
		.key = &c->key, .ad = c->ad, .ad_len = c->ad_len, .data = data, .len = c->len};

	assert_non_null(data);
	memcpy(j.nonce, c->nonce, sizeof j.nonce);
	for (size_t i = 0; i < here_count; i++) {
		memcpy(data, c->text, c->len);
		here[i]->seal(&j, 1);
		assert_int_equal(memcmp(data + c->len, tag, AEAD_TAG_LEN) == 0, c->valid);
		if (c->valid)
			assert_memory_equal(data, c->sealed, c->len);

		memcpy(data, c->sealed, c->len + AEAD_TAG_LEN);
		j.ok = !c->valid;
		here[i]->open(&j, 1);
		assert_int_equal(j.ok, c->valid);
		if (c->valid)
			assert_memory_equal(data, c->text, c->len);
	}
	free(data);
}

TEST(seals_and_opens_what_wycheproof_calls_valid)
{
	aead_suite("chacha20_poly1305.txt", AEAD_NONCE_LEN, "valid", check_everywhere);
}

TEST(vuln_55_refuses_what_wycheproof_calls_invalid)
{
	aead_suite("chacha20_poly1305.txt", AEAD_NONCE_LEN, "invalid", check_everywhere);
}

TEST(agrees_with_libsodium_at_every_length_and_alignment)
{
	struct rand r = rand_seeded(8439);

	for (size_t i = 0; i < here_count; i++) {
		for (size_t first = 0; first <= LEN_MAX; first += 64) {
			size_t count = 0;
			for (; count < 64 && first + count <= LEN_MAX; count++)
				set_up(count, &r, first + count);
			here[i]->seal(jobs, count);
			for (size_t n = 0; n < count; n++)
				assert_sealed(n);
			here[i]->open(jobs, count);
			for (size_t n = 0; n < count; n++)
				assert_opened(n);
		}
	}
}

TEST(works_in_batches_of_mixed_lengths_and_any_count)
{
	static const size_t counts[] = {0, 1, 2, 31, 63, 64, 65, 128, 129, BATCH_MAX};
	struct rand r = rand_seeded(64);

	for (size_t i = 0; i < here_count; i++) {
		for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
			for (size_t n = 0; n < BATCH_MAX; n++)
				set_up(n, &r, rand_below(&r, LEN_MAX + 1));
			here[i]->seal(jobs, counts[c]);
			for (size_t n = 0; n < counts[c]; n++)
				assert_sealed(n);
			for (size_t n = counts[c]; n < BATCH_MAX; n++)
				assert_memory_equal(jobs[n].data, benches[n].text, jobs[n].len);
			here[i]->open(jobs, counts[c]);
			for (size_t n = 0; n < counts[c]; n++)
				assert_opened(n);
			for (size_t n = counts[c]; n < BATCH_MAX; n++)
				assert_false(jobs[n].ok);
		}
	}
}

/* A job that is sealed, ready to be spoilt and opened; ok is set, so that a back end that forgets
 * it is seen. */
static void set_up_sealed(size_t i, struct rand *r, size_t len)
{
	set_up(i, r, len);
	memcpy(jobs[i].data, benches[i].sealed, len + AEAD_TAG_LEN);
	jobs[i].ok = true;
}

TEST(vuln_55_refuses_a_tag_with_any_bit_wrong)
{
	static const size_t lens[] = {0, 1, 16, 63, 64, 256, 1420};
	struct rand r = rand_seeded(55);

	for (size_t i = 0; i < here_count; i++) {
		for (size_t l = 0; l < sizeof lens / sizeof *lens; l++) {
			for (size_t bit = 0; bit < AEAD_TAG_LEN * 8; bit++) {
				set_up_sealed(0, &r, lens[l]);
				jobs[0].data[lens[l] + bit / 8] ^= (uint8_t)(1 << bit % 8);
				here[i]->open(jobs, 1);
				assert_false(jobs[0].ok);
			}
		}
	}
}

TEST(vuln_55_refuses_a_tag_with_any_byte_replaced)
{
	struct rand r = rand_seeded(56);

	for (size_t i = 0; i < here_count; i++) {
		for (size_t byte = 0; byte < AEAD_TAG_LEN; byte++) {
			for (size_t n = 0; n < BATCH_MAX; n++) {
				set_up_sealed(n, &r, 32);
				jobs[n].data[32 + byte] ^= (uint8_t)(1 + n);
			}
			here[i]->open(jobs, BATCH_MAX);
			for (size_t n = 0; n < BATCH_MAX; n++)
				assert_false(jobs[n].ok);
		}
	}
}

TEST(vuln_55_refuses_other_data_nonce_key_length_and_additional_data)
{
	struct rand r = rand_seeded(57);
	struct aead_job *j = &jobs[0];
	struct bench *b = &benches[0];

	for (size_t i = 0; i < here_count; i++) {
		for (size_t byte = 0; byte < 200; byte++) {
			set_up_sealed(0, &r, 200);
			j->data[byte] ^= 0x10;
			here[i]->open(j, 1);
			assert_false(j->ok);
		}
		for (size_t byte = 0; byte < AEAD_NONCE_LEN; byte++) {
			set_up_sealed(0, &r, 100);
			j->nonce[byte] ^= 0x01;
			here[i]->open(j, 1);
			assert_false(j->ok);
		}
		for (size_t byte = 0; byte < AEAD_KEY_LEN; byte++) {
			set_up_sealed(0, &r, 100);
			b->key.bytes[byte] ^= 0x01;
			here[i]->open(j, 1);
			assert_false(j->ok);
		}
		set_up_sealed(0, &r, 100);
		j->len--;
		here[i]->open(j, 1);
		assert_false(j->ok);

		set_up_sealed(0, &r, 100);
		j->ad = b->ad;
		j->ad_len++;
		here[i]->open(j, 1);
		assert_false(j->ok);

		do
			set_up_sealed(0, &r, 100);
		while (j->ad_len == 0);
		b->ad[j->ad_len - 1] ^= 0x80;
		here[i]->open(j, 1);
		assert_false(j->ok);
	}
}

TEST(vuln_55_forged_jobs_amid_a_batch_are_refused_and_spoil_no_other)
{
	struct rand r = rand_seeded(58);

	for (size_t i = 0; i < here_count; i++) {
		for (unsigned round = 0; round < 10; round++) {
			bool forged[BATCH_MAX];
			for (size_t n = 0; n < BATCH_MAX; n++) {
				size_t len = rand_below(&r, LEN_MAX + 1);
				set_up_sealed(n, &r, len);
				forged[n] = rand_below(&r, 3) == 0;
				if (forged[n])
					jobs[n].data[rand_below(&r, (uint32_t)len +
									    AEAD_TAG_LEN)] ^= 0x40;
				jobs[n].ok = forged[n];
			}
			here[i]->open(jobs, BATCH_MAX);
			for (size_t n = 0; n < BATCH_MAX; n++) {
				if (forged[n])
					assert_false(jobs[n].ok);
				else
					assert_opened(n);
				assert_guards(n);
			}
		}
	}
}

static int start(void **state)
{
	static const char *const names[] = {"mb", "mb-avx2", "openssl", "sodium"};

	(void)state;
	if (crypto_init("sodium") != 0)
		return -1;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct aead_backend *b = aead_backend_find(names[i]);
		if (b != NULL)
			here[here_count++] = b;
		else
			print_message("# SKIP: %s is not to be had in this build or on this CPU\n",
				      names[i]);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(runs_every_back_end_that_this_build_and_cpu_can),
		RUN(seals_and_opens_the_examples_of_rfc_8439),
		RUN(seals_and_opens_what_wycheproof_calls_valid),
		RUN(vuln_55_refuses_what_wycheproof_calls_invalid),
		RUN(agrees_with_libsodium_at_every_length_and_alignment),
		RUN(works_in_batches_of_mixed_lengths_and_any_count),
		RUN(vuln_55_refuses_a_tag_with_any_bit_wrong),
		RUN(vuln_55_refuses_a_tag_with_any_byte_replaced),
		RUN(vuln_55_refuses_other_data_nonce_key_length_and_additional_data),
		RUN(vuln_55_forged_jobs_amid_a_batch_are_refused_and_spoil_no_other),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
