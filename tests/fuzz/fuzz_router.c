/* Packets for the lab's router: a byte of its kind, then for each packet a byte of what to put right, two of time, two of
 * length, and the packet. Whatever comes: nothing inside shows outside, checksums that were right stay right, and who is let
 * out gets his answer. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "lab/router.h"
#include "support/ipmake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PACKETS_MAX 64

/* Bits of the byte before a packet. */
#define FROM_OUTSIDE 1
#define FIX_LENGTH   2
#define FIX_SUMS     4
#define TO_PUBLIC    8  /* the destination is the router's public address */
#define AS_HOST      16 /* the source is a host inside */

static const struct addr public = {.family = ADDR_V4, .ip = {203, 0, 113, 1}};
static const struct addr host = {.family = ADDR_V4, .ip = {192, 168, 1, 2}};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct natbox_config kind(uint8_t byte)
{
	return (struct natbox_config){
		.mapping = byte & 3,
		.filtering = (byte & 3) == NATBOX_NO_NAT
				     ? NATBOX_OPEN
				     : (enum natbox_filtering)(byte >> 2 & 3) % 3,
		.filtering6 = byte & 64 ? NATBOX_OPEN : NATBOX_ADF,
		.ports = byte >> 4 & 3,
		.step = 1,
		.block_len = 512,
		.hairpin = byte % 3,
		.input = byte % 5 % 3,
		.pool = {public},
		.pool_count = (byte & 3) == NATBOX_NO_NAT ? 0 : 1,
		.unconfirmed = MSEC(100),
		.confirmed = MSEC(200),
		.capacity = 16,
	};
}

static void repair(uint8_t what, uint8_t *packet, size_t len)
{
	bool is_v4 = len >= 20 && packet[0] >> 4 == 4, is_v6 = len >= 40 && packet[0] >> 4 == 6;

	if (is_v4 && what & AS_HOST)
		memcpy(packet + 12, host.ip, 4);
	if (is_v4 && what & TO_PUBLIC)
		memcpy(packet + 16, public.ip, 4);
	if (what & FIX_LENGTH && (is_v4 || is_v6))
		store_be16(packet + (is_v4 ? 2 : 4), (uint16_t)(is_v4 ? len : len - 40));
	if (what & FIX_SUMS)
		ipmake_sign(packet, len);
}

/* Who was let out is answered, and hears it. */
static void answered(struct router *r, const struct translate *before,
		     const struct translate *after, usec now)
{
	uint8_t packet[IPMAKE_MAX];
	size_t len;
	struct translate t;

	if (before->kind != TRANSLATE_FLOW || before->is_fragment)
		return;
	if (after->own.protocol == TRANSLATE_UDP)
		len = ipmake_udp(packet, &after->own.dst, &after->own.src, 10);
	else if (after->own.protocol == TRANSLATE_TCP)
		len = ipmake_tcp(packet, &after->own.dst, &after->own.src, 10);
	else if (before->is_echo_request)
		len = ipmake_echo(packet, &after->own.dst, &after->own.src, 10);
	else
		return;
	require(router_packet(r, ROUTER_OUTSIDE, packet, &len, sizeof packet, now) ==
		ROUTER_TO_INSIDE);
	require(ipmake_fault(packet, len) == NULL);
	require(translate_read(&t, packet, len) == TRANSLATE_OK);
	require(addr_equal(&t.own.dst, &before->own.src) &&
		addr_equal(&t.own.src, &before->own.dst));
}

static void pass(struct router *r, enum router_side from, const uint8_t *data, size_t len,
		 uint8_t what, usec now)
{
	/* Of its size and the room for an error behind, for the sanitizer. */
	size_t room = len > TRANSLATE_ERROR_MAX ? len : TRANSLATE_ERROR_MAX, new_len = len;
	uint8_t *packet = malloc(room), *copy = malloc(len + 1);
	struct translate before, after;

	require(packet != NULL && copy != NULL);
	memcpy(packet, data, len);
	repair(what, packet, len);
	memcpy(copy, packet, len);
	bool is_read = translate_read(&before, copy, len) == TRANSLATE_OK;
	bool was_right = is_read && ipmake_fault(copy, before.len) == NULL;

	enum router_way way = router_packet(r, from, packet, &new_len, room, now);
	if (way != ROUTER_DROP) {
		require(is_read && new_len <= room);
		require(translate_read(&after, packet, new_len) == TRANSLATE_OK &&
			after.len == new_len);
		require(!was_right || ipmake_fault(packet, new_len) == NULL);
		bool is_translated = after.own.src.family == ADDR_V4 && r->nb.config.pool_count > 0;
		if (way == ROUTER_TO_OUTSIDE && is_translated)
			require(addr_same_ip(&after.own.src, &public) ||
				addr_same_ip(&after.own.src, &before.own.dst));
		if (from == ROUTER_INSIDE && way == ROUTER_TO_OUTSIDE) {
			require(after.ttl + 1 == before.ttl);
			answered(r, &before, &after, now);
		}
	}
	free(packet);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct router router;
	struct reader in = reader_of(data, len);
	struct natbox_config config = kind(read_u8(&in));
	const struct addr own4 = {.family = ADDR_V4, .ip = {192, 168, 1, 1}};
	const struct addr own6 = {.family = ADDR_V6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	usec now = SEC(1);

	require(router_init(&router, &config, &own4, &own6, 1) == 0);
	for (int i = 0; i < PACKETS_MAX; i++) {
		uint8_t what = read_u8(&in);
		usec passes = read_be16(&in);
		size_t packet_len = read_be16(&in);
		const uint8_t *packet = read_bytes(&in, packet_len < 2000 ? packet_len : 2000);

		if (packet == NULL)
			break;
		now += passes;
		pass(&router, what & FROM_OUTSIDE ? ROUTER_OUTSIDE : ROUTER_INSIDE, packet,
		     packet_len < 2000 ? packet_len : 2000, what, now);
	}
	router_free(&router);
	return 0;
}
