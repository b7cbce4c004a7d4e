/* A packet says in which world it was made, from whom to whom, its number and when it was sent; the rest follows from these. */
#include "sim/flow.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"
#include "sim/node.h"
#include "sim/world.h"

#define AT_MARK   20 /* behind the IPv4 header */
#define AT_FROM   28
#define AT_TO     30
#define AT_NUMBER 32
#define AT_SENT   40
#define AT_REST   FLOW_LEN_MIN

_Static_assert(AT_REST == AT_SENT + 8, "what a packet says");

void flow_write(const struct flow *f, uint64_t number, usec sent_at, uint8_t *at, size_t len)
{
	const struct world *w = f->from->machine.world;
	struct addr src = node_inner_addr(f->from), dst = node_inner_addr(f->to);

	memset(at, 0, AT_MARK);
	at[0] = 0x45;
	store_be16(at + 2, (uint16_t)len);
	at[8] = 64;
	at[9] = 17;
	memcpy(at + 12, src.ip, 4);
	memcpy(at + 16, dst.ip, 4);
	memcpy(at + AT_MARK, w->mark, sizeof w->mark);
	store_be16(at + AT_FROM, (uint16_t)f->from->number);
	store_be16(at + AT_TO, (uint16_t)f->to->number);
	store_be64(at + AT_NUMBER, number);
	store_be64(at + AT_SENT, (uint64_t)sent_at);
	for (size_t i = AT_REST; i < len; i++)
		at[i] = (uint8_t)(number * 31 + i * 7);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static struct world *world_of(const struct flow *f)
{
	return f->from->machine.world;
}

void flow_send(struct flow *f)
{
	uint8_t packet[FLOW_LEN_MAX];
	uint64_t number = f->sent;

	if (f->from->life != NODE_AWAKE)
		return;
	f->sent++;
	f->marked_sent++;
	f->seen[number % FLOW_REMEMBER / 8] &= (uint8_t) ~(1u << number % 8);
	flow_write(f, number, world_of(f)->now, packet, f->len);
	node_send_inner(f->from, packet, f->len);
}

static void on_time(struct task *t)
{
	struct flow *f = list_entry(t, struct flow, task);

	flow_send(f);
	agenda_set(&world_of(f)->agenda, t, t->at + f->every);
}

struct flow *flow_between(struct node *from, struct node *to)
{
	struct world *w = from->machine.world;
	struct flow **f = &w->flows[from->number - 1][to->number - 1];

	if (*f == NULL) {
		*f = world_alloc(sizeof **f);
		**f = (struct flow){.from = from,
				    .to = to,
				    .task.run = on_time,
				    .len = FLOW_LEN_MIN,
				    .apart_since = USEC_NEVER};
		flow_mark(*f);
	}
	return *f;
}

struct flow *flow_start(struct node *from, struct node *to, usec every, size_t len)
{
	struct world *w = from->machine.world;
	struct flow *f = flow_between(from, to);

	assert(every > 0 && len >= FLOW_LEN_MIN && len <= FLOW_LEN_MAX);
	f->every = every;
	f->len = len;
	f->started_at = w->now;
	agenda_set(&w->agenda, &f->task, w->now + world_between(w, 0, every - 1));
	return f;
}

void flow_start_both(struct node *a, struct node *b, usec every, size_t len)
{
	flow_start(a, b, every, len);
	flow_start(b, a, every, len);
}

void flow_stop(struct flow *f)
{
	f->every = 0;
	agenda_set(&world_of(f)->agenda, &f->task, USEC_NEVER);
}

/* --- receiving -------------------------------------------------------------------------------------------------- */

/* The flow that the packet says it is of, if all it says is true. */
static struct flow *flow_of(struct node *at, const uint8_t *packet, size_t len)
{
	struct world *w = at->machine.world;
	uint8_t should[FLOW_LEN_MAX];
	unsigned from, to;
	struct flow *f;

	if (len < FLOW_LEN_MIN || len > FLOW_LEN_MAX)
		return NULL;
	from = load_be16(packet + AT_FROM);
	to = load_be16(packet + AT_TO);
	if (from == 0 || from > w->node_count || to != at->number)
		return NULL;
	f = w->flows[from - 1][to - 1];
	if (f == NULL)
		return NULL;
	flow_write(f, load_be64(packet + AT_NUMBER), (usec)load_be64(packet + AT_SENT), should,
		   len);
	return memcmp(packet, should, len) == 0 ? f : NULL;
}

static void measure(struct flow *f, uint64_t number, usec sent_at)
{
	usec now = world_of(f)->now;

	if (number < f->sent - f->marked_sent)
		return;
	f->marked_delivered++;
	if (f->resumed_at == USEC_NEVER)
		f->resumed_at = now;
	f->gap = usec_max(f->gap, now - f->delivered_at);
	f->slowest = usec_max(f->slowest, now - sent_at);
	f->delivered_at = now;
}

void flow_delivered(struct node *at, const uint8_t *packet, size_t len)
{
	struct world *w = at->machine.world;
	struct flow *f = flow_of(at, packet, len);
	uint64_t number;
	uint8_t *byte, bit;

	if (f == NULL) {
		world_fail(w, "%s was delivered a packet of %zu bytes that nobody sent",
			   at->machine.name, len);
		return;
	}
	number = load_be64(packet + AT_NUMBER);
	byte = &f->seen[number % FLOW_REMEMBER / 8];
	bit = (uint8_t)(1u << number % 8);
	world_expect(w, number < f->sent,
		     "%s was delivered packet %" PRIu64 " of %s before it was sent",
		     at->machine.name, number, f->from->machine.name);
	world_expect(w, number + FLOW_REMEMBER >= f->sent && (*byte & bit) == 0,
		     "%s was delivered packet %" PRIu64 " of %s twice", at->machine.name, number,
		     f->from->machine.name);
	*byte |= bit;
	f->delivered++;
	trace_line(&w->trace, "  %s has packet %" PRIu64 " of %s", at->machine.name, number,
		   f->from->machine.name);
	measure(f, number, (usec)load_be64(packet + AT_SENT));
}

/* --- measuring -------------------------------------------------------------------------------------------------- */

void flow_mark(struct flow *f)
{
	f->marked_at = f->delivered_at = world_of(f)->now;
	f->marked_sent = f->marked_delivered = 0;
	f->resumed_at = USEC_NEVER;
	f->gap = f->slowest = 0;
}

usec flow_gap(const struct flow *f)
{
	return usec_max(f->gap, world_of(f)->now - f->delivered_at);
}

uint64_t flow_lost(const struct flow *f)
{
	return f->marked_sent - f->marked_delivered;
}
