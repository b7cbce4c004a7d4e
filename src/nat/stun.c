/* STUN messages (RFC 8489; attributes of RFC 5780 and RFC 8656 too), by one table of attributes. */
#include "nat/stun.h"

#include "base/bytes.h"
#include "base/defence.h"

#define FAMILY_V4       1 /* on the wire */
#define FAMILY_V6       2
#define FINGERPRINT_XOR 0x5354554eu /* RFC 8489, 14.7 */
#define OPTIONAL        0x8000      /* types from here on need not be understood */

/* How a value looks on the wire, and which type its field has. */
enum kind {
	ADDRESS,     /* struct addr */
	XOR_ADDRESS, /* the same, XORed with cookie and transaction id */
	BYTES,       /* struct stun_bytes */
	TYPES,       /* struct stun_bytes of 16 bits each */
	ALGORITHMS,  /* struct stun_bytes, a list of the next */
	ALGORITHM,   /* uint16_t, and parameters */
	NUMBER32,    /* uint32_t */
	CHANGE,      /* uint32_t, two bits of it */
	NUMBER16,    /* uint16_t, two bytes of nothing */
	NUMBER8,     /* uint8_t, three bytes of nothing */
	FAMILY,      /* the same: enum addr_family */
	TOP_BIT,     /* bool in one byte */
	EMPTY,       /* no field */
	ERROR,       /* error and reason */
	ICMP,        /* struct stun_icmp */
	SHA1_MAC,    /* where it begins */
	SHA256_MAC,
	CHECKSUM,
};

static const struct row {
	uint16_t type;
	enum kind kind;
	size_t field;    /* offset in struct stun_message */
	size_t min, max; /* length, where it is bytes */
} rows[STUN_ATTR_COUNT] = {
#define ROW(on_wire, how, name)                                                                    \
	.type = (on_wire), .kind = (how), .field = offsetof(struct stun_message, name)
	[STUN_SOFTWARE] = {ROW(0x8022, BYTES, software), .max = STUN_TEXT_MAX},
	[STUN_ERROR_CODE] = {ROW(0x0009, ERROR, error), .max = STUN_TEXT_MAX},
	[STUN_UNKNOWN_ATTRIBUTES] = {ROW(0x000a, TYPES, unknown_attributes), .max = UINT16_MAX},
	[STUN_MAPPED_ADDRESS] = {ROW(0x0001, ADDRESS, mapped)},
	[STUN_XOR_MAPPED_ADDRESS] = {ROW(0x0020, XOR_ADDRESS, xor_mapped)},
	[STUN_RESPONSE_ORIGIN] = {ROW(0x802b, ADDRESS, response_origin)},
	[STUN_OTHER_ADDRESS] = {ROW(0x802c, ADDRESS, other_address)},
	[STUN_ALTERNATE_SERVER] = {ROW(0x8023, ADDRESS, alternate_server)},
	[STUN_CHANGE_REQUEST] = {ROW(0x0003, CHANGE, change)},
	[STUN_RESPONSE_PORT] = {ROW(0x0027, NUMBER16, response_port)},
	[STUN_REQUESTED_TRANSPORT] = {ROW(0x0019, NUMBER8, transport)},
	[STUN_REQUESTED_ADDRESS_FAMILY] = {ROW(0x0017, FAMILY, family)},
	[STUN_ADDITIONAL_ADDRESS_FAMILY] = {ROW(0x8000, FAMILY, additional_family)},
	[STUN_EVEN_PORT] = {ROW(0x0018, TOP_BIT, even_port_reserve)},
	[STUN_RESERVATION_TOKEN] = {ROW(0x0022, BYTES, reservation_token), .min = 8, .max = 8},
	[STUN_DONT_FRAGMENT] = {.type = 0x001a, .kind = EMPTY},
	[STUN_LIFETIME] = {ROW(0x000d, NUMBER32, lifetime)},
	[STUN_CHANNEL_NUMBER] = {ROW(0x000c, NUMBER16, channel)},
	[STUN_XOR_PEER_ADDRESS] = {ROW(0x0012, XOR_ADDRESS, xor_peer)},
	[STUN_XOR_RELAYED_ADDRESS] = {ROW(0x0016, XOR_ADDRESS, xor_relayed)},
	[STUN_XOR_RELAYED_ADDRESS6] = {ROW(0x0016, XOR_ADDRESS, xor_relayed6)},
	[STUN_ICMP] = {ROW(0x8004, ICMP, icmp)},
	[STUN_USERNAME] = {ROW(0x0006, BYTES, username), .max = STUN_USERNAME_MAX},
	[STUN_USERHASH] = {ROW(0x001e, BYTES, userhash), .min = 32, .max = 32},
	[STUN_REALM] = {ROW(0x0014, BYTES, realm), .max = STUN_TEXT_MAX},
	[STUN_NONCE] = {ROW(0x0015, BYTES, nonce), .max = STUN_TEXT_MAX},
	[STUN_PASSWORD_ALGORITHMS] = {ROW(0x8002, ALGORITHMS, password_algorithms), .min = 4,
				      .max = UINT16_MAX},
	[STUN_PASSWORD_ALGORITHM] = {ROW(0x001d, ALGORITHM, password_algorithm)},
	[STUN_PADDING] = {ROW(0x0026, BYTES, padding), .max = UINT16_MAX},
	[STUN_DATA] = {ROW(0x0013, BYTES, data), .max = UINT16_MAX},
	[STUN_MESSAGE_INTEGRITY] = {ROW(0x0008, SHA1_MAC, integrity_at)},
	[STUN_MESSAGE_INTEGRITY_SHA256] = {ROW(0x001c, SHA256_MAC, integrity256_at)},
	[STUN_FINGERPRINT] = {.type = 0x8028, .kind = CHECKSUM},
#undef ROW
};

/* Of RFC 3489, whose servers are still about: they tell nothing that we want to know, but are no reason to discard an answer. */
static bool is_of_the_past(uint16_t type)
{
	return type == 0x0004 || type == 0x0005; /* SOURCE-ADDRESS, CHANGED-ADDRESS */
}

static size_t padding_of(size_t len)
{
	return -len & 3;
}

/* As zlib's crc32, bit by bit: the few messages that have a fingerprint are short. */
static uint32_t crc32_of(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

bool stun_is_message(const uint8_t *data, size_t len)
{
	return len >= STUN_HEADER_LEN && (data[0] & 0xc0) == 0 && len % 4 == 0 &&
	       load_be16(data + 2) == len - STUN_HEADER_LEN && load_be32(data + 4) == STUN_MAGIC;
}

/* mask: cookie and id, or NULL. */
static void read_address(struct reader *v, struct addr *a, const uint8_t *mask)
{
	uint8_t ip[16];

	read_u8(v);
	uint8_t family = read_u8(v);
	uint16_t port = read_be16(v);
	size_t len = family == FAMILY_V4 ? 4 : sizeof ip;
	const uint8_t *at = read_bytes(v, len);

	if ((family != FAMILY_V4 && family != FAMILY_V6) || at == NULL) {
		v->failed = true;
		return;
	}
	for (size_t i = 0; i < len; i++)
		ip[i] = at[i] ^ (mask != NULL ? mask[i] : 0);
	if (mask != NULL)
		port ^= load_be16(mask);
	*a = family == FAMILY_V4 ? addr_v4(ip, port) : addr_v6(ip, port, 0);
}

/* Its parameters too, which no algorithm that we know has. */
static uint16_t read_algorithm(struct reader *v)
{
	uint16_t algorithm = read_be16(v), len = read_be16(v);

	read_bytes(v, len + (reader_left(v) > len ? padding_of(len) : 0));
	return algorithm;
}

static uint8_t read_family(struct reader *v)
{
	uint8_t family = read_u8(v);

	read_bytes(v, 3);
	if (family != FAMILY_V4 && family != FAMILY_V6)
		v->failed = true;
	return family == FAMILY_V4 ? ADDR_V4 : ADDR_V6;
}

static void read_error(struct reader *v, struct stun_message *m, size_t max)
{
	read_be16(v);
	unsigned class = read_u8(v) & 7, number = read_u8(v);

	m->error = (uint16_t)(class * 100 + number);
	m->reason.len = reader_left(v);
	m->reason.data = read_bytes(v, m->reason.len);
	if (class < 3 || class > 6 || number > 99 || m->reason.len > max)
		v->failed = true;
}

static struct stun_icmp read_icmp(struct reader *v)
{
	read_be16(v);
	uint16_t both = read_be16(v);

	return (struct stun_icmp){
		.type = (uint8_t)(both >> 9), .code = both & 0x1ff, .data = read_be32(v)};
}

/* All of v, by the rules of this row, into its field. */
static void read_value(struct stun_message *m, const struct row *row, struct reader *v, size_t at)
{
	void *field = (uint8_t *)m + row->field;
	size_t len = reader_left(v);

	switch (row->kind) {
	case ADDRESS:
		read_address(v, field, NULL);
		return;
	case XOR_ADDRESS:
		read_address(v, field, m->start + 4);
		return;
	case TYPES:
	case ALGORITHMS:
	case BYTES:
		*(struct stun_bytes *)field = (struct stun_bytes){read_bytes(v, len), len};
		if (len < row->min || len > row->max || (row->kind == TYPES && len % 2 != 0))
			v->failed = true;
		if (row->kind != ALGORITHMS)
			return;
		for (struct reader list = reader_of(v->at - len, len); reader_left(&list) > 0;) {
			read_algorithm(&list);
			if (!reader_ok(&list)) {
				v->failed = true;
				return;
			}
		}
		return;
	case ALGORITHM:
		*(uint16_t *)field = read_algorithm(v);
		return;
	case NUMBER32:
		*(uint32_t *)field = read_be32(v);
		return;
	case CHANGE:
		*(uint32_t *)field = read_be32(v) & (STUN_CHANGE_IP | STUN_CHANGE_PORT);
		return;
	case NUMBER16:
		*(uint16_t *)field = read_be16(v);
		read_bytes(v, 2);
		return;
	case NUMBER8:
		*(uint8_t *)field = read_u8(v);
		read_bytes(v, 3);
		return;
	case FAMILY:
		*(uint8_t *)field = read_family(v);
		return;
	case TOP_BIT:
		*(bool *)field = read_u8(v) >> 7;
		return;
	case EMPTY:
		return;
	case ERROR:
		read_error(v, m, row->max);
		return;
	case ICMP:
		*(struct stun_icmp *)field = read_icmp(v);
		return;
	case SHA1_MAC:
		*(size_t *)field = at;
		read_bytes(v, 20);
		return;
	case SHA256_MAC:
		*(size_t *)field = at;
		read_bytes(v, len);
		if (len < 16 || len > 32 || len % 4 != 0)
			v->failed = true;
		return;
	case CHECKSUM:
		if (read_be32(v) != (crc32_of(m->start, at) ^ FINGERPRINT_XOR))
			v->failed = true;
		return;
	}
}

/* STUN_ATTR_COUNT where we do not know it. */
static enum stun_attr attr_of(uint16_t type, const uint8_t *value, size_t len)
{
	unsigned attr = 0;

	while (attr < STUN_ATTR_COUNT && rows[attr].type != type)
		attr++;
	if (attr == STUN_XOR_RELAYED_ADDRESS && len >= 2 && value[1] == FAMILY_V6)
		return STUN_XOR_RELAYED_ADDRESS6;
	return (enum stun_attr)attr;
}

/* RFC 8489, 14.5 and 14.6. */
static bool is_behind_integrity(const struct stun_message *m, enum stun_attr attr)
{
	if (attr == STUN_FINGERPRINT)
		return false;
	if (attr == STUN_MESSAGE_INTEGRITY_SHA256)
		return stun_has(m, STUN_MESSAGE_INTEGRITY_SHA256);
	return stun_has(m, STUN_MESSAGE_INTEGRITY) || stun_has(m, STUN_MESSAGE_INTEGRITY_SHA256);
}

static void note_unknown(struct stun_message *m, uint16_t type)
{
	if (type >= OPTIONAL || is_of_the_past(type))
		return;
	if (m->unknown_count < STUN_UNKNOWN_MAX)
		m->unknown[m->unknown_count] = type;
	m->unknown_count++;
}

/* The attribute that begins at `at`. */
static bool take_attr(struct stun_message *m, uint16_t type, const uint8_t *value, size_t len,
		      size_t at)
{
	enum stun_attr attr = attr_of(type, value, len);
	struct reader v = reader_of(value, len);

	if (DEFENCE(9, is_behind_integrity(m, attr)))
		return true;
	if (attr == STUN_ATTR_COUNT) {
		note_unknown(m, type);
		return true;
	}
	if (DEFENCE(10, stun_has(m, attr)))
		return true;

	read_value(m, &rows[attr], &v, at);
	if (DEFENCE(21, !reader_ok(&v) || reader_left(&v) > 0))
		return false;
	if (attr == STUN_XOR_RELAYED_ADDRESS6 && m->xor_relayed6.family != ADDR_V6)
		return false; /* one in disguise has no place */
	m->has |= STUN_HAS(attr);
	return true;
}

bool stun_read(struct stun_message *m, const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);

	if (!stun_is_message(data, len))
		return false;
	uint16_t type = read_be16(&r);
	*m = (struct stun_message){
		.class = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1)),
		.method = (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x70) | (type & 0xf)),
		.start = data,
	};
	memcpy(m->id, data + 8, sizeof m->id);
	read_bytes(&r, STUN_HEADER_LEN - 2);

	while (reader_left(&r) > 0) {
		size_t at = (size_t)(r.at - data);
		uint16_t attr_type = read_be16(&r), value_len = read_be16(&r);
		const uint8_t *value = read_bytes(&r, value_len);

		read_bytes(&r, padding_of(value_len));
		if (!reader_ok(&r) || stun_has(m, STUN_FINGERPRINT))
			return false;
		if (!take_attr(m, attr_type, value, value_len, at))
			return false;
	}
	return true;
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void write_zeros(struct writer *w, size_t len)
{
	for (size_t i = 0; i < len; i++)
		write_u8(w, 0);
}

static void write_address(struct writer *w, const struct addr *a, const uint8_t *mask)
{
	size_t len = addr_ip_len(a->family);

	if (len == 0) {
		w->failed = true;
		return;
	}
	write_u8(w, 0);
	write_u8(w, a->family == ADDR_V4 ? FAMILY_V4 : FAMILY_V6);
	write_be16(w, a->port ^ (mask != NULL ? load_be16(mask) : 0));
	for (size_t i = 0; i < len; i++)
		write_u8(w, a->ip[i] ^ (mask != NULL ? mask[i] : 0));
}

static void write_value(struct writer *w, const struct row *row, const struct stun_message *m)
{
	const void *field = (const uint8_t *)m + row->field;
	const struct stun_bytes *bytes;

	switch (row->kind) {
	case ADDRESS:
		write_address(w, field, NULL);
		return;
	case XOR_ADDRESS:
		write_address(w, field, w->start + 4);
		return;
	case TYPES:
	case ALGORITHMS:
	case BYTES:
		bytes = field;
		if (bytes->len < row->min || bytes->len > row->max)
			w->failed = true;
		write_bytes(w, bytes->data, bytes->len);
		return;
	case ALGORITHM:
		write_be16(w, *(const uint16_t *)field);
		write_be16(w, 0);
		return;
	case NUMBER32:
	case CHANGE:
		write_be32(w, *(const uint32_t *)field);
		return;
	case NUMBER16:
		write_be16(w, *(const uint16_t *)field);
		write_zeros(w, 2);
		return;
	case NUMBER8:
		write_u8(w, *(const uint8_t *)field);
		write_zeros(w, 3);
		return;
	case FAMILY:
		write_u8(w, *(const uint8_t *)field == ADDR_V4 ? FAMILY_V4 : FAMILY_V6);
		write_zeros(w, 3);
		return;
	case TOP_BIT:
		write_u8(w, *(const bool *)field ? 0x80 : 0);
		return;
	case ERROR:
		if (m->reason.len > row->max)
			w->failed = true;
		write_zeros(w, 2);
		write_u8(w, (uint8_t)(m->error / 100));
		write_u8(w, (uint8_t)(m->error % 100));
		write_bytes(w, m->reason.data, m->reason.len);
		return;
	case ICMP:
		write_zeros(w, 2);
		write_be16(w, (uint16_t)(m->icmp.type << 9 | (m->icmp.code & 0x1ff)));
		write_be32(w, m->icmp.data);
		return;
	case EMPTY:
	case SHA1_MAC: /* appended by others */
	case SHA256_MAC:
	case CHECKSUM:
		return;
	}
}

static void write_attr(struct writer *w, const struct row *row, const struct stun_message *m)
{
	size_t at = writer_len(w);

	write_be16(w, row->type);
	write_zeros(w, 2); /* its length, once it is known */
	write_value(w, row, m);
	if (!writer_ok(w))
		return;
	size_t len = writer_len(w) - at - 4;
	store_be16(w->start + at + 2, (uint16_t)len);
	write_zeros(w, padding_of(len));
}

static uint16_t type_of(const struct stun_message *m)
{
	unsigned method = m->method, class = m->class;

	return (uint16_t)((method & 0xf80) << 2 | (class & 2) << 7 | (method & 0x70) << 1 |
			  (class & 1) << 4 | (method & 0xf));
}

size_t stun_write(uint8_t *out, size_t room, const struct stun_message *m)
{
	struct writer w = writer_of(out, room);

	write_be16(&w, type_of(m));
	write_zeros(&w, 2);
	write_be32(&w, STUN_MAGIC);
	write_bytes(&w, m->id, sizeof m->id);
	for (unsigned attr = 0; attr < STUN_MESSAGE_INTEGRITY && writer_ok(&w); attr++)
		if (stun_has(m, (enum stun_attr)attr))
			write_attr(&w, &rows[attr], m);

	size_t len = writer_len(&w);
	if (!writer_ok(&w) || len - STUN_HEADER_LEN > UINT16_MAX)
		return 0;
	store_be16(out + 2, (uint16_t)(len - STUN_HEADER_LEN));
	return len;
}

size_t stun_add_fingerprint(uint8_t *msg, size_t len, size_t room)
{
	size_t new_len = len + STUN_FINGERPRINT_LEN;

	if (new_len > room || new_len - STUN_HEADER_LEN > UINT16_MAX)
		return 0;
	store_be16(msg + 2, (uint16_t)(new_len - STUN_HEADER_LEN));
	store_be16(msg + len, rows[STUN_FINGERPRINT].type);
	store_be16(msg + len + 2, 4);
	store_be32(msg + len + 4, crc32_of(msg, len) ^ FINGERPRINT_XOR);
	return new_len;
}

/* --- what it says ---------------------------------------------------------------------------------------------------- */

const struct addr *stun_mapped(const struct stun_message *m)
{
	if (stun_has(m, STUN_XOR_MAPPED_ADDRESS))
		return &m->xor_mapped;
	return stun_has(m, STUN_MAPPED_ADDRESS) ? &m->mapped : NULL;
}

bool stun_offers_algorithm(const struct stun_message *m, enum stun_algorithm algorithm)
{
	if (!stun_has(m, STUN_PASSWORD_ALGORITHMS))
		return false;
	for (struct reader list =
		     reader_of(m->password_algorithms.data, m->password_algorithms.len);
	     reader_left(&list) > 0;)
		if (read_algorithm(&list) == algorithm)
			return true;
	return false;
}
