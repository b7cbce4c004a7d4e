/* The sweeper child. */
#include "sweeper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the daemon says through the pipe: one write, hence one read. */
struct word {
	struct file {
		char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
		dev_t dev;
		ino_t ino;
	} files[SWEEPER_FILES]; /* an empty path: none */
};
_Static_assert(sizeof(struct word) <= PIPE_BUF, "a word is written at once");

/* Returns 0 at the end of the daemon. */
static ssize_t hear(int pipe, struct word *w)
{
	ssize_t len;

	do
		len = read(pipe, w, sizeof *w);
	while (len < 0 && errno == EINTR);
	return len;
}

/* Only a socket, and only the one that the daemon made: another daemon may have come since. */
static void sweep(const struct file *f)
{
	struct stat st;

	if (lstat(f->path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == f->dev &&
	    st.st_ino == f->ino)
		unlink(f->path);
}

/* Descriptors handed over to the daemon (WG_UAPI_FD) must end with it, a terminal or a pipe must not wait for the sweeper, and neither the
 * terminal's Ctrl-C nor a manager that ends all processes of a unit may be faster than the daemon. */
static void stand_apart(int pipe)
{
	static const int deaf_to[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < sizeof deaf_to / sizeof deaf_to[0]; i++)
		signal(deaf_to[i], SIG_IGN);
	setsid();
	prctl(PR_SET_NAME, "warrend-sweeper");
	if (pipe > 0)
		close_range(0, (unsigned)pipe - 1, 0);
	close_range((unsigned)pipe + 1, UINT_MAX, 0);
	if (chdir("/") < 0)
		return; /* then it stays where it is */
}

static _Noreturn void run(int pipe)
{
	struct word first = {0}, more;
	bool whole;

	stand_apart(pipe);
	whole = hear(pipe, &first) == (ssize_t)sizeof first;
	while (hear(pipe, &more) > 0)
		continue;
	for (size_t i = 0; i < SWEEPER_FILES && whole; i++)
		sweep(&first.files[i]);
	_exit(0);
}

int sweeper_start(struct sweeper *s)
{
	int fds[2];

	sweeper_none(s);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0) {
		int err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (pid == 0) {
		close(fds[1]);
		run(fds[0]);
	}
	close(fds[0]);
	*s = (struct sweeper){.pid = pid, .pipe = fds[1]};
	return 0;
}

void sweeper_none(struct sweeper *s)
{
	*s = (struct sweeper){.pipe = -1};
}

int sweeper_watch(struct sweeper *s, const char *const paths[], size_t count)
{
	struct word w = {0};

	assert(count <= SWEEPER_FILES);
	if (s->pid == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct file *f = &w.files[i];
		size_t len = strlen(paths[i]);
		struct stat st;

		if (len >= sizeof f->path)
			return -ENAMETOOLONG;
		if (lstat(paths[i], &st) < 0)
			return -errno;
		memcpy(f->path, paths[i], len);
		f->dev = st.st_dev;
		f->ino = st.st_ino;
	}
	return write(s->pipe, &w, sizeof w) < 0 ? -errno : 0;
}

void sweeper_end(struct sweeper *s)
{
	if (s->pid == 0)
		return;
	close(s->pipe);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	sweeper_none(s);
}
