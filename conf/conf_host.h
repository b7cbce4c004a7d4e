/* A server as people write it: "host:port", "192.0.2.1:port" or "[2001:db8::1]:port" (interface.md section 2). */
#ifndef CONF_CONF_HOST_H
#define CONF_CONF_HOST_H

#include "conf/conf.h"

#define CONF_HOST_TEXT_MAX (CONF_HOST_MAX + 16) /* with its port, brackets and zero byte */

enum conf_host_result {
	CONF_HOST_OK,
	CONF_HOST_HALF_BRACKET, /* no "]:port" at its end */
	CONF_HOST_BARE_V6,      /* an IPv6 address without brackets */
	CONF_HOST_BARE_COLONS,  /* what might be one */
	CONF_HOST_PORT,         /* not a number from 1 to 65535 */
	CONF_HOST_NOT_ONE,      /* the address of none, or of many */
	CONF_HOST_NEITHER,      /* neither a host name nor an address */
};

/* True for what a name server may be asked about. */
bool conf_host_is_name(const char *text);
/* True for what may be one host's address. */
bool conf_host_is_address(const struct addr *a);

/* The port may be missing, and is 0 then. `text` is cut up; out->host points into it, or is NULL for an address. */
enum conf_host_result conf_host_read(struct conf_endpoint *out, char *text);

/* The same of a copy of `text` in `copy`, where a missing port is `port`; what is too long is CONF_HOST_NEITHER. */
enum conf_host_result conf_host_copy(struct conf_endpoint *out,
				     char copy[static CONF_HOST_TEXT_MAX], const char *text,
				     uint16_t port);

#endif
