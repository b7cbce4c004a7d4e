/* A changed configuration taken up while packets flow: first the overlay interface, beside the loop, because the kernel takes its
 * time with addresses, MTU and routes; then the mesh. All of it or nothing, one after another, each answered on the control socket. */
#ifndef RELOAD_H
#define RELOAD_H

#include "conf/conf.h"
#include "io/aside.h"
#include "io/local.h"
#include "overlay.h"

/* What the rest of the daemon does for it, in the loop. */
struct reload_calls {
	/* From here on packets leave with the mark of `c`, because rules come that lead those without it into the tunnel; NULL: it did
	 * not come to that, they leave as before. */
	void (*mark)(void *ctx, const struct conf *c);
	/* Bring the mesh from what it has to what `c` says: 0 and what changed, in sentences; or -errno, and all is as it was. */
	int (*apply)(void *ctx, struct conf *c, struct conf_list *changes);
	void *ctx;
};

struct reload {
	struct aside *aside; /* NULL: not open */
	struct overlay *overlay;
	struct conf **loaded;
	struct reload_calls calls;
	struct reload_request {
		struct conf *conf;
		struct local_client *client;
	} requests[LOCAL_CLIENTS]; /* in order; the first is under way unless the worker renews */
	size_t request_count;
	bool renew; /* is due */
	int err;    /* of the worker, or why the overlay is put back */
};

/* The overlay is the worker's from here on until reload_close(). *loaded, the configuration taken up last (NULL: none), is replaced
 * after each. 0 or -errno. */
int reload_open(struct reload *r, struct loop *l, struct overlay *o, struct conf **loaded,
		struct reload_calls calls, const struct log *log);
/* Waits for the kernel where it is at work. Who waits for an answer gets none: close the socket before. */
void reload_close(struct reload *r);

/* Take up `c`, which is ours now, and answer the client then. Who asks meanwhile waits for its turn: nothing is compared before it,
 * so that it is told what its own file changed. */
void reload_ask(struct reload *r, struct conf *c, struct local_client *client);
/* The interface came up: set again what the kernel took from it when it went down. */
void reload_renew(struct reload *r);

#endif
