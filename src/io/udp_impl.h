/* struct udp, for the files of the doors only. */
#ifndef IO_UDP_IMPL_H
#define IO_UDP_IMPL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "io/udp.h"

#define SEGMENTS_MAX 64 /* of one message, either way: the limit of Linux before 6.10 */
#define RECV_SLOTS   64 /* messages of one udp_recv() */
_Static_assert(SEGMENTS_MAX <= BATCH_MAX, "a batch has room for a message");

/* Each only when there: hop limit, our own address, length of the segments. */
union control {
	struct cmsghdr align;
	uint8_t bytes[2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct door {
	int fd; /* -1: the host lacks this family; of a fresh one: it is not open */
	uint16_t port;
	bool cuts; /* messages of several datagrams */
	unsigned recv_failures;
};

/* A message is one datagram, or several of one length that came or go one way. */
struct udp_rx {
	struct slab slab;
	struct mmsghdr headers[RECV_SLOTS];
	struct iovec parts[RECV_SLOTS];
	struct sockaddr_storage names[RECV_SLOTS];
	union control controls[RECV_SLOTS];
};

struct udp_tx {
	struct mmsghdr headers[BATCH_MAX];
	struct iovec parts[BATCH_MAX];
	struct sockaddr_storage names[BATCH_MAX];
	union control controls[BATCH_MAX];
	struct run {
		const struct packet *first;
		size_t count, len; /* of datagrams, of all their bytes */
		bool ended;        /* by a shorter one */
		bool pinned;       /* it names our address */
	} runs[BATCH_MAX];
	size_t run_count, part_count;
};

#define COMPLAIN_CLASSES 256 /* errno values told apart */

struct udp {
	struct door doors[UDP_DOORS_MAX];
	uint32_t fwmark;
	const struct log *log;
	struct udp_stats stats;
	struct udp_rx rx;
	struct udp_tx tx;
	usec quiet_until[COMPLAIN_CLASSES];
};

/* Each kind of failure is told once a minute: a host without a route fails for every packet.
 * Counts tell the rest. */
bool udp_may_complain(struct udp *u, int err);

/* 0 or -ENOMEM. */
int udp_recv_init(struct udp *u);
void udp_recv_free(struct udp *u);

#endif
