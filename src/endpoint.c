/* Names of endpoints to addresses, at start. */
#include "endpoint.h"

#include <netdb.h>
#include <string.h>

static bool look_up(const struct delta_peer *p, struct addr *out, const char **why)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	int err = getaddrinfo(p->host, NULL, &hints, &found);
	bool ok = false;

	if (err != 0) {
		*why = gai_strerror(err);
		return false;
	}
	for (const struct addrinfo *a = found; a != NULL && !ok; a = a->ai_next)
		ok = addr_from_sockaddr(out, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
	out->port = p->port;
	*why = "no address";
	return ok;
}

void endpoint_resolve(struct delta *change, const struct log *log)
{
	for (size_t i = 0; i < change->peer_count; i++) {
		struct delta_peer *p = &change->peers[i];
		const char *why;

		if (p->host == NULL)
			continue;
		p->has_endpoint = look_up(p, &p->endpoint, &why);
		if (!p->has_endpoint)
			log_warn(log, "cannot look up the endpoint %s: %s", p->host, why);
	}
}
