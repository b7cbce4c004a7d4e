/* A change of configuration: the one currency in which file, UAPI and commands ask for anything. Applied as a whole by
 * mesh_apply, or not at all. Semantics of a peer entry are those of WireGuard's set operation (interface.md section 3). */
#ifndef CONF_DELTA_H
#define CONF_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

struct delta_allowed {
	bool remove;
	struct prefix prefix; /* masked */
};

struct delta_peer {
	struct key_public key; /* canonical */
	bool remove;           /* the peer goes; nothing else counts */
	bool update_only;      /* unknown peers are not made */
	bool replace_allowed;  /* forget its allowed IPs first */
	bool has_psk, has_endpoint, has_keepalive, has_meta;
	struct key_shared psk; /* all zero: none */
	struct addr endpoint;
	const char *host; /* its endpoint is this name and port, which somebody has to look up; the
			     configuration's. NULL: none */
	uint16_t port;
	bool forget_host;   /* it is no name any more; where the peer is stays known */
	uint16_t keepalive; /* 0: off */
	struct delta_allowed *allowed;
	size_t allowed_count;
	/* with has_meta: what only warren's own file says */
	char name[CONF_NAME_MAX + 1];
	bool anchor;
	enum conf_path path;
};

struct delta {
	bool has_private_key, has_listen_port, has_fwmark, has_name;
	struct key_private private_key; /* all zero: forget it */
	uint16_t listen_port;           /* 0: any */
	uint32_t fwmark;                /* 0: none */
	char name[CONF_NAME_MAX + 1];
	const struct conf_list *stun; /* these servers from now on; the configuration's. NULL: as
					 before */
	bool replace_peers;           /* forget all peers first */
	struct delta_peer *peers;
	size_t peer_count;
	size_t peer_room;
};

/* Zeroed, locked memory. NULL without memory. */
struct delta *delta_new(void);
void delta_free(struct delta *d);

/* A new zeroed entry at the end, or NULL without memory. Earlier pointers may move. */
struct delta_peer *delta_add_peer(struct delta *d, const struct key_public *key);
/* False without memory. The prefix is masked here. */
bool delta_add_allowed(struct delta_peer *p, const struct prefix *prefix, bool remove);

/* Everything a configuration says, as a change that brings any state to it. Endpoints given by name are only noted as `host`, and so
 * are STUN servers: who resolves them sets them. Both must not outlive `c`. NULL without memory. */
struct delta *delta_from_conf(const struct conf *c);
/* The least that brings a mesh which is as `from` says to what `to` says; nothing is in it for what is the same in both, so that
 * a peer's session lives on, and an endpoint that roamed is not put back unless the file's changed. A file without
 * ListenPort takes any port: the one in use stays. So does a private key that `to` leaves out, and an endpoint: only its name is no longer
 * looked up. */
struct delta *delta_between(const struct conf *from, const struct conf *to);
/* True when there is nothing in it. */
bool delta_is_empty(const struct delta *d);

#endif
