/* Joining for the TUN: a batch of inner packets as the input says, from the fields of flows or byte by
 * byte, each in a block of exactly its size (reliability.md 4.1, harness 12). Cut apart again they are
 * what they were.
 *
 *     kinds 1 | { what 1 | payload 1 | { where 1 | change 1 } ... } ...
 *     what: bits 0-2 flow (5 and more: `payload` bytes follow, the packet), 3 the flow goes on,
 *           4 checksums made right, 5-6 how many changes, 7 payload in units of 16 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "support/inner.h"
#include "support/recut.h"
#include "tun/vnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PACKET_MAX (40 + 20 + 40 + 16 * 255)

struct scene {
	struct batch before, batch;
	struct gro gro;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void add(struct scene *s, const uint8_t *packet, size_t len)
{
	size_t i = s->batch.count++;
	uint8_t *copy = malloc(len > 0 ? len : 1), *block = malloc(VNET_LEN + len);

	require(copy != NULL && block != NULL);
	memcpy(copy, packet, len);
	memcpy(block + VNET_LEN, packet, len);
	s->before.packets[i] = (struct packet){.data = copy, .len = len};
	s->batch.packets[i] = (struct packet){.data = block + VNET_LEN, .len = len};
	s->before.count = i + 1;
}

static void add_from(struct scene *s, struct inner *flows, struct reader *r)
{
	uint8_t packet[PACKET_MAX], what = read_u8(r), payload = read_u8(r);
	size_t flow = what & 7, changes = what >> 5 & 3, len = payload;

	if (flow >= INNER_EXAMPLES) {
		const uint8_t *raw = read_bytes(r, len);

		if (raw != NULL)
			add(s, raw, len);
		return;
	}
	flows[flow].payload_len = what & 0x80 ? (size_t)payload * 16 : payload;
	len = inner_len(&flows[flow]);
	inner_write(packet, &flows[flow]);
	for (; changes > 0; changes--) {
		size_t at = read_u8(r);

		packet[at < len ? at : 0] ^= read_u8(r);
	}
	if (what & 0x10)
		inner_sign(packet, len);
	if (what & 0x08)
		inner_advance(&flows[flow]);
	add(s, packet, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct scene s;
	struct inner flows[INNER_EXAMPLES];
	struct reader r = reader_of(data, len);
	unsigned kinds = read_u8(&r) & (GRO_TCP | GRO_UDP);

	memcpy(flows, inner_examples, sizeof flows);
	s.batch.count = s.before.count = 0;
	while (reader_left(&r) > 0 && reader_ok(&r) && s.batch.count < BATCH_MAX)
		add_from(&s, flows, &r);

	gro_join(&s.gro, &s.batch, kinds);
	require(recut_fault(&s.gro, &s.before) == NULL);
	for (size_t i = 0; i < s.batch.count; i++) {
		free(s.batch.packets[i].data - VNET_LEN);
		free(s.before.packets[i].data);
	}
	return 0;
}
