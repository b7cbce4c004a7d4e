/* What the process may do and what may be seen of it (interface.md section 1; reliability.md, 3.1 and 3.4). */
#ifndef PRIV_H
#define PRIV_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/log.h"

#define PRIV_USER "warren" /* who the daemon becomes unless told otherwise */

/* Who the daemon is once it has started. */
struct priv_user {
	const char *name;
	uid_t uid;
	gid_t gid;
	bool change; /* root becomes this user; false: the process stays who it is */
};

/* The user of this name; NULL: PRIV_USER where it exists, else whoever started us. 0; -ENOENT: there is no such user; -EPERM: only root
 * becomes somebody else; or what the host's user database says. Borrows `name`. */
int priv_find(struct priv_user *u, const char *name);

/* Become that user, if it is a change, with CAP_NET_ADMIN and CAP_NET_BIND_SERVICE and nothing else, for good. Everything that takes root was done
 * before. 0 or -errno, told in the log: the process must not go on then, for it may be neither one nor the other. */
int priv_drop(const struct priv_user *u, const struct log *log);

/* No core dumps and no tracing by others: its memory holds keys. */
void priv_hide_memory(void);

#endif
