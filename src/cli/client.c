/* A blocking client of the control socket. */
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static usec now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return SEC(t.tv_sec) + t.tv_nsec / 1000;
}

static int open_socket(const char *path, usec patience)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof sun.sun_path)
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path) + 1);

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	/* Also bounds connect(), which waits while the daemon's queue is full. */
	struct timeval most = {.tv_sec = patience / SEC(1), .tv_usec = patience % SEC(1)};
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) != 0 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0) {
		int err = errno == EAGAIN ? ETIMEDOUT : errno;
		close(fd);
		return -err;
	}
	return fd;
}

static int send_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* For poll(). */
static int milliseconds_until(usec until)
{
	if (until == USEC_NEVER)
		return -1;
	usec left = until - now();
	return left > 0 ? (int)(left / MSEC(1)) + 1 : 0;
}

/* Waits until there is something to read: 0 or -errno. */
static int wait_readable(int fd, usec until)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, milliseconds_until(until));
		if (ready > 0)
			return 0;
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* What came; at its beginning is the line that was given last. */
struct stream {
	int fd;
	char *text;
	size_t len, room, given;
};

static int reserve(struct stream *s)
{
	if (s->len < s->room)
		return 0;

	size_t room = s->room ? s->room * 2 : 16384;
	if (room > CLIENT_ANSWER_MAX)
		return -EMSGSIZE;
	char *text = realloc(s->text, room);
	if (!text)
		return -ENOMEM;
	s->text = text;
	s->room = room;
	return 0;
}

static int receive_some(struct stream *s, usec until)
{
	int err = reserve(s);
	if (!err)
		err = wait_readable(s->fd, until);
	if (err)
		return err;

	ssize_t n = recv(s->fd, s->text + s->len, s->room - s->len, 0);
	if (n < 0 && errno != EINTR)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	s->len += n > 0 ? (size_t)n : 0;
	return 0;
}

/* The next line, at s->text, without its line feed: 0 or -errno. */
static int next_line(struct stream *s, usec until)
{
	size_t seen = 0;
	int err = 0;

	s->len -= s->given;
	if (s->len > 0)
		memmove(s->text, s->text + s->given, s->len);
	s->given = 0;
	while (!err) {
		char *end = s->len > seen ? memchr(s->text + seen, '\n', s->len - seen) : NULL;
		if (end) {
			*end = '\0';
			s->given = (size_t)(end - s->text) + 1;
			return 0;
		}
		seen = s->len;
		err = receive_some(s, until);
	}
	return err;
}

/* Send a request and wait for the first line: 0 or -errno. */
static int ask(struct stream *s, const char *path, const char *request, usec patience)
{
	usec until = now() + patience;
	int err;

	*s = (struct stream){.fd = open_socket(path, patience)};
	if (s->fd < 0)
		return s->fd;
	err = send_all(s->fd, request, strlen(request));
	if (!err)
		err = send_all(s->fd, "\n", 1);
	return err ? err : next_line(s, until);
}

static void hang_up(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->text);
}

int client_ask(const char *path, const char *request, usec patience, char **answer)
{
	struct stream s;
	int err = ask(&s, path, request, patience);

	if (!err) {
		*answer = s.text;
		s.text = NULL;
	}
	hang_up(&s);
	return err;
}

int client_follow(const char *path, const char *request, usec patience,
		  bool (*take)(void *ctx, const char *line), void *ctx)
{
	struct stream s;
	int err = ask(&s, path, request, patience);

	while (!err && take(ctx, s.text))
		err = next_line(&s, USEC_NEVER);
	hang_up(&s);
	return err;
}
