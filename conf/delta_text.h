/* What a reload changes, for a person: one sentence each, "peer laptop2: AllowedIPs + 10.66.0.9/32". Never a secret. */
#ifndef CONF_DELTA_TEXT_H
#define CONF_DELTA_TEXT_H

#include "conf/delta.h"

/* Append the sentences for `d`, which is delta_between(from, to). False without memory, after some. */
bool delta_text(struct conf_list *lines, const struct delta *d, const struct conf *from,
		const struct conf *to);
/* Append those for what else differs between two files: addresses, MTU and table; and, as such, what waits for the next start. False
 * without memory, after some. */
bool delta_text_host(struct conf_list *lines, const struct conf *from, const struct conf *to);

#endif
