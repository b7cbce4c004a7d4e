/* The filtering tests of RFC 5780, 4.4, and what their answers and silences prove. */
#include "nat/filtering.h"

void filtering_begin(struct filtering *f, unsigned server, usec now)
{
	*f = (struct filtering){
		.running = true,
		.server = (uint8_t)server,
		.tests = {{.next_at = now, .over_at = USEC_NEVER},
			  {.next_at = USEC_NEVER, .over_at = USEC_NEVER}},
		.show = {.next_at = USEC_NEVER, .over_at = USEC_NEVER},
	};
}

void filtering_begin_again(struct filtering *f, usec now)
{
	f->tests[1].next_at = now;
}

void filtering_begin_show(struct filtering *f, usec now)
{
	f->show.next_at = now;
}

bool filtering_try(struct filtering_tries *t, usec rtt, usec now)
{
	if (!usec_due(t->next_at, now))
		return false;
	t->done++;
	if (t->done < FILTERING_TRIES) {
		t->next_at = now + FILTERING_EVERY;
	} else {
		t->next_at = USEC_NEVER;
		t->over_at = now + 2 * rtt + FILTERING_SLACK;
	}
	return true;
}

void filtering_heard(struct filtering *f, enum filtering_test test, const struct addr *from,
		     bool is_error, const struct addr *server, const struct addr *other)
{
	bool elsewhere = addr_same_ip(from, other);
	bool other_port = addr_same_ip(from, server) && from->port == other->port;

	switch (test) {
	case FILTERING_BOTH:
		f->both = f->both || (elsewhere && !is_error);
		break;
	case FILTERING_PORT:
		f->port = f->port || (other_port && !is_error);
		break;
	case FILTERING_SHOW:
		f->shown = f->shown || (elsewhere && !is_error);
		break;
	}

	/* From where it was asked, from the same IP when another one was asked for, or an error: it cannot. */
	if (addr_same_ip(from, server) && (test != FILTERING_PORT || !other_port || is_error))
		f->incapable = true;
}

/* From when on silence counts; 0: not begun. */
static usec quiet_at(const struct filtering_tries *t)
{
	return t->done == 0 && t->next_at == USEC_NEVER ? 0 : t->over_at;
}

/* Of all that was begun and may still say something. */
static usec all_quiet_at(const struct filtering *f)
{
	usec at = usec_max(quiet_at(&f->tests[0]), quiet_at(&f->tests[1]));

	return f->shown ? at : usec_max(at, quiet_at(&f->show));
}

bool filtering_is_over(const struct filtering *f, usec now)
{
	return f->both || f->incapable || usec_due(all_quiet_at(f), now);
}

usec filtering_deadline(const struct filtering *f)
{
	usec try_at = usec_min(usec_min(f->tests[0].next_at, f->tests[1].next_at), f->show.next_at);

	return f->running ? usec_min(try_at, all_quiet_at(f)) : USEC_NEVER;
}

/* Door 0 or 1 of a pair could have heard something, and enough time has gone by. */
static bool is_silent(const struct filtering *f, unsigned door, const bool *proved, usec now)
{
	for (unsigned pair = 0; pair < 2; pair++)
		if (proved[2 * pair + door] && f->tests[pair].done > 0 &&
		    usec_due(f->tests[pair].over_at, now))
			return true;
	return false;
}

enum nat_filtering filtering_verdict(const struct filtering *f, const bool proved[static 4],
				     usec now)
{
	if (f->both)
		return NAT_FILTERING_ENDPOINT_INDEPENDENT;
	if (f->incapable || !f->shown || !is_silent(f, 0, proved, now))
		return NAT_FILTERING_UNKNOWN;
	if (f->port)
		return NAT_FILTERING_ADDRESS_DEPENDENT;
	return is_silent(f, 1, proved, now) ? NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT
					    : NAT_FILTERING_UNKNOWN;
}
