/* Inner packets made from their fields: TCP and UDP over IPv4 and IPv6, checksums right. */
#ifndef SUPPORT_INNER_H
#define SUPPORT_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INNER_OPTIONS_MAX 40

struct inner {
	bool v6, udp;
	uint8_t traffic_class, hop_limit;
	uint32_t flow_label;
	uint16_t id, fragment; /* of IPv4; fragment is the field with its flags */
	uint8_t src, dst;      /* last byte of the address */
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint16_t flags, window; /* flags with the reserved bits: 12 bits */
	uint8_t options[INNER_OPTIONS_MAX];
	size_t options_len; /* a multiple of 4 */
	size_t payload_len;
	uint8_t payload_seed; /* payload bytes count up from here */
};

/* TCP and UDP as hosts send them, between the same two: with DF and without, with timestamps, over
 * IPv6. Their numbers are about to wrap. */
#define INNER_EXAMPLES 5
extern const struct inner inner_examples[INNER_EXAMPLES];

/* The packet that follows this one in its flow: other payload, numbers counted on. */
void inner_advance(struct inner *in);

size_t inner_len(const struct inner *in);
/* Writes inner_len() bytes. */
void inner_write(uint8_t *out, const struct inner *in);
/* Make the checksums of a packet right after it was changed: of the IPv4 header, and of TCP or UDP
 * directly behind the IP header, as far as they lie inside `len`. */
void inner_sign(uint8_t *packet, size_t len);

/* The sum of the pseudo header, to begin a transport checksum with; folded. */
uint16_t inner_pseudo(const uint8_t *packet, uint8_t protocol, size_t transport_len);

#endif
