/* One peer's endpoint by name (reliability.md, F68). */
#include "mesh/lookup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void lookup_set(struct lookup *l, const char *name, uint16_t port)
{
	if (name != NULL && strcmp(l->name, name) == 0 && l->port == port)
		return;
	*l = (struct lookup){.port = port};
	if (name != NULL)
		snprintf(l->name, sizeof l->name, "%s", name);
	lookup_hurry(l);
}

void lookup_hurry(struct lookup *l)
{
	l->asked_at = -LOOKUP_EVERY; /* before the clock began */
}

static usec later(usec a, usec b)
{
	return a > b ? a : b;
}

usec lookup_deadline(const struct lookup *l, usec silent_since, usec up_until)
{
	usec at, urgent;

	if (l->name[0] == '\0' || l->asking)
		return USEC_NEVER;
	at = later(l->asked_at + (l->failed ? LOOKUP_RETRY : LOOKUP_DOWN), up_until);
	at = usec_min(at, l->asked_at + LOOKUP_EVERY);
	if (silent_since == USEC_NEVER)
		return at;
	if (l->asked_at < silent_since)
		urgent = silent_since + LOOKUP_SILENT;
	else
		urgent = l->asked_at + (l->failed ? LOOKUP_RETRY : LOOKUP_AGAIN);
	return usec_min(at, urgent);
}

void lookup_ask(struct lookup *l, uint64_t id, usec now, struct outbox *out)
{
	if (!outbox_act(out, &(struct action){.kind = ACTION_RESOLVE, .id = id}))
		return;
	l->asking = true;
	l->asked_at = now;
}

bool lookup_has(const struct lookup *l, const struct addr *a)
{
	for (unsigned i = 0; i < l->count; i++) {
		if (addr_equal(&l->addrs[i], a))
			return true;
	}
	return false;
}

bool lookup_answered(struct lookup *l, const struct addr *addrs, size_t count)
{
	struct lookup fresh = {.count = 0};
	bool changed = false;

	assert(count <= LOOKUP_ADDRS);
	l->asking = false;
	l->failed = count == 0;
	for (size_t i = 0; i < count; i++) {
		struct addr a = addrs[i];
		a.port = l->port;
		if (lookup_has(&fresh, &a))
			continue;
		fresh.addrs[fresh.count++] = a;
		changed = changed || !lookup_has(l, &a);
	}
	if (count == 0 || (!changed && fresh.count == l->count))
		return false;
	memcpy(l->addrs, fresh.addrs, sizeof l->addrs);
	l->count = fresh.count;
	l->turn = 0;
	return true;
}

bool lookup_trial(const struct lookup *l, struct via *via)
{
	if (l->turn == 0)
		return false;
	*via = via_direct(&l->addrs[l->turn - 1]);
	return true;
}

void lookup_next(struct lookup *l, const struct addr *via)
{
	do
		l->turn = (l->turn + 1) % (l->count + 1);
	while (l->turn > 0 && addr_equal(&l->addrs[l->turn - 1], via));
}

void lookup_heard(struct lookup *l)
{
	l->turn = 0;
	l->guessed = false;
}
