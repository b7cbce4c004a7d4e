/* The overlay interface (interface.md sections 1 and 2). */
#include "overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tun/link.h"

#define TABLE_MAIN 0

int overlay_init(struct overlay *o, int index, const struct log *log)
{
	int err;

	*o = (struct overlay){.index = index};
	if ((err = rtnl_open(&o->rtnl)) < 0 || (err = link_set_no_ll(o->rtnl, index)) < 0 ||
	    (err = link_set_mtu(o->rtnl, index, CONF_MTU_DEFAULT)) < 0)
		log_error(log, "cannot set up the interface: %s", strerror(-err));
	return err;
}

static int add_route(struct overlay *o, const struct conf *c, const struct prefix *p,
		     const struct log *log)
{
	uint32_t table = c->table == CONF_TABLE_NUMBER ? c->table_number : TABLE_MAIN;
	char text[PREFIX_TEXT_MAX];
	int err;

	if (p->len == 0 && c->table == CONF_TABLE_AUTO) {
		log_warn(log,
			 "no route is set for %s: it would lead the tunnel's own packets into the "
			 "tunnel; use wg-quick, or Table = off and "
			 "routes of your own",
			 prefix_print(p, text));
		return 0;
	}
	err = route_add(o->rtnl, &o->routes, o->index, p, table);
	if (err < 0)
		log_error(log, "cannot add the route %s: %s", prefix_print(p, text),
			  strerror(-err));
	return err;
}

static int add_routes(struct overlay *o, const struct conf *c, const struct log *log)
{
	int err = 0;

	for (size_t i = 0; i < c->peer_count; i++) {
		for (size_t j = 0; j < c->peers[i].allowed_count && err == 0; j++)
			err = add_route(o, c, &c->peers[i].allowed[j], log);
	}
	return err;
}

static int add_addresses(struct overlay *o, const struct conf *c, const struct log *log)
{
	char text[PREFIX_TEXT_MAX];

	o->addresses = calloc(c->address_count + 1, sizeof *o->addresses);
	if (o->addresses == NULL) {
		log_error(log, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->address_count; i++) {
		int err = link_add_address(o->rtnl, o->index, &c->addresses[i]);
		if (err == 0)
			o->addresses[o->address_count++] = c->addresses[i];
		if (err < 0 && err != -EEXIST) {
			log_error(log, "cannot add the address %s: %s",
				  prefix_print(&c->addresses[i], text), strerror(-err));
			return err;
		}
	}
	return 0;
}

int overlay_apply(struct overlay *o, const struct conf *c, const struct log *log)
{
	int err;

	if ((err = link_set_mtu(o->rtnl, o->index, c->has_mtu ? c->mtu : CONF_MTU_DEFAULT)) < 0) {
		log_error(log, "cannot set the MTU: %s", strerror(-err));
		return err;
	}
	if ((err = add_addresses(o, c, log)) < 0)
		return err;
	if ((err = link_set_up(o->rtnl, o->index)) < 0) {
		log_error(log, "cannot set the interface up: %s", strerror(-err));
		return err;
	}
	return c->table == CONF_TABLE_OFF ? 0 : add_routes(o, c, log);
}

void overlay_undo(struct overlay *o)
{
	if (o->rtnl == NULL)
		return;
	route_undo(o->rtnl, &o->routes, o->index);
	for (size_t i = o->address_count; i > 0; i--)
		link_remove_address(o->rtnl, o->index, &o->addresses[i - 1]);
	free(o->addresses);
	rtnl_close(o->rtnl);
	o->rtnl = NULL;
}
