/* What a person sees of a status: JSON text in, a table out (interface.md section 4). Pure. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <stdbool.h>
#include <stdint.h>

struct view {
	int64_t now_unix_ns; /* for "41s ago" */
	unsigned columns;    /* lines are not longer; at least 80 */
	bool color;
};

/* The table for a warren.status/1 object as one string: free() it. NULL when the text is no such object, or without
 * memory. Names and addresses are escaped: they come from peers. */
char *view_status(const char *json, const struct view *view);

/* The line for a warren.event/1 object: time of day, peer, what it was and is, why, how long that took. Likewise. */
char *view_event(const char *json);
#define VIEW_EVENT_HEADING                                                                         \
	"TIME      PEER                  FROM -> TO            REASON      TOOK\n"

#endif
