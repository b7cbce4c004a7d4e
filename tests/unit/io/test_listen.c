/* The file of a socket: its mode, its owner, and what it may replace. */
#include "io/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/test.h"

static char folder[64], path[96];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/warren-listen-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/s.sock", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

static mode_t mode_of(const char *file)
{
	struct stat st;

	assert_int_equal(lstat(file, &st), 0);
	return st.st_mode & 07777;
}

TEST(the_socket_has_its_mode_whatever_the_umask)
{
	static const mode_t masks[] = {0, 022, 077, 0777};
	char deeper[128], in_deeper[160];

	snprintf(deeper, sizeof deeper, "%s/deeper", folder);
	snprintf(in_deeper, sizeof in_deeper, "%s/x.sock", deeper);
	for (size_t i = 0; i < 4; i++) {
		mode_t before = umask(masks[i]);
		int fd = listen_at(in_deeper, &(struct listen_as){.mode = i % 2 ? 0660 : 0600});
		assert_true(fd >= 0);
		assert_int_equal(umask(before), masks[i]); /* and the umask stays */
		assert_int_equal(mode_of(in_deeper), i % 2 ? 0660 : 0600);
		assert_int_equal(mode_of(deeper), 0755);
		close(fd);
		assert_int_equal(unlink(in_deeper), 0);
		assert_int_equal(rmdir(deeper), 0);
	}
}

/* Root gives both away; another can only have them for itself. */
TEST(a_shared_socket_and_its_folder_are_the_users_and_the_groups)
{
	bool root = geteuid() == 0;
	uid_t uid = root ? 1234 : geteuid();
	gid_t gid = root ? 5678 : getegid();
	char deeper[128], in_deeper[160];
	struct stat st;
	int fd;

	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(deeper, sizeof deeper, "%s/deeper", folder);
	snprintf(in_deeper, sizeof in_deeper, "%s/x.sock", deeper);
	for (int there_before = 0; there_before < 2; there_before++) {
		if (there_before)
			assert_int_equal(mkdir(deeper, 0750), 0);
		fd = listen_at(
			in_deeper,
			&(struct listen_as){.mode = 0660, .shared = true, .uid = uid, .gid = gid});
		assert_true(fd >= 0);
		assert_int_equal(mode_of(deeper), 0750);
		assert_int_equal(mode_of(in_deeper), 0660);
		assert_int_equal(lstat(in_deeper, &st), 0);
		assert_int_equal(st.st_uid, uid);
		assert_int_equal(st.st_gid, gid);
		assert_int_equal(lstat(deeper, &st), 0);
		assert_int_equal(st.st_uid, uid);
		assert_int_equal(st.st_gid, gid);

		/* And we are who we were: what we make is ours. */
		close(fd);
		assert_int_equal(unlink(in_deeper), 0);
		assert_int_equal(close(open(in_deeper, O_CREAT | O_WRONLY, 0600)), 0);
		assert_int_equal(lstat(in_deeper, &st), 0);
		assert_int_equal(st.st_uid, geteuid());
		assert_int_equal(st.st_gid, getegid());
		assert_int_equal(unlink(in_deeper), 0);
		assert_int_equal(rmdir(deeper), 0);
	}
}

/* Its user could otherwise have root give him a folder of his choice. */
TEST(a_link_is_no_folder_to_share)
{
	char target[128], link[128], in_link[160];
	struct stat st;

	if (geteuid() != 0) {
		printf("# SKIP: only root gives folders away\n");
		return;
	}
	snprintf(target, sizeof target, "%s/target", folder);
	snprintf(link, sizeof link, "%s/link", folder);
	snprintf(in_link, sizeof in_link, "%s/x.sock", link);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(listen_at(in_link,
				   &(struct listen_as){
					   .mode = 0660, .shared = true, .uid = 1234, .gid = 1234}),
			 -ENOTDIR);
	assert_int_equal(lstat(target, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(mode_of(target), 0700);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(target), 0);
}

/* Its user may not even ask whether it is alive. */
TEST(a_stale_socket_of_another_is_replaced_by_a_shared_one)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char deeper[128], in_deeper[160];
	uid_t uid = geteuid() == 0 ? 1234 : geteuid();

	snprintf(deeper, sizeof deeper, "%s/deeper", folder);
	snprintf(in_deeper, sizeof in_deeper, "%s/x.sock", deeper);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(mkdir(deeper, 0700), 0);
	memcpy(name.sun_path, in_deeper, strlen(in_deeper));
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&name, sizeof name), 0);
	close(dead);
	assert_int_equal(chmod(in_deeper, 0600), 0);
	int fd = listen_at(
		in_deeper,
		&(struct listen_as){.mode = 0660, .shared = true, .uid = uid, .gid = getegid()});
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(in_deeper), 0);
	assert_int_equal(rmdir(deeper), 0);
}

TEST(a_live_socket_is_refused_and_a_stale_one_replaced)
{
	int alive = listen_at(path, &(struct listen_as){.mode = 0600}), client;

	assert_true(alive >= 0);
	assert_int_equal(listen_at(path, &(struct listen_as){.mode = 0600}), -EADDRINUSE);
	client = accept4(alive, NULL, NULL, 0); /* the question has not harmed it */
	assert_true(client >= 0);
	close(client);
	close(alive);

	alive = listen_at(path, &(struct listen_as){.mode = 0660});
	assert_true(alive >= 0);
	assert_int_equal(mode_of(path), 0660);
	close(alive);
	assert_int_equal(unlink(path), 0);
}

TEST(nothing_but_a_socket_is_replaced)
{
	const struct listen_as as = {.mode = 0600};
	char file[128], link[128], too_long[200];

	snprintf(file, sizeof file, "%s/file", folder);
	snprintf(link, sizeof link, "%s/link", folder);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(listen_at(file, &as), -EEXIST);
	assert_int_equal(listen_at(link, &as), -EEXIST);
	memset(too_long, 'l', sizeof too_long - 1);
	too_long[sizeof too_long - 1] = '\0';
	assert_int_equal(listen_at(too_long, &as), -ENAMETOOLONG);
	assert_int_equal(listen_at("/tmp/warren-no/such/folder.sock", &as), -ENOENT);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(unlink(link), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		IN_FOLDER(the_socket_has_its_mode_whatever_the_umask),
		IN_FOLDER(a_shared_socket_and_its_folder_are_the_users_and_the_groups),
		IN_FOLDER(a_link_is_no_folder_to_share),
		IN_FOLDER(a_stale_socket_of_another_is_replaced_by_a_shared_one),
		IN_FOLDER(a_live_socket_is_refused_and_a_stale_one_replaced),
		IN_FOLDER(nothing_but_a_socket_is_replaced),
	};

	return RUN_TESTS(tests);
}
