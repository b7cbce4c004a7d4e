/* Datagrams of strangers against a node with live sessions (reliability.md 4.1, harness 5). The stranger knows the node's public
 * key, has seen traffic pass, and can read what is sent to his address; he has no peer's key. Beyond no crash: whatever he sends
 * is dropped for one reason; nothing is delivered; nothing of it is kept; a reply is a cookie, for a valid mac1, under load only,
 * one at most, and smaller than what it answers.
 *
 * An input is a byte (bit 0: the node is under load) and datagrams: a byte that says how each is made, two bytes of length, and so
 * many bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define NOW           SEC(100)
#define DATAGRAMS_MAX 32
#define STRANGER      6

/* How a datagram is made. */
#define BASE(how)                                                                                  \
	((how)&7) /* 0 to 2: of the bytes; 3 to 7: one of models[], changed by pairs of place and XOR */
#define SIGNS(how)                                                                                 \
	((how)&8) /* with a proper mac1 and, if it comes from the stranger's address, mac2 */
#define CUTS(how)   ((how)&16) /* a model loses its last byte */
#define SOURCE(how) ((how) >> 5)
#define BASE_MODELS 3
#define MODELS      5

static struct node *one;
/* By type: one of each that passed, and was taken already. 0: an initiation with a key that nobody knows. */
static struct letter models[MODELS];
static struct addr sources[8];
static struct cookie_jar jar; /* what the stranger was told at his address */

/* Node 1 as it was before an input, but for what node_digest() is over. */
static struct {
	uint64_t digest;
	struct rand rand;
	struct load load;
	struct cookie_checker checker;
	struct ratelimit ratelimit;
} saved;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_wire: not so: %s\n", what);
	abort();
}

static void remember(void)
{
	saved.digest = node_digest(one);
	saved.rand = one->env.rand;
	saved.load = one->m->load;
	saved.checker = one->m->checker;
	saved.ratelimit = one->m->ratelimit;
}

static void restore(void)
{
	one->env.rand = saved.rand;
	one->m->load = saved.load;
	one->m->checker = saved.checker;
	one->m->ratelimit = saved.ratelimit;
	outbox_clear(&one->out);
}

/* The one datagram that `from` sends is handed to `to`, and kept. */
static void capture(uint32_t type, struct node *from, struct node *to, usec now)
{
	struct letter *l = &models[type];

	must(node_take(from, l, 1) == 1 && load_le32(l->data) == type, "traffic is as expected");
	node_hand(to, l, 1, now);
}

/* Node 2 is under load, so that one of each message passes by node 1. */
static void live(struct node *two, struct node *three)
{
	usec now = NOW - SEC(5);

	two->m->load.until = USEC_NEVER;
	node_send(one, 2, now);
	struct letter l;
	must(node_take(one, &l, 1) == 1, "there is an initiation");
	node_hand(two, &l, 1, now);
	capture(MESSAGE_COOKIE, two, one, now);
	now += SEC(1);
	mesh_tick(one->m, now, &one->out);
	must(node_take(one, &l, 1) == 1, "it is repeated");
	node_hand(two, &l, 1, now);
	capture(MESSAGE_RESPONSE, two, one, now);
	node_settle(one, two, now);
	node_send(two, 1, now);
	capture(MESSAGE_DATA, two, one, now);
	node_send(three, 1, now);
	capture(MESSAGE_INITIATION, three, one, now);
	node_settle(one, three, now);
	mesh_tick(one->m, NOW, &one->out);
	outbox_clear(&one->out);
}

/* The stranger asks once, under load, and is given a cookie. */
static void learn_cookie(void)
{
	struct message_response msg = {.type = {MESSAGE_RESPONSE}};

	cookie_jar_init(&jar, &one->key);
	cookie_sign(&jar, (void *)&msg, sizeof msg, NOW);
	one->m->load.until = USEC_NEVER;
	node_hand_bytes(one, &msg, sizeof msg, &sources[0], NOW);
	must(cookie_read_reply(&jar, (const void *)one->out.net.packets[0].data, NOW),
	     "the stranger has a cookie");
	outbox_clear(&one->out);
	one->m->load = (struct load){0};
}

/* The stranger has a key of his own. */
static void write_initiation(void)
{
	static const uint8_t timestamp[NOISE_TIMESTAMP_LEN] = {0x50};
	struct noise_local local;
	struct noise_remote remote;
	struct noise_initiator initiator;

	noise_local_init(&local, &(struct key_private){{0x40, [31] = 0x40}});
	must(noise_remote_init(&remote, &local, &one->key, &(struct key_shared){{0}}) &&
		     noise_write_initiation(&initiator, &local, &remote, 7, timestamp,
					    &one->env.env, (void *)models[0].data),
	     "the stranger has a key");
	models[0].len = sizeof(struct message_initiation);
}

/* A leak checker does not look into locked memory for what is still in use. */
static void stop(void)
{
	node_stop(one);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init(NULL) == 0, "the host lets us start");
	one = node_start(1);
	struct node *two = node_start(2), *three = node_start(3);
	node_introduce(one, two, NOW - SEC(5));
	node_introduce(three, one, NOW - SEC(5));
	struct delta *d = delta_new();
	node_add_peer(d, three, "", false, true);
	node_apply(one, d, NOW - SEC(5));
	for (size_t i = 0; i < 8; i++)
		sources[i] = node_outside(STRANGER);
	sources[4] = node_outside(2);
	sources[5] = node_outside(3);
	sources[6] = addr_v6((uint8_t[16]){0x20, 1, 0x0d, 0xb8, [15] = 6}, 51820, 0);
	sources[7].port = 1;
	live(two, three);
	learn_cookie();
	write_initiation();
	node_stop(two);
	node_stop(three);
	remember();
	atexit(stop);
	return 0;
}

/* --- the stranger ----------------------------------------------------------------------------------------------- */

static void make(struct letter *l, uint8_t how, const uint8_t *bytes, size_t len)
{
	*l = (struct letter){.via = {.kind = VIA_DIRECT, .remote = sources[SOURCE(how)]}};
	if (BASE(how) < BASE_MODELS) {
		l->len = len;
		memcpy(l->data, bytes, len);
	} else {
		const struct letter *base = &models[BASE(how) - BASE_MODELS];
		l->len = base->len - !!CUTS(how);
		memcpy(l->data, base->data, l->len);
		for (size_t i = 0; i + 1 < len; i += 2)
			l->data[bytes[i] % l->len] ^= bytes[i + 1];
	}
	if (SIGNS(how) && l->len >= sizeof(struct message_response)) {
		struct cookie_jar j = jar;
		cookie_sign(&j, l->data, l->len, NOW);
	}
}

static bool mac1_holds(const struct letter *l)
{
	struct cookie_jar j;
	uint8_t copy[LETTER_MAX];

	cookie_jar_init(&j, &one->key);
	memcpy(copy, l->data, l->len);
	cookie_sign(&j, copy, l->len, NOW);
	return memcmp(copy + l->len - 32, l->data + l->len - 32, 16) == 0;
}

static bool may_be_answered(const struct letter *l)
{
	uint32_t type = l->len >= 4 ? load_le32(l->data) : 0;
	bool handshake = (type == MESSAGE_INITIATION && l->len == 148) ||
			 (type == MESSAGE_RESPONSE && l->len == 92);

	return handshake && one->m->load.until > NOW && mac1_holds(l);
}

static uint64_t drop_count(void)
{
	uint64_t sum = 0;

	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		sum += one->m->shared.drops.count[i];
	return sum;
}

static void expect_nothing_kept(void)
{
	must(one->out.tun.count == 0, "nothing of a stranger's is delivered");
	must(node_digest(one) == saved.digest, "nothing of a stranger's is kept");
}

static void hand_alone(const struct letter *l)
{
	bool answerable = may_be_answered(l);
	uint64_t before = drop_count();

	node_hand(one, l, 1, NOW);
	must(drop_count() == before + 1, "it is dropped, for one reason");
	must(one->out.net.count <= answerable, "one reply at most, under load, to a valid mac1");
	for (size_t i = 0; i < one->out.net.count; i++) {
		const struct packet *reply = &one->out.net.packets[i];
		must(reply->len < l->len, "a reply is smaller");
		must(load_le32(reply->data) == MESSAGE_COOKIE, "a reply is a cookie");
		must(addr_equal(&reply->via.remote, &l->via.remote), "a reply goes back");
	}
	outbox_clear(&one->out);
	expect_nothing_kept();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct letter letters[DATAGRAMS_MAX];
	struct reader r = reader_of(data, len);
	size_t count = 0;
	bool load = read_u8(&r) & 1;

	while (count < DATAGRAMS_MAX) {
		uint8_t how = read_u8(&r);
		size_t bytes_len = read_be16(&r);
		if (bytes_len > LETTER_MAX || bytes_len > reader_left(&r))
			bytes_len = reader_left(&r) < LETTER_MAX ? reader_left(&r) : LETTER_MAX;
		const uint8_t *bytes = read_bytes(&r, bytes_len);
		if (!reader_ok(&r))
			break;
		make(&letters[count++], how, bytes, bytes_len);
	}

	one->m->load.until = load ? USEC_NEVER : 0;
	for (size_t i = 0; i < count; i++)
		hand_alone(&letters[i]);
	node_hand(one, letters, count, NOW); /* and all at once */
	must(one->out.net.count <= count, "one reply each at most");
	expect_nothing_kept();
	restore();
	return 0;
}
