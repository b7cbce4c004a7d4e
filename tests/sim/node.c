/* What daemon.c is to the real mesh, without a system below. */
#include "sim/node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"
#include "sim/flow.h"

#define MTU        1420
#define AWAY       SEC(2)          /* LOOP_AWAY of io/loop.h: longer ones are noticed */
#define EPOCH      SEC(1795260000) /* the right wall clock when the world begins: 2026-11-21 */
#define PLACES     SEC(1)          /* STORE_PLACES_EVERY */
#define STAMPS     SEC(60)         /* STORE_STAMPS_EVERY */
#define UPTIME_MAX SEC(1000000)
#define ROUNDS_MAX 64 /* ticks at one instant */

static void finish(struct node *n);

static struct world *world_of(const struct node *n)
{
	return n->machine.world;
}

usec node_now(const struct node *n)
{
	return timepiece_read(&n->clock, world_of(n)->now);
}

static void tell(const struct node *n, const char *what)
{
	trace_line(&world_of(n)->trace, "%s %s", n->machine.name, what);
}

/* --- addresses -------------------------------------------------------------------------------------------------- */

static struct prefix inner_prefix(const struct node *n, uint8_t family)
{
	uint8_t high = (uint8_t)(n->number >> 8), low = (uint8_t)n->number;

	if (family == ADDR_V4)
		return (struct prefix){.family = ADDR_V4, .len = 32, .ip = {10, 66, high, low}};
	return (struct prefix){.family = ADDR_V6,
			       .len = 128,
			       .ip = {0x20, 1, 0x0d, 0xb8, 0, 0x66, [14] = high, low}};
}

struct addr node_inner_addr(const struct node *n)
{
	return addr_v4(inner_prefix(n, ADDR_V4).ip, 0);
}

struct addr node_endpoint(const struct node *n)
{
	const struct interface *i = &n->machine.interfaces[0];
	struct addr a = i->site->outside == NULL ? i->ip[0] : (struct addr){0};

	a.port = addr_is_set(&a) ? NODE_PORT : 0;
	return a;
}

/* What tun/watch would have found. */
static void look_at_host(struct node *n)
{
	struct host *h = &n->host;

	h->outside.count = h->default_count = 0;
	for (uint32_t i = 0; i < n->machine.interface_count; i++) {
		const struct interface *at = &n->machine.interfaces[i];
		for (unsigned f = 0; f < 2 && at->up; f++) {
			struct host_address *a = &h->outside.items[h->outside.count];
			if (!addr_is_set(&at->ip[f]))
				continue;
			*a = (struct host_address){
				.prefix = {.family = at->ip[f].family, .len = f == 0 ? 24 : 64},
				.link = i + 2,
			};
			memcpy(a->prefix.ip, at->ip[f].ip, sizeof a->prefix.ip);
			h->outside.count++;
			h->defaults[h->default_count++] = (struct host_default){
				.link = i + 2, .metric = i, .family = at->ip[f].family};
		}
	}
}

/* --- the edge --------------------------------------------------------------------------------------------------- */

static const char *kind_of(const struct packet *p)
{
	static const char *const kinds[] = {"initiation", "response", "cookie", "data"};
	uint32_t type = p->len >= 4 ? load_le32(p->data) : 0;

	return type >= 1 && type <= 4 ? kinds[type - 1] : "other";
}

static void note_datagram(const struct node *n, const struct packet *p)
{
	struct trace *t = &world_of(n)->trace;
	char to[ADDR_TEXT_MAX];

	trace_number(t, n->number);
	trace_bytes(t, p->data, p->len);
	if (t->print)
		trace_line(t, "%s > %s: %s, %zu bytes", n->machine.name,
			   addr_print(&p->via.remote, to), kind_of(p), p->len);
}

/* Where a name leads: to what is at the Internet. */
static size_t look_up(struct world *w, const char *name, struct addr addrs[static 2])
{
	const struct machine *m = network_find(w, name);
	const struct interface *i = m != NULL ? &m->interfaces[0] : NULL;

	if (i == NULL || i->site->outside != NULL)
		return 0;
	addrs[0] = i->ip[0];
	addrs[1] = i->ip[1];
	return 2;
}

static void answer(struct task *t)
{
	struct node_question *q = list_entry(t, struct node_question, task);
	struct node *n = q->node;
	struct addr addrs[2];
	const char *name;
	size_t count;

	if (n->lives != q->life || n->life == NODE_DEAD)
		return;
	if (n->life != NODE_AWAKE) { /* the answer waits */
		agenda_set(&world_of(n)->agenda, t, world_of(n)->now + SEC(1));
		return;
	}
	name = mesh_endpoint_name(n->mesh, q->id);
	count = name != NULL ? look_up(world_of(n), name, addrs) : 0;
	mesh_resolved(n->mesh, q->id, addrs, count, node_now(n), &world_of(n)->out);
	finish(n);
}

static void ask(struct node *n, uint64_t id)
{
	struct world *w = world_of(n);
	struct node_question *q = n->questions;

	while (q->task.slot != 0)
		q++;
	assert(q < n->questions + NODE_QUESTIONS_MAX);
	*q = (struct node_question){.task.run = answer, .node = n, .id = id, .life = n->lives};
	agenda_set(&w->agenda, &q->task, w->now + world_between(w, MSEC(1), MSEC(100)));
}

static void flush(struct node *n)
{
	struct outbox *out = &world_of(n)->out;
	uint64_t failed = n->doors.failed;
	struct event e;

	for (size_t i = 0; i < out->action_count; i++) {
		if (out->actions[i].kind == ACTION_RESOLVE)
			ask(n, out->actions[i].id);
	}
	for (size_t i = 0; i < out->net.count; i++) {
		oracle_datagram(n, &out->net.packets[i]);
		note_datagram(n, &out->net.packets[i]);
	}
	doors_flush(&n->doors, out);
	if (n->doors.failed > failed)
		mesh_count_drop(n->mesh, DROP_SEND_FAILED, n->doors.failed - failed);
	for (size_t i = 0; i < out->tun.count; i++)
		flow_delivered(n, out->tun.packets[i].data, out->tun.packets[i].len);
	outbox_clear(out);
	while (mesh_event_take(n->mesh, &e))
		;
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static void wake_at(struct node *n, struct task *t, usec at)
{
	struct world *w = world_of(n);
	usec when = n->life == NODE_AWAKE ? timepiece_when(&n->clock, at) : USEC_NEVER;

	when = usec_max(when, w->now);
	if (when != t->at || t->slot == 0)
		agenda_set(&w->agenda, t, when);
}

/* When to do what there is to do. */
static void arm(struct node *n)
{
	usec every = PLACES;

	if (n->mesh == NULL) {
		agenda_set(&world_of(n)->agenda, &n->tick, USEC_NEVER);
		agenda_set(&world_of(n)->agenda, &n->save, USEC_NEVER);
		return;
	}
	if (mesh_places(n->mesh) == n->saved_places)
		every = STAMPS;
	wake_at(n, &n->tick, mesh_deadline(n->mesh));
	wake_at(n, &n->save, n->saved_at + every);
}

/* After each call into the mesh. What a full outbox left undone is done now, as in the daemon's next turn. */
static void finish(struct node *n)
{
	unsigned rounds = 0;

	flush(n);
	while (usec_due(mesh_deadline(n->mesh), node_now(n)) && rounds++ < ROUNDS_MAX) {
		mesh_tick(n->mesh, node_now(n), &world_of(n)->out);
		flush(n);
	}
	world_expect(world_of(n), rounds <= ROUNDS_MAX, "%s spins: its deadline stays in the past",
		     n->machine.name);
	oracle_step(n);
	arm(n);
}

static void set_env_wall(struct node *n)
{
	n->env.wall_offset = EPOCH + world_of(n)->now + n->wall_ahead - node_now(n);
}

static void on_tick(struct task *t)
{
	struct node *n = list_entry(t, struct node, tick);

	trace_number(&world_of(n)->trace, (uint64_t)world_of(n)->now);
	set_env_wall(n);
	mesh_tick(n->mesh, node_now(n), &world_of(n)->out);
	finish(n);
}

/* --- the disk --------------------------------------------------------------------------------------------------- */

static void on_save(struct task *t)
{
	struct node *n = list_entry(t, struct node, save);
	int err;

	past_free(&n->saved);
	err = mesh_past(n->mesh, node_now(n), &n->saved);
	assert(err == 0);
	n->saved_at = node_now(n);
	n->saved_places = mesh_places(n->mesh);
	arm(n);
}

static void restore(struct node *n)
{
	struct past copy;

	if (n->saved.count == 0)
		return;
	if (past_init(&copy, &n->saved.self, n->saved.count) < 0)
		abort();
	memcpy(copy.peers, n->saved.peers, n->saved.count * sizeof copy.peers[0]);
	copy.count = n->saved.count;
	mesh_restore_take(n->mesh, &copy);
}

/* --- who knows whom --------------------------------------------------------------------------------------------- */

static void describe(struct delta *d, const struct acquaintance *a)
{
	struct delta_peer *p = delta_add_peer(d, &a->other->key);
	struct prefix v4 = inner_prefix(a->other, ADDR_V4), v6 = inner_prefix(a->other, ADDR_V6);

	if (p == NULL || !delta_add_allowed(p, &v4, false) || !delta_add_allowed(p, &v6, false))
		abort();
	p->has_meta = p->has_keepalive = true;
	snprintf(p->name, sizeof p->name, "%s", a->other->machine.name);
	p->keepalive = a->keepalive;
	if (a->by_name) {
		p->host = a->other->machine.name;
		p->port = NODE_PORT;
	} else if (!a->no_endpoint && addr_is_set(&a->endpoint)) {
		p->has_endpoint = true;
		p->endpoint = a->endpoint;
	}
}

static struct delta *new_delta(void)
{
	struct delta *d = delta_new();

	if (d == NULL)
		abort();
	return d;
}

static void apply(struct node *n, struct delta *d)
{
	int err = mesh_apply(n->mesh, d, node_now(n), &world_of(n)->out);

	assert(err == 0);
	delta_free(d);
	finish(n);
}

static void learn(struct node *n, struct node *other, const struct acquaintance *how)
{
	struct acquaintance *a = &n->known[n->known_count++];
	struct delta *d;

	assert(n->known_count <= WORLD_NODES_MAX);
	*a = *how;
	a->other = other;
	a->endpoint = node_endpoint(other);
	if (n->life != NODE_AWAKE)
		return;
	d = new_delta();
	describe(d, a);
	apply(n, d);
}

void node_introduce_as(struct node *a, struct node *b, const struct acquaintance *how)
{
	learn(a, b, how);
	learn(b, a, how);
}

void node_introduce_all(struct world *w, uint16_t keepalive)
{
	for (size_t i = 0; i < w->node_count; i++) {
		for (size_t j = i + 1; j < w->node_count; j++)
			node_introduce_as(w->nodes[i], w->nodes[j],
					  &(struct acquaintance){.keepalive = keepalive});
	}
}

void node_ask_servers(struct node *n, struct server *const *servers, size_t count)
{
	struct conf_list stun = {.items = n->stun, .count = count};
	struct delta *d;

	assert(count <= NODE_STUN_MAX);
	n->stun_count = count;
	for (size_t i = 0; i < count; i++) {
		snprintf(n->stun_text[i], sizeof n->stun_text[i], "%s:%d", servers[i]->machine.name,
			 SERVER_PORT);
		n->stun[i] = n->stun_text[i];
	}
	if (n->life != NODE_AWAKE)
		return;
	d = new_delta();
	d->stun = &stun;
	apply(n, d);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static void on_log(void *ctx, enum log_level level, const char *event, const char *line)
{
	const struct node *n = ctx;

	(void)level, (void)event;
	trace_line(&world_of(n)->trace, "%s: %s", n->machine.name, line);
}

static void configure(struct node *n)
{
	struct conf_list stun = {.items = n->stun, .count = n->stun_count};
	struct delta *d = new_delta();

	d->has_private_key = true;
	d->private_key = n->secret;
	d->has_listen_port = true;
	d->listen_port = NODE_PORT;
	d->stun = &stun;
	for (size_t i = 0; i < n->known_count; i++)
		describe(d, &n->known[i]);
	restore(n);
	apply(n, d);
}

void node_boot(struct node *n)
{
	struct world *w = world_of(n);
	uint64_t seed;

	assert(n->life == NODE_DEAD);
	tell(n, "starts");
	rand_bytes(&w->rand, &seed, sizeof seed);
	n->rand = rand_seeded(seed);
	n->log = (struct log){
		.level = w->trace.print ? LEVEL_DEBUG : LEVEL_ERROR, .sink = on_log, .ctx = n};
	n->env = (struct env){.rand = &n->rand, .log = &n->log};
	n->life = NODE_AWAKE;
	n->lives++;
	set_env_wall(n);
	n->mesh = mesh_new(&n->env);
	if (n->mesh == NULL)
		abort();
	n->saved_places = mesh_places(n->mesh);
	n->saved_at = node_now(n);
	doors_open(&n->doors, &n->machine, NODE_PORT);
	mesh_mtu_changed(n->mesh, MTU);
	n->host = (struct host){.overlay = {.mtu = MTU, .up = true, .ups = 1}};
	look_at_host(n);
	mesh_host_changed(n->mesh, &n->host, node_now(n), &w->out);
	configure(n);
}

static void forget_queue(struct node *n)
{
	while (n->queue != NULL) {
		struct parcel *p = n->queue;
		n->queue = p->next;
		network_free_parcel(p);
	}
	n->queue_end = &n->queue;
	n->queued = 0;
}

bool node_is_saved(const struct node *n)
{
	return n->mesh == NULL || mesh_places(n->mesh) == n->saved_places;
}

void node_crash(struct node *n, bool lose_state)
{
	if (n->life == NODE_DEAD)
		return;
	tell(n, lose_state ? "is killed, its state file lost" : "is killed");
	mesh_free(n->mesh);
	n->mesh = NULL;
	n->life = NODE_DEAD;
	doors_close(&n->doors);
	forget_queue(n);
	agenda_set(&world_of(n)->agenda, &n->wake, USEC_NEVER);
	arm(n);
	if (lose_state)
		past_free(&n->saved);
}

static void on_parcel(struct machine *m, struct parcel *p)
{
	node_input(list_entry(m, struct node, machine), p);
}

static void on_wake(struct task *t);

struct node *node_add(struct world *w, const char *name, struct site *site)
{
	struct node *n = world_alloc(sizeof *n);

	assert(w->node_count < WORLD_NODES_MAX);
	w->nodes[w->node_count++] = n;
	n->number = (unsigned)w->node_count;
	n->machine.receive = on_parcel;
	network_add(w, &n->machine, name);
	network_plug(&n->machine, site);
	rand_bytes(&w->rand, &n->secret, sizeof n->secret);
	key_private_clamp(&n->secret);
	key_public_from(&n->key, &n->secret);
	n->clock =
		(struct timepiece){.world = w->now, .shown = world_between(w, SEC(1), UPTIME_MAX)};
	n->tick.run = on_tick;
	n->save.run = on_save;
	n->wake.run = on_wake;
	n->queue_end = &n->queue;
	node_boot(n);
	return n;
}

void node_free(struct node *n)
{
	struct agenda *a = &world_of(n)->agenda;

	mesh_free(n->mesh);
	past_free(&n->saved);
	forget_queue(n);
	agenda_set(a, &n->tick, USEC_NEVER);
	agenda_set(a, &n->save, USEC_NEVER);
	agenda_set(a, &n->wake, USEC_NEVER);
	for (size_t i = 0; i < NODE_QUESTIONS_MAX; i++)
		agenda_set(a, &n->questions[i].task, USEC_NEVER);
	network_remove(&n->machine);
	free(n);
}

/* --- packets ---------------------------------------------------------------------------------------------------- */

/* Add it to the batch that the mesh is handed next. */
static void add_to_batch(struct node *n, struct parcel *p)
{
	struct batch *in = &world_of(n)->in;

	if (doors_packet(&n->doors, p, &in->packets[in->count]))
		in->count++;
}

static void hand_over(struct node *n, struct parcel *p)
{
	struct world *w = world_of(n);

	network_heard(p);
	w->in.count = 0;
	add_to_batch(n, p);
	if (w->in.count > 0) {
		trace_number(&w->trace, (uint64_t)w->now);
		oracle_before_input(n);
		mesh_inbound(n->mesh, &w->in, node_now(n), &w->out);
		oracle_after_input(n, p->len);
		finish(n);
	}
	network_free_parcel(p);
}

/* All that waited, by batches. */
static void hand_over_queue(struct node *n)
{
	struct world *w = world_of(n);

	w->in.count = 0;
	for (struct parcel *p = n->queue; p != NULL; p = p->next)
		add_to_batch(n, p);
	if (w->in.count > 0) {
		mesh_inbound(n->mesh, &w->in, node_now(n), &w->out);
		finish(n);
	}
	forget_queue(n);
}

void node_input(struct node *n, struct parcel *p)
{
	if (n->life == NODE_AWAKE) {
		hand_over(n, p);
	} else if (n->life == NODE_STOPPED && n->queued < NODE_QUEUE_MAX) {
		p->next = NULL;
		*n->queue_end = p;
		n->queue_end = &p->next;
		n->queued++;
	} else {
		network_free_parcel(p);
	}
}

void node_send_inner(struct node *n, const void *packet, size_t len)
{
	static uint8_t memory[PACKET_HEAD + 2048 + PACKET_TAIL];
	struct world *w = world_of(n);

	if (n->life != NODE_AWAKE)
		return;
	assert(len <= 2048);
	memcpy(memory + PACKET_HEAD, packet, len);
	w->in.packets[0] = (struct packet){.data = memory + PACKET_HEAD, .len = len};
	w->in.count = 1;
	trace_number(&w->trace, (uint64_t)w->now);
	mesh_outbound(n->mesh, &w->in, node_now(n), &w->out);
	finish(n);
}

/* --- what may happen to it -------------------------------------------------------------------------------------- */

static void host_changed(struct node *n)
{
	look_at_host(n);
	if (n->life != NODE_AWAKE)
		return;
	mesh_host_changed(n->mesh, &n->host, node_now(n), &world_of(n)->out);
	finish(n);
}

static void go_away(struct node *n, enum node_life how, usec span)
{
	struct world *w = world_of(n);

	if (n->life != NODE_AWAKE)
		return;
	n->life = how;
	n->away_since = node_now(n);
	arm(n);
	agenda_set(&w->agenda, &n->wake, w->now + span);
}

static void come_back(struct node *n)
{
	usec now = node_now(n);

	tell(n, "is back");
	agenda_set(&world_of(n)->agenda, &n->wake, USEC_NEVER);
	n->life = NODE_AWAKE;
	set_env_wall(n);
	if (now - n->away_since >= AWAY) {
		n->host.slept_at = n->away_since;
		n->host.woke_at = now;
	}
	host_changed(n);
	hand_over_queue(n);
}

static void on_wake(struct task *t)
{
	come_back(list_entry(t, struct node, wake));
}

void node_stop_for(struct node *n, usec span)
{
	tell(n, "is stopped");
	go_away(n, NODE_STOPPED, span);
}

void node_sleep_for(struct node *n, usec span)
{
	tell(n, "goes to sleep");
	go_away(n, NODE_ASLEEP, span);
}

void node_jump_clock(struct node *n, usec by)
{
	tell(n, "finds its clock ahead");
	timepiece_jump(&n->clock, by, world_of(n)->now);
	arm(n);
}

void node_halt_clock(struct node *n)
{
	tell(n, "finds its clock standing");
	timepiece_stop(&n->clock, world_of(n)->now);
	arm(n);
}

void node_resume_clock(struct node *n)
{
	timepiece_start(&n->clock, world_of(n)->now);
	arm(n);
}

void node_set_rate(struct node *n, int ppm)
{
	timepiece_set_rate(&n->clock, ppm, world_of(n)->now);
	arm(n);
}

void node_set_wall(struct node *n, usec ahead)
{
	tell(n, "gets its wall clock set");
	n->wall_ahead = ahead;
	set_env_wall(n);
}

void node_move(struct node *n, struct site *site)
{
	tell(n, "moves to another network");
	network_move(&n->machine.interfaces[0], site);
	host_changed(n);
}

void node_renumber(struct node *n)
{
	tell(n, "gets another address");
	network_renumber(&n->machine.interfaces[0]);
	host_changed(n);
}

static void set_up(struct node *n, bool up)
{
	n->machine.interfaces[0].up = up;
	host_changed(n);
}

void node_unplug(struct node *n)
{
	tell(n, "is unplugged");
	set_up(n, false);
}

void node_plug(struct node *n)
{
	tell(n, "is plugged in");
	set_up(n, true);
}

void node_join(struct node *n, struct site *site)
{
	tell(n, "joins another network");
	network_plug(&n->machine, site);
	host_changed(n);
}

void node_mend(struct node *n)
{
	if (n->clock.stopped)
		node_resume_clock(n);
	if (n->life == NODE_DEAD)
		node_boot(n);
	else if (n->life != NODE_AWAKE)
		come_back(n);
	else
		host_changed(n);
}

/* --- what it has counted ---------------------------------------------------------------------------------------- */

uint64_t node_drops(const struct node *n, enum drop why)
{
	struct mesh_view view;

	mesh_look(n->mesh, &view);
	return view.drops.count[why];
}

static struct mesh_peer_view look_at(const struct node *n, const struct node *other)
{
	struct mesh_peer_view view;

	mesh_peer_look(n->mesh, mesh_peer_find(n->mesh, &other->key), node_now(n), &view);
	return view;
}

uint64_t node_switches(const struct node *n, const struct node *other)
{
	return look_at(n, other).switches;
}

uint64_t node_initiations(const struct node *n, const struct node *other)
{
	return look_at(n, other).initiations;
}

const struct nat_report *node_nat(const struct node *n)
{
	struct mesh_nat nat;

	mesh_nat_look(n->mesh, &nat);
	return nat.report;
}
