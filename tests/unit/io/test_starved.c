/* Not of a file: the n-th allocation of each room's edge fails, and all from the n-th on (reliability.md, F60). Two things that libraries
 * would do are seen not to happen: libev ends the process, c-ares never answers. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/aside.h"
#include "io/local.h"
#include "io/resolve.h"
#include "io/udp.h"
#include "support/env_fake.h"
#include "support/test.h"
#include "tests/support/starve.h"

#define WATCHES 200 /* more than libev has room for at first, in each of its arrays */

static struct env_fake env;
static struct loop *l; /* made with memory; NULL: by the operation itself */
static char folder[64], path[96];

/* --- the loop --------------------------------------------------------------------------------------------------- */

static struct watched {
	struct loop_watch *watch;
	bool ready;
} watched[WATCHES];
static size_t unready;

static void on_ready(void *ctx, int events)
{
	struct watched *w = ctx;

	(void)events;
	w->ready = true;
	loop_watch_set(w->watch, 0);
	if (--unready == 0)
		loop_stop(l);
}

/* Whoever gets a watch is told. */
static bool watches(void)
{
	int fds[WATCHES];
	bool all = true;

	for (size_t i = 0; i < WATCHES; i++) {
		fds[i] = eventfd(1, EFD_CLOEXEC);
		assert_true(fds[i] >= 0);
		watched[i] = (struct watched){0};
		watched[i].watch = loop_watch(l, fds[i], LOOP_READ, on_ready, &watched[i]);
		unready += watched[i].watch != NULL;
	}
	if (unready > 0)
		loop_run(l);
	for (size_t i = 0; i < WATCHES; i++) {
		assert_true(watched[i].ready == (watched[i].watch != NULL));
		all = all && watched[i].ready;
		loop_unwatch(watched[i].watch);
		close(fds[i]);
	}
	return all;
}

static void on_signal(void *ctx, int signum)
{
	(void)ctx, (void)signum;
}

static bool makes_a_loop(void)
{
	bool done;

	l = loop_new();
	if (l == NULL) {
		assert_int_equal(errno, ENOMEM);
		return false;
	}
	done = loop_on_signal(l, SIGUSR1, on_signal, NULL) == 0;
	done = watches() && done;
	loop_free(l);
	l = NULL;
	return done;
}

/* --- sockets ---------------------------------------------------------------------------------------------------- */

static int client;
static bool hung_up, answered;

static size_t frame(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return end == NULL ? 0 : (size_t)(end - text) + 1;
}

static char *answer(void *ctx, struct local_client *from, char *text, size_t len, uid_t uid,
		    size_t *answer_len)
{
	(void)ctx, (void)text, (void)len, (void)uid;
	if (local_stay(from) < 0)
		return NULL;
	*answer_len = 3;
	return strdup("yes");
}

static void release(char *text)
{
	free(text);
}

static const struct local_protocol protocol = {
	.frame = frame, .answer = answer, .release = release};

static void on_client(void *ctx, int events)
{
	char text[4];

	(void)ctx, (void)events;
	ssize_t got = recv(client, text, sizeof text, MSG_DONTWAIT);
	answered = got == 3;
	hung_up = !answered;
	loop_stop(l);
}

static int connect_to(const char *to)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "%s", to);
	assert_int_equal(connect(fd, (const struct sockaddr *)&name, sizeof name), 0);
	return fd;
}

/* A client is answered or hung up on, and the next one served. */
static bool serves_clients(void)
{
	struct local *local;
	int err = local_open(&local, l, path, 0600, &protocol, NULL, &env.log);

	if (err < 0) {
		assert_int_equal(err, -ENOMEM);
		assert_int_not_equal(access(path, F_OK), 0);
		return false;
	}
	client = connect_to(path);
	assert_int_equal(send(client, "ask\n", 4, 0), 4);
	struct loop_watch *w = loop_watch(l, client, LOOP_READ, on_client, NULL);
	hung_up = answered = false;
	if (w != NULL)
		loop_run(l);
	loop_unwatch(w);
	close(client);
	local_close(local);
	return answered;
}

/* --- beside the loop -------------------------------------------------------------------------------------------- */

static void work(void *ctx, const struct log *log)
{
	(void)log;
	*(bool *)ctx = true;
}

static void on_done(void *ctx)
{
	(void)ctx;
	loop_stop(l);
}

/* What is begun is done, if need be here and now. */
static bool works_aside(void)
{
	struct aside *a = aside_new(l, &env.log);
	bool worked = false;

	if (a == NULL)
		return false;
	aside_start(a, work, on_done, &worked);
	loop_run(l);
	aside_free(a);
	assert_true(worked);
	return true;
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static unsigned answers;
static size_t addresses;

static void on_answer(void *ctx, uint64_t id, const struct addr *addrs, size_t count)
{
	(void)ctx, (void)id, (void)addrs;
	answers++;
	addresses = count;
}

/* c-ares knows this name without asking. */
static bool looks_a_name_up(void)
{
	struct resolve *r = resolve_new(l, "127.0.0.1:9", on_answer, NULL, &env.log);
	int err;

	if (r == NULL)
		return false;
	answers = 0;
	addresses = 0;
	err = resolve_ask(r, "localhost", 1);
	assert_true(err == 0 || err == -ENOMEM);
	resolve_tick(r);
	assert_int_equal(answers, err == 0);
	resolve_free(r);
	return addresses > 0;
}

/* --- packets ---------------------------------------------------------------------------------------------------- */

#define PACKETS   50000
#define PER_BATCH 100

static struct batch in, out;

TEST(f60_datagrams_cost_no_memory)
{
	static uint8_t bytes[1500];
	struct addr there;
	struct udp *a, *b;
	uint64_t before;
	size_t got = 0;

	assert_int_equal(udp_open(&a, 0, 0, &env.log), 0);
	assert_int_equal(udp_open(&b, 0, 0, &env.log), 0);
	there = addr_v4((uint8_t[]){127, 0, 0, 1}, udp_port(b));
	before = starve_calls();
	starve_after(0, UINT64_MAX);
	for (size_t sent = 0; sent < PACKETS; sent += PER_BATCH) {
		out.count = PER_BATCH;
		for (size_t i = 0; i < PER_BATCH; i++)
			out.packets[i] = (struct packet){.data = bytes,
							 .len = sent % sizeof bytes,
							 .via = via_direct(&there)};
		assert_int_equal(udp_send(a, &out), 0);
		for (size_t n; (n = udp_recv(b, UDP_DOOR_V4, &in)) > 0;)
			got += n;
	}
	starve_end();
	assert_int_equal(starve_calls(), before);
	assert_int_equal(got, PACKETS);
	udp_close(a);
	udp_close(b);
}

/* --- the sweep -------------------------------------------------------------------------------------------------- */

static const struct operation {
	const char *name;
	bool (*run)(void);
	bool has_loop, has_thread;
} operations[] = {
	{"loop", makes_a_loop, .has_loop = false},
	{"local", serves_clients, .has_loop = true},
	{"aside", works_aside, .has_loop = true, .has_thread = true},
	{"resolve", looks_a_name_up, .has_loop = true},
};

static void sweep(const struct operation *o, uint64_t failures)
{
	uint64_t failed = o->has_thread && STARVE_SANITIZED ? 0 : 1;
	bool done = true;

	for (uint64_t n = 0; failed > 0; n++) {
		l = o->has_loop ? loop_new() : NULL;
		starve_after(n, failures);
		done = o->run();
		failed = starve_end();
		if (o->has_loop)
			loop_free(l);
	}
	if (!done)
		fail_msg("%s does not work with memory", o->name);
}

TEST(f60_goes_on_when_one_allocation_fails)
{
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		sweep(&operations[i], 1);
}

TEST(f60_goes_on_when_memory_is_gone_for_good)
{
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		sweep(&operations[i], UINT64_MAX);
}

static int start(void **state)
{
	(void)state;
	env_fake_init(&env, 1);
	snprintf(folder, sizeof folder, "/tmp/test_starved_XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/socket", folder);
	alarm(20); /* whoever waits for what never comes is seen */
	return 0;
}

static int stop(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(f60_goes_on_when_one_allocation_fails),
		RUN(f60_goes_on_when_memory_is_gone_for_good),
		RUN(f60_datagrams_cost_no_memory),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
