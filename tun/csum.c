/* The Internet checksum (RFC 1071). A sum does not depend on the size or the order of its words
 * (section 2, B and C): 32-bit words as they lie in memory are added to 64-bit lanes of two vectors
 * (the compilers' own; they do not find them by themselves at -O2), and the result is brought into
 * network order. */
#include "tun/csum.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"

/* Nothing overflows: a lane has room for 2^32 words. */
uint16_t csum_sum(const uint8_t *data, size_t len)
{
	uint64_t __attribute__((vector_size(16))) even[2] = {0}, odd[2] = {0}, words[2];

	for (; len >= sizeof words; data += sizeof words, len -= sizeof words) {
		memcpy(words, data, sizeof words);
		even[0] += words[0] & 0xffffffff;
		odd[0] += words[0] >> 32;
		even[1] += words[1] & 0xffffffff;
		odd[1] += words[1] >> 32;
	}
	even[0] += even[1] + odd[0] + odd[1];

	uint64_t sum = even[0][0] + even[0][1];
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
