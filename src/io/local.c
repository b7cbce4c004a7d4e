/* A Unix socket for requests of text. One request is answered per client and turn, and nothing
 * here blocks, so that the data plane hardly notices the worst of clients. */
#include "config.h"

#include "io/local.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/folder.h"
#include "io/listen.h"

#define INPUT_FIRST  4096u  /* of a client's buffer, then doubled */
#define ACCEPT_PAUSE SEC(1) /* when the host has no descriptor or memory for another client */
#define REMOVAL_EVENTS                                                                             \
	(IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

char local_later[1];

/* A client sends requests, waits for an answer that comes later, or is being sent one; of several
 * requests in `in` the rest waits. */
struct local_client {
	struct local *local; /* NULL: free */
	struct loop_watch *watch;
	int fd;
	uid_t uid;
	usec deadline;
	char *in; /* requests from in_at to in_len; room for one more byte, the zero */
	size_t in_at, in_len, in_room;
	bool partial; /* what is left in `in` is no whole request */
	char *answer; /* NULL: none */
	size_t answer_at, answer_len;
	bool waiting; /* for local_finish() */
	char *pushed; /* LOCAL_PUSH_MAX: it stays; NULL: it does not */
	size_t pushed_len;
	bool lost; /* it stayed, and did not read */
};

struct local {
	struct loop *loop;
	const struct log *log;
	const struct local_protocol *protocol;
	void *ctx;

	int fd;
	struct loop_watch *accepting;
	usec accept_at; /* accept again; USEC_NEVER: no pause */
	int spare;      /* kept back for a client when there is no other descriptor; -1: in use */
	size_t client_count, stay_count;
	struct local_client clients[LOCAL_CLIENTS + LOCAL_STAY_MAX];

	char *path; /* NULL: none, or not ours any more */
	dev_t dev;
	ino_t ino;
	int inotify; /* -1: none */
	struct loop_watch *removal;
	void (*removed)(void *ctx);
	void *removed_ctx;
};

static void spare_keep(struct local *l)
{
	if (l->spare < 0)
		l->spare = open("/", O_PATH | O_CLOEXEC);
}

static const struct local_client *clients_end(const struct local *l)
{
	return l->clients + LOCAL_CLIENTS + LOCAL_STAY_MAX;
}

static void accept_resume(struct local *l)
{
	spare_keep(l);
	l->accept_at = USEC_NEVER;
	loop_watch_set(l->accepting, l->client_count < LOCAL_CLIENTS ? LOOP_READ : 0);
}

static void answer_free(struct local_client *c)
{
	if (c->answer != NULL)
		c->local->protocol->release(c->answer);
	c->answer = NULL;
	c->answer_at = c->answer_len = 0;
}

/* Requests may hold private keys: no copy stays behind in freed memory. */
static void input_free(struct local_client *c)
{
	if (c->in != NULL)
		explicit_bzero(c->in, c->in_len);
	free(c->in);
}

static void client_close(struct local_client *c)
{
	struct local *l = c->local;

	answer_free(c);
	loop_unwatch(c->watch);
	close(c->fd);
	input_free(c);
	if (c->pushed != NULL)
		l->stay_count--;
	else
		l->client_count--;
	free(c->pushed);
	*c = (struct local_client){0};
	accept_resume(l);
}

static void client_rest(struct local_client *c)
{
	bool unmeasured = c->waiting || (c->pushed != NULL && c->answer == NULL);

	if (c->lost)
		return;
	c->deadline = unmeasured ? USEC_NEVER : loop_now(c->local->loop) + LOCAL_IDLE_FOR;
}

static size_t request_max(const struct local_client *c)
{
	size_t others_max = c->local->protocol->others_max;

	return c->uid != 0 && others_max != 0 ? others_max : LOCAL_REQUEST_MAX;
}

/* Room for more bytes behind in_len: 0 or -errno. */
static int input_reserve(struct local_client *c)
{
	if (c->in_at > 0) {
		size_t left = c->in_len - c->in_at;
		memmove(c->in, c->in + c->in_at, left);
		explicit_bzero(c->in + left, c->in_at);
		c->in_len = left;
		c->in_at = 0;
	}
	if (c->in_len < c->in_room)
		return 0;
	if (c->in_room >= request_max(c))
		return -EMSGSIZE;

	size_t room = c->in_room != 0 ? c->in_room * 2 : INPUT_FIRST;
	char *in = malloc(room + 1);
	if (in == NULL)
		return -ENOMEM;
	if (c->in_len > 0)
		memcpy(in, c->in, c->in_len);
	input_free(c);
	c->in = in;
	c->in_room = room;
	return 0;
}

/* False at the end of the client. */
static bool client_read(struct local_client *c)
{
	if (input_reserve(c) < 0)
		return false;
	ssize_t got = recv(c->fd, c->in + c->in_len, c->in_room - c->in_len, MSG_DONTWAIT);
	if (got > 0)
		c->in_len += (size_t)got;
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Write what the socket takes. False at the end of the client. */
static bool client_write(struct local_client *c)
{
	ssize_t sent = send(c->fd, c->answer + c->answer_at, c->answer_len - c->answer_at,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	c->answer_at += (size_t)sent;
	if (c->answer_at == c->answer_len) {
		answer_free(c);
		client_rest(c);
	}
	return true;
}

/* Answer the first request in `in`, if it is whole. False at the end of the client. */
static bool client_answer(struct local_client *c)
{
	const struct local *l = c->local;
	char *request = c->in + c->in_at;
	size_t left = c->in_len - c->in_at;

	size_t len = left > 0 ? l->protocol->frame(request, left) : 0;
	c->partial = len == 0;
	if (c->partial)
		return true;
	if (len == SIZE_MAX)
		return false;
	assert(len <= left);

	char next = request[len];
	request[len] = '\0';
	char *answer = l->protocol->answer(l->ctx, c, request, len, c->uid, &c->answer_len);
	request[len] = next;
	explicit_bzero(request, len);
	c->in_at += len;
	c->partial = c->in_at == c->in_len;
	c->waiting = answer == LOCAL_LATER;
	c->answer = c->waiting ? NULL : answer;
	client_rest(c);
	return answer != NULL;
}

/* Send what was pushed, and hear only that it leaves. False at the end of the client. */
static bool stayer_turn(struct local_client *c, int events)
{
	char unheard[4096];

	if (events & LOOP_READ) {
		ssize_t got = recv(c->fd, unheard, sizeof unheard, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return false;
	}
	if (c->pushed_len == 0)
		return true;
	ssize_t sent = send(c->fd, c->pushed, c->pushed_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	c->pushed_len -= (size_t)sent;
	memmove(c->pushed, c->pushed + sent, c->pushed_len);
	return true;
}

/* False at the end of the client. */
static bool client_turn(struct local_client *c, int events)
{
	if (c->pushed != NULL && c->answer == NULL)
		return stayer_turn(c, events);
	if (c->answer == NULL) {
		if (events & LOOP_READ && !client_read(c))
			return false;
		if (!client_answer(c))
			return false;
	}
	return c->answer == NULL || client_write(c);
}

/* What the client's next turn needs. */
static int client_needs(const struct local_client *c)
{
	if (c->waiting)
		return 0;
	if (c->answer != NULL)
		return LOOP_WRITE;
	if (c->pushed != NULL)
		return LOOP_READ | (c->pushed_len > 0 ? LOOP_WRITE : 0);
	/* Behind an answered request there may be another whole one: look in the next turn,
	 * others first. */
	return c->partial ? LOOP_READ : LOOP_WRITE;
}

static void on_client(void *ctx, int events)
{
	struct local_client *c = ctx;

	if (client_turn(c, events))
		loop_watch_set(c->watch, client_needs(c));
	else
		client_close(c);
}

void local_finish(struct local_client *c, char *answer, size_t len)
{
	assert(c->waiting && c->answer == NULL);
	c->waiting = false;
	c->answer = answer;
	c->answer_len = len;
	if (answer == NULL) {
		client_close(c);
		return;
	}
	client_rest(c);
	loop_watch_set(c->watch, client_needs(c));
}

int local_stay(struct local_client *c)
{
	struct local *l = c->local;

	assert(c->pushed == NULL);
	if (l->stay_count == LOCAL_STAY_MAX)
		return -EBUSY;
	c->pushed = malloc(LOCAL_PUSH_MAX);
	if (c->pushed == NULL)
		return -ENOMEM;
	l->stay_count++;
	l->client_count--;
	accept_resume(l);
	return 0;
}

size_t local_stay_count(const struct local *l)
{
	return l->stay_count;
}

static void client_push(struct local_client *c, const char *text, size_t len)
{
	if (c->lost)
		return;
	if (len > LOCAL_PUSH_MAX - c->pushed_len) {
		log_info(c->local->log, "a listener does not read what it is told: closed");
		c->lost = true;
		c->deadline = loop_now(c->local->loop); /* not here: it may be its turn */
		return;
	}
	memcpy(c->pushed + c->pushed_len, text, len);
	c->pushed_len += len;
	loop_watch_set(c->watch, client_needs(c));
}

void local_push(struct local *l, const char *text, size_t len)
{
	for (struct local_client *c = l->clients; l->stay_count > 0 && c < clients_end(l); c++)
		if (c->pushed != NULL)
			client_push(c, text, len);
}

static void client_new(struct local *l, int fd)
{
	struct ucred who;
	socklen_t len = sizeof who;
	struct local_client *c = l->clients;

	while (c->local != NULL)
		c++;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0) {
		close(fd);
		return;
	}
	struct loop_watch *w = loop_watch(l->loop, fd, LOOP_READ, on_client, c);
	if (w == NULL) {
		close(fd);
		return;
	}
	*c = (struct local_client){.local = l, .watch = w, .fd = fd, .uid = who.uid};
	client_rest(c);
	l->client_count++;
}

/* A client's descriptor or -1, with errno. Without any left (the process's or the whole host's) clients are served with the
 * spare, one after the other. */
static int accept_one(struct local *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || l->spare < 0)
		return fd;
	close(l->spare);
	l->spare = -1;
	fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		int err = errno;
		spare_keep(l);
		errno = err;
	}
	return fd;
}

static void on_connection(void *ctx, int events)
{
	struct local *l = ctx;

	(void)events;
	while (l->client_count < LOCAL_CLIENTS) {
		int fd = accept_one(l);
		if (fd >= 0) {
			client_new(l, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		log_warn(l->log, "cannot take a client: %s", strerror(errno));
		l->accept_at = loop_now(l->loop) + ACCEPT_PAUSE;
		break;
	}
	loop_watch_set(l->accepting, 0); /* or the connections that wait would make the loop spin */
}

void local_tick(struct local *l, usec now)
{
	for (struct local_client *c = l->clients; c < clients_end(l); c++)
		if (c->local != NULL && usec_due(c->deadline, now))
			client_close(c);
	if (usec_due(l->accept_at, now))
		accept_resume(l);
}

usec local_deadline(const struct local *l)
{
	usec at = l->accept_at;

	for (const struct local_client *c = l->clients; c < clients_end(l); c++)
		if (c->local != NULL)
			at = usec_min(at, c->deadline);
	return at;
}

/* True while the file at `path` is the one made or found at start. */
static bool path_is_ours(const struct local *l)
{
	struct stat st;

	return l->path != NULL && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	       st.st_ino == l->ino;
}

static void removal_unwatch(struct local *l)
{
	loop_unwatch(l->removal);
	l->removal = NULL;
	if (l->inotify >= 0)
		close(l->inotify);
	l->inotify = -1;
}

static void on_folder_changed(void *ctx, int events)
{
	struct local *l = ctx;
	char buf[4096];

	(void)events;
	while (read(l->inotify, buf, sizeof buf) > 0)
		continue;
	if (path_is_ours(l))
		return;

	removal_unwatch(l);
	free(l->path);
	l->path = NULL;
	if (l->removed != NULL)
		l->removed(l->removed_ctx); /* may close us */
}

void local_on_removed(struct local *l, void (*removed)(void *ctx), void *ctx)
{
	l->removed = removed;
	l->removed_ctx = ctx;
}

/* Watching is a convenience for those who stop us by removing the file: its failure is told, and
 * borne. */
static int removal_watch(struct local *l)
{
	char *folder = folder_of_path(l->path);
	int err = 0;

	if (folder == NULL)
		return -ENOMEM;
	l->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->inotify < 0 ||
	    inotify_add_watch(l->inotify, folder, REMOVAL_EVENTS | IN_ONLYDIR) < 0)
		err = -errno;
	else if ((l->removal = loop_watch(l->loop, l->inotify, LOOP_READ, on_folder_changed, l)) ==
		 NULL)
		err = -ENOMEM;
	if (err < 0) {
		log_warn(l->log, "cannot watch %s for removal of the socket: %s", folder,
			 strerror(-err));
		removal_unwatch(l);
	}
	free(folder);
	return 0;
}

/* The file at l->path is ours from here on. */
static int path_own(struct local *l)
{
	struct stat st;

	/* Watched first, so that no removal falls in between. */
	int err = removal_watch(l);
	if (err < 0)
		return err;
	if (lstat(l->path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

void local_close(struct local *l)
{
	if (l == NULL)
		return;
	removal_unwatch(l);
	if (path_is_ours(l))
		unlink(l->path);
	for (struct local_client *c = l->clients; c < clients_end(l); c++)
		if (c->local != NULL)
			client_close(c);
	loop_unwatch(l->accepting);
	close(l->fd);
	if (l->spare >= 0)
		close(l->spare);
	free(l->path);
	free(l);
}

int local_open_fd(struct local **out, struct loop *loop, int fd, const char *path,
		  const struct local_protocol *p, void *ctx, const struct log *log)
{
	int listening = 0, flags = fcntl(fd, F_GETFL), err = -ENOMEM;
	socklen_t len = sizeof listening;

	if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return -errno;
	if (!listening)
		return -EINVAL;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;

	struct local *l = malloc(sizeof *l);
	if (l == NULL)
		return -ENOMEM;
	*l = (struct local){
		.loop = loop,
		.log = log,
		.protocol = p,
		.ctx = ctx,
		.fd = fd,
		.accept_at = USEC_NEVER,
		.spare = -1,
		.inotify = -1,
	};
	if (path != NULL) {
		l->path = strdup(path);
		err = l->path != NULL ? path_own(l) : -ENOMEM;
		if (err < 0)
			goto failed;
	}
	l->accepting = loop_watch(loop, fd, LOOP_READ, on_connection, l);
	if (l->accepting == NULL) {
		err = -ENOMEM;
		goto failed;
	}
	spare_keep(l);
	*out = l;
	return 0;

failed:
	removal_unwatch(l);
	free(l->path);
	free(l);
	return err;
}

static int open_made(struct local **out, struct loop *loop, const char *path,
		     const struct listen_as *as, const struct local_protocol *p, void *ctx,
		     const struct log *log)
{
	int fd = listen_at(path, as);

	if (fd < 0)
		return fd;
	int err = local_open_fd(out, loop, fd, path, p, ctx, log);
	if (err < 0) {
		unlink(path);
		close(fd);
	}
	return err;
}

int local_open(struct local **out, struct loop *loop, const char *path, mode_t mode,
	       const struct local_protocol *p, void *ctx, const struct log *log)
{
	return open_made(out, loop, path, &(struct listen_as){.mode = mode}, p, ctx, log);
}

int local_open_shared(struct local **out, struct loop *loop, const char *path, uid_t uid, gid_t gid,
		      const struct local_protocol *p, void *ctx, const struct log *log)
{
	return open_made(out, loop, path,
			 &(struct listen_as){.mode = 0660, .shared = true, .uid = uid, .gid = gid},
			 p, ctx, log);
}
