/* Questions to name servers. c-ares calls back from within its own functions, also at once; so a callback only notes what came, and
 * the tick reports it and frees the channel. */
#include "io/resolve.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

#define TRY_FOR MSEC(1500) /* for the first round of name servers; c-ares doubles it */
#define ROUNDS  2

struct resolve {
	struct loop *loop;
	char *servers; /* or NULL */
	void (*answered)(void *ctx, uint64_t id, const struct addr *addrs, size_t count);
	void *ctx;
	const struct log *log;
	uint32_t fwmark;
	struct list waiting, asked;
	size_t asked_count;
};

struct question {
	struct list order; /* in waiting or asked */
	struct resolve *resolve;
	uint64_t id;
	char *name;
	ares_channel channel; /* NULL: it waits */
	struct list sockets;
	usec give_up_at, deadline;
	bool done;
	struct addr addrs[RESOLVE_ADDRS];
	size_t count;
};

struct socket {
	struct list order;
	struct question *question;
	int fd;
	struct loop_watch *watch;
};

/* --- one question ----------------------------------------------------------------------------------------------- */

static void set_deadline(struct question *q)
{
	usec now = loop_now(q->resolve->loop);
	struct timeval left;

	q->deadline = q->done ? now : q->give_up_at;
	/* c-ares has a clock of its own: not before it strikes there. */
	if (!q->done && ares_timeout(q->channel, NULL, &left) != NULL)
		q->deadline =
			usec_min(q->deadline, now + SEC(left.tv_sec) + left.tv_usec + MSEC(1));
}

static void on_ready(void *ctx, int events)
{
	struct socket *s = ctx;
	struct question *q = s->question;
	int fd = s->fd; /* c-ares may close it, and s is gone then */

	loop_update_now(q->resolve->loop);
	ares_process_fd(q->channel, events & LOOP_READ ? fd : ARES_SOCKET_BAD,
			events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	set_deadline(q);
}

static struct socket *find_socket(struct question *q, int fd)
{
	list_for_each (at, &q->sockets) {
		struct socket *s = list_entry(at, struct socket, order);
		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static void forget_socket(struct socket *s)
{
	loop_unwatch(s->watch);
	list_remove(&s->order);
	free(s);
}

static void watch_socket(struct question *q, int fd, int events)
{
	struct socket *s = calloc(1, sizeof *s);

	if (s == NULL)
		return; /* the name server will seem silent */
	*s = (struct socket){.question = q, .fd = fd};
	s->watch = loop_watch(q->resolve->loop, fd, events, on_ready, s);
	if (s->watch == NULL) {
		free(s);
		return;
	}
	list_add_tail(&q->sockets, &s->order);
}

static void on_socket_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
	struct question *q = ctx;
	struct socket *s = find_socket(q, fd);
	int events = (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0);

	if (s == NULL && events != 0)
		watch_socket(q, fd, events);
	else if (s != NULL && events != 0)
		loop_watch_set(s->watch, events);
	else if (s != NULL)
		forget_socket(s);
}

static int mark(int fd, uint32_t fwmark)
{
	return setsockopt(fd, SOL_SOCKET, SO_MARK, &fwmark, sizeof fwmark);
}

/* A question that would leave without the mark might enter the tunnel whose end it looks for: rather none. */
static int on_socket_made(ares_socket_t fd, int type, void *ctx)
{
	const struct question *q = ctx;

	(void)type;
	return q->resolve->fwmark == 0 || mark(fd, q->resolve->fwmark) == 0 ? 0 : -1;
}

static void on_addresses(void *ctx, int status, int timeouts, struct ares_addrinfo *found)
{
	struct question *q = ctx;

	(void)timeouts;
	q->done = true;
	if (status != ARES_SUCCESS)
		log_debug(q->resolve->log, "cannot look up %s: %s", q->name, ares_strerror(status));
	for (const struct ares_addrinfo_node *n = found != NULL ? found->nodes : NULL;
	     n != NULL && q->count < RESOLVE_ADDRS; n = n->ai_next) {
		struct addr *a = &q->addrs[q->count];
		if (!addr_from_sockaddr(a, n->ai_addr, n->ai_addrlen))
			continue;
		a->port = 0;
		q->count++;
	}
	ares_freeaddrinfo(found);
}

static int open_channel(struct question *q)
{
	struct ares_options options = {
		.timeout = TRY_FOR / MSEC(1),
		.tries = ROUNDS,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = q,
	};
	int err = ares_init_options(&q->channel, &options,
				    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);

	if (err != ARES_SUCCESS) {
		q->channel = NULL;
		return err;
	}
	ares_set_socket_configure_callback(q->channel, on_socket_made, q);
	return q->resolve->servers == NULL
		       ? ARES_SUCCESS
		       : ares_set_servers_ports_csv(q->channel, q->resolve->servers);
}

static void start(struct question *q)
{
	const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC,
						  .ai_socktype = SOCK_DGRAM};
	int err = open_channel(q);

	q->give_up_at = loop_now(q->resolve->loop) + RESOLVE_GIVE_UP;
	if (err == ARES_SUCCESS)
		ares_getaddrinfo(q->channel, q->name, NULL, &hints, on_addresses, q);
	else
		on_addresses(q, err, 0, NULL);
	set_deadline(q);
}

static void free_question(struct question *q)
{
	if (q->channel != NULL)
		ares_destroy(q->channel); /* closes its sockets, and tells on_socket_state */
	list_remove(&q->order);
	free(q->name);
	free(q);
}

/* --- all questions ---------------------------------------------------------------------------------------------- */

struct resolve *resolve_new(struct loop *loop, const char *servers,
			    void (*answered)(void *ctx, uint64_t id, const struct addr *addrs,
					     size_t count),
			    void *ctx, const struct log *log)
{
	struct resolve *r = calloc(1, sizeof *r);

	if (r == NULL || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(r);
		return NULL;
	}
	*r = (struct resolve){.loop = loop, .answered = answered, .ctx = ctx, .log = log};
	list_init(&r->waiting);
	list_init(&r->asked);
	if (servers != NULL && (r->servers = strdup(servers)) == NULL) {
		resolve_free(r);
		return NULL;
	}
	return r;
}

void resolve_free(struct resolve *r)
{
	if (r == NULL)
		return;
	list_for_each_safe (at, next, &r->asked)
		free_question(list_entry(at, struct question, order));
	list_for_each_safe (at, next, &r->waiting)
		free_question(list_entry(at, struct question, order));
	ares_library_cleanup();
	free(r->servers);
	free(r);
}

void resolve_set_fwmark(struct resolve *r, uint32_t fwmark)
{
	if (fwmark == r->fwmark)
		return;
	r->fwmark = fwmark;
	list_for_each (at, &r->asked) {
		list_for_each (socket, &list_entry(at, struct question, order)->sockets)
			mark(list_entry(socket, struct socket, order)->fd, fwmark);
	}
}

static void start_waiting(struct resolve *r)
{
	while (r->asked_count < RESOLVE_AT_ONCE && !list_empty(&r->waiting)) {
		struct question *q = list_entry(r->waiting.next, struct question, order);
		list_remove(&q->order);
		list_add_tail(&r->asked, &q->order);
		r->asked_count++;
		start(q);
	}
}

int resolve_ask(struct resolve *r, const char *name, uint64_t id)
{
	struct question *q = calloc(1, sizeof *q);
	char *copy = strdup(name);

	if (q == NULL || copy == NULL) {
		free(q);
		free(copy);
		return -ENOMEM;
	}
	*q = (struct question){.resolve = r, .id = id, .name = copy};
	list_init(&q->sockets);
	list_add_tail(&r->waiting, &q->order);
	start_waiting(r);
	return 0;
}

usec resolve_deadline(const struct resolve *r)
{
	usec at = USEC_NEVER;

	list_for_each (item, &r->asked)
		at = usec_min(at, list_entry(item, struct question, order)->deadline);
	return at;
}

static void keep_time(struct question *q, usec now)
{
	if (usec_due(q->give_up_at, now))
		ares_cancel(q->channel);
	else
		ares_process_fd(q->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_deadline(q);
}

void resolve_tick(struct resolve *r)
{
	usec now = loop_now(r->loop);
	struct list ready;

	list_init(&ready);
	list_for_each_safe (at, next, &r->asked) {
		struct question *q = list_entry(at, struct question, order);
		if (usec_due(q->deadline, now) && !q->done)
			keep_time(q, now);
		if (!q->done)
			continue;
		list_remove(&q->order);
		list_add_tail(&ready, &q->order);
		r->asked_count--;
	}
	start_waiting(r);
	while (!list_empty(&ready)) { /* whoever is told may ask anew */
		struct question *q = list_entry(ready.next, struct question, order);
		r->answered(r->ctx, q->id, q->addrs, q->count);
		free_question(q);
	}
}
