/* A STUN server for tests, honest or not. */
#include "sim/stun_server.h"

#include <string.h>

#include "base/bytes.h"

#define FLOOD 15 /* answers before the right one */

/* Of attributes that stun_write does not write, or not like this. */
#define TYPE_MAPPED    0x0001
#define TYPE_CHANGE    0x0003
#define TYPE_INTEGRITY 0x0008
#define TYPE_XORED     0x0020
#define TYPE_SOFTWARE  0x8022
#define TYPE_UNKNOWN   0x7ffe

static bool does(const struct stun_server *s, enum stun_server_fault fault)
{
	return (s->faults & fault) != 0;
}

struct addr stun_server_addr(const struct stun_server *s, unsigned ip, unsigned port)
{
	struct addr a = s->ip[ip];

	a.port = s->port[port];
	return addr_is_set(&a) && a.port != 0 ? a : (struct addr){0};
}

bool stun_server_is_at(const struct stun_server *s, const struct addr *a)
{
	for (unsigned ip = 0; ip < 2; ip++) {
		for (unsigned port = 0; port < 2; port++) {
			struct addr own = stun_server_addr(s, ip, port);
			if (addr_is_set(&own) && addr_equal(&own, a))
				return true;
		}
	}
	return false;
}

/* Where an answer comes from when asked at `at`, with this CHANGE-REQUEST; unset when it has no such address. */
static struct addr source_of(const struct stun_server *s, const struct addr *at, uint32_t change)
{
	unsigned ip = !addr_same_ip(at, &s->ip[0]), port = at->port != s->port[0];

	if (does(s, STUN_SERVER_IGNORES_CHANGE))
		change = 0;
	if (does(s, STUN_SERVER_CLAIMS_OTHER))
		return stun_server_addr(s, ip, change != 0 ? !port : port);
	return stun_server_addr(s, ip ^ ((change & STUN_CHANGE_IP) != 0),
				port ^ ((change & STUN_CHANGE_PORT) != 0));
}

/* RFC 5780, 7.4: the other address with the other port, seen from where it was asked. Who has only one has none. */
static struct addr other_of(const struct stun_server *s, const struct addr *at)
{
	if (does(s, STUN_SERVER_NO_OTHER))
		return (struct addr){0};
	if (does(s, STUN_SERVER_CLAIMS_FOREIGN))
		return s->lie;
	if (does(s, STUN_SERVER_CLAIMS_OTHER))
		return stun_server_addr(s, 0, at->port == s->port[0]);
	return stun_server_addr(s, addr_same_ip(at, &s->ip[0]), at->port == s->port[0]);
}

/* --- answers byte by byte -------------------------------------------------------------------------------------------- */

static void set_length(struct stun_server_reply *r)
{
	store_be16(r->data + 2, (uint16_t)(r->len - STUN_HEADER_LEN));
}

static void append(struct stun_server_reply *r, uint16_t type, const void *value, size_t len)
{
	uint8_t *at = r->data + r->len;
	size_t padded = (len + 3) & ~(size_t)3;

	store_be16(at, type);
	store_be16(at + 2, (uint16_t)len);
	memset(at + 4, 0, padded);
	memcpy(at + 4, value, len);
	r->len += 4 + padded;
	set_length(r);
}

/* The attributes of m, whose id is the answer's. */
static void append_all(struct stun_server_reply *r, const struct stun_message *m)
{
	uint8_t more[512];
	size_t len = stun_write(more, sizeof more, m);

	if (len == 0) /* a lie without an address */
		return;
	memcpy(r->data + r->len, more + STUN_HEADER_LEN, len - STUN_HEADER_LEN);
	r->len += len - STUN_HEADER_LEN;
	set_length(r);
}

static void write_mapped(const struct stun_server *s, struct stun_server_reply *r,
			 struct stun_message m, const struct addr *client)
{
	static const uint8_t overlong[24] = {[1] = 1};

	m.mapped = m.xor_mapped = does(s, STUN_SERVER_LIES) ? s->lie : *client;
	m.has = does(s, STUN_SERVER_MAPPED_ONLY) ? STUN_HAS(STUN_MAPPED_ADDRESS)
						 : STUN_HAS(STUN_XOR_MAPPED_ADDRESS);
	if (does(s, STUN_SERVER_OVERLONG))
		append(r, does(s, STUN_SERVER_MAPPED_ONLY) ? TYPE_MAPPED : TYPE_XORED, overlong,
		       sizeof overlong);
	else if (!does(s, STUN_SERVER_NO_MAPPED))
		append_all(r, &m);
}

static void write_success(const struct stun_server *s, struct stun_server_reply *r,
			  struct stun_message m, const struct addr *client, const struct addr *at)
{
	static const uint8_t rubbish[20] = {1, 2, 3};

	r->len = stun_write(r->data, sizeof r->data, &m);
	if (does(s, STUN_SERVER_AFTER_INTEGRITY))
		append(r, TYPE_INTEGRITY, rubbish, sizeof rubbish);
	write_mapped(s, r, m, client);

	m.response_origin = r->from;
	m.other_address = other_of(s, at);
	if (!does(s, STUN_SERVER_NO_ORIGIN) && addr_is_set(&r->from))
		m.has |= STUN_HAS(STUN_RESPONSE_ORIGIN);
	if (addr_is_set(&m.other_address))
		m.has |= STUN_HAS(STUN_OTHER_ADDRESS);
	append_all(r, &m);
	if (does(s, STUN_SERVER_DUPLICATES)) {
		m.mapped = m.xor_mapped = m.response_origin = m.other_address = s->lie;
		m.has = STUN_HAS(STUN_MAPPED_ADDRESS) | STUN_HAS(STUN_XOR_MAPPED_ADDRESS) |
			STUN_HAS(STUN_RESPONSE_ORIGIN) | STUN_HAS(STUN_OTHER_ADDRESS);
		append_all(r, &m);
	}
}

static void write_error(const struct stun_server *s, struct stun_server_reply *r,
			struct stun_message m, uint16_t error)
{
	static const uint8_t change[] = {0, TYPE_CHANGE};

	m.class = STUN_ERROR;
	m.has = STUN_HAS(STUN_ERROR_CODE);
	m.error = error;
	if (error == 420) {
		m.has |= STUN_HAS(STUN_UNKNOWN_ATTRIBUTES);
		m.unknown_attributes = (struct stun_bytes){change, sizeof change};
	}
	if (error == 300 && addr_is_set(&s->lie)) {
		m.has |= STUN_HAS(STUN_ALTERNATE_SERVER);
		m.alternate_server = s->lie;
	}
	r->len = stun_write(r->data, sizeof r->data, &m);
}

/* What goes wrong with the finished answer. */
static void spoil(struct stun_server *s, struct stun_server_reply *r, bool fingerprint)
{
	if (does(s, STUN_SERVER_AS_REQUEST))
		store_be16(r->data, STUN_METHOD_BINDING);
	if (does(s, STUN_SERVER_UNKNOWN_MANDATORY))
		append(r, TYPE_UNKNOWN, "what", 4);
	if (does(s, STUN_SERVER_JUNK)) {
		rand_bytes(&s->rand, r->data + STUN_HEADER_LEN, 40);
		r->len = STUN_HEADER_LEN + 40;
		set_length(r);
	}
	if (does(s, STUN_SERVER_TRUNCATES)) {
		append(r, TYPE_SOFTWARE, "half", 4);
		store_be16(r->data + r->len - 6, 200);
		fingerprint = false;
	}
	if (fingerprint || does(s, STUN_SERVER_BAD_FINGERPRINT))
		r->len = stun_add_fingerprint(r->data, r->len, sizeof r->data);
	if (does(s, STUN_SERVER_BAD_FINGERPRINT))
		r->data[r->len - 1] ^= 1;
	if (does(s, STUN_SERVER_CUTS))
		r->len /= 2;
}

/* Honest as far as `request` can be answered by this server; what it answers is in *r. */
static void reply(struct stun_server *s, struct stun_server_reply *r,
		  const struct stun_message *request, const struct addr *client,
		  const struct addr *at)
{
	uint32_t change = stun_has(request, STUN_CHANGE_REQUEST) ? request->change : 0;
	struct stun_message m = {.class = STUN_SUCCESS, .method = STUN_METHOD_BINDING};

	memcpy(m.id, request->id, sizeof m.id);
	*r = (struct stun_server_reply){
		.from = source_of(s, at, change),
		.to = *client,
		.after = s->delay + (s->jitter > 0 ? rand_jitter(&s->rand, s->jitter) : 0),
	};
	if (stun_has(request, STUN_RESPONSE_PORT))
		r->to.port = request->response_port;

	if (does(s, STUN_SERVER_ERROR)) {
		r->from = *at;
		write_error(s, r, m, s->error);
	} else if (!addr_is_set(&r->from) || (change != 0 && does(s, STUN_SERVER_REFUSES_CHANGE))) {
		r->from = *at;
		write_error(s, r, m, 420);
	} else {
		write_success(s, r, m, client, at);
	}
	if (does(s, STUN_SERVER_WRONG_SOURCE))
		r->from = s->lie_from;
	spoil(s, r, stun_has(request, STUN_FINGERPRINT));
}

size_t stun_server_input(struct stun_server *s, const struct addr *from, const struct addr *to,
			 const uint8_t *data, size_t len,
			 struct stun_server_reply replies[static STUN_SERVER_REPLIES_MAX])
{
	struct stun_message m;
	size_t count = 0;

	if (!stun_read(&m, data, len) || m.class != STUN_REQUEST ||
	    m.method != STUN_METHOD_BINDING || m.unknown_count > 0 || !stun_server_is_at(s, to)) {
		s->refused++;
		return 0;
	}
	s->requests++;
	s->changes += stun_has(&m, STUN_CHANGE_REQUEST) && m.change != 0;
	if (does(s, STUN_SERVER_SILENT))
		return 0;

	size_t wrong = does(s, STUN_SERVER_FLOODS) ? FLOOD : 0;
	while (count < wrong) {
		struct stun_message other = m;
		rand_bytes(&s->rand, other.id, sizeof other.id);
		reply(s, &replies[count++], &other, from, to);
	}
	if (does(s, STUN_SERVER_WRONG_ID))
		rand_bytes(&s->rand, m.id, sizeof m.id);
	reply(s, &replies[count++], &m, from, to);
	if (does(s, STUN_SERVER_TWICE) && count < STUN_SERVER_REPLIES_MAX) {
		replies[count] = replies[count - 1];
		count++;
	}
	return count;
}

/* --- lies ------------------------------------------------------------------------------------------------------------ */

#define PORT 40000
#define V4(...)                                                                                    \
	{                                                                                          \
		.family = ADDR_V4, .port = PORT, .ip = { __VA_ARGS__ }                             \
	}
#define V6(...)                                                                                    \
	{                                                                                          \
		.family = ADDR_V6, .port = PORT, .ip = { __VA_ARGS__ }                             \
	}
/* The disguises of one IPv4 address. */
#define DISGUISED(a, b, c, d)                                                                      \
	V6([10] = 0xff, 0xff, a, b, c, d),                        /* mapped */                     \
		V6([12] = a, b, c, d),                            /* compatible */                 \
		V6([8] = 0xff, 0xff, [12] = a, b, c, d),          /* translated */                 \
		V6(0, 0x64, 0xff, 0x9b, [12] = a, b, c, d),       /* NAT64 */                      \
		V6(0, 0x64, 0xff, 0x9b, 0, 1, [12] = a, b, c, d), /* its local prefix */           \
		V6(0x20, 2, a, b, c, d, [15] = 1),                /* 6to4 */                       \
		V6(0x20, 1, 0, 0, 203, 0, 113, 1,                 /* Teredo */                     \
		   [12] = a ^ 0xff, b ^ 0xff, c ^ 0xff, d ^ 0xff)

static const struct addr lies[] = {
	V4(0, 0, 0, 0),
	V4(0, 1, 2, 3),
	V4(127, 0, 0, 1),
	V4(127, 255, 255, 254),
	V4(169, 254, 169, 254),
	V4(224, 0, 0, 1),
	V4(239, 255, 255, 255),
	V4(240, 0, 0, 1),
	V4(255, 255, 255, 255),
	V4(10, 0, 0, 1),
	V4(100, 64, 0, 1),
	V4(172, 31, 255, 255),
	V4(192, 168, 0, 1),
	V6(0),
	V6([15] = 1),
	V6(0xfe, 0x80, [15] = 1),
	V6(0xfe, 0xc0, [15] = 1),
	V6(0xfd, [15] = 1),
	V6(0xff, 0x02, [15] = 1),
	DISGUISED(0, 0, 0, 0),
	DISGUISED(127, 0, 0, 1),
	DISGUISED(169, 254, 169, 254),
	DISGUISED(10, 0, 0, 1),
	DISGUISED(224, 0, 0, 1),
	DISGUISED(255, 255, 255, 255),
};

const struct addr *stun_server_lie(size_t i)
{
	return i < sizeof lies / sizeof lies[0] ? &lies[i] : NULL;
}
