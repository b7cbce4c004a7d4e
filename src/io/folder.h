/* The folder of sockets whose daemons may be different users' (interface.md section 1; docs/architecture.md, "Sockets of several users"). */
#ifndef IO_FOLDER_H
#define IO_FOLDER_H

#include <sys/types.h>

/* The folder part of a path, in new memory; NULL without memory. */
char *folder_of_path(const char *path);

/* Give a folder to this user and group, mode 0750; or, while a socket of another user or group is in it, to root, mode 0755: then
 * each socket's own mode says who may connect, and no daemon can put a socket of its own in the place of another's. `ours` is the
 * name of our socket there and does not count. As root. 0 or -errno; a link is no folder. */
int folder_share(const char *folder, const char *ours, uid_t uid, gid_t gid);

#endif
