/* Hardening of the process: another user, two capabilities, no traces of memory. */
#include "priv.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

/* A password entry that does not fit into this is nobody's that a daemon should become. */
#define ENTRY_MAX 4096

void priv_hide_memory(void)
{
	/* LeakSanitizer has to trace its own process; a change of user forbids it, too. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	const unsigned long dumpable = 1;
#else
	const unsigned long dumpable = 0;
#endif

	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
}

int priv_find(struct priv_user *u, const char *name)
{
	const char *wanted = name != NULL ? name : PRIV_USER;
	struct passwd entry, *found;
	char text[ENTRY_MAX];
	int err;

	*u = (struct priv_user){.name = wanted, .uid = geteuid(), .gid = getegid()};
	if (name == NULL && u->uid != 0)
		return 0;
	err = getpwnam_r(wanted, &entry, text, sizeof text, &found);
	/* Where there is no user database at all, there is no such user either. */
	if (found == NULL && (err == 0 || err == ENOENT))
		return name == NULL ? 0 : -ENOENT;
	if (found == NULL)
		return -err;
	if (entry.pw_uid == u->uid)
		return 0;
	if (u->uid != 0)
		return -EPERM;
	*u = (struct priv_user){
		.name = wanted, .uid = entry.pw_uid, .gid = entry.pw_gid, .change = true};
	return 0;
}

static bool is_kept(unsigned cap)
{
	return cap == CAP_NET_ADMIN || cap == CAP_NET_BIND_SERVICE;
}

/* Each set, capability by capability, as the kernel has it. */
static bool holds_only_ours(void)
{
	static const capng_type_t empty[] = {CAPNG_INHERITABLE, CAPNG_BOUNDING_SET, CAPNG_AMBIENT};

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process() < 0)
		return false;
	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, cap) != is_kept(cap) ||
		    capng_have_capability(CAPNG_PERMITTED, cap) != is_kept(cap))
			return false;
		for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
			if (capng_have_capability(empty[i], cap))
				return false;
	}
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool is_user(const struct priv_user *u)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	return getresuid(&uid, &euid, &suid) == 0 && getresgid(&gid, &egid, &sgid) == 0 &&
	       uid == u->uid && euid == u->uid && suid == u->uid && gid == u->gid &&
	       egid == u->gid && sgid == u->gid && getgroups(0, NULL) == 0;
}

/* True when root, a group or a capability that was given up comes back for the asking. */
static bool can_regain(void)
{
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
		return true;
	capng_clear(CAPNG_SELECT_CAPS);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN,
		      CAP_NET_BIND_SERVICE, CAP_SETUID, -1);
	return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

static int drop(const struct priv_user *u)
{
	/* Keys have to stay in memory later, too, without CAP_IPC_LOCK. Where even root may not raise the limit, it stays. */
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
	capng_clear(CAPNG_SELECT_ALL);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN,
		      CAP_NET_BIND_SERVICE, -1);
	errno = EPERM; /* where libcap-ng fails without a call that did */
	if (capng_change_id((int)u->uid, (int)u->gid,
			    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	priv_hide_memory();
	return 0;
}

int priv_drop(const struct priv_user *u, const struct log *log)
{
	int err;

	if (!u->change)
		return 0;
	if ((err = drop(u)) < 0) {
		log_error(log, "cannot become the user %s: %s", u->name, strerror(-err));
		return err;
	}
	if (!is_user(u) || can_regain() || !holds_only_ours()) {
		log_error(log, "the host did not take root away for the user %s", u->name);
		return -EPERM;
	}
	log_info(log, "running as the user %s", u->name);
	return 0;
}
