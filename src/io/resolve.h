/* Names to addresses, by c-ares in our loop: nothing here blocks, and a slow name server costs nobody else a packet. Each question
 * has a channel of its own: it reads resolv.conf as it is now, and asks from a port of its own. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/log.h"
#include "io/loop.h"

#define RESOLVE_AT_ONCE 32      /* questions under way; the others wait for their turn */
#define RESOLVE_ADDRS   16      /* of one answer; what is beyond is left out */
#define RESOLVE_GIVE_UP SEC(20) /* whatever the name servers do */

struct resolve;

/* answered: with the addresses in the order in which to try them, port 0, or none. Called by resolve_tick() only, once for each question.
 * servers: "127.0.0.1:5353", with commas between several; NULL: those of resolv.conf. NULL without memory. */
struct resolve *resolve_new(struct loop *loop, const char *servers,
			    void (*answered)(void *ctx, uint64_t id, const struct addr *addrs,
					     size_t count),
			    void *ctx, const struct log *log);
/* Questions under way are dropped. NULL is fine. */
void resolve_free(struct resolve *r);

/* Of all sockets to name servers, at once; 0: none. */
void resolve_set_fwmark(struct resolve *r, uint32_t fwmark);

/* Ask for the addresses of a host, of both families: 0, and the answer comes by resolve_tick(); or -ENOMEM. Not for numbers: c-ares
 * would ask about them. */
int resolve_ask(struct resolve *r, const char *name, uint64_t id);

/* When to call resolve_tick(), which reports the answers and keeps the time of the rest; USEC_NEVER while nothing is asked. */
usec resolve_deadline(const struct resolve *r);
void resolve_tick(struct resolve *r);

#endif
