#include "support/nodes.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "mesh/mesh_impl.h"

struct node nodes[NODES_MAX];

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct addr node_outside(uint8_t number)
{
	return addr_v4((uint8_t[]){192, 0, 2, number}, 51820);
}

struct node *node_start(uint8_t number)
{
	struct node *n = &nodes[number];

	*n = (struct node){.number = number};
	env_fake_init(&n->env, number);
	memset(n->secret.bytes, number, sizeof n->secret.bytes);
	key_private_clamp(&n->secret);
	key_public_from(&n->key, &n->secret);
	n->m = mesh_new(&n->env.env);
	must(n->m != NULL && outbox_init(&n->out) == 0);
	return n;
}

void node_stop(struct node *n)
{
	mesh_free(n->m);
	outbox_free(&n->out);
}

/* --- configuration ---------------------------------------------------------------------------------------------- */

void node_apply(struct node *n, struct delta *d, usec now)
{
	must(mesh_apply(n->m, d, now, &n->out) == 0);
	delta_free(d);
}

struct delta *node_identity(const struct node *n)
{
	struct delta *d = delta_new();

	must(d != NULL);
	d->has_private_key = true;
	d->private_key = n->secret;
	d->has_listen_port = true;
	d->listen_port = 51820;
	return d;
}

struct delta_peer *node_add_peer(struct delta *d, const struct node *n, const char *name,
				 bool anchor, bool endpoint)
{
	struct delta_peer *p = delta_add_peer(d, &n->key);
	struct prefix inside4 = {.family = ADDR_V4, .len = 32, .ip = {10, 66, 0, n->number}};
	struct prefix inside6 = {.family = ADDR_V6,
				 .len = 128,
				 .ip = {0x20, 1, 0x0d, 0xb8, 0, 0x66, [15] = n->number}};

	must(p != NULL);
	p->has_meta = true;
	snprintf(p->name, sizeof p->name, "%s", name);
	p->anchor = anchor;
	p->has_endpoint = endpoint;
	p->endpoint = endpoint ? node_outside(n->number) : (struct addr){0};
	must(delta_add_allowed(p, &inside4, false) && delta_add_allowed(p, &inside6, false));
	return p;
}

static void introduce(struct node *to, const struct node *n, usec now)
{
	struct delta *d = node_identity(to);

	node_add_peer(d, n, "", false, true);
	node_apply(to, d, now);
}

void node_introduce(struct node *a, struct node *b, usec now)
{
	introduce(a, b, now);
	introduce(b, a, now);
}

/* --- inner packets ---------------------------------------------------------------------------------------------- */

void node_write_ip4(uint8_t *at, uint8_t from, uint8_t to, size_t len, uint8_t fill)
{
	const uint8_t header[20] = {0x45, 0, 0,  0,  0, 0,    0,  0,  64, 17,
				    0,    0, 10, 66, 0, from, 10, 66, 0,  to};

	must(len >= sizeof header && len <= UINT16_MAX);
	memset(at, fill, len);
	memcpy(at, header, sizeof header);
	store_be16(at + 2, (uint16_t)len);
}

void node_write_ip6(uint8_t *at, uint8_t from, uint8_t to, size_t len, uint8_t fill)
{
	const uint8_t header[40] = {0x60,
				    [6] = 17,
				    64,
				    /* from */ 0x20,
				    1,
				    0x0d,
				    0xb8,
				    0,
				    0x66,
				    [23] = from,
				    /* to */ 0x20,
				    1,
				    0x0d,
				    0xb8,
				    0,
				    0x66,
				    [39] = to};

	must(len >= sizeof header && len <= UINT16_MAX);
	memset(at, fill, len);
	memcpy(at, header, sizeof header);
	store_be16(at + 4, (uint16_t)(len - sizeof header));
}

void node_send_bytes(struct node *from, const void *packet, size_t len, usec now)
{
	static uint8_t memory[PACKET_SLOT];
	static struct batch in;

	memcpy(memory + PACKET_HEAD, packet, len);
	in = (struct batch){.packets[0] = {.data = memory + PACKET_HEAD, .len = len}, .count = 1};
	mesh_outbound(from->m, &in, now, &from->out);
}

void node_send(struct node *from, uint8_t to, usec now)
{
	uint8_t packet[28];

	node_write_ip4(packet, from->number, to, sizeof packet, 0);
	node_send_bytes(from, packet, sizeof packet, now);
}

/* --- datagrams -------------------------------------------------------------------------------------------------- */

static uint8_t whose(const struct addr *outside)
{
	for (uint8_t i = 0; i < NODES_MAX; i++) {
		struct addr a = node_outside(i);
		if (addr_equal(&a, outside))
			return i;
	}
	return 0;
}

size_t node_take(struct node *n, struct letter *letters, size_t room)
{
	size_t count = n->out.net.count;

	must(count <= room);
	for (size_t i = 0; i < count; i++) {
		const struct packet *p = &n->out.net.packets[i];
		must(p->len <= LETTER_MAX && p->via.kind == VIA_DIRECT);
		letters[i] = (struct letter){
			.to = whose(&p->via.remote),
			.via = {.kind = VIA_DIRECT,
				.remote = node_outside(n->number),
				.local = p->via.remote},
			.len = p->len,
		};
		memcpy(letters[i].data, p->data, p->len);
	}
	n->out.net.count = n->out.slots_used = 0;
	return count;
}

void node_hand(struct node *to, const struct letter *letters, size_t count, usec now)
{
	static uint8_t memory[BATCH_MAX][PACKET_HEAD + LETTER_MAX + PACKET_TAIL];
	static struct batch in;

	must(count <= BATCH_MAX);
	in.count = count;
	for (size_t i = 0; i < count; i++) {
		in.packets[i] = (struct packet){.data = memory[i] + PACKET_HEAD,
						.len = letters[i].len,
						.via = letters[i].via};
		memcpy(in.packets[i].data, letters[i].data, letters[i].len);
	}
	mesh_inbound(to->m, &in, now, &to->out);
}

enum drop node_hand_bytes(struct node *to, const void *data, size_t len, const struct addr *from,
			  usec now)
{
	struct drops before = to->m->shared.drops;
	static struct letter l;

	must(len <= LETTER_MAX);
	l = (struct letter){
		.via = {.kind = VIA_DIRECT, .remote = *from, .local = node_outside(to->number)},
		.len = len,
	};
	memcpy(l.data, data, len);
	node_hand(to, &l, 1, now);
	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++) {
		if (node_drops(to, i) != before.count[i])
			return i;
	}
	return DROP_NONE;
}

static struct letter *only_letter(struct node *from, uint32_t type)
{
	static struct letter l;

	must(node_take(from, &l, 1) == 1 && load_le32(l.data) == type);
	return &l;
}

struct letter *node_data(struct node *from, const void *packet, size_t len, usec now)
{
	node_send_bytes(from, packet, len, now);
	return only_letter(from, MESSAGE_DATA);
}

struct letter *node_ping(struct node *from, uint8_t to, usec now)
{
	node_send(from, to, now);
	return only_letter(from, MESSAGE_DATA);
}

struct letter *node_initiation(struct node *from, uint8_t to, usec now)
{
	node_send(from, to, now);
	return only_letter(from, MESSAGE_INITIATION);
}

/* What `from` wants to send arrives at `to`, if it is for it. Returns how much it was. */
static size_t carry(struct node *from, struct node *to, usec now)
{
	static struct letter letters[BATCH_MAX];
	size_t count = node_take(from, letters, BATCH_MAX), kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (letters[i].to == to->number)
			letters[kept++] = letters[i];
	}
	node_hand(to, letters, kept, now);
	return count;
}

void node_settle(struct node *a, struct node *b, usec now)
{
	for (int turns = 0; turns < 10; turns++) {
		if (carry(a, b, now) + carry(b, a, now) == 0)
			return;
	}
	abort();
}

static size_t carry_to_all(struct node *from, struct node *const *all, size_t nodes_count, usec now)
{
	static struct letter letters[BATCH_MAX];
	size_t count = node_take(from, letters, BATCH_MAX);

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < nodes_count; k++) {
			if (all[k]->number == letters[i].to)
				node_hand(all[k], &letters[i], 1, now);
		}
	}
	return count;
}

void node_settle_all(struct node *const *all, size_t count, usec now)
{
	for (int turns = 0; turns < 10; turns++) {
		size_t carried = 0;
		for (size_t i = 0; i < count; i++)
			carried += carry_to_all(all[i], all, count, now);
		if (carried == 0)
			return;
	}
	abort();
}

void node_connect(struct node *a, struct node *b, usec now)
{
	node_send(a, b->number, now);
	node_settle(a, b, now);
}

void node_pass_time(struct node *n, usec from, usec to)
{
	for (usec now = from; now <= to; now += MSEC(100)) {
		mesh_tick(n->m, now, &n->out);
		outbox_clear(&n->out);
	}
}

/* --- what a node knows ------------------------------------------------------------------------------------------ */

struct peer *node_peer(const struct node *n, const struct node *peer)
{
	return table_find(&n->m->by_key, &peer->key);
}

uint64_t node_drops(const struct node *n, enum drop why)
{
	return n->m->shared.drops.count[why];
}

uint64_t node_all_drops(const struct node *n)
{
	uint64_t sum = 0;

	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		sum += node_drops(n, i);
	return sum;
}

/* Chained: each hash is the key of the next. */
static void mix(uint8_t key[static crypto_shorthash_KEYBYTES], const void *data, size_t len)
{
	crypto_shorthash(key, data, len, key);
}

uint64_t node_digest_peer(const struct node *n, const struct node *peer)
{
	const struct peer *p = node_peer(n, peer);
	uint8_t key[crypto_shorthash_KEYBYTES] = {0};
	struct peer copy;

	if (p != NULL) {
		memcpy(&copy, p, sizeof copy);
		copy.deadline.slot = 0; /* its place among the others is not its own */
		copy.order = (struct list){0};
		mix(key, &copy, sizeof copy);
		key_wipe(&copy, sizeof copy);
	}
	return load_le64(key);
}

uint64_t node_digest(const struct node *n)
{
	const struct mesh *m = n->m;
	const struct index *index = &m->shared.index;
	const struct staging *staging = &m->shared.staging;
	uint8_t key[crypto_shorthash_KEYBYTES] = {0};

	list_for_each (item, &m->peers)
		mix(key, list_entry(item, struct peer, order), sizeof(struct peer));
	mix(key, &m->peer_count, sizeof m->peer_count);
	mix(key, &m->by_key, sizeof m->by_key);
	mix(key, &m->by_id, sizeof m->by_id);
	mix(key, &m->allowed, sizeof m->allowed);
	mix(key, &m->deadlines, sizeof m->deadlines);
	mix(key, index, sizeof *index);
	mix(key, index->slots, index->slot_count * sizeof index->slots[0]);
	mix(key, staging->slots, sizeof staging->slots);
	mix(key, &staging->free, sizeof staging->free);
	return load_le64(key);
}
