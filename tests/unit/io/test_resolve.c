/* Names looked up at a tiny name server in the same loop: the first label of a name says how it behaves. No test asks the network, and
 * none waits: a name server that never answers is given up by made-up time. */
#include "config.h"

#include "io/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "support/env_fake.h"
#include "support/test.h"

#define PATIENCE                                                                                   \
	SEC(3) /* real time, far beyond what a test takes, but c-ares itself would wait longer */
#define TYPE_A      1
#define TYPE_AAAA   28
#define HEADER_LEN  12
#define SERVFAIL    2
#define NXDOMAIN    3
#define MANY        25 /* addresses of one answer, below 512 bytes */
#define ANSWERS_MAX 64

/* --- the host (room.am) ----------------------------------------------------------------------------------------- */

static usec ahead; /* of the real clock */
static int mark_err;
static unsigned marks;
static uint32_t last_mark;

usec __real_loop_now(const struct loop *l);
usec __wrap_loop_now(const struct loop *l);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);

usec __wrap_loop_now(const struct loop *l)
{
	return __real_loop_now(l) + ahead;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	if (level != SOL_SOCKET || option != SO_MARK)
		return __real_setsockopt(fd, level, option, value, len);
	marks++;
	memcpy(&last_mark, value, sizeof last_mark);
	errno = mark_err;
	return mark_err != 0 ? -1 : 0;
}

/* --- the name server -------------------------------------------------------------------------------------------- */

static struct loop *l;
static struct env_fake env;
static struct resolve *r;

static struct {
	int fd;
	struct loop_watch *watch;
	unsigned asked;
	uint16_t ports[ANSWERS_MAX]; /* the askers', each once */
	unsigned port_count;
	uint8_t last_byte; /* of the address of "changing" */
} server;

static struct {
	unsigned count; /* of answers */
	struct {
		uint64_t id;
		struct addr addrs[RESOLVE_ADDRS];
		size_t count;
	} of[ANSWERS_MAX];
} got;

static unsigned wanted; /* answers */

static size_t add_record(uint8_t *at, uint16_t type, const uint8_t *ip, size_t ip_len)
{
	store_be16(at, 0xc00c); /* the name of the question */
	store_be16(at + 2, type);
	store_be16(at + 4, 1);
	store_be32(at + 6, 60);
	store_be16(at + 10, (uint16_t)ip_len);
	memcpy(at + 12, ip, ip_len);
	return 12 + ip_len;
}

static bool is_first_label(const uint8_t *question, const char *label)
{
	return question[0] == strlen(label) && memcmp(question + 1, label, strlen(label)) == 0;
}

static size_t add_records(uint8_t *at, const uint8_t *question, uint16_t type, uint16_t *count)
{
	uint8_t v4[4] = {192, 0, 2, 1}, v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
	size_t len = 0, records = is_first_label(question, "huge") ? MANY : 1;

	if (is_first_label(question, "changing"))
		v4[3] = server.last_byte;
	if (type == TYPE_AAAA && !is_first_label(question, "both"))
		return 0;
	for (size_t i = 0; i < records; i++) {
		len += type == TYPE_AAAA ? add_record(at + len, type, v6, sizeof v6)
					 : add_record(at + len, type, v4, sizeof v4);
		v4[3]++;
	}
	*count = (uint16_t)records;
	return len;
}

static void note_port(uint16_t port)
{
	for (unsigned i = 0; i < server.port_count; i++) {
		if (server.ports[i] == port)
			return;
	}
	if (server.port_count < ANSWERS_MAX)
		server.ports[server.port_count++] = port;
}

static void on_question(void *ctx, int events)
{
	uint8_t msg[4096], *question = msg + HEADER_LEN;
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t n = recvfrom(server.fd, msg, 512, 0, (struct sockaddr *)&from, &from_len);
	uint16_t code = 0, count = 0, type;
	size_t len = (size_t)n;

	(void)ctx, (void)events;
	assert_true(n > HEADER_LEN + 5);
	server.asked++;
	note_port(from.sin_port);
	type = load_be16(msg + len - 4);
	if (is_first_label(question, "never"))
		return;
	if (is_first_label(question, "none"))
		code = NXDOMAIN;
	else if (is_first_label(question, "broken"))
		code = SERVFAIL;
	else
		len += add_records(msg + len, question, type, &count);
	store_be16(msg + 2, (uint16_t)(0x8180 | code));
	store_be16(msg + 6, count);
	if (is_first_label(question, "truncated"))
		msg[2] |= 2;
	if (count > 0 && is_first_label(question, "cut"))
		len -= 5;
	if (is_first_label(question, "garbage"))
		memset(question, 0xff, len - HEADER_LEN);
	if (is_first_label(question, "stranger"))
		msg[0] ^= 0x55; /* an answer to another question */
	sendto(server.fd, msg, len, 0, (struct sockaddr *)&from, from_len);
}

/* --- the asking side -------------------------------------------------------------------------------------------- */

static void note_answer(void *ctx, uint64_t id, const struct addr *addrs, size_t count)
{
	(void)ctx;
	assert_in_range(count, 0, RESOLVE_ADDRS);
	assert_in_range(got.count, 0, ANSWERS_MAX - 1);
	got.of[got.count].id = id;
	got.of[got.count].count = count;
	memcpy(got.of[got.count].addrs, addrs, count * sizeof *addrs);
	if (++got.count == wanted)
		loop_stop(l);
}

static usec until;

static void on_deadline(void *ctx)
{
	(void)ctx;
	resolve_tick(r);
	if (usec_due(until, __real_loop_now(l)))
		loop_stop(l);
}

static void before_sleep(void *ctx)
{
	(void)ctx;
	usec at = resolve_deadline(r);

	loop_wake_at(l, usec_min(at == USEC_NEVER ? at : at - ahead, until));
}

static void wait_for(unsigned answers)
{
	wanted = got.count + answers;
	until = loop_update_now(l) + PATIENCE;
	loop_run(l);
	assert_int_equal(got.count, wanted);
}

static int start(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	char servers[32];

	(void)state;
	env_fake_init(&env, 1);
	memset(&got, 0, sizeof got);
	ahead = 0;
	mark_err = 0;
	marks = 0;
	memset(&server, 0, sizeof server);
	server.fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(server.fd, (struct sockaddr *)&at, &len) < 0)
		return -1;
	snprintf(servers, sizeof servers, "127.0.0.1:%u", ntohs(at.sin_port));
	l = loop_new();
	server.watch = loop_watch(l, server.fd, LOOP_READ, on_question, NULL);
	r = resolve_new(l, servers, note_answer, NULL, &env.log);
	loop_on_deadline(l, on_deadline, NULL);
	loop_before_sleep(l, before_sleep, NULL);
	return r == NULL;
}

static int stop(void **state)
{
	(void)state;
	resolve_free(r);
	loop_unwatch(server.watch);
	close(server.fd);
	loop_free(l);
	return 0;
}

static void ask(const char *name)
{
	assert_int_equal(resolve_ask(r, name, 7), 0);
	wait_for(1);
	assert_int_equal(got.of[got.count - 1].id, 7);
}

static void assert_answer(unsigned i, size_t at, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	assert_true(at < got.of[i].count);
	assert_string_equal(addr_print_ip(&got.of[i].addrs[at], text), expected);
	assert_int_equal(got.of[i].addrs[at].port, 0);
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

TEST(F68_a_name_becomes_its_address)
{
	ask("answer.example.net");
	assert_int_equal(got.of[0].count, 1);
	assert_answer(0, 0, "192.0.2.1");
	assert_true(resolve_deadline(r) == USEC_NEVER);
}

TEST(F68_both_families_are_asked_for)
{
	const char *const v4 = "192.0.2.1", *const v6 = "2001:db8::1";
	bool v4_first;

	ask("both.example.net");
	assert_int_equal(got.of[0].count, 2);
	v4_first = got.of[0].addrs[0].family == ADDR_V4; /* as the host's routes have it */
	assert_answer(0, 0, v4_first ? v4 : v6);
	assert_answer(0, 1, v4_first ? v6 : v4);
}

TEST(F68_a_name_that_does_not_exist_has_no_address)
{
	ask("none.example.net");
	assert_int_equal(got.of[0].count, 0);
	assert_non_null(strstr(env.last_line, "none.example.net"));
	ask("broken.example.net");
	assert_int_equal(got.of[1].count, 0);
}

TEST(F68_an_answer_that_is_no_answer_has_no_address)
{
	static const char *const names[] = {"truncated.example.net", "cut.example.net"};

	for (unsigned i = 0; i < 2; i++) {
		ask(names[i]);
		assert_int_equal(got.of[i].count, 0);
	}
}

TEST(F68_what_answers_another_question_is_not_taken)
{
	assert_int_equal(resolve_ask(r, "garbage.example.net", 1), 0);
	assert_int_equal(resolve_ask(r, "stranger.example.net", 2), 0);
	ask("answer.example.net");
	assert_int_equal(got.count, 1); /* the others wait for their own */
	ahead = RESOLVE_GIVE_UP;
	wait_for(2);
	assert_int_equal(got.of[1].count + got.of[2].count, 0);
}

TEST(F68_a_huge_answer_is_cut)
{
	ask("huge.example.net");
	assert_int_equal(got.of[0].count, RESOLVE_ADDRS);
}

TEST(F68_the_name_server_is_asked_each_time)
{
	server.last_byte = 5;
	ask("changing.example.net");
	server.last_byte = 6;
	ask("changing.example.net");
	assert_answer(0, 0, "192.0.2.5");
	assert_answer(1, 0, "192.0.2.6");
}

TEST(F68_who_never_answers_holds_up_nobody_and_is_given_up)
{
	assert_int_equal(resolve_ask(r, "never.example.net", 1), 0);
	ask("answer.example.net");
	assert_int_equal(got.count, 1);
	assert_true(resolve_deadline(r) <= loop_update_now(l) + SEC(2)); /* a retry */

	ahead = RESOLVE_GIVE_UP;
	wait_for(1);
	assert_int_equal(got.of[1].id, 1);
	assert_int_equal(got.of[1].count, 0);
	assert_true(resolve_deadline(r) == USEC_NEVER);
}

TEST(F68_no_name_server_at_all_is_told)
{
	loop_unwatch(server.watch);
	server.watch = NULL;
	close(server.fd);
	server.fd = -1;
	ask("answer.example.net");
	assert_int_equal(got.of[0].count, 0);
}

TEST(answers_come_by_the_tick_only)
{
	assert_int_equal(resolve_ask(r, "localhost", 1), 0); /* known at once */
	assert_int_equal(got.count, 0);
	assert_true(resolve_deadline(r) <= loop_now(l));
	wait_for(1);
	assert_true(got.of[0].count > 0);
	assert_int_equal(server.asked, 0);
}

TEST(each_question_is_asked_from_a_port_of_its_own_and_few_at_a_time)
{
	for (unsigned i = 0; i < RESOLVE_AT_ONCE + 8; i++)
		assert_int_equal(resolve_ask(r, "never.example.net", i), 0);
	until = loop_update_now(l) + MSEC(100);
	loop_run(l);
	assert_int_equal(server.port_count, RESOLVE_AT_ONCE);

	ahead += RESOLVE_GIVE_UP;
	wait_for(RESOLVE_AT_ONCE);
	ahead += RESOLVE_GIVE_UP;
	wait_for(8);
	for (unsigned i = 0; i < got.count; i++)
		assert_int_equal(got.of[i].id, i); /* in turn */
}

TEST(questions_under_way_may_be_dropped)
{
	for (unsigned i = 0; i < RESOLVE_AT_ONCE + 8; i++)
		assert_int_equal(resolve_ask(r, "never.example.net", i), 0);
	resolve_free(r);
	resolve_free(NULL);
	assert_int_equal(got.count, 0);
	r = resolve_new(l, NULL, note_answer, NULL, &env.log);
	assert_non_null(r);
}

TEST(sockets_carry_the_mark)
{
	ask("answer.example.net");
	assert_int_equal(marks, 0);
	resolve_set_fwmark(r, 51820);
	ask("answer.example.net");
	assert_true(marks > 0);
	assert_int_equal(last_mark, 51820);

	assert_int_equal(resolve_ask(r, "never.example.net", 1), 0);
	marks = 0;
	resolve_set_fwmark(r, 1);
	assert_true(marks > 0); /* those that are open, too */
	assert_int_equal(last_mark, 1);
	resolve_set_fwmark(r, 0);
	assert_int_equal(last_mark, 0);
}

TEST(nothing_is_asked_without_the_mark)
{
	resolve_set_fwmark(r, 51820);
	mark_err = EPERM;
	ask("answer.example.net");
	assert_int_equal(got.of[0].count, 0);
	assert_int_equal(server.asked, 0);
}

#define ASKING(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ASKING(F68_a_name_becomes_its_address),
		ASKING(F68_both_families_are_asked_for),
		ASKING(F68_a_name_that_does_not_exist_has_no_address),
		ASKING(F68_an_answer_that_is_no_answer_has_no_address),
		ASKING(F68_what_answers_another_question_is_not_taken),
		ASKING(F68_a_huge_answer_is_cut),
		ASKING(F68_the_name_server_is_asked_each_time),
		ASKING(F68_who_never_answers_holds_up_nobody_and_is_given_up),
		ASKING(F68_no_name_server_at_all_is_told),
		ASKING(answers_come_by_the_tick_only),
		ASKING(each_question_is_asked_from_a_port_of_its_own_and_few_at_a_time),
		ASKING(questions_under_way_may_be_dropped),
		ASKING(sockets_carry_the_mark),
		ASKING(nothing_is_asked_without_the_mark),
	};

	return RUN_TESTS(tests);
}
