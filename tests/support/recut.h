/* What joining may not change: the writes, cut apart again as the kernel would, are the packets that
 * were given, each once, byte for byte, and those of one flow in their order. An independent and slow
 * reading of the vnet header (virtio 1.2, 5.1.6; dataplane.md, section 3, rule 7). */
#ifndef SUPPORT_RECUT_H
#define SUPPORT_RECUT_H

#include "base/packet.h"
#include "tun/gro.h"

/* NULL, or the first thing that is wrong. `before`: the packets as they were, in other memory. */
const char *recut_fault(const struct gro *g, const struct batch *before);

#endif
