/* A STUN server at the Internet: sim/stun_server on a machine, for both families. */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "sim/network.h"
#include "sim/stun_server.h"

#define SERVER_PORT       3478
#define SERVER_OTHER_PORT 3479

struct server {
	struct machine machine;
	struct stun_server stun[2]; /* IPv4, IPv6: faults and delays are set there */
	struct stun_server_reply replies[STUN_SERVER_REPLIES_MAX]; /* to the last request */
};

/* With one address of each family or two, and two ports. The world frees it. */
struct server *server_add(struct world *w, const char *name, unsigned addresses);
void server_free(struct server *s);

#endif
