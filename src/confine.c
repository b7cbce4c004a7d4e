/* The list of what is refused. All else is allowed: the libraries decide which calls they make. */
#include "confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#define FAMILY_LAST AF_NETLINK /* of those that are allowed */
#define SOCK_KIND   0xf        /* the type of a socket without SOCK_CLOEXEC and SOCK_NONBLOCK */

static const int refused[] = {
	/* other programs and processes */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
/* LeakSanitizer traces its own process. */
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
	SCMP_SYS(ptrace),
#endif
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(personality),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	/* namespaces, what is mounted where */
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(chroot),
	SCMP_SYS(pivot_root),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(open_tree),
	SCMP_SYS(move_mount),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(open_by_handle_at),
	/* the kernel itself */
	SCMP_SYS(bpf),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	/* keys of others */
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	/* calls that no filter sees */
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
};

static bool is_family_allowed(int family)
{
	return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
}

static int refuse_sockets(scmp_filter_ctx f)
{
	static const struct {
		int family, kind;
	} raw[] = {{AF_INET, SOCK_RAW}, {AF_INET6, SOCK_RAW}, {AF_INET, SOCK_PACKET}};
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int err =
		seccomp_rule_add(f, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, FAMILY_LAST, 0));

	for (int family = 0; family < FAMILY_LAST && err == 0; family++)
		if (!is_family_allowed(family))
			err = seccomp_rule_add(f, no, SCMP_SYS(socket), 1,
					       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
	for (size_t i = 0; i < sizeof raw / sizeof raw[0] && err == 0; i++)
		err = seccomp_rule_add(
			f, no, SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)raw[i].family, 0),
			SCMP_A1(SCMP_CMP_MASKED_EQ, SOCK_KIND, (scmp_datum_t)raw[i].kind));
	return err;
}

/* Threads may be made, but in our namespaces. The flags of clone3 lie in memory, out of a filter's sight: without it the C library
 * takes clone. */
static int refuse_clones(scmp_filter_ctx f)
{
	static const uint64_t spaces[] = {CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
					  CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
					  CLONE_NEWNET};
	int err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < sizeof spaces / sizeof spaces[0] && err == 0; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, spaces[i], spaces[i]));
	return err;
}

static int fill_and_load(scmp_filter_ctx f)
{
	int err = 0;

	for (size_t i = 0; i < sizeof refused / sizeof refused[0] && err == 0; i++)
		err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (err == 0)
		err = refuse_sockets(f);
	if (err == 0)
		err = refuse_clones(f);
	return err == 0 ? seccomp_load(f) : err; /* which sets no_new_privs */
}

void confine_calls(const struct log *log)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int err = f == NULL ? -ENOMEM : fill_and_load(f);

	if (err < 0)
		log_warn(log, "system calls are not filtered: %s", strerror(-err));
	if (f != NULL)
		seccomp_release(f);
}
