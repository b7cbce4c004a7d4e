/* A daemon whose memory runs out (reliability.md, F60): hunger PAGE UAPI-SOCKET SOCKET CHANGE BACK
 *
 * PAGE is the file that tests/support/starve.c shares with the daemon, SOCKET one of the daemon's, CHANGE and BACK files with a request
 * each, of which BACK undoes the other. CHANGE is asked once for each allocation that it costs, and that one fails; then once more for
 * each, and all from that one on fail. Each time it must be done, or refused and nothing have changed, as the UAPI socket tells it with
 * memory. Prints what was counted; exit status 1 and a reason when something else happens. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/starve.h"

#define ANSWER_MAX (256 << 10)
#define WAIT_S     10

static volatile struct starve *page;
static uint64_t at; /* the allocation that fails, for messages */

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
	va_list args;

	page->failures = 0;
	printf("allocation %" PRIu64 ": ", at);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	exit(1);
}

static void starve(uint64_t passes, uint64_t failures)
{
	page->failures = 0;
	page->failed = 0;
	page->passes = passes;
	page->failures = failures;
}

static uint64_t feed(void)
{
	page->failures = 0;
	return page->failed;
}

static void read_request(char text[static ANSWER_MAX], const char *path)
{
	FILE *f = fopen(path, "r");
	size_t len = f != NULL ? fread(text, 1, ANSWER_MAX - 1, f) : 0;

	if (len == 0)
		die("cannot read %s", path);
	text[len] = '\0';
	fclose(f);
}

/* An answer of JSON is one line, one of the UAPI ends with an empty one. */
static bool is_whole(const char *answer)
{
	size_t len = strlen(answer);

	return len >= 2 && answer[len - 1] == '\n' && (answer[0] == '{' || answer[len - 2] == '\n');
}

/* Ask on a connection of its own; the daemon may hang up, which is the answer "". */
static void ask(const char *path, const char *request, char answer[static ANSWER_MAX])
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = WAIT_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t got = 1;

	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&name, sizeof name) < 0)
		die("the daemon is gone: %s", strerror(errno));
	answer[0] = '\0';
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) >= 0)
		while (got > 0 && len < ANSWER_MAX - 1 && !is_whole(answer)) {
			got = recv(fd, answer + len, ANSWER_MAX - 1 - len, 0);
			len += got > 0 ? (size_t)got : 0;
			answer[len] = '\0';
		}
	if (got < 0 && errno == EAGAIN)
		die("no answer within %d s", WAIT_S);
	close(fd);
}

/* What the daemon is configured to do: the UAPI's lines but for those that traffic and name servers change. */
static bool is_configured(const char *line)
{
	static const char *const others[] = {"rx_bytes=", "tx_bytes=", "last_handshake_time_",
					     "endpoint="};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strncmp(line, others[i], strlen(others[i])) == 0)
			return false;
	return true;
}

static void read_state(const char *uapi, char state[static ANSWER_MAX])
{
	static char answer[ANSWER_MAX];
	char *to = state, *rest = answer;

	ask(uapi, "get=1\n\n", answer);
	if (strstr(answer, "errno=0\n") == NULL)
		die("get is refused with memory: %s", answer);
	for (const char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (is_configured(line))
			to += sprintf(to, "%s\n", line);
}

static bool is_done(const char *answer)
{
	return answer[0] == '{' ? strstr(answer, "\"error\":") == NULL
				: strstr(answer, "errno=0\n") != NULL;
}

struct asking {
	const char *uapi, *socket;
	char change[ANSWER_MAX], back[ANSWER_MAX];
	char before[ANSWER_MAX], after[ANSWER_MAX]; /* states */
};

static void go_back(const struct asking *a)
{
	static char answer[ANSWER_MAX];

	ask(a->socket, a->back, answer);
	if (!is_done(answer))
		die("with memory it is refused: %s", answer);
}

static void sweep(const struct asking *a, uint64_t failures)
{
	static char answer[ANSWER_MAX], state[ANSWER_MAX];
	uint64_t failed = 1, refused = 0, silent = 0;

	for (at = 0; failed > 0; at++) {
		go_back(a);
		starve(at, failures);
		ask(a->socket, a->change, answer);
		failed = feed();
		read_state(a->uapi, state);
		bool done = is_done(answer), changed = strcmp(state, a->before) != 0;

		if (changed && strcmp(state, a->after) != 0)
			die("half of it was done: %s\n%s", answer, state);
		if (answer[0] != '\0' && strcmp(a->before, a->after) != 0 && done != changed)
			die("it was %s: %s", changed ? "refused and done" : "not done", answer);
		if (failed == 0 && !done)
			die("with memory it is refused: %s", answer);
		silent += answer[0] == '\0';
		refused += answer[0] != '\0' && !done;
	}
	printf("%" PRIu64 " allocations, %" PRIu64 " refused, %" PRIu64 " not answered\n", at - 1,
	       refused, silent);
}

int main(int argc, char **argv)
{
	static struct asking a;
	static char answer[ANSWER_MAX];
	static struct starve nowhere;

	page = &nowhere;
	if (argc != 6)
		die("usage: hunger PAGE UAPI-SOCKET SOCKET CHANGE BACK");
	int fd = open(argv[1], O_RDWR);
	void *shared = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("cannot map %s", argv[1]);
	page = shared;
	a.uapi = argv[2];
	a.socket = argv[3];
	read_request(a.change, argv[4]);
	read_request(a.back, argv[5]);

	go_back(&a);
	read_state(a.uapi, a.before);
	ask(a.socket, a.change, answer);
	if (!is_done(answer))
		die("with memory it is refused: %s", answer);
	read_state(a.uapi, a.after);
	sweep(&a, 1);
	sweep(&a, UINT64_MAX);
	go_back(&a);
	return 0;
}
