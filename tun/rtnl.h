/* A netlink route socket (libmnl) that asks and waits for the kernel's answer. */
#ifndef TUN_RTNL_H
#define TUN_RTNL_H

struct rtnl;
struct nlmsghdr;

/* 0 or -errno. */
int rtnl_open(struct rtnl **out);
void rtnl_close(struct rtnl *r);
/* Send a request and wait for its acknowledgement: 0 or the kernel's -errno. Sets the flags NLM_F_REQUEST|NLM_F_ACK and the sequence
 * number. Strict with truncated answers. */
int rtnl_ask(struct rtnl *r, struct nlmsghdr *request);

#endif
