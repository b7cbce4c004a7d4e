/* The outbox: two batches, and memory for the datagrams that engines make. */
#include "base/outbox.h"

#include <assert.h>

int outbox_init(struct outbox *out)
{
	*out = (struct outbox){0};
	return slab_init(&out->slab, OUTBOX_SLOTS);
}

void outbox_free(struct outbox *out)
{
	slab_free(&out->slab);
	outbox_clear(out);
}

void outbox_clear(struct outbox *out)
{
	out->net.count = 0;
	out->tun.count = 0;
	out->action_count = 0;
	out->slots_used = 0;
}

static struct packet *append(struct outbox *out, struct batch *b, const struct packet *p)
{
	if (b->count == BATCH_MAX) {
		out->overflows++;
		return NULL;
	}
	b->packets[b->count] = *p;
	return &b->packets[b->count++];
}

struct packet *outbox_datagram(struct outbox *out, const struct via *via, size_t len)
{
	assert(len <= PACKET_DATA);

	if (out->slots_used == out->slab.slot_count) {
		out->overflows++;
		return NULL;
	}
	struct packet p = {.data = slab_data(&out->slab, out->slots_used), .len = len, .via = *via};
	struct packet *kept = append(out, &out->net, &p);
	if (kept != NULL)
		out->slots_used++;
	return kept;
}

size_t outbox_room(const struct outbox *out)
{
	size_t slots = out->slab.slot_count - out->slots_used, places = BATCH_MAX - out->net.count;

	return slots < places ? slots : places;
}

bool outbox_net(struct outbox *out, const struct packet *p)
{
	return append(out, &out->net, p) != NULL;
}

bool outbox_tun(struct outbox *out, const struct packet *p)
{
	return append(out, &out->tun, p) != NULL;
}

bool outbox_act(struct outbox *out, const struct action *a)
{
	if (out->action_count == OUTBOX_ACTIONS)
		return false;
	out->actions[out->action_count++] = *a;
	return true;
}
