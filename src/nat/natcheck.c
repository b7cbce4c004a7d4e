/* Both families' surveys and the one report (nat.md section 1). */
#include "nat/natcheck.h"

#include <assert.h>
#include <string.h>

#include "base/defence.h"

static bool has_family(const struct host *h, enum addr_family family)
{
	if (h == NULL)
		return true;
	for (size_t i = 0; i < h->outside.count; i++)
		if (h->outside.items[i].prefix.family == family)
			return true;
	return false;
}

/* The servers as they were given: which of them there is no point in asking. */
static void list_servers(struct nat_report *r, const struct natcheck_setup *setup)
{
	assert(setup->server_count <= NAT_SERVERS_MAX);
	for (size_t i = 0; i < setup->server_count; i++) {
		struct nat_server_line *line = &r->servers[r->server_count++];
		line->addr = setup->servers[i];
		if (!addr_is_set(&line->addr))
			line->state = NAT_SERVER_UNRESOLVED;
		for (size_t k = 0; k < i && addr_is_set(&line->addr); k++)
			if (addr_equal(&line->addr, &r->servers[k].addr))
				line->state = NAT_SERVER_TWIN;
	}
}

static void write_report(struct natcheck *n)
{
	survey_report(&n->v4, &n->report);
	survey_report(&n->v6, &n->report);
}

void natcheck_start(struct natcheck *n, const struct env *env, const struct natcheck_setup *setup,
		    usec now, struct outbox *out)
{
	natcheck_stop(n, out);
	n->running = true;
	n->steps = 0;
	memset(&n->v4, 0, sizeof n->v4);
	memset(&n->v6, 0, sizeof n->v6);
	n->report = (struct nat_report){0};
	list_servers(&n->report, setup);

	if (setup->v4 && has_family(setup->host, ADDR_V4))
		survey_start(&n->v4, &(struct survey_setup){ADDR_V4, setup->host, setup->port},
			     &n->report, env, now, out);
	if (setup->v6 && has_family(setup->host, ADDR_V6))
		survey_start(&n->v6, &(struct survey_setup){ADDR_V6, setup->host, setup->port},
			     &n->report, env, now, out);
	/* With nobody to ask there is nothing to wait for. */
	n->deadline = survey_deadline(&n->v4) == USEC_NEVER && survey_deadline(&n->v6) == USEC_NEVER
			      ? now
			      : now + NATCHECK_DEADLINE;
	write_report(n);
}

static unsigned steps_done(const struct natcheck *n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SURVEY_STEPS; i++)
		count += n->v4.done[i] + n->v6.done[i];
	return count;
}

/* What a call has come to. */
static enum natcheck_result settle(struct natcheck *n, usec now)
{
	unsigned before = n->steps;

	n->steps = steps_done(n);
	if (n->v4.running || n->v6.running)
		return n->steps > before ? NATCHECK_STEP : NATCHECK_WAITING;
	n->running = false;
	n->report.checked_at = now;
	return NATCHECK_DONE;
}

enum natcheck_result natcheck_input(struct natcheck *n, const struct packet *in, usec now,
				    struct outbox *out)
{
	struct stun_message m;

	if (!n->running || !stun_read(&m, in->data, in->len))
		return NATCHECK_NOT_MINE;
	if (!survey_input(&n->v4, in, &m, now, out) && !survey_input(&n->v6, in, &m, now, out))
		return NATCHECK_NOT_MINE;
	write_report(n);
	return settle(n, now);
}

enum natcheck_result natcheck_tick(struct natcheck *n, usec now, struct outbox *out)
{
	survey_tick(&n->v4, now, out);
	survey_tick(&n->v6, now, out);
	if (!n->running)
		return NATCHECK_WAITING;
	if (DEFENCE(26, usec_due(n->deadline, now))) {
		survey_finish(&n->v4, now, out);
		survey_finish(&n->v6, now, out);
	}
	write_report(n);
	return settle(n, now);
}

usec natcheck_deadline(const struct natcheck *n)
{
	usec surveys = usec_min(survey_deadline(&n->v4), survey_deadline(&n->v6));

	return n->running ? usec_min(surveys, n->deadline) : surveys;
}

void natcheck_stop(struct natcheck *n, struct outbox *out)
{
	survey_stop(&n->v4, out);
	survey_stop(&n->v6, out);
	n->running = false;
}

bool natcheck_is_running(const struct natcheck *n)
{
	return n->running;
}

const struct nat_report *natcheck_report(const struct natcheck *n)
{
	return &n->report;
}

bool natcheck_step_done(const struct natcheck *n, enum addr_family family, enum survey_step step)
{
	const struct survey *s = family == ADDR_V6 ? &n->v6 : &n->v4;

	return !s->running || s->done[step];
}
