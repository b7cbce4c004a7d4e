/* The TUN device with the real kernel at the other end. */
#include "config.h"

#include "tun/tun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "netns.h"
#include "support/test.h"
#include "tun/link.h"

#define OURS   "10.66.0.1"
#define THEIRS "10.66.0.2"
#define PORT   4444

static struct rtnl *r;
static struct batch batch;
static uint8_t memory[PACKET_SLOT];

static int open_rtnl(void **state)
{
	(void)state;
	return rtnl_open(&r);
}

static int close_rtnl(void **state)
{
	(void)state;
	rtnl_close(r);
	return 0;
}

static struct sockaddr_in host(const char *ip)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	assert_int_equal(inet_pton(AF_INET, ip, &in.sin_addr), 1);
	return in;
}

/* A UDP socket on our address, non-blocking. */
static int host_socket(void)
{
	struct sockaddr_in in = host(OURS);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	return fd;
}

static void host_send(int fd, const void *text, size_t len)
{
	struct sockaddr_in to = host(THEIRS);

	assert_int_equal(sendto(fd, text, len, 0, (struct sockaddr *)&to, sizeof to), len);
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		s += load_be16(p + i);
	if (len & 1)
		s += (uint32_t)p[len - 1] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* A UDP packet from THEIRS to OURS in `memory`, head room before it. */
static struct packet datagram(const void *text, size_t len)
{
	uint8_t *p = memory + PACKET_HEAD;
	struct sockaddr_in from = host(THEIRS), to = host(OURS);

	memset(memory, 0xff, PACKET_HEAD); /* what an earlier header left */
	memset(p, 0, 28);
	p[0] = 0x45;
	store_be16(p + 2, (uint16_t)(28 + len));
	p[8] = 64;
	p[9] = IPPROTO_UDP;
	memcpy(p + 12, &from.sin_addr, 4);
	memcpy(p + 16, &to.sin_addr, 4);
	store_be16(p + 10, (uint16_t)~fold(sum(0, p, 20)));
	store_be16(p + 20, PORT);
	store_be16(p + 22, PORT);
	store_be16(p + 24, (uint16_t)(8 + len));
	memcpy(p + 28, text, len);
	return (struct packet){.data = p, .len = 28 + len};
}

/* The headers of IPv4 and UDP are whole and right, the UDP checksum too. */
static bool is_sound(const struct packet *p)
{
	struct ip_view v;

	if (!ip_view(&v, p->data, p->len) || v.len != p->len || p->data[0] != 0x45 ||
	    p->data[9] != IPPROTO_UDP)
		return false;
	uint32_t pseudo = sum(IPPROTO_UDP + (uint32_t)p->len - 20, p->data + 12, 8);
	return fold(sum(0, p->data, 20)) == 0xffff &&
	       fold(sum(pseudo, p->data + 20, p->len - 20)) == 0xffff;
}

static int write_one(struct tun *t, struct packet p)
{
	batch.packets[0] = p;
	batch.count = 1;
	return tun_write(t, &batch);
}

static short events(const struct tun *t, int timeout)
{
	struct pollfd p = {.fd = tun_fd(t), .events = POLLIN};

	poll(&p, 1, timeout);
	return p.revents;
}

/* There and back through `t`, whose address is OURS. */
static void check_both_ways(struct tun *t)
{
	int fd = host_socket();
	char text[16] = "";

	host_send(fd, "ping", 4);
	assert_true(events(t, 1000) & POLLIN);
	assert_int_equal(tun_read(t, 0, &batch), 1);
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch.packets[0].len, 32);
	assert_true(is_sound(&batch.packets[0]));
	assert_memory_equal(batch.packets[0].data + 28, "ping", 4);
	assert_int_equal(tun_read(t, 0, &batch), 0);

	assert_int_equal(write_one(t, datagram("pong", 4)), 0);
	assert_int_equal(recv(fd, text, sizeof text, 0), 4);
	assert_string_equal(text, "pong");
	close(fd);
}

TEST(carries_packets_both_ways)
{
	struct tun *t = netns_tun(r, "wt0", OURS "/24", NULL);

	assert_string_equal(tun_name(t), "wt0");
	assert_int_equal(tun_index(t), if_nametoindex("wt0"));
	check_both_ways(t);
	assert_int_equal(tun_stats(t)->rx_packets, 1);
	assert_int_equal(tun_stats(t)->tx_packets, 1);
	assert_int_equal(tun_stats(t)->tx_failed, 0);
	tun_close(t);
}

TEST(carries_the_longest_packet)
{
	static uint8_t long_text[65507], got[65507];
	struct tun *t = netns_tun(r, "wt0", OURS "/24", NULL);
	int fd = host_socket();

	assert_int_equal(link_set_mtu(r, tun_index(t), 65535), 0);
	memset(long_text, 'x', sizeof long_text);
	long_text[sizeof long_text - 1] = 'y';
	host_send(fd, long_text, sizeof long_text);
	assert_int_equal(tun_read(t, 0, &batch), 1);
	assert_int_equal(batch.packets[0].len, 65535);
	assert_true(is_sound(&batch.packets[0]));

	assert_int_equal(write_one(t, datagram(long_text, sizeof long_text)), 0);
	assert_int_equal(recv(fd, got, sizeof got, 0), sizeof got);
	assert_memory_equal(got, long_text, sizeof got);
	close(fd);
	tun_close(t);
}

TEST(reads_a_batch_in_order_and_the_rest_next_time)
{
	struct tun *t = netns_tun(r, "wt0", OURS "/24", NULL);
	int fd = host_socket(), seen = 0, batches = 0;

	for (int i = 0; i < 300; i++)
		host_send(fd, &i, sizeof i);
	while (tun_read(t, 0, &batch) > 0) {
		batches++;
		for (size_t i = 0; i < batch.count; i++, seen++) {
			assert_true(is_sound(&batch.packets[i]));
			assert_memory_equal(batch.packets[i].data + 28, &seen, sizeof seen);
		}
	}
	assert_int_equal(seen, 300);
	assert_int_equal(batches, 3); /* of 128 small packets at most */
	assert_int_equal(tun_stats(t)->rx_packets, 300);
	assert_int_equal(tun_stats(t)->rx_reads, 300);
	assert_int_equal(tun_stats(t)->rx_calls, 302); /* the last of either turn found nothing */
	assert_int_equal(tun_stats(t)->rx_batches, 3);
	close(fd);
	tun_close(t);
}

TEST(counts_what_is_refused_and_writes_the_rest)
{
	struct tun *t = netns_tun(r, "wt0", OURS "/24", NULL);
	uint8_t rubbish[PACKET_HEAD + 40] = {[PACKET_HEAD] = 0x15};
	int fd = host_socket();
	char text[16];

	batch.packets[0] = (struct packet){.data = rubbish + PACKET_HEAD, .len = 40};
	batch.packets[1] = datagram("good", 4);
	batch.packets[2] = (struct packet){.data = rubbish + PACKET_HEAD, .len = 0};
	batch.count = 3;
	assert_int_equal(tun_write(t, &batch), 2);
	assert_int_equal(recv(fd, text, sizeof text, 0), 4);
	assert_int_equal(tun_stats(t)->tx_failed, 2);
	assert_int_equal(tun_stats(t)->tx_packets, 1);
	close(fd);
	tun_close(t);
}

TEST(says_at_once_when_the_link_was_deleted)
{
	struct tun *t = netns_tun(r, "wt0", OURS "/24", NULL);

	assert_int_equal(events(t, 0), 0);
	netns_link_delete(r, tun_index(t));
	assert_int_equal(events(t, 1000), POLLERR); /* which libev reports as readable */
	assert_int_equal(tun_read(t, 0, &batch), -EBADFD);
	assert_int_equal(write_one(t, datagram("late", 4)), -EBADFD);
	tun_close(t);
}

TEST(a_device_that_is_down_neither_fails_nor_wakes)
{
	struct tun *t = netns_tun(r, "wt0", OURS "/24", NULL);

	netns_link_down(r, tun_index(t));
	assert_int_equal(events(t, 0), 0);
	assert_int_equal(tun_read(t, 0, &batch), 0);
	assert_int_equal(write_one(t, datagram("lost", 4)), 1);
	assert_int_equal(tun_stats(t)->tx_failed, 1);
	assert_int_equal(link_set_up(r, tun_index(t)), 0);
	check_both_ways(t);
	tun_close(t);
}

TEST(refuses_names_that_are_bad_or_taken)
{
	static const char *const bad[] = {"", "a/b", "w%d", "sixteen_chars_xx", "..", "a b", "lo"};
	struct tun *t, *second = NULL;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(tun_open(&second, bad[i]), -EINVAL);
	assert_int_equal(tun_open(&t, "fifteen_chars_x"), 0);
	assert_string_equal(tun_name(t), "fifteen_chars_x");
	assert_int_equal(tun_open(&second, "fifteen_chars_x"), -EBUSY);
	tun_close(t);
	assert_int_equal(if_nametoindex("fifteen_chars_x"), 0);
}

static int device(const char *name, short flags)
{
	struct ifreq q = {.ifr_flags = flags};
	int fd = open("/dev/net/tun", O_RDWR);

	memcpy(q.ifr_name, name, strlen(name));
	assert_int_equal(ioctl(fd, TUNSETIFF, &q), 0);
	return fd;
}

TEST(adopts_a_device_with_and_without_vnet_header)
{
	static const short flags[] = {IFF_VNET_HDR, 0};

	for (int i = 0; i < 2; i++) {
		int fd = device("given0", (short)(IFF_TUN | IFF_NO_PI | flags[i]));
		struct prefix p = netns_prefix(OURS "/24");
		struct tun *t;

		/* As its maker may have left it: header of another size, offloads that would
		 * leave checksums undone. */
		if (flags[i]) {
			int len = 12;
			assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &len), 0);
			assert_int_equal(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), 0);
		}
		assert_int_equal(tun_adopt(&t, fd), 0);
		assert_string_equal(tun_name(t), "given0");
		assert_int_equal(tun_index(t), if_nametoindex("given0"));
		assert_int_equal(tun_read(t, 0, &batch), 0); /* and does not block */
		assert_int_equal(link_set_no_ll(r, tun_index(t)), 0);
		assert_int_equal(link_set_up(r, tun_index(t)), 0);
		assert_int_equal(link_add_address(r, tun_index(t), &p), 0);
		check_both_ways(t);
		tun_close(t);
	}
}

TEST(refuses_to_adopt_what_is_no_tun_device)
{
	struct tun *t = NULL;
	int ends[2], tap = device("tap0", IFF_TAP | IFF_NO_PI);
	int blank = open("/dev/net/tun", O_RDWR), null = open("/dev/null", O_RDWR),
	    udp = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(tun_adopt(&t, ends[0]), -ENOTTY);
	assert_int_equal(tun_adopt(&t, null), -ENOTTY);
	assert_int_equal(tun_adopt(&t, udp), -ENOTTY);
	assert_int_equal(tun_adopt(&t, tap), -ENOTTY);
	assert_int_equal(tun_adopt(&t, blank), -EBADFD);
	assert_int_equal(tun_adopt(&t, 999), -EBADF);
	assert_null(t);
	int fds[] = {ends[0], ends[1], tap, blank, null, udp};
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		assert_int_equal(close(fds[i]), 0); /* still ours */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(carries_packets_both_ways),
		RUN(carries_the_longest_packet),
		RUN(reads_a_batch_in_order_and_the_rest_next_time),
		RUN(counts_what_is_refused_and_writes_the_rest),
		RUN(says_at_once_when_the_link_was_deleted),
		RUN(a_device_that_is_down_neither_fails_nor_wakes),
		RUN(refuses_names_that_are_bad_or_taken),
		RUN(adopts_a_device_with_and_without_vnet_header),
		RUN(refuses_to_adopt_what_is_no_tun_device),
	};

	return netns_enter() ? cmocka_run_group_tests(tests, open_rtnl, close_rtnl) : 0;
}
