/* Defences by number of reliability.md, section 5. A test build (--enable-test-hooks) can switch
 * one off, so that its regression test is seen to fail without it. Elsewhere DEFENCE(nn, check) is
 * just `check`. */
#ifndef BASE_DEFENCE_H
#define BASE_DEFENCE_H

#include "config.h"

#ifdef WARREN_TEST_HOOKS
#include <stdbool.h>
/* True when WARREN_DEFENCE_OFF names this number (test builds only). */
bool defence_off(int number);
#define DEFENCE(number, refused) (!defence_off(number) && (refused))
#else
#define DEFENCE(number, refused) (refused)
#endif

#endif
