/* Local sockets and their clients, in one process: the loop is turned by hand, time is handed to
 * local_tick. */
#include "config.h"

#include "io/local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/env_fake.h"
#include "support/test.h"

#define BIG (10u << 20)

/* What accept4() says instead of doing it; zero: it does it. */
static int accept_err;
static unsigned accept_calls;
int __real_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *len, int flags)
{
	accept_calls++;
	if (accept_err != 0) {
		errno = accept_err;
		return -1;
	}
	return __real_accept4(fd, name, len, flags);
}

static struct env_fake env;
static struct loop *l;
static struct local *local;
static char folder[64], path[96];
static unsigned requests, removals, answers_out;
static uid_t last_uid;
static char last_text[64];
static const char *last_at;
static struct rlimit limit_before;
static struct local_client *waiting;
static bool flood_at_once;

/* A request is a line. */
static size_t frame(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	if (len >= 3 && memcmp(text, "???", 3) == 0)
		return SIZE_MAX;
	return end != NULL ? (size_t)(end - text) + 1 : 0;
}

/* Push so many bytes. */
static void flood(size_t len)
{
	static const char line[64] =
		"a line of sixty-four bytes for all who stay, .................\n";

	for (; len >= sizeof line; len -= sizeof line)
		local_push(local, line, sizeof line);
	local_push(local, line, len);
}

/* "later": what `waiting` is told by finish(); "stay": "full" when it may not. */
static char *answer(void *ctx, struct local_client *from, char *text, size_t len, uid_t uid,
		    size_t *answer_len)
{
	char *out;

	assert_ptr_equal(ctx, &requests);
	assert_int_equal(strlen(text), len); /* the zero byte is there, and no other */
	requests++;
	last_uid = uid;
	last_at = text;
	snprintf(last_text, sizeof last_text, "%s", text);
	if (strcmp(text, "close\n") == 0)
		return NULL;
	if (strcmp(text, "later\n") == 0) {
		waiting = from;
		return LOCAL_LATER;
	}
	bool stays = strcmp(text, "stay\n") == 0 || strcmp(text, "stay big\n") == 0;
	if (stays && local_stay(from) < 0) {
		memcpy(text, "full\n", len + 1);
		stays = false;
	}
	if (stays && flood_at_once)
		flood(LOCAL_PUSH_MAX + 1);
	*answer_len = strstr(text, "big\n") != NULL ? BIG : len;
	out = malloc(*answer_len);
	if (*answer_len == BIG)
		memset(out, 'x', BIG);
	else
		memcpy(out, text, len);
	text[0] = '#'; /* an answerer may cut up the text */
	answers_out++;
	return out;
}

static void release(char *text)
{
	answers_out--;
	free(text);
}

static void finish(const char *text)
{
	char *out = strdup(text);

	answers_out++;
	local_finish(waiting, out, strlen(text));
}

#define OTHERS_MAX 8192

static const struct local_protocol echo = {
	.frame = frame,
	.answer = answer,
	.release = release,
	.others_max = OTHERS_MAX,
};

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(l);
}

static void turns(int count)
{
	loop_on_deadline(l, stop, NULL);
	for (int i = 0; i < count; i++) {
		loop_wake_at(l, 0);
		loop_run(l);
	}
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/warren-local-XXXXXX");
	accept_err = 0;
	accept_calls = requests = removals = answers_out = 0;
	flood_at_once = false;
	env_fake_init(&env, 1);
	if (getrlimit(RLIMIT_NOFILE, &limit_before) < 0 || mkdtemp(folder) == NULL ||
	    (l = loop_new()) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/s.sock", folder);
	return local_open(&local, l, path, 0600, &echo, &requests, &env.log);
}

static int tear_down(void **state)
{
	(void)state;
	setrlimit(RLIMIT_NOFILE, &limit_before);
	local_close(local);
	local = NULL;
	assert_int_equal(answers_out, 0);
	loop_free(l);
	unlink(path);
	rmdir(folder);
	return 0;
}

static int client(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(name.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool hears(int fd, const char *text)
{
	char got[256];
	ssize_t len = recv(fd, got, sizeof got, 0);

	return len == (ssize_t)strlen(text) && memcmp(got, text, strlen(text)) == 0;
}

/* The daemon closed it, with all that it had to say taken. */
static bool is_closed(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);

	return got == 0 || (got < 0 && errno == ECONNRESET);
}

static bool is_silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN;
}

TEST(answers_several_requests_of_one_client)
{
	int fd = client();

	say(fd, "one\n");
	turns(3);
	assert_true(hears(fd, "one\n"));
	say(fd, "two\nthree\nfo");
	turns(6);
	assert_true(hears(fd, "two\nthree\n"));
	say(fd, "ur\n");
	turns(3);
	assert_true(hears(fd, "four\n"));
	assert_int_equal(requests, 4);
	close(fd);
	turns(2);
	assert_true(local_deadline(local) == USEC_NEVER);
}

TEST(answers_one_request_of_a_client_in_a_turn)
{
	int hasty = client(), fd = client();
	char many[2001];

	for (int i = 0; i < 2000; i++)
		many[i] = i % 2 ? '\n' : 'x';
	many[2000] = '\0';
	say(hasty, many);
	turns(2);
	say(fd, "me too\n");
	unsigned before = requests;
	turns(1);
	assert_int_equal(requests, before + 2);
	assert_true(hears(fd, "me too\n"));
	turns(1000);
	assert_in_range(requests, 10, 500); /* the rest waits until its answers are taken */
	for (int i = 0; i < 2000 && requests < 1001; i++) {
		while (!is_silent(hasty))
			continue;
		turns(1);
	}
	assert_int_equal(requests, 1001);
	close(hasty);
	close(fd);
}

/* A client that is not root, where this can be had. */
static int client_of_another(void)
{
	if (geteuid() != 0)
		return client();
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(seteuid(65534), 0);
	int fd = client();
	assert_int_equal(seteuid(0), 0);
	return fd;
}

TEST(vuln_52_knows_who_asks)
{
	int fd = client_of_another();

	say(fd, "hello\n");
	turns(3);
	assert_int_equal(requests, 1);
	assert_int_equal(last_uid, geteuid() == 0 ? 65534 : geteuid());
	close(fd);
}

TEST(only_root_may_say_much)
{
	static char line[OTHERS_MAX + 1];
	int root = client(), other = client_of_another();

	memset(line, 'r', sizeof line);
	assert_int_equal(send(other, line, sizeof line, MSG_NOSIGNAL), sizeof line);
	turns(4);
	assert_true(is_closed(other));
	line[OTHERS_MAX] = '\n';
	assert_int_equal(send(root, line, sizeof line, MSG_NOSIGNAL), sizeof line);
	turns(4);
	assert_int_equal(requests, geteuid() == 0 ? 1 : 0);
	close(root);
	close(other);
}

TEST(an_end_without_a_request_is_normal)
{
	for (int i = 0; i < 100; i++) {
		close(client());
		turns(2);
	}
	assert_int_equal(env.lines, 0);
	assert_int_equal(requests, 0);
	assert_true(local_deadline(local) == USEC_NEVER);
}

TEST(a_client_that_only_listens_on_gets_its_answer)
{
	int fd = client();

	say(fd, "last words\n");
	shutdown(fd, SHUT_WR);
	turns(4);
	assert_true(hears(fd, "last words\n"));
	assert_true(is_closed(fd));
	close(fd);
}

TEST(no_answer_means_close)
{
	int fd = client(), hopeless = client();

	say(fd, "close\n");
	say(hopeless, "?");
	turns(2);
	assert_true(is_silent(hopeless));
	say(hopeless, "??");
	turns(2);
	assert_true(is_closed(fd));
	assert_true(is_closed(hopeless));
	assert_int_equal(requests, 1);
	close(fd);
	close(hopeless);
}

/* Nobody is refused: who has no place waits in the kernel's queue. */
TEST(f66_a_thousand_clients_at_once_are_served_in_turn)
{
	static int fds[1000];
	struct rlimit files;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (int i = 0; i < 1000; i++) {
		fds[i] = client();
		say(fds[i], "get\n");
	}
	turns(3);
	assert_int_equal(requests, LOCAL_CLIENTS); /* these keep their places */
	unsigned calls = accept_calls;
	turns(50);
	assert_int_equal(accept_calls, calls); /* nobody asks at a full house */
	for (int i = 0; i < 1000; i++) {
		assert_true(hears(fds[i], "get\n"));
		close(fds[i]);
		turns(3);
	}
	assert_int_equal(requests, 1000);
}

TEST(a_client_gets_five_seconds_for_a_request)
{
	int half = client(), quiet = client(), fd = client();
	usec start = loop_update_now(l);

	say(half, "half a line");
	say(fd, "whole\n");
	turns(3);
	usec at = local_deadline(local);
	assert_true(at >= start + LOCAL_IDLE_FOR);
	assert_true(at < start + LOCAL_IDLE_FOR + SEC(5));
	local_tick(local, start + LOCAL_IDLE_FOR - 1);
	assert_true(is_silent(half));
	assert_true(hears(fd, "whole\n"));
	local_tick(local, at);
	assert_true(is_closed(half) || is_closed(quiet));
	local_tick(local, at + SEC(1));
	assert_true(is_closed(half));
	assert_true(is_closed(quiet));
	assert_true(is_closed(fd)); /* idle after its answer */
	assert_true(local_deadline(local) == USEC_NEVER);
	close(half);
	close(quiet);
	close(fd);
}

TEST(bytes_that_trickle_in_do_not_buy_time)
{
	int fd = client();

	turns(2);
	usec at = local_deadline(local);
	for (int i = 0; i < 20; i++) {
		say(fd, "x");
		turns(1);
	}
	assert_true(local_deadline(local) == at);
	local_tick(local, at);
	assert_true(is_closed(fd));
	close(fd);
}

TEST(a_big_answer_goes_as_fast_as_its_client_reads)
{
	static char buf[1 << 16];
	int slow = client(), fd = client();
	size_t got = 0;

	say(slow, "big\nnext\n");
	turns(50);
	assert_int_equal(requests, 1); /* no second request before the first answer is out */
	say(fd, "hello\n");
	turns(3);
	assert_true(hears(fd, "hello\n"));
	for (int i = 0; i < 10000 && got < BIG; i++) {
		ssize_t len = recv(slow, buf, BIG - got < sizeof buf ? BIG - got : sizeof buf, 0);
		if (len > 0) {
			for (ssize_t k = 0; k < len; k++)
				assert_int_equal(buf[k], 'x');
			got += (size_t)len;
		}
		turns(1);
	}
	assert_int_equal(got, BIG);
	turns(3);
	assert_true(hears(slow, "next\n"));
	close(slow);
	close(fd);
}

TEST(time_starts_again_when_an_answer_was_taken)
{
	static char buf[1 << 16];
	int fd = client();
	size_t got = 0;

	say(fd, "big\n");
	turns(3);
	usec at = local_deadline(local);
	while (got < BIG) {
		ssize_t len = recv(fd, buf, sizeof buf, 0);
		got += len > 0 ? (size_t)len : 0;
		turns(1);
	}
	assert_int_equal(answers_out, 0);
	assert_true(local_deadline(local) > at);
	close(fd);
}

TEST(a_request_is_wiped_when_it_was_answered)
{
	static const char zeros[16];
	int fd = client();

	say(fd, "private_key=1234\n");
	turns(2);
	assert_int_equal(requests, 1);
	assert_memory_equal(last_at, zeros, sizeof zeros);
	close(fd);
}

TEST(a_client_that_does_not_take_its_answer_is_closed)
{
	int fd = client();

	say(fd, "big\n");
	turns(10);
	assert_int_equal(answers_out, 1);
	local_tick(local, local_deadline(local));
	assert_int_equal(answers_out, 0);
	close(fd);

	fd = client(); /* and one that goes away meanwhile: no SIGPIPE */
	say(fd, "big\n");
	turns(3);
	close(fd);
	turns(3);
	assert_int_equal(answers_out, 0);
}

TEST(megabytes_of_rubbish_end_at_the_limit)
{
	static char rubbish[1 << 16];
	int fd = client(), other = client();
	size_t sent = 0;

	memset(rubbish, 'r', sizeof rubbish);
	say(other, "hello\n");
	while (sent < 2u * LOCAL_REQUEST_MAX) {
		ssize_t len = send(fd, rubbish, sizeof rubbish, MSG_NOSIGNAL);
		if (len < 0 && errno != EAGAIN)
			break;
		if (len > 0)
			sent += (size_t)len;
		turns(1);
	}
	assert_in_range(sent, LOCAL_REQUEST_MAX,
			LOCAL_REQUEST_MAX + (1u << 20)); /* and the socket's buffer */
	assert_true(hears(other, "hello\n"));
	assert_int_equal(requests, 1);
	close(fd);
	close(other);
}

TEST(a_host_without_descriptors_does_not_make_it_spin)
{
	int fd = client();

	accept_err = EMFILE;
	turns(50);
	assert_int_equal(accept_calls, 2); /* once with the spare */
	usec at = local_deadline(local);
	assert_true(at <= loop_now(l) + SEC(1));
	local_tick(local, at - 1);
	turns(2);
	assert_int_equal(accept_calls, 2);
	accept_err = 0;
	local_tick(local, at);
	say(fd, "at last\n");
	turns(3);
	assert_true(hears(fd, "at last\n"));
	assert_non_null(strstr(env.last_line, "cannot take a client"));
	close(fd);
}

/* Until the end of the test. */
static void no_more_descriptors(void)
{
	struct rlimit limit = limit_before;
	int lowest = dup(STDIN_FILENO);

	assert_true(lowest >= 0);
	close(lowest);
	limit.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(f59_without_descriptors_clients_are_served_one_after_the_other)
{
	int fds[] = {client(), client(), client()};

	no_more_descriptors();
	for (int round = 0; round < 3; round++)
		say(fds[round], "me\n");
	for (int round = 0; round < 3; round++) {
		turns(6);
		assert_true(hears(fds[round], "me\n"));
		assert_int_equal(requests, round + 1);
		shutdown(fds[round], SHUT_RDWR); /* its number stays taken */
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

TEST(a_leaving_client_ends_the_pause)
{
	int leaving = client();

	turns(2);
	accept_err = EMFILE;
	int fd = client();
	turns(2);
	accept_err = 0;
	close(leaving);
	say(fd, "me\n");
	turns(4);
	assert_true(hears(fd, "me\n"));
	close(fd);
}

static mode_t mode_of(const char *file)
{
	struct stat st;

	assert_int_equal(lstat(file, &st), 0);
	return st.st_mode & 07777;
}

static void note_removal(void *ctx)
{
	assert_ptr_equal(ctx, &removals);
	removals++;
}

static void close_at_removal(void *ctx)
{
	note_removal(ctx);
	local_close(local);
	local = NULL;
}

TEST(tells_once_when_the_socket_file_is_removed)
{
	char neighbour[128];

	snprintf(neighbour, sizeof neighbour, "%s/neighbour", folder);
	local_on_removed(local, note_removal, &removals);
	close(open(neighbour, O_CREAT | O_WRONLY, 0600));
	unlink(neighbour);
	turns(2);
	assert_int_equal(removals, 0);
	assert_int_equal(unlink(path), 0);
	turns(2);
	assert_int_equal(removals, 1);
	close(open(neighbour, O_CREAT | O_WRONLY, 0600));
	unlink(neighbour);
	turns(2);
	assert_int_equal(removals, 1);
}

TEST(may_be_closed_when_told_of_the_removal)
{
	local_on_removed(local, close_at_removal, &removals);
	assert_int_equal(unlink(path), 0);
	turns(2);
	assert_int_equal(removals, 1);
	assert_null(local);
}

TEST(a_file_put_in_its_place_counts_as_removal_and_stays)
{
	char other[128];

	snprintf(other, sizeof other, "%s/other", folder);
	local_on_removed(local, note_removal, &removals);
	close(open(other, O_CREAT | O_WRONLY, 0640));
	assert_int_equal(rename(other, path), 0);
	turns(2);
	assert_int_equal(removals, 1);
	local_close(local);
	local = NULL;
	assert_int_equal(mode_of(path), 0640);
}

TEST(closing_removes_nobody_elses_file)
{
	char other[128];

	snprintf(other, sizeof other, "%s/other", folder);
	close(open(other, O_CREAT | O_WRONLY, 0640));
	assert_int_equal(rename(other, path), 0);
	local_close(local); /* before the loop has heard of it */
	local = NULL;
	assert_int_equal(mode_of(path), 0640);
}

TEST(takes_a_listening_descriptor)
{
	struct local *given;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char old_path[96];
	int pair[2], fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(old_path, path);
	snprintf(path, sizeof path, "%s/given.sock", folder);
	memcpy(name.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(local_open_fd(&given, l, fd, path, &echo, &requests, &env.log),
			 -EINVAL); /* does not listen */
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(
		local_open_fd(&given, l, fd, "/tmp/warren-not-there", &echo, &requests, &env.log),
		-ENOENT);
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(local_open_fd(&given, l, pair[0], NULL, &echo, &requests, &env.log),
			 -ENOTSOCK);
	close(pair[0]);
	close(pair[1]);

	assert_int_equal(local_open_fd(&given, l, fd, path, &echo, &requests, &env.log), 0);
	int c = client();
	say(c, "hi\n");
	turns(3);
	assert_true(hears(c, "hi\n"));
	close(c);
	local_close(given);
	assert_int_equal(access(path, F_OK), -1); /* ours: removed */
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* and closed */
	strcpy(path, old_path);
}

/* --- answers that come later ------------------------------------------------------------------------------------ */

TEST(an_answer_may_come_later)
{
	int fd = client(), other = client();

	say(fd, "later\nnext\n");
	say(other, "hello\n");
	turns(10);
	assert_true(hears(other, "hello\n")); /* nobody else waits */
	close(other);
	turns(2);
	assert_true(is_silent(fd));
	assert_int_equal(requests, 2); /* and its own next request does */
	finish("here it is\n");
	turns(6);
	assert_true(hears(fd, "here it is\nnext\n"));
	close(fd);
}

TEST(who_waits_for_an_answer_has_time)
{
	int fd = client();

	say(fd, "later\n");
	turns(3);
	assert_true(local_deadline(local) == USEC_NEVER);
	local_tick(local, loop_now(l) + 1000 * LOCAL_IDLE_FOR);
	finish("here it is\n");
	assert_true(local_deadline(local) != USEC_NEVER); /* to take it */
	turns(3);
	assert_true(hears(fd, "here it is\n"));
	close(fd);
}

TEST(an_answer_for_who_is_gone_is_released)
{
	int fd = client();

	say(fd, "later\n");
	turns(3);
	close(fd);
	turns(3);
	assert_true(local_deadline(local) == USEC_NEVER);
	finish("nobody reads this\n");
	turns(3);
	assert_int_equal(answers_out, 0);
	assert_true(local_deadline(local) == USEC_NEVER);

	fd = client(); /* and one that is there when the socket is closed */
	say(fd, "later\n");
	turns(3);
	local_close(local);
	local = NULL;
	assert_true(is_closed(fd));
	close(fd);
}

TEST(no_answer_later_means_close)
{
	int fd = client();

	say(fd, "later\n");
	turns(3);
	local_finish(waiting, NULL, 0);
	assert_true(is_closed(fd));
	assert_true(local_deadline(local) == USEC_NEVER);
	close(fd);
}

/* --- those who stay --------------------------------------------------------------------------------------------- */

static int stayer(void)
{
	int fd = client();

	say(fd, "stay\n");
	turns(3);
	assert_true(hears(fd, "stay\n"));
	return fd;
}

TEST(who_stays_is_told_what_is_pushed)
{
	int fds[2] = {stayer(), stayer()}, other = client();

	say(other, "hello\n");
	turns(3);
	assert_int_equal(local_stay_count(local), 2);
	local_push(local, "one\n", 4);
	local_push(local, "two\n", 4);
	turns(2);
	local_push(local, "three\n", 6);
	turns(2);
	for (int i = 0; i < 2; i++)
		assert_true(hears(fds[i], "one\ntwo\nthree\n"));
	assert_true(hears(other, "hello\n"));
	close(fds[0]);
	turns(2);
	assert_int_equal(local_stay_count(local), 1);
	local_push(local, "four\n", 5);
	turns(2);
	assert_true(hears(fds[1], "four\n"));
	close(fds[1]);
	close(other);
	turns(2);
	assert_int_equal(local_stay_count(local), 0);
	local_push(local, "five\n", 5);
}

TEST(what_is_pushed_comes_after_the_answer)
{
	static char buf[1 << 16];
	size_t got = 0, len = 0;
	int fd = client();

	say(fd, "stay big\n");
	turns(3);
	local_push(local, "one\n", 4);
	while (got < BIG + 4) {
		ssize_t more = recv(fd, buf, sizeof buf, 0);
		if (more > 0)
			got += len = (size_t)more;
		turns(1);
	}
	assert_memory_equal(buf + len - 5, "xone\n", 5);
	assert_true(local_deadline(local) == USEC_NEVER);
	close(fd);
}

TEST(who_stays_has_no_time_limit_and_is_not_heard)
{
	int fd = stayer();

	assert_true(local_deadline(local) == USEC_NEVER);
	say(fd, "hello?\n");
	turns(20);
	assert_int_equal(requests, 1);
	local_tick(local, loop_now(l) + 1000 * LOCAL_IDLE_FOR);
	local_push(local, "one\n", 4);
	turns(2);
	assert_true(hears(fd, "one\n"));
	close(fd);
}

TEST(who_stays_takes_nobody_elses_place)
{
	int stayers[LOCAL_STAY_MAX + 1], others[LOCAL_CLIENTS];

	for (int i = 0; i < LOCAL_STAY_MAX; i++)
		stayers[i] = stayer();
	stayers[LOCAL_STAY_MAX] = client();
	say(stayers[LOCAL_STAY_MAX], "stay\n");
	turns(3);
	assert_true(hears(stayers[LOCAL_STAY_MAX], "full\n"));
	close(stayers[LOCAL_STAY_MAX]);
	turns(2);
	for (int i = 0; i < LOCAL_CLIENTS; i++) {
		others[i] = client();
		say(others[i], "get\n");
	}
	turns(3);
	for (int i = 0; i < LOCAL_CLIENTS; i++)
		assert_true(hears(others[i], "get\n"));
	close(stayers[0]);
	turns(2);
	say(others[0], "stay\n"); /* which makes two places free */
	turns(3);
	assert_true(hears(others[0], "stay\n"));
	stayers[0] = client();
	say(stayers[0], "get\n");
	turns(3);
	assert_true(hears(stayers[0], "get\n"));
	for (int i = 0; i < LOCAL_STAY_MAX; i++)
		close(stayers[i]);
	for (int i = 0; i < LOCAL_CLIENTS; i++)
		close(others[i]);
}

TEST(who_does_not_read_what_it_is_told_is_closed)
{
	int slow = stayer(), fd = stayer();
	static char buf[LOCAL_PUSH_MAX];

	for (int i = 0; i < 1000 && local_deadline(local) == USEC_NEVER; i++) {
		flood(LOCAL_PUSH_MAX);
		turns(1);
		for (int k = 0; k < 4; k++) {
			while (recv(fd, buf, sizeof buf, 0) > 0)
				continue;
			turns(1);
		}
	}
	assert_int_equal(local_stay_count(local), 2);
	assert_true(local_deadline(local) <= loop_now(l)); /* at once */
	local_tick(local, loop_now(l));
	assert_int_equal(local_stay_count(local), 1);
	assert_non_null(strstr(env.last_line, "does not read"));
	local_push(local, "one\n", 4);
	turns(2);
	while (!is_silent(slow) && !is_closed(slow))
		continue;
	assert_true(is_closed(slow));
	assert_int_equal(recv(fd, buf, 4, 0), 4);
	close(slow);
	close(fd);
}

TEST(a_full_buffer_is_kept_and_not_a_byte_more)
{
	int fd = stayer();

	flood(LOCAL_PUSH_MAX);
	assert_true(local_deadline(local) == USEC_NEVER);
	local_push(local, "x", 1);
	assert_true(local_deadline(local) <= loop_now(l));
	local_push(local, "x", 1);
	assert_int_equal(env.lines, 1);
	local_tick(local, loop_now(l));
	assert_int_equal(local_stay_count(local), 0);
	close(fd);
}

TEST(one_that_is_lost_at_its_own_request_is_closed_as_well)
{
	int fd = client();

	flood_at_once = true;
	say(fd, "stay\n");
	turns(3);
	assert_true(local_deadline(local) <= loop_now(l));
	local_tick(local, loop_now(l));
	assert_int_equal(local_stay_count(local), 0);
	close(fd);
}

#define RUN_WITH_SOCKET(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_SOCKET(answers_several_requests_of_one_client),
		RUN_WITH_SOCKET(answers_one_request_of_a_client_in_a_turn),
		RUN_WITH_SOCKET(vuln_52_knows_who_asks),
		RUN_WITH_SOCKET(only_root_may_say_much),
		RUN_WITH_SOCKET(an_end_without_a_request_is_normal),
		RUN_WITH_SOCKET(a_client_that_only_listens_on_gets_its_answer),
		RUN_WITH_SOCKET(no_answer_means_close),
		RUN_WITH_SOCKET(f66_a_thousand_clients_at_once_are_served_in_turn),
		RUN_WITH_SOCKET(a_client_gets_five_seconds_for_a_request),
		RUN_WITH_SOCKET(bytes_that_trickle_in_do_not_buy_time),
		RUN_WITH_SOCKET(a_big_answer_goes_as_fast_as_its_client_reads),
		RUN_WITH_SOCKET(time_starts_again_when_an_answer_was_taken),
		RUN_WITH_SOCKET(a_request_is_wiped_when_it_was_answered),
		RUN_WITH_SOCKET(a_client_that_does_not_take_its_answer_is_closed),
		RUN_WITH_SOCKET(megabytes_of_rubbish_end_at_the_limit),
		RUN_WITH_SOCKET(a_host_without_descriptors_does_not_make_it_spin),
		RUN_WITH_SOCKET(f59_without_descriptors_clients_are_served_one_after_the_other),
		RUN_WITH_SOCKET(a_leaving_client_ends_the_pause),
		RUN_WITH_SOCKET(tells_once_when_the_socket_file_is_removed),
		RUN_WITH_SOCKET(may_be_closed_when_told_of_the_removal),
		RUN_WITH_SOCKET(a_file_put_in_its_place_counts_as_removal_and_stays),
		RUN_WITH_SOCKET(closing_removes_nobody_elses_file),
		RUN_WITH_SOCKET(takes_a_listening_descriptor),
		RUN_WITH_SOCKET(an_answer_may_come_later),
		RUN_WITH_SOCKET(who_waits_for_an_answer_has_time),
		RUN_WITH_SOCKET(an_answer_for_who_is_gone_is_released),
		RUN_WITH_SOCKET(no_answer_later_means_close),
		RUN_WITH_SOCKET(who_stays_is_told_what_is_pushed),
		RUN_WITH_SOCKET(what_is_pushed_comes_after_the_answer),
		RUN_WITH_SOCKET(who_stays_has_no_time_limit_and_is_not_heard),
		RUN_WITH_SOCKET(who_stays_takes_nobody_elses_place),
		RUN_WITH_SOCKET(who_does_not_read_what_it_is_told_is_closed),
		RUN_WITH_SOCKET(a_full_buffer_is_kept_and_not_a_byte_more),
		RUN_WITH_SOCKET(one_that_is_lost_at_its_own_request_is_closed_as_well),
	};

	return RUN_TESTS(tests);
}
