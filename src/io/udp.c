/* Doors: two UDP sockets on one port, read and written by batches. dataplane.md, section 3, "UDP
 * socket". Nothing that the host says about one datagram stops the program: the datagram is
 * counted and lost, as networks lose them. */
#include "config.h"

#include "io/udp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/defence.h"

#define SOCKET_BUFFER    (4 << 20) /* bytes; the host's default of 208 KiB is three super-packets */
#define PORT_TRIES       64        /* for one that is free in both families */
#define RECV_PATIENCE    16        /* failures in a row before a pause */
#define RECV_PAUSE       MSEC(1)
#define COMPLAIN_EVERY   SEC(60)
#define COMPLAIN_CLASSES 256 /* errno values told apart */

/* In this order, and each only when there: hop limit, our own address. */
union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* What recvmmsg and sendmmsg want, message by message. (A message is one datagram; with
 * segmentation it will be several.) */
struct messages {
	struct mmsghdr headers[BATCH_MAX];
	struct iovec parts[BATCH_MAX];
	struct sockaddr_storage names[BATCH_MAX];
	union control controls[BATCH_MAX];
};

struct door {
	int fd; /* -1: the host lacks this family */
	unsigned recv_failures;
};

struct udp {
	struct door doors[UDP_DOORS];
	uint16_t port;
	const struct log *log;
	struct udp_stats stats;
	struct slab slab;
	struct messages rx, tx;
	const struct packet *tx_packets[BATCH_MAX]; /* of each message */
	usec quiet_until[COMPLAIN_CLASSES];
};

static const int families[UDP_DOORS] = {[UDP_DOOR_V4] = AF_INET, [UDP_DOOR_V6] = AF_INET6};

struct option {
	int level, name, value;
};

/* Path MTU: like the kernel's WireGuard, never a DF bit, so that datagrams larger than a link
 * get through in fragments. A path MTU search of our own would turn this into PROBE. */
static const struct option options[UDP_DOORS][3] = {
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
	struct addr any = {.family = door == UDP_DOOR_V4 ? ADDR_V4 : ADDR_V6, .port = port};
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
	int fd = socket(families[door], SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	int err = 0;

	if (fd < 0)
		return -errno;
	for (const struct option *o = options[door];
	     o < options[door] + 3 && o->name != 0 && err == 0; o++)
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
	set_buffers(fd);
	return fd;
}

static void doors_close(struct udp *u)
{
	for (unsigned door = 0; door < UDP_DOORS; door++) {
		if (u->doors[door].fd >= 0)
			close(u->doors[door].fd);
		u->doors[door] = (struct door){.fd = -1};
	}
}

static int doors_open(struct udp *u, uint16_t port, uint32_t fwmark)
{
	int err = -EAFNOSUPPORT;

	for (unsigned door = 0; door < UDP_DOORS; door++) {
		int fd = door_open(door, &port, fwmark);
		if (fd == -EAFNOSUPPORT)
			continue;
		if (fd < 0) {
			doors_close(u);
			return fd;
		}
		u->doors[door].fd = fd;
		err = 0;
	}
	u->port = port;
	return err;
}

/* The headers of received messages, wired to their memory once; udp_recv puts back what the
 * kernel overwrites. */
static void rx_init(struct udp *u)
{
	for (size_t i = 0; i < BATCH_MAX; i++) {
		u->rx.parts[i] = (struct iovec){slab_data(&u->slab, i), PACKET_DATA};
		u->rx.headers[i].msg_hdr = (struct msghdr){
			.msg_name = &u->rx.names[i],
			.msg_namelen = sizeof u->rx.names[i],
			.msg_iov = &u->rx.parts[i],
			.msg_iovlen = 1,
			.msg_control = &u->rx.controls[i],
			.msg_controllen = sizeof u->rx.controls[i],
		};
	}
}

int udp_open(struct udp **out, uint16_t port, uint32_t fwmark, const struct log *log)
{
	struct udp *u = calloc(1, sizeof *u);
	int err;

	if (u == NULL)
		return -ENOMEM;
	u->log = log;
	for (unsigned door = 0; door < UDP_DOORS; door++)
		u->doors[door].fd = -1;
	err = slab_init(&u->slab, BATCH_MAX);
	if (err < 0)
		goto no_slab;
	for (unsigned tries = port != 0 ? 1 : PORT_TRIES; tries > 0; tries--) {
		err = doors_open(u, port, fwmark);
		if (err != -EADDRINUSE)
			break;
	}
	if (err < 0)
		goto no_doors;

	rx_init(u);
	*out = u;
	return 0;

no_doors:
	slab_free(&u->slab);
no_slab:
	free(u);
	return err;
}

void udp_close(struct udp *u)
{
	if (u == NULL)
		return;
	doors_close(u);
	slab_free(&u->slab);
	free(u);
}

uint16_t udp_port(const struct udp *u)
{
	return u->port;
}

int udp_fd(const struct udp *u, unsigned door)
{
	assert(door < UDP_DOORS);
	return u->doors[door].fd;
}

int udp_set_fwmark(struct udp *u, uint32_t fwmark)
{
	for (unsigned door = 0; door < UDP_DOORS; door++) {
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

/* Each kind of failure is told once a minute: a host without a route fails for every packet.
 * Counts tell the rest. */
static bool may_complain(struct udp *u, int err)
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

static bool control_is(const struct cmsghdr *c, int level, int type, size_t len)
{
	return c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len == CMSG_LEN(len);
}

/* Our address that a datagram came to; none when the kernel did not say. */
static struct addr local_of(struct msghdr *h, uint16_t port)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	uint8_t ip[4];

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (control_is(c, IPPROTO_IP, IP_PKTINFO, sizeof v4)) {
			memcpy(&v4, CMSG_DATA(c), sizeof v4);
			memcpy(ip, &v4.ipi_spec_dst, sizeof ip);
			return addr_v4(ip, port);
		}
		if (control_is(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof v6)) {
			memcpy(&v6, CMSG_DATA(c), sizeof v6);
			return addr_v6(v6.ipi6_addr.s6_addr, port, v6.ipi6_ifindex);
		}
	}
	return (struct addr){0};
}

/* Take message i into the batch, and wire its header anew. */
static void rx_take(struct udp *u, unsigned door, size_t i, struct batch *in)
{
	struct msghdr *h = &u->rx.headers[i].msg_hdr;
	struct packet *p = &in->packets[in->count];

	if (h->msg_flags & MSG_TRUNC) {
		u->stats.truncated++;
	} else {
		*p = (struct packet){
			.data = slab_data(&u->slab, i),
			.len = u->rx.headers[i].msg_len,
			.via = {.kind = VIA_DIRECT,
				.door = (uint16_t)door,
				.local = local_of(h, u->port)},
		};
		if (addr_from_sockaddr(&p->via.remote, h->msg_name, h->msg_namelen))
			in->count++;
	}
	h->msg_namelen = sizeof u->rx.names[i];
	h->msg_controllen = sizeof u->rx.controls[i];
}

/* An error of the socket does not stop it, and most are gone once told. One that stays would
 * make the loop spin, because the descriptor stays readable: then each failure costs a pause. */
static void recv_failed(struct udp *u, struct door *d, int err)
{
	static const struct timespec pause = {.tv_nsec = RECV_PAUSE * 1000};

	if (may_complain(u, err))
		log_warn(u->log, "cannot receive: %s", strerror(err));
	d->recv_failures++;
	if (DEFENCE(48, d->recv_failures > RECV_PATIENCE))
		nanosleep(&pause, NULL);
}

size_t udp_recv(struct udp *u, unsigned door, struct batch *in)
{
	assert(door < UDP_DOORS && u->doors[door].fd >= 0);
	struct door *d = &u->doors[door];

	in->count = 0;
	int count = recvmmsg(d->fd, u->rx.headers, BATCH_MAX, MSG_DONTWAIT, NULL);
	u->stats.rx_calls++;
	if (count < 0 && errno != EAGAIN) {
		recv_failed(u, d, errno);
		return 0;
	}

	d->recv_failures = 0;
	for (int i = 0; i < count; i++)
		rx_take(u, door, (size_t)i, in);
	u->stats.rx_packets += in->count;
	return in->count;
}

static size_t control_put(union control *c, size_t at, int level, int type, const void *data,
			  size_t len)
{
	struct cmsghdr *h = (struct cmsghdr *)(void *)(c->bytes + at);

	*h = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	memcpy(CMSG_DATA(h), data, len);
	return at + CMSG_SPACE(len);
}

static size_t control_put_ttl(union control *c, const struct packet *p)
{
	int ttl = p->ttl;

	if (p->via.door == UDP_DOOR_V4)
		return control_put(c, 0, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
	return control_put(c, 0, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof ttl);
}

static size_t control_put_local(union control *c, size_t at, const struct addr *local)
{
	if (local->family == ADDR_V4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, local->ip, sizeof info.ipi_spec_dst);
		return control_put(c, at, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	}
	struct in6_pktinfo info = {.ipi6_ifindex = local->scope};
	memcpy(&info.ipi6_addr, local->ip, sizeof info.ipi6_addr);
	return control_put(c, at, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

static size_t control_ttl_len(const struct packet *p)
{
	return p->ttl != 0 ? CMSG_SPACE(sizeof(int)) : 0;
}

static void tx_put(struct udp *u, size_t i, const struct packet *p)
{
	struct messages *tx = &u->tx;
	size_t control_len = 0;

	if (p->ttl != 0)
		control_len = control_put_ttl(&tx->controls[i], p);
	if (addr_is_set(&p->via.local))
		control_len = control_put_local(&tx->controls[i], control_len, &p->via.local);

	tx->parts[i] = (struct iovec){p->data, p->len};
	tx->headers[i].msg_hdr = (struct msghdr){
		.msg_name = &tx->names[i],
		.msg_namelen = addr_to_sockaddr(&p->via.remote, &tx->names[i]),
		.msg_iov = &tx->parts[i],
		.msg_iovlen = 1,
		.msg_control = control_len != 0 ? &tx->controls[i] : NULL,
		.msg_controllen = control_len,
	};
	u->tx_packets[i] = p;
}

/* What the kernel says when a datagram names an address of ours that is gone: ENETUNREACH for
 * IPv4 (EINVAL before Linux 5.5), EINVAL for IPv6, ENODEV when the interface of a link-local one
 * is. */
static bool blames_local(int err)
{
	return err == ENETUNREACH || err == EINVAL || err == EADDRNOTAVAIL || err == ENODEV;
}

/* Leave the choice of our address to the host, in message `at` and in all that follow on the
 * same way: the remote may be to blame as well. False when the message names no address. */
static bool tx_unpin(struct udp *u, size_t at, size_t count)
{
	const struct via *via = &u->tx_packets[at]->via;

	if (u->tx.headers[at].msg_hdr.msg_controllen == control_ttl_len(u->tx_packets[at]))
		return false;
	for (size_t i = at; i < count; i++) {
		const struct packet *p = u->tx_packets[i];
		if (addr_same_ip(&p->via.local, &via->local) &&
		    addr_equal(&p->via.remote, &via->remote))
			u->tx.headers[i].msg_hdr.msg_controllen = control_ttl_len(p);
	}
	return true;
}

/* A full queue stays full in this turn. */
static bool blames_queue(int err)
{
	return err == EAGAIN || err == ENOBUFS || err == ENOMEM;
}

/* What the network said about an earlier datagram (ICMP) is told to the next one, once. */
static bool blames_earlier(int err)
{
	return err == ECONNREFUSED || err == EINTR;
}

/* What the user can do about it; the rest mends itself, or strerror() says it. */
static const char *advice(int err)
{
	switch (err) {
	case EPERM:
		return "; does this host's firewall refuse it?";
	case EACCES:
		return "; is it a broadcast address, or does a route prohibit it?";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "; this host has no route there now";
	case EAFNOSUPPORT:
		return "; this host lacks that family";
	case EINVAL:
		return "; is that an address of a peer?";
	default:
		return "";
	}
}

static void send_failed(struct udp *u, const struct addr *remote, int err)
{
	char text[ADDR_TEXT_MAX];

	if (may_complain(u, err))
		log_warn(u->log, "cannot send to %s: %s%s", addr_print(remote, text), strerror(err),
			 advice(err));
}

/* Send `count` messages. Returns how many the host refused. */
static size_t door_send(struct udp *u, const struct door *d, size_t count)
{
	size_t at = 0, failed = 0, again = SIZE_MAX;

	while (at < count) {
		int sent =
			sendmmsg(d->fd, u->tx.headers + at, (unsigned)(count - at), MSG_DONTWAIT);
		u->stats.tx_calls++;
		if (sent > 0) {
			at += (size_t)sent;
			continue;
		}

		int err = errno;
		if (blames_local(err) && tx_unpin(u, at, count))
			continue;
		if (blames_earlier(err) && again != at) {
			again = at;
			continue;
		}
		send_failed(u, &u->tx_packets[at]->via.remote, err);
		size_t lost = blames_queue(err) ? count - at : 1;
		at += lost;
		failed += lost;
	}
	u->stats.tx_packets += count - failed;
	return failed;
}

size_t udp_send(struct udp *u, const struct batch *out)
{
	size_t failed = 0;

	assert(out->count <= BATCH_MAX);
	for (unsigned door = 0; door < UDP_DOORS; door++) {
		size_t count = 0;
		for (size_t i = 0; i < out->count; i++) {
			assert(out->packets[i].via.door < UDP_DOORS);
			if (out->packets[i].via.door == door)
				tx_put(u, count++, &out->packets[i]);
		}
		if (count > 0 && u->doors[door].fd < 0)
			send_failed(u, &u->tx_packets[0]->via.remote, EAFNOSUPPORT);
		failed += u->doors[door].fd >= 0 ? door_send(u, &u->doors[door], count) : count;
	}
	u->stats.send_failed += failed;
	return failed;
}
