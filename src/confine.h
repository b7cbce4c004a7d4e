/* System calls that a daemon which carries packets never makes, refused for good (reliability.md, 3.2, row 33). */
#ifndef CONFINE_H
#define CONFINE_H

#include "base/log.h"

/* From now on this thread and all it starts are refused, with EPERM, to run programs, to look into or steer other processes, to change what the
 * host mounts, to enter or make namespaces, to load code into the kernel, to go round this filter by io_uring, and to open sockets
 * other than UDP, TCP, netlink and Unix ones. A host without seccomp is told in the log, and borne. */
void confine_calls(const struct log *log);

#endif
