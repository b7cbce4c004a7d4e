/* Doors: what goes out, by batches. Datagrams of one length for one way leave as one message, which the
 * kernel or the network card cuts. dataplane.md, section 3, rules 11 to 14. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "io/udp_impl.h"

#define MESSAGE_MAX 65507 /* bytes of one message: an IPv4 packet less its headers */

/* --- what goes beside a message --------------------------------------------------------------------------------- */

static size_t control_put(union control *c, size_t at, int level, int type, const void *data,
			  size_t len)
{
	struct cmsghdr *h = (struct cmsghdr *)(void *)(c->bytes + at);

	*h = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	memcpy(CMSG_DATA(h), data, len);
	return at + CMSG_SPACE(len);
}

static size_t control_put_ttl(union control *c, size_t at, const struct packet *p)
{
	int ttl = p->ttl;

	if (p->via.door % 2 == UDP_DOOR_V4)
		return control_put(c, at, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
	return control_put(c, at, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof ttl);
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

/* Write what goes beside message i: with `segment`, where the kernel is to cut it. */
static void tx_control(struct udp_tx *tx, size_t i, uint16_t segment)
{
	const struct run *r = &tx->runs[i];
	struct msghdr *h = &tx->headers[i].msg_hdr;
	size_t len = 0;

	if (r->first->ttl != 0)
		len = control_put_ttl(&tx->controls[i], len, r->first);
	if (r->pinned)
		len = control_put_local(&tx->controls[i], len, &r->first->via.local);
	if (segment != 0)
		len = control_put(&tx->controls[i], len, SOL_UDP, UDP_SEGMENT, &segment,
				  sizeof segment);
	h->msg_control = len != 0 ? &tx->controls[i] : NULL;
	h->msg_controllen = len;
}

/* --- gathering -------------------------------------------------------------------------------------------------- */

static bool same_way(const struct packet *a, const struct packet *b)
{
	return a->ttl == b->ttl && addr_equal(&a->via.remote, &b->via.remote) &&
	       addr_equal(&a->via.local, &b->via.local);
}

/* All of a run are as long as its first, but for its last, which may be shorter. */
static bool run_takes(const struct run *r, const struct packet *p)
{
	return !r->ended && r->count < SEGMENTS_MAX && p->len > 0 && p->len <= r->first->len &&
	       r->len + p->len <= MESSAGE_MAX && same_way(r->first, p);
}

static void tx_begin(struct udp_tx *tx, const struct packet *p)
{
	size_t i = tx->run_count++;

	tx->runs[i] = (struct run){
		.first = p,
		.count = 1,
		.len = p->len,
		.pinned = addr_is_set(&p->via.local),
	};
	tx->headers[i].msg_hdr = (struct msghdr){
		.msg_name = &tx->names[i],
		.msg_namelen = addr_to_sockaddr(&p->via.remote, &tx->names[i]),
		.msg_iov = &tx->parts[tx->part_count],
		.msg_iovlen = 1,
	};
}

static void tx_join(struct udp_tx *tx, const struct packet *p)
{
	struct run *r = &tx->runs[tx->run_count - 1];

	r->count++;
	r->len += p->len;
	r->ended = p->len < r->first->len;
	tx->headers[tx->run_count - 1].msg_hdr.msg_iovlen++;
}

/* Make messages of what leaves by this door. */
static void tx_gather(struct udp *u, unsigned door, const struct batch *out)
{
	struct udp_tx *tx = &u->tx;

	tx->run_count = tx->part_count = 0;
	for (size_t i = 0; i < out->count; i++) {
		const struct packet *p = &out->packets[i];

		if (p->via.door != door)
			continue;
		if (u->doors[door].cuts && tx->run_count > 0 &&
		    run_takes(&tx->runs[tx->run_count - 1], p))
			tx_join(tx, p);
		else
			tx_begin(tx, p);
		tx->parts[tx->part_count++] = (struct iovec){p->data, p->len};
	}
	for (size_t i = 0; i < tx->run_count; i++)
		tx_control(tx, i, tx->runs[i].count > 1 ? (uint16_t)tx->runs[i].first->len : 0);
}

/* --- what the host refuses -------------------------------------------------------------------------------------- */

/* What the kernel says when a datagram names an address of ours that is gone: ENETUNREACH for
 * IPv4 (EINVAL before Linux 5.5), EINVAL for IPv6, ENODEV when the interface of a link-local one
 * is. */
static bool blames_local(int err)
{
	return err == ENETUNREACH || err == EINVAL || err == EADDRNOTAVAIL || err == ENODEV;
}

/* Leave the choice of our address to the host, in message `at` and in all that follow on the
 * same way: the remote may be to blame as well. False when the message names no address. */
static bool tx_unpin(struct udp_tx *tx, size_t at)
{
	const struct run *wrong = &tx->runs[at];

	if (!wrong->pinned)
		return false;
	for (size_t i = at; i < tx->run_count; i++) {
		struct run *r = &tx->runs[i];

		if (!addr_same_ip(&r->first->via.local, &wrong->first->via.local) ||
		    !addr_equal(&r->first->via.remote, &wrong->first->via.remote))
			continue;
		r->pinned = false;
		tx_control(tx, i, r->count > 1 ? (uint16_t)r->first->len : 0);
	}
	return true;
}

/* The kernel does not cut this message: its datagrams are longer than the way there takes whole, or the device cannot. */
static bool blames_cutting(int err)
{
	return err == EMSGSIZE || err == EIO || err == EINVAL;
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

	if (udp_may_complain(u, err))
		log_warn(u->log, "cannot send to %s: %s%s", addr_print(remote, text), strerror(err),
			 advice(err));
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static int send_messages(struct udp *u, const struct door *d, struct mmsghdr *m, size_t count)
{
	u->stats.tx_calls++;
	return sendmmsg(d->fd, m, (unsigned)count, MSG_DONTWAIT);
}

/* Send the datagrams of message `at` one by one, which may be in fragments. Returns how many the host refused. */
static size_t send_apart(struct udp *u, const struct door *d, size_t at)
{
	struct run *r = &u->tx.runs[at];
	struct mmsghdr single = u->tx.headers[at];
	size_t failed = 0;

	tx_control(&u->tx, at, 0);
	single.msg_hdr.msg_control = u->tx.headers[at].msg_hdr.msg_control;
	single.msg_hdr.msg_controllen = u->tx.headers[at].msg_hdr.msg_controllen;
	single.msg_hdr.msg_iovlen = 1;
	for (size_t i = 0; i < r->count; i++, single.msg_hdr.msg_iov++) {
		if (send_messages(u, d, &single, 1) == 1) {
			u->stats.tx_messages++;
			continue;
		}
		send_failed(u, &r->first->via.remote, errno);
		if (blames_queue(errno))
			return failed + r->count - i;
		failed++;
	}
	u->stats.tx_apart++;
	return failed;
}

/* Message `at` failed as one: send it otherwise, or give it up. Returns how many datagrams are lost. */
static size_t send_otherwise(struct udp *u, struct door *d, size_t at, int err)
{
	struct run *r = &u->tx.runs[at];

	if (r->count == 1 || !blames_cutting(err)) {
		send_failed(u, &r->first->via.remote, err);
		return r->count;
	}
	if (err == EIO) {
		log_info(u->log, "this host does not cut UDP messages: datagrams leave one by one");
		d->cuts = false;
	}
	return send_apart(u, d, at);
}

static size_t count_from(const struct udp_tx *tx, size_t at)
{
	size_t count = 0;

	for (; at < tx->run_count; at++)
		count += tx->runs[at].count;
	return count;
}

/* Send what was gathered. Returns how many datagrams the host refused. */
static size_t door_send(struct udp *u, struct door *d)
{
	struct udp_tx *tx = &u->tx;
	size_t at = 0, failed = 0, again = SIZE_MAX;

	while (at < tx->run_count) {
		int sent = send_messages(u, d, tx->headers + at, tx->run_count - at);

		if (sent > 0) {
			at += (size_t)sent;
			u->stats.tx_messages += (uint64_t)sent;
			continue;
		}

		int err = errno;
		if (blames_local(err) && tx_unpin(tx, at))
			continue;
		if (blames_earlier(err) && again != at) {
			again = at;
			continue;
		}
		if (blames_queue(err)) {
			send_failed(u, &tx->runs[at].first->via.remote, err);
			failed += count_from(tx, at);
			break;
		}
		failed += send_otherwise(u, d, at++, err);
	}
	return failed;
}

/* One bit for each door that something leaves by. */
static unsigned doors_of(const struct batch *out)
{
	unsigned doors = 0;

	for (size_t i = 0; i < out->count; i++) {
		assert(out->packets[i].via.door < UDP_DOORS_MAX);
		doors |= 1u << out->packets[i].via.door;
	}
	return doors;
}

size_t udp_send(struct udp *u, const struct batch *out)
{
	unsigned doors = doors_of(out);
	size_t failed = 0;

	assert(out->count <= BATCH_MAX);
	for (unsigned door = 0; door < UDP_DOORS_MAX; door++) {
		struct door *d = &u->doors[door];

		if ((doors & 1u << door) == 0)
			continue;
		tx_gather(u, door, out);
		if (d->fd >= 0)
			failed += door_send(u, d);
		else
			failed += u->tx.part_count;
		if (d->fd < 0 && door < UDP_DOORS)
			send_failed(u, &u->tx.runs[0].first->via.remote, EAFNOSUPPORT);
	}
	u->stats.tx_packets += out->count - failed;
	u->stats.send_failed += failed;
	return failed;
}
