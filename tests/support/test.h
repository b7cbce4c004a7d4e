/* cmocka with the headers it wants, and one way to run a group: TAP on standard output. */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* static void refuses_short_text(void **state) becomes TEST(refuses_short_text) */
#define TEST(name)      static void name(void **state __attribute__((unused)))
#define RUN(name)       cmocka_unit_test(name)
#define RUN_TESTS(list) cmocka_run_group_tests(list, NULL, NULL)

#endif
