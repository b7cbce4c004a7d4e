/* See queue.h. The control law and its memory are those of RFC 8289, 5.5 and 5.6. */
#include "tun/queue.h"

#include <assert.h>
#include <string.h>

#include "base/ip.h"

#define REMEMBERED_FOR (16 * QUEUE_INTERVAL)
#define ROOTS          16 /* beyond, losses come no faster */

_Static_assert(QUEUE_SLOTS <= UINT8_MAX,
	       "slots are numbered, and items of a flow counted, in bytes");
_Static_assert(QUEUE_FLOWS == UINT8_MAX + 1, "flows are numbered in bytes");

void queue_init(struct queue *q)
{
	*q = (struct queue){.free_count = QUEUE_SLOTS};
	for (size_t i = 0; i < QUEUE_SLOTS; i++)
		q->free[i] = (uint8_t)i;
}

/* --- flows ------------------------------------------------------------------------------------------------------ */

static uint32_t mix(uint32_t hash, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 4 <= len; i += 4)
		hash = (hash ^ load_le32(bytes + i)) * 0x9e3779b1U;
	return hash;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP;
}

static struct queue_flow flow_of(uint32_t pair, uint8_t protocol, const uint8_t *transport,
				 size_t len)
{
	uint32_t flow = mix(pair, (uint8_t[]){protocol, 0, 0, 0}, 4);

	if (has_ports(protocol) && len >= 4)
		flow = mix(flow, transport, 4);
	return (struct queue_flow){.flow = (uint8_t)(flow >> 24), .pair = (uint8_t)(pair >> 24)};
}

struct queue_flow queue_flow_of(const uint8_t *packet, size_t len)
{
	struct queue_flow f = {0};
	size_t header_len;

	if (len >= IP4_HEADER_LEN && packet[0] >> 4 == 4) {
		header_len = (size_t)(packet[0] & 15) * 4;
		if (header_len <= len)
			f = flow_of(mix(4, packet + 12, 8), packet[9], packet + header_len,
				    len - header_len);
		f.fragment = (load_be16(packet + 6) & 0x3fff) != 0;
	} else if (len >= IP6_HEADER_LEN && packet[0] >> 4 == 6) {
		f = flow_of(mix(6, packet + 8, 32), packet[6], packet + IP6_HEADER_LEN,
			    len - IP6_HEADER_LEN);
		f.fragment = packet[6] == IP_PROTOCOL_FRAGMENT;
	}
	return f;
}

bool queue_holds(const struct queue *q, const struct queue_flow *f)
{
	return f->fragment ? q->pairs[f->pair] > 0
			   : q->flows[f->flow] > 0 || q->fragments[f->pair] > 0;
}

/* --- in and out ------------------------------------------------------------------------------------------------- */

int queue_room(const struct queue *q)
{
	return q->free_count > 0 ? q->free[q->free_count - 1] : -1;
}

void queue_push(struct queue *q, const struct vnet *vnet, size_t len, const struct queue_flow *flow,
		usec now)
{
	assert(q->free_count > 0);
	q->items[(q->first + q->count) % QUEUE_SLOTS] = (struct queue_item){
		.vnet = *vnet,
		.len = len,
		.read_at = now,
		.slot = q->free[--q->free_count],
		.flow = *flow,
	};
	q->count++;
	q->flows[flow->flow]++;
	q->pairs[flow->pair]++;
	q->fragments[flow->pair] += flow->fragment;
}

const struct queue_item *queue_first(const struct queue *q)
{
	return q->count > 0 ? &q->items[q->first] : NULL;
}

void queue_pop(struct queue *q)
{
	const struct queue_item *item = &q->items[q->first];

	assert(q->count > 0);
	q->flows[item->flow.flow]--;
	q->pairs[item->flow.pair]--;
	q->fragments[item->flow.pair] -= item->flow.fragment;
	q->free[q->free_count++] = item->slot;
	q->first = (q->first + 1) % QUEUE_SLOTS;
	q->count--;
}

/* --- losses ----------------------------------------------------------------------------------------------------- */

/* QUEUE_INTERVAL / sqrt(count), in thousandths of it. */
static usec between(unsigned count)
{
	static const uint16_t thousandths[ROOTS] = {1000, 707, 577, 500, 447, 408, 378, 354,
						    333,  316, 302, 289, 277, 267, 258, 250};

	return QUEUE_INTERVAL / 1000 * thousandths[count < ROOTS ? count - 1 : ROOTS - 1];
}

static void begin_to_stand(struct queue *q, usec now)
{
	bool again = q->losses > 2 && now - q->lost_at < REMEMBERED_FOR;

	q->stands = true;
	q->losses = again ? q->losses - 2 : 0;
	q->lose_at = now + QUEUE_INTERVAL;
}

bool queue_loses(struct queue *q, usec now)
{
	assert(q->count > 0);
	if (now - q->items[q->first].read_at < QUEUE_TARGET) {
		q->stands = false;
		return false;
	}
	if (!q->stands)
		begin_to_stand(q, now);
	if (!usec_due(q->lose_at, now))
		return false;
	q->losses++;
	q->lost_at = now;
	q->lose_at = now + between(q->losses);
	return true;
}
