/* What the four stages of the data path did since the daemon began (interface.md section 5): plain counts that the daemon brings
 * together from its edges, for `warren status --json` and `warren metrics`. */
#ifndef CTL_STAGES_H
#define CTL_STAGES_H

#include <stddef.h>
#include <stdint.h>

/* Name in code, name in JSON and metrics; the way out, then the way in. */
#define STAGE_NAMES(X)                                                                             \
	X(TUN_READ, "tun_read")                                                                    \
	X(UDP_SEND, "udp_send")                                                                    \
	X(UDP_RECEIVE, "udp_receive")                                                              \
	X(TUN_WRITE, "tun_write")

enum stage_id {
#define X(id, name) STAGE_##id,
	STAGE_NAMES(X)
#undef X
		STAGE_COUNT
};

#define STAGE_LIMITS 5 /* 1, 4, 16, 64 and 256 packets; a batch has at most BATCH_MAX */

struct stage {
	uint64_t calls; /* of the system */
	uint64_t
		messages; /* what a call moves one or many of: (super-)packets of the TUN, UDP messages */
	uint64_t packets; /* which these are when cut: how full they are is packets / messages */
	uint64_t batches[STAGE_LIMITS +
			 1]; /* turns of the loop, by packets: up to each limit, and more */
	uint64_t batched;    /* packets of all batches: those that the host then refused as well */
};

struct stages {
	struct stage stage[STAGE_COUNT];
	uint64_t tun_super;  /* super-packets that were read */
	uint64_t tun_joined; /* packets that were written together with others */
	uint64_t udp_apart;  /* UDP messages that had to leave datagram by datagram */
};

const char *stages_name(enum stage_id id);
/* The limit of batches[i], i < STAGE_LIMITS. */
size_t stages_limit(size_t i);
/* A turn of the loop had so many packets at this stage; one that had none is no batch. */
void stages_note_batch(struct stages *s, enum stage_id id, size_t packets);

#endif
