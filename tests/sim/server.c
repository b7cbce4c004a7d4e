/* Carries datagrams to and from the model. */
#include "sim/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "sim/world.h"

/* An answer that is being thought about. */
struct thought {
	struct task task;
	struct server *server;
	struct stun_server_reply reply;
};

static void send_reply(struct server *s, const struct stun_server_reply *r)
{
	struct interface *i = network_route(&s->machine, &r->from, &r->to);

	if (i != NULL)
		network_send(i, r->from.port, &r->to, 0, r->data, r->len);
}

static void answer_late(struct task *t)
{
	struct thought *thought = list_entry(t, struct thought, task);

	send_reply(thought->server, &thought->reply);
	free(thought);
}

static void forget(struct task *t)
{
	free(list_entry(t, struct thought, task));
}

static void think(struct server *s, const struct stun_server_reply *r)
{
	struct world *w = s->machine.world;
	struct thought *t = world_alloc(sizeof *t);

	*t = (struct thought){
		.task = {.run = answer_late, .discard = forget}, .server = s, .reply = *r};
	agenda_set(&w->agenda, &t->task, w->now + r->after);
}

static void receive(struct machine *m, struct parcel *p)
{
	struct server *s = list_entry(m, struct server, machine);
	struct stun_server *stun = &s->stun[p->dst.family == ADDR_V6];
	struct stun_server_reply *replies = s->replies;
	size_t count = 0;

	if (stun_server_is_at(stun, &p->dst))
		count = stun_server_input(stun, &p->src, &p->dst, p->data, p->len, replies);
	for (size_t i = 0; i < count; i++) {
		if (replies[i].after > 0)
			think(s, &replies[i]);
		else
			send_reply(s, &replies[i]);
	}
	network_free_parcel(p);
}

struct server *server_add(struct world *w, const char *name, unsigned addresses)
{
	struct server *s = world_alloc(sizeof *s);
	uint64_t seed;

	assert(addresses == 1 || addresses == 2);
	s->machine.receive = receive;
	network_add(w, &s->machine, name);
	for (unsigned i = 0; i < addresses; i++)
		network_plug(&s->machine, &w->net.internet);
	for (unsigned f = 0; f < 2; f++) {
		rand_bytes(&w->rand, &seed, sizeof seed);
		s->stun[f] = (struct stun_server){
			.ip = {s->machine.interfaces[0].ip[f], s->machine.interfaces[1].ip[f]},
			.port = {SERVER_PORT, SERVER_OTHER_PORT},
			.rand = rand_seeded(seed),
		};
	}
	assert(w->server_count < WORLD_SERVERS_MAX);
	w->servers[w->server_count++] = s;
	return s;
}

void server_free(struct server *s)
{
	network_remove(&s->machine);
	free(s);
}
