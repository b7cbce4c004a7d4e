/* Handshakes per source: burst, rate, and who shares with whom. */
#include "wg/ratelimit.h"

#include "support/env_fake.h"
#include "support/test.h"

static const struct addr source4 = {.family = ADDR_V4, .port = 51820, .ip = {192, 0, 2, 1}};

/* One at a time: it is too large for the stack. */
static struct ratelimit *limiter(uint64_t seed)
{
	static struct ratelimit r;
	struct env_fake e;

	env_fake_init(&e, seed);
	memset(&r, 0xff, sizeof r);
	ratelimit_init(&r, &e.env);
	return &r;
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse_ip(&a, text));
	return a;
}

static unsigned allowed_of(struct ratelimit *r, const struct addr *source, unsigned tries, usec now)
{
	unsigned count = 0;

	while (tries-- > 0)
		count += ratelimit_allow(r, source, now);
	return count;
}

TEST(allows_a_burst_then_one_token_each_interval)
{
	struct ratelimit *r = limiter(1);
	usec now = SEC(100);

	assert_int_equal(allowed_of(r, &source4, 5, now), 5);
	assert_false(ratelimit_allow(r, &source4, now));
	for (int i = 0; i < 10; i++) {
		assert_false(ratelimit_allow(r, &source4, now + MSEC(50) - 1));
		now += MSEC(50);
		assert_true(ratelimit_allow(r, &source4, now));
		assert_false(ratelimit_allow(r, &source4, now));
	}
}

TEST(allows_20_per_second_to_who_asks_all_the_time)
{
	struct ratelimit *r = limiter(2);
	unsigned count = 0;

	for (usec now = SEC(1); now <= SEC(11); now += MSEC(1))
		count += ratelimit_allow(r, &source4, now);
	assert_int_equal(count, 5 + 200);
}

TEST(allows_a_burst_from_the_first_instant)
{
	struct ratelimit *r = limiter(3);

	assert_int_equal(allowed_of(r, &source4, 100, 0), 5);
}

TEST(gives_nothing_while_time_stands_still)
{
	struct ratelimit *r = limiter(4);

	assert_int_equal(allowed_of(r, &source4, 100000, SEC(7)), 5);
}

TEST(gives_one_burst_however_far_time_jumps)
{
	struct ratelimit *r = limiter(5);
	const usec jumps[] = {SEC(1), SEC(3600), SEC(86400) * 365 * 100};
	usec now = 0;

	for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
		now += jumps[i];
		assert_int_equal(allowed_of(r, &source4, 1000, now), 5);
	}
}

TEST(vuln_28_ports_of_one_address_share_one_allowance)
{
	struct ratelimit *r = limiter(6);
	struct addr sources[] = {source4, ip("2001:db8::1")};

	for (size_t i = 0; i < 2; i++) {
		unsigned count = 0;

		for (unsigned port = 1; port <= 1000; port++) {
			sources[i].port = (uint16_t)port;
			count += ratelimit_allow(r, &sources[i], SEC(1));
		}
		assert_int_equal(count, 5);
	}
}

TEST(addresses_of_one_64_share_one_allowance)
{
	struct ratelimit *r = limiter(7);
	unsigned count = 0;

	for (unsigned host = 0; host < 1000; host++) {
		struct addr source = ip("2001:db8:0:7::");

		source.ip[8] = (uint8_t)(host >> 2);
		source.ip[15] = (uint8_t)host;
		count += ratelimit_allow(r, &source, SEC(1));
	}
	assert_int_equal(count, 5);
}

TEST(other_sources_have_their_own_allowance)
{
	struct ratelimit *r = limiter(8);
	struct addr others[] = {ip("192.0.2.2"), ip("192.0.3.1"), ip("2001:db8:0:7::1"),
				ip("2001:db8:0:8::1")};

	assert_int_equal(allowed_of(r, &source4, 100, SEC(1)), 5);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(allowed_of(r, &others[i], 100, SEC(1)), 5);
}

/* The first other address that finds its bucket empty when source4 emptied its own. */
static bool find_collision(const struct ratelimit *emptied, struct addr *out)
{
	static struct ratelimit r;

	for (uint32_t host = 0; host < 16 * RATELIMIT_BUCKETS; host++) {
		*out = (struct addr){.family = ADDR_V4, .port = 1, .ip = {10, 66}};
		out->ip[2] = (uint8_t)(host >> 8);
		out->ip[3] = (uint8_t)host;
		r = *emptied;
		if (!ratelimit_allow(&r, out, SEC(1)))
			return true;
	}
	return false;
}

TEST(sources_that_collide_share_and_a_key_decides_which)
{
	struct ratelimit *r = limiter(9);
	struct addr collides;

	assert_int_equal(allowed_of(r, &source4, 5, SEC(1)), 5);
	assert_true(find_collision(r, &collides));
	assert_int_equal(allowed_of(r, &collides, 100, SEC(1)), 0);
	/* together, too, they get one token each interval */
	assert_true(ratelimit_allow(r, &collides, SEC(1) + MSEC(50)));
	assert_false(ratelimit_allow(r, &source4, SEC(1) + MSEC(50)));

	r = limiter(10);
	assert_int_equal(allowed_of(r, &source4, 5, SEC(1)), 5);
	assert_int_equal(allowed_of(r, &collides, 100, SEC(1)), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(allows_a_burst_then_one_token_each_interval),
		RUN(allows_20_per_second_to_who_asks_all_the_time),
		RUN(allows_a_burst_from_the_first_instant),
		RUN(gives_nothing_while_time_stands_still),
		RUN(gives_one_burst_however_far_time_jumps),
		RUN(vuln_28_ports_of_one_address_share_one_allowance),
		RUN(addresses_of_one_64_share_one_allowance),
		RUN(other_sources_have_their_own_allowance),
		RUN(sources_that_collide_share_and_a_key_decides_which),
	};

	return RUN_TESTS(tests);
}
