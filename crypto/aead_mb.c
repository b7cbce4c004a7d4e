/* ChaCha20-Poly1305 by libipsec-mb, the fastest where the CPU has AVX2 or more. The managers live
 * as long as the process. Single thread: the library wants one manager per thread. */
#include <assert.h>
#include <errno.h>
#include <intel-ipsec-mb.h>

#include "base/bytes.h"
#include "base/defence.h"
#include "crypto/aead.h"
#include "crypto/aead_backend.h"

/* Jobs given to the library before it is drained; their tags lie on the stack till then. */
#define FLIGHT_MAX 64
_Static_assert(AEAD_TAG_LEN == 16, "two words, in tag_is");
_Static_assert(FLIGHT_MAX < IMB_MAX_JOBS, "a flight fits the library's queue");

static IMB_MGR *best, *avx2;

static int make(IMB_MGR **out, void (*init)(IMB_MGR *))
{
	if (*out != NULL)
		return 0;
	/* Ask first: an initialiser's self-test jumps to NULL where the CPU lacks its instructions
	 * (seen with 1.3). */
	if ((imb_get_feature_flags() & IMB_CPUFLAGS_AVX2) != IMB_CPUFLAGS_AVX2)
		return -ENOTSUP;
	IMB_MGR *mgr = alloc_mb_mgr(0);
	if (mgr == NULL)
		return -ENOTSUP;
	init(mgr);
	if (imb_get_errno(mgr) != 0) {
		free_mb_mgr(mgr);
		return -ENOTSUP;
	}
	*out = mgr;
	return 0;
}

static void describe(IMB_JOB *to, const struct aead_job *j, IMB_CIPHER_DIRECTION direction,
		     uint8_t *tag)
{
	to->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	to->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	to->cipher_direction = direction;
	to->chain_order =
		direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	to->enc_keys = to->dec_keys = j->key->bytes;
	to->key_len_in_bytes = AEAD_KEY_LEN;
	to->iv = j->nonce;
	to->iv_len_in_bytes = AEAD_NONCE_LEN;
	to->u.CHACHA20_POLY1305.aad = j->ad;
	to->u.CHACHA20_POLY1305.aad_len_in_bytes = j->ad_len;
	to->src = to->dst = j->data;
	to->cipher_start_src_offset_in_bytes = 0;
	to->msg_len_to_cipher_in_bytes = j->len;
	to->hash_start_src_offset_in_bytes = 0;
	to->msg_len_to_hash_in_bytes = j->len;
	to->auth_tag_output = tag;
	to->auth_tag_output_len_in_bytes = AEAD_TAG_LEN;
}

static size_t completed(const IMB_JOB *job)
{
	return job != NULL && job->status == IMB_STATUS_COMPLETED;
}

/* In constant time, and in less of it than byte by byte: both words are always looked at. */
static bool tag_is(const uint8_t *given, const uint8_t *right)
{
	return ((load_le64(given) ^ load_le64(right)) |
		(load_le64(given + 8) ^ load_le64(right + 8))) == 0;
}

/* Sealing writes the tag to its place; opening writes the tag the data ought to have to tags[]. */
static void fly(IMB_MGR *mgr, const struct aead_job *jobs, size_t count,
		uint8_t (*tags)[AEAD_TAG_LEN])
{
	size_t done = 0;

	for (size_t i = 0; i < count; i++) {
		IMB_JOB *next = IMB_GET_NEXT_JOB(mgr);
		if (tags == NULL)
			describe(next, &jobs[i], IMB_DIR_ENCRYPT, jobs[i].data + jobs[i].len);
		else
			describe(next, &jobs[i], IMB_DIR_DECRYPT, tags[i]);
		done += completed(IMB_SUBMIT_JOB_NOCHECK(mgr));
	}
	for (const IMB_JOB *left; (left = IMB_FLUSH_JOB(mgr)) != NULL;)
		done += completed(left);
	assert(done == count); /* else the text would go out bare */
}

static void seal_by(IMB_MGR *mgr, struct aead_job *jobs, size_t count)
{
	for (size_t n; count > 0; jobs += n, count -= n) {
		n = count < FLIGHT_MAX ? count : FLIGHT_MAX;
		fly(mgr, jobs, n, NULL);
	}
}

static void open_by(IMB_MGR *mgr, struct aead_job *jobs, size_t count)
{
	uint8_t tags[FLIGHT_MAX][AEAD_TAG_LEN];

	for (size_t n; count > 0; jobs += n, count -= n) {
		n = count < FLIGHT_MAX ? count : FLIGHT_MAX;
		fly(mgr, jobs, n, tags);
		for (size_t i = 0; i < n; i++) {
			bool right = tag_is(jobs[i].data + jobs[i].len, tags[i]);
			jobs[i].ok = !DEFENCE(55, !right);
		}
	}
}

static void init_best(IMB_MGR *mgr)
{
	init_mb_mgr_auto(mgr, NULL);
}

static int start_best(void)
{
	return make(&best, init_best);
}

static void seal_best(struct aead_job *jobs, size_t count)
{
	seal_by(best, jobs, count);
}

static void open_best(struct aead_job *jobs, size_t count)
{
	open_by(best, jobs, count);
}

static int start_avx2(void)
{
	return make(&avx2, init_mb_mgr_avx2);
}

static void seal_avx2(struct aead_job *jobs, size_t count)
{
	seal_by(avx2, jobs, count);
}

static void open_avx2(struct aead_job *jobs, size_t count)
{
	open_by(avx2, jobs, count);
}

const struct aead_backend aead_mb = {
	.name = "mb", .start = start_best, .seal = seal_best, .open = open_best};
const struct aead_backend aead_mb_avx2 = {
	.name = "mb-avx2", .start = start_avx2, .seal = seal_avx2, .open = open_avx2};
