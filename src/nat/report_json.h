/* A report as the object of `warren netcheck --json`, warren.netcheck/1 (interface.md section 4; docs/schema). As text, because a
 * daemon and a tool without one say the same. */
#ifndef NAT_REPORT_JSON_H
#define NAT_REPORT_JSON_H

#include "nat/report.h"
#include "nat/survey.h"

#define REPORT_JSON_SCHEMA "warren.netcheck/1"
#define REPORT_JSON_MAX    16384

/* One line without a line feed, and its length. Names of servers are at most REPORT_JSON_NAME_MAX bytes in which nothing has to be
 * escaped (conf_host_read takes no others). wall_offset: as in struct env. */
size_t report_json_write(const struct nat_report *r, usec wall_offset,
			 char buf[static REPORT_JSON_MAX]);
#define REPORT_JSON_NAME_MAX 268

/* What is being found out, in a word. */
const char *report_json_step(enum survey_step step);

#endif
