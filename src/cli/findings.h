/* What a daemon says that the NAT does, read back: warren.netcheck/1 (nat/report_json.h) as a report. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include <jansson.h>

#include "nat/report.h"

/* False for what is no such object. Names of servers live as long as `o`. r->checked_at counts from 1970. */
bool findings_read(struct nat_report *r, const json_t *o);

#endif
