/* Filtering, from answers that come from elsewhere and from those that do not come (RFC 5780, 4.4; nat.md section 1). Silence is a
 * verdict only if the door is proved by a plain answer, and the server by an answer from elsewhere that could not be filtered:
 * to the WireGuard door, which has sent there before. Pure; one at a time in each survey. */
#ifndef NAT_FILTERING_H
#define NAT_FILTERING_H

#include "base/addr.h"
#include "base/clock.h"
#include "nat/report.h"

#define FILTERING_TRIES 3 /* a lost answer reads as "filtered" */
#define FILTERING_EVERY MSEC(200)
#define FILTERING_SLACK MSEC(300) /* beyond two round trips after the last */

enum filtering_test {
	FILTERING_BOTH, /* a fresh door asks for an answer from the other IP and port */
	FILTERING_PORT, /* another one, from the other port */
	FILTERING_SHOW, /* the WireGuard door, which has sent to all of them, as FILTERING_BOTH */
};

/* Tries, each a transaction of its own, and how long to wait after the last. */
struct filtering_tries {
	unsigned done;
	usec next_at; /* USEC_NEVER: all done, or not begun */
	usec over_at; /* from then on silence counts; USEC_NEVER: not all done */
};

struct filtering {
	bool running;
	uint8_t server;
	struct filtering_tries tests[2]; /* by one pair of doors and, a little later, by another */
	struct filtering_tries show;
	bool both, port, shown; /* came from where it should */
	bool incapable;         /* the server does not do as it is asked */
};

void filtering_begin(struct filtering *f, unsigned server, usec now);
/* The second pair begins: three tries that are all lost would else be a wrong verdict once in 16,000 times at 2 % loss. */
void filtering_begin_again(struct filtering *f, usec now);
/* The server is asked to show what it can from now on. */
void filtering_begin_show(struct filtering *f, usec now);

/* True when a try is due: the caller sends it. rtt: the server's. */
bool filtering_try(struct filtering_tries *t, usec rtt, usec now);

/* An answer came from `from`, to a question to `server`, whose other address is `other`. */
void filtering_heard(struct filtering *f, enum filtering_test test, const struct addr *from,
		     bool is_error, const struct addr *server, const struct addr *other);

/* True when there is nothing to wait for any more. */
bool filtering_is_over(const struct filtering *f, usec now);
/* When that may be, or a try is due. */
usec filtering_deadline(const struct filtering *f);
/* As far as it is known at this moment. proved: a plain answer came in by the door of FILTERING_BOTH and of FILTERING_PORT, of the
 * first pair and of the second. */
enum nat_filtering filtering_verdict(const struct filtering *f, const bool proved[static 4],
				     usec now);

#endif
