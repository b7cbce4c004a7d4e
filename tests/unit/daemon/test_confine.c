/* A process that confined itself, tried out: each test is a child of its own, for there is no way back. */
#include "confine.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/env_fake.h"
#include "support/test.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

/* True when the child found what it expected once it was confined. */
static bool holds_when_confined(bool (*holds)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct env_fake env;
		env_fake_init(&env, 1);
		confine_calls(&env.log);
		_exit(env.lines == 0 && holds() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status == 0;
}

static bool is_refused(long result)
{
	return result == -1 && errno == EPERM;
}

/* Were it run, it would end with 1. */
static bool runs_nothing(void)
{
	char *const argv[] = {(char *)"false", NULL}, *const none[] = {NULL};

	return is_refused(execve("/bin/false", argv, none)) &&
	       is_refused(syscall(SYS_execveat, -100, "/bin/false", argv, none, 0));
}

TEST(vuln_33_no_program_is_run)
{
	assert_true(holds_when_confined(runs_nothing));
}

static void *in_thread(void *ctx)
{
	*(bool *)ctx = runs_nothing();
	return NULL;
}

static bool thread_runs_nothing(void)
{
	pthread_t thread;
	bool held = false;

	return pthread_create(&thread, NULL, in_thread, &held) == 0 &&
	       pthread_join(thread, NULL) == 0 && held;
}

TEST(vuln_33_nor_by_a_thread_that_starts_later)
{
	assert_true(holds_when_confined(thread_runs_nothing));
}

static bool stays_where_it_is(void)
{
	return is_refused(unshare(CLONE_NEWUSER)) && is_refused(unshare(CLONE_FILES)) &&
	       is_refused(setns(0, 0)) && is_refused(chroot("/")) &&
	       is_refused(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL)) &&
	       is_refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) &&
	       is_refused(syscall(SYS_clone, CLONE_NEWNET | CLONE_FS | SIGCHLD, 0, 0, 0, 0)) &&
	       syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS;
}

TEST(it_stays_in_its_namespaces)
{
	assert_true(holds_when_confined(stays_where_it_is));
}

static bool leaves_others_alone(void)
{
	static const long calls[] = {
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
		SYS_ptrace,
#endif
		SYS_process_vm_readv,
		SYS_personality,
		SYS_bpf,
		SYS_keyctl,
		SYS_add_key,
		SYS_kexec_load,
		SYS_init_module,
		SYS_perf_event_open,
		SYS_io_uring_setup,
		SYS_userfaultfd,
		SYS_io_uring_enter,
	};

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (!is_refused(syscall(calls[i], -1, -1, -1, -1, -1, -1)))
			return false;
	return true;
}

TEST(it_leaves_other_processes_and_the_kernel_alone)
{
	assert_true(holds_when_confined(leaves_others_alone));
}

static bool opens_its_sockets_only(void)
{
	static const struct {
		int family, type;
		bool refused;
	} sockets[] = {
		{AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, false},
		{AF_UNIX, SOCK_DGRAM, false},
		{AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, false},
		{AF_INET6, SOCK_DGRAM, false},
		{AF_INET, SOCK_STREAM, false},
		{AF_INET6, SOCK_STREAM, false},
		{AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, false},
		{AF_INET, SOCK_RAW, true},
		{AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, true},
		{AF_INET, SOCK_PACKET, true}, /* an old name of AF_PACKET */
		{AF_PACKET, SOCK_RAW, true},
		{AF_PACKET, SOCK_DGRAM, true},
		{AF_ALG, SOCK_SEQPACKET, true},
		{AF_VSOCK, SOCK_STREAM, true},
		{AF_AX25, SOCK_DGRAM, true},
		{AF_UNSPEC, SOCK_DGRAM, true},
	};

	for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
		int fd = socket(sockets[i].family, sockets[i].type, 0);
		/* A host may lack IPv6. */
		if (is_refused(fd) != sockets[i].refused)
			return false;
	}
	/* Only the lower half of an argument counts in the kernel. */
	return is_refused(syscall(SYS_socket, 1L << 32 | AF_PACKET, SOCK_RAW, 0));
}

TEST(it_opens_udp_tcp_netlink_and_unix_sockets_and_no_others)
{
	assert_true(holds_when_confined(opens_its_sockets_only));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(vuln_33_no_program_is_run),
		RUN(vuln_33_nor_by_a_thread_that_starts_later),
		RUN(it_stays_in_its_namespaces),
		RUN(it_leaves_other_processes_and_the_kernel_alone),
		RUN(it_opens_udp_tcp_netlink_and_unix_sockets_and_no_others),
	};

	return RUN_TESTS(tests);
}
