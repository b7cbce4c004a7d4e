/* The file of a Unix socket: made with its mode and owner, never in the place of what is not ours to replace. */
#include "io/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/folder.h"

/* Make the folder of path if it is missing: readable for all, unless it is shared. Its own folder must
 * be there. */
static int folder_make(const char *path, const struct listen_as *as)
{
	char *folder = folder_of_path(path);
	int err = 0;

	if (folder == NULL)
		return -ENOMEM;
	mode_t umask_before = umask(022);
	if (mkdir(folder, as->shared ? 0750 : 0755) < 0 && errno != EEXIST)
		err = -errno;
	umask(umask_before);
	if (err == 0 && as->shared && geteuid() == 0)
		err = folder_share(folder, strrchr(path, '/') + 1, as->uid, as->gid);
	free(folder);
	return err;
}

static int socket_new(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Remove a socket nobody listens on: 0, or -EADDRINUSE when somebody does, -EEXIST when it is
 * something else. */
static int stale_remove(const struct sockaddr_un *name)
{
	struct stat st;

	if (lstat(name->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;

	int fd = socket_new();
	if (fd < 0)
		return fd;
	bool refused = connect(fd, (const struct sockaddr *)name, sizeof *name) < 0 &&
		       errno == ECONNREFUSED;
	close(fd);
	if (!refused)
		return -EADDRINUSE;
	return unlink(name->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* bind() with the mode from the first moment on: a chmod afterwards would come too late. */
static int bind_with_mode(int fd, const struct sockaddr_un *name, mode_t mode)
{
	mode_t umask_before = umask(0777 & ~mode);
	int err = bind(fd, (const struct sockaddr *)name, sizeof *name) < 0 ? -errno : 0;

	umask(umask_before);
	return err;
}

/* A file's owner is who makes it: nothing is given away by name in a folder where another user may put
 * something else under that name meanwhile. */
static int bind_as_user(int fd, const struct sockaddr_un *name, const struct listen_as *as)
{
	gid_t gid_before = (gid_t)setfsgid(as->gid);
	uid_t uid_before = (uid_t)setfsuid(as->uid);
	/* The calls tell the id before; whether they worked only the next one tells. */
	bool changed = (uid_t)setfsuid(as->uid) == as->uid && (gid_t)setfsgid(as->gid) == as->gid;
	int err = changed ? bind_with_mode(fd, name, as->mode) : -EPERM;

	setfsuid(uid_before);
	setfsgid(gid_before);
	return err;
}

/* In a folder that is root's, because several users share it. Only a socket that root just made is given away, should the folder
 * be another's by now. */
static int bind_and_give(int fd, const struct sockaddr_un *name, const struct listen_as *as)
{
	struct stat st;
	int err = bind_with_mode(fd, name, as->mode);

	if (err < 0)
		return err;
	int file = open(name->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return -errno;
	if (fstat(file, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != 0 || st.st_nlink != 1)
		err = -EPERM;
	else if (fchownat(file, "", as->uid, as->gid, AT_EMPTY_PATH) < 0)
		err = -errno;
	close(file);
	return err;
}

static int bind_as(int fd, const struct sockaddr_un *name, const struct listen_as *as)
{
	if (!as->shared)
		return bind_with_mode(fd, name, as->mode);

	int err = bind_as_user(fd, name, as);
	return err == -EACCES && geteuid() == 0 ? bind_and_give(fd, name, as) : err;
}

int listen_at(const char *path, const struct listen_as *as)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int err, fd;

	if (len >= sizeof name.sun_path)
		return -ENAMETOOLONG;
	memcpy(name.sun_path, path, len);
	err = folder_make(path, as);
	if (err < 0)
		return err;
	fd = socket_new();
	if (fd < 0)
		return fd;

	err = bind_as(fd, &name, as);
	if (err == -EADDRINUSE) {
		err = stale_remove(&name);
		if (err == 0)
			err = bind_as(fd, &name, as);
	}
	if (err == 0 && listen(fd, SOMAXCONN) < 0) {
		err = -errno;
		unlink(path);
	}
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}
