/* A NAT between two interfaces of a network namespace, with a bad cable outside where that is wanted (docs/nat.md):
 *
 *     warren-natbox --inside=DEV --outside=DEV --control=SOCKET [--own=ADDRESS,...] [--seed=N] [--WORD...]
 *
 * Words are those of tests/lab/words.h: --mapping=apdm --pool=203.0.113.1; and --out="delay=20ms loss=1%", --in, --both for the
 * directions of the cable. Each connection to the control socket (SOCK_SEQPACKET) is one command, answered by text whose last
 * line is "ok" or begins with "error":
 *
 *     change WORD...             another kind of NAT, live
 *     flush                      forget all flows
 *     rebind ADDRESS             another public address
 *     impair out|in|both WORD... the cable is this from now on; no word: a good one
 *     stats                      what was counted
 *
 * Packets are taken from packet sockets, super-packets cut (tun/gso.h), and sent through raw sockets, so that the kernel finds
 * routes and neighbours. It has to be kept from answering them itself: the lab has a rule for that (tests/lab/lab, lab_box). */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/ip.h"
#include "base/rand.h"
#include "lab/router.h"
#include "lab/words.h"
#include "sim/link.h"
#include "tun/csum.h"
#include "tun/gso.h"

#define RX_BATCH    32
#define RX_ROOM     (VNET_LEN + ETH_HLEN + 65536)
#define TX_BATCH    64
#define PACKET_ROOM 2048  /* of one that was cut: an interface's MTU, and ICMP errors */
#define UNDER_WAY   32768 /* packets on the cable: 100 Mbit/s of large ones for more than 3 s */
#define SOCKET_ROOM (32 << 20)
#define CLIENTS_MAX 8
#define COMMAND_MAX 1024
#define WORDS_MAX   64

_Static_assert(PACKET_ROOM >= TRANSLATE_ERROR_MAX,
	       "an error takes the place of the packet it is about");

/* A packet on the cable outside, or about to be sent. */
struct parcel {
	struct heap_node due;
	struct parcel *next_free;
	enum router_side to; /* the end of the cable it leaves by: OUTSIDE was sent by us */
	size_t len;
	uint8_t data[PACKET_ROOM];
};

struct sending {
	int fd;
	size_t count;
	struct mmsghdr messages[TX_BATCH];
	struct iovec iov[TX_BATCH];
	struct sockaddr_storage to[TX_BATCH];
	struct parcel *parcels[TX_BATCH];
};

struct receiving {
	int fd;
	struct mmsghdr messages[RX_BATCH];
	struct iovec iov[RX_BATCH];
	struct sockaddr_ll from[RX_BATCH];
	uint8_t *memory;
};

/* Packets that neither router nor cable counted. */
struct edge_stats {
	uint64_t received, sent, uncut, too_long, no_room, unsendable, refused, overrun;
};

static struct router router;
static struct link
	cable[ROUTER_SIDES]; /* by the side a packet leaves by: OUTSIDE is "out", INSIDE is "in" */
static struct receiving receiving[ROUTER_SIDES];
static struct sending sending[ROUTER_SIDES][2]; /* by side, IPv4 and IPv6 */
static struct heap under_way;
static uint16_t parcel_count; /* sent so far: those of one microsecond keep their order */
static struct parcel *parcels;
static size_t
	parcels_used; /* so many have been taken at one time or another: no other costs memory */
static struct parcel *parcels_free; /* of these, the last one freed first: it is in the cache */
static struct rand chance;
static struct edge_stats edge;
static int listener;
static int clients[CLIENTS_MAX];

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
	va_list args;

	fputs("warren-natbox: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static usec clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return SEC(ts.tv_sec) + ts.tv_nsec / 1000;
}

/* --- sending -------------------------------------------------------------------------------------------------------- */

static struct parcel *parcel_new(void)
{
	struct parcel *p = parcels_free;

	if (p != NULL) {
		parcels_free = p->next_free;
		return p;
	}
	if (parcels_used == UNDER_WAY) {
		edge.no_room++;
		return NULL;
	}
	return &parcels[parcels_used++];
}

static void parcel_free(struct parcel *p)
{
	p->next_free = parcels_free;
	parcels_free = p;
}

static void flush(struct sending *s)
{
	size_t done = 0;

	while (done < s->count) {
		int n = sendmmsg(s->fd, s->messages + done, (unsigned)(s->count - done),
				 MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			edge.refused++;
		else
			edge.sent += (uint64_t)n;
		done += n < 0 ? 1 : (size_t)n;
	}
	for (size_t i = 0; i < s->count; i++)
		parcel_free(s->parcels[i]);
	s->count = 0;
}

static void flush_all(void)
{
	for (int side = 0; side < ROUTER_SIDES; side++)
		for (int v6 = 0; v6 < 2; v6++)
			flush(&sending[side][v6]);
}

/* The kernel would write the checksum of an IPv4 header anew: one that the cable corrupted ends here, as at the next hop. */
static bool is_sendable(const struct parcel *p)
{
	struct ip_view ip;

	return ip_view(&ip, p->data, p->len) && ip.len == p->len &&
	       (ip.family == ADDR_V6 || csum_sum(p->data, (size_t)(p->data[0] & 15) * 4) == 0xffff);
}

/* Takes the parcel. */
static void transmit(struct parcel *p, enum router_side to)
{
	if (!is_sendable(p)) {
		edge.unsendable++;
		parcel_free(p);
		return;
	}
	bool is_v6 = p->data[0] >> 4 == 6;
	struct sending *s = &sending[to][is_v6];
	if (s->count == TX_BATCH)
		flush(s);

	struct addr dst = is_v6 ? addr_v6(p->data + 24, 0, 0) : addr_v4(p->data + 16, 0);
	struct mmsghdr *m = &s->messages[s->count];
	m->msg_hdr.msg_namelen = addr_to_sockaddr(&dst, &s->to[s->count]);
	s->iov[s->count] = (struct iovec){.iov_base = p->data, .iov_len = p->len};
	s->parcels[s->count++] = p;
}

/* --- the cable ------------------------------------------------------------------------------------------------------ */

static void arrive(struct parcel *p, usec now);

static void enqueue(struct parcel *p, usec at)
{
	/* The heap tells nothing about equal instants: they are told apart by a number. */
	heap_set(&under_way, &p->due, at << 16 | parcel_count++);
}

/* What the parcel holds is sent along the cable. Takes the parcel. */
static void carry(struct parcel *p, enum router_side to, usec now)
{
	struct link_result fate = link_send(&cable[to], p->len, now, &chance);

	p->to = to;
	for (size_t i = 0; i < fate.copies; i++) {
		struct parcel *copy = i + 1 < fate.copies ? parcel_new() : p;
		if (copy == NULL)
			continue;
		if (copy != p) {
			copy->to = to;
			copy->len = p->len;
			memcpy(copy->data, p->data, p->len);
		}
		link_corrupt(copy->data, copy->len, fate.arrival[i].bits, &chance);
		if (fate.arrival[i].at <= now)
			arrive(copy, now);
		else
			enqueue(copy, fate.arrival[i].at);
	}
	if (fate.copies == 0)
		parcel_free(p);
}

/* Takes the parcel. */
static void route(struct parcel *p, enum router_side from, usec now)
{
	switch (router_packet(&router, from, p->data, &p->len, sizeof p->data, now)) {
	case ROUTER_DROP:
		parcel_free(p);
		return;
	case ROUTER_TO_INSIDE:
		transmit(p, ROUTER_INSIDE);
		return;
	case ROUTER_TO_OUTSIDE:
		carry(p, ROUTER_OUTSIDE, now);
		return;
	}
}

/* At the end of the cable. Takes the parcel. */
static void arrive(struct parcel *p, usec now)
{
	if (p->to == ROUTER_OUTSIDE)
		transmit(p, ROUTER_OUTSIDE);
	else
		route(p, ROUTER_OUTSIDE, now);
}

static void deliver_due(usec now)
{
	struct heap_node *top;

	while ((top = heap_top(&under_way)) != NULL && top->at >> 16 <= now) {
		heap_remove(&under_way, top);
		arrive((struct parcel *)top, now);
	}
}

/* --- receiving ------------------------------------------------------------------------------------------------------ */

/* Takes the parcel. */
static void take(struct parcel *p, enum router_side from, usec now)
{
	if (from == ROUTER_OUTSIDE)
		carry(p, ROUTER_INSIDE, now);
	else
		route(p, ROUTER_INSIDE, now);
}

static void take_packet(uint8_t *data, size_t len, const struct vnet *vnet, enum router_side from,
			usec now)
{
	struct gso g;

	if (gso_start(&g, vnet, data, len) != DROP_NONE) {
		edge.uncut++;
		return;
	}
	if (g.left == 0 && len > PACKET_ROOM) {
		edge.too_long++;
		return;
	}
	do {
		if (g.left > 0 && g.headers_len + g.size > PACKET_ROOM) {
			edge.too_long++;
			return;
		}
		struct parcel *p = parcel_new();
		if (p == NULL)
			return;
		if (g.left > 0) {
			p->len = gso_next(&g, p->data);
		} else {
			p->len = len;
			memcpy(p->data, data, len);
		}
		take(p, from, now);
	} while (g.left > 0);
}

static void take_frame(uint8_t *frame, size_t len, const struct sockaddr_ll *from,
		       enum router_side side, usec now)
{
	uint16_t type = ntohs(from->sll_protocol);
	struct vnet vnet;

	if (from->sll_pkttype != PACKET_HOST || (type != ETH_P_IP && type != ETH_P_IPV6) ||
	    len <= VNET_LEN + ETH_HLEN)
		return;
	edge.received++;
	memcpy(&vnet, frame, sizeof vnet);
	if (vnet.flags & VNET_NEEDS_CSUM)
		vnet.csum_start -= ETH_HLEN;
	take_packet(frame + VNET_LEN + ETH_HLEN, len - VNET_LEN - ETH_HLEN, &vnet, side, now);
}

static void receive(enum router_side side, usec now)
{
	struct receiving *r = &receiving[side];

	for (size_t i = 0; i < RX_BATCH; i++)
		r->messages[i].msg_hdr.msg_namelen = sizeof r->from[i];
	int n = recvmmsg(r->fd, r->messages, RX_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		take_frame(r->iov[i].iov_base, r->messages[i].msg_len, &r->from[i], side, now);
}

/* --- control -------------------------------------------------------------------------------------------------------- */

struct answer {
	char text[4096];
	size_t len;
};

static void say(struct answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct answer *a, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(a->text + a->len, sizeof a->text - a->len, fmt, args);
	va_end(args);
	a->len += n > 0 && (size_t)n < sizeof a->text - a->len ? (size_t)n : 0;
}

static void command_change(struct answer *a, char **words, size_t count)
{
	struct natbox_config config = router.nb.config;

	for (size_t i = 0; i < count; i++)
		if (!words_nat(&config, words[i])) {
			say(a, "error: what is %s?\n", words[i]);
			return;
		}
	if (natbox_change(&router.nb, &config) != 0)
		say(a, "error: there is no such NAT\n");
	else
		say(a, "ok\n");
}

static void command_rebind(struct answer *a, char **words, size_t count)
{
	struct addr public;

	if (count != 1 || !addr_parse_ip(&public, words[0]) ||
	    natbox_rebind(&router.nb, &public) != 0)
		say(a, "error: rebind ADDRESS, of IPv4\n");
	else
		say(a, "ok\n");
}

/* Which directions a word means: false if none. */
static bool is_direction(const char *word, enum router_side to)
{
	return strcmp(word, "both") == 0 || strcmp(word, to == ROUTER_OUTSIDE ? "out" : "in") == 0;
}

static void command_impair(struct answer *a, char **words, size_t count)
{
	struct link_config config = {0};

	if (count == 0 ||
	    !(is_direction(words[0], ROUTER_OUTSIDE) || is_direction(words[0], ROUTER_INSIDE))) {
		say(a, "error: impair out|in|both WORD...\n");
		return;
	}
	for (size_t i = 1; i < count; i++)
		if (!words_link(&config, words[i])) {
			say(a, "error: what is %s?\n", words[i]);
			return;
		}
	for (int to = 0; to < ROUTER_SIDES; to++)
		if (is_direction(words[0], to))
			link_change(&cable[to], &config);
	say(a, "ok\n");
}

static void say_verdicts(struct answer *a, const char *name, const uint64_t counts[NATBOX_VERDICTS])
{
	for (int v = 0; v < NATBOX_VERDICTS; v++)
		if (counts[v] > 0)
			say(a, "%s %s %" PRIu64 "\n", name, natbox_verdict_name(v), counts[v]);
}

static void say_cable(struct answer *a, const char *name, const struct link *l)
{
	for (int f = 0; f < LINK_FATES; f++)
		say(a, "%s %s %" PRIu64 "\n", name, link_fate_name(f), l->stats.packets[f]);
	say(a, "%s duplicated %" PRIu64 "\n%s reordered %" PRIu64 "\n%s corrupted %" PRIu64 "\n",
	    name, l->stats.duplicated, name, l->stats.reordered, name, l->stats.corrupted);
}

static void count_overruns(void)
{
	for (int side = 0; side < ROUTER_SIDES; side++) {
		struct tpacket_stats stats;
		socklen_t len = sizeof stats;

		if (getsockopt(receiving[side].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) ==
		    0)
			edge.overrun += stats.tp_drops;
	}
}

static void command_stats(struct answer *a)
{
	const struct natbox_stats *n = &router.nb.stats;
	const struct router_stats *r = &router.stats;
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {
		{"entries", natbox_count(&router.nb, clock_now())},
		{"mappings", n->mappings},
		{"moved", n->moved},
		{"poisoned", n->poisoned},
		{"expired", n->expired},
		{"short", r->short_},
		{"corrupt", r->corrupt},
		{"alien", r->alien},
		{"lost-fragments", r->lost_fragment},
		{"for-router", r->own},
		{"answered", r->answered},
		{"time-exceeded", r->time_exceeded},
		{"unreachable", r->unreachable},
		{"received", edge.received},
		{"sent", edge.sent},
		{"uncut", edge.uncut},
		{"too-long", edge.too_long},
		{"no-room", edge.no_room},
		{"unsendable", edge.unsendable},
		{"refused", edge.refused},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		say(a, "%s %" PRIu64 "\n", rows[i].name, rows[i].count);
	count_overruns();
	say(a, "overrun %" PRIu64 "\n", edge.overrun);
	say_verdicts(a, "nat-out", n->out);
	say_verdicts(a, "nat-in", n->in);
	say_cable(a, "cable-out", &cable[ROUTER_OUTSIDE]);
	say_cable(a, "cable-in", &cable[ROUTER_INSIDE]);
	say(a, "ok\n");
}

static size_t split(char *words[static WORDS_MAX], char *line)
{
	size_t count = 0;
	char *word;

	while (count < WORDS_MAX && (word = strsep(&line, " \n")) != NULL)
		if (*word != '\0')
			words[count++] = word;
	return count;
}

static void command(struct answer *a, char *line)
{
	char *words[WORDS_MAX];
	size_t count = split(words, line);
	const char *verb = count > 0 ? words[0] : "";

	if (strcmp(verb, "change") == 0) {
		command_change(a, words + 1, count - 1);
	} else if (strcmp(verb, "rebind") == 0) {
		command_rebind(a, words + 1, count - 1);
	} else if (strcmp(verb, "impair") == 0) {
		command_impair(a, words + 1, count - 1);
	} else if (strcmp(verb, "stats") == 0) {
		command_stats(a);
	} else if (strcmp(verb, "flush") == 0) {
		router_flush(&router);
		say(a, "ok\n");
	} else {
		say(a, "error: change, flush, rebind, impair, stats\n");
	}
}

static void serve(int *client)
{
	struct answer a = {.len = 0};
	char line[COMMAND_MAX];
	ssize_t len = recv(*client, line, sizeof line - 1, MSG_DONTWAIT);

	if (len > 0) {
		line[len] = '\0';
		command(&a, line);
		send(*client, a.text, a.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	close(*client);
	*client = -1;
}

static void welcome(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
		if (clients[i] < 0) {
			clients[i] = fd;
			return;
		}
	if (fd >= 0)
		close(fd);
}

/* --- the loop ------------------------------------------------------------------------------------------------------- */

static void wait_for(struct pollfd fds[static 3 + CLIENTS_MAX])
{
	usec deadline = heap_deadline(&under_way), now = clock_now();
	usec left = deadline == USEC_NEVER ? SEC(3600) : usec_max((deadline >> 16) - now, 0);
	const struct timespec timeout = {.tv_sec = left / SEC(1), .tv_nsec = left % SEC(1) * 1000};

	for (int side = 0; side < ROUTER_SIDES; side++)
		fds[side] = (struct pollfd){.fd = receiving[side].fd, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		fds[3 + i] = (struct pollfd){.fd = clients[i], .events = POLLIN};
	if (ppoll(fds, 3 + CLIENTS_MAX, &timeout, NULL) < 0 && errno != EINTR)
		die("ppoll: %s", strerror(errno));
}

static void run(void)
{
	for (;;) {
		struct pollfd fds[3 + CLIENTS_MAX];

		wait_for(fds);
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			if (clients[i] >= 0 && fds[3 + i].revents != 0)
				serve(&clients[i]);
		if (fds[2].revents != 0)
			welcome();
		usec now = clock_now();
		deliver_due(now);
		for (int side = 0; side < ROUTER_SIDES; side++)
			if (fds[side].revents != 0)
				receive(side, now);
		flush_all();
	}
}

/* --- start ---------------------------------------------------------------------------------------------------------- */

static void open_receiving(struct receiving *r, const char *device)
{
	const int on = 1, room = SOCKET_ROOM;
	const struct sockaddr_ll name = {.sll_family = AF_PACKET,
					 .sll_protocol = htons(ETH_P_ALL),
					 .sll_ifindex = (int)if_nametoindex(device)};

	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	r->memory = malloc((size_t)RX_BATCH * RX_ROOM);
	if (r->fd < 0 || r->memory == NULL)
		die("packet socket: %s", strerror(errno));
	if (name.sll_ifindex == 0)
		die("there is no interface %s", device);
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
	    setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0 ||
	    bind(r->fd, (const struct sockaddr *)&name, sizeof name) < 0)
		die("packet socket on %s: %s", device, strerror(errno));
	for (size_t i = 0; i < RX_BATCH; i++) {
		r->iov[i] = (struct iovec){.iov_base = r->memory + i * RX_ROOM, .iov_len = RX_ROOM};
		r->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &r->from[i], .msg_iov = &r->iov[i], .msg_iovlen = 1};
	}
}

static void open_sending(struct sending *s, int family, const char *device)
{
	const int room = SOCKET_ROOM;

	s->fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (s->fd < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
		die("raw socket on %s: %s", device, strerror(errno));
	for (size_t i = 0; i < TX_BATCH; i++)
		s->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &s->to[i], .msg_iov = &s->iov[i], .msg_iovlen = 1};
}

static void open_control(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof name.sun_path)
		die("%s is too long for a socket", path);
	strcpy(name.sun_path, path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&name, sizeof name) < 0 ||
	    listen(listener, CLIENTS_MAX) < 0)
		die("%s: %s", path, strerror(errno));
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		clients[i] = -1;
}

static void make_parcels(void)
{
	parcels = calloc(UNDER_WAY, sizeof *parcels);
	if (parcels == NULL || heap_reserve(&under_way, UNDER_WAY) < 0)
		die("out of memory");
}

struct options {
	const char *inside, *outside, *control;
	struct addr own4, own6;
	uint64_t seed;
	struct natbox_config nat;
	struct link_config cable[ROUTER_SIDES];
};

static bool read_own(struct options *o, char *text)
{
	for (char *one; (one = strsep(&text, ",")) != NULL;) {
		struct addr a;

		if (!addr_parse_ip(&a, one))
			return false;
		*(a.family == ADDR_V4 ? &o->own4 : &o->own6) = a;
	}
	return true;
}

static bool read_cable(struct options *o, const char *direction, char *text)
{
	for (char *word; (word = strsep(&text, " ")) != NULL;)
		for (int to = 0; to < ROUTER_SIDES; to++)
			if (is_direction(direction, to) && !words_link(&o->cable[to], word))
				return false;
	return true;
}

/* "NAME=" before the value, or NULL. */
static char *value_of(char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static bool read_option(struct options *o, char *word)
{
	static const char *const directions[] = {"out", "in", "both"};
	char *value;

	for (size_t i = 0; i < 3; i++)
		if ((value = value_of(word, directions[i])) != NULL)
			return read_cable(o, directions[i], value);
	if ((value = value_of(word, "inside")) != NULL)
		o->inside = value;
	else if ((value = value_of(word, "outside")) != NULL)
		o->outside = value;
	else if ((value = value_of(word, "control")) != NULL)
		o->control = value;
	else if ((value = value_of(word, "own")) != NULL)
		return read_own(o, value);
	else if ((value = value_of(word, "seed")) != NULL)
		o->seed = strtoull(value, NULL, 0);
	else
		return words_nat(&o->nat, word);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = {.nat = {.filtering = NATBOX_APDF,
				    .filtering6 = NATBOX_APDF,
				    .step = 1,
				    .block_len = 1024}};
	struct rand system = rand_system();

	rand_bytes(&system, &o.seed, sizeof o.seed);
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--", 2) != 0 || !read_option(&o, argv[i] + 2))
			die("what is %s?", argv[i]);
	if (o.inside == NULL || o.outside == NULL || o.control == NULL)
		die("usage: warren-natbox --inside=DEV --outside=DEV --control=SOCKET "
		    "[--WORD=VALUE]...");

	int err = router_init(&router, &o.nat, &o.own4, &o.own6, o.seed);
	if (err < 0)
		die("there is no such NAT: %s", strerror(-err));
	chance = rand_seeded(o.seed + 1);
	make_parcels();
	prctl(PR_SET_TIMERSLACK, 1);
	for (int side = 0; side < ROUTER_SIDES; side++) {
		const char *device = side == ROUTER_INSIDE ? o.inside : o.outside;

		cable[side] = link_of(&o.cable[side]);
		open_receiving(&receiving[side], device);
		open_sending(&sending[side][0], AF_INET, device);
		open_sending(&sending[side][1], AF_INET6, device);
	}
	open_control(o.control);
	run();
}
