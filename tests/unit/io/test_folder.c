/* A folder of sockets of one user, of two, and of one again. Only root can see it. */
#include "io/folder.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/test.h"

#define OURS   1234
#define THEIRS 2345

static char folder[64];

static int start(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/warren-folder-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static const char *in_folder(const char *name)
{
	static char path[108];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int stop(void **state)
{
	static const char *const names[] = {"ours.sock", "theirs.sock", "theirs.up", "link.sock"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(in_folder(names[i]));
	return rmdir(folder);
}

static void make_socket(const char *name, uid_t uid, gid_t gid)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, in_folder(name));
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(chown(sun.sun_path, uid, gid), 0);
	close(fd);
}

static void assert_folder(uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 07777, mode);
}

TEST(is_the_users_while_nobody_else_lives_there)
{
	make_socket("ours.sock", 0, 0); /* a stale one, of an earlier user */
	make_socket("theirs.sock", OURS, OURS + 1);
	assert_int_equal(folder_share(folder, "ours.sock", OURS, OURS + 1), 0);
	assert_folder(OURS, OURS + 1, 0750);
}

TEST(is_roots_and_open_while_another_users_socket_is_there)
{
	make_socket("theirs.sock", THEIRS, OURS);
	assert_int_equal(folder_share(folder, "ours.sock", OURS, OURS), 0);
	assert_folder(0, 0, 0755);
	assert_int_equal(unlink(in_folder("theirs.sock")), 0);
	assert_int_equal(folder_share(folder, "ours.sock", OURS, OURS), 0);
	assert_folder(OURS, OURS, 0750);
}

TEST(is_shared_with_another_group_as_well)
{
	make_socket("theirs.sock", OURS, THEIRS);
	assert_int_equal(folder_share(folder, "ours.sock", OURS, OURS), 0);
	assert_folder(0, 0, 0755);
}

TEST(is_shared_with_sockets_only)
{
	FILE *f = fopen(in_folder("theirs.up"), "w");

	assert_non_null(f);
	fclose(f);
	assert_int_equal(symlink("theirs.up", in_folder("link.sock")), 0);
	assert_int_equal(folder_share(folder, "ours.sock", OURS, OURS), 0);
	assert_folder(OURS, OURS, 0750);
}

TEST(says_why_it_could_not)
{
	assert_int_equal(folder_share("/tmp/warren-no-such-folder", "x", OURS, OURS), -ENOENT);
	assert_int_equal(symlink(folder, in_folder("link.sock")), 0);
	assert_int_equal(folder_share(in_folder("link.sock"), "x", OURS, OURS), -ENOTDIR);
	assert_folder(0, 0, 0700);
}

#define RUN_WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_FOLDER(is_the_users_while_nobody_else_lives_there),
		RUN_WITH_FOLDER(is_roots_and_open_while_another_users_socket_is_there),
		RUN_WITH_FOLDER(is_shared_with_another_group_as_well),
		RUN_WITH_FOLDER(is_shared_with_sockets_only),
		RUN_WITH_FOLDER(says_why_it_could_not),
	};

	if (geteuid() != 0) {
		printf("1..1\nok 1 - # SKIP: only root gives folders away\n");
		return 0;
	}
	return RUN_TESTS(tests);
}
