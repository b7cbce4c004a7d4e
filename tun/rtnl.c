/* Requests to the kernel's rtnetlink, one at a time. An answer counts only with our port id and
 * sequence number. */
#include "tun/rtnl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/bytes.h"

#define ANSWER_MAX 32768 /* the kernel fills dump messages up to this size */

struct rtnl {
	struct mnl_socket *socket;
	unsigned port, seq;
	_Alignas(struct nlmsghdr) char answer[ANSWER_MAX];
};

int rtnl_open(struct rtnl **out)
{
	struct rtnl *r = calloc(1, sizeof *r);
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (r->socket == NULL || mnl_socket_bind(r->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		rtnl_close(r);
		return err;
	}
	r->port = mnl_socket_get_portid(r->socket);
	*out = r;
	return 0;
}

void rtnl_close(struct rtnl *r)
{
	if (r == NULL)
		return;
	if (r->socket != NULL)
		mnl_socket_close(r->socket);
	free(r);
}

const struct nlmsghdr *rtnl_next(struct reader *r)
{
	size_t left = reader_left(r);
	const struct nlmsghdr *h = (const void *)r->at;

	if (left == 0)
		return NULL;
	if (left < sizeof *h || h->nlmsg_len < sizeof *h || h->nlmsg_len > left) {
		r->failed = true;
		return NULL;
	}
	size_t len = MNL_ALIGN(h->nlmsg_len);
	read_bytes(r, len < left ? len : left);
	return h;
}

/* The number in an error message (0: acknowledged) or at the end of a dump. */
static int result_of(const struct nlmsghdr *h)
{
	if (mnl_nlmsg_get_payload_len(h) < sizeof(int))
		return h->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;

	int result = *(const int *)mnl_nlmsg_get_payload(h);
	return result <= 0 ? result : -EBADMSG;
}

/* One answer off the socket. True when it held the end, whose result is in *result. */
static bool read_answer(struct rtnl *r, rtnl_each *each, void *ctx, int *result)
{
	ssize_t got = mnl_socket_recvfrom(r->socket, r->answer, sizeof r->answer);
	const struct nlmsghdr *h;

	if (got < 0) {
		*result = errno == ENOSPC ? -EMSGSIZE
					  : -errno; /* libmnl says ENOSPC of an answer cut short */
		return errno != EINTR;
	}
	struct reader messages = reader_of(r->answer, (size_t)got);
	while ((h = rtnl_next(&messages)) != NULL) {
		if (h->nlmsg_seq != r->seq || h->nlmsg_pid != r->port)
			continue;
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
			*result = result_of(h);
			return true;
		}
		if (each != NULL)
			each(ctx, h);
	}
	if (!reader_ok(&messages)) {
		*result = -EBADMSG;
		return true;
	}
	return false;
}

static int ask(struct rtnl *r, struct nlmsghdr *request, rtnl_each *each, void *ctx)
{
	int result = 0;

	request->nlmsg_seq = ++r->seq;
	request->nlmsg_pid = r->port;
	if (mnl_socket_sendto(r->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (!read_answer(r, each, ctx, &result))
		continue;
	return result;
}

int rtnl_ask(struct rtnl *r, struct nlmsghdr *request)
{
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	return ask(r, request, NULL, NULL);
}

int rtnl_dump(struct rtnl *r, struct nlmsghdr *request, rtnl_each *each, void *ctx)
{
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	return ask(r, request, each, ctx);
}
