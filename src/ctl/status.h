/* The JSON objects of `warren status --json` and `warren events --json` (interface.md section 4). */
#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include "base/clock.h"
#include "ctl/stages.h"
#include "mesh/mesh.h"

#define STATUS_SCHEMA       "warren.status/1"
#define STATUS_EVENT_SCHEMA "warren.event/1"

/* As in both objects. */
const char *status_state_name(enum mesh_peer_state state);

/* host_name is shown when the configuration names no name. One line, no line feed; free() it. NULL
 * without memory. */
char *status_json(const struct mesh *m, const char *interface, const char *host_name,
		  const struct stages *stages, usec now);
/* One event, likewise. */
char *status_event(const struct event *e);

#endif
