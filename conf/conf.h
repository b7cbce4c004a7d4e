/* A configuration as plain values: what a warren file says. Read by conf_read, printed by conf_write, turned into a change by
 * delta. interface.md section 2 lists the keys. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/prefix.h"
#include "crypto/key.h"

#define CONF_MTU_DEFAULT 1400
#define CONF_NAME_MAX    63
#define CONF_HOST_MAX    253   /* RFC 1035, 2.3.4, as text */
#define CONF_PEERS_MAX   65536 /* in a file: bounds what a file of nothing but [Peer] lines costs */

/* A list of strings in file order. */
struct conf_list {
	char **items;
	size_t count;
};

enum conf_table { CONF_TABLE_AUTO, CONF_TABLE_OFF, CONF_TABLE_NUMBER };
enum conf_punch { CONF_PUNCH_AUTO, CONF_PUNCH_GENTLE, CONF_PUNCH_OFF };
enum conf_disclose { CONF_DISCLOSE_ALL, CONF_DISCLOSE_PUBLIC, CONF_DISCLOSE_RELAY };
enum conf_path { CONF_PATH_AUTO, CONF_PATH_DIRECT, CONF_PATH_RELAY };

/* Where a peer is: an address, or a name that somebody has to resolve. */
struct conf_endpoint {
	struct addr addr; /* set when `host` is NULL */
	char *host;       /* a name, port beside it */
	uint16_t port;
};

struct conf_peer {
	unsigned line;                /* of its [Peer], for messages */
	unsigned key_line;            /* of its PublicKey, 0: it has none */
	struct key_public public_key; /* canonical */
	bool has_psk;
	struct key_shared psk;
	struct prefix *allowed; /* masked, in file order */
	size_t allowed_count;
	bool has_endpoint;
	struct conf_endpoint endpoint;
	bool has_keepalive;
	uint16_t keepalive;           /* seconds, 0: off */
	char name[CONF_NAME_MAX + 1]; /* "" unless given */
	bool anchor;
	enum conf_path path;
};

struct conf {
	bool has_private_key;
	struct key_private private_key;
	bool has_listen_port;
	uint16_t listen_port;
	bool has_fwmark;
	uint32_t fwmark;
	struct prefix *addresses; /* host bits kept */
	size_t address_count;
	struct conf_list dns; /* addresses and search domains, as wg-quick */
	bool has_mtu;
	uint16_t mtu;
	enum conf_table table;
	uint32_t table_number;
	struct conf_list pre_up, post_up, pre_down, post_down;
	bool save_config;
	char name[CONF_NAME_MAX + 1];
	bool anchor;
	bool has_relay, relay;
	uint64_t relay_limit; /* bits per second, 0: none */
	struct conf_list stun, turn;
	char *turn_user, *turn_ca;
	char *turn_password, *turn_secret; /* from key_alloc */
	enum conf_punch punch;
	enum conf_disclose disclose;
	struct conf_peer *peers; /* from key_alloc */
	size_t peer_count;
};

/* Zeroed, locked memory. NULL without memory. */
struct conf *conf_new(void);
/* Wipes secrets, frees all. NULL is fine. */
void conf_free(struct conf *c);
/* True when both say the same. Lines do not count; the order of lists does. */
bool conf_equal(const struct conf *a, const struct conf *b);

/* A new zeroed peer at the end, or NULL without memory. Earlier pointers may move. */
struct conf_peer *conf_add_peer(struct conf *c);
/* Append to c->addresses or a peer's `allowed`. False without memory. */
bool conf_add_prefix(struct prefix **prefixes, size_t *count, const struct prefix *prefix);
/* Append a copy of the text. False without memory. */
bool conf_list_add(struct conf_list *list, const char *text);
/* Frees the texts and makes it empty. */
void conf_list_free(struct conf_list *list);
bool conf_list_equal(const struct conf_list *a, const struct conf_list *b);

bool conf_endpoint_equal(const struct conf_endpoint *a, const struct conf_endpoint *b);
/* True when Table is auto and an AllowedIPs of the family is its default route. */
bool conf_has_full(const struct conf *c, enum addr_family family);
/* Wipe the private key and the preshared keys: for who keeps a configuration whose keys live elsewhere. */
void conf_forget_keys(struct conf *c);

#endif
