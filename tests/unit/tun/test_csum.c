/* The Internet checksum: against examples of the RFCs, and against the sum of one byte after the
 * other. */
#include "tun/csum.h"

#include "base/addr.h"
#include "base/bytes.h"
#include "base/rand.h"
#include "support/cutter.h"
#include "support/test.h"

#define LEN_MAX 66000

TEST(sums_the_example_of_rfc_1071)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	assert_int_equal(csum_sum(data, sizeof data), 0xddf2);
}

TEST(sums_nothing_to_zero)
{
	static const uint8_t zeros[100];

	assert_int_equal(csum_sum(zeros, 0), 0);
	assert_int_equal(csum_sum(zeros, sizeof zeros), 0);
	assert_int_equal(csum_fold(0), 0);
}

static void sums_right(const uint8_t *data, size_t len)
{
	uint16_t expected = cutter_sum(0, data, len);

	assert_int_equal(csum_sum(data, len), expected);
	assert_int_equal(csum_sum_portable(data, len), expected);
}

TEST(sums_every_length_at_every_alignment_like_the_slow_one)
{
	struct rand rand = rand_seeded(1);
	uint8_t data[400];

	rand_bytes(&rand, data, sizeof data);
	for (size_t offset = 0; offset < 32; offset++)
		for (size_t len = 0; len <= sizeof data - offset; len++)
			sums_right(data + offset, len);
}

TEST(sums_the_longest_packet_of_ones_without_overflow)
{
	static uint8_t data[LEN_MAX];
	struct rand rand = rand_seeded(2);

	memset(data, 0xff, sizeof data);
	for (size_t len = LEN_MAX - 70; len <= LEN_MAX; len++)
		sums_right(data, len);
	rand_bytes(&rand, data, sizeof data);
	for (size_t len = LEN_MAX - 70; len <= LEN_MAX; len++)
		sums_right(data, len);
}

TEST(looks_at_no_byte_outside)
{
	for (size_t len = 0; len <= 200; len++) {
		uint8_t *data = malloc(len + 2);

		assert_non_null(data);
		memset(data, 0, len + 2);
		data[0] = data[len + 1] = 0xff;
		assert_int_equal(csum_sum(data + 1, len), 0);
		assert_int_equal(csum_sum_portable(data + 1, len), 0);
		free(data);
	}
}

TEST(adds_sums_of_pieces)
{
	struct rand rand = rand_seeded(3);
	uint8_t data[301];

	rand_bytes(&rand, data, sizeof data);
	for (size_t cut = 0; cut <= 300; cut += 2) {
		uint32_t sum = csum_sum(data, cut);

		sum += csum_sum(data + cut, sizeof data - cut);
		assert_int_equal(csum_fold(sum), cutter_sum(0, data, sizeof data));
	}
}

TEST(folds_every_carry)
{
	assert_int_equal(csum_fold(0xffff), 0xffff);
	assert_int_equal(csum_fold(0x10000), 1);
	assert_int_equal(csum_fold(0x1ffff), 1);
	assert_int_equal(csum_fold(0xffffffff), 0xffff);
	assert_int_equal(csum_fold(0xffff0001), 1);
}

TEST(sums_pseudo_headers_as_drawn)
{
	static const uint8_t drawn4[] = {192, 0, 2, 1, 198, 51, 100, 7, 0, 6, 0xfe, 0xdc};
	uint8_t drawn6[40] = {
		[0] = 0x20, 1,        0x0d,     0xb8, [15] = 1, [16] = 0x20, 1,        0x0d,
		0xb8,       [31] = 2, [32] = 0, 1,    2,        3,           [39] = 17};

	assert_int_equal(csum_pseudo(ADDR_V4, drawn4, drawn4 + 4, 6, 0xfedc),
			 cutter_sum(0, drawn4, sizeof drawn4));
	assert_int_equal(csum_pseudo(ADDR_V6, drawn6, drawn6 + 16, 17, 0x00010203),
			 cutter_sum(0, drawn6, sizeof drawn6));
}

TEST(updates_as_if_summed_anew)
{
	struct rand rand = rand_seeded(4);

	for (int i = 0; i < 20000; i++) {
		uint8_t data[20];
		uint16_t before, after = (uint16_t)rand_u32(&rand);
		size_t at = 2 * rand_below(&rand, sizeof data / 2);

		rand_bytes(&rand, data, sizeof data);
		before = load_be16(data + at);
		uint16_t checksum = (uint16_t)~cutter_sum(0, data, sizeof data);
		store_be16(data + at, after);
		assert_int_equal(csum_update(checksum, before, after),
				 (uint16_t)~cutter_sum(0, data, sizeof data));
	}
}

/* RFC 1624, section 4: where the equation of RFC 1141 gives 0xffff. */
TEST(updates_the_example_of_rfc_1624)
{
	assert_int_equal(csum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(finishes_what_was_left_to_the_device)
{
	struct rand rand = rand_seeded(5);
	uint8_t packet[200], pseudo[12];

	for (int i = 0; i < 5000; i++) {
		size_t start = 20 + 4 * rand_below(&rand, 5), offset = i % 2 ? 16 : 6;
		size_t len = start + offset + 2 + rand_below(&rand, 100);

		rand_bytes(&rand, packet, sizeof packet);
		rand_bytes(&rand, pseudo, sizeof pseudo);
		store_be16(packet + start + offset, cutter_sum(0, pseudo, sizeof pseudo));
		assert_true(csum_finish(packet, len, start, offset));
		assert_int_not_equal(load_be16(packet + start + offset), 0);
		uint32_t sum = cutter_sum(0, packet + start, len - start);
		sum += cutter_sum(0, pseudo, sizeof pseudo);
		assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	}
}

TEST(finishes_with_all_ones_where_zero_would_mean_none)
{
	uint8_t packet[] = {0xff, 0xfe, 0, 1, 0, 0};

	store_be16(packet + 4, 0);
	assert_true(csum_finish(packet, sizeof packet, 0, 4));
	assert_int_equal(load_be16(packet + 4), 0xffff);
}

TEST(touches_only_the_field)
{
	uint8_t packet[64], before[64];
	struct rand rand = rand_seeded(6);

	rand_bytes(&rand, packet, sizeof packet);
	memcpy(before, packet, sizeof packet);
	assert_true(csum_finish(packet, 63, 20, 6));
	assert_memory_equal(packet, before, 26);
	assert_memory_equal(packet + 28, before + 28, 64 - 28);
}

TEST(refuses_a_field_outside_the_packet)
{
	uint8_t packet[40], before[40];
	static const size_t wrong[][3] = {
		{0, 0, 0},      {1, 0, 0},       {40, 40, 0},        {40, 39, 0},
		{40, 38, 1},    {40, 20, 19},    {40, 0, 39},        {40, 65535, 0},
		{40, 0, 65535}, {40, 20, 65535}, {40, 65535, 65535}, {40, SIZE_MAX, SIZE_MAX},
	};

	memset(packet, 0xa5, sizeof packet);
	memcpy(before, packet, sizeof packet);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_false(csum_finish(packet, wrong[i][0], wrong[i][1], wrong[i][2]));
		assert_memory_equal(packet, before, sizeof packet);
	}
	assert_true(csum_finish(packet, 40, 38, 0));
	assert_true(csum_finish(packet, 40, 0, 38));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(sums_the_example_of_rfc_1071),
		RUN(sums_nothing_to_zero),
		RUN(sums_every_length_at_every_alignment_like_the_slow_one),
		RUN(sums_the_longest_packet_of_ones_without_overflow),
		RUN(looks_at_no_byte_outside),
		RUN(adds_sums_of_pieces),
		RUN(folds_every_carry),
		RUN(sums_pseudo_headers_as_drawn),
		RUN(updates_as_if_summed_anew),
		RUN(updates_the_example_of_rfc_1624),
		RUN(finishes_what_was_left_to_the_device),
		RUN(finishes_with_all_ones_where_zero_would_mean_none),
		RUN(touches_only_the_field),
		RUN(refuses_a_field_outside_the_packet),
	};
	return RUN_TESTS(tests);
}
