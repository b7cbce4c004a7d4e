/* A configuration file on disk: it holds keys, so it is looked at before it is read (reliability.md, 3.4). */
#include "conf/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf_read.h"

static bool file_is_safe(const char *path, const struct stat *st, struct conf_errors *errors)
{
	if (!S_ISREG(st->st_mode)) {
		conf_errors_add(errors, 0,
				S_ISDIR(st->st_mode) ? "is a directory, not a file"
						     : "is not a regular file");
		return false;
	}
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		conf_errors_add(errors, 0,
				"belongs to user %u, who could change it: chown root '%s'",
				(unsigned)st->st_uid, path);
		return false;
	}
	if (st->st_mode & 077) {
		conf_errors_add(errors, 0,
				"holds keys and others may read or write it: chmod 600 '%s'", path);
		return false;
	}
	if (st->st_size > CONF_FILE_MAX) {
		conf_errors_add(errors, 0, "is larger than %d MiB", CONF_FILE_MAX >> 20);
		return false;
	}
	return true;
}

/* Reads until `room` bytes or the end: the count, or -errno. */
static ssize_t read_whole(int fd, char *text, size_t room)
{
	size_t len = 0;

	while (len < room) {
		ssize_t n = read(fd, text + len, room - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static struct conf *read_open_file(int fd, const char *path, struct conf_errors *errors)
{
	struct stat st;
	if (fstat(fd, &st) != 0) {
		conf_errors_add(errors, 0, "cannot be looked at: %s", strerror(errno));
		return NULL;
	}
	if (!file_is_safe(path, &st, errors))
		return NULL;

	/* One byte more, to see a file that grows meanwhile. */
	size_t room = (size_t)st.st_size + 1;
	char *text = key_alloc(room);
	if (!text) {
		conf_errors_add(errors, 0, "not enough memory");
		return NULL;
	}

	struct conf *c = NULL;
	ssize_t len = read_whole(fd, text, room);
	if (len < 0)
		conf_errors_add(errors, 0, "cannot be read: %s", strerror((int)-len));
	else if ((size_t)len == room)
		conf_errors_add(errors, 0, "changed while it was read: try again");
	else
		c = conf_read(text, (size_t)len, errors);
	key_free(text);
	return c;
}

struct conf *conf_file_read(const char *path, struct conf_errors *errors)
{
	/* O_NONBLOCK: opening a FIFO must not wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ELOOP) {
		conf_errors_add(errors, 0, "is a symbolic link: name the file itself");
		return NULL;
	}
	if (fd < 0) {
		conf_errors_add(errors, 0, "cannot be opened: %s", strerror(errno));
		return NULL;
	}

	struct conf *c = read_open_file(fd, path, errors);
	close(fd);
	return c;
}

struct conf *conf_file_read_or_tell(const char *path, FILE *to)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_file_read(path, &errors);

	for (size_t i = 0; i < errors.count; i++) {
		const struct conf_error *e = &errors.items[i];
		if (e->line > 0)
			fprintf(to, "%s:%u: %s\n", path, e->line, e->text);
		else
			fprintf(to, "%s: %s\n", path, e->text);
	}
	if (c == NULL && errors.count == 0)
		fprintf(to, "%s: not enough memory\n", path);
	conf_errors_free(&errors);
	return c;
}
