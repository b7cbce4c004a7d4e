/* NATs and cables in words: all that is understood, and what is not changes nothing. */
#include "lab/words.h"

#include "support/test.h"

static struct natbox_config nat(const char *const *words)
{
	struct natbox_config c = {0};

	for (; *words != NULL; words++)
		if (!words_nat(&c, *words))
			fail_msg("%s", *words);
	return c;
}

static struct link_config cable(const char *const *words)
{
	struct link_config c = {0};

	for (; *words != NULL; words++)
		if (!words_link(&c, *words))
			fail_msg("%s", *words);
	return c;
}

#define NAT(...)   nat((const char *const[]){__VA_ARGS__, NULL})
#define CABLE(...) cable((const char *const[]){__VA_ARGS__, NULL})

TEST(a_nat_is_what_its_words_say)
{
	struct natbox_config c =
		NAT("mapping=apdm", "filtering=adf", "filtering6=open", "hairpin=internal",
		    "input=accept", "udp=off", "paired=yes", "overload=yes", "refresh=outbound",
		    "capacity=100", "range=2000-3000", "lifetime=1.5s");

	assert_int_equal(c.mapping, NATBOX_APDM);
	assert_int_equal(c.filtering, NATBOX_ADF);
	assert_int_equal(c.filtering6, NATBOX_OPEN);
	assert_int_equal(c.hairpin, NATBOX_HAIRPIN_INTERNAL);
	assert_int_equal(c.input, NATBOX_INPUT_ACCEPT);
	assert_true(c.udp_blocked && c.paired && c.overload && c.refresh_outbound_only);
	assert_int_equal(c.capacity, 100);
	assert_int_equal(c.port_low, 2000);
	assert_int_equal(c.port_high, 3000);
	assert_int_equal(c.unconfirmed, MSEC(1500));
	assert_int_equal(c.confirmed, MSEC(1500));
	assert_int_equal(NAT("lifetime=30s:120s").confirmed, SEC(120));
}

TEST(names_are_those_that_the_model_prints)
{
	char word[40];
	struct natbox_config c = {0};

	for (int i = NATBOX_EIM; i <= NATBOX_NO_NAT; i++) {
		snprintf(word, sizeof word, "mapping=%s", natbox_mapping_name(i));
		assert_true(words_nat(&c, word));
		assert_int_equal(c.mapping, i);
	}
	for (int i = NATBOX_EIF; i <= NATBOX_OPEN; i++) {
		snprintf(word, sizeof word, "filtering=%s", natbox_filtering_name(i));
		assert_true(words_nat(&c, word));
		assert_int_equal(c.filtering, i);
	}
	for (int i = NATBOX_PRESERVE; i <= NATBOX_RANDOM; i++) {
		snprintf(word, sizeof word, "ports=%s", natbox_ports_name(i));
		assert_true(words_nat(&c, word));
		assert_int_equal(c.ports, i);
	}
}

TEST(port_rules_have_their_numbers)
{
	assert_int_equal(NAT("ports=sequential").step, 1);
	assert_int_equal(NAT("ports=sequential:-3").step, -3);
	assert_int_equal(NAT("ports=block").block_len, 1024);
	assert_int_equal(NAT("ports=block:512").block_len, 512);
}

TEST(a_pool_has_up_to_eight_addresses)
{
	struct natbox_config c = NAT("pool=203.0.113.1,203.0.113.2");

	assert_int_equal(c.pool_count, 2);
	assert_int_equal(c.pool[1].ip[3], 2);
	assert_true(words_nat(
		&c, "pool=192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6,192.0.2.7,"
		    "192.0.2.8"));
	assert_int_equal(c.pool_count, 8);
	assert_false(words_nat(&c,
			       "pool=192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6,"
			       "192.0.2.7,192.0.2.8,192.0.2.9"));
}

TEST(a_cable_is_what_its_words_say)
{
	struct link_config c = CABLE("delay=20ms", "jitter=700us", "loss=0.5%", "burst=1%:20%:90%",
				     "duplicate=50%", "reorder=10%:30ms", "corrupt=1%:3",
				     "rate=1.5M", "queue=2s", "mtu=1280", "blocked=yes");

	assert_int_equal(c.delay, MSEC(20));
	assert_int_equal(c.jitter, 700);
	assert_int_equal(c.loss, 5000);
	assert_int_equal(c.burst_begin, LINK_PERCENT(1));
	assert_int_equal(c.burst_end, LINK_PERCENT(20));
	assert_int_equal(c.burst_loss, LINK_PERCENT(90));
	assert_int_equal(c.duplicate, LINK_PERCENT(50));
	assert_int_equal(c.reorder, LINK_PERCENT(10));
	assert_int_equal(c.reorder_by, MSEC(30));
	assert_int_equal(c.corrupt, LINK_PERCENT(1));
	assert_int_equal(c.corrupt_bits, 3);
	assert_int_equal(c.rate, 1500000);
	assert_int_equal(c.queue, SEC(2));
	assert_int_equal(c.mtu, 1280);
	assert_true(c.blocked);
	assert_int_equal(CABLE("rate=100M").rate, 100000000);
	assert_int_equal(CABLE("rate=64000").rate, 64000);
	assert_int_equal(CABLE("corrupt=100%").corrupt, LINK_CERTAIN);
}

TEST(refuses_other_words_and_changes_nothing)
{
	static const char *const nats[] = {
		"",
		"mapping",
		"mapping=",
		"mapping=cone",
		"mapping=EIM",
		"=eim",
		"ports=sequential:0",
		"ports=sequential:65",
		"ports=sequential:--1",
		"ports=block:x",
		"ports=block:65536",
		"ports=random:1",
		"range=1-",
		"range=70000-80000",
		"range=5",
		"lifetime=30",
		"lifetime=30s:",
		"lifetime=30s:x",
		"pool=",
		"pool=192.0.2.1,",
		"pool=2001:db8::1",
		"pool=192.0.2.1:5",
		"udp=yes",
		"capacity=-1",
		"delay=1s",
	};
	static const char *const cables[] = {
		"delay=1",    "delay=ms",       "delay=-1s",     "delay=1e9s",   "delay=nans",
		"loss=101%",  "loss=1",         "loss=%",        "burst=1%:1%",  "burst=1%:1%:1",
		"reorder=1%", "reorder=1%:0ms", "reorder=1%:1x", "corrupt=1%:x", "corrupt=1%:65",
		"rate=1T",    "rate=-1",        "mtu=2000000",   "blocked=on",   "mapping=eim",
	};
	struct natbox_config nat_before = NAT("mapping=adm", "ports=sequential:3"), n = nat_before;
	struct link_config link_before = CABLE("delay=1ms"), l = link_before;

	for (size_t i = 0; i < sizeof nats / sizeof nats[0]; i++) {
		if (words_nat(&n, nats[i]))
			fail_msg("%s", nats[i]);
		assert_memory_equal(&n, &nat_before, sizeof n);
	}
	for (size_t i = 0; i < sizeof cables / sizeof cables[0]; i++) {
		if (words_link(&l, cables[i]))
			fail_msg("%s", cables[i]);
		assert_memory_equal(&l, &link_before, sizeof l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_nat_is_what_its_words_say),   RUN(names_are_those_that_the_model_prints),
		RUN(port_rules_have_their_numbers), RUN(a_pool_has_up_to_eight_addresses),
		RUN(a_cable_is_what_its_words_say), RUN(refuses_other_words_and_changes_nothing),
	};
	return RUN_TESTS(tests);
}
