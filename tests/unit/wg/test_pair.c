/* Two ends over a bad wire: handshakes that cross, are lost, repeated and reordered; rekeys under traffic; the end of sessions
 * (protocol.md, section 4; reliability.md F41, F42). */
#include "support/test.h"
#include "support/wire.h"

#include "crypto/crypto.h"

static struct wire wire;

static int by_size(const void *a, const void *b)
{
	const usec *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The part in 1000 of the values, which are sorted. */
static usec quantile(usec *values, size_t count, size_t per_mille)
{
	qsort(values, count, sizeof *values, by_size);
	return values[(count - 1) * per_mille / 1000];
}

static void start_at(unsigned end, usec at)
{
	wire_run(&wire, at);
	wire_send(&wire, end, 0);
}

/* Both ends send one packet each, within 30 ms of each other. */
static void start_both(void)
{
	usec apart = rand_jitter(&wire.rand, MSEC(30));
	unsigned first = rand_below(&wire.rand, 2);

	start_at(first, 0);
	start_at(1 - first, apart);
}

#define SEEDS 1000

TEST(two_that_start_within_30_ms_are_both_up_and_agree_at_once)
{
	static usec up[SEEDS], agreed[SEEDS];

	for (size_t seed = 0; seed < SEEDS; seed++) {
		wire_reset(&wire, seed, false);
		wire.jitter = MSEC(2);
		start_both();
		assert_true(wire_run_until(&wire, wire_is_up, SEC(1)));
		up[seed] = wire.now;
		assert_true(wire_run_until(&wire, wire_agrees, SEC(1)));
		agreed[seed] = wire.now;
		wire_run(&wire, SEC(1));
		assert_true(wire_agrees(&wire));
		assert_int_equal(wire.ends[0].accepted, 1);
		assert_int_equal(wire.ends[1].accepted, 1);
	}
	print_message("# both up: median %d ms, p99 %d ms; on one session: p99 %d ms\n", (int)(quantile(up, SEEDS, 500) / 1000),
		      (int)(quantile(up, SEEDS, 990) / 1000), (int)(quantile(agreed, SEEDS, 990) / 1000));
	assert_true(quantile(up, SEEDS, 990) <= MSEC(150));
	assert_true(quantile(agreed, SEEDS, 990) <= MSEC(150));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(two_that_start_within_30_ms_are_both_up_and_agree_at_once),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	wire_init(&wire);
	int failed = RUN_TESTS(tests);
	wire_free(&wire);
	return failed;
}
