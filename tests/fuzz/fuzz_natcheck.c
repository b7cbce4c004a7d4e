/* natcheck with the fuzzer as servers, NAT and clock (reliability.md 4.1, harness 2). Input: a byte of set-up, then commands: time
 * goes on, a question is answered in one of many ways, comes back as across a hairpin, or bytes arrive as they are.
 *
 * Oracle: it ends by its deadline, after no more datagrams than it says and to nobody who was not named plausibly; every door that
 * opened is closed; and the report claims nothing that answers did not carry. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "nat/natcheck.h"
#include "support/env_fake.h"

#define QUESTIONS 64 /* remembered; older ones are not answered any more */
#define PORT      51820

struct question {
	uint8_t id[STUN_ID_LEN];
	struct via via;
	uint32_t change;
};

struct fuzz {
	struct natcheck check;
	struct env_fake env;
	struct host host;
	usec now, started_at;
	struct question questions[QUESTIONS];
	unsigned sends;
	bool open[10];
	/* What answers have carried. */
	unsigned answers; /* plain successes, to the WireGuard doors and others */
	bool elsewhere;   /* a fresh door heard from another IP than it asked */
	bool other_port;  /* ... from another port */
	bool shown;       /* the WireGuard door heard from another IP than it asked */
	bool hairpin, ours, nearer;
};

static struct fuzz *f;
static struct outbox out; /* large, and begun once */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	f = calloc(1, sizeof *f);
	return f == NULL || outbox_init(&out) < 0 ? -1 : 0;
}

/* A handful of addresses, so that they meet: servers (0-5 IPv4, 6-7 IPv6), publics, our own, and what nobody should believe. */
static struct addr address(uint8_t number)
{
	static const struct addr known[] = {
		{.family = ADDR_V4, .ip = {198, 51, 100, 1}},
		{.family = ADDR_V4, .ip = {198, 51, 100, 2}},
		{.family = ADDR_V4, .ip = {192, 0, 2, 1}},
		{.family = ADDR_V4, .ip = {192, 0, 2, 2}},
		{.family = ADDR_V4, .ip = {192, 0, 2, 3}},
		{.family = ADDR_V4, .ip = {100, 64, 0, 1}},
		{.family = ADDR_V6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}},
		{.family = ADDR_V6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 2}},
		{.family = ADDR_V4, .ip = {203, 0, 113, 7}},
		{.family = ADDR_V4, .ip = {203, 0, 113, 8}},
		{.family = ADDR_V4, .ip = {10, 66, 0, 2}},
		{.family = ADDR_V6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 66}},
		{.family = ADDR_V4, .ip = {127, 0, 0, 1}},
		{.family = ADDR_V4, .ip = {0}},
		{.family = ADDR_V6, .ip = {[10] = 0xff, 0xff, 127, [15] = 1}},
		{.family = ADDR_V4, .ip = {100, 64, 3, 7}},
	};
	struct addr a = known[number & 15];

	a.port = number & 16 ? PORT : number & 32 ? 3479 : 3478;
	if (number >= 64)
		a.port = (uint16_t)(40000 + number * 7);
	return a;
}

/* Doors open before datagrams are sent, and close after them. */
static void perform(enum action_kind kind)
{
	for (size_t i = 0; i < out.action_count; i++) {
		const struct action *a = &out.actions[i];
		assert(a->id >= 2 && a->id < 10);
		if (a->kind != kind)
			continue;
		assert(kind == ACTION_OPEN_DOOR || f->open[a->id]);
		f->open[a->id] = kind == ACTION_OPEN_DOOR;
	}
}

static void flush(void)
{
	perform(ACTION_OPEN_DOOR);
	for (size_t i = 0; i < out.net.count; i++) {
		const struct packet *p = &out.net.packets[i];
		struct question *q = &f->questions[f->sends++ % QUESTIONS];
		struct stun_message m;
		assert(p->via.kind == VIA_DIRECT && p->via.door < 10);
		assert(p->via.door < 2 || f->open[p->via.door]);
		assert((p->via.door & 1) == (p->via.remote.family == ADDR_V6));
		/* 100.64.0.1 is a server; who is beside it may be, too */
		assert(addr_class(&p->via.remote) >= ADDR_CLASS_PRIVATE);
		assert(stun_read(&m, p->data, p->len) && m.class == STUN_REQUEST);
		*q = (struct question){.via = p->via, .change = m.change};
		memcpy(q->id, m.id, sizeof q->id);
	}
	assert(f->sends <= NATCHECK_SENDS_MAX);
	perform(ACTION_CLOSE_DOOR);
	outbox_clear(&out);
}

static void arrive(const uint8_t *data, size_t len, const struct via *via)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	struct packet in = {.data = exact, .len = len, .via = *via};

	assert(exact != NULL);
	memcpy(exact, data, len);
	natcheck_input(&f->check, &in, f->now, &out);
	free(exact);
	flush();
}

/* Remember what an answer to this question would carry. */
static void credit(const struct question *q, const struct stun_message *m, const struct addr *from)
{
	const struct addr *mapped = stun_mapped(m);
	bool other_ip = !addr_same_ip(from, &q->via.remote);

	if (m->class != STUN_SUCCESS || q->via.kind != VIA_DIRECT)
		return;
	f->answers += mapped != NULL;
	if (q->change != 0 && q->via.door >= 2) {
		f->elsewhere = f->elsewhere || other_ip;
		f->other_port = f->other_port || (!other_ip && from->port != q->via.remote.port);
	}
	f->shown = f->shown || (q->change != 0 && q->via.door < 2 && other_ip);
	if (mapped == NULL)
		return;
	f->ours = f->ours || addr_class(mapped) != ADDR_CLASS_GLOBAL ||
		  (mapped->family == ADDR_V6 && mapped->ip[15] == 66);
	f->nearer = f->nearer || addr_class(mapped) == ADDR_CLASS_PRIVATE;
}

/* A question that was asked, answered by bytes: kind, from, mapped, other. */
static void answer(struct reader *r)
{
	struct question *q = &f->questions[read_u8(r) % QUESTIONS];
	uint8_t kind = read_u8(r), from = read_u8(r), data[256];
	struct stun_message m = {
		.class = kind & 1 ? STUN_ERROR : STUN_SUCCESS,
		.method = STUN_METHOD_BINDING,
		.mapped = address(read_u8(r)),
		.other_address = address(read_u8(r)),
		.error = 420,
	};

	m.xor_mapped = m.mapped;
	memcpy(m.id, q->id, sizeof m.id);
	m.has = kind & 1 ? STUN_HAS(STUN_ERROR_CODE)
			 : STUN_HAS(kind & 2 ? STUN_MAPPED_ADDRESS : STUN_XOR_MAPPED_ADDRESS);
	m.has |= kind & 4 ? 0 : STUN_HAS(STUN_OTHER_ADDRESS);
	struct via via = q->via;
	if (kind & 8)
		via.remote = address(from);
	else if (kind & 16)
		via.remote.port = 3479;
	credit(q, &m, &via.remote);
	arrive(data, stun_write(data, sizeof data, &m), &via);
}

/* A question, come back by another door. */
static void turn_back(struct reader *r)
{
	struct question *q = &f->questions[read_u8(r) % QUESTIONS];
	struct stun_message m = {.class = STUN_REQUEST, .method = STUN_METHOD_BINDING};
	struct via via = {.kind = VIA_DIRECT,
			  .door = (uint16_t)(read_u8(r) % 10),
			  .remote = address(read_u8(r))};
	uint8_t data[64];

	memcpy(m.id, q->id, sizeof m.id);
	f->hairpin = true;
	arrive(data, stun_write(data, sizeof data, &m), &via);
}

static void bytes(struct reader *r)
{
	struct via via = {.kind = VIA_DIRECT,
			  .door = (uint16_t)(read_u8(r) % 10),
			  .remote = address(read_u8(r))};
	size_t len = read_u8(r);

	len = len < reader_left(r) ? len : reader_left(r);
	const uint8_t *data = read_bytes(r, len);
	if (data != NULL)
		arrive(data, len, &via);
}

static void tick(usec at)
{
	f->now = at;
	natcheck_tick(&f->check, f->now, &out);
	flush();
	assert(natcheck_deadline(&f->check) > f->now);
}

static void check_view(const struct nat_view *v)
{
	if (v->mapping == NAT_MAPPING_NONE)
		assert(f->ours);
	else if (v->mapping != NAT_MAPPING_UNKNOWN || v->dependent)
		assert(f->answers >= 2 && v->mapping_places >= 2);
	if (v->mapping == NAT_MAPPING_ENDPOINT_INDEPENDENT)
		assert(v->mapping_ips >= 2);
	if (v->filtering == NAT_FILTERING_ENDPOINT_INDEPENDENT)
		assert(f->elsewhere);
	if (v->filtering > NAT_FILTERING_ENDPOINT_INDEPENDENT)
		assert(f->shown);
	if (v->filtering == NAT_FILTERING_ADDRESS_DEPENDENT)
		assert(f->other_port);
	if (v->ports > NAT_PORTS_PRESERVE)
		assert(v->port_samples >= 5 && f->answers >= 5);
	assert(v->ports != NAT_PORTS_PRESERVE || f->answers >= 1);
	assert(v->hairpin != NAT_YES || f->hairpin);
	assert(v->hairpin != NAT_NO || v->mapping == NAT_MAPPING_ENDPOINT_INDEPENDENT);
	assert(v->double_nat != NAT_YES || f->nearer);
	assert(v->blocked != NAT_YES || (v->servers_answered == 0 && v->servers_asked >= 2));
	for (unsigned i = 0; i < v->public_count; i++)
		assert(addr_class(&v->public[i]) >= ADDR_CLASS_PRIVATE);
}

static void start(uint8_t setup)
{
	struct addr servers[8], own = address(10);
	struct natcheck_setup s = {
		.servers = servers,
		.server_count = setup & 7,
		.v4 = true,
		.v6 = true,
		.host = setup & 8 ? &f->host : NULL,
		.port = setup & 16 ? 0 : PORT,
	};

	for (uint8_t i = 0; i < s.server_count; i++)
		servers[i] = setup & 32 && i == 1 ? (struct addr){0} : address(i);
	f->host.outside.count = 2;
	f->host.outside.items[0].prefix = (struct prefix){.family = ADDR_V4, .len = 24};
	memcpy(f->host.outside.items[0].prefix.ip, own.ip, 16);
	own = address(11);
	f->host.outside.items[1].prefix = (struct prefix){.family = ADDR_V6, .len = 64};
	memcpy(f->host.outside.items[1].prefix.ip, own.ip, 16);
	f->now = f->started_at = SEC(100);
	natcheck_start(&f->check, &f->env.env, &s, f->now, &out);
	flush();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	static char text[REPORT_TEXT_MAX];

	memset(f, 0, sizeof *f);
	outbox_clear(&out);
	env_fake_init(&f->env, 1);
	start(read_u8(&r));
	while (reader_left(&r) > 0 && natcheck_is_running(&f->check)) {
		uint8_t command = read_u8(&r);
		switch (command & 3) {
		case 0: /* up to 0.6 s, deadlines or not */
			tick(f->now + MSEC(10) * (command >> 2));
			break;
		case 1:
			answer(&r);
			break;
		case 2:
			turn_back(&r);
			break;
		case 3:
			if (command & 4)
				bytes(&r);
			else if (natcheck_deadline(&f->check) != USEC_NEVER)
				tick(natcheck_deadline(&f->check));
			break;
		}
	}
	while (natcheck_is_running(&f->check)) {
		usec deadline = natcheck_deadline(&f->check);
		assert(deadline <= f->started_at + NATCHECK_DEADLINE);
		tick(usec_max(deadline, f->now));
	}
	for (unsigned door = 2; door < 10; door++)
		assert(!f->open[door]);
	check_view(&natcheck_report(&f->check)->v4);
	check_view(&natcheck_report(&f->check)->v6);
	assert(report_text(natcheck_report(&f->check), text) < REPORT_TEXT_MAX);
	return 0;
}
