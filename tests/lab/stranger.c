/* Somebody on the network who holds no key, for the lab: floods a port, or records other people's datagrams and sends them
 * again, and counts what comes back (reliability.md, 3.6 and 3.7). The last line of output is the sum. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/rand.h"
#include "crypto/crypto.h"
#include "support/forge.h"
#include "wg/cookie.h"

static const char usage[] =
	"usage: stranger types FROM TO                        every type byte, lengths 0 to 200\n"
	"       stranger junk FROM TO SECONDS RATE            random bytes\n"
	"       stranger initiations FROM TO SECONDS RATE KEY unknown keys, mac1 right for KEY\n"
	"       stranger spoofed NET TO SECONDS RATE KEY      the same, from 65536 addresses "
	"(IPv4)\n"
	"       stranger loworder FROM TO KEY                 ephemeral keys of low order\n"
	"       stranger record LINK FILE PORT                UDP from or to PORT, until killed\n"
	"       stranger replay FROM TO FILE                  what was recorded\n"
	"FROM and TO are ADDRESS:PORT; FROM may be an address of somebody else. NET is the first "
	"of many.\n";

#define DATAGRAM_MAX 2048
#define LENGTH_MAX   200  /* of `types` and `junk` */
#define STRANGERS    64   /* different keys of `initiations` */
#define LINGER       500  /* ms to wait for late answers */
#define QUICKLY      5000 /* datagrams per second, where no rate was asked for */

struct stranger {
	int fd;
	struct rand rand;
	struct env env;
	struct sockaddr_storage to;
	socklen_t to_len;
	struct timespec began;
	uint64_t rate, sent, sent_bytes, got, got_bytes, cookies;
};

static void fail(const char *what)
{
	fprintf(stderr, "stranger: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t number(const char *text)
{
	uint64_t value;

	if (text_u64(&value, text, UINT32_MAX) != TEXT_OK) {
		fputs(usage, stderr);
		exit(2);
	}
	return value;
}

static socklen_t socket_name(const char *text, struct sockaddr_storage *out)
{
	struct addr a;

	if (!addr_parse(&a, text)) {
		fputs(usage, stderr);
		exit(2);
	}
	return addr_to_sockaddr(&a, out);
}

static uint64_t since(const struct stranger *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - s->began.tv_sec) * 1000000 +
			  (now.tv_nsec - s->began.tv_nsec) / 1000);
}

/* IP_TRANSPARENT is what lets FROM be a foreign address. Not connected: a router would take what it forwards to FROM for its own. */
static void aim(struct stranger *s, const char *from, const char *to, uint64_t rate)
{
	struct sockaddr_storage us;
	socklen_t len = socket_name(from, &us);
	int on = 1;

	s->rate = rate;
	s->to_len = socket_name(to, &s->to);
	s->fd = socket(us.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		fail("socket");
	setsockopt(s->fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on);
	if (bind(s->fd, (struct sockaddr *)&us, len) < 0)
		fail(from);
	clock_gettime(CLOCK_MONOTONIC, &s->began);
}

static void hear(struct stranger *s)
{
	uint8_t data[DATAGRAM_MAX];
	ssize_t len;

	while ((len = recv(s->fd, data, sizeof data, MSG_DONTWAIT)) >= 0) {
		s->got++;
		s->got_bytes += (uint64_t)len;
		s->cookies +=
			len == sizeof(struct message_cookie) && load_le32(data) == MESSAGE_COOKIE;
	}
}

/* What the host refuses (a full queue) is not sent, and that is all. */
static void say(struct stranger *s, const void *data, size_t len)
{
	static const struct timespec pause = {.tv_nsec = 500000};

	if (sendto(s->fd, data, len, 0, (struct sockaddr *)&s->to, s->to_len) == (ssize_t)len) {
		s->sent++;
		s->sent_bytes += len;
	}
	if (s->sent % 16 == 0)
		hear(s);
	while (s->sent > since(s) * s->rate / 1000000)
		nanosleep(&pause, NULL);
}

static void types(struct stranger *s, char **args)
{
	uint8_t data[LENGTH_MAX];

	aim(s, args[0], args[1], QUICKLY * 4);
	for (unsigned type = 0; type < 256; type++) {
		for (size_t len = 0; len <= LENGTH_MAX; len++) {
			rand_bytes(&s->rand, data, sizeof data);
			/* Every other one with WireGuard's three zero bytes, so that it gets further. */
			store_le32(data, len % 2 ? type : type | load_le32(data) << 8);
			say(s, data, len);
		}
	}
}

static void junk(struct stranger *s, char **args)
{
	uint64_t until = number(args[2]) * 1000000;
	uint8_t data[LENGTH_MAX];

	aim(s, args[0], args[1], number(args[3]));
	while (since(s) < until) {
		rand_bytes(&s->rand, data, sizeof data);
		if (s->sent % 2)
			store_le32(data, 1 + rand_below(&s->rand, 4));
		say(s, data, rand_below(&s->rand, LENGTH_MAX + 1));
	}
}

struct victim {
	struct key_public key;
	struct cookie_jar jar; /* for mac1 */
};

static void choose_victim(struct victim *v, const char *key)
{
	if (text_base64(v->key.bytes, key) != TEXT_OK) {
		fputs(usage, stderr);
		exit(2);
	}
	cookie_jar_init(&v->jar, &v->key);
}

/* Somebody new, and the victim as that one sees it. */
static void invent(struct stranger *s, const struct victim *v, struct noise_local *local,
		   struct noise_remote *remote)
{
	struct key_private secret;

	key_private_generate(&secret, &s->env);
	noise_local_init(local, &secret);
	if (!noise_remote_init(remote, local, &v->key, &(struct key_shared){{0}}))
		exit(1);
}

/* Each decrypts to a key that is no peer's of the victim. */
struct crowd {
	struct victim victim;
	struct message_initiation msgs[STRANGERS];
};

static void gather_crowd(struct stranger *s, struct crowd *c, const char *key)
{
	choose_victim(&c->victim, key);
	for (uint32_t i = 0; i < STRANGERS; i++) {
		uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0};
		struct noise_initiator attempt;
		struct noise_remote remote;
		struct noise_local local;
		invent(s, &c->victim, &local, &remote);
		noise_timestamp_next(timestamp, SEC(1700000000));
		noise_write_initiation(&attempt, &local, &remote, i + 1, timestamp, &s->env,
				       &c->msgs[i]);
	}
}

static const struct message_initiation *next_of_crowd(struct stranger *s, struct crowd *c)
{
	struct message_initiation *msg = &c->msgs[s->sent % STRANGERS];

	store_le32(msg->sender, rand_u32(&s->rand));
	cookie_sign(&c->victim.jar, (uint8_t *)msg, sizeof *msg, 0);
	return msg;
}

static void initiations(struct stranger *s, char **args)
{
	static struct crowd crowd;
	uint64_t until = number(args[2]) * 1000000;

	gather_crowd(s, &crowd, args[4]);
	aim(s, args[0], args[1], number(args[3]));
	while (since(s) < until)
		say(s, next_of_crowd(s, &crowd), sizeof(struct message_initiation));
}

/* An initiation with its IPv4 and UDP headers, which the kernel leaves as they are but for the checksum of the first; the second
 * may lack one. */
struct spoofed {
	uint8_t version, tos, total[2], id[2], fragment[2], ttl, protocol, checksum[2];
	uint8_t source[4], destination[4];
	uint8_t source_port[2], destination_port[2], udp_len[2], udp_checksum[2];
	struct message_initiation msg;
};

static void spoofed(struct stranger *s, char **args)
{
	static struct crowd crowd;
	uint64_t until = number(args[2]) * 1000000;
	struct spoofed ip = {.version = 0x45, .ttl = 64, .protocol = IPPROTO_UDP};
	struct addr from, to;

	if (!addr_parse(&from, args[0]) || !addr_parse(&to, args[1]) || from.family != ADDR_V4 ||
	    to.family != ADDR_V4) {
		fputs(usage, stderr);
		exit(2);
	}
	memcpy(ip.source, from.ip, sizeof ip.source);
	memcpy(ip.destination, to.ip, sizeof ip.destination);
	store_be16(ip.total, sizeof ip);
	store_be16(ip.source_port, from.port);
	store_be16(ip.destination_port, to.port);
	store_be16(ip.udp_len, 8 + sizeof ip.msg);

	gather_crowd(s, &crowd, args[4]);
	s->rate = number(args[3]);
	s->to_len = socket_name(args[1], &s->to);
	s->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW); /* hears nothing */
	if (s->fd < 0)
		fail("raw socket");
	clock_gettime(CLOCK_MONOTONIC, &s->began);
	while (since(s) < until) {
		store_be16(ip.source + 2, (uint16_t)rand_u32(&s->rand));
		ip.msg = *next_of_crowd(s, &crowd);
		say(s, &ip, sizeof ip);
	}
}

static void loworder(struct stranger *s, char **args)
{
	const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x40};
	struct noise_remote remote;
	struct noise_local local;
	struct victim v;

	choose_victim(&v, args[2]);
	invent(s, &v, &local, &remote);
	aim(s, args[0], args[1], QUICKLY);
	for (size_t i = 0; i < FORGE_LOW_ORDER_COUNT; i++) {
		struct message_initiation msg;
		struct key_public ephemeral;
		if (text_hex32(ephemeral.bytes, forge_low_order[i]) != TEXT_OK)
			exit(1);
		forge_initiation(&msg, &local, &remote, timestamp, &ephemeral,
				 &(struct key_shared){{0}});
		cookie_sign(&v.jar, (uint8_t *)&msg, sizeof msg, 0);
		say(s, &msg, sizeof msg);
	}
}

/* The UDP payload of an IPv4 packet from or to the port; NULL: something else. */
static const uint8_t *payload(const uint8_t *ip, size_t len, unsigned port, size_t *out_len)
{
	size_t header = len >= 20 ? (ip[0] & 0xfu) * 4 : 0;
	size_t at = header + 8;

	if (header < 20 || len < at || ip[0] >> 4 != 4 || ip[9] != IPPROTO_UDP)
		return NULL;
	if (load_be16(ip + header) != port && load_be16(ip + header + 2) != port)
		return NULL;
	*out_len = load_be16(ip + header + 4) - 8u;
	return *out_len <= len - at ? ip + at : NULL;
}

static void record(struct stranger *s, char **args)
{
	/* All protocols: only so are packets that leave by the link seen, too. */
	struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	unsigned port = (unsigned)number(args[2]);
	uint8_t ip[DATAGRAM_MAX], head[2];
	FILE *file = fopen(args[1], "w");
	ssize_t len;

	link.sll_ifindex = (int)if_nametoindex(args[0]);
	s->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (file == NULL || s->fd < 0 || bind(s->fd, (struct sockaddr *)&link, sizeof link) < 0)
		fail(args[0]);
	while ((len = recv(s->fd, ip, sizeof ip, 0)) >= 0) {
		size_t data_len = 0;
		const uint8_t *data = payload(ip, (size_t)len, port, &data_len);
		if (data == NULL)
			continue;
		store_be16(head, (uint16_t)data_len);
		fwrite(head, 1, sizeof head, file);
		fwrite(data, 1, data_len, file);
		fflush(file);
	}
	fail("recv");
}

static void replay(struct stranger *s, char **args)
{
	FILE *file = fopen(args[2], "r");
	uint8_t head[2], data[DATAGRAM_MAX];

	if (file == NULL)
		fail(args[2]);
	aim(s, args[0], args[1], QUICKLY);
	while (fread(head, 1, sizeof head, file) == sizeof head) {
		size_t len = load_be16(head);
		if (len > sizeof data || fread(data, 1, len, file) != len)
			break;
		say(s, data, len);
	}
	fclose(file);
}

static const struct mode {
	const char *name;
	int args;
	void (*run)(struct stranger *s, char **args);
} modes[] = {
	{"types", 2, types},     {"junk", 4, junk},         {"initiations", 5, initiations},
	{"spoofed", 5, spoofed}, {"loworder", 3, loworder}, {"record", 3, record},
	{"replay", 3, replay},
};

int main(int argc, char **argv)
{
	static struct stranger s;
	const struct mode *mode = NULL;

	for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(argv[1], modes[i].name) == 0 && argc == 2 + modes[i].args)
			mode = &modes[i];
	}
	if (mode == NULL || crypto_init(NULL) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	s.rand = rand_system();
	s.env = (struct env){.rand = &s.rand};
	mode->run(&s, argv + 2);

	struct pollfd wait = {.fd = s.fd, .events = POLLIN};
	while (poll(&wait, 1, LINGER) > 0 && wait.revents & POLLIN)
		hear(&s);
	printf("sent=%lu sent_bytes=%lu got=%lu got_bytes=%lu cookies=%lu\n", s.sent, s.sent_bytes,
	       s.got, s.got_bytes, s.cookies);
	return 0;
}
