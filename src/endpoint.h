/* Endpoints that a configuration file gives by name, looked up once: at start, and at a reload that brings a new one. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "base/log.h"
#include "conf/delta.h"

/* Set the endpoint of every peer of `change` that has a name which resolves. A name that does not is told in the log; the
 * peer is then reachable once it speaks first. Blocks as long as the system's resolver does. */
void endpoint_resolve(struct delta *change, const struct log *log);

#endif
