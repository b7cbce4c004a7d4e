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
	out->kept = 0;
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

	if (outbox_room(out) == 0) {
		out->overflows++;
		return NULL;
	}
	struct packet p = {
		.data = slab_data(&out->slab, out->slots_used++), .len = len, .via = *via};
	return append(out, &out->net, &p);
}

size_t outbox_room(const struct outbox *out)
{
	size_t slots = out->slab.slot_count - out->slots_used, places = BATCH_MAX - out->net.count;

	places -= out->kept < places ? out->kept : places;
	return slots < places ? slots : places;
}

void outbox_keep(struct outbox *out, size_t count)
{
	out->kept = count;
}

bool outbox_net(struct outbox *out, const struct packet *p)
{
	out->kept -= out->kept > 0;
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
