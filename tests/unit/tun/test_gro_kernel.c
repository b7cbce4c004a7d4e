/* Joined packets given to the real kernel, which forwards them to a device that takes no
 * super-packets: what comes out there is what was joined, but for one hop. */
#include "tun/gro.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "base/bytes.h"
#include "netns.h"
#include "support/cutter.h"
#include "support/inner.h"
#include "support/test.h"

#define PACKETS 40
#define GROUP   20
#define TCP_PSH 0x008
#define WAIT_MS 1000

struct scene {
	struct tun *in, *out;
	struct slab slab;
	struct batch batch, read;
	struct gro gro;
	uint8_t before[PACKETS][2048];
};

static struct scene scene;

static int open_scene(void **state)
{
	struct rtnl *r;

	(void)state;
	if (rtnl_open(&r) < 0 || slab_init(&scene.slab, PACKETS) < 0)
		return -1;
	scene.in = netns_tun(r, "in", "10.66.0.0/31", "2001:db8::1:0/128");
	scene.out = netns_tun(r, "out", "10.66.0.3/31", "2001:db8::3/127");
	if (ioctl(tun_fd(scene.out), TUNSETOFFLOAD, 0) < 0)
		return -1;
	rtnl_close(r);
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	tun_close(scene.in);
	tun_close(scene.out);
	slab_free(&scene.slab);
	return 0;
}

static void add(const struct inner *in)
{
	size_t i = scene.batch.count++;
	uint8_t *data = slab_data(&scene.slab, i);

	inner_write(data, in);
	memcpy(scene.before[i], data, inner_len(in));
	scene.batch.packets[i] = (struct packet){.data = data, .len = inner_len(in)};
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

static void expect_all_as_they_were(void)
{
	struct pollfd readable = {.fd = tun_fd(scene.out), .events = POLLIN};
	size_t seen = 0;

	while (seen < scene.batch.count && poll(&readable, 1, WAIT_MS) > 0) {
		tun_read(scene.out, 0, &scene.read);
		for (size_t i = 0; i < scene.read.count; i++) {
			struct packet *p = &scene.read.packets[i];

			if (!is_ours(p))
				continue;
			assert_true(seen < scene.batch.count);
			assert_int_equal(p->len, scene.batch.packets[seen].len);
			take_back_a_hop(p->data);
			assert_memory_equal(p->data, scene.before[seen], p->len);
			seen++;
		}
	}
	assert_int_equal(seen, scene.batch.count);
}

/* False when this kernel takes no joined UDP. */
static bool pass(bool is_udp)
{
	gro_join(&scene.gro, &scene.batch, GRO_TCP | GRO_UDP);
	assert_int_equal(scene.gro.write_count, 2);
	for (size_t i = 0; i < scene.gro.write_count; i++) {
		const struct gro_write *w = &scene.gro.writes[i];
		ssize_t written = writev(tun_fd(scene.in), w->iov, (int)w->count);

		if (written < 0 && errno == EINVAL && is_udp) {
			print_message("# SKIP: this kernel takes no joined UDP\n");
			return false;
		}
		assert_true(written > 0);
	}
	return true;
}

/* Two groups that end with a shorter packet, the first of TCP with PSH too. */
static void add_groups(struct inner in, bool id_counts)
{
	scene.batch.count = 0;
	for (int i = 0; i < PACKETS; i++) {
		struct inner one = in;

		one.payload_len = i % GROUP == GROUP - 1 ? 33 : 1200;
		if (i == GROUP - 1)
			one.flags |= TCP_PSH;
		add(&one);
		inner_advance(&one);
		one.flags = in.flags;
		one.id = id_counts ? one.id : in.id;
		in = one;
	}
}

TEST(the_kernel_cuts_apart_what_was_joined_into_the_same_bytes)
{
	for (size_t k = 0; k < INNER_EXAMPLES; k++) {
		add_groups(inner_examples[k], true);
		if (!pass(inner_examples[k].udp))
			return;
		expect_all_as_they_were();
	}
}

/* RFC 6864: with DF they mean nothing. It is the one thing that joining changes. */
TEST(the_kernel_counts_up_ids_that_stood_still)
{
	add_groups(inner_examples[0], false);
	assert_true(pass(false));
	for (size_t i = 0; i < PACKETS; i++) {
		uint8_t *packet = scene.before[i];

		store_be16(packet + 4, (uint16_t)(inner_examples[0].id + i % GROUP));
		store_be16(packet + 10, 0);
		store_be16(packet + 10, (uint16_t)~cutter_sum(0, packet, 20));
	}
	expect_all_as_they_were();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_kernel_cuts_apart_what_was_joined_into_the_same_bytes),
		RUN(the_kernel_counts_up_ids_that_stood_still),
	};

	if (!netns_enter() || !netns_may_forward())
		return 0;
	return cmocka_run_group_tests(tests, open_scene, close_scene);
}
