/* Doors as on a host that sends each datagram by itself; test_udp_cut.c has those that do not. */
#include "unit/io/doors.h"

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
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		if (i % 64 == 0)
			assert_int_equal(recv_at(b, UDP_DOOR_V4), 64);
		assert_int_equal(in.packets[i % 64].len, 1);
		assert_int_equal(in.packets[i % 64].data[0], i % 256);
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

static struct packet *put_by(uint8_t tag, unsigned door, struct addr remote)
{
	struct packet *p = put(tag, 1, remote);

	p->via.door = (uint16_t)door;
	return p;
}

TEST(a_fresh_door_has_a_port_of_its_own)
{
	struct addr there = at("127.0.0.1", udp_port(b)), from;

	assert_int_equal(udp_fd(a, 2), -1);
	assert_int_equal(udp_open_door(a, 2), 0);
	assert_true(udp_fd(a, 2) >= 0 && udp_fd(a, 2) != udp_fd(a, UDP_DOOR_V4));
	put_by(1, 2, there);
	put_by(2, UDP_DOOR_V4, there);
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 2); /* in the order of the doors */
	assert_int_equal(in.packets[0].via.remote.port, udp_port(a));
	from = in.packets[1].via.remote;
	assert_true(from.port != 0 && from.port != udp_port(a));

	/* What comes to it says so, and names the port it came to. */
	out.count = 0;
	put(3, 1, from);
	assert_int_equal(udp_send(b, &out), 0);
	assert_int_equal(recv_at(a, 2), 1);
	assert_int_equal(in.packets[0].data[0], 3);
	assert_int_equal(in.packets[0].via.door, 2);
	assert_true(addr_equal(&in.packets[0].via.remote, &there));
	assert_true(addr_equal(&in.packets[0].via.local, &from));
	assert_int_equal(udp_recv(a, UDP_DOOR_V4, &in), 0);
}

TEST(fresh_doors_are_ipv6_by_their_number)
{
	if (!has_v6())
		return;
	assert_int_equal(udp_open_door(a, UDP_DOORS_MAX - 1), 0);
	put_by(1, UDP_DOORS_MAX - 1, at("::1", udp_port(b)))->ttl = 7;
	assert_int_equal(udp_send(a, &out), 0);
	assert_int_equal(recv_at(b, UDP_DOOR_V6), 1);
	assert_true(in.packets[0].via.remote.port != udp_port(a));
}

TEST(what_leaves_by_a_fresh_door_that_is_not_open_is_lost)
{
	struct addr there = at("127.0.0.1", udp_port(b));

	put_by(1, 4, there);
	put_by(2, UDP_DOOR_V4, there);
	assert_int_equal(udp_send(a, &out), 1);
	assert_int_equal(recv_at(b, UDP_DOOR_V4), 1);
	assert_int_equal(in.packets[0].data[0], 2);
	assert_int_equal(udp_stats(a)->send_failed, 1);
	assert_string_equal(env.last_line, ""); /* who asked for the door was told */
}

TEST(a_fresh_door_comes_and_goes_alone)
{
	udp_close_door(a, 2);
	assert_int_equal(udp_open_door(a, 2), 0);
	assert_int_equal(udp_open_door(a, 4), 0);
	int main = udp_fd(a, UDP_DOOR_V4), other = udp_fd(a, 4);
	udp_close_door(a, 2);
	assert_int_equal(udp_fd(a, 2), -1);
	assert_int_equal(udp_fd(a, UDP_DOOR_V4), main);
	assert_int_equal(udp_fd(a, 4), other);
	assert_int_equal(udp_open_door(a, 2), 0);

	host.family_missing[0] = AF_INET;
	udp_close_door(a, 2);
	assert_int_equal(udp_open_door(a, 2), -EAFNOSUPPORT);
	assert_int_equal(udp_fd(a, 2), -1);
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
	assert_int_equal(udp_open_door(a, 2), 0);
	if (udp_set_fwmark(a, 51820) == -EPERM) {
		struct udp *u = NULL;
		printf("# SKIP: marks need CAP_NET_ADMIN\n");
		assert_int_equal(udp_open(&u, 0, 51820, &env.log), -EPERM);
		return;
	}
	assert_int_equal(udp_open_door(a, 4), 0); /* comes with the mark */
	for (unsigned door = 0; door < UDP_DOORS_MAX; door++)
		if (udp_fd(a, door) >= 0)
			assert_int_equal(option(door, SOL_SOCKET, SO_MARK), 51820);
	assert_int_equal(udp_set_fwmark(a, 0), 0);
	assert_int_equal(option(UDP_DOOR_V4, SOL_SOCKET, SO_MARK), 0);
	assert_int_equal(option(2, SOL_SOCKET, SO_MARK), 0);
	udp_close(a);
	assert_int_equal(udp_open(&a, 0, 0xffffffff, &env.log), 0);
	assert_int_equal(option(UDP_DOOR_V4, SOL_SOCKET, SO_MARK), -1);
}

#define RUN_APART(name) cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, &host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_APART(answers_from_the_ipv4_address_that_was_spoken_to),
		RUN_APART(answers_from_the_ipv6_address_that_was_spoken_to),
		RUN_APART(a_batch_keeps_its_order_and_its_bytes),
		RUN_APART(mixed_families_leave_by_their_doors_in_two_calls),
		RUN_APART(headers_are_whole_again_after_each_batch),
		RUN_APART(headers_serve_both_doors_in_turn),
		RUN_APART(carries_empty_and_longest_datagrams),
		RUN_APART(a_truncated_datagram_is_counted_and_dropped),
		RUN_APART(a_refused_datagram_does_not_hold_up_the_others),
		RUN_APART(a_full_buffer_ends_the_batch_without_spinning),
		RUN_APART(each_kind_of_failure_is_told_once),
		RUN_APART(f58_each_error_of_the_host_costs_no_more_than_it_must),
		RUN_APART(f58_each_error_of_the_host_is_told_once_with_what_to_do),
		RUN_APART(a_local_ipv4_address_that_is_gone_is_left_to_the_host),
		RUN_APART(a_local_ipv6_address_that_is_gone_is_left_to_the_host),
		RUN_APART(another_way_keeps_its_local_address),
		RUN_APART(a_ttl_applies_to_its_packet_alone),
		RUN_APART(sending_to_a_closed_port_disturbs_nothing),
		RUN_APART(vuln_48_no_receive_error_stops_or_spins),
		RUN_APART(an_error_now_and_then_costs_no_pause),
		RUN_APART(vuln_48_no_send_error_stops_or_spins),
		RUN_APART(both_doors_have_one_port_and_it_can_be_asked_for),
		RUN_APART(a_port_taken_in_one_family_is_taken),
		RUN_APART(a_family_the_host_lacks_is_left_out),
		RUN_APART(a_fresh_door_has_a_port_of_its_own),
		RUN_APART(fresh_doors_are_ipv6_by_their_number),
		RUN_APART(what_leaves_by_a_fresh_door_that_is_not_open_is_lost),
		RUN_APART(a_fresh_door_comes_and_goes_alone),
		RUN_APART(large_datagrams_may_be_fragmented),
		RUN_APART(a_mark_reaches_every_door_at_once),
	};

	return RUN_TESTS(tests);
}
