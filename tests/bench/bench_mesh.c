/* What a packet costs in the mesh, out and in, with one peer and with many, and what junk costs: a markdown table.
 * The same without the cipher is beside it: the difference is sealing, or opening.
 *
 * bench_mesh ROW does one row once and says nothing, for callgrind:
 *   valgrind --tool=callgrind --toggle-collect=hub_sends bench_mesh 0
 * A row is ROW_PACKETS packets. WARREN_AEAD names the back end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bench/bench.h"
#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/env_fake.h"
#include "wg/cookie.h"

#define FARS        100 /* peers that there is another end of */
#define RUN         48  /* a super-packet of TCP */
#define BATCH       480
#define BATCHES     10
#define ROW_PACKETS (BATCH * BATCHES)
#define ROUNDS      10
#define REPEATS     3 /* interleaved: the machine is not as fast at all times */
#define MTU         1400
#define SLOT        2048

static const struct {
	const char *name;
	unsigned configured, active, run;
	size_t len;
	unsigned one; /* the row of one peer */
} rows[] = {
	{"1 peer", 1, 1, RUN, 1400, 0},
	{"1 of 1,000 peers", 1000, 1, RUN, 1400, 0},
	{"100 of 1,000 peers", 1000, 100, RUN, 1400, 0},
	{"1 peer", 1, 1, RUN, 100, 3},
	{"1 of 1,000 peers", 1000, 1, RUN, 100, 3},
	{"100 of 1,000 peers", 1000, 100, RUN, 100, 3},
	{"100 of 1,000 peers, in turn", 1000, 100, 1, 100, 3},
};
#define ROWS (sizeof rows / sizeof *rows)

struct end {
	struct mesh *m;
	struct key_private secret;
	struct key_public key;
	unsigned number; /* of the inner address and the port */
};

static struct env_fake env;
static struct end hub = {.number = 60000}, fars[FARS];
static struct outbox hub_out, far_out;
static usec now = SEC(1000);
static uint8_t memory[BATCH][SLOT] __attribute__((aligned(64)));
static struct batch batch; /* what the hub is given */

/* --- the cipher may be left out --------------------------------------------------------------------------------- */

static bool ciphering = true;

void __real_aead_seal_batch(struct aead_job *jobs, size_t count);
void __real_aead_open_batch(struct aead_job *jobs, size_t count);
void __wrap_aead_seal_batch(struct aead_job *jobs, size_t count);
void __wrap_aead_open_batch(struct aead_job *jobs, size_t count);

void __wrap_aead_seal_batch(struct aead_job *jobs, size_t count)
{
	if (ciphering)
		__real_aead_seal_batch(jobs, count);
}

void __wrap_aead_open_batch(struct aead_job *jobs, size_t count)
{
	if (ciphering)
		__real_aead_open_batch(jobs, count);
	for (size_t i = 0; i < count && !ciphering; i++)
		jobs[i].ok = true;
}

/* --- the hub and its peers -------------------------------------------------------------------------------------- */

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct addr outside(const struct end *e)
{
	return addr_v4((uint8_t[]){192, 0, 2, 1}, (uint16_t)(e->number + 1));
}

static void end_start(struct end *e)
{
	struct delta *d = delta_new();

	key_private_generate(&e->secret, &env.env);
	key_public_from(&e->key, &e->secret);
	e->m = mesh_new(&env.env);
	must(e->m != NULL && d != NULL);
	d->has_private_key = true;
	d->private_key = e->secret;
	must(mesh_apply(e->m, d, now, &far_out) == 0);
	mesh_mtu_changed(e->m, MTU);
	delta_free(d);
}

static void introduce(struct end *to, const struct end *e)
{
	struct delta *d = delta_new();
	struct delta_peer *p = delta_add_peer(d, &e->key);
	struct prefix inside = {
		.family = ADDR_V4,
		.len = 32,
		.ip = {10, 66, (uint8_t)(e->number >> 8), (uint8_t)e->number},
	};

	p->has_endpoint = true;
	p->endpoint = outside(e);
	must(delta_add_allowed(p, &inside, false));
	must(mesh_apply(to->m, d, now, &far_out) == 0);
	delta_free(d);
}

static void introduce_stranger(unsigned number)
{
	struct end stranger = {.number = number};

	rand_bytes(&env.rand, stranger.key.bytes, sizeof stranger.key.bytes);
	stranger.key.bytes[31] &= 0x7f;
	introduce(&hub, &stranger);
}

/* An inner packet at place i of the batch. */
static void put_inner(struct batch *b, size_t i, unsigned from, unsigned to, size_t len)
{
	const uint8_t header[20] = {0x45,
				    [2] = (uint8_t)(len >> 8),
				    (uint8_t)len,
				    [8] = 64,
				    6,
				    [12] = 10,
				    66,
				    (uint8_t)(from >> 8),
				    (uint8_t)from,
				    10,
				    66,
				    (uint8_t)(to >> 8),
				    (uint8_t)to};
	uint8_t *data = memory[i] + PACKET_HEAD;

	memcpy(data, header, sizeof header);
	b->packets[i] = (struct packet){.data = data, .len = len};
}

/* What `out` has for the other end arrives in the batch, from place `first` on. */
static void put_sent(struct batch *b, size_t first, const struct end *from, const struct end *to,
		     struct outbox *out)
{
	struct via via = via_direct(&(struct addr){0});

	via.remote = outside(from);
	via.local = outside(to);
	for (size_t i = 0; i < out->net.count; i++) {
		b->packets[first + i] = out->net.packets[i];
		b->packets[first + i].via = via;
	}
	b->count = first + out->net.count;
}

static void handshake(struct end *far)
{
	put_inner(&batch, 0, hub.number, far->number, 100);
	batch.count = 1;
	mesh_outbound(hub.m, &batch, now, &hub_out);
	for (int i = 0; i < 3; i++) {
		put_sent(&batch, 0, &hub, far, &hub_out);
		outbox_clear(&far_out);
		mesh_inbound(far->m, &batch, now, &far_out);
		put_sent(&batch, 0, far, &hub, &far_out);
		outbox_clear(&hub_out);
		mesh_inbound(hub.m, &batch, now, &hub_out);
	}
	outbox_clear(&hub_out);
	outbox_clear(&far_out);
}

/* The active ones are spread evenly among all. */
static void start(unsigned configured, unsigned active)
{
	end_start(&hub);
	for (unsigned i = 0; i < configured; i++) {
		struct end *far = &fars[i / (configured / active)];

		if (i % (configured / active) != 0) {
			introduce_stranger(i);
			continue;
		}
		far->number = i;
		end_start(far);
		introduce(&hub, far);
		introduce(far, &hub);
	}
	outbox_clear(&hub_out);
	outbox_clear(&far_out);
	for (unsigned i = 0; i < active; i++)
		handshake(&fars[i]);
}

static void stop(unsigned active)
{
	mesh_free(hub.m);
	for (unsigned i = 0; i < active; i++)
		mesh_free(fars[i].m);
}

/* --- packets ---------------------------------------------------------------------------------------------------- */

static struct end *turn_of(size_t row, size_t packet)
{
	return &fars[packet / rows[row].run % rows[row].active];
}

static void fill_from_tun(size_t row, size_t first)
{
	for (size_t i = 0; i < BATCH; i++)
		put_inner(&batch, i, hub.number, turn_of(row, first + i)->number, rows[row].len);
	batch.count = BATCH;
}

static void fill_from_net(size_t row, size_t first)
{
	static struct batch one;

	for (size_t i = 0; i < BATCH; i++) {
		struct end *far = turn_of(row, first + i);

		put_inner(&batch, i, far->number, hub.number, rows[row].len);
		one.packets[0] = batch.packets[i];
		one.count = 1;
		mesh_outbound(far->m, &one, now, &far_out);
		must(far_out.net.count == 1);
		put_sent(&batch, i, far, &hub, &far_out);
		outbox_clear(&far_out);
	}
}

static __attribute__((noinline)) void hub_sends(void)
{
	mesh_outbound(hub.m, &batch, now, &hub_out);
}

static __attribute__((noinline)) void hub_receives(void)
{
	mesh_inbound(hub.m, &batch, now, &hub_out);
}

/* Nanoseconds per packet; the least of each batch counts. */
static double measure(size_t row, void (*fill)(size_t row, size_t first), void (*run)(void),
		      int rounds)
{
	double total = 0, least[BATCHES];

	for (int round = 0; round < rounds; round++) {
		for (size_t b = 0; b < BATCHES; b++) {
			fill(row, b * BATCH);
			now += MSEC(1);

			double began = bench_now_ns();
			run();
			double took = bench_now_ns() - began;
			must(hub_out.net.count + hub_out.tun.count == BATCH);
			outbox_clear(&hub_out);
			if (round == 0 || took < least[b])
				least[b] = took;
		}
	}
	for (size_t b = 0; b < BATCHES; b++)
		total += least[b];
	return total / ROW_PACKETS;
}

static double find_peers(size_t row)
{
	double total = 0;

	for (size_t b = 0; b < BATCHES; b++) {
		struct peer *found = NULL;

		fill_from_tun(row, b * BATCH);
		double began = bench_now_ns();
		for (size_t i = 0; i < BATCH; i++)
			found = allowed_find(&hub.m->allowed, ADDR_V4, batch.packets[i].data + 16);
		total += bench_now_ns() - began;
		must(found != NULL);
	}
	return total / ROW_PACKETS;
}

/* Nanoseconds per packet, by row. */
enum { OUT, OUT_BARE, IN, IN_BARE, FIND, COLUMNS };
static double least_ns[ROWS][COLUMNS];

static void note(size_t row, int column, double ns)
{
	double *least = &least_ns[row][column];

	if (*least == 0 || ns < *least)
		*least = ns;
}

static void measure_row(size_t row)
{
	start(rows[row].configured, rows[row].active);
	note(row, FIND, find_peers(row));
	note(row, OUT, measure(row, fill_from_tun, hub_sends, ROUNDS));
	note(row, IN, measure(row, fill_from_net, hub_receives, ROUNDS));
	ciphering = false;
	note(row, OUT_BARE, measure(row, fill_from_tun, hub_sends, ROUNDS));
	note(row, IN_BARE, measure(row, fill_from_net, hub_receives, ROUNDS));
	ciphering = true;
	stop(rows[row].active);
}

/* In brackets: as a multiple of one peer's. */
static void print_row(size_t row)
{
	const double *ns = least_ns[row], *one = least_ns[rows[row].one];

	printf("| %s | %zu | %.0f (%.2f) | %.0f | %.0f (%.2f) | %.0f | %.0f |\n", rows[row].name,
	       rows[row].len, ns[OUT], ns[OUT] / one[OUT], ns[OUT_BARE], ns[IN], ns[IN] / one[IN],
	       ns[IN_BARE], ns[FIND]);
}

static void run_once(size_t row)
{
	start(rows[row].configured, rows[row].active);
	ciphering = false;
	measure(row, fill_from_tun, hub_sends, 1);
	measure(row, fill_from_net, hub_receives, 1);
	stop(rows[row].active);
}

/* --- junk (reliability.md, F46, F47) ---------------------------------------------------------------------------- */

static const struct junk {
	const char *name;
	size_t len;
	uint8_t type;
	bool known_index, signed_by_key;
} junks[] = {
	{"too short", 10, MESSAGE_DATA, false, false},
	{"of unknown type", 148, 9, false, false},
	{"data for no session", 1452, MESSAGE_DATA, false, false},
	{"data that does not decrypt", 100, MESSAGE_DATA, true, false},
	{"data that does not decrypt", 1452, MESSAGE_DATA, true, false},
	{"initiation with a wrong mac1", 148, MESSAGE_INITIATION, false, false},
	{"response with a wrong mac1", 92, MESSAGE_RESPONSE, false, false},
	{"cookie for nobody", 64, MESSAGE_COOKIE, false, false},
	{"initiation with a good mac1, under load", 148, MESSAGE_INITIATION, false, true},
};

static void fill_with_junk(size_t kind, size_t first)
{
	const struct junk *j = &junks[kind];
	struct addr source = addr_v4((uint8_t[]){203, 0, 113, 9}, 9);
	const struct session *session =
		table_find(&hub.m->by_key, &fars[0].key) != NULL
			? ((struct peer *)table_find(&hub.m->by_key, &fars[0].key))->tunnel.current
			: NULL;
	struct cookie_jar jar;

	cookie_jar_init(&jar, &hub.key);
	for (size_t i = 0; i < BATCH; i++) {
		uint8_t *data = memory[i] + PACKET_HEAD;

		memset(data, 0x5a, j->len);
		store_le32(data, j->type);
		if (j->known_index) {
			store_le32(data + 4, session->local_index);
			store_le64(data + 8, session->replay.greatest + 1 + first + i);
		}
		if (j->signed_by_key)
			cookie_sign(&jar, data, j->len, now);
		batch.packets[i] =
			(struct packet){.data = data, .len = j->len, .via = via_direct(&source)};
	}
	batch.count = BATCH;
}

static void measure_junk(size_t kind)
{
	double least = 1e18;
	size_t replies = 0;

	for (int round = 0; round < ROUNDS; round++) {
		fill_with_junk(kind, 0);
		now += MSEC(1);
		double began = bench_now_ns();
		hub_receives();
		double took = bench_now_ns() - began;
		least = took < least ? took : least;
		replies = hub_out.net.count;
		must(hub_out.tun.count == 0);
		outbox_clear(&hub_out);
	}
	printf("| %s | %zu | %.0f | %zu of %d |\n", junks[kind].name, junks[kind].len,
	       least / BATCH, replies, BATCH);
}

int main(int argc, char **argv)
{
	env_fake_init(&env, 1);
	must(crypto_init(getenv("WARREN_AEAD")) == 0);
	must(outbox_init(&hub_out) == 0 && outbox_init(&far_out) == 0);
	if (argc > 1) {
		size_t row = strtoul(argv[1], NULL, 10);
		must(row < ROWS);
		run_once(row);
		return 0;
	}

	printf("The mesh, ns per packet, runs of %d, cipher %s\n\n", RUN, aead_backend_name());
	printf("| peers | bytes | out | without cipher | in | without cipher | finding the peer |\n"
	       "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < REPEATS * ROWS; i++)
		measure_row(i % ROWS);
	for (size_t row = 0; row < ROWS; row++)
		print_row(row);

	printf("\n| junk | bytes | ns each | replies |\n|---|---|---|---|\n");
	start(1000, FARS);
	for (size_t kind = 0; kind < sizeof junks / sizeof *junks; kind++)
		measure_junk(kind);
	stop(FARS);
	printf("\n");
	return 0;
}
