/* Temporary file, then rename, so that a reader or a crash meets the old file or the new one. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/state.h"

/* A folder that was made here, or by a life that stayed root, is given to the user that is to write there: nobody else could
 * have put anything into it. */
static int open_folder(const char *path, uid_t uid, gid_t gid)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && uid != 0 && fstat(fd, &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & ALLPERMS) == 0700 && fchown(fd, uid, gid) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* All of an open file: 0 or -errno. */
static int read_all(struct store *s, int fd)
{
	struct stat st;
	size_t room;
	ssize_t n = 1;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)STATE_TEXT_MAX)
		return -EFBIG;
	room = (size_t)st.st_size;
	if ((s->text = malloc(room + 1)) == NULL)
		return -ENOMEM;
	while (s->text_len < room && n > 0) {
		n = read(fd, s->text + s->text_len, room - s->text_len);
		s->text_len += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? -errno : 0;
}

/* -ENOENT: there is none. */
static int read_file(struct store *s)
{
	/* Whatever lies there must not hold us up. */
	int fd = openat(s->folder, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = read_all(s, fd);
	close(fd);
	if (err < 0) {
		free(s->text);
		s->text = NULL;
	}
	return err;
}

static void tell_unread(const struct store *s, const char *why)
{
	log_warn(s->log, "cannot use the state file %s/%s: %s: starting afresh", s->path, s->name,
		 why);
}

void store_open(struct store *s, const char *folder, const char *interface, uid_t uid, gid_t gid,
		const struct log *log)
{
	int err;

	*s = (struct store){.log = log, .path = folder};
	snprintf(s->name, sizeof s->name, "%s.state", interface);
	snprintf(s->fresh, sizeof s->fresh, "%s.state.new", interface);
	s->folder = open_folder(folder, uid, gid);
	if (s->folder < 0) {
		log_warn(log,
			 "cannot open the state folder %s: %s: after a restart peers are reached "
			 "later",
			 folder, strerror(errno));
		return;
	}
	err = read_file(s);
	if (err < 0 && err != -ENOENT)
		tell_unread(s, strerror(-err));
}

/* What the file said, if that is known for this identity. */
static bool understand(const struct store *s, const struct key_public *self, struct past *past)
{
	struct state_skipped skipped;

	switch (state_read(past, s->text, s->text_len, self, &skipped)) {
	case STATE_OK:
		break;
	case STATE_FOREIGN:
		tell_unread(s, "it is torn or none of ours");
		return false;
	case STATE_NEWER:
		tell_unread(s, "a later version wrote it");
		return false;
	case STATE_OTHER_KEY:
		log_info(s->log, "the state file %s/%s is of another key: starting afresh", s->path,
			 s->name);
		return false;
	case STATE_NO_MEMORY:
		tell_unread(s, strerror(ENOMEM));
		return false;
	}
	if (skipped.count > 0)
		log_warn(
			s->log,
			"state file %s/%s: %zu lines (the first is line %zu) are torn, repeated or "
			"not understood and were passed over",
			s->path, s->name, skipped.count, skipped.first);
	return true;
}

void store_recall(struct store *s, struct mesh *m, const struct delta *change)
{
	struct mesh_view view;
	struct key_public self;
	struct past past;

	if (s->text == NULL || !change->has_private_key ||
	    key_private_is_zero(&change->private_key))
		return;
	mesh_look(m, &view);
	key_public_from(&self, &change->private_key);
	if (key_public_equal(&self, &view.public_key))
		return;
	if (understand(s, &self, &past))
		mesh_restore_take(m, &past);
	free(s->text);
	s->text = NULL;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int replace(const struct store *s, const char *text, size_t len, bool sync)
{
	int fd, err;

	unlinkat(s->folder, s->fresh, 0);
	fd = openat(s->folder, s->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (err == 0 && sync && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	if (err == 0 && renameat(s->folder, s->fresh, s->folder, s->name) < 0)
		err = -errno;
	if (err < 0)
		unlinkat(s->folder, s->fresh, 0);
	else if (sync)
		fsync(s->folder);
	return err;
}

static void tell_unwritten(struct store *s, int err)
{
	if (!s->told)
		log_warn(s->log, "cannot write the state file %s/%s: %s: going on without", s->path,
			 s->name, strerror(-err));
	s->told = true;
}

/* Nothing is written that the file has already, unless it is to be synced. */
static void write_text(struct store *s, const char *text, size_t len, bool sync)
{
	uint8_t content[BLAKE2S_LEN];
	int err;

	blake2s(content, text, len, NULL, 0);
	if (!sync && memcmp(content, s->written, sizeof content) == 0)
		return;
	err = replace(s, text, len, sync);
	if (err < 0) {
		tell_unwritten(s, err);
		return;
	}
	memcpy(s->written, content, sizeof content);
	s->told = false;
}

static void write_state(struct store *s, struct mesh *m, usec now, bool sync)
{
	struct past past;
	char *text = NULL;
	size_t len;
	int err = mesh_past(m, now, &past);

	if (err == 0) {
		text = state_write(&past, &len);
		past_free(&past);
		err = text == NULL ? -ENOMEM : 0;
	}
	s->wrote_at = now;
	s->places = mesh_places(m);
	if (err == 0)
		write_text(s, text, len, sync);
	else if (err != -ENOKEY)
		tell_unwritten(s, err);
	free(text);
}

usec store_deadline(const struct store *s, const struct mesh *m)
{
	if (s->folder < 0)
		return USEC_NEVER;
	return s->wrote_at +
	       (s->places != mesh_places(m) ? STORE_PLACES_EVERY : STORE_STAMPS_EVERY);
}

void store_tick(struct store *s, struct mesh *m, usec now)
{
	if (usec_due(store_deadline(s, m), now))
		write_state(s, m, now, false);
}

void store_close(struct store *s, struct mesh *m, usec now)
{
	free(s->text);
	s->text = NULL;
	if (s->folder < 0)
		return;
	if (m != NULL)
		write_state(s, m, now, true);
	close(s->folder);
	s->folder = -1;
}
