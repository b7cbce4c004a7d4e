/* Memory runs out while a daemon starts: from daemon_run() on, when WARREN_STARVE_START has two numbers, of allocations that succeed and of
 * those that then fail. (Before that the C library looks a user up, which ends a program that has no memory.) */
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"
#include "tests/support/starve.h"

enum daemon_exit __real_daemon_run(const struct daemon_options *o);
enum daemon_exit __wrap_daemon_run(const struct daemon_options *o);

enum daemon_exit __wrap_daemon_run(const struct daemon_options *o)
{
	const char *text = getenv("WARREN_STARVE_START");
	unsigned long passes, failures;

	if (text != NULL && sscanf(text, "%lu %lu", &passes, &failures) == 2)
		starve_after(passes, failures);
	return __real_daemon_run(o);
}
