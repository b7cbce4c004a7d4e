/* Ports instead of sockets. */
#include "sim/doors.h"

#include <assert.h>

#include "sim/world.h"

#define FRESH_LOW  32768
#define FRESH_HIGH 60999 /* as Linux chooses them */

void doors_open(struct doors *d, struct machine *m, uint16_t port)
{
	*d = (struct doors){.machine = m, .ports = {port, port}};
}

void doors_close(struct doors *d)
{
	for (unsigned i = 0; i < DOORS_MAX; i++)
		d->ports[i] = 0;
}

static bool is_taken(const struct doors *d, uint16_t port)
{
	for (unsigned i = 0; i < DOORS_MAX; i++) {
		if (d->ports[i] == port)
			return true;
	}
	return false;
}

static void open_fresh(struct doors *d, uint64_t door)
{
	uint16_t port;

	assert(door >= 2 && door < DOORS_MAX);
	d->ports[door] = 0;
	if (d->refuse > 0) {
		d->refuse--;
		return;
	}
	do
		port = (uint16_t)world_between(d->machine->world, FRESH_LOW, FRESH_HIGH);
	while (is_taken(d, port));
	d->ports[door] = port;
}

static bool opens_later(const struct outbox *out, size_t i)
{
	uint64_t door = out->actions[i].id;

	while (++i < out->action_count) {
		if (out->actions[i].kind == ACTION_OPEN_DOOR && out->actions[i].id == door)
			return true;
	}
	return false;
}

static void send_packet(struct doors *d, const struct packet *p)
{
	uint16_t port = d->ports[p->via.door];
	struct interface *i = network_route(d->machine, &p->via.local, &p->via.remote);

	if (i == NULL) /* an address that is gone is forgotten */
		i = network_route(d->machine, &(struct addr){0}, &p->via.remote);
	if (i == NULL || port == 0) {
		d->failed++;
		return;
	}
	d->sent++;
	network_send(i, port, &p->via.remote, p->ttl, p->data, p->len);
}

void doors_flush(struct doors *d, const struct outbox *out)
{
	for (size_t i = 0; i < out->action_count; i++) {
		if (out->actions[i].kind == ACTION_OPEN_DOOR)
			open_fresh(d, out->actions[i].id);
	}
	for (size_t i = 0; i < out->net.count; i++) {
		const struct via *via = &out->net.packets[i].via;
		assert(via->kind == VIA_DIRECT && via->door < DOORS_MAX);
		assert((via->door & 1) == (via->remote.family == ADDR_V6));
		send_packet(d, &out->net.packets[i]);
	}
	for (size_t i = 0; i < out->action_count; i++) {
		if (out->actions[i].kind == ACTION_CLOSE_DOOR && !opens_later(out, i))
			d->ports[out->actions[i].id] = 0;
	}
}

bool doors_packet(const struct doors *d, struct parcel *p, struct packet *out)
{
	struct addr local = p->dst;
	unsigned door = local.family == ADDR_V6;

	while (door < DOORS_MAX && d->ports[door] != local.port)
		door += 2;
	if (door >= DOORS_MAX)
		return false;
	local.port = 0;
	*out = (struct packet){
		.data = p->data,
		.len = p->len,
		.via = {.kind = VIA_DIRECT,
			.door = (uint16_t)door,
			.remote = p->src,
			.local = local},
	};
	return true;
}
