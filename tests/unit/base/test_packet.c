/* Packet memory: slots do not touch, pages that nobody wrote cost nothing. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/packet.h"
#include "support/test.h"

#define SLOTS 64

TEST(keeps_slots_apart_and_aligned)
{
	struct slab s;

	assert_int_equal(slab_init(&s, SLOTS), 0);
	for (size_t i = 0; i < SLOTS; i++) {
		uint8_t *data = slab_data(&s, i);
		assert_int_equal((uintptr_t)data % 32, 0);
		assert_true(data - PACKET_HEAD >= s.memory);
		assert_true(data + PACKET_DATA + PACKET_TAIL <= s.memory + (i + 1) * PACKET_SLOT);
		if (i > 0)
			assert_true(data - PACKET_HEAD >=
				    slab_data(&s, i - 1) + PACKET_DATA + PACKET_TAIL);
	}
	slab_data(&s, 0)[-PACKET_HEAD] = 1;
	slab_data(&s, SLOTS - 1)[PACKET_DATA + PACKET_TAIL - 1] = 1;
	slab_free(&s);
	assert_null(s.memory);
	slab_free(&s);
}

TEST(touches_no_page_that_nobody_wrote)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = SLOTS * PACKET_SLOT / page,
	       resident = 0;
	unsigned char *in_core = malloc(pages + 1);
	struct slab s;

	assert_int_equal(slab_init(&s, SLOTS), 0);
	assert_int_equal(mincore(s.memory, SLOTS * PACKET_SLOT, in_core), 0);
	for (size_t i = 0; i < pages; i++)
		resident += in_core[i] & 1;
	assert_int_equal(resident, 0);
	slab_free(&s);
	free(in_core);
}

TEST(says_when_there_is_not_so_much_memory)
{
	struct slab s;

	assert_int_equal(slab_init(&s, SIZE_MAX), -ENOMEM);
	assert_null(s.memory);
	assert_int_equal(slab_init(&s, SIZE_MAX / PACKET_SLOT), -ENOMEM);
	assert_null(s.memory);
	/* times 65696, a multiple of 32, it is one slot in 64 bits */
	assert_int_equal(slab_init(&s, ((size_t)1 << 59) + 1), -ENOMEM);
	assert_null(s.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(keeps_slots_apart_and_aligned),
		RUN(touches_no_page_that_nobody_wrote),
		RUN(says_when_there_is_not_so_much_memory),
	};
	return RUN_TESTS(tests);
}
