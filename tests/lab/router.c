/* The order is that of Linux' forwarding: what is for the router itself, the NAT, the hop limit. */
#include "lab/router.h"

#include <string.h>

#include "base/bytes.h"

int router_init(struct router *r, const struct natbox_config *config, const struct addr *own4,
		const struct addr *own6, uint64_t seed)
{
	memset(r, 0, sizeof *r); /* too large to be copied from the stack */
	r->own4 = *own4;
	r->own6 = *own6;
	return natbox_init(&r->nb, config, seed);
}

void router_free(struct router *r)
{
	natbox_free(&r->nb);
}

void router_flush(struct router *r)
{
	natbox_flush(&r->nb);
	for (size_t i = 0; i < ROUTER_FRAGMENTS_MAX; i++)
		r->fragments[i].until = 0;
}

static enum router_way back_to(enum router_side side)
{
	return side == ROUTER_INSIDE ? ROUTER_TO_INSIDE : ROUTER_TO_OUTSIDE;
}

static enum router_way across(enum router_side from)
{
	return from == ROUTER_INSIDE ? ROUTER_TO_OUTSIDE : ROUTER_TO_INSIDE;
}

/* --- fragments ------------------------------------------------------------------------------------------------------ */

static struct addr without_port(const struct addr *a)
{
	struct addr ip = *a;

	ip.port = 0;
	return ip;
}

static void remember(struct router *r, const struct translate *t, enum router_side from,
		     const struct natbox_flow *to, enum router_way way, usec now)
{
	r->fragments[r->next_fragment++ % ROUTER_FRAGMENTS_MAX] = (struct router_fragment){
		.until = now + ROUTER_FRAGMENT_LIFE,
		.from = from,
		.protocol = t->own.protocol,
		.id = t->fragment_id,
		.src = without_port(&t->own.src),
		.dst = without_port(&t->own.dst),
		.new_src = without_port(&to->src),
		.new_dst = without_port(&to->dst),
		.way = way,
	};
}

static enum router_way follow_first(struct router *r, struct translate *t, enum router_side from,
				    usec now)
{
	for (size_t i = 0; i < ROUTER_FRAGMENTS_MAX; i++) {
		const struct router_fragment *f = &r->fragments[i];

		if (f->until <= now || f->from != from || f->protocol != t->own.protocol ||
		    f->id != t->fragment_id || !addr_equal(&f->src, &t->own.src) ||
		    !addr_equal(&f->dst, &t->own.dst) || t->ttl <= 1)
			continue;
		translate_write(t, &f->new_src, &f->new_dst);
		translate_hop(t);
		return f->way;
	}
	r->stats.lost_fragment++;
	return ROUTER_DROP;
}

/* --- what the sender is told ---------------------------------------------------------------------------------------- */

/* The router as that side knows it: its public address outside. */
static const struct addr *own_address(const struct router *r, enum router_side side, uint8_t family)
{
	if (family == ADDR_V6)
		return &r->own6;
	return side == ROUTER_OUTSIDE && r->nb.config.pool_count > 0 ? &r->nb.config.pool[0]
								     : &r->own4;
}

static enum router_way time_exceeded(struct router *r, struct translate *t, enum router_side from,
				     size_t *len, size_t room)
{
	*len = translate_time_exceeded(t, room, own_address(r, from, t->own.src.family));
	if (*len == 0)
		return ROUTER_DROP;
	r->stats.time_exceeded++;
	return back_to(from);
}

/* As a host does where no port is open, from the address that was meant. */
static enum router_way answer(struct router *r, struct translate *t, enum router_side from,
			      size_t *len, size_t room)
{
	if (t->is_echo_request && !t->is_fragment) {
		translate_answer(t);
		r->stats.answered++;
		return back_to(from);
	}
	*len = translate_unreachable(t, room, &t->own.dst);
	if (*len == 0)
		return ROUTER_DROP;
	r->stats.unreachable++;
	return back_to(from);
}

/* --- the NAT -------------------------------------------------------------------------------------------------------- */

static struct natbox_flow flow_of(const struct translate *t)
{
	const struct translate_layer *l = t->kind == TRANSLATE_ERROR ? &t->quoted : &t->own;

	return (struct natbox_flow){
		.proto = l->protocol == TRANSLATE_UDP   ? NATBOX_UDP
			 : l->protocol == TRANSLATE_TCP ? NATBOX_TCP
							: NATBOX_ECHO,
		.error = t->kind == TRANSLATE_ERROR,
		.ttl = t->ttl,
		.src = l->src,
		.dst = l->dst,
	};
}

/* Of an ICMP error itself only the address that is ours changes: coming in, where it goes; going out, whence it comes. A
 * hairpinned one does both, as if it had gone out and come in. */
static void write_flow(struct translate *t, enum router_side from, const struct natbox_flow *flow,
		       enum natbox_verdict verdict)
{
	if (t->kind != TRANSLATE_ERROR) {
		translate_write(t, &flow->src, &flow->dst);
		return;
	}
	if (addr_equal(&flow->src, &t->quoted.src) && addr_equal(&flow->dst, &t->quoted.dst))
		return;

	struct addr src = t->own.src, dst = t->own.dst;
	if (from == ROUTER_INSIDE)
		src = without_port(&flow->dst);
	if (from == ROUTER_OUTSIDE || verdict == NATBOX_HAIRPIN)
		dst = without_port(&flow->src);
	translate_write_quoted(t, &flow->src, &flow->dst);
	translate_write(t, &src, &dst);
}

static enum router_way forward(struct router *r, struct translate *t, enum router_side from,
			       const struct natbox_flow *flow, enum natbox_verdict verdict,
			       usec now)
{
	enum router_way way = verdict == NATBOX_HAIRPIN ? ROUTER_TO_INSIDE : across(from);

	if (t->is_fragment)
		remember(r, t, from, flow, way, now);
	write_flow(t, from, flow, verdict);
	translate_hop(t);
	return way;
}

static bool is_own(const struct router *r, const struct addr *to)
{
	return addr_same_ip(to, &r->own4) || addr_same_ip(to, &r->own6);
}

enum router_way router_packet(struct router *r, enum router_side from, uint8_t *packet, size_t *len,
			      size_t room, usec now)
{
	struct translate t;

	switch (translate_read(&t, packet, *len)) {
	case TRANSLATE_OK:
		break;
	case TRANSLATE_SHORT:
		r->stats.short_++;
		return ROUTER_DROP;
	case TRANSLATE_CORRUPT:
		r->stats.corrupt++;
		return ROUTER_DROP;
	case TRANSLATE_ALIEN:
		r->stats.alien++;
		return ROUTER_DROP;
	}
	*len = t.len;
	if (t.kind == TRANSLATE_LATER)
		return follow_first(r, &t, from, now);
	if (from == ROUTER_INSIDE && is_own(r, &t.own.dst)) {
		r->stats.own++;
		return answer(r, &t, from, len, room);
	}

	struct natbox_flow flow = flow_of(&t);
	enum natbox_verdict verdict = from == ROUTER_INSIDE ? natbox_out(&r->nb, &flow, now)
							    : natbox_in(&r->nb, &flow, now);
	switch (verdict) {
	case NATBOX_FORWARD:
	case NATBOX_HAIRPIN:
		return forward(r, &t, from, &flow, verdict, now);
	case NATBOX_EXPIRED:
		return time_exceeded(r, &t, from, len, room);
	case NATBOX_LOCAL:
		return answer(r, &t, from, len, room);
	case NATBOX_DROP_BLOCKED:
	case NATBOX_DROP_NO_MAPPING:
	case NATBOX_DROP_FILTERED:
	case NATBOX_DROP_HAIRPIN:
	case NATBOX_DROP_PORTS:
	case NATBOX_DROP_FULL:
	case NATBOX_DROP_BAD:
	case NATBOX_VERDICTS:
		break;
	}
	return ROUTER_DROP;
}
