/* Readiness told to the service manager (sd_notify(3)). */
#include "io/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define ASSIGNMENT_MAX 32

/* The socket's name and its length, 0 when `address` names none. */
static socklen_t name_of(struct sockaddr_un *name, const char *address)
{
	size_t len = strlen(address);

	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((address[0] != '/' && address[0] != '@') || len < 2 || len >= sizeof name->sun_path)
		return 0;
	memcpy(name->sun_path, address, len);
	if (address[0] == '/')
		return sizeof *name;
	name->sun_path[0] = '\0'; /* an abstract name has no end but its length */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

int notify_open(struct notify *n, const char *address)
{
	const struct timeval patience = {.tv_sec = 1};
	struct sockaddr_un name;
	socklen_t len;

	*n = (struct notify){.fd = -1};
	if (address == NULL || *address == '\0')
		return 0;
	if ((len = name_of(&name, address)) == 0)
		return -EINVAL;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
	    connect(fd, (const struct sockaddr *)&name, len) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	n->fd = fd;
	return 0;
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void notify_send(const struct notify *n, const char *assignment, const char *status)
{
	char line[LOG_LINE_MAX], text[ASSIGNMENT_MAX + sizeof "\nSTATUS=" + sizeof line];

	if (n->fd < 0)
		return;
	log_escape(line, sizeof line, status);
	int len = snprintf(text, sizeof text, "%s%sSTATUS=%s", assignment != NULL ? assignment : "",
			   assignment != NULL ? "\n" : "", line);
	/* A manager that is gone, or sleeps, is no reason to stop. */
	if (send(n->fd, text, (size_t)len, MSG_NOSIGNAL) < 0)
		return;
}
