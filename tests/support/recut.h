/* What joining may not change: the writes, cut apart again as the kernel would, are the packets that
 * were given, each once, byte for byte, and those of one flow in their order. The slow cutter cuts; that
 * the vnet header says what dataplane.md, section 3, rule 7, wants is looked at before. */
#ifndef SUPPORT_RECUT_H
#define SUPPORT_RECUT_H

#include "base/packet.h"
#include "tun/gro.h"

/* NULL, or the first thing that is wrong. `before`: the packets as they were, in other memory. */
const char *recut_fault(const struct gro *g, const struct batch *before);

#endif
