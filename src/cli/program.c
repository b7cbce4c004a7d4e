/* Other programs. */
#include "cli/program.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* DIR/name, DIR being that of this program, perhaps followed by `way`. */
static bool find_beside(char path[static PROGRAM_PATH_MAX], const char *way, const char *name)
{
	char self[PROGRAM_PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

	if (len <= 0)
		return false;
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	return snprintf(path, PROGRAM_PATH_MAX, "%s/%s%s", self, way, name) < PROGRAM_PATH_MAX &&
	       access(path, X_OK) == 0;
}

bool program_find(char path[static PROGRAM_PATH_MAX], const char *name, bool beside)
{
	const char *dir = getenv("PATH");

	if (beside && (find_beside(path, "", name) || find_beside(path, "../sbin/", name)))
		return true;
	while (dir != NULL && *dir != '\0') {
		int len = (int)strcspn(dir, ":");

		/* A relative one would make a program of whatever lies in the current folder (vuln_33). */
		if (*dir == '/' &&
		    snprintf(path, PROGRAM_PATH_MAX, "%.*s/%s", len, dir, name) <
			    PROGRAM_PATH_MAX &&
		    access(path, X_OK) == 0)
			return true;
		dir += len + (dir[len] == ':');
	}
	return false;
}

/* A descriptor from which `text` can be read, or -errno. */
static int open_text(const char *text)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

int program_run(const char *path, const char *const *argv, const char *input)
{
	posix_spawn_file_actions_t actions;
	int fd = open_text(input != NULL ? input : ""), status, err;
	pid_t pid;

	if (fd < 0)
		return fd;
	if ((err = posix_spawn_file_actions_init(&actions)) == 0) {
		err = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
		if (err == 0)
			err = posix_spawn(&pid, path, &actions, NULL, (char *const *)argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(fd);
	if (err != 0)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The hook with every %i replaced: free() it. NULL without memory. */
static char *replace_interface(const char *hook, const char *interface)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	for (const char *at = hook; *at != '\0'; at++) {
		if (at[0] == '%' && at[1] == 'i') {
			fputs(interface, f);
			at++;
		} else {
			fputc(*at, f);
		}
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool run_hook(const struct cli *cli, const char *hook, const char *interface)
{
	const char *shell = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
	char *text = replace_interface(hook, interface);
	int status = -ENOMEM;

	if (text != NULL) {
		fprintf(cli->err, "[#] %s\n", text);
		fflush(cli->err);
		status = program_run(shell, (const char *const[]){shell, "-c", text, NULL}, NULL);
	}
	if (status < 0)
		fprintf(cli->err, "warren: the hook does not start: %s\n", strerror(-status));
	else if (status > 0)
		fprintf(cli->err, "warren: the hook failed with status %d\n", status);
	free(text);
	return status == 0;
}

bool program_hooks(const struct cli *cli, const struct conf_list *hooks, const char *interface)
{
	for (size_t i = 0; i < hooks->count; i++)
		if (!run_hook(cli, hooks->items[i], interface))
			return false;
	return true;
}
