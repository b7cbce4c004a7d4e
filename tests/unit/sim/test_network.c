/* Where datagrams go between machines, sites and the Internet. */
#include "sim/network.h"

#include "base/list.h"
#include "crypto/crypto.h"
#include "sim/world.h"
#include "support/test.h"

#define PORT 51820

/* A machine that keeps the last datagram that came. */
struct post {
	struct machine machine;
	unsigned count;
	usec at;
	struct addr from, to;
	uint8_t ttl;
	size_t len;
	uint8_t data[PARCEL_MAX];
};

static struct world *w;
static struct post a, b, c;
static struct site *home, *cabin;

static void receive(struct machine *m, struct parcel *p)
{
	struct post *post = list_entry(m, struct post, machine);

	network_heard(p);
	post->count++;
	post->at = m->world->now;
	post->from = p->src;
	post->to = p->dst;
	post->ttl = p->ttl;
	post->len = p->len;
	memcpy(post->data, p->data, p->len);
	network_free_parcel(p);
}

static void place(struct post *post, const char *name, struct site *site)
{
	*post = (struct post){.machine.receive = receive};
	network_add(w, &post->machine, name);
	network_plug(&post->machine, site);
}

static struct addr at(const struct post *post, unsigned family, uint16_t port)
{
	struct addr ip = post->machine.interfaces[0].ip[family];

	ip.port = port;
	return ip;
}

static void say(struct post *from, struct addr to, const char *what)
{
	network_send(&from->machine.interfaces[0], PORT, &to, 0, what, strlen(what));
	world_run(w, SEC(1));
}

static bool heard(const struct post *post, const char *what)
{
	return post->len == strlen(what) && memcmp(post->data, what, post->len) == 0;
}

/* a is at the Internet, b and c are at home; the cabin is a site inside home. */
static int start(void **state)
{
	(void)state;
	w = world_new(1, false);
	home = network_site(
		w, "home", &w->net.internet,
		&(struct natbox_config){.filtering = NATBOX_APDF, .filtering6 = NATBOX_APDF});
	cabin = network_site(w, "cabin", home, &(struct natbox_config){.filtering6 = NATBOX_APDF});
	place(&a, "a", &w->net.internet);
	place(&b, "b", home);
	place(&c, "c", home);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	network_remove(&a.machine);
	network_remove(&b.machine);
	network_remove(&c.machine);
	world_free(w);
	return 0;
}

TEST(machines_of_a_site_reach_each_other_without_its_nat)
{
	say(&b, at(&c, 0, PORT), "hello");
	assert_true(heard(&c, "hello"));
	struct addr from = at(&b, 0, PORT);
	assert_true(addr_equal(&c.from, &from));
	assert_int_equal(c.at, MSEC(10)); /* two cables of 5 ms */
	assert_int_equal(home->nat.stats.mappings, 0);
}

TEST(a_datagram_from_a_site_comes_from_its_public_address_and_the_answer_finds_back)
{
	struct addr public;

	say(&b, at(&a, 0, PORT), "call");
	assert_true(heard(&a, "call"));
	assert_int_equal(a.at, MSEC(20));
	assert_int_equal(a.ttl, 63);
	public = a.from;
	assert_int_equal(addr_class(&public), ADDR_CLASS_GLOBAL);
	assert_true(addr_same_ip(&public, &home->pool->ip));

	say(&a, public, "answer");
	assert_true(heard(&b, "answer"));
	struct addr to = at(&b, 0, PORT);
	assert_true(addr_equal(&b.to, &to));
}

TEST(who_was_not_spoken_to_does_not_come_in)
{
	say(&b, at(&a, 0, PORT), "call");
	say(&a, (struct addr){.family = ADDR_V4, .port = 9}, "nowhere");
	struct addr public = a.from;
	network_send(&a.machine.interfaces[0], PORT + 1, &public, 0, "x", 1);
	world_run(w, SEC(1));
	assert_int_equal(b.count, 0);
	assert_int_equal(w->net.stats.nats[NATBOX_DROP_FILTERED], 1);
	assert_int_equal(w->net.stats.no_route, 1);
}

TEST(ipv6_keeps_its_address_and_passes_a_firewall)
{
	say(&a, at(&b, 1, PORT), "too early");
	assert_int_equal(b.count, 0);
	say(&b, at(&a, 1, PORT), "call");
	struct addr from = at(&b, 1, PORT);
	assert_true(addr_equal(&a.from, &from));
	say(&a, from, "answer");
	assert_true(heard(&b, "answer"));
}

TEST(two_nats_in_a_row_translate_twice)
{
	network_move(&c.machine.interfaces[0], cabin);
	say(&c, at(&a, 0, PORT), "call");
	assert_true(addr_same_ip(&a.from, &home->pool->ip));
	assert_int_equal(a.ttl, 62);
	assert_int_equal(cabin->nat.stats.mappings, 1);
	assert_int_equal(home->nat.stats.mappings, 1);
	say(&a, a.from, "answer");
	assert_true(heard(&c, "answer"));

	say(&c, at(&a, 1, PORT), "call");
	assert_int_equal(a.from.family, ADDR_V6);
	say(&a, a.from, "answer over six");
	assert_true(heard(&c, "answer over six"));
}

TEST(what_is_sent_to_ones_own_public_address_comes_back_where_the_nat_does_that)
{
	struct natbox_config config = home->nat.config;

	config.filtering = NATBOX_EIF;
	config.hairpin = NATBOX_HAIRPIN_EXTERNAL;
	assert_int_equal(natbox_change(&home->nat, &config), 0);
	say(&b, at(&a, 0, PORT), "call");
	say(&c, a.from, "over the roof");
	assert_true(heard(&b, "over the roof"));
	assert_true(addr_same_ip(&b.from, &home->pool->ip));
}

TEST(a_block_has_a_direction)
{
	network_block(&a.machine, &b.machine, true);
	say(&b, at(&a, 0, PORT), "call");
	assert_int_equal(a.count, 1);
	say(&a, a.from, "answer");
	assert_int_equal(b.count, 0);
	assert_int_equal(w->net.stats.blocked, 1);
	network_block(&a.machine, &b.machine, false);
	say(&a, a.from, "answer");
	assert_int_equal(b.count, 1);
}

TEST(who_has_moved_is_not_where_he_was)
{
	struct addr old = at(&a, 0, PORT);

	network_renumber(&a.machine.interfaces[0]);
	say(&b, old, "still there?");
	say(&b, at(&a, 0, PORT), "here?");
	assert_int_equal(a.count, 1);
	network_move(&a.machine.interfaces[0], home);
	say(&b, at(&a, 0, PORT), "here!");
	assert_int_equal(a.count, 2);
	assert_int_equal(addr_class(&a.to), ADDR_CLASS_PRIVATE);
}

TEST(who_moves_while_it_is_under_way_does_not_get_it)
{
	struct addr to = at(&a, 0, PORT);

	network_send(&b.machine.interfaces[0], PORT, &to, 0, "x", 1);
	world_run(w, MSEC(19));
	network_renumber(&a.machine.interfaces[0]);
	world_run(w, SEC(1));
	assert_int_equal(a.count, 0);
}

TEST(a_site_gets_another_public_address)
{
	say(&b, at(&a, 0, PORT), "call");
	struct addr old = a.from;
	network_rebind(home);
	say(&a, old, "answer");
	assert_int_equal(b.count, 0);
	say(&b, at(&a, 0, PORT), "call");
	assert_false(addr_same_ip(&a.from, &old));
	say(&a, a.from, "answer");
	assert_int_equal(b.count, 1);
}

TEST(a_broken_cable_is_so_until_it_is_mended)
{
	struct cable *cable = &a.machine.interfaces[0].cable;
	struct link_config broken = cable->usual;

	broken.blocked = true;
	cable_break(cable, &broken);
	say(&b, at(&a, 0, PORT), "x");
	assert_int_equal(a.count, 0);
	network_mend(w);
	say(&b, at(&a, 0, PORT), "x");
	assert_int_equal(a.count, 1);
	broken.blocked = false;
	broken.duplicate = LINK_CERTAIN;
	cable_break(cable, &broken);
	say(&b, at(&a, 0, PORT), "x");
	assert_int_equal(a.count, 3);
}

TEST(an_interface_that_is_down_neither_sends_nor_receives)
{
	struct addr remote = at(&b, 0, PORT), none = {0};

	a.machine.interfaces[0].up = false;
	assert_null(network_route(&a.machine, &none, &remote));
	say(&b, at(&a, 0, PORT), "x");
	assert_int_equal(a.count, 0);
}

TEST(the_interface_of_the_local_address_is_sent_by)
{
	struct interface *second = network_plug(&a.machine, &w->net.internet);
	struct addr remote = at(&b, 0, PORT), none = {0}, foreign = at(&b, 0, 0);

	assert_ptr_equal(network_route(&a.machine, &none, &remote), &a.machine.interfaces[0]);
	assert_ptr_equal(network_route(&a.machine, &second->ip[0], &remote), second);
	assert_null(network_route(&a.machine, &foreign, &remote));
}

TEST(a_forger_says_whose_it_is_and_a_listener_hears_it)
{
	struct addr liar = addr_v4((uint8_t[]){192, 0, 2, 9}, 1), to = at(&a, 0, PORT);

	network_listen(w);
	assert_null(network_recall(w, 0));
	network_forge(w, &liar, &to, "lie", 3);
	world_run(w, SEC(1));
	assert_true(addr_equal(&a.from, &liar));
	assert_true(heard(&a, "lie"));
	say(&b, at(&c, 0, PORT), "truth");
	assert_memory_equal(network_recall(w, 0)->data, "truth", 5);
	assert_memory_equal(network_recall(w, 1)->data, "lie", 3);
	assert_null(network_recall(w, 2));
}

TEST(a_datagram_whose_hops_end_does_not_arrive)
{
	struct addr to = at(&a, 0, PORT);

	network_send(&b.machine.interfaces[0], PORT, &to, 1, "x", 1);
	world_run(w, SEC(1));
	assert_int_equal(a.count, 0);
	assert_int_equal(w->net.stats.nats[NATBOX_EXPIRED], 1);
}

#define RUN_THERE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_THERE(machines_of_a_site_reach_each_other_without_its_nat),
		RUN_THERE(
			a_datagram_from_a_site_comes_from_its_public_address_and_the_answer_finds_back),
		RUN_THERE(who_was_not_spoken_to_does_not_come_in),
		RUN_THERE(ipv6_keeps_its_address_and_passes_a_firewall),
		RUN_THERE(two_nats_in_a_row_translate_twice),
		RUN_THERE(
			what_is_sent_to_ones_own_public_address_comes_back_where_the_nat_does_that),
		RUN_THERE(a_block_has_a_direction),
		RUN_THERE(who_has_moved_is_not_where_he_was),
		RUN_THERE(who_moves_while_it_is_under_way_does_not_get_it),
		RUN_THERE(a_site_gets_another_public_address),
		RUN_THERE(a_broken_cable_is_so_until_it_is_mended),
		RUN_THERE(an_interface_that_is_down_neither_sends_nor_receives),
		RUN_THERE(the_interface_of_the_local_address_is_sent_by),
		RUN_THERE(a_forger_says_whose_it_is_and_a_listener_hears_it),
		RUN_THERE(a_datagram_whose_hops_end_does_not_arrive),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
