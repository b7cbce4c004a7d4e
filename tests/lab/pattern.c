/* Known bytes through a tunnel, for the lab and the benchmark: iperf3 does not look at what it receives. Every datagram and every
 * byte of a stream follows from its number, so the receiver tells what is wrong, out of order, or missing. The last line of its
 * output is the sum; the exit status says whether all that came was sound and in order. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"

static const char usage[] =
	"usage: pattern receive udp ADDRESS PORT        one flow of datagrams\n"
	"       pattern send    udp ADDRESS PORT COUNT  at least COUNT of them\n"
	"       pattern receive tcp ADDRESS PORT        one stream\n"
	"       pattern send    tcp ADDRESS PORT BYTES\n";

#define UNIT_MAX     1352 /* payload of the longest datagram that is not in fragments: MTU 1400, IPv6 */
#define FRAGMENTED   5000
#define HEADER       12 /* group, place in it, length */
#define UNITS_MAX    64
#define MESSAGE_MAX  65000
#define WINDOW       16  /* groups on their way */
#define ACK_EVERY    4   /* groups */
#define SILENCE_MS   500 /* then what is on its way is lost */
#define END_MS       10000
#define LAST_GROUP   UINT32_MAX
#define STREAM_BLOCK 65536
#define STREAM_SEED  7

static void fail(const char *what)
{
	fprintf(stderr, "pattern: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Word n of the stream `seed`. */
static uint64_t word(uint64_t seed, uint64_t n)
{
	return mix(seed + (n + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* --- datagrams -------------------------------------------------------------------------------------------------- */

/* What is sent at once: datagrams of one length, the last of which may be shorter. */
struct group {
	uint32_t number;
	unsigned count;
	size_t len, last_len;
};

static struct group group_of(uint32_t number)
{
	uint64_t r = word(1, number);
	size_t len = HEADER + (size_t)number * 7 % (UNIT_MAX - HEADER + 1); /* all, by and by */
	unsigned most = (unsigned)(MESSAGE_MAX / len);

	if (r & 1) {
		bool in_fragments = (r >> 1 & 31) == 0;

		len = in_fragments ? UNIT_MAX + 1 + (r >> 8) % (FRAGMENTED - UNIT_MAX) : len;
		return (struct group){number, 1, len, len};
	}
	most = most < UNITS_MAX ? most : UNITS_MAX;
	return (struct group){number, 1 + (unsigned)((r >> 8) % most), len,
			      HEADER + (r >> 16) % (len - HEADER + 1)};
}

static size_t unit_len(const struct group *g, unsigned place)
{
	return place + 1 == g->count ? g->last_len : g->len;
}

static void write_unit(uint8_t *to, const struct group *g, unsigned place)
{
	size_t len = unit_len(g, place);
	uint64_t seed = word(2, (uint64_t)g->number << 16 | place), w = 0;

	store_be32(to, g->number);
	store_be32(to + 4, place);
	store_be32(to + 8, (uint32_t)len);
	for (size_t i = HEADER; i < len; i++, w >>= 8) {
		if ((i - HEADER) % 8 == 0)
			w = word(seed, i);
		to[i] = (uint8_t)w;
	}
}

struct sum {
	uint64_t received, bytes, wrong, disordered, lost;
};

/* Where the receiver is: the unit that it expects. */
struct place {
	uint32_t group;
	unsigned unit;
};

static struct place after(struct place p)
{
	struct group g = group_of(p.group);

	return p.unit + 1 < g.count ? (struct place){p.group, p.unit + 1}
				    : (struct place){p.group + 1, 0};
}

static bool is_before(struct place a, struct place b)
{
	return a.group < b.group || (a.group == b.group && a.unit < b.unit);
}

static void take_unit(const uint8_t *data, size_t len, struct place *expected, struct sum *sum)
{
	static uint8_t right[FRAGMENTED + 1];
	struct place is = {load_be32(data), load_be32(data + 4)};
	struct group g = group_of(is.group);

	sum->received++;
	sum->bytes += len;
	if (len < HEADER || is.unit >= g.count || len != unit_len(&g, is.unit)) {
		sum->wrong++;
		return;
	}
	write_unit(right, &g, is.unit);
	if (memcmp(data, right, len) != 0) {
		sum->wrong++;
		return;
	}
	if (is_before(is, *expected)) {
		sum->disordered++;
		return;
	}
	for (; is_before(*expected, is); *expected = after(*expected))
		sum->lost++;
	*expected = after(is);
}

static bool readable(int fd, int timeout)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout) > 0;
}

static void acknowledge(int fd, uint32_t group, const struct sockaddr_storage *to, socklen_t len)
{
	uint8_t ack[4];

	store_be32(ack, group);
	if (sendto(fd, ack, sizeof ack, 0, (const struct sockaddr *)to, len) < 0)
		fail("cannot answer");
}

static struct sum receive_udp(int fd)
{
	uint8_t data[FRAGMENTED + 1] = {0};
	struct sockaddr_storage from;
	struct place expected = {0, 0};
	struct sum sum = {0};
	uint32_t told = 0;

	for (;;) {
		socklen_t from_len = sizeof from;

		if (!readable(fd, END_MS))
			break;
		ssize_t got =
			recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &from_len);
		if (got < 0)
			fail("cannot receive");
		if (got == HEADER && load_be32(data) == LAST_GROUP) {
			/* It says how many groups there were. */
			for (; expected.group < load_be32(data + 4); expected = after(expected))
				sum.lost++;
			acknowledge(fd, LAST_GROUP, &from, from_len);
			return sum;
		}
		take_unit(data, (size_t)got, &expected, &sum);
		if (expected.group >= told + ACK_EVERY)
			acknowledge(fd, told = expected.group, &from, from_len);
	}
	fprintf(stderr, "pattern: the end never came\n");
	sum.lost++;
	return sum;
}

static void send_group(int fd, const struct group *g)
{
	static uint8_t data[MESSAGE_MAX + UNIT_MAX];
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = data};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	uint16_t len = (uint16_t)g->len;

	for (unsigned i = 0; i < g->count; i++) {
		write_unit(data + iov.iov_len, g, i);
		iov.iov_len += unit_len(g, i);
	}
	if (g->count > 1) {
		control.align = (struct cmsghdr){.cmsg_level = SOL_UDP,
						 .cmsg_type = UDP_SEGMENT,
						 .cmsg_len = CMSG_LEN(sizeof len)};
		memcpy(CMSG_DATA(&control.align), &len, sizeof len);
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
	}
	if (sendmsg(fd, &m, 0) < 0)
		fail("cannot send");
}

/* The number of the first group that was not acknowledged. */
static uint32_t heard(int fd, uint32_t acked, int timeout)
{
	uint8_t ack[4];

	while (readable(fd, timeout)) {
		if (recv(fd, ack, sizeof ack, 0) != sizeof ack)
			fail("cannot hear the receiver");
		if (load_be32(ack) > acked)
			acked = load_be32(ack);
		timeout = 0;
	}
	return acked;
}

static void send_udp(int fd, uint64_t count)
{
	uint32_t number = 0, acked = 0;
	uint8_t end[HEADER] = {0};

	for (uint64_t sent = 0; sent < count; number++) {
		struct group g = group_of(number);

		while (number >= acked + WINDOW) {
			uint32_t now = heard(fd, acked, SILENCE_MS);

			acked = now != acked ? now : number;
		}
		send_group(fd, &g);
		sent += g.count;
	}
	store_be32(end, LAST_GROUP);
	store_be32(end + 4, number);
	for (int i = 0; i < 20 && acked != LAST_GROUP; i++) {
		if (send(fd, end, sizeof end, 0) < 0)
			fail("cannot send");
		acked = heard(fd, acked, SILENCE_MS);
		while (acked != LAST_GROUP && readable(fd, SILENCE_MS))
			acked = heard(fd, acked, 0);
	}
}

/* --- streams ---------------------------------------------------------------------------------------------------- */

static uint8_t stream_byte(uint64_t at)
{
	return (uint8_t)(word(STREAM_SEED, at / 8) >> at % 8 * 8);
}

static struct sum receive_tcp(int listener)
{
	static uint8_t data[STREAM_BLOCK];
	struct sum sum = {0};
	int fd = accept(listener, NULL, NULL);
	ssize_t got;

	if (fd < 0)
		fail("cannot accept");
	while ((got = recv(fd, data, sizeof data, 0)) > 0) {
		for (size_t i = 0; i < (size_t)got; i++)
			sum.wrong += data[i] != stream_byte(sum.bytes + i);
		sum.bytes += (uint64_t)got;
		sum.received++;
	}
	if (got < 0)
		fail("cannot receive");
	close(fd);
	return sum;
}

/* In writes of every length, so that segments are of many, with PSH and without. */
static void send_tcp(int fd, uint64_t count)
{
	static uint8_t data[STREAM_BLOCK];
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	for (uint64_t sent = 0, n = 0; sent < count; n++) {
		uint64_t r = word(3, n), len = 1 + r % (n % 4 == 0 ? 3000 : sizeof data);

		len = len < count - sent ? len : count - sent;
		for (uint64_t i = 0; i < len; i++)
			data[i] = stream_byte(sent + i);
		for (uint64_t i = 0; i < len;) {
			ssize_t put = send(fd, data + i, len - i, 0);

			if (put < 0)
				fail("cannot send");
			i += (uint64_t)put;
		}
		sent += len;
	}
}

/* --- both ------------------------------------------------------------------------------------------------------- */

/* Bound, for a receiver, or connected. */
static int open_socket(bool receives, bool udp, const char *address, const char *port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM},
			*at;
	int size = udp ? 16 << 20 : 256 << 10, on = 1;

	if (getaddrinfo(address, port, &hints, &at) != 0)
		fail(address);
	int fd = socket(at->ai_family, at->ai_socktype, 0);
	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, udp ? SO_RCVBUFFORCE : SO_SNDBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (receives ? bind(fd, at->ai_addr, at->ai_addrlen) < 0 || (!udp && listen(fd, 1) < 0)
		     : connect(fd, at->ai_addr, at->ai_addrlen) < 0)
		fail(address);
	freeaddrinfo(at);
	return fd;
}

int main(int argc, char **argv)
{
	bool receives = argc == 5 && strcmp(argv[1], "receive") == 0;
	bool sends = argc == 6 && strcmp(argv[1], "send") == 0;
	bool udp = argc > 2 && strcmp(argv[2], "udp") == 0;

	if ((!receives && !sends) || (!udp && strcmp(argv[2], "tcp") != 0)) {
		fputs(usage, stderr);
		return 2;
	}
	int fd = open_socket(receives, udp, argv[3], argv[4]);
	if (sends) {
		uint64_t count = strtoull(argv[5], NULL, 10);

		if (udp)
			send_udp(fd, count);
		else
			send_tcp(fd, count);
		close(fd);
		return 0;
	}
	struct sum s = udp ? receive_udp(fd) : receive_tcp(fd);
	printf("received %llu bytes %llu wrong %llu disordered %llu lost %llu\n",
	       (unsigned long long)s.received, (unsigned long long)s.bytes,
	       (unsigned long long)s.wrong, (unsigned long long)s.disordered,
	       (unsigned long long)s.lost);
	return s.wrong + s.disordered == 0 ? 0 : 1;
}
