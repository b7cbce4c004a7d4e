/* When and with whom our NAT is looked at (nat.md, section 1). */
#include "mesh/outside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define QUESTION   (UINT64_C(1) << 63) /* peers are numbered from 1 */
#define INDEX_BITS 8

/* What natcheck_start() may want at once. */
#define START_SENDS   (4 * NATCHECK_SERVERS_MAX)
#define START_ACTIONS (2 * NATCHECK_SERVERS_MAX)

void outside_init(struct outside *o, const struct env *env)
{
	*o = (struct outside){.env = env, .next_at = USEC_NEVER};
}

/* --- servers ---------------------------------------------------------------------------------------------------- */

static bool set_server(struct outside_server *s, const char *text)
{
	struct conf_endpoint where;

	*s = (struct outside_server){.port = OUTSIDE_PORT};
	if (conf_host_copy(&where, s->copy, text, OUTSIDE_PORT) != CONF_HOST_OK)
		return false;
	snprintf(s->text, sizeof s->text, "%s", text);
	s->name = where.host;
	s->port = where.port;
	if (where.addr.family == ADDR_V4)
		s->v4 = where.addr;
	if (where.addr.family == ADDR_V6)
		s->v6 = where.addr;
	return true;
}

void outside_set_servers(struct outside *o, const struct conf_list *stun)
{
	o->server_count = 0;
	for (size_t i = 0; i < stun->count && o->server_count < OUTSIDE_SERVERS_MAX; i++)
		o->server_count += set_server(&o->servers[o->server_count], stun->items[i]);
	if (o->server_count < stun->count)
		log_warn(o->env->log, "STUN: only %zu of %zu servers are asked", o->server_count,
			 stun->count);
	o->report.server_count = 0; /* its lines were those of others */
	outside_restart(o);
}

void outside_restart(struct outside *o)
{
	o->restart = true;
}

uint64_t outside_want(struct outside *o, usec now)
{
	if (o->server_count == 0)
		return o->done;
	if (o->phase != OUTSIDE_IDLE && !o->restart)
		return o->started;
	if (o->done > 0 && !o->restart && now - o->report.checked_at < OUTSIDE_AGAIN)
		return o->done;
	if (!o->restart)
		o->next_at = now;
	return o->started + 1;
}

enum survey_step outside_step(const struct outside *o)
{
	enum survey_step step = SURVEY_STEP_SERVERS;

	if (o->phase != OUTSIDE_CHECKING)
		return step;
	while (step < SURVEY_STEP_HAIRPIN && natcheck_step_done(&o->check, ADDR_V4, step) &&
	       natcheck_step_done(&o->check, ADDR_V6, step))
		step++;
	return step;
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static uint64_t question_of(const struct outside *o, size_t server)
{
	return QUESTION | o->generation << INDEX_BITS | server;
}

bool outside_is_question(uint64_t id)
{
	return (id & QUESTION) != 0;
}

/* Whose question it is; false: nobody's any more. */
static bool find_asker(const struct outside *o, uint64_t id, size_t *server)
{
	*server = id & ((1u << INDEX_BITS) - 1);
	return *server < o->server_count && id == question_of(o, *server) &&
	       o->servers[*server].asking;
}

const char *outside_name(const struct outside *o, uint64_t id)
{
	size_t server;

	return find_asker(o, id, &server) ? o->servers[server].name : NULL;
}

static bool has_place(const struct outside_server *s)
{
	return addr_is_set(&s->v4) || addr_is_set(&s->v6);
}

/* The first of this family: a server's others may be the other faces of the same host. */
static void take_first(struct addr *to, enum addr_family family, uint16_t port,
		       const struct addr *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (addrs[i].family != family)
			continue;
		*to = addrs[i];
		to->port = port;
		return;
	}
}

void outside_resolved(struct outside *o, uint64_t id, const struct addr *addrs, size_t count,
		      usec now)
{
	struct outside_server *s;
	size_t server;

	if (!find_asker(o, id, &server))
		return;
	s = &o->servers[server];
	bool had_place = has_place(s);
	s->asking = false;
	if (count > 0) {
		s->v4 = s->v6 = (struct addr){0};
		take_first(&s->v4, ADDR_V4, s->port, addrs, count);
		take_first(&s->v6, ADDR_V6, s->port, addrs, count);
	} else {
		log_info(o->env->log, "STUN: no address was found for %s", s->name);
	}
	/* It came too late for the last check. */
	if (!had_place && has_place(s) && o->phase != OUTSIDE_RESOLVING)
		o->next_at = now;
}

static void ask_names(struct outside *o, struct outbox *out)
{
	for (size_t i = 0; i < o->server_count; i++) {
		struct outside_server *s = &o->servers[i];
		struct action ask = {.kind = ACTION_RESOLVE, .id = question_of(o, i)};

		if (s->name != NULL && !s->asking)
			s->asking = outbox_act(out, &ask);
	}
}

/* One that led somewhere before is not waited for. */
static bool waits_for_names(const struct outside *o)
{
	for (size_t i = 0; i < o->server_count; i++)
		if (o->servers[i].asking && !has_place(&o->servers[i]))
			return true;
	return false;
}

/* --- the check -------------------------------------------------------------------------------------------------- */

/* Of a host that said nothing yet everything may be expected. */
static bool has_family(const struct host *host, enum addr_family family)
{
	if (host->outside.count == 0)
		return true;
	for (size_t i = 0; i < host->outside.count; i++)
		if (host->outside.items[i].prefix.family == family)
			return true;
	return false;
}

static void start_check(struct outside *o, const struct host *host, uint16_t port, usec now,
			struct outbox *out)
{
	struct addr servers[NAT_SERVERS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < o->server_count; i++) {
		const struct outside_server *s = &o->servers[i];

		o->asked[count] = (uint8_t)i;
		servers[count++] = addr_is_set(&s->v4) ? s->v4 : s->v6;
		if (!addr_is_set(&s->v4) || !addr_is_set(&s->v6))
			continue;
		o->asked[count] = (uint8_t)i;
		servers[count++] = s->v6;
	}
	o->phase = OUTSIDE_CHECKING;
	natcheck_start(&o->check, o->env,
		       &(struct natcheck_setup){
			       .servers = servers,
			       .server_count = count,
			       .v4 = has_family(host, ADDR_V4),
			       .v6 = has_family(host, ADDR_V6),
			       .host = host->outside.count > 0 ? host : NULL,
			       .port = port,
		       },
		       now, out);
}

static void tell(const struct outside *o, const struct nat_report *before)
{
	const struct nat_view *now = report_view(&o->report), *then = report_view(before);
	char head[REPORT_HEADLINE_MAX], public[ADDR_TEXT_MAX] = "no public address";

	if (now->public_count > 0)
		addr_print(&now->public[0], public);
	if (before->checked_at != 0 && now->mapping == then->mapping &&
	    now->filtering == then->filtering && now->blocked == then->blocked)
		return;
	log_info(o->env->log, "NAT: %s, seen as %s", report_headline(now, head), public);
}

static void finish(struct outside *o, usec now)
{
	struct nat_report before = o->report;
	bool found;

	o->report = *natcheck_report(&o->check);
	for (size_t i = 0; i < o->report.server_count; i++)
		o->report.servers[i].name = o->servers[o->asked[i]].text;
	found = o->report.v4.public_count + o->report.v6.public_count > 0;
	o->successes += found;
	o->failures += !found;
	o->done = o->started;
	o->phase = OUTSIDE_IDLE;
	o->next_at = usec_min(o->next_at, now + (found ? OUTSIDE_EVERY : OUTSIDE_RETRY));
	tell(o, &before);
}

static void take(struct outside *o, enum natcheck_result result, usec now)
{
	switch (result) {
	case NATCHECK_NOT_MINE:
	case NATCHECK_WAITING:
	case NATCHECK_STEP:
		break;
	case NATCHECK_DONE:
		finish(o, now);
		break;
	}
}

bool outside_input(struct outside *o, const struct packet *in, usec now, struct outbox *out)
{
	enum natcheck_result result = NATCHECK_NOT_MINE;

	if (o->phase == OUTSIDE_CHECKING)
		result = natcheck_input(&o->check, in, now, out);
	take(o, result, now);
	return result != NATCHECK_NOT_MINE;
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static void begin_anew(struct outside *o, usec now, struct outbox *out)
{
	natcheck_stop(&o->check, out);
	o->restart = false;
	o->phase = OUTSIDE_IDLE;
	o->next_at = o->server_count > 0 ? now + OUTSIDE_SETTLE : USEC_NEVER;
	o->generation++; /* who was asked may be out of reach now */
	for (size_t i = 0; i < o->server_count; i++)
		o->servers[i].asking = false;
}

static bool has_room(const struct outbox *out)
{
	return outbox_room(out) >= START_SENDS &&
	       out->action_count + START_ACTIONS <= OUTBOX_ACTIONS;
}

void outside_tick(struct outside *o, const struct host *host, uint16_t port, usec now,
		  struct outbox *out)
{
	if (!has_room(out))
		return;
	if (o->restart)
		begin_anew(o, now, out);
	if (o->phase == OUTSIDE_IDLE && usec_due(o->next_at, now)) {
		o->started++;
		o->phase = OUTSIDE_RESOLVING;
		o->next_at = USEC_NEVER;
		o->resolved_by = now + OUTSIDE_RESOLVE_FOR;
		ask_names(o, out);
	}
	if (o->phase == OUTSIDE_RESOLVING && (!waits_for_names(o) || usec_due(o->resolved_by, now)))
		start_check(o, host, port, now, out);
	if (usec_due(natcheck_deadline(&o->check), now))
		take(o, natcheck_tick(&o->check, now, out), now);
}

usec outside_deadline(const struct outside *o)
{
	usec check = natcheck_deadline(&o->check); /* one that is over may have doors to close */

	if (o->restart)
		return 0;
	switch (o->phase) {
	case OUTSIDE_IDLE:
		return usec_min(check, o->next_at);
	case OUTSIDE_RESOLVING:
		return usec_min(check, waits_for_names(o) ? o->resolved_by : 0);
	case OUTSIDE_CHECKING:
		return check;
	}
	return USEC_NEVER;
}
