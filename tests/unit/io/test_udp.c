/* Doors on loopback, and the host's refusals made up by wrapping its calls (see room.am). */
#include "config.h"

#include "io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/env_fake.h"
#include "support/test.h"

/* What the host says instead of doing it. Zero: it does it. */
static struct {
	int recv_err;              /* of each recvmmsg */
	int recv_flags;            /* added to the flags of the first message */
	int send_err[BATCH_MAX];   /* of each datagram, by its first byte */
	bool send_err_once;        /* each of them is told once */
	unsigned pinned_err_calls; /* refusals of a pinned local address */
	int family_missing[2];     /* socket() knows neither of these */
	unsigned v6_port_taken;    /* so many binds of IPv6 fail */
	unsigned pauses, sent;
} host;

int __real_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout);
int __real_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int __real_socket(int family, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *name, socklen_t len);
int __wrap_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout);
int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *name, socklen_t len);

int __wrap_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout)
{
	if (host.recv_err != 0) {
		errno = host.recv_err;
		return -1;
	}
	int got = __real_recvmmsg(fd, m, n, flags, timeout);
	if (got > 0)
		m->msg_hdr.msg_flags |= host.recv_flags;
	return got;
}

/* As the kernel does: up to the first failure, which is told only when nothing went before it. */
int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++) {
		const struct iovec *part = m[i].msg_hdr.msg_iov;
		int err = part->iov_len > 0 ? host.send_err[*(const uint8_t *)part->iov_base] : 0;
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

static struct env_fake env;
static struct udp *a, *b;
static struct batch in, out;
static uint8_t memory[PACKET_SLOT];

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof host);
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

static bool has_v6(void)
{
	if (udp_fd(a, UDP_DOOR_V6) >= 0) {
		struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
						.sin6_addr = IN6ADDR_LOOPBACK_INIT};
		int fd = socket(AF_INET6, SOCK_DGRAM, 0),
		    err = bind(fd, (struct sockaddr *)&loopback, sizeof loopback);
		close(fd);
		if (err == 0)
			return true;
	}
	printf("# SKIP: this host has no IPv6\n");
	return false;
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

/* Send from a to b's address, answer from where it came to, and look at both. */
static void check_round_trip(unsigned door, const char *ip, const char *from)
{
	put(7, 1, at(ip, udp_port(b)));
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(recv_at(b, door), 1);
	const struct packet *p = &in.packets[0];
	struct addr local = at(ip, udp_port(b)), remote = at(from, udp_port(a));
	assert_int_equal(p->len, 1);
	assert_int_equal(p->data[0], 7);
	assert_int_equal(p->via.kind, VIA_DIRECT);
	assert_int_equal(p->via.door, door);
	assert_true(addr_equal(&p->via.local, &local));
	assert_true(addr_equal(&p->via.remote, &remote));

	out.packets[0] = *p;
	assert_int_equal(udp_send(b, &out), 0);
	assert_int_equal(recv_at(a, door), 1);
	assert_true(addr_equal(&in.packets[0].via.remote, &local));
	assert_true(addr_equal(&in.packets[0].via.local, &remote));
}

TEST(answers_from_the_ipv4_address_that_was_spoken_to)
{
	check_round_trip(UDP_DOOR_V4, "127.0.0.2", "127.0.0.1");
	assert_int_equal(udp_stats(a)->tx_packets, 1);
	assert_int_equal(udp_stats(a)->rx_packets, 1);
	assert_int_equal(udp_stats(a)->tx_calls, 1);
	assert_int_equal(udp_stats(a)->rx_calls, 1);
}

TEST(answers_from_the_ipv6_address_that_was_spoken_to)
{
	if (has_v6())
		check_round_trip(UDP_DOOR_V6, "::1", "::1");
}

TEST(a_batch_keeps_its_order_and_its_bytes)
{
	for (unsigned i = 0; i < BATCH_MAX; i++)
		put((uint8_t)i, 1, at("127.0.0.1", udp_port(b)));
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_calls, 1);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), BATCH_MAX);
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		assert_int_equal(in.packets[i].len, 1);
		assert_int_equal(in.packets[i].data[0], i);
		memset(in.packets[i].data - PACKET_HEAD, 0xee,
		       PACKET_HEAD); /* head room is there */
	}
	assert_int_equal(udp_recv(b, UDP_DOOR_V4, &in), 0);
}

TEST(mixed_families_leave_by_their_doors_in_two_calls)
{
	if (!has_v6())
		return;
	for (uint8_t i = 0; i < 10; i++)
		put(i, 1, at(i % 2 ? "::1" : "127.0.0.1", udp_port(b)));
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(udp_stats(a)->tx_calls, 2);
	for (unsigned door = 0; door < UDP_DOORS; door++) {
		assert_int_equal(recv_at(b, door), 5);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(in.packets[i].data[0], 2 * i + door);
	}
}

TEST(headers_are_whole_again_after_each_batch)
{
	for (int round = 0; round < 3; round++) {
		out.count = 0;
		put(1, 1, at("127.0.0.1", udp_port(b)));
		put(2, 1, at("127.0.0.3", udp_port(b)));
		assert_int_equal(udp_send(a, &out), 0);
		assert_int_equal(recv_at(b, UDP_DOOR_V4), 2);
		struct addr second = at("127.0.0.3", udp_port(b));
		assert_true(addr_equal(&in.packets[1].via.local, &second));
		assert_int_equal(in.packets[1].via.remote.port, udp_port(a));
	}
}

TEST(headers_serve_both_doors_in_turn)
{
	if (!has_v6())
		return;
	for (int i = 0; i < 6; i++) {
		out.count = 0;
		put(1, 1, at(i % 2 ? "::1" : "127.0.0.1", udp_port(b)));
		assert_int_equal(udp_send(a, &out), 0);
		assert_int_equal(recv_at(b, i % 2), 1);
		assert_true(addr_same_ip(&in.packets[0].via.local, &out.packets[0].via.remote));
		assert_true(addr_same_ip(&in.packets[0].via.remote, &out.packets[0].via.remote));
	}
}

TEST(carries_empty_and_longest_datagrams)
{
	put(0, 0, at("127.0.0.1", udp_port(b)));
	put(9, 65507, at("127.0.0.1", udp_port(b)));
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 2);
	assert_int_equal(in.packets[0].len, 0);
	assert_int_equal(in.packets[1].len, 65507);
	assert_int_equal(in.packets[1].data[0], 9);

	out.count = 0;
	put(9, 65508, at("127.0.0.1", udp_port(b))); /* EMSGSIZE */
	put(1, 1, at("127.0.0.1", udp_port(b)));
	assert_int_equal(udp_send(a, &out), 1);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 1);
}

TEST(a_truncated_datagram_is_counted_and_dropped)
{
	put(1, 1, at("127.0.0.1", udp_port(b)));
	put(2, 1, at("127.0.0.1", udp_port(b)));
	assert_int_equal(udp_send(a, &out), 0);
	host.recv_flags = MSG_TRUNC;
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 1);
	assert_int_equal(in.packets[0].data[0], 2);
	assert_int_equal(udp_stats(b)->truncated, 1);
	assert_int_equal(udp_stats(b)->rx_packets, 1);
}

TEST(a_refused_datagram_does_not_hold_up_the_others)
{
	static const int errs[] = {EPERM,        ENETUNREACH, EHOSTUNREACH, EMSGSIZE,
				   ECONNREFUSED, ENODEV,      EINVAL,       EADDRNOTAVAIL};

	for (uint8_t i = 0; i < 20; i++)
		put(i, 1, at("127.0.0.1", udp_port(b)));
	for (size_t i = 0; i < 8; i++)
		host.send_err[2 * i] = errs[i];
	host.send_err[19] = EPERM;
	assert_int_equal(udp_send(a, &out), 9);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 11);
	assert_int_equal(in.packets[0].data[0], 1);
	assert_int_equal(in.packets[10].data[0], 18);
	assert_int_equal(udp_stats(a)->send_failed, 9);
	assert_int_equal(udp_stats(a)->tx_packets, 11);
}

TEST(a_full_buffer_ends_the_batch_without_spinning)
{
	for (uint8_t i = 0; i < 20; i++)
		put(i, 1, at("127.0.0.1", udp_port(b)));
	for (int i = 5; i < 20; i++)
		host.send_err[i] = EAGAIN;
	assert_int_equal(udp_send(a, &out), 15);
	assert_int_equal(udp_stats(a)->tx_calls, 2);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 5);
}

TEST(each_kind_of_failure_is_told_once)
{
	for (uint8_t i = 0; i < 100; i++)
		put(i, 1, at("127.0.0.1", udp_port(b)));
	for (int i = 0; i < 100; i++)
		host.send_err[i] = i % 2 ? EPERM : ENETUNREACH;
	for (int round = 0; round < 10; round++)
		assert_int_equal(udp_send(a, &out), 100);
	assert_int_equal(env.lines, 2);
	assert_non_null(strstr(env.last_line, "cannot send to 127.0.0.1:"));
}

/* reliability.md, F58: which of five datagrams get through when the host says this of the third; and
 * when it says so once. */
static const struct {
	int err;
	unsigned through, calls, through_once;
	const char *told; /* NULL: when it stays, strerror() is all */
} host_errors[] = {
	/* another local address, if one was pinned, then given up */
	{ENETUNREACH, 4, 4, 5, "no route there now"},
	{EINVAL, 4, 4, 5, "address of a peer?"},
	{EADDRNOTAVAIL, 4, 4, 5, NULL},
	{ENODEV, 4, 4, 5, NULL},
	/* of an earlier datagram */
	{ECONNREFUSED, 4, 4, 5, NULL},
	{EINTR, 4, 4, 5, NULL},
	/* of this one */
	{EHOSTUNREACH, 4, 3, 4, "no route there now"},
	{EPERM, 4, 3, 4, "firewall"},
	{EACCES, 4, 3, 4, "route prohibit"},
	{EMSGSIZE, 4, 3, 4, NULL},
	{ENETDOWN, 4, 3, 4, NULL},
	{EAFNOSUPPORT, 4, 3, 4, "lacks that family"},
	{EHOSTDOWN, 4, 3, 4, NULL},
	{EOPNOTSUPP, 4, 3, 4, NULL},
	{EIO, 4, 3, 4, NULL},
	/* of the queue */
	{EAGAIN, 2, 2, 2, NULL},
	{ENOBUFS, 2, 2, 2, NULL},
	{ENOMEM, 2, 2, 2, NULL},
};
#define HOST_ERRORS (sizeof host_errors / sizeof host_errors[0])

/* Five datagrams, which name our address; how many got through, in order. */
static unsigned five(void)
{
	out.count = 0;
	for (uint8_t i = 0; i < 5; i++)
		put(i, 1, at("127.0.0.1", udp_port(b)))->via.local = at("127.0.0.1", 0);
	size_t failed = udp_send(a, &out);
	size_t got = recv_at(b, UDP_DOOR_V4);
	assert_int_equal(failed + got, 5);
	for (size_t i = 1; i < got; i++)
		assert_true(in.packets[i].data[0] > in.packets[i - 1].data[0]);
	return (unsigned)got;
}

TEST(f58_each_error_of_the_host_costs_no_more_than_it_must)
{
	for (size_t i = 0; i < HOST_ERRORS; i++) {
		uint64_t calls = udp_stats(a)->tx_calls;

		host.send_err[2] = host_errors[i].err;
		assert_int_equal(five(), host_errors[i].through);
		assert_int_equal(udp_stats(a)->tx_calls - calls, host_errors[i].calls);
		host.send_err_once = true;
		assert_int_equal(five(), host_errors[i].through_once);
		host.send_err_once = false;
		host.send_err[2] = 0;
		assert_int_equal(five(), 5); /* the cause is gone: at once */
	}
	assert_int_equal(host.pauses, 0);
}

TEST(f58_each_error_of_the_host_is_told_once_with_what_to_do)
{
	for (size_t i = 0; i < HOST_ERRORS; i++) {
		host.send_err[2] = host_errors[i].err;
		for (int round = 0; round < 100; round++)
			five();
		assert_int_equal(env.lines, i + 1);
		assert_non_null(strstr(env.last_line, strerror(host_errors[i].err)));
		if (host_errors[i].told != NULL)
			assert_non_null(strstr(env.last_line, host_errors[i].told));
		else
			assert_null(strchr(env.last_line, ';'));
	}
}

static void check_unpin(const char *lost, const char *to)
{
	unsigned door = strchr(to, ':') != NULL;

	for (uint8_t i = 0; i < 50; i++)
		put(i, 1, at(to, udp_port(b)))->via.local = at(lost, 0);
	put(50, 1, at(to, udp_port(b)))->via.local = at(to, 0); /* this one we have */
	out.packets[20].ttl = 9;
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(recv_at(b, door), 51);
	for (unsigned i = 0; i < 51; i++)
		assert_int_equal(in.packets[i].data[0], i);
	assert_int_equal(host.pinned_err_calls, 1); /* learnt from the first */
}

TEST(a_local_ipv4_address_that_is_gone_is_left_to_the_host)
{
	check_unpin("192.0.2.77", "127.0.0.1");
}

TEST(a_local_ipv6_address_that_is_gone_is_left_to_the_host)
{
	if (has_v6())
		check_unpin("2001:db8::77", "::1");
}

TEST(another_way_keeps_its_local_address)
{
	put(1, 1, at("127.0.0.1", udp_port(b)))->via.local = at("127.0.0.9", 0);
	put(2, 1, at("127.0.0.2", udp_port(b)))->via.local = at("127.0.0.9", 0);
	host.send_err[1] = ENETUNREACH; /* with or without: it is the remote */
	assert_int_equal(udp_send(a, &out), 1);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 1);
	struct addr from = at("127.0.0.9", udp_port(a));
	assert_true(addr_equal(&in.packets[0].via.remote, &from));
}

TEST(a_ttl_applies_to_its_packet_alone)
{
	static const struct {
		const char *ip;
		int level, option, type;
	} kinds[] = {{"127.0.0.1", IPPROTO_IP, IP_RECVTTL, IP_TTL},
		     {"::1", IPPROTO_IPV6, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT}};

	for (unsigned door = 0; door < UDP_DOORS; door++) {
		if (door == UDP_DOOR_V6 && !has_v6())
			return;
		int on = 1, fd = udp_fd(b, door);
		setsockopt(fd, kinds[door].level, kinds[door].option, &on, sizeof on);
		out.count = 0;
		put(1, 1, at(kinds[door].ip, udp_port(b)))->ttl = 3;
		put(2, 1, at(kinds[door].ip, udp_port(b)));
		out.packets[0].via.local =
			at(kinds[door].ip, 0); /* with a pinned address beside it */
		assert_int_equal(udp_send(a, &out), 0);
		for (int i = 0; i < 2; i++) {
			union {
				struct cmsghdr align;
				char bytes[256];
			} control;
			char byte;
			struct iovec part = {&byte, 1};
			struct msghdr m = {.msg_iov = &part,
					   .msg_iovlen = 1,
					   .msg_control = &control,
					   .msg_controllen = 256};
			int ttl = -1;
			assert_int_equal(recvmsg(fd, &m, 0), 1);
			for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL;
			     c = CMSG_NXTHDR(&m, c))
				if (c->cmsg_level == kinds[door].level &&
				    c->cmsg_type == kinds[door].type)
					memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
			if (i == 0)
				assert_int_equal(ttl, 3);
			else
				assert_in_range(ttl, 32, 255);
		}
	}
}

TEST(sending_to_a_closed_port_disturbs_nothing)
{
	uint16_t closed = udp_port(b);

	udp_close(b);
	b = NULL;
	for (int round = 0; round < 100; round++) {
		out.count = 0;
		for (uint8_t i = 0; i < 10; i++)
			put(i, 1, at("127.0.0.1", closed));
		udp_send(a, &out);
		udp_recv(a, UDP_DOOR_V4, &in);
		assert_int_equal(in.count, 0);
	}
	assert_int_equal(udp_stats(a)->tx_packets + udp_stats(a)->send_failed, 1000);
	assert_int_equal(host.pauses, 0);
	assert_int_equal(udp_open(&b, 0, 0, &env.log), 0);
	out.count = 0;
	put(1, 1, at("127.0.0.1", udp_port(a)));
	assert_int_equal(udp_send(b, &out), 0);
	assert_int_equal(recv_at(a, UDP_DOOR_V4), 1);
}

/* A receive error that stays would be a loop that spins: nearly each failure costs a pause. */
TEST(vuln_48_no_receive_error_stops_or_spins)
{
	for (int err = 1; err < 134; err++) {
		if (err == EAGAIN)
			continue;
		host.recv_err = err;
		host.pauses = 0;
		for (int i = 0; i < 10000; i++)
			assert_int_equal(udp_recv(b, UDP_DOOR_V4, &in), 0);
		assert_in_range(host.pauses, 9900, 10000);
		host.recv_err = 0;
		out.count = 0;
		put(1, 1, at("127.0.0.1", udp_port(b)));
		assert_int_equal(udp_send(a, &out), 0);
		assert_int_equal(recv_at(b, UDP_DOOR_V4), 1);
	}
	assert_in_range(env.lines, 100, 133);
}

TEST(an_error_now_and_then_costs_no_pause)
{
	for (int i = 0; i < 1000; i++) {
		host.recv_err = i % 4 ? ECONNREFUSED : EAGAIN;
		assert_int_equal(udp_recv(b, UDP_DOOR_V4, &in), 0);
	}
	assert_int_equal(host.pauses, 0);
}

TEST(vuln_48_no_send_error_stops_or_spins)
{
	for (int err = 1; err < 134; err++) {
		out.count = 0;
		for (uint8_t i = 0; i < 10; i++)
			put(i, 1, at("127.0.0.1", udp_port(b)))->via.local = at("127.0.0.1", 0);
		for (int i = 0; i < 9; i++)
			host.send_err[i] = err;
		uint64_t calls = udp_stats(a)->tx_calls;
		assert_int_equal(udp_send(a, &out),
				 err == EAGAIN || err == ENOBUFS || err == ENOMEM ? 10 : 9);
		assert_in_range(udp_stats(a)->tx_calls - calls, 1, 20);
	}
}

TEST(both_doors_have_one_port_and_it_can_be_asked_for)
{
	struct udp *taken = NULL, *again;
	uint16_t port = udp_port(b);

	assert_true(port != 0);
	assert_int_equal(udp_open(&taken, port, 0, &env.log), -EADDRINUSE);
	assert_null(taken);
	udp_close(b);
	assert_int_equal(udp_open(&again, port, 0, &env.log), 0);
	assert_int_equal(udp_port(again), port);
	for (unsigned door = 0; door < UDP_DOORS; door++) {
		struct sockaddr_storage name;
		socklen_t len = sizeof name;
		struct addr bound;
		if (udp_fd(again, door) < 0)
			continue;
		assert_int_equal(getsockname(udp_fd(again, door), (struct sockaddr *)&name, &len),
				 0);
		assert_true(addr_from_sockaddr(&bound, (struct sockaddr *)&name, len));
		assert_int_equal(bound.port, port);
	}
	b = again;
}

TEST(a_port_taken_in_one_family_is_taken)
{
	struct udp *u = NULL;
	uint16_t port = udp_port(b);

	if (!has_v6())
		return;
	udp_close(b);
	host.v6_port_taken = 1;
	assert_int_equal(udp_open(&u, port, 0, &env.log), -EADDRINUSE);
	assert_int_equal(udp_open(&b, port, 0, &env.log), 0); /* nothing was left open */
	host.v6_port_taken = 3;
	assert_int_equal(udp_open(&u, 0, 0, &env.log), 0); /* any port will do: another is tried */
	assert_int_equal(host.v6_port_taken, 0);
	udp_close(u);
	host.v6_port_taken = 1000000;
	assert_int_equal(udp_open(&u, 0, 0, &env.log), -EADDRINUSE);
}

TEST(a_family_the_host_lacks_is_left_out)
{
	struct udp *u = NULL;

	host.family_missing[0] = AF_INET6;
	assert_int_equal(udp_open(&u, 0, 0, &env.log), 0);
	assert_int_equal(udp_fd(u, UDP_DOOR_V6), -1);
	put(1, 1, at("2001:db8::1", 1));
	put(2, 1, at("127.0.0.1", udp_port(b)));
	assert_int_equal(udp_send(u, &out), 1);
	assert_int_equal(udp_stats(u)->send_failed, 1);
	assert_non_null(strstr(env.last_line, "2001:db8::1"));
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 1);
	if (geteuid() == 0)
		assert_int_equal(udp_set_fwmark(u, 51820), 0);
	udp_close(u);

	host.family_missing[1] = AF_INET;
	u = NULL;
	assert_int_equal(udp_open(&u, 0, 0, &env.log), -EAFNOSUPPORT);
	assert_null(u);
	udp_close(NULL);
}

static int option(unsigned door, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;

	assert_int_equal(getsockopt(udp_fd(a, door), level, name, &value, &len), 0);
	return value;
}

TEST(large_datagrams_may_be_fragmented)
{
	assert_int_equal(option(UDP_DOOR_V4, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DONT);
	if (udp_fd(a, UDP_DOOR_V6) >= 0)
		assert_int_equal(option(UDP_DOOR_V6, IPPROTO_IPV6, IPV6_MTU_DISCOVER),
				 IPV6_PMTUDISC_DONT);
}

TEST(a_mark_reaches_every_door_at_once)
{
	if (udp_set_fwmark(a, 51820) == -EPERM) {
		struct udp *u = NULL;
		printf("# SKIP: marks need CAP_NET_ADMIN\n");
		assert_int_equal(udp_open(&u, 0, 51820, &env.log), -EPERM);
		return;
	}
	for (unsigned door = 0; door < UDP_DOORS; door++)
		if (udp_fd(a, door) >= 0)
			assert_int_equal(option(door, SOL_SOCKET, SO_MARK), 51820);
	assert_int_equal(udp_set_fwmark(a, 0), 0);
	assert_int_equal(option(UDP_DOOR_V4, SOL_SOCKET, SO_MARK), 0);
	udp_close(a);
	assert_int_equal(udp_open(&a, 0, 0xffffffff, &env.log), 0);
	assert_int_equal(option(UDP_DOOR_V4, SOL_SOCKET, SO_MARK), -1);
}

#define RUN_WITH_DOORS(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_DOORS(answers_from_the_ipv4_address_that_was_spoken_to),
		RUN_WITH_DOORS(answers_from_the_ipv6_address_that_was_spoken_to),
		RUN_WITH_DOORS(a_batch_keeps_its_order_and_its_bytes),
		RUN_WITH_DOORS(mixed_families_leave_by_their_doors_in_two_calls),
		RUN_WITH_DOORS(headers_are_whole_again_after_each_batch),
		RUN_WITH_DOORS(headers_serve_both_doors_in_turn),
		RUN_WITH_DOORS(carries_empty_and_longest_datagrams),
		RUN_WITH_DOORS(a_truncated_datagram_is_counted_and_dropped),
		RUN_WITH_DOORS(a_refused_datagram_does_not_hold_up_the_others),
		RUN_WITH_DOORS(a_full_buffer_ends_the_batch_without_spinning),
		RUN_WITH_DOORS(each_kind_of_failure_is_told_once),
		RUN_WITH_DOORS(f58_each_error_of_the_host_costs_no_more_than_it_must),
		RUN_WITH_DOORS(f58_each_error_of_the_host_is_told_once_with_what_to_do),
		RUN_WITH_DOORS(a_local_ipv4_address_that_is_gone_is_left_to_the_host),
		RUN_WITH_DOORS(a_local_ipv6_address_that_is_gone_is_left_to_the_host),
		RUN_WITH_DOORS(another_way_keeps_its_local_address),
		RUN_WITH_DOORS(a_ttl_applies_to_its_packet_alone),
		RUN_WITH_DOORS(sending_to_a_closed_port_disturbs_nothing),
		RUN_WITH_DOORS(vuln_48_no_receive_error_stops_or_spins),
		RUN_WITH_DOORS(an_error_now_and_then_costs_no_pause),
		RUN_WITH_DOORS(vuln_48_no_send_error_stops_or_spins),
		RUN_WITH_DOORS(both_doors_have_one_port_and_it_can_be_asked_for),
		RUN_WITH_DOORS(a_port_taken_in_one_family_is_taken),
		RUN_WITH_DOORS(a_family_the_host_lacks_is_left_out),
		RUN_WITH_DOORS(large_datagrams_may_be_fragmented),
		RUN_WITH_DOORS(a_mark_reaches_every_door_at_once),
	};

	return RUN_TESTS(tests);
}
