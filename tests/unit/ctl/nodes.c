/* Nodes for tests of this room. */
#include "unit/ctl/nodes.h"

#include "support/test.h"

static struct addr outside(uint8_t number)
{
	return addr_v4((uint8_t[]){192, 0, 2, number}, 51820);
}

struct node nodes[5];

struct node *node_start(uint8_t number)
{
	struct node *n = &nodes[number];

	*n = (struct node){.number = number};
	env_fake_init(&n->env, number);
	memset(n->secret.bytes, number, sizeof n->secret.bytes);
	key_private_clamp(&n->secret);
	key_public_from(&n->key, &n->secret);
	n->m = mesh_new(&n->env.env);
	assert_non_null(n->m);
	assert_int_equal(outbox_init(&n->out), 0);
	return n;
}

void node_stop(struct node *n)
{
	mesh_free(n->m);
	outbox_free(&n->out);
}

void node_apply(struct node *n, struct delta *d, usec now)
{
	assert_int_equal(mesh_apply(n->m, d, now, &n->out), 0);
	delta_free(d);
}

struct delta *node_identity(const struct node *n)
{
	struct delta *d = delta_new();

	assert_non_null(d);
	d->has_private_key = true;
	d->private_key = n->secret;
	d->has_listen_port = true;
	d->listen_port = 51820;
	return d;
}

void node_add_peer(struct delta *d, const struct node *n, const char *name, bool anchor,
		   bool endpoint)
{
	struct delta_peer *p = delta_add_peer(d, &n->key);
	struct prefix inside = {.family = ADDR_V4, .len = 32, .ip = {10, 66, 0, n->number}};

	assert_non_null(p);
	p->has_meta = true;
	snprintf(p->name, sizeof p->name, "%s", name);
	p->anchor = anchor;
	p->has_endpoint = endpoint;
	p->endpoint = endpoint ? outside(n->number) : (struct addr){0};
	assert_true(delta_add_allowed(p, &inside, false));
}

void node_send(struct node *from, uint8_t to, usec now)
{
	static uint8_t memory[PACKET_SLOT];
	static struct batch in;
	uint8_t *packet = memory + PACKET_HEAD;
	const uint8_t header[28] = {0x45, 0,  0, 28,           0,  0,  0, 0, 64, 17, 0, 0,
				    10,   66, 0, from->number, 10, 66, 0, to};

	memcpy(packet, header, sizeof header);
	in = (struct batch){.packets[0] = {.data = packet, .len = sizeof header}, .count = 1};
	mesh_outbound(from->m, &in, now, &from->out);
}

/* What `from` wants to send arrives at `to`, if it is for it. */
static void carry(struct node *from, struct node *to, usec now)
{
	static struct batch in;

	in.count = 0;
	for (size_t i = 0; i < from->out.net.count; i++) {
		struct packet p = from->out.net.packets[i];
		struct addr there = outside(to->number);
		if (!addr_equal(&p.via.remote, &there))
			continue;
		p.via = (struct via){
			.kind = VIA_DIRECT, .remote = outside(from->number), .local = there};
		in.packets[in.count++] = p;
	}
	mesh_inbound(to->m, &in, now, &to->out);
	outbox_clear(&from->out);
}

void node_connect(struct node *a, struct node *b, usec now)
{
	node_send(a, b->number, now);
	for (int turns = 0; turns < 10 && (a->out.net.count != 0 || b->out.net.count != 0);
	     turns++) {
		carry(a, b, now);
		carry(b, a, now);
	}
}

void node_pass_time(struct node *n, usec from, usec to)
{
	for (usec now = from; now <= to; now += MSEC(100)) {
		mesh_tick(n->m, now, &n->out);
		outbox_clear(&n->out);
	}
}
