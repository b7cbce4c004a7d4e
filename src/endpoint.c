/* Names of endpoints to addresses, at start. */
#include "endpoint.h"

#include <netdb.h>
#include <string.h>

static bool look_up(const struct conf_endpoint *e, struct addr *out, const char **why)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	int err = getaddrinfo(e->host, NULL, &hints, &found);
	bool ok = false;

	if (err != 0) {
		*why = gai_strerror(err);
		return false;
	}
	for (const struct addrinfo *a = found; a != NULL && !ok; a = a->ai_next)
		ok = addr_from_sockaddr(out, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
	out->port = e->port;
	*why = "no address";
	return ok;
}

void endpoint_resolve(const struct conf *c, struct delta *change, const struct log *log)
{
	for (size_t i = 0; i < c->peer_count && i < change->peer_count; i++) {
		const struct conf_peer *p = &c->peers[i];
		struct delta_peer *d = &change->peers[i];
		const char *why;

		if (!p->has_endpoint || p->endpoint.host == NULL)
			continue;
		d->has_endpoint = look_up(&p->endpoint, &d->endpoint, &why);
		if (!d->has_endpoint)
			log_warn(log, "cannot look up the endpoint %s: %s", p->endpoint.host, why);
	}
}
