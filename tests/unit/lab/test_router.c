/* A router between a host and the internet, packet by packet. */
#include "lab/router.h"

#include "base/bytes.h"
#include "support/ipmake.h"
#include "support/test.h"

static struct addr at(const char *text)
{
	struct addr a = {0};

	assert_true(addr_parse(&a, text) || addr_parse_ip(&a, text));
	return a;
}

/* A packet, and what the router made of it. */
struct trip {
	uint8_t packet[IPMAKE_MAX];
	size_t len;
	enum router_way way;
	struct translate seen;
};

static struct router router;
static usec now;

static void start(enum natbox_mapping mapping, enum natbox_filtering filtering)
{
	const struct natbox_config config = {.mapping = mapping,
					     .filtering = filtering,
					     .filtering6 = NATBOX_APDF,
					     .ports = NATBOX_SEQUENTIAL,
					     .step = 1,
					     .hairpin = NATBOX_HAIRPIN_EXTERNAL,
					     .pool = {at("203.0.113.1")},
					     .pool_count = 1};
	struct addr own4 = at("192.168.1.1"), own6 = at("2001:db8:1::1");

	now = SEC(1);
	assert_int_equal(router_init(&router, &config, &own4, &own6, 1), 0);
}

static void change(enum natbox_input input)
{
	struct natbox_config config = router.nb.config;

	config.input = input;
	assert_int_equal(natbox_change(&router.nb, &config), 0);
}

static void go(struct trip *t, enum router_side from)
{
	t->way = router_packet(&router, from, t->packet, &t->len, sizeof t->packet, now);
	if (t->way == ROUTER_DROP)
		return;
	const char *fault = ipmake_fault(t->packet, t->len);
	if (fault != NULL)
		fail_msg("%s", fault);
	assert_int_equal(translate_read(&t->seen, t->packet, t->len), TRANSLATE_OK);
	assert_int_equal(t->seen.len, t->len);
}

typedef size_t maker(uint8_t *, const struct addr *, const struct addr *, size_t);

static struct trip pass(enum router_side from, maker *make, const char *src_text,
			const char *dst_text)
{
	struct addr src = at(src_text), dst = at(dst_text);
	struct trip t;

	t.len = make(t.packet, &src, &dst, 100);
	go(&t, from);
	return t;
}

static void is_between(const struct translate_layer *l, const char *src, const char *dst)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(l->src.port ? addr_print(&l->src, text) : addr_print_ip(&l->src, text),
			    src);
	assert_string_equal(l->dst.port ? addr_print(&l->dst, text) : addr_print_ip(&l->dst, text),
			    dst);
}

/* What the outside sees of that flow, as text. */
static const char *shown(const struct trip *t)
{
	static char text[ADDR_TEXT_MAX];

	assert_int_equal(t->way, ROUTER_TO_OUTSIDE);
	return addr_print(&t->seen.own.src, text);
}

TEST(a_packet_goes_out_and_its_answer_comes_in)
{
	static const struct {
		maker *make;
		const char *host, *remote;
	} kinds[] = {
		{ipmake_udp, "192.168.1.2:51820", "198.51.100.7:3478"},
		{ipmake_tcp, "192.168.1.2:51820", "198.51.100.7:443"},
		{ipmake_echo, "192.168.1.2:77", "198.51.100.7"},
	};

	for (size_t i = 0; i < 3; i++) {
		start(NATBOX_APDM, NATBOX_APDF);
		struct trip out =
			pass(ROUTER_INSIDE, kinds[i].make, kinds[i].host, kinds[i].remote);
		char public[ADDR_TEXT_MAX];
		strcpy(public, shown(&out));
		is_between(&out.seen.own, public, kinds[i].remote);
		assert_int_equal(memcmp(public, "203.0.113.1:", 12), 0);
		assert_int_equal(out.seen.ttl, IPMAKE_TTL - 1);

		struct trip in = pass(ROUTER_OUTSIDE, kinds[i].make, kinds[i].remote, public);
		assert_int_equal(in.way, ROUTER_TO_INSIDE);
		is_between(&in.seen.own, kinds[i].remote, kinds[i].host);
		assert_int_equal(in.seen.ttl, IPMAKE_TTL - 1);

		in = pass(ROUTER_OUTSIDE, kinds[i].make, "198.51.100.8:9", public);
		assert_int_equal(in.way, ROUTER_DROP);
		router_free(&router);
	}
}

TEST(ipv6_is_let_through_as_it_is_and_only_answers_come_in)
{
	start(NATBOX_EIM, NATBOX_EIF);
	struct trip in =
		pass(ROUTER_OUTSIDE, ipmake_udp, "[2001:db8:f::7]:3478", "[2001:db8:1::2]:51820");
	assert_int_equal(in.way, ROUTER_DROP);

	struct trip out =
		pass(ROUTER_INSIDE, ipmake_udp, "[2001:db8:1::2]:51820", "[2001:db8:f::7]:3478");
	assert_string_equal(shown(&out), "[2001:db8:1::2]:51820");
	assert_int_equal(out.seen.ttl, IPMAKE_TTL - 1);
	in = pass(ROUTER_OUTSIDE, ipmake_udp, "[2001:db8:f::7]:3478", "[2001:db8:1::2]:51820");
	assert_int_equal(in.way, ROUTER_TO_INSIDE);
	router_free(&router);
}

TEST(an_icmp_error_reaches_the_host_it_is_about)
{
	start(NATBOX_EIM, NATBOX_APDF);
	struct trip out = pass(ROUTER_INSIDE, ipmake_udp, "192.168.1.2:51820", "198.51.100.7:3478");
	assert_int_equal(out.way, ROUTER_TO_OUTSIDE);

	struct addr hop = at("198.51.100.1"), public = at("203.0.113.1");
	struct trip in;
	in.len = ipmake_error(in.packet, &hop, &public, out.packet, out.len);
	go(&in, ROUTER_OUTSIDE);
	assert_int_equal(in.way, ROUTER_TO_INSIDE);
	is_between(&in.seen.own, "198.51.100.1", "192.168.1.2");
	is_between(&in.seen.quoted, "192.168.1.2:51820", "198.51.100.7:3478");

	/* About a flow that nobody has. */
	struct addr src = at("203.0.113.1:7"), dst = at("198.51.100.7:9");
	uint8_t quoted[IPMAKE_MAX];
	in.len = ipmake_error(in.packet, &hop, &public, quoted, ipmake_udp(quoted, &src, &dst, 9));
	go(&in, ROUTER_OUTSIDE);
	assert_int_equal(in.way, ROUTER_DROP);
	router_free(&router);
}

TEST(an_icmp_error_of_the_host_goes_out_as_the_router_s)
{
	start(NATBOX_EIM, NATBOX_APDF);
	struct trip out = pass(ROUTER_INSIDE, ipmake_udp, "192.168.1.2:51820", "198.51.100.7:3478");
	char public[ADDR_TEXT_MAX];
	strcpy(public, shown(&out));
	struct trip in = pass(ROUTER_OUTSIDE, ipmake_udp, "198.51.100.7:3478", public);
	assert_int_equal(in.way, ROUTER_TO_INSIDE);

	struct addr host = at("192.168.1.2"), remote = at("198.51.100.7");
	struct trip error;
	error.len = ipmake_error(error.packet, &host, &remote, in.packet, in.len);
	go(&error, ROUTER_INSIDE);
	assert_int_equal(error.way, ROUTER_TO_OUTSIDE);
	is_between(&error.seen.own, "203.0.113.1", "198.51.100.7");
	is_between(&error.seen.quoted, "198.51.100.7:3478", public);
	router_free(&router);
}

TEST(an_icmp_error_of_ipv6_stays_as_it_is)
{
	start(NATBOX_EIM, NATBOX_APDF);
	struct trip out =
		pass(ROUTER_INSIDE, ipmake_udp, "[2001:db8:1::2]:51820", "[2001:db8:f::7]:3478");
	struct addr hop = at("2001:db8:e::1"), host = at("2001:db8:1::2");
	struct trip in;

	in.len = ipmake_error(in.packet, &hop, &host, out.packet, out.len);
	go(&in, ROUTER_OUTSIDE);
	assert_int_equal(in.way, ROUTER_TO_INSIDE);
	is_between(&in.seen.own, "2001:db8:e::1", "2001:db8:1::2");

	/* Going out, of a router that is not the host it is about. */
	in = pass(ROUTER_OUTSIDE, ipmake_udp, "[2001:db8:f::7]:3478", "[2001:db8:1::2]:51820");
	assert_int_equal(in.way, ROUTER_TO_INSIDE);
	struct addr inner = at("2001:db8:1::9"), remote = at("2001:db8:f::7");
	struct trip error;
	error.len = ipmake_error(error.packet, &inner, &remote, in.packet, in.len);
	go(&error, ROUTER_INSIDE);
	assert_int_equal(error.way, ROUTER_TO_OUTSIDE);
	is_between(&error.seen.own, "2001:db8:1::9", "2001:db8:f::7");
	router_free(&router);
}

TEST(who_runs_out_of_hops_is_told)
{
	static const struct {
		enum router_side from;
		const char *src, *dst, *teller;
	} trips[] = {
		{ROUTER_INSIDE, "192.168.1.2:51820", "198.51.100.7:3478", "192.168.1.1"},
		{ROUTER_INSIDE, "[2001:db8:1::2]:51820", "[2001:db8:f::7]:3478", "2001:db8:1::1"},
		{ROUTER_OUTSIDE, "198.51.100.7:3478", NULL, "203.0.113.1"},
	};

	start(NATBOX_EIM, NATBOX_EIF);
	struct trip out = pass(ROUTER_INSIDE, ipmake_udp, "192.168.1.2:51820", "198.51.100.7:3478");
	char public[ADDR_TEXT_MAX];
	strcpy(public, shown(&out));
	for (size_t i = 0; i < 3; i++)
		for (uint8_t ttl = 0; ttl < 2; ttl++) {
			struct addr src = at(trips[i].src),
				    dst = at(trips[i].dst ? trips[i].dst : public);
			struct trip t;
			t.len = ipmake_udp(t.packet, &src, &dst, 20);
			ipmake_set_ttl(t.packet, ttl);
			go(&t, trips[i].from);
			assert_int_equal(t.way, trips[i].from == ROUTER_INSIDE ? ROUTER_TO_INSIDE
									       : ROUTER_TO_OUTSIDE);
			assert_int_equal(t.seen.kind, TRANSLATE_ERROR);
			char text[ADDR_TEXT_MAX];
			assert_string_equal(addr_print_ip(&t.seen.own.src, text), trips[i].teller);
			assert_true(addr_equal(&t.seen.quoted.src, &src));
		}
	assert_int_equal(router.stats.time_exceeded, 6);
	router_free(&router);
}

TEST(two_hosts_inside_meet_at_the_public_address)
{
	start(NATBOX_EIM, NATBOX_EIF);
	struct trip a = pass(ROUTER_INSIDE, ipmake_udp, "192.168.1.2:51820", "198.51.100.7:3478");
	char public_a[ADDR_TEXT_MAX];
	strcpy(public_a, shown(&a));

	struct trip b = pass(ROUTER_INSIDE, ipmake_udp, "192.168.1.3:51820", public_a);
	assert_int_equal(b.way, ROUTER_TO_INSIDE);
	char text[ADDR_TEXT_MAX];
	assert_string_equal(addr_print(&b.seen.own.dst, text), "192.168.1.2:51820");
	assert_string_equal(addr_print_ip(&b.seen.own.src, text), "203.0.113.1");
	router_free(&router);
}

TEST(fragments_follow_the_first_one)
{
	struct addr src = at("192.168.1.2:51820"), dst = at("198.51.100.7:3478");
	struct trip t;

	start(NATBOX_EIM, NATBOX_APDF);
	t.len = ipmake_udp(t.packet, &src, &dst, 64);
	ipmake_set_fragment(t.packet, 9, 5);
	go(&t, ROUTER_INSIDE); /* before the first one */
	assert_int_equal(t.way, ROUTER_DROP);

	t.len = ipmake_udp(t.packet, &src, &dst, 64);
	ipmake_set_fragment(t.packet, 0x2000, 5);
	go(&t, ROUTER_INSIDE);
	assert_int_equal(t.way, ROUTER_TO_OUTSIDE);

	t.len = ipmake_udp(t.packet, &src, &dst, 64);
	ipmake_set_fragment(t.packet, 9, 5);
	go(&t, ROUTER_INSIDE);
	assert_int_equal(t.way, ROUTER_TO_OUTSIDE);
	is_between(&t.seen.own, "203.0.113.1", "198.51.100.7");
	assert_int_equal(t.seen.ttl, IPMAKE_TTL - 1);

	/* Other packets: of another number, another host, to another, from the other side, out of hops, too late. */
	static const struct {
		uint16_t id;
		const char *src, *dst;
		enum router_side from;
		uint8_t ttl;
		usec later;
	} others[] = {
		{6, "192.168.1.2", "198.51.100.7", ROUTER_INSIDE, 64, 0},
		{5, "192.168.1.3", "198.51.100.7", ROUTER_INSIDE, 64, 0},
		{5, "192.168.1.2", "198.51.100.8", ROUTER_INSIDE, 64, 0},
		{5, "192.168.1.2", "198.51.100.7", ROUTER_OUTSIDE, 64, 0},
		{5, "192.168.1.2", "198.51.100.7", ROUTER_INSIDE, 1, 0},
		{5, "192.168.1.2", "198.51.100.7", ROUTER_INSIDE, 64, ROUTER_FRAGMENT_LIFE},
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		src = at(others[i].src);
		dst = at(others[i].dst);
		t.len = ipmake_udp(t.packet, &src, &dst, 64);
		ipmake_set_fragment(t.packet, 9, others[i].id);
		ipmake_set_ttl(t.packet, others[i].ttl);
		now += others[i].later;
		go(&t, others[i].from);
		assert_int_equal(t.way, ROUTER_DROP);
	}
	assert_int_equal(router.stats.lost_fragment, 7);
	router_free(&router);
}

TEST(bytes_behind_a_packet_do_not_travel)
{
	struct addr src = at("192.168.1.2:51820"), dst = at("198.51.100.7:3478");
	struct trip t;

	start(NATBOX_EIM, NATBOX_EIF);
	size_t len = ipmake_udp(t.packet, &src, &dst, 4);
	t.len = 60; /* as short frames are filled up */
	go(&t, ROUTER_INSIDE);
	assert_int_equal(t.way, ROUTER_TO_OUTSIDE);
	assert_int_equal(t.len, len);
	router_free(&router);
}

TEST(answers_pings_inside_and_nothing_else_is_for_it)
{
	start(NATBOX_EIM, NATBOX_EIF);
	struct trip t = pass(ROUTER_INSIDE, ipmake_echo, "192.168.1.2:77", "192.168.1.1");
	assert_int_equal(t.way, ROUTER_TO_INSIDE);
	is_between(&t.seen.own, "192.168.1.1", "192.168.1.2:77");

	t = pass(ROUTER_INSIDE, ipmake_udp, "192.168.1.2:77", "192.168.1.1:53");
	assert_int_equal(t.way, ROUTER_TO_INSIDE);
	assert_int_equal(t.seen.kind, TRANSLATE_ERROR);

	/* One in fragments cannot be answered one by one. */
	struct addr src = at("192.168.1.2:77"), dst = at("192.168.1.1");
	t.len = ipmake_echo(t.packet, &src, &dst, 64);
	ipmake_set_fragment(t.packet, 0x2000, 5);
	go(&t, ROUTER_INSIDE);
	assert_int_equal(router.stats.answered, 1);

	t = pass(ROUTER_OUTSIDE, ipmake_echo, "198.51.100.7:77", "192.168.1.1");
	assert_int_equal(t.way, ROUTER_DROP);
	assert_int_equal(natbox_count(&router.nb, now), 0);
	router_free(&router);
}

TEST(a_stranger_is_told_or_not_as_the_input_policy_says)
{
	start(NATBOX_EIM, NATBOX_APDF);
	for (int input = NATBOX_INPUT_DROP; input <= NATBOX_INPUT_ACCEPT; input++) {
		change((enum natbox_input)input);
		struct trip t =
			pass(ROUTER_OUTSIDE, ipmake_udp, "198.51.100.7:3478", "203.0.113.1:7777");
		if (input == NATBOX_INPUT_DROP) {
			assert_int_equal(t.way, ROUTER_DROP);
			continue;
		}
		assert_int_equal(t.way, ROUTER_TO_OUTSIDE);
		is_between(&t.seen.own, "203.0.113.1", "198.51.100.7");
		is_between(&t.seen.quoted, "198.51.100.7:3478", "203.0.113.1:7777");
	}
	router_free(&router);
}

TEST(counts_what_no_nat_can_pass)
{
	struct addr src = at("192.168.1.2:51820"), dst = at("198.51.100.7:3478");
	struct trip t;

	start(NATBOX_EIM, NATBOX_EIF);
	t.len = ipmake_udp(t.packet, &src, &dst, 10) - 1;
	go(&t, ROUTER_INSIDE);
	t.len = ipmake_udp(t.packet, &src, &dst, 10);
	t.packet[10] ^= 1;
	go(&t, ROUTER_INSIDE);
	t.len = ipmake_udp(t.packet, &src, &dst, 10);
	t.packet[9] = 47;
	ipmake_set_ttl(t.packet, 64);
	go(&t, ROUTER_INSIDE);
	assert_int_equal(router.stats.short_, 1);
	assert_int_equal(router.stats.corrupt, 1);
	assert_int_equal(router.stats.alien, 1);
	router_free(&router);
}

TEST(flushed_it_knows_nobody)
{
	start(NATBOX_EIM, NATBOX_EIF);
	struct trip out = pass(ROUTER_INSIDE, ipmake_udp, "192.168.1.2:51820", "198.51.100.7:3478");
	char public[ADDR_TEXT_MAX];
	strcpy(public, shown(&out));
	struct addr src = at("192.168.1.2:51820"), dst = at("198.51.100.7:3478");
	struct trip part;
	part.len = ipmake_udp(part.packet, &src, &dst, 64);
	ipmake_set_fragment(part.packet, 0x2000, 5);
	go(&part, ROUTER_INSIDE);
	assert_int_equal(part.way, ROUTER_TO_OUTSIDE);

	router_flush(&router);
	part.len = ipmake_udp(part.packet, &src, &dst, 64);
	ipmake_set_fragment(part.packet, 9, 5);
	go(&part, ROUTER_INSIDE);
	assert_int_equal(part.way, ROUTER_DROP);
	struct trip in = pass(ROUTER_OUTSIDE, ipmake_udp, "198.51.100.7:3478", public);
	assert_int_equal(in.way, ROUTER_DROP);
	router_free(&router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_packet_goes_out_and_its_answer_comes_in),
		RUN(ipv6_is_let_through_as_it_is_and_only_answers_come_in),
		RUN(an_icmp_error_reaches_the_host_it_is_about),
		RUN(an_icmp_error_of_the_host_goes_out_as_the_router_s),
		RUN(an_icmp_error_of_ipv6_stays_as_it_is),
		RUN(who_runs_out_of_hops_is_told),
		RUN(two_hosts_inside_meet_at_the_public_address),
		RUN(fragments_follow_the_first_one),
		RUN(bytes_behind_a_packet_do_not_travel),
		RUN(answers_pings_inside_and_nothing_else_is_for_it),
		RUN(a_stranger_is_told_or_not_as_the_input_policy_says),
		RUN(counts_what_no_nat_can_pass),
		RUN(flushed_it_knows_nobody),
	};
	return RUN_TESTS(tests);
}
