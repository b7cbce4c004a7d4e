/* Who owns the folder of the control sockets. */
#include "io/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stale one counts as well: a folder that is open without need tells no more than names. */
static bool holds_others(DIR *d, const char *ours, uid_t uid, gid_t gid)
{
	const struct dirent *e;
	struct stat st;

	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ours) != 0 &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode) && (st.st_uid != uid || st.st_gid != gid))
			return true;
	}
	return false;
}

int folder_share(const char *folder, const char *ours, uid_t uid, gid_t gid)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int err = d == NULL ? -errno : 0;
	mode_t mode = 0750;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	if (holds_others(d, ours, uid, gid)) {
		uid = 0;
		gid = 0;
		mode = 0755;
	}
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		err = -errno;
	closedir(d);
	return err;
}

char *folder_of_path(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}
