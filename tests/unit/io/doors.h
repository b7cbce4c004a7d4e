/* Two doors on loopback for each test, and what the host refuses: its calls are wrapped (see room.am), and real until a test says
 * otherwise. For the one source file of a test program. */
#ifndef UNIT_IO_DOORS_H
#define UNIT_IO_DOORS_H

#include "config.h"

#include "io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/env_fake.h"
#include "support/test.h"

/* What the host says instead of doing it. Zero: it does it. */
static struct {
	int recv_err;   /* of each recvmmsg */
	int recv_flags; /* added to the flags of the first message */
	bool recv_lies; /* what it says of the first message's datagrams is that each has */
	int recv_lie;   /* so many bytes */
	int send_err[BATCH_MAX];   /* of each message, by its first byte */
	int cut_err;               /* of each that has several datagrams */
	bool send_err_once;        /* each of them is told once */
	unsigned pinned_err_calls; /* refusals of a pinned local address */
	int family_missing[2];     /* socket() knows neither of these */
	unsigned v6_port_taken;    /* so many binds of IPv6 fail */
	bool cuts_nothing;         /* it does not know of messages of several datagrams */
	unsigned pauses, sent;
} host;

int __real_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout);
int __real_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int __real_socket(int family, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *name, socklen_t len);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout);
int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *name, socklen_t len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

static void tell_segment(struct msghdr *h, int len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			memcpy(CMSG_DATA(c), &len, sizeof len);
}

int __wrap_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout)
{
	if (host.recv_err != 0) {
		errno = host.recv_err;
		return -1;
	}
	int got = __real_recvmmsg(fd, m, n, flags, timeout);
	if (got > 0)
		m->msg_hdr.msg_flags |= host.recv_flags;
	if (got > 0 && host.recv_lies)
		tell_segment(&m->msg_hdr, host.recv_lie);
	return got;
}

/* As the kernel does: up to the first failure, which is told only when nothing went before it. */
int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++) {
		const struct iovec *part = m[i].msg_hdr.msg_iov;
		int err = part->iov_len > 0 ? host.send_err[*(const uint8_t *)part->iov_base] : 0;
		if (m[i].msg_hdr.msg_iovlen > 1 && host.cut_err != 0)
			err = host.cut_err;
		if (err != 0 && i == 0 && host.send_err_once)
			host.send_err[*(const uint8_t *)part->iov_base] = 0;
		if (err == 0 && __real_sendmmsg(fd, m + i, 1, flags) == 1) {
			host.sent++;
			continue;
		}
		if (i > 0)
			return (int)i;
		if (err != 0)
			errno = err;
		else if (m[i].msg_hdr.msg_controllen != 0)
			host.pinned_err_calls++;
		return -1;
	}
	return (int)n;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)left;
	assert_in_range(wanted->tv_nsec, 1, 10 * 1000 * 1000);
	host.pauses++;
	return 0;
}

int __wrap_socket(int family, int type, int protocol)
{
	if (family == host.family_missing[0] || family == host.family_missing[1]) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return __real_socket(family, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *name, socklen_t len)
{
	if (name->sa_family == AF_INET6 && host.v6_port_taken > 0) {
		host.v6_port_taken--;
		errno = EADDRINUSE;
		return -1;
	}
	return __real_bind(fd, name, len);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (host.cuts_nothing && level == SOL_UDP && name == UDP_SEGMENT) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return __real_getsockopt(fd, level, name, value, len);
}

static struct env_fake env;
static struct udp *a, *b;
static struct batch in, out;
static uint8_t memory[PACKET_SLOT];

static int set_up(void **state)
{
	host = (typeof(host)){.cuts_nothing = *state != NULL};
	env_fake_init(&env, 1);
	out.count = 0;
	return udp_open(&a, 0, 0, &env.log) < 0 || udp_open(&b, 0, 0, &env.log) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	udp_close(a);
	udp_close(b);
	return 0;
}

static struct addr at(const char *ip, uint16_t port)
{
	struct addr x;

	assert_true(addr_parse_ip(&x, ip));
	x.port = port;
	return x;
}

/* Append a datagram of `len` bytes, the first of which is `tag`. */
static struct packet *put(uint8_t tag, size_t len, struct addr remote)
{
	static uint8_t tags[BATCH_MAX];
	struct packet *p = &out.packets[out.count++];

	tags[tag] = tag;
	*p = (struct packet){
		.data = len == 1 ? &tags[tag] : memory,
		.len = len,
		.via = {.kind = VIA_DIRECT, .door = remote.family == ADDR_V6, .remote = remote},
	};
	if (len > 1)
		memory[0] = tag;
	return p;
}

static size_t recv_at(struct udp *u, unsigned door)
{
	struct pollfd p = {.fd = udp_fd(u, door), .events = POLLIN};

	poll(&p, 1, 1000);
	return udp_recv(u, door, &in);
}

#define RUN_WITH_DOORS(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
