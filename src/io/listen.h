/* A Unix socket that listens at a path (interface.md, section 1). */
#ifndef IO_LISTEN_H
#define IO_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

struct listen_as {
	mode_t mode;
	/* The socket, and its folder of mode 0750, are this user's and group's from their first moment on. Only root gives folders
	 * away, also one that is there already, as folder_share has it where other users' daemons live; others take it as they find
	 * it. The path has a folder. */
	bool shared;
	uid_t uid;
	gid_t gid;
};

/* A listening descriptor, or -errno with nothing left behind: a stale socket at the path is replaced, a live one is -EADDRINUSE,
 * another kind of file -EEXIST. The folder is made when missing (0755, unless shared). (Two daemons that start at once for one interface
 * do not get here: the TUN device is taken first.) */
int listen_at(const char *path, const struct listen_as *as);

#endif
