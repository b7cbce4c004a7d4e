/* natcheck with sockets, names and a loop of its own: a daemon of one purpose, which lives for a second or two. */
#include "cli/outlook.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "conf/conf_host.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/udp.h"
#include "nat/natcheck.h"

#define RESOLVE_FOR SEC(5) /* nobody waits for packets here: a slow name server has its time */

struct outlook {
	const struct outlook_options *options;
	struct rand rand;
	struct env env;
	struct loop *loop;
	struct udp *udp;
	struct resolve *names;
	struct watch {
		struct outlook *outlook;
		unsigned door;
		struct loop_watch *watch;
	} watches[UDP_DOORS_MAX];
	struct server {
		char copy[CONF_HOST_TEXT_MAX];
		uint16_t port;
		bool asking;
		struct addr v4, v6;
	} servers[OUTLOOK_SERVERS_MAX];
	struct host host;
	usec resolved_by; /* USEC_NEVER: that is over */
	struct natcheck check;
	enum survey_step step;
	uint8_t lines[NAT_SERVERS_MAX]; /* of the report: which server it is */
	struct batch in;
	struct outbox out;
};

/* --- sockets ---------------------------------------------------------------------------------------------------- */

static void on_readable(void *ctx, int events);

static int watch_door(struct outlook *o, unsigned door)
{
	int fd = udp_fd(o->udp, door);

	o->watches[door] = (struct watch){.outlook = o, .door = door};
	if (fd < 0)
		return 0;
	o->watches[door].watch = loop_watch(o->loop, fd, LOOP_READ, on_readable, &o->watches[door]);
	return o->watches[door].watch != NULL ? 0 : -ENOMEM;
}

static void close_door(struct outlook *o, unsigned door)
{
	loop_unwatch(o->watches[door].watch);
	o->watches[door].watch = NULL;
	udp_close_door(o->udp, door);
}

/* One that does not open loses what is sent on it, and natcheck reckons with that. */
static void open_door(struct outlook *o, unsigned door)
{
	close_door(o, door);
	if (udp_open_door(o->udp, door) == 0 && watch_door(o, door) < 0)
		close_door(o, door);
}

/* Doors open before what is sent on them leaves, and close after it (base/outbox.h). */
static void flush(struct outlook *o)
{
	const struct action *a = o->out.actions, *end = a + o->out.action_count;

	for (; a < end; a++)
		if (a->kind == ACTION_OPEN_DOOR)
			open_door(o, (unsigned)a->id);
	udp_send(o->udp, &o->out.net);
	for (a = o->out.actions; a < end; a++)
		if (a->kind == ACTION_CLOSE_DOOR)
			close_door(o, (unsigned)a->id);
	outbox_clear(&o->out);
}

/* --- the check -------------------------------------------------------------------------------------------------- */

static void tell_step(struct outlook *o)
{
	enum survey_step step = SURVEY_STEP_SERVERS;

	while (o->resolved_by == USEC_NEVER && step < SURVEY_STEP_HAIRPIN &&
	       natcheck_step_done(&o->check, ADDR_V4, step) &&
	       natcheck_step_done(&o->check, ADDR_V6, step))
		step++;
	if (step != o->step && o->options->progress != NULL)
		o->options->progress(o->options->progress_ctx, step);
	o->step = step;
}

static void take(struct outlook *o, enum natcheck_result result)
{
	switch (result) {
	case NATCHECK_NOT_MINE:
	case NATCHECK_WAITING:
		break;
	case NATCHECK_STEP:
		tell_step(o);
		break;
	case NATCHECK_DONE:
		loop_stop(o->loop);
		break;
	}
}

static void on_readable(void *ctx, int events)
{
	const struct watch *w = ctx;
	struct outlook *o = w->outlook;

	(void)events;
	udp_recv(o->udp, w->door, &o->in);
	for (size_t i = 0; i < o->in.count; i++) {
		const struct packet *p = &o->in.packets[i];

		if (stun_is_message(p->data, p->len))
			take(o, natcheck_input(&o->check, p, loop_now(o->loop), &o->out));
	}
	flush(o);
}

static void start_check(struct outlook *o)
{
	struct addr servers[NAT_SERVERS_MAX];
	struct natcheck_setup setup = {
		.servers = servers, .host = &o->host, .port = udp_port(o->udp)};

	for (size_t i = 0; i < o->options->server_count; i++) {
		const struct server *s = &o->servers[i];

		o->lines[setup.server_count] = (uint8_t)i;
		servers[setup.server_count++] = addr_is_set(&s->v4) ? s->v4 : s->v6;
		if (!addr_is_set(&s->v4) || !addr_is_set(&s->v6))
			continue;
		o->lines[setup.server_count] = (uint8_t)i;
		servers[setup.server_count++] = s->v6;
	}
	for (size_t i = 0; i < o->host.outside.count; i++) {
		setup.v4 = setup.v4 || o->host.outside.items[i].prefix.family == ADDR_V4;
		setup.v6 = setup.v6 || o->host.outside.items[i].prefix.family == ADDR_V6;
	}
	o->resolved_by = USEC_NEVER;
	natcheck_start(&o->check, &o->env, &setup, loop_now(o->loop), &o->out);
	flush(o);
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static bool is_asking(const struct outlook *o)
{
	for (size_t i = 0; i < o->options->server_count; i++)
		if (o->servers[i].asking)
			return true;
	return false;
}

/* The first of this family: a server's others may be the other faces of the same host. */
static void take_first(struct addr *to, enum addr_family family, uint16_t port,
		       const struct addr *addrs, size_t count)
{
	for (size_t i = 0; i < count && !addr_is_set(to); i++) {
		if (addrs[i].family != family)
			continue;
		*to = addrs[i];
		to->port = port;
	}
}

static void on_resolved(void *ctx, uint64_t id, const struct addr *addrs, size_t count)
{
	struct outlook *o = ctx;
	struct server *s = &o->servers[id];

	s->asking = false;
	take_first(&s->v4, ADDR_V4, s->port, addrs, count);
	take_first(&s->v6, ADDR_V6, s->port, addrs, count);
}

/* 0 or -ENOMEM. */
static int find_server(struct outlook *o, size_t i)
{
	struct server *s = &o->servers[i];
	struct conf_endpoint where;

	if (conf_host_copy(&where, s->copy, o->options->servers[i], OUTLOOK_PORT) != CONF_HOST_OK)
		return 0; /* a line of the report says that it leads nowhere */
	s->port = where.port;
	s->asking = where.host != NULL;
	if (s->asking)
		return resolve_ask(o->names, where.host, i);
	take_first(&s->v4, ADDR_V4, s->port, &where.addr, 1);
	take_first(&s->v6, ADDR_V6, s->port, &where.addr, 1);
	return 0;
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static void on_deadline(void *ctx)
{
	struct outlook *o = ctx;
	usec now = loop_now(o->loop);

	resolve_tick(o->names);
	if (o->resolved_by != USEC_NEVER && (!is_asking(o) || usec_due(o->resolved_by, now)))
		start_check(o);
	if (usec_due(natcheck_deadline(&o->check), now))
		take(o, natcheck_tick(&o->check, now, &o->out));
	flush(o);
}

static void before_sleep(void *ctx)
{
	struct outlook *o = ctx;
	usec resolved = o->resolved_by == USEC_NEVER || is_asking(o) ? o->resolved_by : 0;

	loop_wake_at(o->loop, usec_min(usec_min(resolved, natcheck_deadline(&o->check)),
				       resolve_deadline(o->names)));
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

/* Our addresses that others may reach: with them natcheck tells a NAT from none. */
static int read_addresses(struct host_addresses *to)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *a = all; a != NULL && to->count < HOST_ADDRESSES_MAX;
	     a = a->ifa_next) {
		struct addr ours;
		bool v6;

		if (a->ifa_addr == NULL || (a->ifa_flags & IFF_UP) == 0)
			continue;
		v6 = a->ifa_addr->sa_family == AF_INET6;
		if (!addr_from_sockaddr(&ours, a->ifa_addr,
					v6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in)) ||
		    addr_class(&ours) < ADDR_CLASS_PRIVATE)
			continue;
		struct host_address *item = &to->items[to->count++];
		*item = (struct host_address){
			.prefix = {.family = ours.family, .len = v6 ? 128 : 32}};
		memcpy(item->prefix.ip, ours.ip, sizeof item->prefix.ip);
	}
	freeifaddrs(all);
	return 0;
}

static int start(struct outlook *o)
{
	int err;

	o->rand = rand_system();
	o->env = (struct env){
		.rand = &o->rand, .log = o->options->log, .wall_offset = loop_wall_offset()};
	if ((o->loop = loop_new()) == NULL)
		return -errno;
	if ((err = outbox_init(&o->out)) < 0 || (err = read_addresses(&o->host.outside)) < 0 ||
	    (err = udp_open(&o->udp, 0, 0, o->options->log)) < 0)
		return err;
	o->names = resolve_new(o->loop, o->options->name_servers, on_resolved, o, o->options->log);
	if (o->names == NULL)
		return -ENOMEM;
	for (unsigned door = 0; door < UDP_DOORS && err == 0; door++)
		err = watch_door(o, door);
	for (size_t i = 0; i < o->options->server_count && err == 0; i++)
		err = find_server(o, i);
	o->resolved_by = loop_now(o->loop) + RESOLVE_FOR;
	loop_on_deadline(o->loop, on_deadline, o);
	loop_before_sleep(o->loop, before_sleep, o);
	return err;
}

static void stop(struct outlook *o)
{
	for (unsigned door = 0; door < UDP_DOORS_MAX; door++)
		loop_unwatch(o->watches[door].watch);
	resolve_free(o->names);
	udp_close(o->udp);
	outbox_free(&o->out);
	if (o->loop != NULL)
		loop_free(o->loop);
}

int outlook_run(const struct outlook_options *options, struct nat_report *report, usec *wall_offset)
{
	struct outlook *o = calloc(1, sizeof *o);
	int err;

	if (o == NULL)
		return -ENOMEM;
	o->options = options;
	o->step = SURVEY_STEPS; /* the first is news */
	err = start(o);
	if (err == 0) {
		tell_step(o);
		loop_run(o->loop);
		*report = *natcheck_report(&o->check);
		for (size_t i = 0; i < report->server_count; i++)
			report->servers[i].name = options->servers[o->lines[i]];
		*wall_offset = o->env.wall_offset;
	}
	stop(o);
	free(o);
	return err;
}
