/* An attacker who holds a peer's key (reliability.md 4.1, harness 6): node 2 against node 1, which has a session with node 3, too.
 * Macs and seals are made here, so that what they protect is fuzzed: inner packets, timestamps, indices, counters. Beyond no crash:
 * only node 2's state changes at node 1; nothing is delivered with a source that is not its own; replies go nowhere but back; and
 * in the end node 3 is served as ever.
 *
 * An input is a sequence of steps: a byte that says which, then what it needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define START     SEC(100)
#define STEPS_MAX 40

/* A step's lowest bits say which it is, the others how. */
enum step {
	STEP_DATA,     /* counter, length, bytes: inside a seal */
	STEP_PACKET,   /* source, length: a proper IP packet, inside a seal */
	STEP_INITIATE, /* timestamp; a response is read, and its session used from then on */
	STEP_RESPOND,  /* to the latest initiation of node 1's */
	STEP_RAW,      /* length, bytes */
	STEP_HOST,     /* node 1's host sends to node 2 or 3 */
	STEP_TIME,     /* passes, in steps of 10 ms or 1 s */
	STEP_AGAIN,    /* the latest datagram once more */
};
#define STEP(byte) ((byte)&7)
#define MUTATES(byte)                                                                              \
	((byte)&8) /* three pairs of place and XOR follow, applied before macs are made */
#define FOREIGN(byte)  ((byte)&16) /* data: to the index of node 3's session */
#define COUNTS(byte)   ((byte)&32) /* data: a counter of 64 bits follows; else the next */
#define SLOW(byte)     ((byte)&16)
#define TO_THREE(byte) ((byte)&16)
#define V6(byte)       ((byte)&16)

static struct node *one, *two, *three;
static usec now;

/* The attacker: what node 2 knows, in his own hands. */
static struct {
	struct noise_local local;
	struct noise_remote victim;
	struct cookie_jar jar;
	struct noise_keys keys; /* of the session he uses */
	uint32_t index;         /* node 1's, of that session */
	uint64_t counter;
	struct noise_initiator initiator;
	struct message_initiation theirs; /* the latest of node 1's */
	bool has_theirs;
	struct letter latest;
} attacker;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_peer: not so: %s\n", what);
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init(NULL) == 0, "the host lets us start");
	return 0;
}

static struct tunnel *tunnel(struct node *at, const struct node *peer)
{
	struct peer *p = table_find(&at->m->by_key, &peer->key);

	return &p->tunnel;
}

/* Node 1 with live sessions with 2 and 3. Node 2's mesh ends there: the attacker takes over. */
static void start(void)
{
	struct delta *d = delta_new();

	now = START;
	one = node_start(1);
	two = node_start(2);
	three = node_start(3);
	node_introduce(one, two, now);
	node_introduce(three, one, now);
	node_add_peer(d, three, "", false, true);
	node_apply(one, d, now);
	node_connect(two, one, now);
	node_connect(three, one, now);
	outbox_clear(&one->out);

	const struct tunnel *t = tunnel(two, one);
	memset(&attacker, 0, sizeof attacker);
	attacker.local = two->m->shared.local;
	attacker.victim = t->remote;
	attacker.keys = t->current->keys;
	attacker.index = t->current->remote_index;
	attacker.counter = t->current->send_counter;
	cookie_jar_init(&attacker.jar, &one->key);
}

static void stop(void)
{
	node_stop(one);
	node_stop(two);
	node_stop(three);
}

/* --- what node 1 does with it ----------------------------------------------------------------------------------- */

static void look_at_tun(void)
{
	for (size_t i = 0; i < one->out.tun.count; i++) {
		const struct packet *p = &one->out.tun.packets[i];
		struct ip_view ip = {0};
		must(ip_view(&ip, p->data, p->len) && ip.len == p->len,
		     "a delivered packet is one IP packet");
		must(allowed_find(&one->m->allowed, ip.family, ip.src) == peer_of(tunnel(one, two)),
		     "a delivered packet has a source of its sender's");
		must(p->data >= attacker.latest.data || p->len <= attacker.latest.len,
		     "a delivered packet is no longer than what came");
	}
	one->out.tun.count = 0;
}

/* A response, or an initiation, is what the attacker goes on with. */
static void read_reply(const struct letter *l)
{
	struct noise_keys keys;

	if (load_le32(l->data) == MESSAGE_INITIATION) {
		memcpy(&attacker.theirs, l->data, sizeof attacker.theirs);
		attacker.has_theirs = true;
	}
	if (load_le32(l->data) == MESSAGE_COOKIE)
		cookie_read_reply(&attacker.jar, (const void *)l->data, now);
	if (load_le32(l->data) == MESSAGE_RESPONSE &&
	    noise_read_response(&attacker.initiator, (const void *)l->data, &attacker.local,
				&attacker.victim, &keys)) {
		attacker.keys = keys;
		attacker.index = load_le32(l->data + 4);
		attacker.counter = 0;
	}
}

/* What node 1 wants to send is delivered to node 3, or read by the attacker; until nothing is left. */
static void carry(void)
{
	static struct letter letters[BATCH_MAX];

	do {
		size_t count = node_take(one, letters, BATCH_MAX);
		for (size_t i = 0; i < count; i++) {
			if (letters[i].to == 3)
				node_hand(three, &letters[i], 1, now);
			else
				read_reply(&letters[i]);
		}
		count = node_take(three, letters, BATCH_MAX);
		node_hand(one, letters, count, now);
	} while (one->out.net.count > 0);
	outbox_clear(&three->out);
	one->out.tun.count = 0;
}

static void hand(void)
{
	uint64_t other = node_digest_peer(one, three);
	size_t indices = 0;

	node_hand(one, &attacker.latest, 1, now);
	must(node_digest_peer(one, three) == other, "another peer's state does not change");
	must(one->m->peer_count == 2, "no peer comes or goes");
	must(one->m->allowed.count == 4, "no address changes hands");
	for (size_t i = 0; i < one->m->shared.index.slot_count; i++)
		indices += one->m->shared.index.slots[i].owner == tunnel(one, two);
	must(indices <= TUNNEL_INDICES, "a peer holds no more indices than its share");
	for (size_t i = 0; i < one->out.net.count; i++)
		must(addr_equal(&one->out.net.packets[i].via.remote, &attacker.latest.via.remote),
		     "replies go nowhere but back");
	look_at_tun();
	carry();
}

/* --- the attacker's steps --------------------------------------------------------------------------------------- */

static void begin(void *msg, size_t len)
{
	attacker.latest = (struct letter){
		.via = {.kind = VIA_DIRECT, .remote = node_outside(2), .local = node_outside(1)},
		.len = len,
	};
	memcpy(attacker.latest.data, msg, len);
}

static void mutate(struct reader *r, uint8_t how)
{
	if (!MUTATES(how) || attacker.latest.len == 0)
		return;
	for (int i = 0; i < 3; i++) {
		uint16_t place = read_be16(r);
		attacker.latest.data[place % attacker.latest.len] ^= read_u8(r);
	}
}

static void sign_and_hand(void)
{
	if (attacker.latest.len >= sizeof(struct message_response))
		cookie_sign(&attacker.jar, attacker.latest.data, attacker.latest.len, now);
	hand();
}

static void send_sealed(struct reader *r, uint8_t how, const uint8_t *inner, size_t len)
{
	uint8_t msg[LETTER_MAX] = {MESSAGE_DATA};
	struct aead_job job = {.key = &attacker.keys.send, .data = msg + 16, .len = len};
	const struct session *foreign = tunnel(one, three)->current;
	uint64_t counter = attacker.counter;

	if (COUNTS(how))
		counter = (uint64_t)read_be32(r) << 32 | read_be32(r);
	else
		attacker.counter++;
	store_le32(msg + 4,
		   FOREIGN(how) && foreign != NULL ? foreign->local_index : attacker.index);
	store_le64(msg + 8, counter);
	if (len > 0)
		memcpy(msg + 16, inner, len);
	aead_nonce(job.nonce, counter);
	aead_seal_batch(&job, 1);
	begin(msg, MESSAGE_DATA_MIN + len);
	mutate(r, how);
	hand();
}

static void step_data(struct reader *r, uint8_t how)
{
	size_t len = read_be16(r) % (LETTER_MAX - MESSAGE_DATA_MIN);
	const uint8_t *bytes = read_bytes(r, len < reader_left(r) ? len : reader_left(r));
	uint8_t inner[LETTER_MAX] = {0};

	if (bytes != NULL)
		memcpy(inner, bytes, (size_t)(r->at - bytes));
	send_sealed(r, how, inner, len);
}

static void step_packet(struct reader *r, uint8_t how)
{
	uint8_t source = read_u8(r) % 8, inner[IP6_HEADER_LEN + 255];
	size_t len = IP6_HEADER_LEN + read_u8(r);

	if (V6(how))
		node_write_ip6(inner, source, 1, len, 0);
	else
		node_write_ip4(inner, source, 1, len, 0);
	send_sealed(r, how & ~16, inner, len);
}

static void step_initiate(struct reader *r, uint8_t how)
{
	uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};
	struct message_initiation msg;

	store_be32(timestamp + 4, read_be32(r));
	must(noise_write_initiation(&attacker.initiator, &attacker.local, &attacker.victim,
				    read_be32(r), timestamp, &two->env.env, &msg),
	     "the attacker has a key");
	begin(&msg, sizeof msg);
	mutate(r, how);
	sign_and_hand();
}

static void step_respond(struct reader *r, uint8_t how)
{
	uint8_t timestamp[NOISE_TIMESTAMP_LEN];
	struct message_response msg;
	struct noise_responder responder;
	uint32_t index = read_be32(r);

	if (!attacker.has_theirs)
		return;
	must(noise_read_initiation(&responder, &attacker.theirs, &attacker.local) &&
		     noise_prove_initiator(&responder, &attacker.victim, timestamp) &&
		     noise_write_response(&responder, &attacker.victim, index, &two->env.env, &msg,
					  &attacker.keys),
	     "node 1's initiation is in order");
	attacker.index = load_le32(attacker.theirs.sender);
	attacker.counter = 0;
	begin(&msg, sizeof msg);
	mutate(r, how);
	sign_and_hand();
}

static void step_raw(struct reader *r, uint8_t how)
{
	size_t len = read_u8(r);
	const uint8_t *bytes = read_bytes(r, len < reader_left(r) ? len : reader_left(r));

	if (bytes == NULL)
		return;
	begin((void *)bytes, (size_t)(r->at - bytes));
	mutate(r, how);
	sign_and_hand();
}

static void step_time(struct reader *r, uint8_t how)
{
	now += read_u8(r) * (SLOW(how) ? SEC(1) : MSEC(10));
	mesh_tick(three->m, now, &three->out);
	mesh_tick(one->m, now, &one->out);
	carry();
}

static void take_step(struct reader *r)
{
	uint8_t how = read_u8(r);

	switch ((enum step)STEP(how)) {
	case STEP_DATA:
		step_data(r, how);
		return;
	case STEP_PACKET:
		step_packet(r, how);
		return;
	case STEP_INITIATE:
		step_initiate(r, how);
		return;
	case STEP_RESPOND:
		step_respond(r, how);
		return;
	case STEP_RAW:
		step_raw(r, how);
		return;
	case STEP_HOST:
		node_send(one, TO_THREE(how) ? 3 : 2, now);
		carry();
		return;
	case STEP_TIME:
		step_time(r, how);
		return;
	case STEP_AGAIN:
		hand();
		return;
	}
}

/* Within seconds a packet of node 3's arrives, though the attacker may have left node 1 under load. */
static void expect_three_is_served(void)
{
	for (int i = 0; i < 10; i++) {
		now += SEC(2);
		mesh_tick(one->m, now, &one->out);
		mesh_tick(three->m, now, &three->out);
		node_send(three, 1, now);
		node_settle(three, one, now);
		if (one->out.tun.count > 0)
			return;
	}
	must(false, "another peer is served as ever");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);

	start();
	for (int i = 0; i < STEPS_MAX && reader_left(&r) > 0; i++)
		take_step(&r);
	expect_three_is_served();
	stop();
	return 0;
}
