/* Peers that move, and one whose key two hosts have (reliability.md, F12). */
#include "mesh/moves.h"

#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW SEC(1000)

/* --- what is told ----------------------------------------------------------------------------------------------- */

static struct env_fake env;
static struct moves moves;

static int forget(void **state)
{
	(void)state;
	env_fake_init(&env, 1);
	moves = (struct moves){0};
	return 0;
}

static void move(uint8_t from, uint8_t to, usec now)
{
	struct addr left = node_outside(from), right = node_outside(to);

	moves_note(&moves, "laptop", &left, &right, now, &env.log);
}

TEST(a_move_is_told_at_once)
{
	move(2, 3, NOW);
	assert_string_equal(env.last_line, "laptop moved from 192.0.2.2:51820 to 192.0.2.3:51820");
	move(3, 4, NOW + MOVES_EVERY);
	assert_string_equal(env.last_line, "laptop moved from 192.0.2.3:51820 to 192.0.2.4:51820");
	assert_int_equal(env.lines, 2);
}

TEST(f12_one_move_in_five_seconds_is_told)
{
	for (usec now = NOW; now < NOW + SEC(50); now += MSEC(1250)) /* 3 untold of 4: a journey */
		move(2, 3, now);
	assert_int_equal(env.lines, 10);
	assert_non_null(strstr(env.last_line, "moved"));
}

TEST(f12_a_fight_is_told_once_a_minute_and_names_both)
{
	for (usec now = NOW; now < NOW + SEC(300); now += MSEC(400)) {
		move(2, 3, now);
		move(3, 2, now + MSEC(200));
	}
	assert_int_equal(env.lines, 1 + 5);
	assert_non_null(strstr(env.last_line, "192.0.2.2:51820"));
	assert_non_null(strstr(env.last_line, "192.0.2.3:51820"));
	assert_non_null(strstr(env.last_line, "in turn"));
}

TEST(a_move_long_after_a_fight_is_a_move)
{
	for (usec now = NOW; now < NOW + SEC(30); now += MSEC(200))
		move(2, 3, now);
	move(3, 4, NOW + SEC(100));
	assert_non_null(strstr(env.last_line, "moved"));
}

/* --- a node that hears both ------------------------------------------------------------------------------------- */

static struct node *one, *two, *twin;
static unsigned told, fights;
static usec told_at, clock_now;

static void listen_to(void *ctx, enum log_level level, const char *event, const char *line)
{
	bool fight = strstr(line, "in turn") != NULL;

	(void)ctx;
	(void)level;
	(void)event;
	if (!fight && strstr(line, "moved") == NULL)
		return;
	if (told > 0)
		assert_true(clock_now - told_at >= SEC(5));
	if (fight) {
		assert_non_null(strstr(line, "192.0.2.2:51820"));
		assert_non_null(strstr(line, "192.0.2.5:51820"));
	}
	told_at = clock_now;
	told++;
	fights += fight;
}

/* Node 5 has the key of node 2. */
static int start(void **state)
{
	(void)state;
	one = node_start(1);
	two = node_start(2);
	twin = node_start(5);
	twin->secret = two->secret;
	twin->key = two->key;
	node_introduce(one, two, NOW);
	struct delta *d = node_identity(twin);
	node_add_peer(d, one, "", false, true);
	node_apply(twin, d, NOW);
	one->env.log.sink = listen_to;
	told = fights = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	node_stop(one);
	node_stop(two);
	node_stop(twin);
	return 0;
}

static void say(struct node *n, usec now)
{
	struct node *const all[] = {one, two, twin};

	clock_now = now;
	node_send(n, 1, now);
	for (int i = 0; i < 3; i++)
		mesh_tick(all[i]->m, now, &all[i]->out);
	node_settle_all(all, 3, now);
	for (int i = 0; i < 3; i++)
		outbox_clear(&all[i]->out);
}

TEST(f12_two_hosts_with_one_key_make_no_storm_and_the_operator_knows_both)
{
	const struct peer *p = table_find(&one->m->by_key, &two->key);
	unsigned strays = 0;
	usec now = NOW;

	for (unsigned i = 0; now < NOW + SEC(60); i++, now += MSEC(50)) {
		struct node *n = i % 2 ? twin : two;
		struct addr from = node_outside(n->number);
		say(n, now);
		strays += !addr_equal(&p->via.remote, &from);
	}
	assert_in_range(strays, 0, 12); /* packets follow at once; a handshake may draw them away */
	assert_in_range(told, 2, 13);
	assert_int_equal(fights, 1);
	assert_in_range(p->tunnel.stats.handshakes_done, 2, 24);

	/* One of them goes; the other stays where it is, and nothing more is told. */
	unsigned before = told;
	for (; now < NOW + SEC(120); now += MSEC(50))
		say(two, now);
	assert_in_range(told, before, before + 1);
}

/* --- our own host ----------------------------------------------------------------------------------------------- */

static struct host_address subnet(const char *text)
{
	struct host_address a = {.link = 2};

	assert_true(prefix_parse(&a.prefix, text));
	return a;
}

/* With these addresses; the deprecated and the tentative ones are left out, as tun/watch does. */
static const struct host *host_at(const char *const addresses[2])
{
	static struct host h;

	h = (struct host){
		.defaults = {{.family = ADDR_V4, .link = 2, .table = 254}},
		.default_count = 1,
	};
	for (int i = 0; i < 2 && addresses[i] != NULL; i++)
		h.outside.items[h.outside.count++] = subnet(addresses[i]);
	return &h;
}

#define HOME    "192.0.2.1/24"
#define PRIVATE "2001:db8::c0de:1/64"
#define ROTATED "2001:db8::c0de:2/64"

/* Whether a peer that we have a session with hears of it, and our address on the way is chosen anew. */
TEST(f34_ipv6_that_comes_goes_or_rotates_is_told_to_the_peer)
{
	static const struct {
		const char *before[2], *after[2];
		bool moves;
	} cases[] = {
		{{HOME}, {HOME, PRIVATE}, true},
		{{HOME, PRIVATE}, {HOME}, true},
		{{HOME, PRIVATE}, {HOME, ROTATED}, true},
		{{PRIVATE}, {PRIVATE, ROTATED}, true},
		{{PRIVATE, ROTATED}, {ROTATED}, true},
		{{HOME}, {PRIVATE}, true},
		{{HOME}, {NULL}, true},
		{{HOME}, {HOME}, false}, /* the new one is tentative still */
		{{HOME, PRIVATE}, {HOME, PRIVATE}, false},
	};
	static struct letter l[BATCH_MAX];
	struct peer *p = table_find(&one->m->by_key, &two->key);
	usec now = NOW;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++, now += SEC(10)) {
		mesh_host_changed(one->m, host_at(cases[i].before), now, &one->out);
		mesh_tick(one->m, now + MSEC(200), &one->out);
		node_connect(one, two, now + SEC(1));
		outbox_clear(&one->out);

		p->via.local = node_outside(1);
		mesh_host_changed(one->m, host_at(cases[i].after), now + SEC(2), &one->out);
		assert_int_equal(addr_is_set(&p->via.local), !cases[i].moves);
		mesh_tick(one->m, now + SEC(2) + PEER_ANNOUNCE_WITHIN, &one->out);
		assert_int_equal(node_take(one, l, BATCH_MAX), cases[i].moves);
	}
}

int main(void)
{
#define ALONE(name)      cmocka_unit_test_setup(name, forget)
#define WITH_NODES(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		ALONE(a_move_is_told_at_once),
		ALONE(f12_one_move_in_five_seconds_is_told),
		ALONE(f12_a_fight_is_told_once_a_minute_and_names_both),
		ALONE(a_move_long_after_a_fight_is_a_move),
		WITH_NODES(f12_two_hosts_with_one_key_make_no_storm_and_the_operator_knows_both),
		WITH_NODES(f34_ipv6_that_comes_goes_or_rotates_is_told_to_the_peer),
	};

	return crypto_init(NULL) < 0 ? 1 : RUN_TESTS(tests);
}
