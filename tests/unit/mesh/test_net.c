/* Nodes end to end over a network that loses, repeats, reorders and corrupts: what the host of one sends, the host of the other gets,
 * once and as it was. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"
#include "support/test.h"

#define FLIGHTS_MAX 1024
#define PINGS_MAX   16384
#define PING_LEN    100
#define PING_EVERY  MSEC(100)
#define MOVED       7 /* node 1 is there once it moved */

struct flight {
	usec at;
	struct letter letter;
};

static struct net {
	usec now, delay, jitter;
	unsigned loss, repeat, corrupt; /* in percent */
	unsigned cut;                   /* bit N: what node N sends is lost */
	struct rand rand;
	struct flight flights[FLIGHTS_MAX];
	size_t flight_count;
	uint8_t node_count;
	uint32_t pings, answers; /* sent, numbered from 0; delivered */
	uint8_t asked[PINGS_MAX],
		answered[PINGS_MAX]; /* how often a ping, and its answer, was delivered */
} net;

/* Nodes 1 to count, each a peer of all others. */
static void net_start(uint64_t seed, uint8_t count)
{
	memset(&net, 0, sizeof net);
	net.now = SEC(1);
	net.delay = MSEC(20);
	net.rand = rand_seeded(seed);
	net.node_count = count;
	for (uint8_t i = 1; i <= count; i++)
		node_start(i);
	for (uint8_t i = 1; i <= count; i++) {
		struct delta *d = node_identity(&nodes[i]);
		for (uint8_t other = 1; other <= count; other++) {
			if (other != i)
				node_add_peer(d, &nodes[other], "", false, true);
		}
		node_apply(&nodes[i], d, net.now);
		mesh_mtu_changed(nodes[i].m, 1400);
	}
}

static void net_stop(void)
{
	for (uint8_t i = 1; i <= net.node_count; i++)
		node_stop(&nodes[i]);
}

static bool happens(unsigned percent)
{
	return rand_below(&net.rand, 100) < percent;
}

static void launch(const struct letter *l)
{
	struct flight *f = &net.flights[net.flight_count++];

	assert_true(net.flight_count < FLIGHTS_MAX);
	*f = (struct flight){.at = net.now + net.delay, .letter = *l};
	if (net.jitter > 0)
		f->at += rand_below(&net.rand, (uint32_t)net.jitter);
	if (happens(net.corrupt))
		f->letter.data[rand_below(&net.rand, (uint32_t)l->len)] ^=
			(uint8_t)(1 + rand_below(&net.rand, 255));
}

static void collect(struct node *n)
{
	static struct letter letters[BATCH_MAX];
	size_t count = node_take(n, letters, BATCH_MAX);

	for (size_t i = 0; i < count; i++) {
		if (net.cut & 1u << n->number || happens(net.loss))
			continue;
		launch(&letters[i]);
		if (happens(net.repeat))
			launch(&letters[i]);
	}
}

/* A ping is a packet whose bytes follow from its number and kind; source and destination are in its header. */
enum kind { PING, ANSWER };

static void write_ping(uint8_t at[static PING_LEN], uint8_t from, uint8_t to, enum kind kind,
		       uint32_t number)
{
	if (number % 2)
		node_write_ip6(at, from, to, PING_LEN, (uint8_t)number);
	else
		node_write_ip4(at, from, to, PING_LEN, (uint8_t)number);
	at[40] = (uint8_t)kind;
	store_be32(at + 41, number);
}

static void ping(uint8_t from, uint8_t to, enum kind kind, uint32_t number)
{
	uint8_t packet[PING_LEN];

	write_ping(packet, from, to, kind, number);
	node_send_bytes(&nodes[from], packet, sizeof packet, net.now);
	collect(&nodes[from]);
}

/* What came out of a node's TUN: whole, meant for it, sent by whom it says, and the first of its kind. */
static void look_at_tun(struct node *n)
{
	static uint8_t got[BATCH_MAX][PING_LEN];
	size_t count = n->out.tun.count;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(n->out.tun.packets[i].len, PING_LEN);
		memcpy(got[i], n->out.tun.packets[i].data, PING_LEN);
	}
	n->out.tun.count = 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t expected[PING_LEN], from = got[i][got[i][0] >> 4 == 4 ? 15 : 23];
		uint32_t number = load_be32(got[i] + 41);
		enum kind kind = got[i][40];

		write_ping(expected, from, n->number, kind, number);
		assert_memory_equal(got[i], expected, PING_LEN);
		assert_true(number < net.pings);
		assert_int_equal((kind == PING ? net.asked : net.answered)[number]++, 0);
		net.answers += kind == ANSWER;
		if (kind == PING)
			ping(n->number, from, ANSWER, number);
	}
}

static struct flight *next_flight(void)
{
	struct flight *next = NULL;

	for (size_t i = 0; i < net.flight_count; i++) {
		if (next == NULL || net.flights[i].at < next->at)
			next = &net.flights[i];
	}
	return next;
}

static void net_run(usec until)
{
	for (;;) {
		struct flight *f = next_flight();
		usec at = f != NULL ? f->at : USEC_NEVER;

		for (uint8_t i = 1; i <= net.node_count; i++)
			at = usec_min(at, mesh_deadline(nodes[i].m));
		if (at > until)
			break;
		net.now = at > net.now ? at : net.now;
		if (f != NULL && f->at <= net.now) {
			static struct letter l;
			l = f->letter;
			*f = net.flights[--net.flight_count];
			struct node *to = &nodes[l.to == MOVED ? 1 : l.to];
			node_hand(to, &l, 1, net.now);
			look_at_tun(to);
			collect(to);
		}
		for (uint8_t i = 1; i <= net.node_count; i++) {
			mesh_tick(nodes[i].m, net.now, &nodes[i].out);
			collect(&nodes[i]);
		}
	}
	net.now = until;
}

/* Everybody pings somebody, for so long. Returns how many answers came. */
static uint32_t net_ping(usec length)
{
	uint32_t first = net.pings, answers = 0;

	for (usec end = net.now + length; net.now < end; net_run(net.now + PING_EVERY)) {
		uint8_t from = (uint8_t)(1 + net.pings % net.node_count);
		uint8_t to = (uint8_t)(1 + from % net.node_count);
		assert_true(net.pings < PINGS_MAX);
		ping(from, to, PING, net.pings++);
	}
	net_run(net.now + SEC(1));
	for (uint32_t i = first; i < net.pings; i++)
		answers += net.answered[i];
	return answers;
}

/* Over several lives of a session, not a ping is lost. */
TEST(every_ping_is_answered_once_through_all_renewals)
{
	net_start(1, 3);
	uint32_t answers = net_ping(2 * REJECT_AFTER + SEC(10));
	assert_int_equal(answers, net.pings);
	for (uint8_t i = 1; i <= 3; i++)
		for (int d = DROP_NONE + 1; d < DROP_COUNT; d++)
			assert_int_equal(nodes[i].m->shared.drops.count[d], 0);
	net_stop();
}

TEST(nothing_comes_twice_or_changed_over_a_bad_network)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		net_start(seed, 2);
		net.jitter = MSEC(300);
		net.loss = 10;
		net.repeat = 30;
		net.corrupt = 5;
		uint32_t answers = net_ping(SEC(60));
		/* Both ways with 10 % lost, and of each pair of copies one is enough: 0.85^2 or better. */
		assert_true(answers > net.pings * 6 / 10);
		assert_true(answers < net.pings);
		net_stop();
	}
}

TEST(recovers_within_seconds_once_the_network_does)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		net_start(seed, 2);
		net_ping(SEC(5));
		net.loss = 100;
		assert_int_equal(net_ping(SEC(30) * seed), 0);
		net.loss = 0;
		net_ping(SEC(6));
		uint32_t before = net.pings, answers = net_ping(SEC(2));
		assert_int_equal(answers, net.pings - before);
		net_stop();
	}
}

/* Ten packets a second from each node in `from`, for so long or until one is answered. Returns how long that was. */
static usec knock(unsigned from, usec longest)
{
	usec began = net.now;
	uint32_t answers = net.answers;

	while (net.now - began < longest && net.answers == answers) {
		for (uint8_t i = 1; i <= 2; i++) {
			assert_true(net.pings < PINGS_MAX);
			if (from & 1u << i)
				ping(i, 3 - i, PING, net.pings++);
		}
		net_run(net.now + PING_EVERY);
	}
	return net.now - began;
}

/* An outage of so long, in each direction or one, with traffic from each end or one, at sessions of every age: the longest that the first
 * answer took after the path was back. */
static usec slowest_return(usec outage, uint64_t seeds)
{
	static const unsigned ends[] = {1u << 1, 1u << 2, 1u << 1 | 1u << 2};
	usec slowest = 0;

	for (uint64_t seed = 0; seed < seeds; seed++) {
		net_start(seed + 1, 2);
		net_ping(SEC(1) + rand_below(&net.rand, (uint32_t)SEC(110)));
		unsigned from = ends[seed % 3];
		net.cut = ends[seed / 3 % 3];
		net_run(net.now + SEC(1)); /* nothing is on its way */
		assert_int_equal(knock(from, outage), outage);
		net.cut = 0;
		usec took = knock(from, SEC(60));
		slowest = took > slowest ? took : slowest;
		net_stop();
	}
	print_message("# f44: outage of %d s: back %d ms after it at the latest\n",
		      (int)(outage / SEC(1)), (int)(slowest / MSEC(1)));
	return slowest;
}

/* As long as a session lives it outlives the outage. Longer ones wait for the next initiation, which leaves five seconds and a
 * third after the one before (protocol.md, section 4). */
TEST(f44_an_outage_ends_when_the_path_is_back)
{
	assert_true(slowest_return(SEC(1), 50) <= SEC(1));
	assert_true(slowest_return(SEC(30), 50) <= SEC(1));
	assert_true(slowest_return(SEC(180), 50) <= SEC(7));
	assert_true(slowest_return(SEC(600), 18) <= SEC(7));
}

/* The wall clock of one is set wrong and right again, through the renewals of sessions: not a ping is lost. */
TEST(f53_nobody_notices_a_wall_clock_that_is_set)
{
	static const usec year = SEC(86400) * 365;
	const usec offs[] = {SEC(3600), 10 * year, -SEC(3600), -10 * year, -ENV_FAKE_WALL};

	net_start(1, 2);
	for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
		nodes[1].env.env.wall_offset += offs[i];
		net_ping(REKEY_AFTER + SEC(10));
		nodes[1].env.env.wall_offset -= offs[i];
		net_ping(REKEY_AFTER + SEC(10));
	}
	assert_int_equal(net.answers, net.pings);
	for (uint8_t i = 1; i <= 2; i++)
		assert_int_equal(nodes[i].m->shared.drops.count[DROP_TIMESTAMP], 0);
	net_stop();
}

/* A host changes its address amid its traffic: the other follows with its first packet. */
TEST(a_peer_that_moves_is_followed)
{
	net_start(1, 2);
	net_ping(SEC(2));
	nodes[1].number = MOVED; /* the outer address follows from the number */
	uint8_t packet[PING_LEN];
	write_ping(packet, 1, 2, PING, net.pings++);
	node_send_bytes(&nodes[1], packet, sizeof packet, net.now);
	collect(&nodes[1]);
	net_run(net.now + MSEC(30));
	struct peer *p = table_find(&nodes[2].m->by_key, &nodes[1].key);
	struct addr there = node_outside(MOVED);
	assert_int_equal(net.asked[net.pings - 1], 1);
	assert_true(addr_equal(&p->via.remote, &there));
	assert_int_equal(p->switches, 1);
	nodes[1].number = 1; /* the inner one does not change */
	net_run(net.now + MSEC(30));
	assert_int_equal(net.answered[net.pings - 1], 1);
	net_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_ping_is_answered_once_through_all_renewals),
		RUN(nothing_comes_twice_or_changed_over_a_bad_network),
		RUN(recovers_within_seconds_once_the_network_does),
		RUN(f44_an_outage_ends_when_the_path_is_back),
		RUN(f53_nobody_notices_a_wall_clock_that_is_set),
		RUN(a_peer_that_moves_is_followed),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
