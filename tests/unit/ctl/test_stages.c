#include "ctl/stages.h"

#include "base/packet.h"
#include "support/test.h"

TEST(a_batch_is_counted_where_its_limit_is)
{
	static const struct {
		size_t packets, bucket;
	} batches[] = {{1, 0},  {2, 1},  {4, 1},   {5, 2},   {16, 2},        {17, 3},
		       {64, 3}, {65, 4}, {256, 4}, {257, 5}, {BATCH_MAX, 5}, {SIZE_MAX, 5}};

	for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
		struct stages s = {0};
		stages_note_batch(&s, STAGE_UDP_SEND, batches[i].packets);
		for (size_t b = 0; b <= STAGE_LIMITS; b++)
			assert_int_equal(s.stage[STAGE_UDP_SEND].batches[b],
					 b == batches[i].bucket);
		assert_int_equal(s.stage[STAGE_UDP_SEND].batched, batches[i].packets);
		assert_int_equal(s.stage[STAGE_TUN_WRITE].batched, 0);
	}
}

TEST(nothing_is_no_batch)
{
	struct stages s = {0}, none = {0};

	stages_note_batch(&s, STAGE_TUN_READ, 0);
	assert_memory_equal(&s, &none, sizeof s);
}

TEST(batches_add_up)
{
	struct stages s = {0};

	for (size_t n = 1; n <= 100; n++)
		stages_note_batch(&s, STAGE_TUN_READ, n);
	assert_int_equal(s.stage[STAGE_TUN_READ].batched, 5050);
	assert_int_equal(s.stage[STAGE_TUN_READ].batches[3], 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_batch_is_counted_where_its_limit_is),
		RUN(nothing_is_no_batch),
		RUN(batches_add_up),
	};
	return RUN_TESTS(tests);
}
