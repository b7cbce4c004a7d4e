/* Endpoints that a configuration file gives by name, looked up once, at start, before any packet flows. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "base/log.h"
#include "conf/delta.h"

/* Set the endpoint of every peer of `change` (made by delta_from_conf(c)) whose name resolves. A name that does not is told in the log; the
 * peer is then reachable once it speaks first. Blocks as long as the system's resolver does. */
void endpoint_resolve(const struct conf *c, struct delta *change, const struct log *log);

#endif
