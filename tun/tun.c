/* The TUN device by /dev/net/tun. dataplane.md, section 3, "TUN".
 *
 * One read may bring a packet or a super-packet, which is not known before. So it lands in two pieces:
 * the first where an ordinary packet is to stay, in the arena; the rest where a super-packet is to
 * wait until it is cut, in a slot of the queue. The first piece is as long as ordinary packets are, and all
 * that is ever copied of one; of a super-packet it is a small part.
 *
 *     arena   |head|vnet|first piece .....|
 *     slot                     |room|rest ............................|
 *
 * A batch is what passes by the queue and was read in this turn, and then what has waited longest.
 *
 * Packets lie close together in the arena, each with its head and tail room: a batch touches as little
 * memory as it can, and all of it stays in the cache of one core while the batch is sealed and sent. */
#include "config.h"

#include "tun/tun.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tun/gro.h"
#include "tun/gso.h"
#include "tun/queue.h"
#include "tun/vnet.h"

#ifndef TUN_F_USO4 /* linux-libc-dev before 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

_Static_assert(VNET_LEN <= PACKET_HEAD, "written into the head room");
_Static_assert(TUN_NAME_MAX == IFNAMSIZ - 1, "a name and its zero");

/* What is worth a batch: about four super-packets, or as many small ones as take as long to carry. */
#define BATCH_FILL   ((size_t)224 * 1024)
#define BATCH_READS  128
/* To be read ahead in one turn: more than a batch takes, or the device's queue would never be empty; less than everything, for those
 * who wait for this batch. */
#define AHEAD_SUPERS 8

/* Of a packet that lands in the arena: more than the MTU of nearly all. */
#define DIRECT_LEN 2048

/* Memory, in slots of PACKET_SLOT. The arena has room for a batch that is just not filled, and after it
 * for the packets of one super-packet, which take more room than it does. */
#define ARENA_SLOTS 8
enum {
	ARENA = 0,
	APART = ARENA_SLOTS,
	APART_ONE,
	AHEAD, /* those of the queue */
	SLOT_COUNT = AHEAD + QUEUE_SLOTS
};
#define ARENA_LEN ((size_t)ARENA_SLOTS * PACKET_SLOT)
_Static_assert(BATCH_FILL + (size_t)2 * PACKET_SLOT <= ARENA_LEN,
	       "a batch ends outside a super-packet");

struct tun {
	int fd, index;
	size_t vnet_len; /* VNET_LEN, or 0 for an adopted device without the header */
	char name[IFNAMSIZ];
	enum tun_offload offload;
	unsigned joined; /* GRO_TCP | GRO_UDP: what the kernel takes joined */
	struct tun_stats stats;
	uint64_t dropped[DROP_COUNT]; /* not asked for yet */
	struct slab slab;
	size_t used;      /* bytes of the arena */
	size_t direct;    /* the first piece of a read */
	struct gso super; /* what is left of the first in the queue */
	struct queue queue;
	struct gro gro;
};

static const struct {
	unsigned flags;
	const char *name;
} offloads[] = {
	[TUN_OFFLOAD_NONE] = {0, "none"},
	[TUN_OFFLOAD_CSUM] = {TUN_F_CSUM, "checksums"},
	[TUN_OFFLOAD_TSO] = {TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, "checksums, TCP"},
	[TUN_OFFLOAD_USO] = {TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6,
			     "checksums, TCP, UDP"},
};

/* Agree on as much as the kernel can: 0 or -errno. */
static int choose_offload(struct tun *t, int fd)
{
	/* Without a header a packet could not say what was left undone. */
	enum tun_offload o = t->vnet_len != 0 ? TUN_OFFLOAD_USO : TUN_OFFLOAD_NONE;

	while (ioctl(fd, TUNSETOFFLOAD, offloads[o].flags) < 0) {
		if (o == TUN_OFFLOAD_NONE)
			return -errno;
		o--;
	}
	t->offload = o;
	/* What it hands out as super-packets it takes as such; TCP it takes ever since it has the header. */
	t->joined = GRO_TCP | (o == TUN_OFFLOAD_USO ? GRO_UDP : 0);
	return 0;
}

/* Finish what open and adopt have in common; the descriptor stays the caller's on failure. */
static int tun_new(struct tun **out, int fd, const struct ifreq *q)
{
	struct tun *t;
	int vnet_len = VNET_LEN, err;
	bool has_vnet = (q->ifr_flags & IFF_VNET_HDR) != 0;

	if (has_vnet && ioctl(fd, TUNSETVNETHDRSZ, &vnet_len) < 0)
		return -errno;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	t->fd = fd;
	t->vnet_len = has_vnet ? VNET_LEN : 0;
	t->direct = DIRECT_LEN;
	queue_init(&t->queue);
	memcpy(t->name, q->ifr_name, sizeof t->name - 1);
	t->index = (int)if_nametoindex(t->name);
	if (t->index == 0) {
		err = -errno;
		goto failed;
	}
	if ((err = choose_offload(t, fd)) < 0 || (err = slab_init(&t->slab, SLOT_COUNT)) < 0)
		goto failed;
	*out = t;
	return 0;

failed:
	free(t);
	return err;
}

int tun_open(struct tun **out, const char *name)
{
	struct ifreq q = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	size_t len = strlen(name);
	int fd, err;

	/* To the kernel an empty name or a '%' is a pattern, to be completed with a number. */
	if (len == 0 || len > TUN_NAME_MAX || strchr(name, '%') != NULL)
		return -EINVAL;
	memcpy(q.ifr_name, name, len);

	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = ioctl(fd, TUNSETIFF, &q) < 0 ? -errno : tun_new(out, fd, &q);
	if (err < 0)
		close(fd);
	return err;
}

int tun_adopt(struct tun **out, int fd)
{
	struct ifreq q = {0};
	int flags;

	if (ioctl(fd, TUNGETIFF, &q) < 0)
		return -errno;
	if (!(q.ifr_flags & IFF_TUN))
		return -ENOTTY;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return tun_new(out, fd, &q);
}

void tun_close(struct tun *t)
{
	if (t == NULL)
		return;
	close(t->fd);
	slab_free(&t->slab);
	free(t);
}

int tun_fd(const struct tun *t)
{
	return t->fd;
}

const char *tun_name(const struct tun *t)
{
	return t->name;
}

int tun_index(const struct tun *t)
{
	return t->index;
}

enum tun_offload tun_offload(const struct tun *t)
{
	return t->offload;
}

const char *tun_offload_name(enum tun_offload o)
{
	return offloads[o].name;
}

const struct tun_stats *tun_stats(const struct tun *t)
{
	return &t->stats;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

bool tun_pending(const struct tun *t)
{
	return t->queue.count > 0;
}

uint64_t tun_take_dropped(struct tun *t, enum drop why)
{
	uint64_t count = t->dropped[why];

	t->dropped[why] = 0;
	return count;
}

/* Where the next packet is to lie. */
static uint8_t *arena_next(const struct tun *t)
{
	return t->slab.memory + t->used + PACKET_HEAD;
}

static bool arena_fits(const struct tun *t)
{
	return t->used + PACKET_SLOT <= ARENA_LEN;
}

/* The packet of this length that was put there. */
static void arena_take(struct tun *t, size_t len, struct batch *in)
{
	in->packets[in->count++] = (struct packet){.data = arena_next(t), .len = len};
	t->used += (PACKET_HEAD + len + PACKET_TAIL + 63) & ~(size_t)63;
}

static uint8_t *slot_of(const struct tun *t, int slot)
{
	return slab_data(&t->slab, (size_t)(AHEAD + slot));
}

/* Bring the two pieces together in the slot. */
static void gather_in_slot(struct tun *t, uint8_t *slot, const uint8_t *first, size_t len)
{
	memcpy(slot, first, len < t->direct ? len : t->direct);
}

/* Or in the arena. */
static void gather_in_arena(struct tun *t, const uint8_t *slot, uint8_t *first, size_t len)
{
	if (len > t->direct) {
		memcpy(first + t->direct, slot + t->direct, len - t->direct);
		t->direct = len; /* so long are they here: the next one lands in its place */
	}
}

/* An ordinary packet that nothing of its flow waits before. */
static void take_at_once(struct tun *t, const struct vnet *vnet, size_t len, struct batch *in)
{
	struct gso none;
	enum drop drop = gso_start(&none, vnet, arena_next(t), len);

	if (drop == DROP_NONE)
		arena_take(t, len, in);
	else
		t->dropped[drop]++;
}

/* Of `len` bytes in two pieces, with the header before them. */
static void take_read(struct tun *t, uint8_t *first, uint8_t *slot, size_t len, usec now,
		      struct batch *in)
{
	struct vnet vnet = {.gso_type = VNET_PLAIN};
	struct queue_flow flow = queue_flow_of(first, len < t->direct ? len : t->direct);

	memcpy(&vnet, first - t->vnet_len, t->vnet_len);
	t->stats.rx_reads++;
	if ((vnet.gso_type & ~VNET_ECN) != VNET_PLAIN || queue_holds(&t->queue, &flow)) {
		gather_in_slot(t, slot, first, len);
		queue_push(&t->queue, &vnet, len, &flow, now);
	} else {
		gather_in_arena(t, slot, first, len);
		take_at_once(t, &vnet, len, in);
	}
}

static bool worth_a_read(const struct tun *t, const struct batch *in, int reads, size_t ahead)
{
	return reads < BATCH_READS && t->used < BATCH_FILL && in->count < BATCH_MAX &&
	       t->queue.count < ahead && queue_room(&t->queue) >= 0;
}

/* Empty the device's queue, as far as there is time: 0 or -EBADFD. */
static int read_ahead(struct tun *t, usec now, struct batch *in)
{
	size_t ahead = t->queue.count + AHEAD_SUPERS;

	for (int reads = 0; worth_a_read(t, in, reads, ahead); reads++) {
		uint8_t *first = arena_next(t), *slot = slot_of(t, queue_room(&t->queue));
		struct iovec pieces[] = {{first - t->vnet_len, t->vnet_len + t->direct},
					 {slot + t->direct, PACKET_DATA - t->direct}};
		ssize_t got = readv(t->fd, pieces, 2);

		t->stats.rx_calls++;
		if (got < 0 && errno == EBADFD)
			return -EBADFD;
		if (got <= (ssize_t)t->vnet_len)
			break;
		take_read(t, first, slot, (size_t)got - t->vnet_len, now, in);
	}
	return 0;
}

/* Begin with the first that waits. */
static void start_first(struct tun *t, usec now, struct batch *in)
{
	const struct queue_item *item = queue_first(&t->queue);
	uint8_t *packet = slot_of(t, item->slot);
	enum drop drop = gso_start(&t->super, &item->vnet, packet, item->len);

	if (drop != DROP_NONE) {
		t->dropped[drop]++;
	} else if (t->super.left == 0) {
		memcpy(arena_next(t), packet, item->len);
		arena_take(t, item->len, in);
	} else {
		t->stats.rx_supers++;
		if (queue_loses(&t->queue, now)) {
			gso_next(&t->super, arena_next(t));
			t->dropped[DROP_QUEUE]++;
		}
	}
}

static bool has_room(const struct tun *t, const struct batch *in)
{
	return in->count < BATCH_MAX && arena_fits(t);
}

static void cut(struct tun *t, struct batch *in)
{
	while (t->super.left > 0 && has_room(t, in))
		arena_take(t, gso_next(&t->super, arena_next(t)), in);
}

/* The batch is filled with what has waited longest; a super-packet may go on in the next one. */
static void take_waiting(struct tun *t, usec now, struct batch *in)
{
	while (t->queue.count > 0 && t->used < BATCH_FILL && has_room(t, in)) {
		if (t->super.left == 0)
			start_first(t, now, in);
		cut(t, in);
		if (t->super.left == 0)
			queue_pop(&t->queue);
	}
}

int tun_read(struct tun *t, usec now, struct batch *in)
{
	in->count = 0;
	t->used = 0;
	if (read_ahead(t, now, in) < 0)
		return -EBADFD;
	take_waiting(t, now, in);
	t->stats.rx_packets += in->count;
	t->stats.rx_batches += in->count > 0;
	return (int)in->count;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* Perform one write that stands for `count` packets: 0, the count when it was refused, or -EBADFD. */
static int write_packets(struct tun *t, const struct iovec *iov, size_t parts, size_t count)
{
	t->stats.tx_calls++;
	if (writev(t->fd, iov, (int)parts) >= 0) {
		t->stats.tx_writes++;
		t->stats.tx_packets += count;
		t->stats.tx_joined += count > 1 ? count : 0;
		return 0;
	}
	return errno == EBADFD ? -EBADFD
			       : (int)count; /* EIO: the device is down; EINVAL: no IP packet */
}

/* The kernel does not take packets joined like these: write what was joined one by one. */
static int write_apart(struct tun *t, const struct gro_write *w)
{
	uint8_t *all = slab_data(&t->slab, APART), *one = slab_data(&t->slab, APART_ONE);
	struct iovec iov = {.iov_base = one - VNET_LEN};
	struct vnet vnet;
	struct gso g;
	size_t len = 0;
	int refused = 0;

	for (size_t i = 0; i < w->count; i++) {
		memcpy(all - VNET_LEN + len, w->iov[i].iov_base, w->iov[i].iov_len);
		len += w->iov[i].iov_len;
	}
	memcpy(&vnet, all - VNET_LEN, VNET_LEN);
	if (vnet.gso_type == VNET_UDP_L4)
		t->joined &= ~GRO_UDP;
	if (gso_start(&g, &vnet, all, len - VNET_LEN) != DROP_NONE)
		return (int)w->count;
	memset(one - VNET_LEN, 0, VNET_LEN);
	while ((len = gso_next(&g, one)) > 0) {
		iov.iov_len = VNET_LEN + len;
		int err = write_packets(t, &iov, 1, 1);
		if (err < 0)
			return err;
		refused += err;
	}
	return refused;
}

static int write_joined(struct tun *t, const struct gro_write *w)
{
	int refused = write_packets(t, w->iov, w->count, w->count);

	return refused > 1 && errno == EINVAL ? write_apart(t, w) : refused;
}

static int write_all_joined(struct tun *t, const struct batch *out)
{
	int refused = 0;

	gro_join(&t->gro, out, t->joined);
	for (size_t i = 0; i < t->gro.write_count; i++) {
		int err = write_joined(t, &t->gro.writes[i]);
		if (err < 0)
			return err;
		refused += err;
	}
	return refused;
}

static int write_all_bare(struct tun *t, const struct batch *out)
{
	int refused = 0;

	for (size_t i = 0; i < out->count; i++) {
		struct iovec iov = {out->packets[i].data, out->packets[i].len};
		int err = write_packets(t, &iov, 1, 1);
		if (err < 0)
			return err;
		refused += err;
	}
	return refused;
}

int tun_write(struct tun *t, const struct batch *out)
{
	assert(out->count <= BATCH_MAX);
	int refused = t->vnet_len != 0 ? write_all_joined(t, out) : write_all_bare(t, out);

	if (refused > 0)
		t->stats.tx_failed += (uint64_t)refused;
	t->stats.tx_batches += out->count > 0;
	return refused;
}
