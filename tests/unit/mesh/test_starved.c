/* Not of a file: neither packets nor sessions cost memory (reliability.md, F60), or a line of the log (dataplane.md).
 * What changes of configuration do without memory: test_mesh.c. */
#include "crypto/crypto.h"
#include "support/test.h"
#include "support/trio.h"
#include "tests/support/starve.h"

#define PACKETS   100000
#define PER_BATCH 100
#define EVERY     MSEC(250) /* so that sessions are renewed on the way */

static uint8_t memory[PER_BATCH][PACKET_HEAD + 1500 + PACKET_TAIL];
static struct batch in;

/* Both ways in turn, and of many lengths. Returns what was delivered. */
static size_t carry_batch(struct node *from, struct node *to, usec now)
{
	const struct addr there = node_outside(from->number);
	size_t delivered;

	in.count = PER_BATCH;
	for (size_t i = 0; i < PER_BATCH; i++) {
		uint8_t *at = memory[i] + PACKET_HEAD;
		size_t len = 40 + i * 14;

		if (i % 2 == 0)
			node_write_ip4(at, from->number, to->number, len, (uint8_t)i);
		else
			node_write_ip6(at, from->number, to->number, len, (uint8_t)i);
		in.packets[i] = (struct packet){.data = at, .len = len};
	}
	mesh_outbound(from->m, &in, now, &from->out);
	in = from->out.net;
	for (size_t i = 0; i < in.count; i++)
		in.packets[i].via = via_direct(&there);
	mesh_inbound(to->m, &in, now, &to->out);
	delivered = to->out.tun.count;
	outbox_clear(&from->out);
	outbox_clear(&to->out);
	return delivered;
}

TEST(f60_packets_and_sessions_cost_no_memory)
{
	usec now = TRIO_NOW;
	size_t delivered = 0;
	uint64_t calls;
	unsigned lines;

	node_connect(one, two, now);
	node_connect(two, one, now);
	outbox_clear(&one->out);
	outbox_clear(&two->out);
	starve_after(0, UINT64_MAX);
	calls = starve_calls();
	lines = one->env.lines + two->env.lines;
	for (size_t sent = 0; sent < PACKETS; sent += 2 * PER_BATCH, now += EVERY) {
		mesh_tick(one->m, now, &one->out);
		mesh_tick(two->m, now, &two->out);
		node_settle(one, two, now);
		delivered += carry_batch(one, two, now);
		delivered += carry_batch(two, one, now);
	}
	starve_end();
	assert_int_equal(starve_calls(), calls);
	assert_int_equal(delivered, PACKETS);
	assert_int_equal(one->env.lines + two->env.lines, lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH_TRIO(f60_packets_and_sessions_cost_no_memory),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
