#include "support/trio.h"

struct node *const one = &nodes[1], *const two = &nodes[2], *const three = &nodes[3];

int trio_start(void **state)
{
	struct delta *d;

	(void)state;
	for (uint8_t number = 1; number <= 3; number++)
		node_start(number);
	node_introduce(one, two, TRIO_NOW);
	node_introduce(three, one, TRIO_NOW);
	d = delta_new();
	if (d == NULL)
		return -1;
	node_add_peer(d, three, "", false, true);
	node_apply(one, d, TRIO_NOW);
	return 0;
}

int trio_stop(void **state)
{
	(void)state;
	for (uint8_t number = 1; number <= 3; number++)
		node_stop(&nodes[number]);
	return 0;
}
