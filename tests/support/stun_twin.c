#include "support/stun_twin.h"

#include <string.h>

#include "base/bytes.h"

#define SHA1_MAC    0x0008
#define SHA256_MAC  0x001c
#define FINGERPRINT 0x8028

static const uint16_t types[STUN_ATTR_COUNT] = {
	[STUN_MAPPED_ADDRESS] = 0x0001,
	[STUN_CHANGE_REQUEST] = 0x0003,
	[STUN_USERNAME] = 0x0006,
	[STUN_MESSAGE_INTEGRITY] = SHA1_MAC,
	[STUN_ERROR_CODE] = 0x0009,
	[STUN_UNKNOWN_ATTRIBUTES] = 0x000a,
	[STUN_CHANNEL_NUMBER] = 0x000c,
	[STUN_LIFETIME] = 0x000d,
	[STUN_XOR_PEER_ADDRESS] = 0x0012,
	[STUN_DATA] = 0x0013,
	[STUN_REALM] = 0x0014,
	[STUN_NONCE] = 0x0015,
	[STUN_XOR_RELAYED_ADDRESS] = 0x0016,
	[STUN_XOR_RELAYED_ADDRESS6] = 0x0016,
	[STUN_REQUESTED_ADDRESS_FAMILY] = 0x0017,
	[STUN_EVEN_PORT] = 0x0018,
	[STUN_REQUESTED_TRANSPORT] = 0x0019,
	[STUN_DONT_FRAGMENT] = 0x001a,
	[STUN_MESSAGE_INTEGRITY_SHA256] = SHA256_MAC,
	[STUN_PASSWORD_ALGORITHM] = 0x001d,
	[STUN_USERHASH] = 0x001e,
	[STUN_XOR_MAPPED_ADDRESS] = 0x0020,
	[STUN_RESERVATION_TOKEN] = 0x0022,
	[STUN_PADDING] = 0x0026,
	[STUN_RESPONSE_PORT] = 0x0027,
	[STUN_ADDITIONAL_ADDRESS_FAMILY] = 0x8000,
	[STUN_PASSWORD_ALGORITHMS] = 0x8002,
	[STUN_ICMP] = 0x8004,
	[STUN_SOFTWARE] = 0x8022,
	[STUN_ALTERNATE_SERVER] = 0x8023,
	[STUN_FINGERPRINT] = FINGERPRINT,
	[STUN_RESPONSE_ORIGIN] = 0x802b,
	[STUN_OTHER_ADDRESS] = 0x802c,
};

uint16_t stun_twin_type(enum stun_attr attr)
{
	return types[attr];
}

/* --- comparison ------------------------------------------------------------------------------------------------------ */

static bool same_bytes(struct stun_bytes a, struct stun_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool stun_twin_equal(const struct stun_message *a, const struct stun_message *b)
{
	return a->class == b->class && a->method == b->method &&
	       memcmp(a->id, b->id, sizeof a->id) == 0 && a->has == b->has &&
	       addr_equal(&a->mapped, &b->mapped) && addr_equal(&a->xor_mapped, &b->xor_mapped) &&
	       addr_equal(&a->response_origin, &b->response_origin) &&
	       addr_equal(&a->other_address, &b->other_address) &&
	       addr_equal(&a->alternate_server, &b->alternate_server) &&
	       addr_equal(&a->xor_peer, &b->xor_peer) &&
	       addr_equal(&a->xor_relayed, &b->xor_relayed) &&
	       addr_equal(&a->xor_relayed6, &b->xor_relayed6) &&
	       same_bytes(a->software, b->software) && same_bytes(a->username, b->username) &&
	       same_bytes(a->userhash, b->userhash) && same_bytes(a->realm, b->realm) &&
	       same_bytes(a->nonce, b->nonce) && same_bytes(a->padding, b->padding) &&
	       same_bytes(a->data, b->data) &&
	       same_bytes(a->reservation_token, b->reservation_token) &&
	       same_bytes(a->password_algorithms, b->password_algorithms) &&
	       a->password_algorithm == b->password_algorithm && a->error == b->error &&
	       same_bytes(a->reason, b->reason) &&
	       same_bytes(a->unknown_attributes, b->unknown_attributes) && a->change == b->change &&
	       a->response_port == b->response_port && a->channel == b->channel &&
	       a->transport == b->transport && a->family == b->family &&
	       a->additional_family == b->additional_family &&
	       a->even_port_reserve == b->even_port_reserve && a->lifetime == b->lifetime &&
	       a->icmp.type == b->icmp.type && a->icmp.code == b->icmp.code &&
	       a->icmp.data == b->icmp.data;
}

/* --- the second reader: by offsets, with all of the message in view -------------------------------------------------- */

static size_t u16(const uint8_t *p)
{
	return (size_t)p[0] * 256 + p[1];
}

static size_t padded(size_t len)
{
	return (len + 3) / 4 * 4;
}

/* zlib's, by a table made on the spot. */
static uint32_t crc(const uint8_t *data, size_t len)
{
	uint32_t table[256], c = 0xffffffff;

	for (uint32_t n = 0; n < 256; n++) {
		table[n] = n;
		for (int k = 0; k < 8; k++)
			table[n] = table[n] & 1 ? 0xedb88320 ^ table[n] >> 1 : table[n] >> 1;
	}
	for (size_t i = 0; i < len; i++)
		c = table[(c ^ data[i]) & 0xff] ^ c >> 8;
	return c ^ 0xffffffff;
}

/* The first attribute of `type` at or after `at`, or len. */
static size_t next_of(const uint8_t *data, size_t len, size_t at, uint16_t type)
{
	while (at < len && u16(data + at) != type)
		at += 4 + padded(u16(data + at + 2));
	return at;
}

/* Where what counts ends. */
static size_t end_of(const uint8_t *data, size_t len)
{
	size_t a = next_of(data, len, 20, SHA1_MAC), b = next_of(data, len, 20, SHA256_MAC);

	return a < b ? a : b;
}

/* Its first attribute of this type that counts, or len. */
static size_t counting(const uint8_t *data, size_t len, uint16_t type)
{
	size_t end = end_of(data, len), at = next_of(data, len, 20, type);

	if (type == FINGERPRINT || type == SHA256_MAC)
		return at;
	if (type == SHA1_MAC)
		return at == end ? at : len;
	return at < end ? at : len;
}

static bool fits_address(const uint8_t *v, size_t n)
{
	return (n == 8 && v[1] == 1) || (n == 20 && v[1] == 2);
}

static bool fits_family(const uint8_t *v, size_t n)
{
	return n == 4 && (v[0] == 1 || v[0] == 2);
}

static bool fits_algorithms(const uint8_t *v, size_t n)
{
	size_t at = 0;

	while (at + 4 <= n) {
		size_t end = at + 4 + u16(v + at + 2);
		if (end == n)
			return true;
		at = at + 4 + padded(u16(v + at + 2));
	}
	return n > 0 && at == n;
}

static bool fits_algorithm(const uint8_t *v, size_t n)
{
	return n >= 4 && (n == 4 + u16(v + 2) || n == 4 + padded(u16(v + 2)));
}

static bool fits(uint16_t type, const uint8_t *v, size_t n)
{
	switch (type) {
	case 0x0001:
	case 0x0012:
	case 0x0016:
	case 0x0020:
	case 0x8023:
	case 0x802b:
	case 0x802c:
		return fits_address(v, n);
	case 0x0003:
	case 0x000c:
	case 0x000d:
	case 0x0019:
	case 0x0027:
		return n == 4;
	case 0x0006:
		return n < 509;
	case 0x0008:
		return n == 20;
	case 0x0009:
		return n >= 4 && n <= 4 + 763 && (v[2] & 7) >= 3 && (v[2] & 7) <= 6 && v[3] < 100;
	case 0x000a:
		return n % 2 == 0;
	case 0x0014:
	case 0x0015:
	case 0x8022:
		return n <= 763;
	case 0x0017:
	case 0x8000:
		return fits_family(v, n);
	case 0x0018:
		return n == 1;
	case 0x001a:
		return n == 0;
	case 0x001c:
		return n == 16 || n == 20 || n == 24 || n == 28 || n == 32;
	case 0x001d:
		return fits_algorithm(v, n);
	case 0x001e:
		return n == 32;
	case 0x0022:
	case 0x8004:
		return n == 8;
	case 0x8002:
		return fits_algorithms(v, n);
	case 0x8028:
		return n == 4;
	default: /* PADDING, DATA; what we do not know */
		return true;
	}
}

/* The IP that an address attribute has, and its length: 4 where it is IPv4, be it in disguise. */
static size_t ip_of(uint8_t ip[static 16], const uint8_t *data, const uint8_t *v, bool is_xored)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
	size_t len = v[1] == 1 ? 4 : 16;

	for (size_t i = 0; i < len; i++)
		ip[i] = is_xored ? v[4 + i] ^ data[4 + i] : v[4 + i];
	if (len == 16 && memcmp(ip, mapped, sizeof mapped) == 0) {
		memmove(ip, ip + 12, 4);
		len = 4;
	}
	return len;
}

const char *stun_twin_fault(const uint8_t *data, size_t len)
{
	uint8_t ip[16];

	if (len < 20 || data[0] >= 64 || memcmp(data + 4, "\x21\x12\xa4\x42", 4) != 0)
		return "no STUN";
	if (len % 4 != 0 || u16(data + 2) + 20 != len)
		return "length";
	for (size_t at = 20; at < len; at += 4 + padded(u16(data + at + 2)))
		if (len - at < 4 || padded(u16(data + at + 2)) > len - at - 4)
			return "an attribute runs past the end";
	for (unsigned attr = 0; attr < STUN_ATTR_COUNT; attr++) {
		size_t at = counting(data, len, types[attr]);
		if (at < len && !fits(types[attr], data + at + 4, u16(data + at + 2)))
			return "an attribute has a value that it cannot have";
	}
	/* One of each family counts. */
	bool seen4 = false, seen6 = false;
	for (size_t at = 20;
	     (at = next_of(data, end_of(data, len), at, 0x0016)) < end_of(data, len);
	     at += 4 + padded(u16(data + at + 2))) {
		bool is_v6 = u16(data + at + 2) >= 2 && data[at + 5] == 2;
		if (is_v6 ? seen6 : seen4)
			continue;
		if (!fits_address(data + at + 4, u16(data + at + 2)) ||
		    (is_v6 && ip_of(ip, data, data + at + 4, true) == 4))
			return "a relayed address is wrong";
		seen4 = seen4 || !is_v6;
		seen6 = seen6 || is_v6;
	}
	size_t at = next_of(data, len, 20, FINGERPRINT);
	if (at < len && at + 8 != len)
		return "something behind the fingerprint";
	if (at < len && load_be32(data + at + 4) != (crc(data, at) ^ 0x5354554e))
		return "fingerprint";
	return NULL;
}

static bool address_is(const uint8_t *data, const uint8_t *v, bool is_xored, const struct addr *a)
{
	uint8_t ip[16] = {0};
	size_t len = ip_of(ip, data, v, is_xored), port = u16(v + 2) ^ (is_xored ? 0x2112 : 0);

	return a->family == (len == 4 ? ADDR_V4 : ADDR_V6) && a->port == port &&
	       memcmp(a->ip, ip, len) == 0;
}

static bool bytes_are(const uint8_t *v, size_t n, struct stun_bytes b)
{
	return b.data == v && b.len == n;
}

static bool value_is(const uint8_t *data, enum stun_attr attr, const uint8_t *v, size_t n,
		     const struct stun_message *m)
{
	switch (attr) {
	case STUN_MAPPED_ADDRESS:
		return address_is(data, v, false, &m->mapped);
	case STUN_RESPONSE_ORIGIN:
		return address_is(data, v, false, &m->response_origin);
	case STUN_OTHER_ADDRESS:
		return address_is(data, v, false, &m->other_address);
	case STUN_ALTERNATE_SERVER:
		return address_is(data, v, false, &m->alternate_server);
	case STUN_XOR_MAPPED_ADDRESS:
		return address_is(data, v, true, &m->xor_mapped);
	case STUN_XOR_PEER_ADDRESS:
		return address_is(data, v, true, &m->xor_peer);
	case STUN_XOR_RELAYED_ADDRESS: /* their own loop, below */
	case STUN_XOR_RELAYED_ADDRESS6:
		return true;
	case STUN_SOFTWARE:
		return bytes_are(v, n, m->software);
	case STUN_USERNAME:
		return bytes_are(v, n, m->username);
	case STUN_USERHASH:
		return bytes_are(v, n, m->userhash);
	case STUN_REALM:
		return bytes_are(v, n, m->realm);
	case STUN_NONCE:
		return bytes_are(v, n, m->nonce);
	case STUN_PADDING:
		return bytes_are(v, n, m->padding);
	case STUN_DATA:
		return bytes_are(v, n, m->data);
	case STUN_RESERVATION_TOKEN:
		return bytes_are(v, n, m->reservation_token);
	case STUN_PASSWORD_ALGORITHMS:
		return bytes_are(v, n, m->password_algorithms);
	case STUN_UNKNOWN_ATTRIBUTES:
		return bytes_are(v, n, m->unknown_attributes);
	case STUN_ERROR_CODE:
		return m->error == (v[2] & 7) * 100 + v[3] && bytes_are(v + 4, n - 4, m->reason);
	case STUN_PASSWORD_ALGORITHM:
		return m->password_algorithm == u16(v);
	case STUN_CHANGE_REQUEST:
		return m->change == (v[3] & 6);
	case STUN_RESPONSE_PORT:
		return m->response_port == u16(v);
	case STUN_CHANNEL_NUMBER:
		return m->channel == u16(v);
	case STUN_REQUESTED_TRANSPORT:
		return m->transport == v[0];
	case STUN_REQUESTED_ADDRESS_FAMILY:
		return m->family == (v[0] == 1 ? ADDR_V4 : ADDR_V6);
	case STUN_ADDITIONAL_ADDRESS_FAMILY:
		return m->additional_family == (v[0] == 1 ? ADDR_V4 : ADDR_V6);
	case STUN_EVEN_PORT:
		return m->even_port_reserve == (v[0] >= 128);
	case STUN_LIFETIME:
		return m->lifetime == load_be32(v);
	case STUN_ICMP:
		return m->icmp.type == v[2] / 2 && m->icmp.code == (v[2] % 2) * 256 + v[3] &&
		       m->icmp.data == load_be32(v + 4);
	case STUN_MESSAGE_INTEGRITY:
		return m->start + m->integrity_at + 4 == v;
	case STUN_MESSAGE_INTEGRITY_SHA256:
		return m->start + m->integrity256_at + 4 == v;
	case STUN_DONT_FRAGMENT:
	case STUN_FINGERPRINT:
	case STUN_ATTR_COUNT:
		return true;
	}
	return false;
}

/* The first relayed address of each family. */
static bool relayed_are(const uint8_t *data, size_t len, const struct stun_message *m)
{
	const uint8_t *of[2] = {NULL, NULL};
	size_t end = end_of(data, len);

	for (size_t at = 20; (at = next_of(data, end, at, 0x0016)) < end;
	     at += 4 + padded(u16(data + at + 2))) {
		const uint8_t **first = &of[u16(data + at + 2) >= 2 && data[at + 5] == 2];
		if (*first == NULL)
			*first = data + at + 4;
	}
	return stun_has(m, STUN_XOR_RELAYED_ADDRESS) == (of[0] != NULL) &&
	       stun_has(m, STUN_XOR_RELAYED_ADDRESS6) == (of[1] != NULL) &&
	       (of[0] == NULL || address_is(data, of[0], true, &m->xor_relayed)) &&
	       (of[1] == NULL || address_is(data, of[1], true, &m->xor_relayed6));
}

static bool is_known(uint16_t type)
{
	for (unsigned attr = 0; attr < STUN_ATTR_COUNT; attr++)
		if (types[attr] == type)
			return true;
	return type == 0x0004 || type == 0x0005;
}

const char *stun_twin_differs(const uint8_t *data, size_t len, const struct stun_message *m)
{
	size_t unknown = 0, end = end_of(data, len);
	size_t type = u16(data), class = (type >> 4 & 1) + (type >> 8 & 1) * 2;
	size_t method = (type & 15) + (type >> 5 & 7) * 16 + (type >> 9) * 128;

	if (m->class != class || m->method != method || memcmp(m->id, data + 8, 12) != 0)
		return "header";
	for (unsigned attr = 0; attr < STUN_ATTR_COUNT; attr++) {
		size_t at = counting(data, len, types[attr]);
		if (types[attr] == 0x0016)
			continue;
		if ((at < len) != stun_has(m, (enum stun_attr)attr))
			return "an attribute is there for one only";
		if (at < len &&
		    !value_is(data, (enum stun_attr)attr, data + at + 4, u16(data + at + 2), m))
			return "a value";
	}
	if (!relayed_are(data, len, m))
		return "a relayed address";
	for (size_t at = 20; at < end; at += 4 + padded(u16(data + at + 2))) {
		size_t t = u16(data + at);
		if (t >= 0x8000 || is_known((uint16_t)t))
			continue;
		if (unknown < STUN_UNKNOWN_MAX && m->unknown[unknown] != t)
			return "an unknown attribute";
		unknown++;
	}
	return m->unknown_count == unknown ? NULL : "count of unknown attributes";
}

/* --- messages byte by byte ------------------------------------------------------------------------------------------- */

void stun_raw_begin(struct stun_raw *r, enum stun_class class, enum stun_method method)
{
	static const uint8_t rest[18] = {[2] = 0x21, 0x12, 0xa4, 0x42, 1, 2,  3,  4,
					 5,          6,    7,    8,    9, 10, 11, 12};

	/* Methods below 16 are the low bits. */
	store_be16(r->data, (uint16_t)((class & 2) << 7 | (class & 1) << 4 | method));
	memcpy(r->data + 2, rest, sizeof rest);
	r->len = sizeof rest + 2;
}

void stun_raw_add(struct stun_raw *r, uint16_t type, const void *value, size_t len, uint8_t padding)
{
	uint8_t *at = r->data + r->len;

	store_be16(at, type);
	store_be16(at + 2, (uint16_t)len);
	if (len > 0)
		memcpy(at + 4, value, len);
	memset(at + 4 + len, padding, padded(len) - len);
	r->len += 4 + padded(len);
	store_be16(r->data + 2, (uint16_t)(r->len - 20));
}
