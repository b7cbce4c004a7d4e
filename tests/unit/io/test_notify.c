/* What a service manager reads on its socket. */
#include "io/notify.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "support/test.h"

static char folder[64], path[96], abstract[96];
static int manager = -1;

/* Listen at a path, or @ and an abstract name. */
static int listen_at(const char *address)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address));

	memcpy(name.sun_path, address, strlen(address));
	if (name.sun_path[0] == '@')
		name.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return bind(manager, (struct sockaddr *)&name, len);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/warren-notify-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/s", folder);
	snprintf(abstract, sizeof abstract, "@%s", folder + 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (manager >= 0)
		close(manager);
	manager = -1;
	unlink(path);
	rmdir(folder);
	return 0;
}

/* The next datagram as text; empty when there is none. */
static const char *heard(void)
{
	static char text[4096];
	ssize_t len = recv(manager, text, sizeof text - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void tell_all(const char *address)
{
	struct notify n;

	assert_int_equal(listen_at(address), 0);
	assert_int_equal(notify_open(&n, address), 0);
	notify_send(&n, "READY=1", "listening");
	notify_send(&n, NULL, "busy");
	notify_send(&n, "STOPPING=1", "stopping");
	notify_close(&n);
	notify_send(&n, "READY=1", "after the end");
	assert_string_equal(heard(), "READY=1\nSTATUS=listening");
	assert_string_equal(heard(), "STATUS=busy");
	assert_string_equal(heard(), "STOPPING=1\nSTATUS=stopping");
	assert_string_equal(heard(), "");
}

TEST(tells_a_socket_with_a_path)
{
	tell_all(path);
}

TEST(tells_an_abstract_socket)
{
	tell_all(abstract);
}

TEST(tells_after_the_path_became_unreachable)
{
	struct notify n;

	assert_int_equal(listen_at(path), 0);
	assert_int_equal(notify_open(&n, path), 0);
	assert_int_equal(unlink(path), 0);
	notify_send(&n, "READY=1", "here");
	assert_string_equal(heard(), "READY=1\nSTATUS=here");
	notify_close(&n);
}

TEST(a_status_cannot_bring_an_assignment_of_its_own)
{
	struct notify n;
	char endless[4096];

	assert_int_equal(listen_at(path), 0);
	assert_int_equal(notify_open(&n, path), 0);
	notify_send(&n, NULL, "wg0\nMAINPID=1\nREADY=1");
	assert_string_equal(heard(), "STATUS=wg0\\x0aMAINPID=1\\x0aREADY=1");
	memset(endless, 'x', sizeof endless);
	endless[sizeof endless - 1] = '\0';
	notify_send(&n, "STOPPING=1", endless);
	assert_int_equal(strlen(heard()), strlen("STOPPING=1\nSTATUS=") + LOG_LINE_MAX - 1);
	notify_close(&n);
}

TEST(without_an_address_nobody_is_told)
{
	struct notify n;

	assert_int_equal(notify_open(&n, NULL), 0);
	assert_int_equal(n.fd, -1);
	notify_send(&n, "READY=1", "x");
	assert_int_equal(notify_open(&n, ""), 0);
	assert_int_equal(n.fd, -1);
	notify_close(&n);
}

TEST(refuses_what_is_no_address)
{
	static const char *const wrong[] = {"relative", "vsock:2:1", "/", "@"};
	struct notify n;
	char long_one[sizeof((struct sockaddr_un *)NULL)->sun_path + 1];

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(notify_open(&n, wrong[i]), -EINVAL);
		assert_int_equal(n.fd, -1);
	}
	memset(long_one, 'x', sizeof long_one);
	long_one[0] = '/';
	long_one[sizeof long_one - 1] = '\0';
	assert_int_equal(notify_open(&n, long_one), -EINVAL);
	assert_int_equal(notify_open(&n, path), -ENOENT);
	assert_int_equal(n.fd, -1);
	notify_send(&n, "READY=1", "to nobody");
}

TEST(a_manager_that_is_gone_is_no_error)
{
	struct notify n;

	assert_int_equal(listen_at(path), 0);
	assert_int_equal(notify_open(&n, path), 0);
	close(manager);
	manager = -1;
	notify_send(&n, "READY=1", "to nobody");
	notify_close(&n);
}

#define RUN_HERE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_HERE(tells_a_socket_with_a_path),
		RUN_HERE(tells_an_abstract_socket),
		RUN_HERE(tells_after_the_path_became_unreachable),
		RUN_HERE(a_status_cannot_bring_an_assignment_of_its_own),
		RUN_HERE(without_an_address_nobody_is_told),
		RUN_HERE(refuses_what_is_no_address),
		RUN_HERE(a_manager_that_is_gone_is_no_error),
	};

	return RUN_TESTS(tests);
}
