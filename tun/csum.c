/* The Internet checksum (RFC 1071). A sum does not depend on the size or the order of its words
 * (section 2, B and C): 32-bit words as they lie in memory are added to 64-bit lanes of vectors (the
 * compilers' own; they do not find them by themselves at -O2), and the result is brought into network
 * order. */
#include "tun/csum.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"

#define BLOCK 64

/* Add whole blocks to `sum`, in two vectors of `bytes` at a time. Nothing overflows: a lane has room
 * for 2^32 words. (A macro, because gcc takes vectors apart by what the function they are written in
 * may use: neither inlining nor a clone for another target gives it larger ones. No arrays of vectors,
 * because it keeps those in memory.) */
#define ADD_BLOCKS(sum, data, end, bytes)                                                          \
	do {                                                                                       \
		uint64_t __attribute__((vector_size(bytes))) a, b, even = {0}, odd = {0};          \
		uint64_t __attribute__((vector_size(bytes))) more_even = {0}, more_odd = {0};      \
                                                                                                   \
		for (const uint8_t *at = data; at < end; at += sizeof a + sizeof b) {              \
			memcpy(&a, at, sizeof a);                                                  \
			memcpy(&b, at + sizeof a, sizeof b);                                       \
			even += a & 0xffffffff;                                                    \
			odd += a >> 32;                                                            \
			more_even += b & 0xffffffff;                                               \
			more_odd += b >> 32;                                                       \
		}                                                                                  \
		even += odd + more_even + more_odd;                                                \
		for (size_t i = 0; i < (bytes) / sizeof sum; i++)                                  \
			sum += even[i];                                                            \
	} while (0)

static uint64_t sum_blocks(const uint8_t *data, const uint8_t *end)
{
	uint64_t sum = 0;

	ADD_BLOCKS(sum, data, end, 16);
	return sum;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static uint64_t sum_blocks_avx2(const uint8_t *data,
								const uint8_t *end)
{
	uint64_t sum = 0;

	ADD_BLOCKS(sum, data, end, 32);
	return sum;
}

#define HAS_AVX2 __builtin_cpu_supports("avx2")
#else
#define sum_blocks_avx2 sum_blocks
#define HAS_AVX2        false
#endif

/* What remains behind the blocks, added to their sum, and the whole in network order. */
static inline uint16_t sum_rest(uint64_t sum, const uint8_t *data, size_t len)
{
	for (; len >= 4; data += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, data, sizeof word);
		sum += word;
	}
	if (len > 0) {
		uint8_t last[4] = {data[0], len > 1 ? data[1] : 0, len > 2 ? data[2] : 0};
		uint32_t word;

		memcpy(&word, last, sizeof word);
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return ntohs(csum_fold((uint32_t)sum));
}

uint16_t csum_sum(const uint8_t *data, size_t len)
{
	const uint8_t *rest = data + len / BLOCK * BLOCK;
	uint64_t sum = 0;

	if (rest > data) /* more than a header */
		sum = HAS_AVX2 ? sum_blocks_avx2(data, rest) : sum_blocks(data, rest);
	return sum_rest(sum, rest, len % BLOCK);
}

uint16_t csum_sum_portable(const uint8_t *data, size_t len)
{
	const uint8_t *rest = data + len / BLOCK * BLOCK;

	return sum_rest(sum_blocks(data, rest), rest, len % BLOCK);
}

uint16_t csum_pseudo(uint8_t family, const uint8_t *src, const uint8_t *dst, uint8_t protocol,
		     uint32_t len)
{
	size_t ip_len = addr_ip_len(family);
	uint32_t sum = csum_sum(src, ip_len);

	sum += csum_sum(dst, ip_len);
	return csum_fold(sum + protocol + (len >> 16) + (len & 0xffff));
}

uint16_t csum_update(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~checksum;

	return (uint16_t)~csum_fold(sum + (uint16_t)~before + after);
}

bool csum_finish(uint8_t *packet, size_t len, size_t start, size_t offset)
{
	if (len < 2 || start > len - 2 || offset > len - 2 - start)
		return false;

	uint16_t checksum = (uint16_t)~csum_sum(packet + start, len - start);
	store_be16(packet + start + offset, checksum != 0 ? checksum : 0xffff);
	return true;
}
