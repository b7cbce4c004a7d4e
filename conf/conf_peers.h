/* The peers of a configuration by key: for comparing two of them, of which each may have thousands. */
#ifndef CONF_CONF_PEERS_H
#define CONF_CONF_PEERS_H

#include "conf/conf.h"

struct conf_peers {
	const struct conf_peer **items; /* sorted; they are the configuration's */
	size_t count;
};

/* False without memory. The configuration must outlive it, unchanged. */
bool conf_peers_init(struct conf_peers *s, const struct conf *c);
void conf_peers_free(struct conf_peers *s);
/* NULL: there is none. */
const struct conf_peer *conf_peers_find(const struct conf_peers *s, const struct key_public *key);

#endif
