/* Hardening of the process. */
#include "priv.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

void priv_hide_memory(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	/* LeakSanitizer has to trace its own process. */
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
