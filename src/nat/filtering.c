/* The filtering tests of RFC 5780, 4.4, and what their answers and silences prove. */
#include "nat/filtering.h"

void filtering_begin(struct filtering *f, unsigned server, usec now)
{
	*f = (struct filtering){
		.running = true,
		.server = (uint8_t)server,
		.tests = {.next_at = now, .over_at = USEC_NEVER},
		.show = {.next_at = USEC_NEVER, .over_at = USEC_NEVER},
	};
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

bool filtering_is_over(const struct filtering *f, usec now)
{
	if (f->both || f->incapable)
		return true;
	if (!usec_due(f->tests.over_at, now))
		return false;
	return f->shown || f->show.done == 0 || usec_due(f->show.over_at, now);
}

usec filtering_deadline(const struct filtering *f)
{
	usec try_at = usec_min(f->tests.next_at, f->show.next_at);
	usec over_at = f->tests.over_at;

	if (over_at != USEC_NEVER && !f->shown && f->show.done > 0)
		over_at = f->show.over_at == USEC_NEVER ? USEC_NEVER
							: usec_max(over_at, f->show.over_at);
	return f->running ? usec_min(try_at, over_at) : USEC_NEVER;
}

enum nat_filtering filtering_verdict(const struct filtering *f, bool both_proved, bool port_proved)
{
	if (f->both)
		return NAT_FILTERING_ENDPOINT_INDEPENDENT;
	if (f->incapable || !f->shown || !both_proved)
		return NAT_FILTERING_UNKNOWN;
	if (f->port)
		return NAT_FILTERING_ADDRESS_DEPENDENT;
	return port_proved ? NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT : NAT_FILTERING_UNKNOWN;
}
