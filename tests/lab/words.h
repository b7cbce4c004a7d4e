/* A NAT or a cable described in words, as on warren-natbox's command line, on its control socket and in the lab's
 * specifications: "mapping=apdm ports=block:1024", "delay=20ms loss=2%". */
#ifndef LAB_WORDS_H
#define LAB_WORDS_H

#include <stdbool.h>

#include "sim/link.h"
#include "sim/natbox.h"

/* Change what one word says; false, and nothing changed, when it says nothing that is known.
 *
 *     mapping=eim|adm|apdm|no-nat     filtering=eif|adf|apdf|open       filtering6=
 *     ports=preserve|sequential[:STEP]|block[:LENGTH]|random            range=LOW-HIGH
 *     lifetime=TIME[:TIME]            unconfirmed and confirmed; one: both are this
 *     hairpin=none|external|internal  input=drop|reject|accept          udp=on|off
 *     pool=ADDRESS,...                paired=yes|no                     overload=yes|no
 *     refresh=both|outbound           capacity=NUMBER */
bool words_nat(struct natbox_config *config, const char *word);

/*     delay=TIME  jitter=TIME  loss=SHARE  burst=SHARE:SHARE:SHARE (begin, end, loss in it)  duplicate=SHARE
 *     reorder=SHARE:TIME  corrupt=SHARE[:BITS]  rate=BITS  queue=TIME  mtu=BYTES  blocked=yes|no
 *
 * A time is "1.5s", "20ms" or "700us", a share "0.5%", a rate "100M" bits per second. */
bool words_link(struct link_config *config, const char *word);

#endif
