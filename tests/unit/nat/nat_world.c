#include "nat_world.h"

#include <assert.h>
#include <string.h>

#include "support/test.h"

static struct addr ip_of(const char *text)
{
	struct addr a;

	assert_true(addr_parse_ip(&a, text));
	return a;
}

void nat_world_init(struct nat_world *w)
{
	memset(w, 0, sizeof *w);
	assert_int_equal(outbox_init(&w->out), 0);
	nat_world_reset(w, &(struct nat_world_config){0}, 1);
}

void nat_world_free(struct nat_world *w)
{
	natbox_free(&w->nat);
	outbox_free(&w->out);
}

static struct addr own_ip(const struct nat_world *w)
{
	if (w->config.v6)
		return ip_of("2001:db8:66::2");
	return ip_of(w->config.nat.mapping == NATBOX_NO_NAT ? "203.0.113.66" : "10.66.0.2");
}

void nat_world_reset(struct nat_world *w, const struct nat_world_config *config, uint64_t seed)
{
	struct addr own;

	natbox_free(&w->nat);
	w->config = *config;
	if (w->config.nat.pool_count == 0 && w->config.nat.mapping != NATBOX_NO_NAT)
		w->config.nat.pool[w->config.nat.pool_count++] = ip_of("203.0.113.7");
	if (w->config.nat.capacity == 0)
		w->config.nat.capacity = 256;
	assert_int_equal(natbox_init(&w->nat, &w->config.nat, seed), 0);
	env_fake_init(&w->env, seed ^ 0x5eed);
	w->rand = rand_seeded(seed ^ 0xcab1e);
	w->up = link_of(&config->cable);
	w->down = link_of(&config->cable);
	for (size_t i = 0; i < w->server_count; i++)
		w->servers[i].rand = rand_seeded(seed + i);
	natcheck_stop(&w->check, &w->out);
	memset(&w->check, 0, sizeof w->check);
	outbox_clear(&w->out);
	memset(w->ports, 0, sizeof w->ports);
	w->flight_count = 0;
	w->sends = w->opened = w->closed = w->steps = w->not_mine = 0;
	w->done_at = 0;
	w->now = SEC(100) + (usec)rand_below(&w->rand, 1000000);

	own = own_ip(w);
	w->host = (struct host){0};
	w->host.outside.items[0].prefix = (struct prefix){.family = own.family, .len = 24};
	memcpy(w->host.outside.items[0].prefix.ip, own.ip, sizeof own.ip);
	w->host.outside.count = 1;
	w->ports[config->v6] = NAT_WORLD_PORT;
}

struct stun_server *nat_world_add(struct nat_world *w, const char *first, const char *second)
{
	struct stun_server *s = &w->servers[w->server_count++];

	assert_true(w->server_count <= NAT_WORLD_SERVERS);
	*s = (struct stun_server){
		.ip = {ip_of(first)}, .port = {3478, 3479}, .rand = rand_seeded(1)};
	if (second != NULL)
		s->ip[1] = ip_of(second);
	w->asked[w->asked_count++] = stun_server_addr(s, 0, 0);
	return s;
}

/* --- flights ----------------------------------------------------------------------------------------------------- */

static void fly(struct nat_world *w, const struct nat_world_flight *f)
{
	assert_true(w->flight_count < NAT_WORLD_FLIGHTS);
	w->flights[w->flight_count] = *f;
	w->flights[w->flight_count++].number = w->flown++;
}

/* What UDP's checksum sees of the bytes. */
static unsigned sum_of(const struct nat_world_flight *f)
{
	unsigned sum = 0;

	for (size_t i = 0; i < f->len; i++)
		sum += i % 2 == 0 ? (unsigned)f->data[i] << 8 : f->data[i];
	return sum % 0xffff;
}

/* Through the cable in its direction: not, once, or twice. With wrong bits it arrives if the checksum does not notice. */
static void send_by_cable(struct nat_world *w, const struct nat_world_flight *f, usec more)
{
	struct link_result r = link_send(f->inward ? &w->down : &w->up, f->len, w->now, &w->rand);

	for (size_t i = 0; i < r.copies; i++) {
		struct nat_world_flight copy = *f;
		copy.at = r.arrival[i].at + more;
		link_corrupt(copy.data, copy.len, r.arrival[i].bits, &w->rand);
		if (sum_of(&copy) == sum_of(f))
			fly(w, &copy);
	}
}

static void to_nat_from_inside(struct nat_world *w, struct nat_world_flight *f)
{
	struct natbox_flow flow = {.proto = NATBOX_UDP, .ttl = 64, .src = f->from, .dst = f->to};

	switch (natbox_out(&w->nat, &flow, w->now)) {
	case NATBOX_FORWARD:
		f->inside = false;
		break;
	case NATBOX_HAIRPIN:
		f->inward = true;
		f->inside = true;
		break;
	default:
		return;
	}
	f->from = flow.src;
	f->to = flow.dst;
	if (f->inward || w->config.cable_inside) {
		f->at = w->now + w->config.host_delay + 1;
		fly(w, f);
	} else {
		send_by_cable(w, f, 0);
	}
}

static void to_nat_from_outside(struct nat_world *w, struct nat_world_flight *f)
{
	struct natbox_flow flow = {.proto = NATBOX_UDP, .ttl = 64, .src = f->from, .dst = f->to};

	if (natbox_in(&w->nat, &flow, w->now) != NATBOX_FORWARD)
		return;
	f->from = flow.src;
	f->to = flow.dst;
	f->inside = true;
	f->at = w->now + w->config.host_delay;
	if (w->config.cable_inside)
		send_by_cable(w, f, 0);
	else
		fly(w, f);
}

static void to_servers(struct nat_world *w, const struct nat_world_flight *f)
{
	static struct stun_server_reply replies[STUN_SERVER_REPLIES_MAX];
	struct nat_world_flight back;
	struct stun_message m;

	if (w->config.lost_changes && stun_read(&m, f->data, f->len) &&
	    stun_has(&m, STUN_CHANGE_REQUEST))
		return;
	for (size_t i = 0; i < w->server_count; i++) {
		struct stun_server *s = &w->servers[i];
		if (!stun_server_is_at(s, &f->to))
			continue;
		if (i == 0 && w->bend != NULL)
			w->bend(w, s, &f->from);
		size_t count = stun_server_input(s, &f->from, &f->to, f->data, f->len, replies);
		for (size_t k = 0; k < count; k++) {
			back = (struct nat_world_flight){.inward = true,
							 .from = replies[k].from,
							 .to = replies[k].to,
							 .len = replies[k].len,
							 .at = w->now + replies[k].after};
			assert_true(back.len <= sizeof back.data);
			memcpy(back.data, replies[k].data, back.len);
			if (w->config.cable_inside)
				fly(w, &back);
			else
				send_by_cable(w, &back, replies[k].after);
		}
		return;
	}
}

static int door_of_port(const struct nat_world *w, uint16_t port)
{
	for (int i = 0; i < NAT_WORLD_DOORS; i++)
		if (w->ports[i] == port && (i & 1) == w->config.v6)
			return i;
	return -1;
}

static void note(struct nat_world *w, enum natcheck_result r)
{
	w->steps += r == NATCHECK_STEP;
	w->not_mine += r == NATCHECK_NOT_MINE;
	if (r == NATCHECK_DONE) {
		assert_int_equal(w->done_at, 0);
		w->done_at = w->now;
	}
}

static void to_host(struct nat_world *w, struct nat_world_flight *f)
{
	struct addr own = own_ip(w);
	int door = door_of_port(w, f->to.port);
	struct packet in = {
		.data = f->data, .len = f->len, .via = {.kind = VIA_DIRECT, .remote = f->from}};

	if (door < 0 || !addr_same_ip(&f->to, &own))
		return;
	in.via.door = (uint16_t)door;
	note(w, natcheck_input(&w->check, &in, w->now, &w->out));
}

static void arrive(struct nat_world *w, struct nat_world_flight *f)
{
	if (f->inward && f->inside)
		to_host(w, f);
	else if (f->inward)
		to_nat_from_outside(w, f);
	else if (f->inside)
		to_nat_from_inside(w, f);
	else
		to_servers(w, f);
}

/* --- the host ---------------------------------------------------------------------------------------------------- */

static uint16_t free_port(struct nat_world *w)
{
	uint16_t port;

	if (w->fixed_ports != 0)
		return w->fixed_ports++;
	do
		port = (uint16_t)(32768 + rand_below(&w->rand, 28232));
	while (door_of_port(w, port) >= 0);
	return port;
}

/* Doors open before datagrams are sent, and close after them. */
static void perform(struct nat_world *w, enum action_kind kind)
{
	for (size_t i = 0; i < w->out.action_count; i++) {
		const struct action *a = &w->out.actions[i];
		assert_true(a->id >= 2 && a->id < NAT_WORLD_DOORS);
		assert_int_equal(a->id & 1, w->config.v6);
		if (a->kind != kind)
			continue;
		if (kind == ACTION_OPEN_DOOR) {
			w->opened++;
			w->ports[a->id] = w->config.deaf_doors ? 0 : free_port(w);
		} else {
			w->closed++;
			w->ports[a->id] = 0;
		}
	}
}

static void flush(struct nat_world *w)
{
	perform(w, ACTION_OPEN_DOOR);
	for (size_t i = 0; i < w->out.net.count; i++) {
		const struct packet *p = &w->out.net.packets[i];
		struct nat_world_flight f = {.at = w->now + w->config.host_delay,
					     .inside = true,
					     .from = own_ip(w),
					     .to = p->via.remote,
					     .len = p->len};
		assert_int_equal(p->via.kind, VIA_DIRECT);
		assert_true(p->via.door < NAT_WORLD_DOORS && p->len <= sizeof f.data);
		w->sends++;
		if (w->watch != NULL)
			w->watch(w->watch_ctx, w, p);
		f.from.port = w->ports[p->via.door];
		if (f.from.port == 0)
			continue;
		memcpy(f.data, p->data, p->len);
		if (w->config.cable_inside)
			send_by_cable(w, &f, w->config.host_delay);
		else
			fly(w, &f);
	}
	perform(w, ACTION_CLOSE_DOOR);
	outbox_clear(&w->out);
}

void nat_world_start(struct nat_world *w)
{
	w->setup = (struct natcheck_setup){
		.servers = w->asked,
		.server_count = w->asked_count,
		.v4 = !w->config.v6,
		.v6 = w->config.v6,
		.host = w->config.no_host ? NULL : &w->host,
		.port = w->config.told_port != 0 ? w->config.told_port : NAT_WORLD_PORT,
	};
	w->started_at = w->now;
	natcheck_start(&w->check, &w->env.env, &w->setup, w->now, &w->out);
	flush(w);
}

/* The next flight to arrive, or NULL. */
static struct nat_world_flight *next_flight(struct nat_world *w)
{
	struct nat_world_flight *next = NULL;

	for (struct nat_world_flight *f = w->flights; f < w->flights + w->flight_count; f++)
		if (next == NULL || f->at < next->at ||
		    (f->at == next->at && f->number < next->number))
			next = f;
	return next;
}

static usec next_at(struct nat_world *w)
{
	struct nat_world_flight *f = next_flight(w);

	return usec_min(f != NULL ? f->at : USEC_NEVER, natcheck_deadline(&w->check));
}

void nat_world_step(struct nat_world *w)
{
	struct nat_world_flight *f = next_flight(w), landed;

	w->now = usec_max(w->now, next_at(w));
	if (f != NULL && f->at <= w->now) {
		landed = *f;
		*f = w->flights[--w->flight_count];
		arrive(w, &landed);
	} else {
		note(w, natcheck_tick(&w->check, w->now, &w->out));
	}
	flush(w);
	/* vuln_41: what runs has something to wait for, and after a tick that lies ahead. */
	assert_true(!natcheck_is_running(&w->check) || natcheck_deadline(&w->check) != USEC_NEVER);
	assert_true(f != NULL || natcheck_deadline(&w->check) > w->now);
}

bool nat_world_run(struct nat_world *w, usec until)
{
	while (w->done_at == 0) {
		if (next_at(w) > until)
			return false;
		nat_world_step(w);
	}
	return true;
}

const struct nat_report *nat_world_check(struct nat_world *w)
{
	nat_world_start(w);
	assert_true(nat_world_run(w, w->started_at + NATCHECK_DEADLINE));
	return natcheck_report(&w->check);
}
