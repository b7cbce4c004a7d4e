/* What the edges count, brought together for the control socket (ctl/stages.h). */
#ifndef METER_H
#define METER_H

#include "ctl/stages.h"
#include "io/udp.h"
#include "tun/tun.h"

/* Add what these doors did: once they are closed their counts are gone, and a counter never falls. */
void meter_add_doors(struct stages *s, const struct udp_stats *u);
/* What was done in all: `kept` (batches, and doors that were closed before), and what is open now. */
void meter_read(struct stages *out, const struct stages *kept, const struct tun_stats *t,
		const struct udp_stats *u);

#endif
