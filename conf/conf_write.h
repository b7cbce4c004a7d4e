/* Prints a configuration so that conf_read gives it back. */
#ifndef CONF_CONF_WRITE_H
#define CONF_CONF_WRITE_H

#include "conf/conf.h"

enum conf_form {
	CONF_FORM_WARREN, /* everything */
	CONF_FORM_WG,     /* what `wg setconf` takes: `warren strip` */
};

/* A new string (free with key_free: it holds keys), or NULL without memory. */
char *conf_write(const struct conf *c, enum conf_form form);

#endif
