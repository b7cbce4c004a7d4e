/* Requests and their answers, with the real kernel. */
#include "config.h"

#include "tun/rtnl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "support/test.h"
#include "tun/link.h"

static struct rtnl *open_one(void)
{
	struct rtnl *r;

	assert_int_equal(rtnl_open(&r), 0);
	return r;
}

/* Send these bytes to the first route socket of this process, as a neighbour might. */
static void forge(const void *message, size_t len)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = (unsigned)getpid()};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	assert_int_equal(sendto(fd, message, len, 0, (struct sockaddr *)&to, sizeof to), len);
	close(fd);
}

TEST(gives_the_kernels_own_error)
{
	struct rtnl *r = open_one();

	assert_int_equal(link_set_up(r, 9999), -ENODEV);
	assert_int_equal(link_set_mtu(r, (int)if_nametoindex("lo"), 1u << 31), -EINVAL);
	rtnl_close(r);
}

TEST(gives_each_request_its_own_answer)
{
	struct rtnl *r = open_one();
	int lo = (int)if_nametoindex("lo");

	for (int i = 0; i < 100; i++) {
		assert_int_equal(link_set_up(r, 9999), -ENODEV);
		assert_int_equal(link_set_up(r, lo), 0);
	}
	rtnl_close(r);
}

TEST(ignores_answers_with_a_foreign_sequence_number_or_port)
{
	struct rtnl *r = open_one();
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} m = {.h = {.nlmsg_len = sizeof m, .nlmsg_type = NLMSG_ERROR}, .e = {.error = -EPERM}};

	m.h.nlmsg_pid = (unsigned)getpid();
	m.h.nlmsg_seq = 77;
	forge(&m, sizeof m);
	m.h.nlmsg_pid = 12345;
	m.h.nlmsg_seq = 1; /* the number of the first request */
	forge(&m, sizeof m);
	assert_int_equal(link_set_up(r, (int)if_nametoindex("lo")), 0);
	rtnl_close(r);
}

TEST(refuses_answers_that_are_cut_short)
{
	static char huge[40000];
	struct rtnl *r = open_one();
	struct nlmsghdr h = {.nlmsg_len = 1000, .nlmsg_type = NLMSG_ERROR};

	forge(huge, sizeof huge); /* longer than any buffer of ours */
	assert_int_equal(link_set_up(r, (int)if_nametoindex("lo")), -EMSGSIZE);
	rtnl_close(r);

	r = open_one();
	forge(&h, sizeof h); /* says more than there is */
	assert_int_equal(link_set_up(r, (int)if_nametoindex("lo")), -EBADMSG);
	rtnl_close(r);
}

static void count(void *ctx, const struct nlmsghdr *message)
{
	assert_int_equal(message->nlmsg_type, RTM_NEWLINK);
	++*(int *)ctx;
}

TEST(lists_what_there_is)
{
	struct rtnl *r = open_one();
	struct tun *t = netns_tun(r, "listed0", NULL, NULL);
	char buf[RTNL_REQUEST_MAX];
	int links = 0;

	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = RTM_GETLINK;
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	assert_int_equal(rtnl_dump(r, h, count, &links), 0);
	assert_in_range(links, 2, 100);
	tun_close(t);
	rtnl_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(gives_the_kernels_own_error),
		RUN(gives_each_request_its_own_answer),
		RUN(ignores_answers_with_a_foreign_sequence_number_or_port),
		RUN(refuses_answers_that_are_cut_short),
		RUN(lists_what_there_is),
	};

	return netns_enter() ? RUN_TESTS(tests) : 0;
}
