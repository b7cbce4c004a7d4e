/* The overlay interface (interface.md sections 1 and 2). */
#include "overlay.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "tun/link.h"

int overlay_init(struct overlay *o, int index, uint32_t queue_len, const struct log *log)
{
	int err;

	*o = (struct overlay){.index = index};
	if ((err = rtnl_open(&o->rtnl)) < 0 || (err = full_init(&o->full, o->rtnl)) < 0 ||
	    (err = link_set_no_ll(o->rtnl, index)) < 0 ||
	    (err = link_set_mtu(o->rtnl, index, CONF_MTU_DEFAULT)) < 0 ||
	    (queue_len != 0 && (err = link_set_txqueuelen(o->rtnl, index, queue_len)) < 0))
		log_error(log, "cannot set up the interface: %s", strerror(-err));
	return err;
}

int overlay_choose_mark(struct overlay *o, struct conf *c, const struct log *log)
{
	return full_choose_mark(&o->full, o->rtnl, c, log);
}

/* --- addresses -------------------------------------------------------------------------------------------------- */

static bool has_address(const struct prefix *list, size_t count, const struct prefix *p)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_equal(&list[i], p))
			return true;
	return false;
}

/* Those that were not added yet; or, `again`, all. */
static int add_addresses(struct overlay *o, const struct conf *c, bool again, const struct log *log)
{
	struct prefix *more =
		reallocarray(o->addresses, o->address_count + c->address_count + 1, sizeof *more);
	char text[PREFIX_TEXT_MAX];

	if (more == NULL) {
		log_error(log, "out of memory");
		return -ENOMEM;
	}
	o->addresses = more;
	for (size_t i = 0; i < c->address_count; i++) {
		const struct prefix *p = &c->addresses[i];
		bool ours = has_address(o->addresses, o->address_count, p);
		int err = ours && !again ? 0 : link_add_address(o->rtnl, o->index, p);

		if (err == 0 && !ours)
			o->addresses[o->address_count++] = *p;
		if (err < 0 && err != -EEXIST) {
			log_error(log, "cannot add the address %s: %s", prefix_print(p, text),
				  strerror(-err));
			return err;
		}
	}
	return 0;
}

/* True when one was removed. */
static bool remove_addresses(struct overlay *o, const struct conf *c)
{
	size_t kept = 0, count = o->address_count;

	for (size_t i = 0; i < count; i++) {
		const struct prefix p = o->addresses[i];

		if (has_address(c->addresses, c->address_count, &p))
			o->addresses[kept++] = p;
		else
			link_remove_address(o->rtnl, o->index, &p);
	}
	o->address_count = kept;
	return kept < count;
}

int overlay_renew(struct overlay *o, const struct conf *c, const struct log *log)
{
	int err = add_addresses(o, c, true, log);

	if (err == 0 && ((err = route_renew(o->rtnl, &o->routes, o->index)) < 0 ||
			 (err = full_renew(&o->full, o->rtnl)) < 0))
		log_error(log, "cannot put the routes back: %s", strerror(-err));
	return err;
}

static int set_addresses(struct overlay *o, const struct conf *c, const struct log *log)
{
	int err = add_addresses(o, c, false, log);

	if (err < 0 || !remove_addresses(o, c))
		return err;
	/* With an IPv4 address the kernel also removes those of its subnet that came later, and with the last one all
	 * routes; and an IPv6 address is there only once, whatever its length. */
	return overlay_renew(o, c, log);
}

/* --- routes ----------------------------------------------------------------------------------------------------- */

struct wanted {
	struct prefix *items; /* sorted, masked */
	size_t count;
	uint32_t table, default_table; /* the latter for prefixes of length 0 */
};

static uint32_t table_of(const struct wanted *w, const struct prefix *p)
{
	return p->len == 0 ? w->default_table : w->table;
}

static bool is_wanted(const struct wanted *w, const struct route_entry *e)
{
	return table_of(w, &e->prefix) == e->table &&
	       bsearch(&e->prefix, w->items, w->count, sizeof *w->items, prefix_compare) != NULL;
}

/* The prefixes that lead to peers, each once. -ENOMEM or 0. */
static int collect(struct wanted *w, const struct conf *c)
{
	bool numbered = c->table == CONF_TABLE_NUMBER;
	size_t room = 0;

	for (size_t i = 0; i < c->peer_count && c->table != CONF_TABLE_OFF; i++)
		room += c->peers[i].allowed_count;
	*w = (struct wanted){
		.items = calloc(room + 1, sizeof *w->items),
		.table = numbered ? c->table_number : RT_TABLE_MAIN,
		.default_table = numbered ? c->table_number : c->fwmark,
	};
	if (w->items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->peer_count && room > 0; i++)
		for (size_t j = 0; j < c->peers[i].allowed_count; j++)
			w->items[w->count++] = c->peers[i].allowed[j];
	qsort(w->items, w->count, sizeof *w->items, prefix_compare);
	return 0;
}

static void remove_routes(struct overlay *o, const struct wanted *w)
{
	for (size_t i = o->routes.count; i > 0; i--)
		if (!is_wanted(w, &o->routes.items[i - 1]))
			route_remove(o->rtnl, &o->routes, o->index, i - 1);
}

static int add_routes(struct overlay *o, const struct wanted *w, const struct log *log)
{
	size_t before = o->routes.count, there_count = 0;
	struct prefix *there = calloc(before + 1, sizeof *there);
	char text[PREFIX_TEXT_MAX];
	int err = there == NULL ? -ENOMEM : 0;

	if (err < 0)
		log_error(log, "out of memory");
	for (size_t i = 0; err == 0 && i < before; i++)
		if (is_wanted(w, &o->routes.items[i]))
			there[there_count++] = o->routes.items[i].prefix;
	if (err == 0)
		qsort(there, there_count, sizeof *there, prefix_compare);
	for (size_t i = 0; err == 0 && i < w->count; i++) {
		const struct prefix *p = &w->items[i];

		if ((i > 0 && prefix_equal(p, p - 1)) ||
		    bsearch(p, there, there_count, sizeof *there, prefix_compare) != NULL)
			continue;
		err = route_add(o->rtnl, &o->routes, o->index, p, table_of(w, p));
		if (err < 0)
			log_error(log, "cannot add the route %s: %s", prefix_print(p, text),
				  strerror(-err));
	}
	free(there);
	return err;
}

/* What is new comes before the old goes, so that nothing finds a way round the tunnel in between. */
static int set_routes(struct overlay *o, const struct conf *c, const struct log *log)
{
	struct wanted w;
	int err = collect(&w, c);

	if (err < 0)
		log_error(log, "out of memory");
	if (err == 0 && (err = add_routes(o, &w, log)) == 0 &&
	    (err = full_set_rules(&o->full, o->rtnl, c, log)) == 0)
		remove_routes(o, &w);
	free(w.items);
	return err;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

static int set_mtu(struct overlay *o, uint32_t mtu, const struct log *log)
{
	int err = mtu == o->mtu ? 0 : link_set_mtu(o->rtnl, o->index, mtu);

	if (err == 0)
		o->mtu = mtu;
	else
		log_error(log, "cannot set the MTU: %s", strerror(-err));
	return err;
}

static int set_up(struct overlay *o, const struct log *log)
{
	int err = o->up ? 0 : link_set_up(o->rtnl, o->index);

	o->up = err == 0;
	if (err < 0)
		log_error(log, "cannot set the interface up: %s", strerror(-err));
	return err;
}

/* Asks the kernel for nothing that is there already: it may have its lock for longer than packets can wait. */
int overlay_apply(struct overlay *o, const struct conf *c, const struct log *log)
{
	int err;

	if ((err = set_mtu(o, c->has_mtu ? c->mtu : CONF_MTU_DEFAULT, log)) < 0 ||
	    (err = set_addresses(o, c, log)) < 0 || (err = set_up(o, log)) < 0)
		return err;
	return set_routes(o, c, log);
}

void overlay_undo(struct overlay *o)
{
	if (o->rtnl == NULL)
		return;
	full_undo(&o->full, o->rtnl);
	route_undo(o->rtnl, &o->routes, o->index);
	for (size_t i = o->address_count; i > 0; i--)
		link_remove_address(o->rtnl, o->index, &o->addresses[i - 1]);
	free(o->addresses);
	rtnl_close(o->rtnl);
	o->rtnl = NULL;
}
