/* A daemon for tests: a child process that listens on a control socket and gives one fixed answer to each request. */
#ifndef UNIT_CLI_DAEMON_FAKE_H
#define UNIT_CLI_DAEMON_FAKE_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

struct daemon_fake {
	pid_t pid;
	char path[108];
};

/* Answers requests of `want` and a line feed; hangs up on others. */
static inline void daemon_fake_serve(int listener, const char *want, const char *answer, size_t len)
{
	for (;;) {
		char request[256];
		int fd = accept(listener, NULL, NULL);
		size_t got = 0;
		ssize_t n;

		while (got < strlen(want) + 1 &&
		       (n = read(fd, request + got, sizeof request - got)) > 0)
			got += (size_t)n;
		if (got == strlen(want) + 1 && memcmp(request, want, got - 1) == 0 &&
		    request[got - 1] == '\n')
			for (size_t sent = 0; sent < len; sent += (size_t)n)
				if ((n = send(fd, answer + sent, len - sent, MSG_NOSIGNAL)) <= 0)
					break;
		close(fd);
	}
}

/* `answer` NULL: listens and never accepts. */
static inline void daemon_fake_start(struct daemon_fake *d, const char *path, const char *want,
				     const char *answer, size_t len)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(d->path, sizeof d->path, "%s", path);
	memcpy(sun.sun_path, d->path, sizeof sun.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(fd, 4), 0);

	d->pid = fork();
	assert_true(d->pid >= 0);
	if (d->pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
	if (d->pid == 0 && answer)
		daemon_fake_serve(fd, want, answer, len);
	else if (d->pid == 0)
		for (;;)
			pause();
	close(fd);
}

/* The socket file stays: a daemon that died. */
static inline void daemon_fake_kill(struct daemon_fake *d)
{
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
}

static inline void daemon_fake_stop(struct daemon_fake *d)
{
	daemon_fake_kill(d);
	unlink(d->path);
}

#endif
