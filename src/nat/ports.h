/* From a few public ports to the rule by which a NAT gives them (nat.md section 1). Pure. */
#ifndef NAT_PORTS_H
#define NAT_PORTS_H

#include "nat/evidence.h"

#define PORTS_SAMPLES       5 /* one mapping for all: five sockets */
#define PORTS_SAMPLES_BLOCK 9 /* five of 64512 lie within a block by chance once in 12,000 times */
#define PORTS_SAMPLES_HARD                                                                         \
	12 /* endpoint-dependent: five show the right half of a block 94 times in 100 */
#define PORTS_BLOCK_MAX 4096
#define PORTS_STEP_MAX  64

struct ports {
	enum nat_ports rule;
	int step;            /* sequential */
	uint16_t base, span; /* block: lowest seen, and how many it has at least */
	unsigned samples;    /* different mappings that were compared */
};

/* local: the WireGuard door's own port; 0: not known, and then nothing is, nor if that door was not seen. With fewer than PORTS_SAMPLES only "preserve" is
 * said. Of pooled public addresses the one with most samples counts: each gives ports by itself. */
struct ports ports_judge(const struct evidence *e, enum nat_mapping mapping, uint16_t local);

#endif
