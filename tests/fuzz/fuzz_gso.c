/* Packets from a TUN that lies: a byte of repairs, a vnet header, a packet. Whatever comes, tun/gso
 * agrees with the slow cutter on whether it is dropped and on every byte of every segment
 * (reliability.md 4.1, harness 12). */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "support/cutter.h"
#include "tun/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SEGMENTS_MAX 300 /* looked at; the slow one takes its time */
#define SENTINEL     0x5c

/* Bits of the first byte: what to put right, so that damage elsewhere is reached. */
#define REPAIR_IP_LEN  1
#define REPAIR_UDP_LEN 2
#define REPAIR_CSUM    4

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void repair(uint8_t what, struct vnet *v, uint8_t *packet, size_t len)
{
	bool is_v6 = len >= 40 && packet[0] >> 4 == 6;
	size_t at = is_v6 ? 40 : len >= 20 ? (size_t)(packet[0] & 15) * 4 : 0;
	uint8_t protocol = is_v6 ? packet[6] : len >= 20 ? packet[9] : 0;

	if (what & REPAIR_IP_LEN && len >= 20)
		store_be16(packet + (is_v6 ? 4 : 2), (uint16_t)(is_v6 ? len - 40 : len));
	if (what & REPAIR_UDP_LEN && protocol == 17 && len >= at + 8)
		store_be16(packet + at + 4, (uint16_t)(len - at));
	if (what & REPAIR_CSUM) {
		v->flags |= VNET_NEEDS_CSUM;
		v->csum_start = (uint16_t)at;
		v->csum_offset = protocol == 17 ? 6 : 16;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	uint8_t repairs = read_u8(&r);
	const uint8_t *header = read_bytes(&r, VNET_LEN);
	size_t packet_len = reader_left(&r), payload_len = 0;
	struct vnet v;
	struct gso g;

	if (header == NULL || packet_len > 65535)
		return 0;
	memcpy(&v, header, sizeof v);

	/* Of exactly their sizes, for the sanitizer. */
	uint8_t *packet = malloc(packet_len + 1), *before = malloc(packet_len + 1);
	uint8_t *to = malloc(packet_len + 1), *expected = malloc(packet_len + 1);
	require(packet != NULL && before != NULL && to != NULL && expected != NULL);
	memcpy(before, r.at, packet_len);
	repair(repairs, &v, before, packet_len);
	memcpy(packet, before, packet_len);

	size_t count = cutter_count(&v, before, packet_len), n = 0, got;
	enum drop drop = gso_start(&g, &v, packet, packet_len);

	require((drop == DROP_NONE) == (count > 0));
	require(drop == DROP_NONE || drop == DROP_VNET || drop == DROP_OFFLOAD);
	if (drop != DROP_NONE) {
		require(memcmp(packet, before, packet_len) == 0 && g.left == 0);
	} else if (g.left == 0) {
		require(count == 1);
		require(cutter_cut(expected, &v, before, packet_len, 0) == packet_len);
		require(memcmp(packet, expected, packet_len) == 0);
	} else {
		for (; n < SEGMENTS_MAX && n < count; n++) {
			to[packet_len] = SENTINEL;
			got = gso_next(&g, to);
			require(got == cutter_cut(expected, &v, before, packet_len, n));
			require(memcmp(to, expected, got) == 0 && to[packet_len] == SENTINEL);
			require(cutter_fault(to, got) == NULL);
			require(got - g.headers_len <= v.gso_size);
			payload_len += got - g.headers_len;
		}
		require(payload_len + g.left == packet_len - g.headers_len);
		require(n < count || gso_next(&g, to) == 0);
	}
	free(packet);
	free(before);
	free(to);
	free(expected);
	return 0;
}
