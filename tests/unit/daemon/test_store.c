/* The state file on disk, in a folder of the test's own: when it is written, what replaces it, and what happens where it cannot be. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "ctl/state.h"
#include "support/nodes.h"
#include "support/test.h"

static char folder[64];
static char file[128], fresh[128];
static struct store store;
static struct node *a, *b;

/* What the host refuses; the test may be root, whom nothing stops. */
static ssize_t write_result; /* -errno, or 0: as it is */
static unsigned fsyncs;

ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	if (write_result == 0 || fd <= 2)
		return __real_write(fd, buf, len);
	/* As on a disk that fills up: a part first. */
	if (len > 10)
		return __real_write(fd, buf, 10);
	errno = (int)-write_result;
	return -1;
}

int __wrap_fsync(int fd)
{
	fsyncs++;
	return __real_fsync(fd);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/warren-store-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof file, "%s/wr0.state", folder);
	snprintf(fresh, sizeof fresh, "%s/wr0.state.new", folder);
	write_result = 0;
	fsyncs = 0;
	a = node_start(1);
	b = node_start(2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	node_stop(a);
	node_stop(b);
	unlink(file);
	unlink(fresh);
	return rmdir(folder);
}

static void open_store(void)
{
	store_open(&store, folder, "wr0", geteuid(), getegid(), a->env.env.log);
}

/* The change that the daemon makes of a file, with b's endpoint or without. */
static void configure(bool endpoint, usec now)
{
	struct delta *d = node_identity(a);

	d->replace_peers = true;
	node_add_peer(d, b, "", false, endpoint);
	store_recall(&store, a->m, d);
	node_apply(a, d, now);
}

static void meet(void)
{
	struct delta *d = node_identity(b);

	open_store();
	configure(true, SEC(100));
	node_add_peer(d, a, "", false, false);
	node_apply(b, d, SEC(100));
	node_connect(a, b, SEC(100));
}

/* The process ends without a word, and another begins. */
static void crash(void)
{
	store_close(&store, NULL, 0);
	node_stop(a);
	node_start(1);
	open_store();
}

static void put(const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static size_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static bool knows_b(void)
{
	struct mesh_peer_view v;

	mesh_peer_look(a->m, mesh_peer_find(a->m, &b->key), SEC(200), &v);
	return addr_is_set(&v.endpoint);
}

TEST(what_one_life_writes_the_next_one_reads)
{
	meet();
	store_tick(&store, a->m, SEC(100));
	crash();
	configure(false, SEC(102));
	assert_true(knows_b());
	assert_int_equal(a->env.lines, 0);
	store_close(&store, a->m, SEC(103));
}

TEST(is_readable_by_its_owner_only_and_leaves_nothing_beside_it)
{
	struct stat st;
	mode_t mask = umask(0);
	meet();
	store_tick(&store, a->m, SEC(100));
	umask(mask);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & ALLPERMS, 0600);
	assert_int_equal(access(fresh, F_OK), -1);
	store_close(&store, a->m, SEC(101));
}

TEST(makes_its_folder_for_its_owner_only)
{
	struct stat st;
	char below[128];
	snprintf(below, sizeof below, "%s/below", folder);
	store_open(&store, below, "wr0", geteuid(), getegid(), a->env.env.log);
	assert_int_equal(stat(below, &st), 0);
	assert_int_equal(st.st_mode & ALLPERMS, 0700);
	store_close(&store, NULL, 0);
	rmdir(below);
}

TEST(a_folder_of_roots_is_given_to_the_daemons_user_and_no_other_folder)
{
	struct stat st;
	if (geteuid() != 0) {
		puts("# SKIP: not root");
		return;
	}
	assert_int_equal(chmod(folder, 0755), 0);
	store_open(&store, folder, "wr0", 12345, 12346, a->env.env.log);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_uid, 0);
	store_close(&store, NULL, 0);
	assert_int_equal(chmod(folder, 0700), 0);
	store_open(&store, folder, "wr0", 12345, 12346, a->env.env.log);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 12346);
	store_close(&store, NULL, 0);
}

TEST(writes_a_change_of_place_at_once_but_at_most_each_second)
{
	meet();
	assert_true(usec_due(store_deadline(&store, a->m), SEC(100)));
	store_tick(&store, a->m, SEC(100));
	assert_true(size_of(file) > 0);

	struct delta *d = delta_new();
	delta_add_peer(d, &b->key)->remove = true;
	node_apply(a, d, SEC(100));
	size_t before = size_of(file);
	assert_int_equal(store_deadline(&store, a->m), SEC(101));
	store_tick(&store, a->m, SEC(101) - 1);
	assert_int_equal(size_of(file), before);
	store_tick(&store, a->m, SEC(101));
	assert_true(size_of(file) < before);
	store_close(&store, a->m, SEC(101));
}

TEST(writes_timestamps_once_a_minute_and_nothing_twice)
{
	meet();
	store_tick(&store, a->m, SEC(100));
	assert_int_equal(store_deadline(&store, a->m), SEC(160));
	unlink(file);
	store_tick(&store, a->m, SEC(160));
	assert_int_equal(access(file, F_OK), -1); /* it says what it said */
	node_connect(b, a, SEC(161));             /* a is heard */
	assert_int_equal(store_deadline(&store, a->m), SEC(220));
	store_tick(&store, a->m, SEC(220));
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(fsyncs, 0);
	store_close(&store, a->m, SEC(221));
}

TEST(the_end_goes_down_to_the_disk)
{
	meet();
	store_tick(&store, a->m, SEC(100));
	store_close(&store, a->m, SEC(101));
	assert_int_equal(fsyncs, 2); /* the file, and the folder that names it */
	assert_int_equal(store_deadline(&store, a->m), USEC_NEVER);
}

TEST(writes_nothing_without_an_identity)
{
	open_store();
	store_tick(&store, a->m, SEC(100));
	store_close(&store, a->m, SEC(101));
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(a->env.lines, 0);
}

static void assert_begins_afresh(const char *text, const char *told)
{
	put(text);
	open_store();
	unsigned lines = a->env.lines;
	configure(false, SEC(100));
	assert_false(knows_b());
	assert_int_equal(a->env.lines, lines + 1);
	assert_non_null(strstr(a->env.last_line, told));
	store_close(&store, a->m, SEC(101));
	assert_true(size_of(file) > 0); /* and makes it anew */
}

TEST(a_file_that_is_torn_or_somebody_elses_is_told_of_and_replaced)
{
	assert_begins_afresh("", "torn or none of ours");
}

TEST(a_file_of_a_later_version_is_told_of)
{
	assert_begins_afresh("warren.state/7\n", "a later version");
}

TEST(a_file_of_another_key_is_told_of)
{
	assert_begins_afresh("warren.state/1\nself AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
			     "another key");
}

TEST(lines_that_are_not_understood_are_told_of_once)
{
	char text[512], key[KEY_TEXT_LEN + 1];
	text_base64_print(key, a->key.bytes);
	snprintf(text, sizeof text, "warren.state/1\nself %s\nx\ny\n", key);
	assert_begins_afresh(text, "2 lines (the first is line 3)");
}

TEST(what_is_no_file_does_not_hold_it_up)
{
	assert_int_equal(mkfifo(file, 0600), 0);
	open_store();
	assert_int_equal(a->env.lines, 1);
	assert_non_null(strstr(a->env.last_line, "Invalid argument"));
	store_close(&store, NULL, 0);
	unlink(file);
	assert_int_equal(symlink("/etc/passwd", file), 0);
	open_store();
	assert_int_equal(a->env.lines, 2);
	store_close(&store, NULL, 0);
}

TEST(a_file_beyond_all_bounds_is_not_read)
{
	put("");
	assert_int_equal(truncate(file, (off_t)STATE_TEXT_MAX + 1), 0);
	open_store();
	assert_non_null(strstr(a->env.last_line, "File too large"));
	store_close(&store, NULL, 0);
}

TEST(f61_a_full_disk_is_told_of_once_and_the_old_file_stays)
{
	meet();
	store_tick(&store, a->m, SEC(100));
	size_t before = size_of(file);
	unsigned lines = a->env.lines;
	write_result = -ENOSPC;
	for (usec now = SEC(200); now < SEC(1000); now += SEC(60)) {
		node_connect(b, a, now);
		store_tick(&store, a->m, now);
	}
	assert_non_null(strstr(a->env.last_line, "No space left on device"));
	assert_int_equal(a->env.lines, lines + 1);
	assert_int_equal(size_of(file), before);
	assert_int_equal(access(fresh, F_OK), -1);

	write_result = 0; /* there is room again */
	store_tick(&store, a->m, SEC(1060));
	write_result = -EIO;
	node_connect(b, a, SEC(1061));
	store_tick(&store, a->m, SEC(1120));
	assert_int_equal(a->env.lines, lines + 2);
	write_result = 0;
	store_close(&store, a->m, SEC(1121));
}

TEST(f61_without_a_folder_it_goes_on)
{
	store_open(&store, "/dev/null/warren", "wr0", geteuid(), getegid(), a->env.env.log);
	assert_int_equal(a->env.lines, 1);
	configure(true, SEC(100));
	assert_int_equal(store_deadline(&store, a->m), USEC_NEVER);
	store_tick(&store, a->m, SEC(200));
	store_close(&store, a->m, SEC(201));
	assert_int_equal(a->env.lines, 1);
}

TEST(what_an_earlier_crash_left_is_swept)
{
	int fd = open(fresh, O_WRONLY | O_CREAT, 0666);
	assert_true(fd >= 0);
	close(fd);
	meet();
	store_tick(&store, a->m, SEC(100));
	assert_true(size_of(file) > 0);
	assert_int_equal(access(fresh, F_OK), -1);
	store_close(&store, a->m, SEC(101));
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(what_one_life_writes_the_next_one_reads),
		EACH(is_readable_by_its_owner_only_and_leaves_nothing_beside_it),
		EACH(makes_its_folder_for_its_owner_only),
		EACH(a_folder_of_roots_is_given_to_the_daemons_user_and_no_other_folder),
		EACH(writes_a_change_of_place_at_once_but_at_most_each_second),
		EACH(writes_timestamps_once_a_minute_and_nothing_twice),
		EACH(the_end_goes_down_to_the_disk),
		EACH(writes_nothing_without_an_identity),
		EACH(a_file_that_is_torn_or_somebody_elses_is_told_of_and_replaced),
		EACH(a_file_of_a_later_version_is_told_of),
		EACH(a_file_of_another_key_is_told_of),
		EACH(lines_that_are_not_understood_are_told_of_once),
		EACH(what_is_no_file_does_not_hold_it_up),
		EACH(a_file_beyond_all_bounds_is_not_read),
		EACH(f61_a_full_disk_is_told_of_once_and_the_old_file_stays),
		EACH(f61_without_a_folder_it_goes_on),
		EACH(what_an_earlier_crash_left_is_swept),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
