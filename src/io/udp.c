/* Doors: two UDP sockets on one port, and fresh ones beside them, read and written by batches. dataplane.md, section 3, "UDP
 * socket". Nothing that the host says about one datagram stops the program: the datagram is
 * counted and lost, as networks lose them. */
#include "config.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/udp_impl.h"

#define SOCKET_BUFFER  (4 << 20) /* bytes; the host's default of 208 KiB is three super-packets */
#define PORT_TRIES     64        /* for one that is free in both families */
#define COMPLAIN_EVERY SEC(60)

static const int families[] = {[UDP_DOOR_V4] = AF_INET, [UDP_DOOR_V6] = AF_INET6};

struct option {
	int level, name, value;
};

/* Path MTU: like the kernel's WireGuard, never a DF bit, so that datagrams larger than a link
 * get through in fragments. A path MTU search of our own would turn this into PROBE. */
static const struct option options[][3] = {
	[UDP_DOOR_V4] = {{IPPROTO_IP, IP_PKTINFO, 1},
			 {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT}},
	[UDP_DOOR_V6] = {{IPPROTO_IPV6, IPV6_V6ONLY, 1},
			 {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
			 {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT}},
};

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* Beyond the host's limit where we may, else up to it. Less than asked for is no error. */
static void set_buffers(int fd)
{
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) < 0)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) < 0)
		set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

static int bind_any(int fd, unsigned door, uint16_t port)
{
	struct addr any = {.family = door % 2 == UDP_DOOR_V4 ? ADDR_V4 : ADDR_V6, .port = port};
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&any, &name);

	return bind(fd, (struct sockaddr *)&name, len) < 0 ? -errno : 0;
}

static int bound_port(int fd, uint16_t *port)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	struct addr bound;

	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return -errno;
	if (!addr_from_sockaddr(&bound, (struct sockaddr *)&name, len))
		return -EAFNOSUPPORT;
	*port = bound.port;
	return 0;
}

/* A new socket, bound; in *port the port it got. The descriptor or -errno. */
static int door_open(unsigned door, uint16_t *port, uint32_t fwmark)
{
	int fd = socket(families[door % 2], SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	int err = 0;

	if (fd < 0)
		return -errno;
	for (const struct option *o = options[door % 2];
	     o < options[door % 2] + 3 && o->name != 0 && err == 0; o++)
		err = set_option(fd, o->level, o->name, o->value);
	if (err == 0 && fwmark != 0)
		err = set_option(fd, SOL_SOCKET, SO_MARK, (int)fwmark);
	if (err == 0)
		err = bind_any(fd, door, *port);
	if (err == 0)
		err = bound_port(fd, port);
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}

/* For the doors that carry the tunnel. */
static void door_widen(int fd)
{
	set_buffers(fd);
	set_option(fd, SOL_UDP, UDP_GRO, 1); /* else one datagram is one message */
}

/* Linux 4.18 or newer. */
static bool can_cut(int fd)
{
	int value;
	socklen_t len = sizeof value;

	return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &len) == 0;
}

static void doors_close(struct udp *u)
{
	for (unsigned door = 0; door < UDP_DOORS_MAX; door++) {
		if (u->doors[door].fd >= 0)
			close(u->doors[door].fd);
		u->doors[door] = (struct door){.fd = -1};
	}
}

static int doors_open(struct udp *u, uint16_t port)
{
	int err = -EAFNOSUPPORT;

	for (unsigned door = 0; door < UDP_DOORS; door++) {
		int fd = door_open(door, &port, u->fwmark);
		if (fd == -EAFNOSUPPORT)
			continue;
		if (fd < 0) {
			doors_close(u);
			return fd;
		}
		door_widen(fd);
		u->doors[door] = (struct door){.fd = fd, .port = port, .cuts = can_cut(fd)};
		err = 0;
	}
	return err;
}

int udp_open(struct udp **out, uint16_t port, uint32_t fwmark, const struct log *log)
{
	struct udp *u = calloc(1, sizeof *u);
	int err;

	if (u == NULL)
		return -ENOMEM;
	u->log = log;
	u->fwmark = fwmark;
	for (unsigned door = 0; door < UDP_DOORS_MAX; door++)
		u->doors[door].fd = -1;
	err = udp_recv_init(u);
	if (err < 0)
		goto no_memory;
	for (unsigned tries = port != 0 ? 1 : PORT_TRIES; tries > 0; tries--) {
		err = doors_open(u, port);
		if (err != -EADDRINUSE)
			break;
	}
	if (err < 0)
		goto no_doors;

	*out = u;
	return 0;

no_doors:
	udp_recv_free(u);
no_memory:
	free(u);
	return err;
}

void udp_close(struct udp *u)
{
	if (u == NULL)
		return;
	doors_close(u);
	udp_recv_free(u);
	free(u);
}

uint16_t udp_port(const struct udp *u)
{
	const struct door *d = u->doors;

	return d[UDP_DOOR_V4].fd >= 0 ? d[UDP_DOOR_V4].port : d[UDP_DOOR_V6].port;
}

int udp_open_door(struct udp *u, unsigned door)
{
	uint16_t port = 0;

	assert(door >= UDP_DOORS && door < UDP_DOORS_MAX && u->doors[door].fd < 0);
	int fd = door_open(door, &port, u->fwmark);
	if (fd < 0)
		return fd;
	u->doors[door] = (struct door){.fd = fd, .port = port};
	return 0;
}

void udp_close_door(struct udp *u, unsigned door)
{
	assert(door >= UDP_DOORS && door < UDP_DOORS_MAX);
	if (u->doors[door].fd >= 0)
		close(u->doors[door].fd);
	u->doors[door] = (struct door){.fd = -1};
}

int udp_fd(const struct udp *u, unsigned door)
{
	assert(door < UDP_DOORS_MAX);
	return u->doors[door].fd;
}

int udp_set_fwmark(struct udp *u, uint32_t fwmark)
{
	u->fwmark = fwmark;
	for (unsigned door = 0; door < UDP_DOORS_MAX; door++) {
		if (u->doors[door].fd < 0)
			continue;
		int err = set_option(u->doors[door].fd, SOL_SOCKET, SO_MARK, (int)fwmark);
		if (err < 0)
			return err;
	}
	return 0;
}

const struct udp_stats *udp_stats(const struct udp *u)
{
	return &u->stats;
}

bool udp_may_complain(struct udp *u, int err)
{
	struct timespec t;
	usec *quiet_until = &u->quiet_until[(unsigned)err % COMPLAIN_CLASSES];

	clock_gettime(CLOCK_BOOTTIME, &t);
	usec now = SEC(t.tv_sec) + t.tv_nsec / 1000;
	if (now < *quiet_until)
		return false;
	*quiet_until = now + COMPLAIN_EVERY;
	return true;
}
