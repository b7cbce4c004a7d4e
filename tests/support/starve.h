/* Memory that runs out on demand (reliability.md, F60). A program that lists starve.c among its sources has its malloc and
 * kin in place of the C library's, so that what libraries allocate counts as well; locked memory does when the program is
 * linked with WRAP_STARVED. Only free() stays what it was. */
#ifndef SUPPORT_STARVE_H
#define SUPPORT_STARVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
/* AddressSanitizer hands its own memory out, and cannot start a thread without. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define STARVE_SANITIZED      true
#define STARVE_REAL(function) __interceptor_##function
#else
#define STARVE_SANITIZED      false
#define STARVE_REAL(function) __libc_##function
#endif

/* When WARREN_STARVE names a file, the first bytes of that file are this, for another process to read and write. */
struct starve {
	uint64_t calls;    /* of allocating functions, since the start of the program */
	uint64_t passes;   /* so many more succeed ... */
	uint64_t failures; /* ... then so many fail; 0: none ever */
	uint64_t failed;   /* so many did */
};

/* From here on `passes` allocations succeed, the next `failures` fail, and all others succeed. */
void starve_after(uint64_t passes, uint64_t failures);
/* The hunger is over: how many allocations failed since starve_after(). */
uint64_t starve_end(void);
/* Allocations since the start of the program, failed ones included. */
uint64_t starve_calls(void);

#endif
