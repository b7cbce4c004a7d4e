/* STUN messages: RFC 5769's, random ones there and back, each attribute at each wrong length, and a second reader that has to
 * agree. */
#include "nat/stun.h"

#include "base/bytes.h"
#include "base/rand.h"
#include "support/hexdata.h"
#include "support/stun_twin.h"
#include "support/test.h"

#define ROOM 4096

/* Read a copy of exactly its size, at each of eight alignments; what the twin says has to agree. The last copy stays in *kept: free
 * it. */
static bool read_copies(struct stun_message *m, const uint8_t *data, size_t len, uint8_t **kept)
{
	bool ok = false;

	for (size_t offset = 0; offset < 8; offset++) {
		*kept = malloc(offset + len + 1);
		assert_non_null(*kept);
		uint8_t *copy = realloc(*kept, offset + len > 0 ? offset + len : 1);
		assert_non_null(copy);
		*kept = copy;
		if (len > 0)
			memcpy(copy + offset, data, len);
		ok = stun_read(m, copy + offset, len);
		const char *fault = stun_twin_fault(copy + offset, len);
		if (ok != (fault == NULL))
			fail_msg("read: %s, twin: %s", ok ? "yes" : "no", fault ? fault : "fine");
		const char *differs = ok ? stun_twin_differs(copy + offset, len, m) : NULL;
		if (differs != NULL)
			fail_msg("the twin reads otherwise: %s", differs);
		if (offset < 7)
			free(*kept);
	}
	return ok;
}

static bool is_read(const uint8_t *data, size_t len)
{
	struct stun_message m;
	uint8_t *kept;
	bool ok = read_copies(&m, data, len, &kept);

	free(kept);
	return ok;
}

static struct addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return addr_v4((const uint8_t[]){a, b, c, d}, port);
}

static void assert_addr(const struct addr *a, const char *text)
{
	char buf[ADDR_TEXT_MAX];

	assert_string_equal(addr_print(a, buf), text);
}

static void assert_text(struct stun_bytes b, const char *text)
{
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data, text, b.len);
}

/* --- RFC 5769 -------------------------------------------------------------------------------------------------------- */

TEST(reads_the_messages_of_rfc_5769)
{
	struct vectors v;
	unsigned count = 0;

	if (!vectors_open(&v, "rfc5769.txt")) {
		print_message("# SKIP: vectors not found\n");
		return;
	}
	while (vectors_next(&v)) {
		struct stun_message m;
		size_t len;
		uint8_t *kept, *data = vectors_bytes(&v, 1, &len);

		count++;
		assert_true(read_copies(&m, data, len, &kept));
		assert_int_equal(m.method, STUN_METHOD_BINDING);
		assert_int_equal(m.integrity256_at, 0);
		if (strcmp(v.field[0], "2.1") == 0) {
			assert_int_equal(m.class, STUN_REQUEST);
			assert_text(m.software, "STUN test client");
			assert_text(m.username, "evtj:h6vY");
			assert_int_equal(m.unknown_count, 1); /* PRIORITY, of ICE */
			assert_int_equal(m.unknown[0], 0x0024);
			assert_int_equal(m.has, STUN_HAS(STUN_SOFTWARE) | STUN_HAS(STUN_USERNAME) |
							STUN_HAS(STUN_MESSAGE_INTEGRITY) |
							STUN_HAS(STUN_FINGERPRINT));
		} else if (strcmp(v.field[0], "2.2") == 0) {
			assert_int_equal(m.class, STUN_SUCCESS);
			assert_text(m.software, "test vector");
			assert_addr(&m.xor_mapped, "192.0.2.1:32853");
			assert_true(stun_has(&m, STUN_FINGERPRINT));
		} else if (strcmp(v.field[0], "2.3") == 0) {
			assert_int_equal(m.class, STUN_SUCCESS);
			assert_addr(&m.xor_mapped, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
			assert_true(stun_has(&m, STUN_FINGERPRINT));
		} else {
			assert_string_equal(v.field[0], "2.4");
			assert_int_equal(m.class, STUN_REQUEST);
			assert_text(m.username, "\u30de\u30c8\u30ea\u30c3\u30af\u30b9");
			assert_text(m.nonce, "f//499k954d6OL34oL9FSTvy64sA");
			assert_text(m.realm, "example.org");
			assert_false(stun_has(&m, STUN_FINGERPRINT));
		}
		assert_true(stun_has(&m, STUN_MESSAGE_INTEGRITY));
		assert_int_equal(m.integrity_at,
				 strcmp(v.field[0], "2.4") == 0 ? len - 24 : len - 32);
		free(data);
		free(kept);
	}
	assert_int_equal(count, 4);
}

/* Of a message with a fingerprint no bit can change, and no byte be missing. */
TEST(refuses_a_message_with_a_fingerprint_when_any_bit_of_it_is_wrong)
{
	const struct stun_message m = {
		.class = STUN_SUCCESS,
		.method = STUN_METHOD_BINDING,
		.has = STUN_HAS(STUN_XOR_MAPPED_ADDRESS) | STUN_HAS(STUN_SOFTWARE),
		.xor_mapped = v4(192, 0, 2, 1, 32853),
		.software = {(const uint8_t *)"other", 5},
	};
	uint8_t data[ROOM];
	size_t len = stun_write(data, sizeof data, &m);

	len = stun_add_fingerprint(data, len, sizeof data);
	assert_true(is_read(data, len));
	for (size_t bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* But one that makes another attribute of it, which nobody has to understand. */
		struct stun_message read;
		if (stun_read(&read, data, len) && stun_has(&read, STUN_FINGERPRINT))
			fail_msg("accepted with bit %zu wrong", bit);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_false(is_read(data, cut));
}

/* Its checksum is right for the length that the header says, the message would be without it. */
TEST(refuses_anything_behind_a_fingerprint)
{
	uint8_t data[64];
	size_t len =
		hexdata(data, sizeof data,
			"0101000c 2112a442 0102030405060708090a0b0c 80280004 4d4fe545 80220000");

	assert_false(is_read(data, len));
	store_be32(data + 20, 0x80290004); /* another attribute, which nobody has to understand */
	assert_true(is_read(data, len));
}

/* --- there and back -------------------------------------------------------------------------------------------------- */

static struct stun_bytes random_bytes(struct rand *r, uint8_t **pool, size_t least, size_t most)
{
	size_t len = least + rand_below(r, (uint32_t)(most - least + 1));
	struct stun_bytes b = {*pool, len};

	rand_bytes(r, *pool, len);
	*pool += len;
	return b;
}

static struct addr random_addr(struct rand *r)
{
	uint8_t ip[16];

	rand_bytes(r, ip, sizeof ip);
	uint16_t port = (uint16_t)rand_u32(r);
	return rand_below(r, 2) == 0 ? addr_v4(ip, port) : addr_v6(ip, port, 0);
}

static struct addr random_addr_of(struct rand *r, uint8_t family)
{
	struct addr a;

	do
		a = random_addr(r);
	while (a.family != family);
	return a;
}

/* Any attributes with any values they can have. */
static struct stun_message random_message(struct rand *r, uint8_t pool[static 8192])
{
	struct stun_message m = {
		.class = (enum stun_class)rand_below(r, 4),
		.method = (uint16_t)rand_below(r, 0x1000),
		.has = ((uint64_t)rand_u32(r) << 32 | rand_u32(r)) &
		       (STUN_HAS(STUN_MESSAGE_INTEGRITY) - 1),
	};
	if (rand_below(r, 2) == 0) /* few of them */
		m.has &= (uint64_t)rand_u32(r) & rand_u32(r);
	rand_bytes(r, m.id, sizeof m.id);
	m.mapped = random_addr(r);
	m.xor_mapped = random_addr(r);
	m.response_origin = random_addr(r);
	m.other_address = random_addr(r);
	m.alternate_server = random_addr(r);
	m.xor_peer = random_addr(r);
	m.xor_relayed = random_addr_of(r, ADDR_V4);
	m.xor_relayed6 = random_addr_of(r, ADDR_V6);
	m.software = random_bytes(r, &pool, 0, 50);
	m.username = random_bytes(r, &pool, 0, STUN_USERNAME_MAX);
	m.userhash = random_bytes(r, &pool, 32, 32);
	m.realm = random_bytes(r, &pool, 0, STUN_TEXT_MAX);
	m.nonce = random_bytes(r, &pool, 0, 10);
	m.padding = random_bytes(r, &pool, 0, 1500);
	m.data = random_bytes(r, &pool, 0, 1500);
	m.reservation_token = random_bytes(r, &pool, 8, 8);
	m.reason = random_bytes(r, &pool, 0, 30);
	m.unknown_attributes = random_bytes(r, &pool, 0, 0);
	m.unknown_attributes = random_bytes(r, &pool, 4, 4);
	m.password_algorithms = (struct stun_bytes){(const uint8_t *)"\0\2\0\0\0\1\0\0", 8};
	m.password_algorithm = (uint16_t)rand_u32(r);
	m.error = (uint16_t)(300 + rand_below(r, 400));
	m.change = rand_u32(r) & (STUN_CHANGE_IP | STUN_CHANGE_PORT);
	m.response_port = (uint16_t)rand_u32(r);
	m.channel = (uint16_t)rand_u32(r);
	m.transport = (uint8_t)rand_u32(r);
	m.family = rand_below(r, 2) == 0 ? ADDR_V4 : ADDR_V6;
	m.additional_family = rand_below(r, 2) == 0 ? ADDR_V4 : ADDR_V6;
	m.even_port_reserve = rand_below(r, 2) == 0;
	m.lifetime = rand_u32(r);
	m.icmp.type = (uint8_t)rand_below(r, 128);
	m.icmp.code = (uint16_t)rand_below(r, 512);
	m.icmp.data = rand_u32(r);
	return m;
}

/* Takes out the values whose attributes are not there, so that two messages can be compared. */
static struct stun_message only_what_is_there(const struct stun_message *m)
{
	struct stun_message bare = {.class = m->class, .method = m->method, .has = m->has};

	memcpy(bare.id, m->id, sizeof bare.id);
#define KEEP(attr, field)                                                                          \
	if (stun_has(m, attr))                                                                     \
	bare.field = m->field
	KEEP(STUN_MAPPED_ADDRESS, mapped);
	KEEP(STUN_XOR_MAPPED_ADDRESS, xor_mapped);
	KEEP(STUN_RESPONSE_ORIGIN, response_origin);
	KEEP(STUN_OTHER_ADDRESS, other_address);
	KEEP(STUN_ALTERNATE_SERVER, alternate_server);
	KEEP(STUN_XOR_PEER_ADDRESS, xor_peer);
	KEEP(STUN_XOR_RELAYED_ADDRESS, xor_relayed);
	KEEP(STUN_XOR_RELAYED_ADDRESS6, xor_relayed6);
	KEEP(STUN_SOFTWARE, software);
	KEEP(STUN_USERNAME, username);
	KEEP(STUN_USERHASH, userhash);
	KEEP(STUN_REALM, realm);
	KEEP(STUN_NONCE, nonce);
	KEEP(STUN_PADDING, padding);
	KEEP(STUN_DATA, data);
	KEEP(STUN_RESERVATION_TOKEN, reservation_token);
	KEEP(STUN_PASSWORD_ALGORITHMS, password_algorithms);
	KEEP(STUN_PASSWORD_ALGORITHM, password_algorithm);
	KEEP(STUN_ERROR_CODE, error);
	KEEP(STUN_ERROR_CODE, reason);
	KEEP(STUN_UNKNOWN_ATTRIBUTES, unknown_attributes);
	KEEP(STUN_CHANGE_REQUEST, change);
	KEEP(STUN_RESPONSE_PORT, response_port);
	KEEP(STUN_CHANNEL_NUMBER, channel);
	KEEP(STUN_REQUESTED_TRANSPORT, transport);
	KEEP(STUN_REQUESTED_ADDRESS_FAMILY, family);
	KEEP(STUN_ADDITIONAL_ADDRESS_FAMILY, additional_family);
	KEEP(STUN_EVEN_PORT, even_port_reserve);
	KEEP(STUN_LIFETIME, lifetime);
	KEEP(STUN_ICMP, icmp);
#undef KEEP
	return bare;
}

TEST(reads_what_it_wrote)
{
	static uint8_t pool[8192], data[3 * ROOM];
	struct rand r = rand_seeded(1);

	for (size_t n = 0; n < 3000; n++) {
		struct stun_message m = random_message(&r, pool), read;
		struct stun_message want = only_what_is_there(&m);
		size_t len = stun_write(data, sizeof data, &m);

		assert_int_not_equal(len, 0);
		assert_true(stun_read(&read, data, len));
		assert_true(stun_twin_equal(&read, &want));
		assert_null(stun_twin_fault(data, len));
		assert_null(stun_twin_differs(data, len, &read));
		assert_int_equal(read.unknown_count, 0);

		len = stun_add_fingerprint(data, len, sizeof data);
		assert_true(stun_read(&read, data, len));
		read.has &= ~STUN_HAS(STUN_FINGERPRINT);
		assert_true(stun_twin_equal(&read, &want));
	}
}

/* Nothing that lay in the buffer before comes through: the same bytes, whatever it held; and the twin's reading of them finds all
 * padding zero. */
TEST(vuln_18_padding_and_reserved_bits_are_zero)
{
	static uint8_t pool[8192], zeros[3 * ROOM], ones[3 * ROOM];
	struct rand r = rand_seeded(18);

	for (size_t n = 0; n < 1000; n++) {
		struct stun_message m = random_message(&r, pool);

		memset(zeros, 0, sizeof zeros);
		memset(ones, 0xff, sizeof ones);
		size_t len = stun_write(zeros, sizeof zeros, &m);
		assert_int_equal(stun_write(ones, sizeof ones, &m), len);
		len = stun_add_fingerprint(zeros, len, sizeof zeros);
		stun_add_fingerprint(ones, len - STUN_FINGERPRINT_LEN, sizeof ones);
		assert_memory_equal(zeros, ones, len);
		for (size_t at = 20; at < len;) {
			size_t value_len = load_be16(zeros + at + 2);
			for (at += 4 + value_len; at % 4 != 0; at++)
				assert_int_equal(zeros[at], 0);
		}
	}
}

TEST(writes_as_rfc_5769_reads)
{
	static const uint8_t id[STUN_ID_LEN] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
						0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
	struct stun_message m = {
		.class = STUN_SUCCESS,
		.method = STUN_METHOD_BINDING,
		.has = STUN_HAS(STUN_SOFTWARE) | STUN_HAS(STUN_XOR_MAPPED_ADDRESS),
		.software = {(const uint8_t *)"test vector", 11},
	};
	uint8_t data[128], want[128];

	memcpy(m.id, id, sizeof id);
	assert_true(addr_parse(&m.xor_mapped, "192.0.2.1:32853"));
	size_t want_len = hexdata(want, sizeof want,
				  "010100 1c 2112a442 b7e7a701bc34d686fa87dfae"
				  "8022000b 7465737420766563746f72 00"
				  "00200008 0001a147e112a643");
	assert_int_equal(stun_write(data, sizeof data, &m), want_len);
	assert_memory_equal(data, want, want_len);

	assert_true(addr_parse(&m.xor_mapped, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
	want_len = hexdata(want, sizeof want,
			   "01010028 2112a442 b7e7a701bc34d686fa87dfae"
			   "8022000b 7465737420766563746f72 00"
			   "00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9");
	assert_int_equal(stun_write(data, sizeof data, &m), want_len);
	assert_memory_equal(data, want, want_len);
}

TEST(writes_within_the_room_there_is_or_not_at_all)
{
	static uint8_t pool[8192], data[3 * ROOM];
	struct rand r = rand_seeded(2);

	for (size_t n = 0; n < 20; n++) {
		struct stun_message m = random_message(&r, pool);
		size_t len = stun_write(data, sizeof data, &m);
		for (size_t room = 0; room < len; room++) {
			uint8_t *exact = malloc(room > 0 ? room : 1);
			assert_non_null(exact);
			assert_int_equal(stun_write(exact, room, &m), 0);
			free(exact);
		}
		for (size_t more = 0; more < STUN_FINGERPRINT_LEN; more++)
			assert_int_equal(stun_add_fingerprint(data, len, len + more), 0);
	}
}

TEST(writes_nothing_that_does_not_fit_its_attribute)
{
	static const uint8_t bytes[70000];
	static uint8_t data[2 * sizeof bytes];
	static const struct {
		uint64_t has;
		struct stun_message m;
		bool ok;
	} rows[] = {
#define ROW(attr, ok, ...) {STUN_HAS(attr), {__VA_ARGS__}, ok}
		ROW(STUN_USERNAME, true, .username = {bytes, 508}),
		ROW(STUN_USERNAME, false, .username = {bytes, 509}),
		ROW(STUN_REALM, true, .realm = {bytes, 763}),
		ROW(STUN_REALM, false, .realm = {bytes, 764}),
		ROW(STUN_NONCE, false, .nonce = {bytes, 764}),
		ROW(STUN_SOFTWARE, false, .software = {bytes, 764}),
		ROW(STUN_ERROR_CODE, true, .error = 400, .reason = {bytes, 763}),
		ROW(STUN_ERROR_CODE, false, .error = 400, .reason = {bytes, 764}),
		ROW(STUN_USERHASH, false, .userhash = {bytes, 31}),
		ROW(STUN_USERHASH, false, .userhash = {bytes, 33}),
		ROW(STUN_RESERVATION_TOKEN, false, .reservation_token = {bytes, 7}),
		ROW(STUN_RESERVATION_TOKEN, false, .reservation_token = {bytes, 9}),
		ROW(STUN_DATA, true, .data = {bytes, 65528}),
		ROW(STUN_DATA, false, .data = {bytes, 65532}), /* 65536 with its header */
		ROW(STUN_DATA, false, .data = {bytes, 65536}),
		ROW(STUN_PADDING, false, .padding = {bytes, 65537}),
		ROW(STUN_XOR_MAPPED_ADDRESS, false, .mapped = {0}),
		ROW(STUN_MAPPED_ADDRESS, false, .mapped = {.family = 7}),
#undef ROW
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct stun_message m = rows[i].m;
		m.has = rows[i].has;
		if ((stun_write(data, sizeof data, &m) > 0) != rows[i].ok)
			fail_msg("row %zu", i);
	}
	assert_int_equal(stun_add_fingerprint(data, 20 + 65528, sizeof data), 0);
	assert_int_equal(stun_add_fingerprint(data, 20 + 65524, sizeof data), 20 + 65532);
}

/* --- attributes, wrong in every way ---------------------------------------------------------------------------------- */

#define HEX16 "00112233445566778899aabbccddeeff"

/* A value that an attribute can have, and which lengths it can have with these first bytes. */
static const struct sample {
	enum stun_attr attr;
	const char *hex;
	size_t min, max, step;
} samples[] = {
	{STUN_MAPPED_ADDRESS, "00011234c0000201", 8, 8, 1},
	{STUN_MAPPED_ADDRESS, "00021234" HEX16, 20, 20, 1},
	{STUN_XOR_MAPPED_ADDRESS, "00011234c0000201", 8, 8, 1},
	{STUN_XOR_MAPPED_ADDRESS, "00021234" HEX16, 20, 20, 1},
	{STUN_RESPONSE_ORIGIN, "00011234c0000201", 8, 8, 1},
	{STUN_OTHER_ADDRESS, "00011234c0000201", 8, 8, 1},
	{STUN_ALTERNATE_SERVER, "00011234c0000201", 8, 8, 1},
	{STUN_XOR_PEER_ADDRESS, "00011234c0000201", 8, 8, 1},
	{STUN_XOR_RELAYED_ADDRESS, "00011234c0000201", 8, 8, 1},
	{STUN_XOR_RELAYED_ADDRESS6, "00021234" HEX16, 20, 20, 1},
	{STUN_CHANGE_REQUEST, "00000006", 4, 4, 1},
	{STUN_RESPONSE_PORT, "12340000", 4, 4, 1},
	{STUN_CHANNEL_NUMBER, "40010000", 4, 4, 1},
	{STUN_LIFETIME, "00000258", 4, 4, 1},
	{STUN_REQUESTED_TRANSPORT, "11000000", 4, 4, 1},
	{STUN_REQUESTED_ADDRESS_FAMILY, "02000000", 4, 4, 1},
	{STUN_ADDITIONAL_ADDRESS_FAMILY, "02000000", 4, 4, 1},
	{STUN_EVEN_PORT, "80", 1, 1, 1},
	{STUN_DONT_FRAGMENT, "-", 0, 0, 1},
	{STUN_RESERVATION_TOKEN, "0011223344556677", 8, 8, 1},
	{STUN_ICMP, "0000060300000500", 8, 8, 1},
	{STUN_ERROR_CODE, "00000401", 4, 767, 1},
	{STUN_UNKNOWN_ATTRIBUTES, "0024", 0, 65534, 2},
	{STUN_SOFTWARE, "41", 0, 763, 1},
	{STUN_USERNAME, "41", 0, 508, 1},
	{STUN_REALM, "41", 0, 763, 1},
	{STUN_NONCE, "41", 0, 763, 1},
	{STUN_USERHASH, HEX16 HEX16, 32, 32, 1},
	{STUN_PASSWORD_ALGORITHM, "00020000", 4, 4, 1},
	{STUN_PASSWORD_ALGORITHMS, "00020000", 4, 65532, 4}, /* the rest: algorithm 0 */
	{STUN_PADDING, "00", 0, 65535, 1},
	{STUN_DATA, "00", 0, 65535, 1},
	{STUN_MESSAGE_INTEGRITY, HEX16 "01020304", 20, 20, 1},
	{STUN_MESSAGE_INTEGRITY_SHA256, HEX16 HEX16, 16, 32, 4},
};

/* The sample's bytes, then zeros. */
static size_t sample_value(uint8_t value[static 65536], const struct sample *s)
{
	memset(value, 0, 65536);
	return hexdata(value, 65536, s->hex);
}

static void assert_length(const struct sample *s, const uint8_t *value, size_t len)
{
	static struct stun_raw raw;
	struct stun_message m;
	uint8_t *kept;
	bool fits = len >= s->min && len <= s->max && (len - s->min) % s->step == 0;

	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_ALLOCATE);
	stun_raw_add(&raw, stun_twin_type(s->attr), value, len, 0xff);
	bool whole = raw.len - STUN_HEADER_LEN <= UINT16_MAX;
	bool ok = read_copies(&m, raw.data, raw.len, &kept);
	if (ok != (fits && whole) || (ok && m.has != STUN_HAS(s->attr)))
		fail_msg("attribute %04x of %zu bytes: %s", stun_twin_type(s->attr), len,
			 ok ? "accepted" : "refused");
	free(kept);
}

TEST(vuln_21_takes_each_attribute_with_the_lengths_it_can_have_only)
{
	static uint8_t value[65536];

	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		const struct sample *s = &samples[i];
		sample_value(value, s);
		for (size_t len = 0; len <= 40; len++)
			assert_length(s, value, len);
		const size_t ends[] = {s->min, s->max, s->max + 1, 65531, 65532, 65535};
		for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++)
			if (ends[k] <= 65535)
				assert_length(s, value, ends[k]);
		if (s->min > 0)
			assert_length(s, value, s->min - 1);
	}
}

TEST(vuln_21_refuses_values_that_mean_nothing)
{
	static const struct {
		enum stun_attr attr;
		const char *hex;
		bool ok;
	} rows[] = {
		{STUN_ERROR_CODE, "00000300", true},
		{STUN_ERROR_CODE, "00000663", true},
		{STUN_ERROR_CODE, "fffff763", false},
		{STUN_ERROR_CODE, "fffffe63", true}, /* reserved bits do not count */
		{STUN_ERROR_CODE, "00000200", false},
		{STUN_ERROR_CODE, "00000700", false},
		{STUN_ERROR_CODE, "00000364", false},
		{STUN_ERROR_CODE, "000003ff", false},
		{STUN_MAPPED_ADDRESS, "ff011234c0000201", true},
		{STUN_MAPPED_ADDRESS, "00001234c0000201", false},
		{STUN_MAPPED_ADDRESS, "00031234c0000201", false},
		{STUN_MAPPED_ADDRESS, "00021234c0000201", false},
		{STUN_MAPPED_ADDRESS, "00011234" HEX16, false},
		{STUN_MAPPED_ADDRESS, "00031234" HEX16, false},
		{STUN_XOR_RELAYED_ADDRESS, "00031234" HEX16, false},
		/* ::ffff:192.0.2.1 */
		{STUN_XOR_RELAYED_ADDRESS6,
		 "00021234"
		 "2112a442"
		 "01020304"
		 "0506f8f7"
		 "c90a090d",
		 false},
		{STUN_REQUESTED_ADDRESS_FAMILY, "01ffffff", true},
		{STUN_REQUESTED_ADDRESS_FAMILY, "00000000", false},
		{STUN_REQUESTED_ADDRESS_FAMILY, "03000000", false},
		{STUN_ADDITIONAL_ADDRESS_FAMILY, "04000000", false},
		{STUN_PASSWORD_ALGORITHM, "00020004aabbccdd", true},
		{STUN_PASSWORD_ALGORITHM, "00020001aabbccdd", true}, /* padded */
		{STUN_PASSWORD_ALGORITHM, "00020001aa", true},       /* or not */
		{STUN_PASSWORD_ALGORITHM, "00020005aabbccdd", false},
		{STUN_PASSWORD_ALGORITHM, "00020000aabbccdd", false},
		{STUN_PASSWORD_ALGORITHM, "0002ffffaabbccdd", false},
		{STUN_PASSWORD_ALGORITHMS, "00020001aa00000000010000", true},
		{STUN_PASSWORD_ALGORITHMS, "00020001aa00000000010001", false},
		{STUN_PASSWORD_ALGORITHMS, "00020009aa00000000010000", false},
		{STUN_PASSWORD_ALGORITHMS, "0002fffcaa00000000010000", false},
		{STUN_PASSWORD_ALGORITHMS,
		 "00020000"
		 "0001",
		 false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static struct stun_raw raw;
		uint8_t value[64];
		size_t len = hexdata(value, sizeof value, rows[i].hex);

		stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_BINDING);
		stun_raw_add(&raw, stun_twin_type(rows[i].attr), value, len, 0);
		if (is_read(raw.data, raw.len) != rows[i].ok)
			fail_msg("%04x: %s", stun_twin_type(rows[i].attr), rows[i].hex);
	}
}

/* An attribute twice, with two values. */
static bool has_first_value(enum stun_attr attr, const void *first, size_t first_len,
			    const void *second, size_t second_len)
{
	static struct stun_raw raw, alone;
	struct stun_message m, want;
	uint8_t *kept, *kept_alone;

	stun_raw_begin(&alone, STUN_SUCCESS, STUN_METHOD_ALLOCATE);
	stun_raw_add(&alone, stun_twin_type(attr), first, first_len, 0);
	raw = alone;
	stun_raw_add(&raw, stun_twin_type(attr), second, second_len, 0);
	assert_true(read_copies(&want, alone.data, alone.len, &kept_alone));
	assert_true(read_copies(&m, raw.data, raw.len, &kept));
	bool equal = stun_twin_equal(&m, &want);
	free(kept);
	free(kept_alone);
	return equal;
}

TEST(vuln_10_of_duplicate_attributes_the_first_counts)
{
	static uint8_t first[65536], second[65536];

	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		size_t len = sample_value(first, &samples[i]);
		memcpy(second, first, sizeof second);
		for (size_t k = 0; k < len; k++)
			second[k] ^= k == 1 ? 0 : 0x01; /* not the family */
		if (len == 4 && first[0] == 2)
			second[0] = 1;
		if (samples[i].attr == STUN_PASSWORD_ALGORITHM ||
		    samples[i].attr == STUN_PASSWORD_ALGORITHMS)
			second[2] = second[3] = 0;
		if (!has_first_value(samples[i].attr, first, len, second, len))
			fail_msg("the second %04x counted", stun_twin_type(samples[i].attr));
		/* And one that could not stand alone is not looked at. */
		assert_true(has_first_value(samples[i].attr, first, len, first, 7));
	}
}

TEST(keeps_one_relayed_address_of_each_family)
{
	static struct stun_raw raw;
	struct stun_message m;
	uint8_t value[20];

	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_ALLOCATE);
	hexdata(value, sizeof value,
		"0002"
		"1234" HEX16);
	stun_raw_add(&raw, 0x0016, value, 20, 0);
	hexdata(value, sizeof value,
		"0001"
		"2112"
		"e112a643");
	stun_raw_add(&raw, 0x0016, value, 8, 0);
	value[7]++;
	stun_raw_add(&raw, 0x0016, value, 8, 0);
	assert_true(stun_read(&m, raw.data, raw.len));
	assert_addr(&m.xor_relayed, "192.0.2.1:0");
	assert_int_equal(m.xor_relayed6.family, ADDR_V6);
	assert_null(stun_twin_differs(raw.data, raw.len, &m));
}

/* Every attribute behind MESSAGE-INTEGRITY, or behind its younger form, right or wrong: as if it were not there. */
TEST(vuln_09_ignores_what_follows_integrity)
{
	static const enum stun_attr seals[] = {STUN_MESSAGE_INTEGRITY,
					       STUN_MESSAGE_INTEGRITY_SHA256};
	static uint8_t value[65536];
	static struct stun_raw raw;

	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		for (size_t s = 0; s < 2; s++) {
			for (size_t wrong = 0; wrong < 2; wrong++) {
				struct stun_message m;
				uint8_t *kept;
				uint64_t want = STUN_HAS(STUN_SOFTWARE) | STUN_HAS(seals[s]);
				size_t len = sample_value(value, &samples[i]);

				stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_ALLOCATE);
				stun_raw_add(&raw, stun_twin_type(STUN_SOFTWARE), "first", 5, 0);
				stun_raw_add(&raw, stun_twin_type(seals[s]), HEX16,
					     s == 0 ? 20 : 32, 0);
				if (samples[i].attr == STUN_MESSAGE_INTEGRITY_SHA256) {
					if (wrong == 1)
						continue;
					want |= STUN_HAS(samples[i].attr);
				}
				stun_raw_add(&raw, stun_twin_type(samples[i].attr), value,
					     len + wrong * 3, 0);
				stun_raw_add(&raw, 0x7ffe, value, 4, 0); /* unknown, mandatory */
				assert_true(read_copies(&m, raw.data, raw.len, &kept));
				if (m.has != want || m.unknown_count != 0)
					fail_msg("%04x was taken", stun_twin_type(samples[i].attr));
				assert_text(m.software, "first");
				free(kept);
			}
		}
	}
}

TEST(takes_fingerprint_and_the_younger_integrity_behind_integrity)
{
	static struct stun_raw raw;
	struct stun_message m;

	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_ALLOCATE);
	stun_raw_add(&raw, 0x0008, HEX16, 20, 0);
	stun_raw_add(&raw, 0x8022, "no", 2, 0);
	stun_raw_add(&raw, 0x001c, HEX16, 32, 0);
	raw.len = stun_add_fingerprint(raw.data, raw.len, sizeof raw.data);
	assert_true(stun_read(&m, raw.data, raw.len));
	assert_int_equal(m.has, STUN_HAS(STUN_MESSAGE_INTEGRITY) |
					STUN_HAS(STUN_MESSAGE_INTEGRITY_SHA256) |
					STUN_HAS(STUN_FINGERPRINT));
	assert_int_equal(m.integrity_at, 20);
	assert_int_equal(m.integrity256_at, 20 + 24 + 8);

	/* Not the elder behind the younger. */
	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_ALLOCATE);
	stun_raw_add(&raw, 0x001c, HEX16, 32, 0);
	stun_raw_add(&raw, 0x0008, HEX16, 20, 0);
	assert_true(stun_read(&m, raw.data, raw.len));
	assert_int_equal(m.has, STUN_HAS(STUN_MESSAGE_INTEGRITY_SHA256));
}

TEST(lists_unknown_attributes_that_have_to_be_understood)
{
	static struct stun_raw raw;
	struct stun_message m;

	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_BINDING);
	stun_raw_add(&raw, 0xfffe, "abc", 3, 0); /* need not be */
	stun_raw_add(&raw, 0x8020, "", 0, 0);
	stun_raw_add(&raw, 0x0004, "", 0, 0); /* of RFC 3489 */
	stun_raw_add(&raw, 0x0005, "abcdefgh", 8, 0);
	stun_raw_add(&raw, 0x0000, "", 0, 0);
	stun_raw_add(&raw, 0x7fff, "abcde", 5, 7);
	assert_true(is_read(raw.data, raw.len));
	assert_true(stun_read(&m, raw.data, raw.len));
	assert_int_equal(m.has, 0);
	assert_int_equal(m.unknown_count, 2);
	assert_int_equal(m.unknown[0], 0x0000);
	assert_int_equal(m.unknown[1], 0x7fff);

	for (uint16_t i = 0; i < 1000; i++)
		stun_raw_add(&raw, (uint16_t)(0x7000 + i), "", 0, 0);
	assert_true(is_read(raw.data, raw.len));
	assert_true(stun_read(&m, raw.data, raw.len));
	assert_int_equal(m.unknown_count, 1002);
	assert_int_equal(m.unknown[STUN_UNKNOWN_MAX - 1], 0x7005);
}

/* --- messages, wrong in every way ------------------------------------------------------------------------------------ */

/* No length of the wire is believed before it is held against what there is: each length field with each value of its 16 bits. */
TEST(vuln_07_lengths_that_lie_are_refused)
{
	static struct stun_raw raw;

	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_ALLOCATE);
	stun_raw_add(&raw, 0x0022, "01234567", 8, 0);
	size_t last = raw.len;
	stun_raw_add(&raw, 0x0013, "012", 3, 0);

	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		struct stun_message m;
		uint8_t *exact = malloc(raw.len);

		assert_non_null(exact);
		memcpy(exact, raw.data, raw.len);
		store_be16(exact + 2, (uint16_t)n);
		assert_int_equal(stun_is_message(exact, raw.len), n == raw.len - 20);
		assert_int_equal(stun_read(&m, exact, raw.len), n == raw.len - 20);

		memcpy(exact, raw.data, raw.len);
		store_be16(exact + last + 2, (uint16_t)n);
		assert_int_equal(stun_read(&m, exact, raw.len), n >= 1 && n <= 4);

		memcpy(exact, raw.data, raw.len);
		store_be16(exact + 20 + 2, (uint16_t)n); /* a token of 8 bytes, whatever follows */
		assert_int_equal(stun_read(&m, exact, raw.len), n == 8);
		free(exact);
	}
}

TEST(tells_stun_from_all_else_on_its_port)
{
	static struct stun_raw raw;
	uint8_t data[148];

	stun_raw_begin(&raw, STUN_REQUEST, STUN_METHOD_BINDING);
	for (unsigned first = 0; first < 256; first++) {
		raw.data[0] = (uint8_t)first;
		assert_int_equal(stun_is_message(raw.data, raw.len), first < 64);
	}
	raw.data[0] = 0;
	for (size_t bit = 4 * 8; bit < 8 * 8; bit++) {
		raw.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(stun_is_message(raw.data, raw.len));
		raw.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < 20; len++)
		assert_false(stun_is_message(raw.data, len));
	for (size_t len = 20; len < 40; len++) {
		store_be16(raw.data + 2, (uint16_t)(len - 20));
		assert_int_equal(stun_is_message(raw.data, len), len % 4 == 0);
		assert_false(stun_is_message(raw.data, len + 1));
		assert_false(stun_is_message(raw.data, len + 4));
	}

	/* Messages of WireGuard, whose first word is 1 to 4: their next is an index, which may be the cookie. */
	static const size_t lens[] = {148, 92, 64, 32};
	for (uint8_t type = 1; type <= 4; type++) {
		memset(data, 0, sizeof data);
		data[0] = type;
		store_be32(data + 4, STUN_MAGIC);
		assert_false(stun_is_message(data, lens[type - 1]));
	}
}

TEST(reads_class_and_method_in_all_their_bits)
{
	uint8_t data[STUN_HEADER_LEN];

	for (unsigned method = 0; method < 0x1000; method++) {
		for (unsigned class = 0; class < 4; class ++) {
			struct stun_message read,
				m = {.class = (enum stun_class) class, .method = (uint16_t)method};
			assert_int_equal(stun_write(data, sizeof data, &m), 20);
			assert_true(stun_read(&read, data, sizeof data));
			assert_true(stun_twin_equal(&read, &m));
			assert_null(stun_twin_differs(data, sizeof data, &read));
		}
	}
	/* RFC 8489, 5: a Binding response is 0x0101, its error 0x0111, an indication 0x0011. */
	stun_write(data, sizeof data, &(struct stun_message){.class = STUN_SUCCESS, .method = 1});
	assert_int_equal(load_be16(data), 0x0101);
	stun_write(data, sizeof data, &(struct stun_message){.class = STUN_ERROR, .method = 1});
	assert_int_equal(load_be16(data), 0x0111);
	stun_write(data, sizeof data,
		   &(struct stun_message){.class = STUN_INDICATION, .method = 1});
	assert_int_equal(load_be16(data), 0x0011);
}

/* --- what it says ---------------------------------------------------------------------------------------------------- */

TEST(vuln_02_addresses_in_disguise_become_canonical)
{
	static struct stun_raw raw;
	struct stun_message m;
	uint8_t value[20];

	stun_raw_begin(&raw, STUN_SUCCESS, STUN_METHOD_BINDING);
	hexdata(value, sizeof value,
		"0002"
		"1f90"
		"00000000000000000000ffff7f000001");
	stun_raw_add(&raw, 0x0001, value, sizeof value, 0);
	for (size_t i = 0; i < 16; i++)
		value[4 + i] ^= raw.data[4 + i];
	stun_raw_add(&raw, 0x0020, value, sizeof value, 0);
	assert_true(stun_read(&m, raw.data, raw.len));
	assert_addr(&m.mapped, "127.0.0.1:8080");
	assert_int_equal(m.xor_mapped.family, ADDR_V4);
	assert_int_equal(addr_class(&m.xor_mapped), ADDR_CLASS_LOOPBACK);
}

TEST(takes_the_xor_form_of_a_mapped_address_first)
{
	struct stun_message m = {.mapped = v4(192, 0, 2, 1, 1), .xor_mapped = v4(192, 0, 2, 2, 2)};

	assert_null(stun_mapped(&m));
	m.has = STUN_HAS(STUN_MAPPED_ADDRESS);
	assert_ptr_equal(stun_mapped(&m), &m.mapped);
	m.has |= STUN_HAS(STUN_XOR_MAPPED_ADDRESS);
	assert_ptr_equal(stun_mapped(&m), &m.xor_mapped);
	m.has = STUN_HAS(STUN_XOR_MAPPED_ADDRESS);
	assert_ptr_equal(stun_mapped(&m), &m.xor_mapped);
}

TEST(finds_password_algorithms_in_their_list)
{
	static const uint8_t both[] = {0, 9, 0, 1, 1, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0};
	struct stun_message m = {.password_algorithms = {both, sizeof both}};

	assert_false(stun_offers_algorithm(&m, STUN_ALGORITHM_MD5));
	m.has = STUN_HAS(STUN_PASSWORD_ALGORITHMS);
	assert_true(stun_offers_algorithm(&m, STUN_ALGORITHM_MD5));
	assert_true(stun_offers_algorithm(&m, STUN_ALGORITHM_SHA256));
	m.password_algorithms.len = 12;
	assert_true(stun_offers_algorithm(&m, STUN_ALGORITHM_SHA256));
	assert_false(stun_offers_algorithm(&m, STUN_ALGORITHM_MD5));
}

/* Text is bytes with a length here: nothing in it is a format or an end. */
TEST(vuln_13_text_is_taken_as_it_is)
{
	static const char text[] = "%n%s%5$n\0%x\r\n\033[2J";
	struct stun_message m =
				    {
					    .class = STUN_ERROR,
					    .method = STUN_METHOD_ALLOCATE,
					    .has = STUN_HAS(STUN_SOFTWARE) |
						   STUN_HAS(STUN_USERNAME) | STUN_HAS(STUN_REALM) |
						   STUN_HAS(STUN_NONCE) | STUN_HAS(STUN_ERROR_CODE),
					    .error = 401,
				    },
			    read;
	uint8_t data[ROOM];
	const struct stun_bytes bytes = {(const uint8_t *)text, sizeof text - 1};

	m.software = m.username = m.realm = m.nonce = m.reason = bytes;
	size_t len = stun_write(data, sizeof data, &m);
	assert_true(stun_read(&read, data, len));
	assert_true(stun_twin_equal(&m, &read));
	assert_null(stun_twin_differs(data, len, &read));
}

/* Random messages with random bytes wrong, in blocks of exactly their size at all alignments: no read beyond, and the twin agrees. */
TEST(vuln_12_reads_at_odd_addresses_what_the_twin_reads)
{
	static uint8_t pool[8192], data[3 * ROOM];
	struct rand r = rand_seeded(12);
	size_t refused = 0;

	for (size_t n = 0; n < 4000; n++) {
		struct stun_message m = random_message(&r, pool);
		size_t len = stun_write(data, sizeof data, &m);
		for (uint32_t k = rand_below(&r, 4); k > 0; k--)
			data[rand_below(&r, (uint32_t)len)] = (uint8_t)rand_u32(&r);
		refused += !is_read(data, len);
	}
	assert_in_range(refused, 400, 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(reads_the_messages_of_rfc_5769),
		RUN(refuses_a_message_with_a_fingerprint_when_any_bit_of_it_is_wrong),
		RUN(refuses_anything_behind_a_fingerprint),
		RUN(reads_what_it_wrote),
		RUN(vuln_18_padding_and_reserved_bits_are_zero),
		RUN(writes_as_rfc_5769_reads),
		RUN(writes_within_the_room_there_is_or_not_at_all),
		RUN(writes_nothing_that_does_not_fit_its_attribute),
		RUN(vuln_21_takes_each_attribute_with_the_lengths_it_can_have_only),
		RUN(vuln_21_refuses_values_that_mean_nothing),
		RUN(vuln_10_of_duplicate_attributes_the_first_counts),
		RUN(keeps_one_relayed_address_of_each_family),
		RUN(vuln_09_ignores_what_follows_integrity),
		RUN(takes_fingerprint_and_the_younger_integrity_behind_integrity),
		RUN(lists_unknown_attributes_that_have_to_be_understood),
		RUN(vuln_07_lengths_that_lie_are_refused),
		RUN(tells_stun_from_all_else_on_its_port),
		RUN(reads_class_and_method_in_all_their_bits),
		RUN(vuln_02_addresses_in_disguise_become_canonical),
		RUN(takes_the_xor_form_of_a_mapped_address_first),
		RUN(finds_password_algorithms_in_their_list),
		RUN(vuln_13_text_is_taken_as_it_is),
		RUN(vuln_12_reads_at_odd_addresses_what_the_twin_reads),
	};
	return RUN_TESTS(tests);
}
