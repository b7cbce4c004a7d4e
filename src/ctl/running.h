/* The configuration a node really has: what a reload is compared with. The file it was started with does not tell, because `wg set` may have
 * changed anything since. */
#ifndef CTL_RUNNING_H
#define CTL_RUNNING_H

#include "mesh/mesh.h"

/* Keys, port, mark, name and peers are those of the mesh. STUN servers are those of `file` (the configuration loaded last), for only a
 * file names them. A peer's endpoint is what it says, where it names that peer and the mesh knows where it is: one that roamed, or was set by wg, is no change of the file. Holds
 * keys: conf_free() it soon. NULL without memory. */
struct conf *running_conf(const struct mesh *m, const struct conf *file);

#endif
