/* Three nodes before and after each test, as most tests of the mesh want them. */
#ifndef SUPPORT_TRIO_H
#define SUPPORT_TRIO_H

#include "support/nodes.h"
#include "support/test.h"

#define TRIO_NOW SEC(100)

/* Nodes 1, 2 and 3. */
extern struct node *const one, *const two, *const three;

/* Before and after a test (of cmocka): 1 knows both others, and they know it, since TRIO_NOW; nothing was said yet. */
int trio_start(void **state);
int trio_stop(void **state);
#define RUN_WITH_TRIO(name) cmocka_unit_test_setup_teardown(name, trio_start, trio_stop)

#endif
