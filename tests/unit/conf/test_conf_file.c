/* Files with keys: which are read, which are refused. */
#include "conf/conf_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_text.h"

static char folder[] = "/tmp/warren-conf-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void file_refused(const char *name, const char *want)
{
	struct conf_errors errors = {0};

	assert_null(conf_file_read(in_folder(name), &errors));
	assert_int_equal(errors.total, 1);
	assert_int_equal(errors.items[0].line, 0);
	assert_string_equal(errors.items[0].text, want);
	conf_errors_free(&errors);
}

TEST(reads_a_file_of_ours)
{
	struct conf_errors errors = {0};

	write_file("fine.conf", INTERFACE PEER_B, 0600);
	struct conf *c = conf_file_read(in_folder("fine.conf"), &errors);
	assert_non_null(c);
	assert_int_equal(c->peer_count, 1);
	conf_free(c);
}

TEST(refuses_a_file_that_others_may_read_and_names_the_chmod)
{
	static const mode_t modes[] = {0604, 0640, 0644, 0620, 0602, 0601};
	char want[256];

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		write_file("open.conf", INTERFACE, modes[i]);
		snprintf(want, sizeof want,
			 "holds keys and others may read or write it: chmod 600 '%s'",
			 in_folder("open.conf"));
		file_refused("open.conf", want);
	}
}

TEST(refuses_a_file_that_is_not_ours)
{
	char want[256];

	if (geteuid() != 0) {
		print_message("# SKIP: only root can give a file away\n");
		return;
	}
	write_file("theirs.conf", INTERFACE, 0600);
	assert_int_equal(chown(in_folder("theirs.conf"), 65534, 65534), 0);
	snprintf(want, sizeof want, "belongs to user 65534, who could change it: chown root '%s'",
		 in_folder("theirs.conf"));
	file_refused("theirs.conf", want);
}

TEST(refuses_what_is_no_regular_file)
{
	char target[64];

	assert_int_equal(mkdir(in_folder("dir"), 0700), 0);
	file_refused("dir", "is a directory, not a file");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	file_refused("fifo", "is not a regular file"); /* and does not wait */
	write_file("target.conf", INTERFACE, 0600);
	strcpy(target, in_folder("target.conf"));
	assert_int_equal(symlink(target, in_folder("link")), 0);
	file_refused("link", "is a symbolic link: name the file itself");
	file_refused("missing", "cannot be opened: No such file or directory");
}

TEST(refuses_an_unreadable_file)
{
	if (geteuid() == 0) {
		print_message("# SKIP: root reads everything\n");
		return;
	}
	write_file("shut.conf", INTERFACE, 0);
	file_refused("shut.conf", "cannot be opened: Permission denied");
}

TEST(refuses_a_file_over_16_MiB_unread)
{
	write_file("large.conf", INTERFACE, 0600);
	assert_int_equal(truncate(in_folder("large.conf"), CONF_FILE_MAX + 1), 0);
	file_refused("large.conf", "is larger than 16 MiB");
}

TEST(refuses_an_empty_file)
{
	write_file("empty.conf", "", 0600);
	file_refused("empty.conf", "there is no [Interface] section");
}

static int start(void **state)
{
	return mkdtemp(folder) ? start_crypto(state) : -1;
}

static int stop(void **state)
{
	static const char *const names[] = {"fine.conf", "open.conf",  "theirs.conf",
					    "fifo",      "link",       "target.conf",
					    "shut.conf", "large.conf", "empty.conf"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(in_folder(names[i]));
	rmdir(in_folder("dir"));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(reads_a_file_of_ours),
		RUN(refuses_a_file_that_others_may_read_and_names_the_chmod),
		RUN(refuses_a_file_that_is_not_ours),
		RUN(refuses_what_is_no_regular_file),
		RUN(refuses_an_unreadable_file),
		RUN(refuses_a_file_over_16_MiB_unread),
		RUN(refuses_an_empty_file),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
