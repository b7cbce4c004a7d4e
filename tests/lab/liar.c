/* A STUN server for the lab with the faults of tests/sim/stun_server.h, on real sockets (reliability.md, F19, F20). It says
 * "ready" when it listens, and what it was asked when it is told to end (SIGTERM). */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "sim/stun_server.h"

static const char usage[] =
	"usage: liar ADDRESS:PORT[,ADDRESS:PORT] "
	"[FAULT|lie=ADDRESS:PORT|lie=N|from=ADDRESS:PORT|error=N|delay=MS]...\n"
	"Two addresses with two ports are four places. lie=N: number N of stun_server_lie().\n";

static const struct {
	const char *name;
	enum stun_server_fault fault;
} faults[] = {
	{"ignores-change", STUN_SERVER_IGNORES_CHANGE},
	{"no-other", STUN_SERVER_NO_OTHER},
	{"claims-other", STUN_SERVER_CLAIMS_OTHER},
	{"claims-foreign", STUN_SERVER_CLAIMS_FOREIGN},
	{"no-origin", STUN_SERVER_NO_ORIGIN},
	{"refuses-change", STUN_SERVER_REFUSES_CHANGE},
	{"lies", STUN_SERVER_LIES},
	{"mapped-only", STUN_SERVER_MAPPED_ONLY},
	{"no-mapped", STUN_SERVER_NO_MAPPED},
	{"wrong-id", STUN_SERVER_WRONG_ID},
	{"wrong-source", STUN_SERVER_WRONG_SOURCE},
	{"truncates", STUN_SERVER_TRUNCATES},
	{"overlong", STUN_SERVER_OVERLONG},
	{"cuts", STUN_SERVER_CUTS},
	{"duplicates", STUN_SERVER_DUPLICATES},
	{"after-integrity", STUN_SERVER_AFTER_INTEGRITY},
	{"unknown-mandatory", STUN_SERVER_UNKNOWN_MANDATORY},
	{"bad-fingerprint", STUN_SERVER_BAD_FINGERPRINT},
	{"error", STUN_SERVER_ERROR},
	{"as-request", STUN_SERVER_AS_REQUEST},
	{"junk", STUN_SERVER_JUNK},
	{"silent", STUN_SERVER_SILENT},
	{"floods", STUN_SERVER_FLOODS},
	{"twice", STUN_SERVER_TWICE},
};

#define PLACES      5 /* four of its own, one to answer from as somebody else */
#define PENDING_MAX 256

struct liar {
	struct stun_server server;
	struct addr at[PLACES];
	struct pollfd fds[PLACES];
	nfds_t count;
	/* Answers it still thinks about, in no order. */
	struct stun_server_reply pending[PENDING_MAX];
	usec due[PENDING_MAX];
	size_t pending_count;
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static _Noreturn void refuse(const char *what)
{
	fprintf(stderr, "liar: %s\n%s", what, usage);
	exit(2);
}

static void fail(const char *what)
{
	fprintf(stderr, "liar: %s: %s\n", what, strerror(errno));
	exit(1);
}

static usec now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return SEC(t.tv_sec) + t.tv_nsec / 1000;
}

static uint64_t number(const char *text, uint64_t most)
{
	uint64_t n;

	if (text_u64(&n, text, most) != TEXT_OK)
		refuse(text);
	return n;
}

static struct addr address(const char *text)
{
	struct addr a;

	if (!addr_parse(&a, text))
		refuse(text);
	return a;
}

static void set_places(struct stun_server *s, char *text)
{
	char *second = strchr(text, ',');
	struct addr a;

	if (second != NULL)
		*second++ = '\0';
	for (unsigned i = 0; i < 2 && text != NULL; i++, text = second) {
		a = address(text);
		s->ip[i] = a;
		s->port[i] = a.port;
		if (i == 1 && addr_same_ip(&s->ip[0], &a)) /* one address, two ports */
			s->ip[1] = (struct addr){0};
	}
}

static void set_option(struct stun_server *s, const char *text)
{
	const char *value = strchr(text, '=');

	for (size_t i = 0; value == NULL && i < sizeof faults / sizeof faults[0]; i++) {
		if (strcmp(text, faults[i].name) == 0) {
			s->faults |= faults[i].fault;
			return;
		}
	}
	if (value == NULL)
		refuse(text);
	value++;
	if (strncmp(text, "lie=", 4) == 0 && strchr(value, ':') == NULL) {
		const struct addr *lie = stun_server_lie(number(value, 1000));
		if (lie == NULL)
			refuse(text);
		s->lie = *lie;
	} else if (strncmp(text, "lie=", 4) == 0) {
		s->lie = address(value);
	} else if (strncmp(text, "from=", 5) == 0) {
		s->lie_from = address(value);
	} else if (strncmp(text, "error=", 6) == 0) {
		s->error = (uint16_t)number(value, 699);
	} else if (strncmp(text, "delay=", 6) == 0) {
		s->delay = MSEC((usec)number(value, 60000));
	} else {
		refuse(text);
	}
}

static void open_place(struct liar *l, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, &ss);
	int fd;

	if (len == 0)
		return;
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0)
		fail("cannot listen");
	l->at[l->count] = *a;
	l->fds[l->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void say(const struct liar *l, const struct stun_server_reply *r)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&r->to, &ss);

	for (nfds_t i = 0; i < l->count; i++) {
		if (addr_equal(&l->at[i], &r->from))
			sendto(l->fds[i].fd, r->data, r->len, 0, (struct sockaddr *)&ss, len);
	}
}

static void hear(struct liar *l, nfds_t place)
{
	static struct stun_server_reply replies[STUN_SERVER_REPLIES_MAX];
	uint8_t data[2048];
	struct sockaddr_storage ss;
	socklen_t ss_len = sizeof ss;
	struct addr from;
	ssize_t len =
		recvfrom(l->fds[place].fd, data, sizeof data, 0, (struct sockaddr *)&ss, &ss_len);

	if (len < 0 || !addr_from_sockaddr(&from, (struct sockaddr *)&ss, ss_len))
		return;
	size_t count =
		stun_server_input(&l->server, &from, &l->at[place], data, (size_t)len, replies);
	for (size_t i = 0; i < count && l->pending_count < PENDING_MAX; i++) {
		l->due[l->pending_count] = now() + replies[i].after;
		l->pending[l->pending_count++] = replies[i];
	}
}

/* Says what is due; how long until more is, in milliseconds for poll(). */
static int say_what_is_due(struct liar *l)
{
	usec next = USEC_NEVER;

	for (size_t i = 0; i < l->pending_count;) {
		if (usec_due(l->due[i], now())) {
			say(l, &l->pending[i]);
			l->pending_count--;
			l->pending[i] = l->pending[l->pending_count];
			l->due[i] = l->due[l->pending_count];
		} else {
			next = usec_min(next, l->due[i++]);
		}
	}
	return next == USEC_NEVER ? -1 : (int)((usec_max(next - now(), 0) + 999) / 1000);
}

int main(int argc, char **argv)
{
	static struct liar l;
	struct sigaction on_end = {.sa_handler = end};

	if (argc < 2)
		refuse("no address");
	l.server.rand = rand_seeded(1);
	set_places(&l.server, argv[1]);
	for (int i = 2; i < argc; i++)
		set_option(&l.server, argv[i]);
	for (unsigned i = 0; i < 4; i++)
		open_place(&l, &(struct addr[]){stun_server_addr(&l.server, i / 2, i % 2)}[0]);
	if ((l.server.faults & STUN_SERVER_WRONG_SOURCE) != 0)
		open_place(&l, &l.server.lie_from);
	sigaction(SIGTERM, &on_end, NULL);
	printf("ready\n");
	fflush(stdout);

	while (!ended) {
		if (poll(l.fds, l.count, say_what_is_due(&l)) <= 0)
			continue;
		for (nfds_t i = 0; i < l.count; i++)
			if (l.fds[i].revents != 0)
				hear(&l, i);
	}
	printf("%" PRIu64 " requests, %" PRIu64 " for an answer from elsewhere, %" PRIu64
	       " others\n",
	       l.server.requests, l.server.changes, l.server.refused);
	return 0;
}
