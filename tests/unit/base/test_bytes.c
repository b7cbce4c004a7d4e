/* Loads, stores and cursors: byte order, alignment, and the end of the buffer. */
#include "base/bytes.h"
#include "support/test.h"

TEST(loads_and_stores_in_the_named_order_at_any_alignment)
{
	uint8_t b[9] = {0};

	for (size_t odd = 0; odd < 2; odd++) {
		uint8_t *p = b + odd;
		store_be64(p, 0x0102030405060708);
		assert_memory_equal(p, "\1\2\3\4\5\6\7\10", 8);
		assert_int_equal(load_be64(p), 0x0102030405060708);
		assert_int_equal(load_be32(p), 0x01020304);
		assert_int_equal(load_be16(p), 0x0102);
		store_le64(p, 0xf102030405060708);
		assert_memory_equal(p, "\10\7\6\5\4\3\2\361", 8);
		assert_int_equal(load_le64(p), 0xf102030405060708);
		store_le32(p, 0xf1020304);
		assert_int_equal(load_le32(p), 0xf1020304);
		store_be32(p, 0xf1020304);
		assert_int_equal(load_be32(p), 0xf1020304);
		store_be16(p, 0xf102);
		assert_int_equal(load_be16(p), 0xf102);
	}
}

TEST(reads_in_order_and_stays_failed_after_the_end)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct reader r = reader_of(data, sizeof data);

	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_be16(&r), 0x0203);
	assert_int_equal(read_be32(&r), 0x04050607);
	assert_int_equal(reader_left(&r), 2);
	assert_true(reader_ok(&r));
	assert_int_equal(read_be32(&r), 0);
	assert_false(reader_ok(&r));
	assert_int_equal(read_u8(&r), 0);
	assert_null(read_bytes(&r, 0));
}

TEST(reads_to_the_last_byte_and_not_one_more)
{
	struct reader r = reader_of("ab", 2);

	assert_non_null(read_bytes(&r, 2));
	assert_non_null(read_bytes(&r, 0));
	assert_true(reader_ok(&r));
	assert_null(read_bytes(&r, 1));

	r = reader_of("ab", 2);
	assert_null(read_bytes(&r, SIZE_MAX));
}

TEST(writes_into_the_room_there_is)
{
	uint8_t buf[4] = {9, 9, 9, 9};
	struct writer w = writer_of(buf, 3);

	write_bytes(&w, "ab", 2);
	write_bytes(&w, NULL, 0);
	assert_true(writer_ok(&w));
	assert_int_equal(writer_len(&w), 2);
	write_bytes(&w, "cd", 2);
	assert_false(writer_ok(&w));
	assert_null(write_room(&w, 1));
	assert_int_equal(writer_len(&w), 2);
	assert_memory_equal(buf, "ab\11\11", 4);
}

TEST(writes_numbers_with_their_first_byte_first)
{
	uint8_t buf[8] = {9, 9, 9, 9, 9, 9, 9, 9};
	struct writer w = writer_of(buf, 7);

	write_u8(&w, 0xf1);
	write_be16(&w, 0xf203);
	write_be32(&w, 0xf4050607);
	assert_true(writer_ok(&w));
	assert_memory_equal(buf, "\xf1\xf2\3\xf4\5\6\7\11", 8);
	write_u8(&w, 1);
	assert_false(writer_ok(&w));

	for (size_t room = 0; room < 4; room++) {
		uint8_t small[4] = {9, 9, 9, 9};
		w = writer_of(small, room);
		write_be32(&w, 1);
		assert_false(writer_ok(&w));
		write_be16(&w, 1);
		assert_int_equal(writer_len(&w), 0);
		assert_memory_equal(small, "\11\11\11\11", 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(loads_and_stores_in_the_named_order_at_any_alignment),
		RUN(reads_in_order_and_stays_failed_after_the_end),
		RUN(reads_to_the_last_byte_and_not_one_more),
		RUN(writes_into_the_room_there_is),
		RUN(writes_numbers_with_their_first_byte_first),
	};
	return RUN_TESTS(tests);
}
