/* The sweeper: a child that keeps root and waits for the daemon's end, however it comes, to remove the daemon's socket files, which lie in
 * folders where the daemon, once it has become another user, may remove nothing (interface.md section 1). */
#ifndef SWEEPER_H
#define SWEEPER_H

#include <stddef.h>
#include <sys/types.h>

#define SWEEPER_FILES 2

struct sweeper {
	pid_t pid; /* 0: there is none */
	int pipe;  /* its end is the daemon's end */
};

/* Fork it: before anything is opened, allocated or read, for it keeps a copy of what there is. 0 or -errno. */
int sweeper_start(struct sweeper *s);
/* Without root there is none: the daemon may remove what it made. */
void sweeper_none(struct sweeper *s);

/* Tell it the socket files that are ours, by name, device and inode; once, and before privileges are dropped: it listens to the first word
 * only, so that who takes over the daemon later cannot have files removed. 0 or -errno. */
int sweeper_watch(struct sweeper *s, const char *const paths[], size_t count);

/* The daemon is about to end: returns once the files are gone. A second call does nothing. */
void sweeper_end(struct sweeper *s);

#endif
