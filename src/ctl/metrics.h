/* What `warren metrics` shows, in Prometheus' text format (version 0.0.4; interface.md section 5). Pure. */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include <stddef.h>

#include "base/clock.h"
#include "ctl/stages.h"
#include "mesh/mesh.h"

/* Every family with its HELP and TYPE, also one without samples; each sample has the label `interface`, so that the
 * pages of several daemons can be put together, and those of a peer `public_key` beside its name, which others may have
 * too. Lines of printable UTF-8. free() it. NULL without memory. */
char *metrics_text(const struct mesh *m, const char *interface, const struct stages *stages,
		   usec now, size_t *len);

#endif
