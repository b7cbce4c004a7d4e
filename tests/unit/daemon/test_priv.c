/* Who the daemon is to be. What becomes of root is proved in the lab (85-privileges.sh): it takes root to see it. */
#include "priv.h"

#include <errno.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/env_fake.h"
#include "support/test.h"

/* The user database and us, made up. */
static uid_t me;
static int database_err;

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return me;
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *text, size_t room,
		      struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *text, size_t room,
		      struct passwd **found)
{
	static const struct {
		const char *name;
		uid_t uid;
		gid_t gid;
	} users[] = {{"root", 0, 0}, {"alice", 1000, 1001}, {"warren", 900, 901}};
	size_t known = database_err == 0 ? 3 : database_err < 0 ? 2 : 0;

	(void)text, (void)room;
	*found = NULL;
	for (size_t i = 0; i < known; i++) {
		if (strcmp(users[i].name, name) != 0)
			continue;
		*entry = (struct passwd){.pw_uid = users[i].uid, .pw_gid = users[i].gid};
		*found = entry;
		return 0;
	}
	return database_err > 0 ? database_err : 0;
}

static const int all_known = 0, no_warren = -1;

static int find(struct priv_user *u, const char *name, uid_t who, int database)
{
	me = who;
	database_err = database;
	return priv_find(u, name);
}

TEST(root_becomes_the_user_that_was_named)
{
	struct priv_user u;

	assert_int_equal(find(&u, "alice", 0, all_known), 0);
	assert_true(u.change);
	assert_int_equal(u.uid, 1000);
	assert_int_equal(u.gid, 1001);
	assert_string_equal(u.name, "alice");
}

TEST(root_becomes_warren_where_there_is_one)
{
	struct priv_user u;

	assert_int_equal(find(&u, NULL, 0, all_known), 0);
	assert_true(u.change);
	assert_int_equal(u.uid, 900);
	assert_int_equal(u.gid, 901);
}

TEST(root_stays_root_where_there_is_none)
{
	static const int databases[] = {no_warren, ENOENT};
	struct priv_user u;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(find(&u, NULL, 0, databases[i]), 0);
		assert_false(u.change);
		assert_int_equal(u.uid, 0);
	}
}

TEST(root_stays_root_when_told_so)
{
	struct priv_user u;

	assert_int_equal(find(&u, "root", 0, all_known), 0);
	assert_false(u.change);
}

TEST(refuses_a_user_that_is_not_there)
{
	struct priv_user u;

	assert_int_equal(find(&u, "bob", 0, all_known), -ENOENT);
	assert_int_equal(find(&u, "warren", 0, no_warren), -ENOENT);
	assert_int_equal(find(&u, "bob", 1000, all_known), -ENOENT);
	assert_false(u.change);
}

/* Not to know is not the same as to know there is none: staying root would be a guess. */
TEST(refuses_when_the_user_database_fails)
{
	struct priv_user u;

	assert_int_equal(find(&u, NULL, 0, EIO), -EIO);
	assert_int_equal(find(&u, "alice", 0, ERANGE), -ERANGE);
	assert_false(u.change);
}

TEST(others_than_root_stay_who_they_are)
{
	struct priv_user u;

	assert_int_equal(find(&u, NULL, 1000, all_known), 0);
	assert_false(u.change);
	assert_int_equal(u.uid, 1000);
	assert_int_equal(find(&u, "alice", 1000, all_known), 0);
	assert_false(u.change);
	assert_int_equal(find(&u, "warren", 1000, all_known), -EPERM);
	assert_int_equal(find(&u, "root", 1000, all_known), -EPERM);
	assert_false(u.change);
}

TEST(without_a_change_nothing_is_dropped)
{
	struct env_fake env;

	env_fake_init(&env, 1);
	assert_int_equal(priv_drop(&(struct priv_user){.uid = 12345}, &env.log), 0);
	assert_int_equal(env.lines, 0);
}

/* Neither one nor the other is nobody to run as. */
TEST(a_drop_that_the_host_refuses_is_told)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct env_fake env;
		env_fake_init(&env, 1);
		if (getuid() == 0 && setuid(65534) < 0)
			_exit(9);
		int err = priv_drop(
			&(struct priv_user){.name = "x", .uid = 1234, .gid = 1234, .change = true},
			&env.log);
		_exit(err < 0 && env.lines == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(root_becomes_the_user_that_was_named),
		RUN(root_becomes_warren_where_there_is_one),
		RUN(root_stays_root_where_there_is_none),
		RUN(root_stays_root_when_told_so),
		RUN(refuses_a_user_that_is_not_there),
		RUN(refuses_when_the_user_database_fails),
		RUN(others_than_root_stay_who_they_are),
		RUN(without_a_change_nothing_is_dropped),
		RUN(a_drop_that_the_host_refuses_is_told),
	};

	return RUN_TESTS(tests);
}
