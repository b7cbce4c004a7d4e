/* A netlink route socket (libmnl) that asks and waits for the kernel's answer. */
#ifndef TUN_RTNL_H
#define TUN_RTNL_H

#include <linux/netlink.h>

#define RTNL_REQUEST_MAX 512 /* room for any request made in this folder */

union rtnl_request {
	struct nlmsghdr header;
	char bytes[RTNL_REQUEST_MAX];
};

struct reader;
struct rtnl;

/* The next message of what was received, in place; its length lies within. NULL at the end, and when one is cut short: then the
 * reader failed. (mnl_nlmsg_ok() takes a length beyond INT_MAX for a negative one, which fits anywhere.) */
const struct nlmsghdr *rtnl_next(struct reader *r);

/* 0 or -errno. */
int rtnl_open(struct rtnl **out);
/* NULL is fine. */
void rtnl_close(struct rtnl *r);

/* Send a request and wait for its acknowledgement: 0 or the kernel's -errno. Sets the flags
 * NLM_F_REQUEST|NLM_F_ACK and the sequence number. Strict with truncated answers: -EMSGSIZE,
 * -EBADMSG. */
int rtnl_ask(struct rtnl *r, struct nlmsghdr *request);

/* Ask for a list (the flag NLM_F_DUMP is set here) and call `each` with every message of it: 0
 * or -errno, perhaps after some. */
typedef void rtnl_each(void *ctx, const struct nlmsghdr *message);
int rtnl_dump(struct rtnl *r, struct nlmsghdr *request, rtnl_each *each, void *ctx);

#endif
