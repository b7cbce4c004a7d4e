/* The NAT looked at by sockets of our own: real ones, in a network namespace where a STUN server of one address lives. */
#include "cli/outlook.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "sim/stun_server.h"
#include "support/env_fake.h"
#include "support/test.h"
#include "unit/tun/netns.h"

#define HERE "198.51.100.9"

static struct env_fake env;
static struct tun *tun;
static struct rtnl *rtnl;
static pid_t server;

static int open_server(void)
{
	struct addr at;
	struct sockaddr_storage name;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(addr_parse(&at, HERE ":3478"));
	socklen_t len = addr_to_sockaddr(&at, &name);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
	return fd;
}

static void serve(int fd)
{
	static struct stun_server_reply replies[STUN_SERVER_REPLIES_MAX];
	static uint8_t bytes[2048];
	struct stun_server s = {.port = {3478}, .rand = rand_seeded(1)};
	struct addr at, from;

	addr_parse(&at, HERE ":3478");
	s.ip[0] = at;
	for (;;) {
		struct sockaddr_storage name;
		socklen_t name_len = sizeof name;
		ssize_t len =
			recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&name, &name_len);

		if (len < 0 || !addr_from_sockaddr(&from, (struct sockaddr *)&name, name_len))
			continue;
		size_t count = stun_server_input(&s, &from, &at, bytes, (size_t)len, replies);
		for (size_t i = 0; i < count; i++)
			sendto(fd, replies[i].data, replies[i].len, 0, (struct sockaddr *)&name,
			       name_len);
	}
}

static int start(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rtnl_open(&rtnl), 0);
	tun = netns_tun(rtnl, "t0", HERE "/24", NULL);
	fd = open_server();
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd);
	}
	close(fd);
	return crypto_init(NULL);
}

static int stop(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	tun_close(tun);
	rtnl_close(rtnl);
	return 0;
}

static unsigned steps;
static enum survey_step last_step;

static void on_progress(void *ctx, enum survey_step step)
{
	(void)ctx;
	if (steps == 0)
		assert_int_equal(step, SURVEY_STEP_SERVERS);
	else
		assert_true(step > last_step);
	last_step = step;
	steps++;
}

static struct nat_report look(const char *first, const char *second)
{
	const char *servers[] = {first, second};
	const struct outlook_options options = {
		.servers = servers,
		.server_count = second != NULL ? 2 : 1,
		.name_servers = "127.0.0.1:1", /* where nobody is */
		.log = &env.log,
		.progress = on_progress,
	};
	struct nat_report r;
	usec wall_offset;

	steps = 0;
	env_fake_init(&env, 1);
	assert_int_equal(outlook_run(&options, &r, &wall_offset), 0);
	assert_true(r.checked_at + wall_offset > SEC(1700000000)); /* is of these years */
	return r;
}

TEST(a_server_tells_our_address)
{
	struct nat_report r = look(HERE, NULL);
	char text[ADDR_TEXT_MAX];

	assert_int_equal(r.server_count, 1);
	assert_string_equal(r.servers[0].name, HERE);
	assert_int_equal(r.servers[0].state, NAT_SERVER_ANSWERED);
	assert_true(r.v4.tested);
	assert_false(r.v6.tested);
	assert_int_equal(r.v4.mapping, NAT_MAPPING_NONE);
	assert_int_equal(r.v4.public_count, 1);
	assert_string_equal(addr_print_ip(&r.v4.public[0], text), HERE);
	assert_true(steps > 0);
}

TEST(f20_a_name_that_does_not_resolve_is_told_and_others_are_asked)
{
	struct nat_report r = look("stun.example.org", HERE);

	assert_int_equal(r.server_count, 2);
	assert_string_equal(r.servers[0].name, "stun.example.org");
	assert_int_equal(r.servers[0].state, NAT_SERVER_UNRESOLVED);
	assert_int_equal(r.servers[1].state, NAT_SERVER_ANSWERED);
}

TEST(f20_a_server_that_is_not_there_is_told)
{
	struct nat_report r = look(HERE ":9", NULL);

	assert_int_equal(r.servers[0].state, NAT_SERVER_ASKED);
	assert_int_equal(r.v4.mapping, NAT_MAPPING_UNKNOWN);
	assert_int_equal(r.v4.filtering, NAT_FILTERING_UNKNOWN);
}

TEST(nothing_stays_open)
{
	int before = dup(0);

	close(before);
	look(HERE, NULL);
	int after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_server_tells_our_address),
		RUN(f20_a_name_that_does_not_resolve_is_told_and_others_are_asked),
		RUN(f20_a_server_that_is_not_there_is_told),
		RUN(nothing_stays_open),
	};

	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, start, stop);
}
