/* The TUN device by /dev/net/tun. dataplane.md, section 3, "TUN". The vnet header of 10 bytes
 * lies in the head room, directly before the packet, so that one buffer holds both and nothing
 * is copied. */
#include "config.h"

#include "tun/tun.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define VNET_LEN sizeof(struct virtio_net_hdr)

_Static_assert(VNET_LEN == 10, "the short form, TUNSETVNETHDRSZ 10");
_Static_assert(VNET_LEN <= PACKET_HEAD, "written into the head room");
_Static_assert(TUN_NAME_MAX == IFNAMSIZ - 1, "a name and its zero");

struct tun {
	int fd, index;
	size_t vnet_len; /* VNET_LEN, or 0 for an adopted device without the header */
	char name[IFNAMSIZ];
	struct tun_stats stats;
	struct slab slab;
};

/* Finish what open and adopt have in common; the descriptor stays the caller's on failure. */
static int tun_new(struct tun **out, int fd, const struct ifreq *q)
{
	struct tun *t;
	int vnet_len = VNET_LEN, err;
	bool has_vnet = (q->ifr_flags & IFF_VNET_HDR) != 0;

	if (has_vnet && ioctl(fd, TUNSETVNETHDRSZ, &vnet_len) < 0)
		return -errno;
	if (ioctl(fd, TUNSETOFFLOAD, 0) < 0)
		return -errno;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	t->fd = fd;
	t->vnet_len = has_vnet ? VNET_LEN : 0;
	memcpy(t->name, q->ifr_name, sizeof t->name - 1);
	t->index = (int)if_nametoindex(t->name);
	if (t->index == 0) {
		err = -errno;
		goto failed;
	}
	err = slab_init(&t->slab, BATCH_MAX);
	if (err < 0)
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

const struct tun_stats *tun_stats(const struct tun *t)
{
	return &t->stats;
}

int tun_read(struct tun *t, struct batch *in)
{
	in->count = 0;
	while (in->count < BATCH_MAX) {
		uint8_t *data = slab_data(&t->slab, in->count);
		ssize_t got = read(t->fd, data - t->vnet_len, t->vnet_len + PACKET_DATA);
		if (got < 0 && errno == EBADFD)
			return -EBADFD;
		if (got <= (ssize_t)t->vnet_len)
			break; /* nothing waits */
		in->packets[in->count++] =
			(struct packet){.data = data, .len = (size_t)got - t->vnet_len};
	}
	t->stats.rx_packets += in->count;
	return (int)in->count;
}

int tun_write(struct tun *t, const struct batch *out)
{
	int refused = 0;

	assert(out->count <= BATCH_MAX);
	for (size_t i = 0; i < out->count; i++) {
		const struct packet *p = &out->packets[i];
		uint8_t *start = p->data - t->vnet_len;
		memset(start, 0, t->vnet_len);
		if (write(t->fd, start, t->vnet_len + p->len) >= 0) {
			t->stats.tx_packets++;
			continue;
		}
		if (errno == EBADFD)
			return -EBADFD;
		refused++; /* EIO: the device is down; EINVAL: no IP packet */
		t->stats.tx_failed++;
	}
	return refused;
}
