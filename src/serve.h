/* The two Unix sockets of a daemon: requests are understood here (ctl/uapi.h, ctl/answer.h) and answered from what the mesh says;
 * what they want changed is asked of the rest of the daemon. */
#ifndef SERVE_H
#define SERVE_H

#include <sys/types.h>

#include "conf/delta.h"
#include "ctl/stages.h"
#include "io/local.h"
#include "io/loop.h"
#include "mesh/mesh.h"

#define SERVE_PATH_MAX 128

/* What the rest of the daemon does for it, in the loop. */
struct serve_calls {
	/* Before each answer: the wall clock as it is now. */
	void (*look)(void *ctx);
	/* A change by wg: all of it or nothing. 0 or -errno. */
	int (*apply)(void *ctx, const struct delta *change);
	/* Take up `c`, which is the daemon's now, and answer by local_finish(). False, and it is nobody's any more: no file was loaded. */
	bool (*reload)(void *ctx, struct conf *c, struct local_client *from);
	/* What the edges have done in all. */
	void (*measure)(void *ctx, struct stages *out);
	void (*stop)(void *ctx, const char *why);
	void *ctx;
};

struct serve {
	struct local *uapi, *control;
	struct loop *loop;
	struct mesh *mesh;
	char interface[HOST_NAME_MAX + 1];
	char host_name[256];
	char uapi_path[SERVE_PATH_MAX], control_path[SERVE_PATH_MAX];
	struct serve_calls calls;
};

struct serve_options {
	const char *interface;
	int uapi_fd; /* handed over, or -1 */
	uid_t uid;   /* whose the control socket is */
	gid_t gid;
	const struct log *log;
};

/* Open both sockets: 0, or -errno, and which of them is at fault in *path: -EADDRINUSE when another daemon serves it. What was
 * opened is serve_close()'s either way. */
int serve_open(struct serve *s, struct loop *l, struct mesh *m, struct serve_calls calls,
	       const struct serve_options *o, const char **path);
/* Also of one that was never opened, if it is all zero. */
void serve_close(struct serve *s);

/* Tell who listens what happened to peers since. */
void serve_tell_events(struct serve *s);

void serve_tick(struct serve *s, usec now);
usec serve_deadline(const struct serve *s);

#endif
