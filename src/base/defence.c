/* The switch behind DEFENCE() in test builds; empty elsewhere. */
#include "base/defence.h"

#ifdef WARREN_TEST_HOOKS

#include <stdlib.h>

#define DEFENCE_MAX 100 /* reliability.md numbers them from 01 to 60 */

bool defence_off(int number)
{
	static bool off[DEFENCE_MAX], known;

	if (!known) {
		known = true;
		for (const char *at = getenv("WARREN_DEFENCE_OFF"); at != NULL && *at != '\0';) {
			char *end;
			unsigned long n = strtoul(at, &end, 10);
			/* A test run that switches off something else would prove nothing. */
			if (end == at || n >= DEFENCE_MAX || (*end != ',' && *end != '\0'))
				abort();
			off[n] = true;
			at = end + (*end == ',');
		}
	}
	return number >= 0 && number < DEFENCE_MAX && off[number];
}

#else

extern int defence_is_always_on; /* ISO C wants one declaration */

#endif
