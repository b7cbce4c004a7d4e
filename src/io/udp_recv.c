/* Doors: what comes in, by batches. dataplane.md, section 3, rules 15 and 16. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>

#include "base/defence.h"
#include "io/udp_impl.h"

#define RECV_PATIENCE 16 /* failures in a row before a pause */
#define RECV_PAUSE    MSEC(1)

/* The headers are wired to their memory once; rx_rewire() puts back what the kernel overwrites. */
int udp_recv_init(struct udp *u)
{
	struct udp_rx *rx = &u->rx;
	int err = slab_init(&rx->slab, RECV_SLOTS);

	if (err < 0)
		return err;
	for (size_t i = 0; i < RECV_SLOTS; i++) {
		rx->parts[i] = (struct iovec){slab_data(&rx->slab, i), PACKET_DATA};
		rx->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &rx->names[i],
			.msg_namelen = sizeof rx->names[i],
			.msg_iov = &rx->parts[i],
			.msg_iovlen = 1,
			.msg_control = &rx->controls[i],
			.msg_controllen = sizeof rx->controls[i],
		};
	}
	return 0;
}

void udp_recv_free(struct udp *u)
{
	slab_free(&u->rx.slab);
}

static void rx_rewire(struct udp_rx *rx, size_t i)
{
	rx->headers[i].msg_hdr.msg_namelen = sizeof rx->names[i];
	rx->headers[i].msg_hdr.msg_controllen = sizeof rx->controls[i];
}

static bool control_is(const struct cmsghdr *c, int level, int type, size_t len)
{
	return c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len == CMSG_LEN(len);
}

/* What the kernel says beside a message. */
struct beside {
	struct addr local; /* ours, that it came to; not set: unknown */
	size_t segment;    /* the length of each datagram but the last; 0: it is one */
};

static struct beside beside_of(struct msghdr *h, uint16_t port)
{
	struct beside b = {.segment = 0};
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	uint8_t ip[4];
	int segment;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (control_is(c, IPPROTO_IP, IP_PKTINFO, sizeof v4)) {
			memcpy(&v4, CMSG_DATA(c), sizeof v4);
			memcpy(ip, &v4.ipi_spec_dst, sizeof ip);
			b.local = addr_v4(ip, port);
		} else if (control_is(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof v6)) {
			memcpy(&v6, CMSG_DATA(c), sizeof v6);
			b.local = addr_v6(v6.ipi6_addr.s6_addr, port, v6.ipi6_ifindex);
		} else if (control_is(c, SOL_UDP, UDP_GRO, sizeof segment)) {
			memcpy(&segment, CMSG_DATA(c), sizeof segment);
			b.segment = segment > 0 ? (size_t)segment : 0;
		}
	}
	return b;
}

/* Take message i into the batch, cut into its datagrams; there is room for SEGMENTS_MAX. One that
 * has more is not from this world. */
static void rx_take(struct udp *u, unsigned door, size_t i, struct batch *in)
{
	struct msghdr *h = &u->rx.headers[i].msg_hdr;
	struct beside b = beside_of(h, u->doors[door].port);
	uint8_t *data = slab_data(&u->rx.slab, i);
	size_t left = u->rx.headers[i].msg_len, step = b.segment != 0 ? b.segment : left;
	struct via via = {.kind = VIA_DIRECT, .door = (uint16_t)door, .local = b.local};

	u->stats.rx_messages++;
	if (h->msg_flags & MSG_TRUNC || (left > 0 && (left - 1) / step >= SEGMENTS_MAX)) {
		u->stats.truncated++;
		return;
	}
	if (!addr_from_sockaddr(&via.remote, h->msg_name, h->msg_namelen))
		return;
	do {
		size_t len = left < step ? left : step;

		in->packets[in->count++] = (struct packet){.data = data, .len = len, .via = via};
		data += len;
		left -= len;
	} while (left > 0);
}

/* An error of the socket does not stop it, and most are gone once told. One that stays would
 * make the loop spin, because the descriptor stays readable: then each failure costs a pause. */
static void recv_failed(struct udp *u, struct door *d, int err)
{
	static const struct timespec pause = {.tv_nsec = RECV_PAUSE * 1000};

	if (udp_may_complain(u, err))
		log_warn(u->log, "cannot receive: %s", strerror(err));
	d->recv_failures++;
	if (DEFENCE(48, d->recv_failures > RECV_PATIENCE))
		nanosleep(&pause, NULL);
}

/* Read at most `count` messages into the slots from `first` on. Returns how many came. */
static size_t rx_read(struct udp *u, struct door *d, size_t first, size_t count)
{
	int got = recvmmsg(d->fd, u->rx.headers + first, (unsigned)count, MSG_DONTWAIT, NULL);

	u->stats.rx_calls++;
	if (got >= 0 || errno == EAGAIN)
		d->recv_failures = 0;
	else
		recv_failed(u, d, errno);
	return got > 0 ? (size_t)got : 0;
}

size_t udp_recv(struct udp *u, unsigned door, struct batch *in)
{
	assert(door < UDP_DOORS_MAX && u->doors[door].fd >= 0);
	size_t used = 0, asked, got;

	in->count = 0;
	do {
		size_t fitting = (BATCH_MAX - in->count) / SEGMENTS_MAX;

		asked = fitting < RECV_SLOTS - used ? fitting : RECV_SLOTS - used;
		if (asked == 0)
			break;
		got = rx_read(u, &u->doors[door], used, asked);
		for (size_t i = used; i < used + got; i++) {
			rx_take(u, door, i, in);
			rx_rewire(&u->rx, i);
		}
		used += got;
	} while (got == asked);
	u->stats.rx_packets += in->count;
	return in->count;
}
