/* The NAT looked at without a daemon: natcheck on sockets of our own (nat.md, section 1). Neither root nor configuration is needed. */
#ifndef CLI_OUTLOOK_H
#define CLI_OUTLOOK_H

#include "base/log.h"
#include "nat/report.h"
#include "nat/survey.h"

#define OUTLOOK_SERVERS_MAX 8
#define OUTLOOK_PORT        3478 /* of STUN, RFC 8489, 8.1 */

struct outlook_options {
	const char *const *servers; /* as conf_host_read takes them */
	size_t server_count;
	const char *name_servers; /* as resolve_new() has them; NULL: those of the host */
	const struct log *log;
	/* What is being found out now; NULL: nobody wants to know. */
	void (*progress)(void *ctx, enum survey_step step);
	void *progress_ctx;
};

/* Waits for the verdict, at most some seconds: 0, and the report, with the servers' names; or -errno when the host refuses.
 * wall_offset: as in struct env. */
int outlook_run(const struct outlook_options *o, struct nat_report *report, usec *wall_offset);

#endif
