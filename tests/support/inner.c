/* Inner packets from their fields, byte by byte and slowly: nothing here is shared with the code
 * under test. RFC 791, 8200, 9293, 768. */
#include "support/inner.h"

#include <string.h>

#include "base/bytes.h"
#include "support/cutter.h"

#define ACK 0x010
#define BETWEEN_TWO                                                                                \
	.traffic_class = 2, .hop_limit = 64, .src = 1, .dst = 2, .src_port = 5001, .dst_port = 443

const struct inner inner_examples[INNER_EXAMPLES] = {
	{BETWEEN_TWO, .id = 7, .fragment = 0x4000, .seq = 0xffffff00, .flags = ACK, .window = 501},
	{BETWEEN_TWO, .id = 7, .seq = 1, .ack = 77, .flags = ACK,
	 .options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, .options_len = 12},
	{BETWEEN_TWO, .v6 = true, .seq = 0xfffffff0, .flags = ACK, .flow_label = 0xabcde},
	{BETWEEN_TWO, .udp = true, .id = 0xffff},
	{BETWEEN_TWO, .udp = true, .v6 = true},
};

void inner_advance(struct inner *in)
{
	in->seq += (uint32_t)in->payload_len;
	in->id++;
	in->payload_seed += 13;
}

static size_t ip_header_len(const uint8_t *packet)
{
	return packet[0] >> 4 == 6 ? 40 : (size_t)(packet[0] & 15) * 4;
}

size_t inner_len(const struct inner *in)
{
	return (in->v6 ? 40u : 20u) + (in->udp ? 8 : 20 + in->options_len) + in->payload_len;
}

uint16_t inner_pseudo(const uint8_t *packet, uint8_t protocol, size_t transport_len)
{
	bool v6 = packet[0] >> 4 == 6;
	uint8_t rest[4] = {0, protocol};

	store_be16(rest + 2, (uint16_t)transport_len);
	return cutter_sum(cutter_sum(0, packet + (v6 ? 8 : 12), v6 ? 32 : 8), rest, sizeof rest);
}

void inner_sign(uint8_t *packet, size_t len)
{
	size_t ip_len = ip_header_len(packet);
	bool v6 = packet[0] >> 4 == 6;
	uint8_t protocol = packet[v6 ? 6 : 9];
	size_t at = ip_len + (protocol == 6 ? 16 : 6);

	if (!v6 && len >= 20 && len >= ip_len) {
		store_be16(packet + 10, 0);
		store_be16(packet + 10, (uint16_t)~cutter_sum(0, packet, ip_len));
	}
	if ((protocol != 6 && protocol != 17) || at + 2 > len)
		return;
	store_be16(packet + at, 0);
	uint16_t sum = (uint16_t)~cutter_sum(inner_pseudo(packet, protocol, len - ip_len),
					     packet + ip_len, len - ip_len);
	store_be16(packet + at, sum == 0 && protocol == 17 ? 0xffff : sum);
}

void inner_write(uint8_t *out, const struct inner *in)
{
	size_t len = inner_len(in), ip_len = in->v6 ? 40 : 20;
	uint8_t *tp = out + ip_len, *payload = out + len - in->payload_len;

	memset(out, 0, len);
	if (in->v6) {
		store_be32(out, 6u << 28 | (uint32_t)in->traffic_class << 20 | in->flow_label);
		store_be16(out + 4, (uint16_t)(len - ip_len));
		out[6] = in->udp ? 17 : 6;
		out[7] = in->hop_limit;
		store_be32(out + 8, 0x20010db8);
		out[23] = in->src;
		store_be32(out + 24, 0x20010db8);
		out[39] = in->dst;
	} else {
		out[0] = 0x45;
		out[1] = in->traffic_class;
		store_be16(out + 2, (uint16_t)len);
		store_be16(out + 4, in->id);
		store_be16(out + 6, in->fragment);
		out[8] = in->hop_limit;
		out[9] = in->udp ? 17 : 6;
		store_be32(out + 12, 0x0a420000u | in->src);
		store_be32(out + 16, 0x0a420000u | in->dst);
	}
	store_be16(tp, in->src_port);
	store_be16(tp + 2, in->dst_port);
	if (in->udp) {
		store_be16(tp + 4, (uint16_t)(len - ip_len));
	} else {
		store_be32(tp + 4, in->seq);
		store_be32(tp + 8, in->ack);
		store_be16(tp + 12, (uint16_t)((5 + in->options_len / 4) << 12 | in->flags));
		store_be16(tp + 14, in->window);
		memcpy(tp + 20, in->options, in->options_len);
	}
	for (size_t i = 0; i < in->payload_len; i++)
		payload[i] = (uint8_t)(in->payload_seed + i * 7 + (i >> 8));
	inner_sign(out, len);
}
