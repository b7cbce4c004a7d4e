/* Every reason a packet stops. Counted and shown by `warren status`; never an error. */
#ifndef BASE_DROP_H
#define BASE_DROP_H

#include <stdint.h>

/* name in code, name in JSON and metrics, what it means to a person */
#define DROP_REASONS(X)                                                                            \
	X(SHORT, "short", "datagram whose length is not that of its type")                         \
	X(UNKNOWN_TYPE, "unknown_type", "neither WireGuard nor anything else we speak")            \
	X(MAC1, "mac1", "handshake message not made for our public key")                           \
	X(UNDER_LOAD, "under_load", "handshake answered with a cookie, or none to spare")          \
	X(RATE_LIMIT, "rate_limit", "too many handshakes from one source")                         \
	X(HANDSHAKE, "handshake", "handshake that does not decrypt, or a low-order key")           \
	X(UNKNOWN_PEER, "unknown_peer", "handshake from a key that is no peer of ours")            \
	X(TIMESTAMP, "timestamp", "initiation that was replayed, or came too soon")                \
	X(COOKIE, "cookie", "cookie reply that was not asked for or does not decrypt")             \
	X(STUN, "stun", "STUN message that answers nothing we asked")                              \
	X(NO_SESSION, "no_session", "no session, or none any more, with this receiver index")      \
	X(TAG, "tag", "data that does not decrypt")                                                \
	X(REPLAY, "replay", "data that came twice, or too late")                                   \
	X(EXPIRED, "expired", "session or handshake past its age or message limit")                \
	X(NOT_IP, "not_ip", "decrypted data that is no IP packet")                                 \
	X(SOURCE, "source", "inner source address that is not the peer's")                         \
	X(NO_PEER, "no_peer", "outgoing packet to an address of no peer")                          \
	X(NO_ENDPOINT, "no_endpoint", "outgoing packet to a peer whose address is not known")      \
	X(NO_KEY, "no_key", "we have no private key")                                              \
	X(LOOP, "loop", "our own datagram, led into the tunnel by a route")                        \
	X(STAGED_FULL, "staged_full", "waited for a session and gave way to a newer packet")       \
	X(STAGED_OLD, "staged_old", "waited for a session that never came")                        \
	X(OUTBOX_FULL, "outbox_full", "more to send in one turn than there is room for")           \
	X(SEND_FAILED, "send_failed", "the host refused to send it")                               \
	X(TUN_FAILED, "tun_failed", "the TUN device refused it")                                   \
	X(TRUNCATED, "truncated", "arrived longer than a buffer")                                  \
	X(VNET, "vnet", "outgoing packet whose offload header asks what it cannot have")           \
	X(OFFLOAD, "offload",                                                                      \
	  "outgoing super-packet, or one without checksum, that cannot be one")                    \
	X(QUEUE, "queue",                                                                          \
	  "outgoing segment lost, to tell its stream that it fills the queue of the TUN")

enum drop {
	DROP_NONE,
#define X(name, text, meaning) DROP_##name,
	DROP_REASONS(X)
#undef X
		DROP_COUNT
};

struct drops {
	uint64_t count[DROP_COUNT];
};

const char *drop_name(enum drop d);
const char *drop_meaning(enum drop d);

#endif
