/* The NAT model seen from both of its sides, as a prober sees a NAT: kinds (RFC 4787; RFC 5780, 4.3 and 4.4), ports,
 * lifetimes, hairpinning, pools, hops, errors, accepted input (nat.md 4), and what control does to them. */
#include "sim/natbox.h"

#include <errno.h>

#include "support/test.h"

#define NOW  SEC(1000)
#define HOPS 64
#define PORT 51820

/* --- actors ---------------------------------------------------------------------------------------------------------- */

static struct addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return addr_v4((uint8_t[]){a, b, c, d}, port);
}

static struct addr public_ip(uint8_t last)
{
	return v4(192, 0, 2, last, 0);
}

static struct addr host(uint8_t last, uint16_t port)
{
	return v4(10, 66, 0, last, port);
}

/* A STUN server's four addresses: RFC 5780, 6. */
static struct addr server(void)
{
	return v4(198, 51, 100, 1, 3478);
}

static struct addr server_other_port(void)
{
	return v4(198, 51, 100, 1, 3479);
}

static struct addr server_other_ip(void)
{
	return v4(203, 0, 113, 1, 3478);
}

static struct addr server_other(void)
{
	return v4(203, 0, 113, 1, 3479);
}

static struct addr v6(uint8_t net, uint8_t last, uint16_t port)
{
	return addr_v6((uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, net, [15] = last}, port, 0);
}

/* --- one NAT and packets through it ---------------------------------------------------------------------------------- */

static struct natbox nb;

static void start(const struct natbox_config *config, uint64_t seed)
{
	natbox_free(&nb);
	assert_int_equal(natbox_init(&nb, config, seed), 0);
}

static struct natbox_config plain(enum natbox_mapping mapping, enum natbox_filtering filtering)
{
	return (struct natbox_config){.mapping = mapping,
				      .filtering = filtering,
				      .ports = NATBOX_RANDOM,
				      .pool = {public_ip(1)},
				      .pool_count = 1,
				      .filtering6 = filtering,
				      .capacity = 2048};
}

static void start_plain(enum natbox_mapping mapping, enum natbox_filtering filtering)
{
	struct natbox_config config = plain(mapping, filtering);

	start(&config, 1);
}

static void start_linux(enum natbox_input input)
{
	struct addr public = public_ip(1);
	struct natbox_config config = natbox_linux(&public, input);

	start(&config, 1);
}

static struct natbox_flow udp(struct addr src, struct addr dst)
{
	return (struct natbox_flow){.proto = NATBOX_UDP, .ttl = HOPS, .src = src, .dst = dst};
}

/* An error quotes the packet it is about, which went the other way. */
static struct natbox_flow error_about(struct natbox_flow quoted)
{
	quoted.error = true;
	quoted.ttl = HOPS;
	return quoted;
}

static void assert_same(const struct natbox_flow *a, const struct natbox_flow *b)
{
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->error, b->error);
	assert_int_equal(a->ttl, b->ttl);
	assert_true(addr_equal(&a->src, &b->src));
	assert_true(addr_equal(&a->dst, &b->dst));
}

/* The verdict; a flow that does not pass must be as it was. */
static enum natbox_verdict out(struct natbox_flow *flow, usec now)
{
	struct natbox_flow before = *flow;
	enum natbox_verdict v = natbox_out(&nb, flow, now);

	if (v != NATBOX_FORWARD && v != NATBOX_HAIRPIN)
		assert_same(flow, &before);
	return v;
}

static enum natbox_verdict in(struct natbox_flow *flow, usec now)
{
	struct natbox_flow before = *flow;
	enum natbox_verdict v = natbox_in(&nb, flow, now);

	if (v != NATBOX_FORWARD)
		assert_same(flow, &before);
	return v;
}

/* A packet from there to there passes outwards; where it seems to come from. */
static struct addr seen_by(struct addr remote, struct addr inside, usec now)
{
	struct natbox_flow flow = udp(inside, remote);

	assert_int_equal(out(&flow, now), NATBOX_FORWARD);
	assert_true(addr_equal(&flow.dst, &remote));
	assert_int_equal(flow.ttl, HOPS - 1);
	return flow.src;
}

static enum natbox_verdict sent_to(struct addr public, struct addr remote, usec now)
{
	struct natbox_flow flow = udp(remote, public);

	return in(&flow, now);
}

/* A packet from outside comes in, and to this host. */
static bool reaches(struct addr inside, struct addr public, struct addr remote, usec now)
{
	struct natbox_flow flow = udp(remote, public);

	return in(&flow, now) == NATBOX_FORWARD && addr_equal(&flow.dst, &inside) &&
	       addr_equal(&flow.src, &remote) && flow.ttl == HOPS - 1;
}

static bool same(struct addr a, struct addr b)
{
	return addr_equal(&a, &b);
}

static struct addr with_port(struct addr a, uint16_t port)
{
	a.port = port;
	return a;
}

/* --- kinds, as probes find them -------------------------------------------------------------------------------------- */

/* RFC 5780, 4.3. */
static enum natbox_mapping probe_mapping(struct addr inside)
{
	struct addr first = seen_by(server(), inside, NOW);
	struct addr second = seen_by(server_other_ip(), inside, NOW);
	struct addr third = seen_by(server_other(), inside, NOW);

	if (same(first, second))
		return NATBOX_EIM;
	return same(second, third) ? NATBOX_ADM : NATBOX_APDM;
}

/* RFC 5780, 4.4: from a socket that sent to the first address only. */
static enum natbox_filtering probe_filtering(struct addr inside)
{
	struct addr mapped = seen_by(server(), inside, NOW);

	assert_true(reaches(inside, mapped, server(), NOW));
	if (reaches(inside, mapped, server_other(), NOW))
		return NATBOX_EIF;
	return reaches(inside, mapped, server_other_port(), NOW) ? NATBOX_ADF : NATBOX_APDF;
}

/* From the public ports of `COUNT` sockets with numbers that have nothing to do with each other. */
#define COUNT 64
static enum natbox_port_rule probe_ports(int step, unsigned block_len)
{
	struct rand rand = rand_seeded(99);
	unsigned kept = 0, stepped = 0, low = 65535, high = 0;
	uint16_t last = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		struct addr inside = host(7, (uint16_t)(20000 + 700 * i + rand_below(&rand, 700)));
		uint16_t mapped = seen_by(server(), inside, NOW).port;

		assert_true(mapped >= NATBOX_PORT_LOW);
		kept += mapped == inside.port;
		stepped += i > 0 && mapped == last + step;
		last = mapped;
		low = mapped < low ? mapped : low;
		high = mapped > high ? mapped : high;
	}
	if (kept == COUNT)
		return NATBOX_PRESERVE;
	if (stepped >= COUNT - 2) /* once round the end */
		return NATBOX_SEQUENTIAL;
	assert_true(kept < 3 && stepped < 3);
	/* And not only the lower half of it. */
	if (high - low < block_len) {
		assert_true(high - low > block_len * 3 / 4);
		return NATBOX_BLOCK;
	}
	return NATBOX_RANDOM;
}

static const enum natbox_mapping mappings[] = {NATBOX_EIM, NATBOX_ADM, NATBOX_APDM};
static const enum natbox_filtering filterings[] = {NATBOX_EIF, NATBOX_ADF, NATBOX_APDF};

TEST(each_mapping_with_each_filtering_and_port_rule_is_what_probes_find)
{
	static const struct natbox_config ports[] = {
		{.ports = NATBOX_PRESERVE},
		{.ports = NATBOX_SEQUENTIAL, .step = 1},
		{.ports = NATBOX_SEQUENTIAL, .step = -2},
		{.ports = NATBOX_SEQUENTIAL, .step = 16},
		{.ports = NATBOX_BLOCK, .block_len = 512},
		{.ports = NATBOX_BLOCK, .block_len = 4096},
		{.ports = NATBOX_RANDOM},
	};

	for (uint64_t seed = 0; seed < 10; seed++)
		for (size_t i = 0; i < 9 * sizeof ports / sizeof *ports; i++) {
			const struct natbox_config *p = &ports[i / 9];
			struct natbox_config c = plain(mappings[i % 3], filterings[i / 3 % 3]);

			c.ports = p->ports;
			c.step = p->step;
			c.block_len = p->block_len;
			start(&c, seed);
			assert_int_equal(probe_ports(c.step, c.block_len), c.ports);
			assert_int_equal(probe_filtering(host(2, PORT)), c.filtering);
			assert_int_equal(probe_mapping(host(2, PORT + 1)), c.mapping);
			assert_int_equal(natbox_seen_mapping(&c), c.mapping);
		}
}

/* nat.md 1: port preservation is not a class. */
TEST(a_kept_port_is_the_first_mappings_alone_when_each_destination_needs_one)
{
	struct natbox_config c = plain(NATBOX_APDM, NATBOX_APDF);
	unsigned kept = 0;

	c.ports = NATBOX_PRESERVE;
	start(&c, 1);
	for (uint16_t i = 0; i < 50; i++)
		kept += seen_by(with_port(server(), (uint16_t)(1000 + i)), host(2, PORT), NOW)
				.port == PORT;
	assert_int_equal(kept, 1);
	assert_int_equal(nb.stats.moved, 49);
	assert_int_equal(natbox_seen_ports(&c), NATBOX_RANDOM);
	c.mapping = NATBOX_EIM;
	assert_int_equal(natbox_seen_ports(&c), NATBOX_PRESERVE);
}

/* This and the next as measured on Linux 6.18 with nftables' masquerade. */
TEST(linux_looks_endpoint_independent_until_two_hosts_use_one_port)
{
	struct addr public = with_port(public_ip(1), PORT), moved;

	start_linux(NATBOX_INPUT_DROP);
	assert_int_equal(natbox_seen_mapping(&nb.config), NATBOX_EIM);
	assert_int_equal(natbox_seen_ports(&nb.config), NATBOX_PRESERVE);
	assert_int_equal(probe_mapping(host(2, PORT)), NATBOX_EIM);
	assert_int_equal(probe_filtering(host(2, PORT + 1)), NATBOX_APDF);
	assert_true(same(seen_by(server(), host(2, PORT), NOW), public));

	/* The other host keeps its port towards whom the first has not sent to, and has another one once it cannot. */
	assert_true(same(seen_by(server_other_port(), host(3, PORT), NOW), public));
	moved = seen_by(server(), host(3, PORT), NOW);
	assert_int_not_equal(moved.port, PORT);
	assert_true(same(seen_by(server_other(), host(3, PORT), NOW), moved));
	assert_true(same(seen_by(server_other_port(), host(3, PORT), NOW), public));

	assert_true(reaches(host(2, PORT), public, server(), NOW));
	assert_true(reaches(host(3, PORT), moved, server(), NOW));
	assert_true(reaches(host(3, PORT), public, server_other_port(), NOW));
}

TEST(linux_keeps_a_moved_socket_together_while_its_newest_mapping_can_be_used)
{
	struct addr first, second;

	start_linux(NATBOX_INPUT_ACCEPT);
	seen_by(server(), host(2, PORT), NOW);
	/* A host whose first packet has to be moved is endpoint-independent too, at another port. */
	assert_int_equal(probe_mapping(host(3, PORT)), NATBOX_EIM);
	first = seen_by(server(), host(3, PORT), NOW);
	assert_int_not_equal(first.port, PORT);

	/* Where that port is taken its own is next, if that is free; then any. */
	struct addr stranger = v4(198, 51, 100, 9, 1);
	assert_int_equal(sent_to(first, stranger, NOW), NATBOX_LOCAL);
	assert_int_equal(seen_by(stranger, host(3, PORT), NOW).port, PORT);
	stranger.port = 2;
	assert_int_equal(sent_to(with_port(first, PORT), stranger, NOW), NATBOX_LOCAL);
	second = seen_by(stranger, host(3, PORT), NOW);
	assert_int_not_equal(second.port, PORT);
	stranger.port = 3;
	assert_true(same(seen_by(stranger, host(3, PORT), NOW + SEC(29)), second));

	/* All but the newest end; another socket of the host has nothing to do with it; and when all have ended it begins anew. */
	stranger.port = 4;
	assert_true(same(seen_by(stranger, host(3, PORT), NOW + SEC(58)), second));
	assert_int_equal(seen_by(stranger, host(3, 1111), NOW + SEC(58)).port, 1111);
	stranger.port = 5;
	assert_int_equal(seen_by(stranger, host(3, PORT), NOW + SEC(88)).port, PORT);
}

/* The newest one ends first: the one made before it is the newest again. */
TEST(linux_returns_to_the_newest_mapping_that_is_left)
{
	struct addr stranger = v4(198, 51, 100, 9, 1), moved;

	start_linux(NATBOX_INPUT_ACCEPT);
	seen_by(server(), host(2, PORT), NOW);
	assert_int_equal(seen_by(server_other(), host(3, PORT), NOW).port, PORT);
	moved = seen_by(server(), host(3, PORT), NOW);
	assert_int_equal(sent_to(moved, stranger, NOW), NATBOX_LOCAL);
	assert_int_equal(seen_by(stranger, host(3, PORT), NOW).port, PORT);

	seen_by(server_other(), host(3, PORT), NOW + SEC(29));
	seen_by(server(), host(3, PORT), NOW + SEC(29));
	assert_int_equal(natbox_count(&nb, NOW + SEC(31)), 2);
	assert_true(same(seen_by(server_other_port(), host(3, PORT), NOW + SEC(31)), moved));
	/* And when all have ended it has its own port. */
	assert_int_equal(natbox_count(&nb, NOW + SEC(61)), 0);
	assert_int_equal(seen_by(server(), host(3, PORT), NOW + SEC(61)).port, PORT);
}

TEST(linux_with_random_ports_is_what_it_is_called)
{
	struct addr public = public_ip(1);
	struct natbox_config c = natbox_linux(&public, NATBOX_INPUT_DROP);

	c.ports = NATBOX_RANDOM;
	start(&c, 1);
	assert_int_equal(probe_mapping(host(2, PORT)), NATBOX_APDM);
	assert_int_equal(natbox_seen_mapping(&c), NATBOX_APDM);
}

TEST(an_overloaded_port_of_an_address_dependent_nat_serves_a_host_for_each_ip)
{
	struct natbox_config c = plain(NATBOX_ADM, NATBOX_ADF);
	struct addr public = with_port(public_ip(1), PORT);

	c.ports = NATBOX_PRESERVE;
	c.overload = true;
	start(&c, 1);
	assert_true(same(seen_by(server(), host(2, PORT), NOW), public));
	assert_true(same(seen_by(server_other_port(), host(2, PORT), NOW), public));
	assert_true(same(seen_by(server_other(), host(3, PORT), NOW), public));
	assert_false(same(seen_by(server_other(), host(2, PORT), NOW), public));
	assert_true(reaches(host(2, PORT), public, with_port(server(), 9), NOW));
	assert_true(reaches(host(3, PORT), public, with_port(server_other(), 9), NOW));
	assert_int_equal(sent_to(public, v4(203, 0, 113, 77, 9), NOW), NATBOX_DROP_NO_MAPPING);
}

/* Of endpoint-independent mappings, and of all that need a port each. */
TEST(no_two_mappings_share_a_public_port)
{
	for (size_t i = 0; i < 3; i++) {
		struct natbox_config c = plain(mappings[i], NATBOX_EIF);
		static uint8_t used[65536];

		memset(used, 0, sizeof used);
		c.port_low = 2000;
		c.port_high = 2999;
		start(&c, i);
		for (uint16_t n = 0; n < 1000; n++) {
			uint16_t port = seen_by(server(), host(2, (uint16_t)(5000 + n)), NOW).port;

			assert_in_range(port, 2000, 2999);
			assert_int_equal(used[port]++, 0);
		}
		struct natbox_flow more = udp(host(2, 1), server());
		assert_int_equal(out(&more, NOW), NATBOX_DROP_PORTS);
		assert_int_equal(nb.stats.out[NATBOX_DROP_PORTS], 1);
	}
}

TEST(sequential_ports_go_round_and_step_over_what_is_taken)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);
	uint16_t first, port = 0;

	c.ports = NATBOX_SEQUENTIAL;
	c.step = 3;
	c.port_low = 3000;
	c.port_high = 3009;
	start(&c, 1);
	first = seen_by(server(), host(2, 1), NOW).port;
	for (uint16_t i = 1; i < 10; i++) {
		seen_by(server(), host(2, 1), NOW + SEC(20) * i); /* it lives on */
		uint16_t next =
			seen_by(server(), host(2, (uint16_t)(1 + i)), NOW + SEC(20) * i).port;
		if (i > 1 && next != (port - 3000 + 3) % 10 + 3000)
			assert_int_equal((port - 3000 + 3) % 10 + 3000, first);
		assert_int_not_equal(next, first);
		port = next;
	}
}

TEST(a_block_belongs_to_its_host_while_that_has_mappings)
{
	struct natbox_config c = plain(NATBOX_APDM, NATBOX_EIF);
	uint16_t low[4], high[4];

	c.ports = NATBOX_BLOCK;
	c.block_len = 512;
	c.port_low = 4096;
	c.port_high = 4096 + 3 * 512 - 1;
	start(&c, 1);
	for (uint8_t h = 0; h < 3; h++) {
		low[h] = 65535;
		high[h] = 0;
		for (uint16_t i = 0; i < 512; i++) {
			uint16_t port = seen_by(server(), host(h, (uint16_t)(1 + i)), NOW).port;

			low[h] = port < low[h] ? port : low[h];
			high[h] = port > high[h] ? port : high[h];
		}
		assert_int_equal(high[h] - low[h], 511);
		assert_int_equal(low[h] % 512, 0);
		for (uint8_t other = 0; other < h; other++)
			assert_int_not_equal(low[h], low[other]);
	}

	struct natbox_flow more = udp(host(1, 9999), server());
	assert_int_equal(out(&more, NOW), NATBOX_DROP_PORTS);
	more = udp(host(4, 1), server()); /* no block left for a fourth */
	assert_int_equal(out(&more, NOW), NATBOX_DROP_PORTS);

	for (uint16_t i = 0; i < 512; i++) {
		seen_by(server(), host(0, (uint16_t)(1 + i)), NOW + SEC(29));
		seen_by(server(), host(2, (uint16_t)(1 + i)), NOW + SEC(29));
	}
	assert_in_range(seen_by(server(), host(4, 1), NOW + SEC(30)).port, low[1], high[1]);
}

/* --- lifetimes ------------------------------------------------------------------------------------------------------- */

TEST(an_unanswered_mapping_lives_30_seconds_to_the_microsecond)
{
	struct addr mapped;

	start_plain(NATBOX_EIM, NATBOX_EIF);
	mapped = seen_by(server(), host(2, PORT), NOW);
	assert_int_equal(natbox_count(&nb, NOW + SEC(30) - 1), 1);
	assert_true(same(seen_by(server(), host(2, PORT), NOW + SEC(30) - 1), mapped));
	assert_int_equal(natbox_count(&nb, NOW + SEC(60) - 2), 1);
	assert_int_equal(natbox_count(&nb, NOW + SEC(60) - 1), 0);
	assert_int_equal(sent_to(mapped, server(), NOW + SEC(60) - 1), NATBOX_DROP_NO_MAPPING);
	assert_false(same(seen_by(server(), host(2, PORT), NOW + SEC(60) - 1), mapped));
	assert_int_equal(nb.stats.expired, 1);
	assert_int_equal(nb.stats.mappings, 2);
}

/* The answer that comes is not yet both ways, and what is not older than 2 s is no stream (nat.md 4). */
TEST(a_mapping_lives_120_seconds_once_it_is_answered_and_older_than_2)
{
	static const struct {
		usec answered, sent, lives;
	} cases[] = {
		{MSEC(10), MSEC(20), SEC(30)},
		{MSEC(10), SEC(2), SEC(30)},
		{MSEC(10), SEC(2) + 1, SEC(120)},
		{SEC(5), SEC(5) + 1, SEC(120)},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int outwards = 0; outwards < 2; outwards++) {
			start_linux(NATBOX_INPUT_DROP);
			struct addr mapped = seen_by(server(), host(2, PORT), NOW);

			assert_true(
				reaches(host(2, PORT), mapped, server(), NOW + cases[i].answered));
			if (outwards)
				seen_by(server(), host(2, PORT), NOW + cases[i].sent);
			else
				assert_true(reaches(host(2, PORT), mapped, server(),
						    NOW + cases[i].sent));
			usec end = NOW + cases[i].sent + cases[i].lives;
			assert_int_equal(natbox_count(&nb, end - 1), 1);
			assert_int_equal(natbox_count(&nb, end), 0);
		}
	}

	/* An answer alone, however late. */
	start_linux(NATBOX_INPUT_DROP);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	assert_true(reaches(host(2, PORT), mapped, server(), NOW + SEC(10)));
	assert_int_equal(natbox_count(&nb, NOW + SEC(40) - 1), 1);
	assert_int_equal(natbox_count(&nb, NOW + SEC(40)), 0);
	/* And packets of one side alone, however many. */
	for (usec at = 0; at < SEC(60); at += SEC(1))
		seen_by(server(), host(2, PORT), NOW + SEC(50) + at);
	assert_int_equal(natbox_count(&nb, NOW + SEC(139) - 1), 1);
	assert_int_equal(natbox_count(&nb, NOW + SEC(139)), 0);
}

TEST(a_keepalive_of_25_seconds_keeps_a_mapping_and_one_of_125_does_not)
{
	start_plain(NATBOX_EIM, NATBOX_APDF);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	usec at = NOW;

	for (int i = 0; i < 1000; i++, at += SEC(25))
		assert_true(same(seen_by(server(), host(2, PORT), at), mapped));
	assert_true(reaches(host(2, PORT), mapped, server(), at));
	assert_true(same(seen_by(server(), host(2, PORT), at), mapped));
	assert_true(same(seen_by(server(), host(2, PORT), at + SEC(119)), mapped));
	assert_false(same(seen_by(server(), host(2, PORT), at + SEC(119) + SEC(125)), mapped));
}

TEST(lifetimes_are_what_the_configuration_says)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);

	c.unconfirmed = SEC(5);
	c.confirmed = SEC(7);
	c.confirm_age = 1;
	start(&c, 1);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	assert_int_equal(natbox_count(&nb, NOW + SEC(5) - 1), 1);
	assert_true(reaches(host(2, PORT), mapped, server(), NOW + SEC(5) - 1));
	assert_int_equal(natbox_count(&nb, NOW + SEC(10) - 2), 1);
	seen_by(server(), host(2, PORT), NOW + SEC(10) - 2);
	assert_int_equal(natbox_count(&nb, NOW + SEC(17) - 3), 1);
	assert_int_equal(natbox_count(&nb, NOW + SEC(17) - 2), 0);
}

TEST(what_comes_in_prolongs_nothing_where_only_the_inside_may)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_APDF);

	c.refresh_outbound_only = true;
	start(&c, 1);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	for (usec at = 0; at < SEC(30); at += SEC(1))
		assert_true(reaches(host(2, PORT), mapped, server(), NOW + at));
	assert_int_equal(sent_to(mapped, server(), NOW + SEC(30)), NATBOX_DROP_NO_MAPPING);

	/* But it confirms. */
	mapped = seen_by(server(), host(2, PORT), NOW + SEC(100));
	assert_true(reaches(host(2, PORT), mapped, server(), NOW + SEC(101)));
	seen_by(server(), host(2, PORT), NOW + SEC(103));
	assert_true(reaches(host(2, PORT), mapped, server(), NOW + SEC(223) - 1));
	assert_int_equal(sent_to(mapped, server(), NOW + SEC(223)), NATBOX_DROP_NO_MAPPING);
}

/* The mapping lives by one destination, what another one may do ends. */
TEST(who_was_sent_to_long_ago_is_filtered_again)
{
	static const struct {
		enum natbox_mapping mapping;
		enum natbox_filtering filtering;
	} kinds[] = {
		{NATBOX_EIM, NATBOX_ADF}, {NATBOX_EIM, NATBOX_APDF}, {NATBOX_ADM, NATBOX_APDF}};

	for (size_t i = 0; i < 3; i++) {
		struct addr first = server(),
			    second = i == 2 ? server_other_port() : server_other();

		start_plain(kinds[i].mapping, kinds[i].filtering);
		struct addr mapped = seen_by(first, host(2, PORT), NOW);
		assert_true(same(seen_by(second, host(2, PORT), NOW + SEC(1)), mapped));
		assert_int_equal(natbox_count(&nb, NOW), 3);
		seen_by(second, host(2, PORT), NOW + SEC(25));
		assert_true(reaches(host(2, PORT), mapped, first, NOW + SEC(30) - 1));
		assert_true(reaches(host(2, PORT), mapped, second, NOW + SEC(40)));
		seen_by(second, host(2, PORT), NOW + SEC(61));
		assert_int_equal(sent_to(mapped, first, NOW + SEC(61)), NATBOX_DROP_FILTERED);
		assert_true(reaches(host(2, PORT), mapped, second, NOW + SEC(61)));
		assert_int_equal(natbox_count(&nb, NOW + SEC(61)), 2);
	}
}

/* A stranger who is filtered keeps nothing alive. */
TEST(filtered_packets_prolong_nothing)
{
	start_plain(NATBOX_EIM, NATBOX_ADF);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);

	for (usec at = 0; at < SEC(30); at += SEC(1))
		assert_int_equal(sent_to(mapped, server_other(), NOW + at), NATBOX_DROP_FILTERED);
	assert_int_equal(natbox_count(&nb, NOW + SEC(30)), 0);
}

/* --- accepted input (nat.md 4) --------------------------------------------------------------------------------------- */

TEST(accepted_input_moves_the_flow_that_comes_late)
{
	struct addr public = with_port(public_ip(1), PORT), moved;

	start_linux(NATBOX_INPUT_ACCEPT);
	assert_int_equal(sent_to(public, server(), NOW), NATBOX_LOCAL);
	assert_int_equal(nb.stats.poisoned, 1);
	moved = seen_by(server(), host(2, PORT), NOW + SEC(1));
	assert_int_not_equal(moved.port, PORT);
	assert_int_equal(nb.stats.moved, 1);
	/* And so are those of this socket that follow, another socket's not. */
	assert_true(same(seen_by(server_other(), host(2, PORT), NOW + SEC(1)), moved));
	assert_int_equal(seen_by(server_other(), host(3, PORT), NOW + SEC(1)).port, PORT);
	/* The sender goes on to the port it knows: to the router. */
	assert_int_equal(sent_to(public, server(), NOW + SEC(2)), NATBOX_LOCAL);
	assert_int_equal(nb.stats.poisoned, 1);
	assert_true(reaches(host(2, PORT), moved, server(), NOW + SEC(2)));
}

TEST(accepted_input_is_remembered_for_30_seconds_after_the_last_packet)
{
	struct addr public = with_port(public_ip(1), PORT);

	start_linux(NATBOX_INPUT_ACCEPT);
	for (usec at = 0; at <= SEC(100); at += SEC(29))
		assert_int_equal(sent_to(public, server(), NOW + at), NATBOX_LOCAL);
	assert_int_not_equal(seen_by(server(), host(2, PORT), NOW + SEC(117) - 1).port, PORT);

	start_linux(NATBOX_INPUT_ACCEPT);
	assert_int_equal(sent_to(public, server(), NOW), NATBOX_LOCAL);
	assert_int_equal(seen_by(server(), host(2, PORT), NOW + SEC(30)).port, PORT);
	assert_true(reaches(host(2, PORT), public, server(), NOW + SEC(30)));
}

TEST(a_mapping_that_was_first_is_not_poisoned)
{
	struct addr public = with_port(public_ip(1), PORT);

	start_linux(NATBOX_INPUT_ACCEPT);
	seen_by(server(), host(2, PORT), NOW);
	assert_true(reaches(host(2, PORT), public, server(), NOW));
	assert_int_equal(nb.stats.poisoned, 0);
	/* A port whose mapping is endpoint-independent is nobody else's, and its filter's packets do not reach the router. */
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_APDF);
	c.input = NATBOX_INPUT_ACCEPT;
	start(&c, 1);
	public = seen_by(server(), host(2, PORT), NOW);
	assert_int_equal(sent_to(public, server_other(), NOW), NATBOX_DROP_FILTERED);
	assert_true(same(seen_by(server_other(), host(2, PORT), NOW), public));
	assert_true(reaches(host(2, PORT), public, server_other(), NOW));
}

TEST(input_that_is_dropped_or_rejected_poisons_nothing)
{
	static const enum natbox_input inputs[] = {NATBOX_INPUT_DROP, NATBOX_INPUT_REJECT};

	for (size_t i = 0; i < 2; i++) {
		struct addr public = with_port(public_ip(1), PORT);

		start_linux(inputs[i]);
		assert_int_equal(sent_to(public, server(), NOW),
				 i ? NATBOX_LOCAL : NATBOX_DROP_NO_MAPPING);
		assert_int_equal(nb.stats.poisoned, 0);
		assert_true(same(seen_by(server(), host(2, PORT), NOW), public));
	}
}

TEST(input_is_for_our_own_addresses_and_even_its_last_hop_counts)
{
	start_linux(NATBOX_INPUT_ACCEPT);
	assert_int_equal(sent_to(v4(192, 0, 2, 9, PORT), server(), NOW), NATBOX_DROP_NO_MAPPING);
	assert_int_equal(nb.stats.poisoned, 0);

	struct natbox_flow flow = udp(server(), with_port(public_ip(1), PORT));
	flow.ttl = 1;
	assert_int_equal(in(&flow, NOW), NATBOX_LOCAL);
	assert_int_equal(nb.stats.poisoned, 1);
	flow.proto = NATBOX_TCP; /* the router's RST ends it */
	assert_int_equal(in(&flow, NOW), NATBOX_LOCAL);
	assert_int_equal(nb.stats.poisoned, 1);
}

/* Two Linux routers, a host behind each, 40 ms from one router to the other; a hop of nobody's between them. Both hosts know
 * where the other is seen and send there every 100 ms, the second one begins `skew` later. opener: hops of the first packet
 * of each. True when each has heard the other after 3 seconds. */
static bool punches(enum natbox_input input, usec skew, uint8_t opener)
{
	static struct natbox box[2];
	static struct {
		usec at;
		int to;
		struct natbox_flow flow;
	} wire[128];
	struct addr public[2], inside = host(2, PORT);
	size_t count = 0;
	bool heard[2] = {false, false};

	for (uint8_t side = 0; side < 2; side++) {
		public[side] = with_port(public_ip((uint8_t)(1 + side)), PORT);
		struct natbox_config config = natbox_linux(&public[side], input);
		assert_int_equal(natbox_init(&box[side], &config, side), 0);
	}
	for (usec now = 0; now < SEC(3); now += MSEC(5)) {
		for (int side = 0; side < 2; side++) {
			usec begin = side ? skew : 0;
			struct natbox_flow flow = udp(inside, public[!side]);

			if (now < begin || (now - begin) % MSEC(100) != 0)
				continue;
			if (now == begin)
				flow.ttl = opener;
			if (natbox_out(&box[side], &flow, now) != NATBOX_FORWARD || flow.ttl-- <= 1)
				continue;
			wire[count].at = now + MSEC(40);
			wire[count].to = !side;
			wire[count++].flow = flow;
		}
		for (size_t i = 0; i < count; i++)
			if (wire[i].at == now &&
			    natbox_in(&box[wire[i].to], &wire[i].flow, now) == NATBOX_FORWARD)
				heard[wire[i].to] = true;
	}
	natbox_free(&box[0]);
	natbox_free(&box[1]);
	return heard[0] && heard[1];
}

TEST(punching_through_accepting_routers_works_when_both_begin_within_the_delay)
{
	for (usec skew = 0; skew <= MSEC(120); skew += MSEC(5)) {
		if (skew != MSEC(40))
			assert_int_equal(punches(NATBOX_INPUT_ACCEPT, skew, HOPS), skew < MSEC(40));
		assert_true(punches(NATBOX_INPUT_DROP, skew, HOPS));
		assert_true(punches(NATBOX_INPUT_REJECT, skew, HOPS));
	}
}

TEST(a_first_packet_that_dies_between_the_routers_makes_every_skew_work)
{
	for (usec skew = 0; skew <= MSEC(120); skew += MSEC(5)) {
		/* 1: dies at its own router; 2: between them; 3: reaches the other router */
		assert_true(punches(NATBOX_INPUT_ACCEPT, skew, 2));
		if (skew > MSEC(40)) {
			assert_false(punches(NATBOX_INPUT_ACCEPT, skew, 3));
			assert_false(punches(NATBOX_INPUT_ACCEPT, MSEC(100) + skew, 1));
		}
	}
}

/* --- hops ------------------------------------------------------------------------------------------------------------ */

TEST(each_passage_takes_a_hop_and_the_last_one_is_told_to_the_sender)
{
	start_plain(NATBOX_EIM, NATBOX_EIF);
	for (uint8_t ttl = 0; ttl < 2; ttl++) {
		struct natbox_flow flow = udp(host(2, PORT), server());

		flow.ttl = ttl;
		assert_int_equal(out(&flow, NOW), NATBOX_EXPIRED);
	}
	assert_int_equal(natbox_count(&nb, NOW), 0); /* it never left, so nothing is known of it */
	assert_int_equal(nb.stats.out[NATBOX_EXPIRED], 2);

	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	struct natbox_flow flow = udp(server(), mapped);
	flow.ttl = 1;
	assert_int_equal(in(&flow, NOW), NATBOX_EXPIRED);
	flow.ttl = 2;
	assert_int_equal(in(&flow, NOW), NATBOX_FORWARD);
	assert_int_equal(flow.ttl, 1);
}

TEST(a_packet_whose_hops_end_here_keeps_an_old_mapping_but_permits_nobody_new)
{
	start_plain(NATBOX_EIM, NATBOX_APDF);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	struct natbox_flow flow = udp(host(2, PORT), server());

	flow.ttl = 1;
	assert_int_equal(out(&flow, NOW + SEC(20)), NATBOX_EXPIRED);
	assert_true(reaches(host(2, PORT), mapped, server(), NOW + SEC(49)));
	flow.dst = server_other();
	assert_int_equal(out(&flow, NOW + SEC(49)), NATBOX_EXPIRED);
	assert_int_equal(sent_to(mapped, server_other(), NOW + SEC(49)), NATBOX_DROP_FILTERED);
}

/* --- hairpinning ----------------------------------------------------------------------------------------------------- */

TEST(a_hairpin_shows_the_senders_public_address_and_the_answer_comes_back)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);

	c.hairpin = NATBOX_HAIRPIN_EXTERNAL;
	start(&c, 1);
	struct addr seen = seen_by(server(), host(2, PORT), NOW);
	struct natbox_flow flow = udp(host(3, PORT), seen);
	assert_int_equal(out(&flow, NOW), NATBOX_HAIRPIN);
	assert_true(same(flow.dst, host(2, PORT)));
	assert_int_equal(flow.ttl, HOPS - 1);
	assert_true(addr_same_ip(&flow.src, &c.pool[0]));
	assert_true(same(flow.src, seen_by(server(), host(3, PORT), NOW)));

	struct natbox_flow answer = udp(host(2, PORT), flow.src);
	assert_int_equal(out(&answer, NOW), NATBOX_HAIRPIN);
	assert_true(same(answer.dst, host(3, PORT)));
	assert_true(same(answer.src, seen));
}

TEST(a_hairpin_to_oneself_works)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);

	c.hairpin = NATBOX_HAIRPIN_EXTERNAL;
	start(&c, 1);
	struct addr seen = seen_by(server(), host(2, PORT), NOW);
	struct natbox_flow flow = udp(host(2, PORT), seen);
	assert_int_equal(out(&flow, NOW), NATBOX_HAIRPIN);
	assert_true(same(flow.dst, host(2, PORT)) && same(flow.src, seen));
}

TEST(a_hairpin_may_show_the_senders_inside_address)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);

	c.hairpin = NATBOX_HAIRPIN_INTERNAL;
	start(&c, 1);
	struct natbox_flow flow = udp(host(3, PORT), seen_by(server(), host(2, PORT), NOW));
	assert_int_equal(out(&flow, NOW), NATBOX_HAIRPIN);
	assert_true(same(flow.src, host(3, PORT)) && same(flow.dst, host(2, PORT)));
}

TEST(without_hairpinning_our_own_addresses_lead_nowhere)
{
	start_plain(NATBOX_EIM, NATBOX_EIF);
	struct natbox_flow flow = udp(host(3, PORT), seen_by(server(), host(2, PORT), NOW));

	assert_int_equal(out(&flow, NOW), NATBOX_DROP_HAIRPIN);
	assert_int_equal(natbox_count(&nb, NOW), 1);
}

TEST(a_hairpin_passes_the_filter_or_does_not)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_APDF);

	c.hairpin = NATBOX_HAIRPIN_EXTERNAL;
	start(&c, 1);
	struct addr two = seen_by(server(), host(2, PORT), NOW);
	struct addr three = seen_by(server(), host(3, PORT), NOW);
	struct natbox_flow flow = udp(host(3, PORT), two);
	assert_int_equal(out(&flow, NOW), NATBOX_DROP_FILTERED);
	flow = udp(host(2, PORT), three); /* the other one has opened by now */
	assert_int_equal(out(&flow, NOW), NATBOX_HAIRPIN);
	flow = udp(host(3, PORT), two);
	assert_int_equal(out(&flow, NOW), NATBOX_HAIRPIN);
	flow = udp(host(3, PORT), with_port(two, (uint16_t)(two.port ^ 1)));
	assert_int_equal(out(&flow, NOW), NATBOX_DROP_NO_MAPPING);
	flow = udp(host(3, PORT), two);
	flow.ttl = 1;
	assert_int_equal(out(&flow, NOW), NATBOX_EXPIRED);
}

TEST(linux_turns_a_flow_back_to_a_host_that_has_opened_for_it)
{
	struct addr public = public_ip(1);
	struct natbox_config c = natbox_linux(&public, NATBOX_INPUT_DROP);

	c.hairpin = NATBOX_HAIRPIN_EXTERNAL;
	start(&c, 1);
	struct natbox_flow flow = udp(host(2, 1111), with_port(public, 2222));
	assert_int_equal(out(&flow, NOW), NATBOX_DROP_NO_MAPPING);
	flow = udp(host(3, 2222), with_port(public, 1111));
	assert_int_equal(out(&flow, NOW), NATBOX_HAIRPIN);
	assert_true(same(flow.src, with_port(public, 2222)) && same(flow.dst, host(2, 1111)));

	struct natbox_flow error = error_about(flow);
	assert_int_equal(out(&error, NOW), NATBOX_HAIRPIN);
	assert_true(same(error.src, host(3, 2222)) && same(error.dst, with_port(public, 1111)));
}

/* --- pools ----------------------------------------------------------------------------------------------------------- */

static struct natbox_config pooled(bool paired)
{
	struct natbox_config c = plain(NATBOX_APDM, NATBOX_EIF);

	for (uint8_t i = 0; i < 4; i++)
		c.pool[i] = public_ip((uint8_t)(1 + i));
	c.pool_count = 4;
	c.paired = paired;
	return c;
}

TEST(a_paired_host_keeps_one_public_address_and_hosts_are_spread)
{
	struct natbox_config c = pooled(true);
	unsigned hosts[4] = {0};

	start(&c, 1);
	for (uint8_t h = 0; h < 40; h++) {
		struct addr first = seen_by(server(), host(h, 1), NOW);

		hosts[first.ip[3] - 1]++;
		for (uint16_t i = 2; i < 50; i++) {
			struct addr next = seen_by(server(), host(h, i), NOW);
			assert_true(addr_same_ip(&first, &next));
		}
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(hosts[i], 10);
}

TEST(an_unpaired_host_is_seen_with_all_addresses_and_reached_at_each)
{
	struct natbox_config c = pooled(false);
	unsigned seen[4] = {0};

	start(&c, 1);
	for (uint16_t i = 0; i < 400; i++) {
		struct addr mapped = seen_by(server(), host(2, (uint16_t)(1000 + i)), NOW);

		seen[mapped.ip[3] - 1]++;
		assert_true(reaches(host(2, (uint16_t)(1000 + i)), mapped, server_other(), NOW));
	}
	for (size_t i = 0; i < 4; i++)
		assert_in_range(seen[i], 60, 140);
}

TEST(one_port_of_two_public_addresses_is_two_mappings)
{
	struct natbox_config c = pooled(true);

	c.ports = NATBOX_PRESERVE;
	c.mapping = NATBOX_EIM;
	start(&c, 1);
	struct addr one = seen_by(server(), host(2, PORT), NOW);
	struct addr two = seen_by(server(), host(3, PORT), NOW);
	assert_int_equal(one.port, PORT);
	assert_int_equal(two.port, PORT);
	assert_true(reaches(host(2, PORT), one, server(), NOW));
	assert_true(reaches(host(3, PORT), two, server(), NOW));
}

/* --- ICMP and TCP ---------------------------------------------------------------------------------------------------- */

static struct natbox_flow echo(struct addr src, struct addr dst)
{
	return (struct natbox_flow){.proto = NATBOX_ECHO, .ttl = HOPS, .src = src, .dst = dst};
}

TEST(an_echo_is_mapped_by_its_identifier_for_30_seconds)
{
	start_plain(NATBOX_APDM, NATBOX_APDF);
	struct addr remote = with_port(server(), 0);
	struct natbox_flow request = echo(host(2, 7), remote);
	assert_int_equal(out(&request, NOW), NATBOX_FORWARD);
	assert_int_not_equal(request.src.port, 7);

	struct natbox_flow reply = echo(remote, request.src);
	assert_int_equal(in(&reply, NOW + SEC(10)), NATBOX_FORWARD);
	assert_true(same(reply.dst, host(2, 7)));
	reply = echo(with_port(server_other(), 0), request.src);
	assert_int_equal(in(&reply, NOW + SEC(10)), NATBOX_DROP_FILTERED);
	/* A port of UDP is no identifier of an echo. */
	assert_int_equal(sent_to(request.src, with_port(remote, 1), NOW), NATBOX_DROP_NO_MAPPING);

	request = echo(host(2, 7), remote);
	assert_int_equal(out(&request, NOW + SEC(15)), NATBOX_FORWARD);
	assert_int_equal(natbox_count(&nb, NOW + SEC(45) - 1), 1);
	assert_int_equal(natbox_count(&nb, NOW + SEC(45)), 0);
}

TEST(a_ping_from_outside_is_the_routers_if_it_takes_input)
{
	struct natbox_flow ping = echo(with_port(server(), 7), public_ip(1));

	start_linux(NATBOX_INPUT_DROP);
	assert_int_equal(in(&ping, NOW), NATBOX_DROP_NO_MAPPING);
	start_linux(NATBOX_INPUT_ACCEPT);
	assert_int_equal(in(&ping, NOW), NATBOX_LOCAL);
	assert_int_equal(nb.stats.poisoned, 0);
}

TEST(tcp_and_udp_have_ports_of_their_own_and_tcp_lives_long)
{
	start_linux(NATBOX_INPUT_DROP);
	struct natbox_flow tcp = udp(host(3, PORT), server());

	tcp.proto = NATBOX_TCP;
	assert_int_equal(seen_by(server(), host(2, PORT), NOW).port, PORT);
	assert_int_equal(out(&tcp, NOW), NATBOX_FORWARD);
	assert_int_equal(tcp.src.port, PORT);
	struct natbox_flow back = {
		.proto = NATBOX_TCP, .ttl = HOPS, .src = server(), .dst = tcp.src};
	assert_int_equal(in(&back, NOW + NATBOX_TCP_LIFETIME - 1), NATBOX_FORWARD);
	assert_true(same(back.dst, host(3, PORT)));
	assert_int_equal(natbox_count(&nb, NOW + 2 * NATBOX_TCP_LIFETIME - 2), 1);
	assert_int_equal(natbox_count(&nb, NOW + 2 * NATBOX_TCP_LIFETIME - 1), 0);
}

TEST(an_error_from_outside_is_about_the_inner_flow_and_reaches_its_host)
{
	start_plain(NATBOX_EIM, NATBOX_APDF);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);

	struct natbox_flow error = error_about(udp(mapped, server()));
	assert_int_equal(in(&error, NOW), NATBOX_FORWARD);
	assert_true(same(error.src, host(2, PORT)) && same(error.dst, server()));
	assert_int_equal(error.ttl, HOPS - 1);

	error = error_about(udp(mapped, server_other())); /* never sent there */
	assert_int_equal(in(&error, NOW), NATBOX_DROP_FILTERED);
	error = error_about(udp(with_port(mapped, (uint16_t)(mapped.port ^ 1)), server()));
	assert_int_equal(in(&error, NOW), NATBOX_DROP_NO_MAPPING);
	error = error_about(udp(mapped, server()));
	error.ttl = 1;
	assert_int_equal(in(&error, NOW), NATBOX_EXPIRED);
}

TEST(errors_make_confirm_and_prolong_nothing)
{
	start_plain(NATBOX_EIM, NATBOX_APDF);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	struct natbox_flow error = error_about(udp(mapped, server()));

	assert_int_equal(in(&error, NOW + SEC(10)), NATBOX_FORWARD);
	error = error_about(udp(server(), host(2, PORT)));
	assert_int_equal(out(&error, NOW + SEC(10)), NATBOX_FORWARD);
	error = error_about(udp(server_other(), host(2, PORT)));
	assert_int_equal(out(&error, NOW + SEC(10)), NATBOX_FORWARD);
	assert_int_equal(natbox_count(&nb, NOW + SEC(30) - 1), 2);
	assert_int_equal(natbox_count(&nb, NOW + SEC(30)), 0);

	error = error_about(udp(server(), host(3, PORT)));
	assert_int_equal(out(&error, NOW + SEC(31)), NATBOX_DROP_NO_MAPPING);
	start_linux(NATBOX_INPUT_ACCEPT);
	error = error_about(udp(with_port(public_ip(1), PORT), server()));
	assert_int_equal(in(&error, NOW), NATBOX_DROP_NO_MAPPING);
	assert_int_equal(natbox_count(&nb, NOW), 0);
}

TEST(an_error_from_inside_shows_the_public_address)
{
	start_plain(NATBOX_APDM, NATBOX_APDF);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	struct natbox_flow error = error_about(udp(server(), host(2, PORT)));

	assert_int_equal(out(&error, NOW), NATBOX_FORWARD);
	assert_true(same(error.src, server()) && same(error.dst, mapped));
	error = error_about(udp(server(), host(2, PORT)));
	error.ttl = 1;
	assert_int_equal(out(&error, NOW), NATBOX_EXPIRED);
}

TEST(an_error_about_a_hairpin_turns_back_as_well)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);

	c.hairpin = NATBOX_HAIRPIN_EXTERNAL;
	start(&c, 1);
	struct addr two = seen_by(server(), host(2, PORT), NOW);
	struct natbox_flow flow = udp(host(3, PORT), two);
	assert_int_equal(out(&flow, NOW), NATBOX_HAIRPIN);

	struct natbox_flow error = error_about(flow);
	assert_int_equal(out(&error, NOW), NATBOX_HAIRPIN);
	assert_true(same(error.src, host(3, PORT)) && same(error.dst, two));
	error = error_about(udp(with_port(two, (uint16_t)(two.port ^ 1)), host(2, PORT)));
	assert_int_equal(out(&error, NOW), NATBOX_DROP_NO_MAPPING);

	c.hairpin = NATBOX_HAIRPIN_NONE;
	assert_int_equal(natbox_change(&nb, &c), 0);
	error = error_about(flow);
	assert_int_equal(out(&error, NOW), NATBOX_DROP_HAIRPIN);
}

/* --- firewalls ------------------------------------------------------------------------------------------------------- */

TEST(ipv6_keeps_its_addresses_and_has_the_same_filters)
{
	for (size_t i = 0; i < 3; i++) {
		struct addr inside = v6(1, 2, PORT), first = v6(2, 1, 3478);

		start_plain(NATBOX_APDM, filterings[i]);
		assert_int_equal(sent_to(inside, first, NOW), NATBOX_DROP_NO_MAPPING);
		assert_true(same(seen_by(first, inside, NOW), inside));
		assert_true(reaches(inside, inside, first, NOW));
		assert_int_equal(reaches(inside, inside, with_port(first, 1), NOW), i < 2);
		assert_int_equal(reaches(inside, inside, v6(3, 1, 1), NOW), i < 1);
		assert_int_equal(reaches(inside, inside, first, NOW + SEC(30)), 0);
	}
}

TEST(without_nat_ipv4_is_a_firewall_too)
{
	for (size_t i = 0; i < 3; i++) {
		start_plain(NATBOX_NO_NAT, filterings[i]);
		assert_true(same(seen_by(server(), host(2, PORT), NOW), host(2, PORT)));
		assert_int_equal(probe_mapping(host(2, PORT)), NATBOX_EIM);
		assert_int_equal(probe_filtering(host(2, PORT + 1)), filterings[i]);
	}
	struct natbox_config c = {.mapping = NATBOX_NO_NAT};
	start(&c, 1); /* needs no public address */
	assert_int_equal(sent_to(host(2, PORT), server(), NOW), NATBOX_DROP_NO_MAPPING);
}

TEST(an_open_router_lets_everything_pass_and_counts_hops)
{
	struct natbox_config c = {
		.mapping = NATBOX_NO_NAT, .filtering = NATBOX_OPEN, .filtering6 = NATBOX_OPEN};

	start(&c, 1);
	assert_true(reaches(host(2, PORT), host(2, PORT), server(), NOW));
	assert_true(reaches(v6(1, 1, 1), v6(1, 1, 1), v6(2, 2, 2), NOW));
	assert_true(same(seen_by(server(), host(2, PORT), NOW), host(2, PORT)));
	assert_int_equal(natbox_count(&nb, NOW), 0);
	struct natbox_flow flow = udp(host(2, PORT), server());
	flow.ttl = 1;
	assert_int_equal(out(&flow, NOW), NATBOX_EXPIRED);
	struct natbox_flow error = error_about(udp(server(), host(2, PORT)));
	assert_int_equal(out(&error, NOW), NATBOX_FORWARD);
}

TEST(where_udp_is_blocked_only_udp_is)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);
	struct natbox_flow flow = udp(host(2, PORT), server());

	start(&c, 1);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	c.udp_blocked = true;
	assert_int_equal(natbox_change(&nb, &c), 0);
	assert_int_equal(out(&flow, NOW), NATBOX_DROP_BLOCKED);
	assert_int_equal(sent_to(mapped, server(), NOW), NATBOX_DROP_BLOCKED);
	assert_int_equal(sent_to(v6(1, 1, 1), v6(2, 2, 2), NOW), NATBOX_DROP_BLOCKED);
	flow.proto = NATBOX_TCP;
	assert_int_equal(out(&flow, NOW), NATBOX_FORWARD);
	flow = echo(host(2, 1), with_port(server(), 0));
	assert_int_equal(out(&flow, NOW), NATBOX_FORWARD);
	assert_int_equal(nb.stats.out[NATBOX_DROP_BLOCKED], 1);
	assert_int_equal(nb.stats.in[NATBOX_DROP_BLOCKED], 2);
}

TEST(what_is_no_flow_is_dropped)
{
	struct addr link_local = addr_v6((uint8_t[16]){0xfe, 0x80, [15] = 1}, PORT, 2);
	struct natbox_flow flows[] = {
		udp(host(2, 0), server()),       udp(host(2, PORT), with_port(server(), 0)),
		udp(host(2, PORT), v6(1, 1, 1)), udp(v6(1, 1, 1), link_local),
		udp(link_local, v6(1, 1, 1)),    udp((struct addr){0}, (struct addr){0}),
	};

	start_plain(NATBOX_EIM, NATBOX_EIF);
	for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
		assert_int_equal(out(&flows[i], NOW), NATBOX_DROP_BAD);
		assert_int_equal(in(&flows[i], NOW), NATBOX_DROP_BAD);
	}
}

/* --- limits and control ---------------------------------------------------------------------------------------------- */

TEST(a_full_table_takes_nothing_new_serves_what_it_has_and_recovers)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_APDF);

	c.capacity = 5;
	c.input = NATBOX_INPUT_ACCEPT;
	start(&c, 1);
	struct addr one = seen_by(server(), host(2, 1), NOW);
	seen_by(server(), host(2, 2), NOW + SEC(1));
	struct natbox_flow more = udp(host(2, 3), server()); /* needs two, there is one */
	assert_int_equal(out(&more, NOW + SEC(1)), NATBOX_DROP_FULL);
	assert_int_equal(natbox_count(&nb, NOW + SEC(1)), 4);
	assert_int_equal(sent_to(with_port(public_ip(1), 1), server(), NOW + SEC(1)), NATBOX_LOCAL);
	assert_int_equal(sent_to(with_port(public_ip(1), 2), server(), NOW + SEC(1)),
			 NATBOX_DROP_FULL);
	more = udp(host(2, 1), server_other()); /* a permit alone */
	assert_int_equal(out(&more, NOW + SEC(1)), NATBOX_DROP_FULL);
	assert_true(reaches(host(2, 1), one, server(), NOW + SEC(2)));
	assert_true(same(seen_by(server(), host(2, 1), NOW + SEC(2)), one));
	seen_by(server(), host(2, 3), NOW + SEC(31));
	assert_int_equal(nb.stats.out[NATBOX_DROP_FULL], 2);
	assert_int_equal(nb.stats.in[NATBOX_DROP_FULL], 1);
}

TEST(more_hosts_than_there_is_room_for_wait)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);
	struct natbox_flow more = udp(v4(10, 66, 255, 1, 1), server());

	start(&c, 1);
	for (unsigned i = 0; i < NATBOX_HOSTS_MAX; i++)
		seen_by(server(), v4(10, 66, (uint8_t)(i / 256), (uint8_t)i, 1), NOW);
	assert_int_equal(out(&more, NOW), NATBOX_DROP_FULL);
	assert_int_equal(out(&more, NOW + SEC(30)), NATBOX_FORWARD);
}

TEST(a_flush_forgets_everything_accepted_input_too)
{
	start_linux(NATBOX_INPUT_ACCEPT);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);

	assert_int_equal(sent_to(with_port(public_ip(1), 7777), server(), NOW), NATBOX_LOCAL);
	natbox_flush(&nb);
	assert_int_equal(natbox_count(&nb, NOW), 0);
	assert_int_equal(sent_to(mapped, server(), NOW), NATBOX_LOCAL);
	assert_int_equal(seen_by(server(), host(2, 7777), NOW).port, 7777);
}

TEST(after_a_flush_ports_begin_elsewhere)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);

	c.ports = NATBOX_SEQUENTIAL;
	c.step = 1;
	start(&c, 1);
	uint16_t before = seen_by(server(), host(2, PORT), NOW).port;
	natbox_flush(&nb);
	uint16_t after = seen_by(server(), host(2, PORT), NOW).port;
	assert_true(abs(after - before) > 16);
}

TEST(a_new_public_address_is_used_at_once_and_the_old_one_is_nobodys)
{
	struct addr moved = public_ip(77), wrong = v6(1, 1, 1);

	start_linux(NATBOX_INPUT_ACCEPT);
	struct addr old = seen_by(server(), host(2, PORT), NOW);
	assert_int_equal(natbox_rebind(&nb, &wrong), -EINVAL);
	assert_true(reaches(host(2, PORT), old, server(), NOW));
	assert_int_equal(natbox_rebind(&nb, &moved), 0);
	assert_int_equal(sent_to(old, server(), NOW), NATBOX_DROP_NO_MAPPING);
	assert_true(same(seen_by(server(), host(2, PORT), NOW), with_port(moved, PORT)));
	assert_true(reaches(host(2, PORT), with_port(moved, PORT), server(), NOW));
}

/* Each kind becomes each other one under a flow that goes on. */
TEST(behaviour_changes_live)
{
	for (size_t i = 0; i < 81; i++) {
		struct natbox_config old = plain(mappings[i % 3], filterings[i / 3 % 3]);
		struct natbox_config new = plain(mappings[i / 9 % 3], filterings[i / 27 % 3]);

		start(&old, i);
		struct addr mapped = seen_by(server(), host(2, PORT), NOW);
		assert_int_equal(natbox_change(&nb, &new), 0);
		/* The old mapping serves those it was made for, once they are sent to; same kind, same mapping. */
		struct addr now_mapped = seen_by(server(), host(2, PORT), NOW + 1);
		if (old.mapping == new.mapping)
			assert_true(same(mapped, now_mapped));
		assert_true(reaches(host(2, PORT), now_mapped, server(), NOW + 1));
		assert_int_equal(probe_mapping(host(2, PORT + 1)), new.mapping);
		assert_int_equal(probe_filtering(host(2, PORT + 2)), new.filtering);
		/* What was made before ends in its time. */
		assert_int_equal(natbox_count(&nb, NOW + SEC(31)), 0);
	}
}

TEST(what_could_not_be_found_any_more_is_flushed)
{
	struct natbox_config old = plain(NATBOX_ADM, NATBOX_APDF), new[4];

	for (size_t i = 0; i < 4; i++)
		new[i] = old;
	new[0].pool[0] = public_ip(2);
	new[1].pool[1] = public_ip(2);
	new[1].pool_count = 2;
	new[2].mapping = NATBOX_NO_NAT;
	new[3].overload = true;
	for (size_t i = 0; i < 4; i++) {
		start(&old, 1);
		seen_by(server(), host(2, PORT), NOW);
		assert_int_equal(natbox_change(&nb, &new[i]), 0);
		assert_int_equal(natbox_count(&nb, NOW), 0);
	}
	seen_by(server(), host(2, PORT), NOW);
	new[3].mapping = NATBOX_APDM;
	assert_int_equal(natbox_change(&nb, &new[3]), 0);
	assert_int_equal(natbox_count(&nb, NOW), 0);
}

TEST(capacity_stays_what_it_was)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);
	struct natbox_flow more = udp(host(2, 2), server());

	c.capacity = 1;
	start(&c, 1);
	seen_by(server(), host(2, 1), NOW);
	c.capacity = 2;
	assert_int_equal(natbox_change(&nb, &c), 0);
	assert_int_equal(out(&more, NOW), NATBOX_DROP_FULL);
}

TEST(shorter_lifetimes_hold_for_what_lives)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_APDF);

	start(&c, 1);
	seen_by(server(), host(2, 1), NOW);
	c.unconfirmed = SEC(10);
	assert_int_equal(natbox_change(&nb, &c), 0);
	assert_int_equal(natbox_count(&nb, NOW + SEC(10) - 1), 2);
	assert_int_equal(natbox_count(&nb, NOW + SEC(10)), 0);
}

TEST(a_range_of_ports_may_change_live)
{
	struct natbox_config c = plain(NATBOX_EIM, NATBOX_EIF);

	c.ports = NATBOX_SEQUENTIAL;
	c.step = -64;
	start(&c, 1);
	seen_by(server(), host(2, 1), NOW);
	c.port_low = c.port_high = 7;
	assert_int_equal(natbox_change(&nb, &c), 0);
	assert_int_equal(seen_by(server(), host(2, 2), NOW).port, 7);
	struct natbox_flow more = udp(host(2, 3), server());
	assert_int_equal(out(&more, NOW), NATBOX_DROP_PORTS);

	/* The last port was none of these, and all that steps lead to are taken. */
	for (uint64_t seed = 0; seed < 20; seed++) {
		c = plain(NATBOX_EIM, NATBOX_EIF);
		c.ports = NATBOX_PRESERVE;
		start(&c, seed);
		for (uint16_t port = 2001; port < 2006; port += 2)
			assert_int_equal(seen_by(server(), host(2, port), NOW).port, port);
		c.ports = NATBOX_SEQUENTIAL;
		c.step = 2;
		c.port_low = 2000;
		c.port_high = 2005;
		assert_int_equal(natbox_change(&nb, &c), 0);
		assert_int_equal(seen_by(server(), host(2, 1), NOW).port % 2, 0);
	}
}

TEST(a_configuration_that_contradicts_itself_is_refused)
{
	const struct natbox_config good = plain(NATBOX_ADM, NATBOX_ADF);
	struct natbox_config bad[17], *c = bad;

	for (size_t i = 0; i < 17; i++)
		bad[i] = good;
	(c++)->pool_count = 0;
	(c++)->pool_count = NATBOX_POOL_MAX + 1;
	(c++)->pool[0] = v6(1, 1, 1);
	(c++)->pool_count = 2; /* the second is no address */
	c->pool[1] = c->pool[0];
	(c++)->pool_count = 2;
	(c++)->filtering = NATBOX_OPEN;
	c->overload = true;
	(c++)->mapping = NATBOX_EIM;
	c->overload = true;
	(c++)->filtering = NATBOX_EIF;
	(c++)->ports = NATBOX_SEQUENTIAL;
	c->ports = NATBOX_SEQUENTIAL;
	(c++)->step = NATBOX_STEP_MAX + 1;
	c->ports = NATBOX_BLOCK;
	(c++)->block_len = 511;
	c->ports = NATBOX_BLOCK;
	(c++)->block_len = 4097;
	c->ports = NATBOX_BLOCK;
	c->port_high = 1200;
	(c++)->block_len = 512;
	c->port_low = 3;
	(c++)->port_high = 2;
	c->confirmed = SEC(1);
	(c++)->unconfirmed = SEC(2);
	(c++)->confirm_age = -1;
	(c++)->unconfirmed = -1;
	assert_true(c == bad + 17);

	natbox_free(&nb);
	for (size_t i = 0; i < 17; i++)
		assert_int_equal(natbox_init(&nb, &bad[i], 1), -EINVAL);
	start(&good, 1);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);
	for (size_t i = 0; i < 17; i++)
		assert_int_equal(natbox_change(&nb, &bad[i]), -EINVAL);
	assert_true(reaches(host(2, PORT), mapped, server(), NOW));
}

TEST(packets_are_counted_by_what_became_of_them)
{
	start_plain(NATBOX_EIM, NATBOX_ADF);
	struct addr mapped = seen_by(server(), host(2, PORT), NOW);

	for (int i = 0; i < 3; i++)
		reaches(host(2, PORT), mapped, server(), NOW);
	sent_to(mapped, server_other(), NOW);
	sent_to(with_port(mapped, (uint16_t)(mapped.port ^ 1)), server(), NOW);
	assert_int_equal(nb.stats.out[NATBOX_FORWARD], 1);
	assert_int_equal(nb.stats.in[NATBOX_FORWARD], 3);
	assert_int_equal(nb.stats.in[NATBOX_DROP_FILTERED], 1);
	assert_int_equal(nb.stats.in[NATBOX_DROP_NO_MAPPING], 1);
	assert_int_equal(nb.stats.mappings, 1);
}

TEST(the_same_seed_gives_the_same_ports_and_another_one_others)
{
	for (enum natbox_port_rule ports = NATBOX_SEQUENTIAL; ports <= NATBOX_RANDOM; ports++) {
		struct natbox_config c = pooled(false);
		uint16_t seen[3][100];

		c.ports = ports;
		c.step = 1;
		c.block_len = 1024;
		for (unsigned run = 0; run < 3; run++) {
			start(&c, run / 2);
			for (uint16_t i = 0; i < 100; i++)
				seen[run][i] =
					seen_by(server(), host(2, (uint16_t)(1 + i)), NOW).port;
		}
		assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
		assert_memory_not_equal(seen[0], seen[2], sizeof seen[0]);
	}
}

TEST(each_word_is_there)
{
	for (enum natbox_verdict v = 0; v < NATBOX_VERDICTS; v++)
		assert_true(strlen(natbox_verdict_name(v)) > 2);
	assert_string_equal(natbox_mapping_name(NATBOX_APDM), "apdm");
	assert_string_equal(natbox_filtering_name(NATBOX_OPEN), "open");
	assert_string_equal(natbox_ports_name(NATBOX_RANDOM), "random");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(each_mapping_with_each_filtering_and_port_rule_is_what_probes_find),
		RUN(a_kept_port_is_the_first_mappings_alone_when_each_destination_needs_one),
		RUN(linux_looks_endpoint_independent_until_two_hosts_use_one_port),
		RUN(linux_keeps_a_moved_socket_together_while_its_newest_mapping_can_be_used),
		RUN(linux_returns_to_the_newest_mapping_that_is_left),
		RUN(linux_with_random_ports_is_what_it_is_called),
		RUN(an_overloaded_port_of_an_address_dependent_nat_serves_a_host_for_each_ip),
		RUN(no_two_mappings_share_a_public_port),
		RUN(sequential_ports_go_round_and_step_over_what_is_taken),
		RUN(a_block_belongs_to_its_host_while_that_has_mappings),
		RUN(an_unanswered_mapping_lives_30_seconds_to_the_microsecond),
		RUN(a_mapping_lives_120_seconds_once_it_is_answered_and_older_than_2),
		RUN(a_keepalive_of_25_seconds_keeps_a_mapping_and_one_of_125_does_not),
		RUN(lifetimes_are_what_the_configuration_says),
		RUN(what_comes_in_prolongs_nothing_where_only_the_inside_may),
		RUN(who_was_sent_to_long_ago_is_filtered_again),
		RUN(filtered_packets_prolong_nothing),
		RUN(accepted_input_moves_the_flow_that_comes_late),
		RUN(accepted_input_is_remembered_for_30_seconds_after_the_last_packet),
		RUN(a_mapping_that_was_first_is_not_poisoned),
		RUN(input_that_is_dropped_or_rejected_poisons_nothing),
		RUN(input_is_for_our_own_addresses_and_even_its_last_hop_counts),
		RUN(punching_through_accepting_routers_works_when_both_begin_within_the_delay),
		RUN(a_first_packet_that_dies_between_the_routers_makes_every_skew_work),
		RUN(each_passage_takes_a_hop_and_the_last_one_is_told_to_the_sender),
		RUN(a_packet_whose_hops_end_here_keeps_an_old_mapping_but_permits_nobody_new),
		RUN(a_hairpin_shows_the_senders_public_address_and_the_answer_comes_back),
		RUN(a_hairpin_to_oneself_works),
		RUN(a_hairpin_may_show_the_senders_inside_address),
		RUN(without_hairpinning_our_own_addresses_lead_nowhere),
		RUN(a_hairpin_passes_the_filter_or_does_not),
		RUN(linux_turns_a_flow_back_to_a_host_that_has_opened_for_it),
		RUN(a_paired_host_keeps_one_public_address_and_hosts_are_spread),
		RUN(an_unpaired_host_is_seen_with_all_addresses_and_reached_at_each),
		RUN(one_port_of_two_public_addresses_is_two_mappings),
		RUN(an_echo_is_mapped_by_its_identifier_for_30_seconds),
		RUN(a_ping_from_outside_is_the_routers_if_it_takes_input),
		RUN(tcp_and_udp_have_ports_of_their_own_and_tcp_lives_long),
		RUN(an_error_from_outside_is_about_the_inner_flow_and_reaches_its_host),
		RUN(errors_make_confirm_and_prolong_nothing),
		RUN(an_error_from_inside_shows_the_public_address),
		RUN(an_error_about_a_hairpin_turns_back_as_well),
		RUN(ipv6_keeps_its_addresses_and_has_the_same_filters),
		RUN(without_nat_ipv4_is_a_firewall_too),
		RUN(an_open_router_lets_everything_pass_and_counts_hops),
		RUN(where_udp_is_blocked_only_udp_is),
		RUN(what_is_no_flow_is_dropped),
		RUN(a_full_table_takes_nothing_new_serves_what_it_has_and_recovers),
		RUN(more_hosts_than_there_is_room_for_wait),
		RUN(a_flush_forgets_everything_accepted_input_too),
		RUN(after_a_flush_ports_begin_elsewhere),
		RUN(a_new_public_address_is_used_at_once_and_the_old_one_is_nobodys),
		RUN(behaviour_changes_live),
		RUN(what_could_not_be_found_any_more_is_flushed),
		RUN(capacity_stays_what_it_was),
		RUN(shorter_lifetimes_hold_for_what_lives),
		RUN(a_range_of_ports_may_change_live),
		RUN(a_configuration_that_contradicts_itself_is_refused),
		RUN(packets_are_counted_by_what_became_of_them),
		RUN(the_same_seed_gives_the_same_ports_and_another_one_others),
		RUN(each_word_is_there),
	};
	int failed = RUN_TESTS(tests);

	natbox_free(&nb);
	return failed;
}
