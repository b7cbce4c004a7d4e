/* What happens to the host's addresses, routes and links, by rtnetlink: notifications say that
 * something may have changed, then the kernel's lists are read anew. So nothing is missed: not what
 * an overrun (ENOBUFS) lost, not routes that go without a word with their link or address. */
#ifndef TUN_WATCH_H
#define TUN_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/host.h"

/* From the first sign of a change to the reading of the lists: changes come in bursts. */
#define WATCH_GATHER_FOR MSEC(50)
/* Between two readings, at least this many times what the last one took. */
#define WATCH_REST       10
#define WATCH_REST_MAX   SEC(2)

struct watch;

/* Watch, and read all lists once. `overlay`: the index of the overlay interface. 0 or -errno. */
int watch_open(struct watch **out, int overlay);
/* NULL is fine. */
void watch_close(struct watch *w);
int watch_fd(const struct watch *w);

/* Hear what the kernel says, a bounded number of messages. What concerns the overlay's link is known
 * at once; the rest makes watch_deadline() finite. */
void watch_hear(struct watch *w, usec now);
/* Read the lists anew if that is due (when it fails, again after WATCH_REST_MAX). True when
 * something may be new since the last call. */
bool watch_tick(struct watch *w, usec now);
usec watch_deadline(const struct watch *w);

/* The facts as last read. slept_at and woke_at are the caller's. */
struct host *watch_host(struct watch *w);

/* --- netlink messages (pure) ------------------------------------------------------------------------------------ */

struct nlmsghdr;

/* Take a message of a list into *h: first all addresses, then all routes, then all links, which say
 * what of it is up. False when the message is cut short or contradicts itself: nothing of it was
 * taken then. */
bool watch_take(struct host *h, int overlay, const struct nlmsghdr *message);

/* What notifications mean. A link's message about the overlay is taken into *h. */
enum watch_news {
	WATCH_NOTHING,
	WATCH_CHANGED, /* the lists are to be read */
};
enum watch_news watch_news(struct host *h, int overlay, const void *messages, size_t len);

#endif
