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

/* Waits until there is something to read: 0 or -errno. */
static int wait_readable(int fd, usec until)
{
	for (;;) {
		usec left = until - now();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, left > 0 ? (int)(left / MSEC(1)) + 1 : 0);
		if (ready > 0)
			return 0;
		if (ready == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int receive_line(int fd, usec until, char **line)
{
	size_t len = 0, room = 0;
	char *text = NULL;
	int err;

	for (;;) {
		if (len == room) {
			room = room ? room * 2 : 16384;
			char *moved = room <= CLIENT_ANSWER_MAX ? realloc(text, room) : NULL;
			err = room <= CLIENT_ANSWER_MAX ? -ENOMEM : -EMSGSIZE;
			if (!moved)
				break;
			text = moved;
		}
		if ((err = wait_readable(fd, until)) != 0)
			break;

		ssize_t n = recv(fd, text + len, room - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		err = n < 0 ? -errno : -ECONNRESET;
		if (n <= 0)
			break;

		char *end = memchr(text + len, '\n', (size_t)n);
		if (end) {
			*end = '\0';
			*line = text;
			return 0;
		}
		len += (size_t)n;
	}
	free(text);
	return err;
}

int client_ask(const char *path, const char *request, usec patience, char **answer)
{
	usec until = now() + patience;
	int fd = open_socket(path, patience);
	if (fd < 0)
		return fd;

	int err = send_all(fd, request, strlen(request));
	if (!err)
		err = send_all(fd, "\n", 1);
	if (!err)
		err = receive_line(fd, until, answer);
	close(fd);
	return err;
}
