/* Super-packets on a real TUN device, both ways: what is written to one device is forwarded by the
 * kernel to another and read there, the same bytes but for one hop. dataplane.md, section 3. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "netns.h"
#include "support/cutter.h"
#include "support/inner.h"
#include "support/test.h"
#include "tun/link.h"
#include "tun/queue.h"
#include "tun/tun.h"
#include "tun/vnet.h"

#define PACKETS 46 /* of 1400 bytes: as many as a super-packet has */
#define WAIT_MS 1000

struct scene {
	struct rtnl *r;
	struct tun *in, *out;
	struct slab slab;
	struct batch batch, read;
	uint8_t before[PACKETS][2048];
};

static struct scene scene;

/* --- what the kernel says, where a test wants it to say something else ------------------------------------------ */

static unsigned offloads_refused;   /* bits of TUNSETOFFLOAD */
static bool offloads_unknown;       /* any of them */
static bool joined_udp_refused;     /* as before Linux 6.2 */
static unsigned joined_udp_writes;  /* that were tried */
static const uint8_t *read_instead; /* a header and a packet */
static size_t read_instead_len;

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (request == TUNSETOFFLOAD &&
	    (offloads_unknown || ((uintptr_t)arg & offloads_refused) != 0)) {
		errno = EINVAL;
		return -1;
	}
	return __real_ioctl(fd, request, arg);
}

ssize_t __real_writev(int fd, const struct iovec *iov, int count);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int count);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int count)
{
	struct vnet v;

	memcpy(&v, iov->iov_base, sizeof v);
	joined_udp_writes += v.gso_type == VNET_UDP_L4;
	if (joined_udp_refused && v.gso_type == VNET_UDP_L4) {
		errno = EINVAL;
		return -1;
	}
	return __real_writev(fd, iov, count);
}

ssize_t __real_readv(int fd, const struct iovec *iov, int count);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int count);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int count)
{
	const uint8_t *from = read_instead;
	size_t left = read_instead_len;

	if (read_instead == NULL)
		return __real_readv(fd, iov, count);
	for (; count > 0; iov++, count--) {
		size_t n = left < iov->iov_len ? left : iov->iov_len;

		memcpy(iov->iov_base, from, n);
		from += n;
		left -= n;
	}
	read_instead = NULL;
	return (ssize_t)(read_instead_len - left);
}

/* --- the scene -------------------------------------------------------------------------------------------------- */

static int open_scene(void **state)
{
	(void)state;
	offloads_refused = 0;
	offloads_unknown = joined_udp_refused = false;
	joined_udp_writes = 0;
	if (rtnl_open(&scene.r) < 0 || slab_init(&scene.slab, PACKETS) < 0)
		return -1;
	scene.in = netns_tun(scene.r, "in", "10.66.0.0/31", "2001:db8::1:0/128");
	scene.out = netns_tun(scene.r, "out", "10.66.0.3/31", "2001:db8::3/127");
	scene.batch.count = 0;
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	tun_close(scene.in);
	tun_close(scene.out);
	slab_free(&scene.slab);
	rtnl_close(scene.r);
	return 0;
}

static void reopen_scene(void)
{
	close_scene(NULL);
	open_scene(NULL);
}

static void add(const struct inner *in)
{
	size_t i = scene.batch.count++;
	uint8_t *data = slab_data(&scene.slab, i);

	inner_write(data, in);
	memcpy(scene.before[i], data, inner_len(in));
	scene.batch.packets[i] = (struct packet){.data = data, .len = inner_len(in)};
}

/* One flow, its last packet shorter. */
static void add_flow(struct inner in, size_t count, size_t payload_len)
{
	scene.batch.count = 0;
	for (size_t i = 0; i < count; i++) {
		in.payload_len = i + 1 < count ? payload_len : payload_len / 2 + 1;
		add(&in);
		inner_advance(&in);
	}
}

static void take_back_a_hop(uint8_t *packet)
{
	if (packet[0] >> 4 == 6) {
		packet[7]++;
		return;
	}
	packet[8]++;
	store_be16(packet + 10, 0);
	store_be16(packet + 10, (uint16_t)~cutter_sum(0, packet, 20));
}

static bool is_ours(const struct packet *p)
{
	uint8_t protocol = p->data[p->data[0] >> 4 == 6 ? 6 : 9];

	return protocol == 6 || protocol == 17; /* and not the kernel's ICMPv6 */
}

/* What sealing and sending writes around a packet. */
static void use_the_room_around(const struct packet *p)
{
	memset(p->data - PACKET_HEAD, 0xa5, PACKET_HEAD);
	memset(p->data + p->len, 0x5a, PACKET_TAIL);
}

/* Call `expect` for each packet that comes out, until `count` were seen. */
static void read_all(size_t count, void (*expect)(size_t i, struct packet *p))
{
	struct pollfd readable = {.fd = tun_fd(scene.out), .events = POLLIN};
	size_t seen = 0;

	while (seen < count && (tun_pending(scene.out) || poll(&readable, 1, WAIT_MS) > 0)) {
		int n = tun_read(scene.out, 0, &scene.read);

		assert_int_equal(n, scene.read.count);
		assert_true(scene.read.count <= BATCH_MAX);
		for (size_t i = 0; i < scene.read.count; i++)
			use_the_room_around(&scene.read.packets[i]);
		for (size_t i = 0; i < scene.read.count; i++) {
			if (!is_ours(&scene.read.packets[i]))
				continue;
			take_back_a_hop(scene.read.packets[i].data);
			expect(seen++, &scene.read.packets[i]);
		}
	}
	assert_int_equal(seen, count);
}

static void as_it_was(size_t i, struct packet *p)
{
	assert_int_equal(p->len, scene.batch.packets[i].len);
	assert_memory_equal(p->data, scene.before[i], p->len);
}

static void pass(void)
{
	assert_int_equal(tun_write(scene.in, &scene.batch), 0);
	read_all(scene.batch.count, as_it_was);
}

/* --- joined and cut --------------------------------------------------------------------------------------------- */

static bool takes_all(void)
{
	if (tun_offload(scene.out) == TUN_OFFLOAD_USO)
		return true;
	print_message("# SKIP: this kernel has no super-packets of UDP\n");
	return false;
}

TEST(one_write_and_one_read_for_packets_of_a_flow)
{
	for (size_t k = 0; k < INNER_EXAMPLES && takes_all(); k++) {
		reopen_scene();
		add_flow(inner_examples[k], PACKETS, 1380);
		pass();
		assert_int_equal(tun_stats(scene.in)->tx_writes, 1);
		assert_int_equal(tun_stats(scene.in)->tx_packets, PACKETS);
		assert_int_equal(tun_stats(scene.in)->tx_joined, PACKETS);
		assert_int_equal(tun_stats(scene.out)->rx_supers, 1);
		assert_true(tun_stats(scene.out)->rx_packets >= PACKETS);
	}
}

TEST(ordinary_packets_among_them_keep_their_place)
{
	struct inner in = inner_examples[0];

	for (int i = 0; i < 30; i++) {
		in.payload_len = (size_t)(i % 3 == 0 ? 100 + i * 7 : 900);
		in.flags = 0x010 | (i % 5 == 0 ? 0x008 : 0);
		add(&in);
		inner_advance(&in);
	}
	pass();
}

/* --- more than a batch ------------------------------------------------------------------------------------------ */

static struct vnet long_vnet;
static uint8_t long_packet[65535];
static size_t long_len;

static void as_cut(size_t i, struct packet *p)
{
	uint8_t expected[2048];

	assert_int_equal(p->len, cutter_cut(expected, &long_vnet, long_packet, long_len, i));
	assert_memory_equal(p->data, expected, p->len);
}

static void of_this_length(size_t i, struct packet *p)
{
	(void)i;
	assert_int_equal(p->len, 140);
}

static void write_long(size_t payload_len, uint16_t gso_size)
{
	static uint8_t raw[VNET_LEN + sizeof long_packet];
	struct inner in = inner_examples[0];

	in.payload_len = payload_len;
	long_len = inner_len(&in);
	long_vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				  .gso_type = VNET_TCPV4,
				  .hdr_len = 40,
				  .gso_size = gso_size,
				  .csum_start = 20,
				  .csum_offset = 16};
	inner_write(long_packet, &in);
	store_be16(long_packet + 36, inner_pseudo(long_packet, 6, long_len - 20));
	memcpy(raw, &long_vnet, VNET_LEN);
	memcpy(raw + VNET_LEN, long_packet, long_len);
	assert_int_equal(write(tun_fd(scene.in), raw, VNET_LEN + long_len), VNET_LEN + long_len);
}

TEST(a_super_packet_longer_than_a_batch_is_read_on)
{
	struct pollfd readable = {.fd = tun_fd(scene.out), .events = POLLIN};

	write_long(65000, 100);
	read_all(650, as_cut);
	assert_false(tun_pending(scene.out));
	assert_int_equal(tun_stats(scene.out)->rx_batches, 2);

	write_long(BATCH_MAX * 100, 100); /* and one that just fits, with another behind it */
	write_long(100, 100);
	read_all(BATCH_MAX, of_this_length);
	read_all(1, as_cut);

	write_long(65000, 100);
	do {
		assert_int_equal(poll(&readable, 1, WAIT_MS), 1);
		assert_true(tun_read(scene.out, 0, &scene.read) > 0);
	} while (!tun_pending(scene.out));
	assert_int_equal(scene.read.count, BATCH_MAX);
	assert_int_equal(poll(&readable, 1, 0), 0); /* which does not tell */
	assert_true(tun_read(scene.out, 0, &scene.read) >= 650 - BATCH_MAX);
	assert_false(tun_pending(scene.out));
}

TEST(a_batch_is_a_few_super_packets)
{
	for (int i = 0; i < 8; i++)
		write_long(65000, 1300);
	for (size_t seen = 0, n; seen < 8 * 50; seen += n) {
		n = (size_t)tun_read(scene.out, 0, &scene.read);
		assert_in_range(n, 1, 5 * 50);
	}
	assert_true(tun_stats(scene.out)->rx_batches >= 2);
	assert_int_equal(tun_stats(scene.out)->rx_supers, 8);
}

static size_t read_ours(usec now)
{
	size_t count = 0;

	tun_read(scene.out, now, &scene.read);
	for (size_t i = 0; i < scene.read.count; i++)
		count += is_ours(&scene.read.packets[i]);
	return count;
}

/* The first segment: what comes after it is what its receiver tells of. */
TEST(a_stream_that_fills_the_queue_loses_a_segment_and_no_more)
{
	usec now = SEC(1);
	size_t seen = 0;

	for (int i = 0; i < 20; i++)
		write_long(65000, 1300);
	do {
		seen += read_ours(now);
		now += QUEUE_INTERVAL * 3 / 4;
	} while (seen < 13 * 50); /* a turn with four, and three more */
	assert_int_equal(tun_take_dropped(scene.out, DROP_QUEUE), 1);
	for (size_t n; (n = read_ours(now)) > 0;)
		seen += n;
	assert_int_equal(seen + tun_take_dropped(scene.out, DROP_QUEUE), 20 * 50 - 1);

	/* It is empty now; what is small is never lost. */
	for (int i = 0; i < 300; i++)
		write_long(100, 100);
	for (seen = 0; seen < 300; now += QUEUE_INTERVAL)
		seen += read_ours(now);
	assert_int_equal(tun_take_dropped(scene.out, DROP_QUEUE), 0);
}

/* A datagram of another flow comes behind 20 super-packets, and is not among the last. */
TEST(small_packets_of_others_pass_by_what_waits)
{
	struct inner other = inner_examples[3];
	uint8_t raw[VNET_LEN + 256] = {0};
	size_t before = 0;
	bool seen = false;

	for (int i = 0; i < 20; i++)
		write_long(65000, 1300);
	other.payload_len = 100;
	inner_write(raw + VNET_LEN, &other);
	assert_true(inner_len(&other) <= 256);
	assert_int_equal(write(tun_fd(scene.in), raw, VNET_LEN + inner_len(&other)),
			 VNET_LEN + inner_len(&other));
	for (int turn = 0; turn < 20 && !seen; turn++) {
		tun_read(scene.out, SEC(1), &scene.read);
		for (size_t i = 0; i < scene.read.count && !seen; i++) {
			seen = scene.read.packets[i].data[9] == 17;
			before += !seen;
		}
	}
	assert_true(seen);
	assert_in_range(before, 1, 10 * 50);
}

/* Its headers, repeated, take more memory than its payload: 2 KB of destination options. */
TEST(a_super_packet_of_long_headers_is_read_on)
{
	enum { OPTIONS = 2048, PAYLOAD = 40000, TCP = 40 + OPTIONS };
	static uint8_t raw[VNET_LEN + sizeof long_packet], expected[4096];
	struct inner in = inner_examples[2];
	uint8_t *packet = raw + VNET_LEN;
	size_t seen = 0;

	in.payload_len = PAYLOAD;
	inner_write(packet, &in);
	memmove(packet + TCP, packet + 40, 20 + PAYLOAD);
	memset(packet + 40, 0, OPTIONS);
	packet[6] = 60;
	packet[40] = 6;
	packet[41] = OPTIONS / 8 - 1;
	long_len = TCP + 20 + PAYLOAD;
	store_be16(packet + 4, (uint16_t)(long_len - 40));
	long_vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				  .gso_type = VNET_TCPV6,
				  .gso_size = 100,
				  .csum_start = TCP,
				  .csum_offset = 16};
	memcpy(raw, &long_vnet, VNET_LEN);
	memcpy(long_packet, packet, long_len);

	read_instead = raw;
	read_instead_len = VNET_LEN + long_len;
	do {
		assert_true(tun_read(scene.out, 0, &scene.read) > 0);
		for (size_t i = 0; i < scene.read.count; i++) {
			struct packet *p = &scene.read.packets[i];

			if (p->data[6] != packet[6]) /* the kernel's own */
				continue;
			use_the_room_around(p);
			assert_int_equal(p->len, cutter_cut(expected, &long_vnet, long_packet,
							    long_len, seen++));
			assert_memory_equal(p->data, expected, p->len);
		}
	} while (tun_pending(scene.out));
	assert_int_equal(seen, PAYLOAD / 100);
	assert_true(tun_stats(scene.out)->rx_batches > 1);
}

/* --- long and short --------------------------------------------------------------------------------------------- */

static void set_mtu(uint32_t mtu)
{
	assert_int_equal(link_set_mtu(scene.r, tun_index(scene.in), mtu), 0);
	assert_int_equal(link_set_mtu(scene.r, tun_index(scene.out), mtu), 0);
}

static void as_long_as_written(size_t i, struct packet *p)
{
	(void)i;
	assert_int_equal(p->len, long_len);
	assert_memory_equal(p->data, long_packet, long_len);
}

TEST(vuln_59_carries_packets_of_mtu_65535)
{
	static uint8_t memory[PACKET_SLOT];
	static const size_t lens[] = {65535, 65535, 2049, 2048, 100, 65534, 9000};
	struct inner in = inner_examples[3];
	struct batch *b = &scene.batch;

	set_mtu(65535);
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		in.payload_len = lens[i] - 28;
		long_len = lens[i];
		inner_write(long_packet, &in);
		memcpy(memory + PACKET_HEAD, long_packet, long_len);
		b->packets[0] = (struct packet){.data = memory + PACKET_HEAD, .len = long_len};
		b->count = 1;
		assert_int_equal(tun_write(scene.in, b), 0);
		read_all(1, as_long_as_written);
	}
}

TEST(vuln_59_carries_packets_of_mtu_68)
{
	set_mtu(68);
	for (size_t k = 0; k < INNER_EXAMPLES; k++) {
		struct inner in = inner_examples[k];

		if (in.v6) /* it wants 1280 */
			continue;
		add_flow(in, PACKETS, 68 - (in.udp ? 28 : 40 + in.options_len));
		pass();
	}
}

/* --- what the kernel refuses ------------------------------------------------------------------------------------ */

TEST(steps_down_to_what_the_kernel_agrees_to)
{
	static const struct {
		unsigned refused;
		enum tun_offload left;
	} steps[] = {
		{0, TUN_OFFLOAD_USO},
		{0x20 | 0x40, TUN_OFFLOAD_TSO},
		{0x20 | 0x40 | TUN_F_TSO4 | TUN_F_TSO6, TUN_OFFLOAD_CSUM},
		{0xff, TUN_OFFLOAD_NONE},
	};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0] && takes_all(); i++) {
		struct tun *t;

		offloads_refused = steps[i].refused;
		assert_int_equal(tun_open(&t, "steps0"), 0);
		assert_int_equal(tun_offload(t), steps[i].left);
		tun_close(t);
	}
	assert_string_equal(tun_offload_name(TUN_OFFLOAD_TSO), "checksums, TCP");

	struct tun *none = NULL;
	offloads_unknown = true;
	assert_int_equal(tun_open(&none, "steps0"), -EINVAL);
	assert_null(none);
	assert_int_equal(if_nametoindex("steps0"), 0);
}

/* The kernel cuts, and finishes checksums, for who does not. */
TEST(the_packets_are_the_same_whoever_cuts_them)
{
	static const unsigned refused[] = {0x20 | 0x40, 0x60 | TUN_F_TSO4 | TUN_F_TSO6, 0xff};

	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		for (size_t k = 0; k < INNER_EXAMPLES; k++) {
			reopen_scene();
			tun_close(scene.out);
			offloads_refused = refused[i];
			scene.out = netns_tun(scene.r, "out", "10.66.0.3/31", "2001:db8::3/127");
			add_flow(inner_examples[k], PACKETS, 1300);
			pass();
		}
}

TEST(joins_udp_no_more_once_the_kernel_has_refused_it)
{
	if (!takes_all())
		return;
	joined_udp_refused = true;
	for (size_t k = 3; k < INNER_EXAMPLES; k++) {
		add_flow(inner_examples[k], PACKETS, 1300);
		pass(); /* none is lost */
	}
	assert_int_equal(joined_udp_writes, 1);
	assert_int_equal(tun_stats(scene.in)->tx_failed, 0);
	assert_int_equal(tun_stats(scene.in)->tx_joined, 0);
	assert_int_equal(tun_stats(scene.in)->tx_packets, 2 * PACKETS);

	add_flow(inner_examples[0], PACKETS, 1300);
	pass();
	assert_int_equal(tun_stats(scene.in)->tx_joined, PACKETS); /* TCP it takes */
}

TEST(a_joined_write_that_is_refused_counts_all_its_packets)
{
	add_flow(inner_examples[0], PACKETS, 1300);
	netns_link_down(scene.r, tun_index(scene.in));
	assert_int_equal(tun_write(scene.in, &scene.batch), PACKETS);
	assert_int_equal(tun_stats(scene.in)->tx_failed, PACKETS);
	assert_int_equal(tun_stats(scene.in)->tx_packets, 0);

	netns_link_delete(scene.r, tun_index(scene.in));
	add_flow(inner_examples[0], PACKETS, 1300);
	assert_int_equal(tun_write(scene.in, &scene.batch), -EBADFD);
}

TEST(joins_nothing_for_a_device_without_header)
{
	struct ifreq q = {.ifr_name = "bare0", .ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR);
	struct prefix p = netns_prefix("10.66.1.0/31");
	struct tun *t;

	assert_int_equal(ioctl(fd, TUNSETIFF, &q), 0);
	assert_int_equal(tun_adopt(&t, fd), 0);
	assert_int_equal(tun_offload(t), TUN_OFFLOAD_NONE);
	assert_int_equal(link_set_no_ll(scene.r, tun_index(t)), 0);
	assert_int_equal(link_set_up(scene.r, tun_index(t)), 0);
	assert_int_equal(link_add_address(scene.r, tun_index(t), &p), 0);

	add_flow(inner_examples[0], PACKETS, 1300);
	assert_int_equal(tun_write(t, &scene.batch), 0);
	assert_int_equal(tun_stats(t)->tx_writes, PACKETS);
	read_all(PACKETS, as_it_was);
	tun_close(t);
}

/* --- what cannot be --------------------------------------------------------------------------------------------- */

static void expect_dropped(enum drop why, const uint8_t *raw, size_t len)
{
	enum drop other = why == DROP_VNET ? DROP_OFFLOAD : DROP_VNET;

	read_instead = raw;
	read_instead_len = len;
	tun_read(scene.out, 0, &scene.read);
	for (size_t i = 0; i < scene.read.count; i++)
		assert_false(is_ours(&scene.read.packets[i]));
	assert_int_equal(tun_take_dropped(scene.out, why), 1);
	assert_int_equal(tun_take_dropped(scene.out, why), 0);
	assert_int_equal(tun_take_dropped(scene.out, other), 0);
	assert_false(tun_pending(scene.out));
}

TEST(vuln_59_drops_and_counts_what_its_header_does_not_fit)
{
	uint8_t raw[VNET_LEN + 2048];
	struct inner in = inner_examples[0];
	struct vnet good = {.flags = VNET_NEEDS_CSUM,
			    .gso_type = VNET_TCPV4,
			    .gso_size = 500,
			    .csum_start = 20,
			    .csum_offset = 16};

	in.payload_len = 1400;
	inner_write(raw + VNET_LEN, &in);
	size_t len = VNET_LEN + inner_len(&in);

	for (int i = 0; i < 4; i++) {
		struct vnet v = good;

		v.gso_type = i == 0 ? VNET_TCPV6 : v.gso_type;
		v.gso_size = i == 1 ? 0 : v.gso_size;
		v.csum_start = i == 2 ? 0xffff : v.csum_start;
		v.flags = i == 3 ? 0x80 : v.flags;
		memcpy(raw, &v, VNET_LEN);
		expect_dropped(DROP_VNET, raw, len);
	}
	memcpy(raw, &good, VNET_LEN);
	expect_dropped(DROP_OFFLOAD, raw, len - 1);
	expect_dropped(DROP_OFFLOAD, raw, VNET_LEN + 30);
	expect_dropped(DROP_OFFLOAD, raw, VNET_LEN + 1);

	/* And goes on. */
	add_flow(in, 3, 1000);
	pass();
}

#define RUN_IN_SCENE(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_IN_SCENE(one_write_and_one_read_for_packets_of_a_flow),
		RUN_IN_SCENE(ordinary_packets_among_them_keep_their_place),
		RUN_IN_SCENE(a_super_packet_longer_than_a_batch_is_read_on),
		RUN_IN_SCENE(a_batch_is_a_few_super_packets),
		RUN_IN_SCENE(a_stream_that_fills_the_queue_loses_a_segment_and_no_more),
		RUN_IN_SCENE(small_packets_of_others_pass_by_what_waits),
		RUN_IN_SCENE(a_super_packet_of_long_headers_is_read_on),
		RUN_IN_SCENE(vuln_59_carries_packets_of_mtu_65535),
		RUN_IN_SCENE(vuln_59_carries_packets_of_mtu_68),
		RUN_IN_SCENE(steps_down_to_what_the_kernel_agrees_to),
		RUN_IN_SCENE(the_packets_are_the_same_whoever_cuts_them),
		RUN_IN_SCENE(joins_udp_no_more_once_the_kernel_has_refused_it),
		RUN_IN_SCENE(a_joined_write_that_is_refused_counts_all_its_packets),
		RUN_IN_SCENE(joins_nothing_for_a_device_without_header),
		RUN_IN_SCENE(vuln_59_drops_and_counts_what_its_header_does_not_fit),
	};

	if (!netns_enter() || !netns_may_forward())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
