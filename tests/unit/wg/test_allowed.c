/* Allowed IPs: longest prefix, moves, removal without a trace, order; against a plain list. */
#include "wg/allowed.h"

#include <errno.h>

#include "base/rand.h"
#include "support/test.h"

/* The linker sends malloc and free of allowed.c here (room.am): nodes are counted, and may run out. */
void *__real_malloc(size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void __wrap_free(void *p);

static size_t live_nodes;
static uint64_t failures; /* bit i: the i-th malloc from now fails */

void *__wrap_malloc(size_t size)
{
	bool fails = failures & 1;

	failures >>= 1;
	live_nodes += !fails;
	return fails ? NULL : __real_malloc(size);
}

void __wrap_free(void *p)
{
	live_nodes -= p != NULL;
	__real_free(p);
}

static char ann, bob, cem;

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(&p, text));
	return p;
}

static void add(struct allowed *a, const char *text, void *owner)
{
	struct prefix p = prefix(text);

	assert_int_equal(allowed_add(a, &p, owner), 0);
}

static bool remove_from(struct allowed *a, const char *text, const void *owner)
{
	struct prefix p = prefix(text);

	return allowed_remove(a, &p, owner);
}

static void *find(const struct allowed *a, const char *text)
{
	struct addr ip;

	assert_true(addr_parse_ip(&ip, text));
	return allowed_find(a, ip.family, ip.ip);
}

/* All prefixes of an owner (NULL: everybody's), each followed by a space. */
struct listing {
	char text[2000];
	unsigned visits_left;
};

static bool write_down(void *ctx, const struct prefix *p, void *owner)
{
	struct listing *l = ctx;
	char text[PREFIX_TEXT_MAX];

	assert_non_null(owner);
	strcat(l->text, prefix_print(p, text));
	strcat(l->text, " ");
	return --l->visits_left > 0;
}

static void expect_list(const struct allowed *a, const void *owner, const char *expected)
{
	struct listing l = {.visits_left = UINT32_MAX};

	allowed_each(a, owner, write_down, &l);
	assert_string_equal(l.text, expected);
}

TEST(finds_nobody_in_an_empty_table)
{
	struct allowed a;

	allowed_init(&a);
	assert_null(find(&a, "192.0.2.1"));
	assert_null(find(&a, "2001:db8::1"));
	expect_list(&a, NULL, "");
	allowed_remove_owner(&a, &ann);
	assert_false(remove_from(&a, "0.0.0.0/0", &ann));
	allowed_free(&a);
}

TEST(the_longest_prefix_wins)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "10.66.4.0/24", &cem);
	add(&a, "0.0.0.0/0", &ann);
	add(&a, "10.66.0.0/16", &bob);
	add(&a, "10.66.4.9/32", &ann);
	assert_ptr_equal(find(&a, "192.0.2.1"), &ann);
	assert_ptr_equal(find(&a, "10.65.255.255"), &ann);
	assert_ptr_equal(find(&a, "10.66.0.0"), &bob);
	assert_ptr_equal(find(&a, "10.66.5.0"), &bob);
	assert_ptr_equal(find(&a, "10.66.4.8"), &cem);
	assert_ptr_equal(find(&a, "10.66.4.9"), &ann);
	assert_ptr_equal(find(&a, "10.66.4.10"), &cem);
	assert_ptr_equal(find(&a, "10.67.0.0"), &ann);
	assert_null(find(&a, "2001:db8::1"));

	add(&a, "::/0", &cem);
	add(&a, "2001:db8::/32", &ann);
	add(&a, "2001:db8:0:1::/64", &bob);
	add(&a, "2001:db8:0:1::/65", &cem);
	add(&a, "2001:db8:0:1::1/128", &ann);
	assert_ptr_equal(find(&a, "fd00::1"), &cem);
	assert_ptr_equal(find(&a, "2001:db8:0:2::1"), &ann);
	assert_ptr_equal(find(&a, "2001:db8:0:1:8000::"), &bob);
	assert_ptr_equal(find(&a, "2001:db8:0:1:7fff::"), &cem);
	assert_ptr_equal(find(&a, "2001:db8:0:1::1"), &ann);
	assert_ptr_equal(find(&a, "2001:db8:0:1::2"), &cem);
	assert_int_equal(a.count, 9);
	allowed_free(&a);
}

TEST(refuses_an_address_beside_every_prefix)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "192.0.2.0/25", &ann);
	add(&a, "192.0.2.192/26", &bob); /* the fork above both is no entry */
	assert_null(find(&a, "192.0.2.128"));
	assert_null(find(&a, "192.0.3.0"));
	assert_null(find(&a, "0.0.0.0"));
	assert_false(remove_from(&a, "192.0.2.0/24", &ann));
	assert_false(remove_from(&a, "192.0.2.0/24", NULL));
	allowed_free(&a);
}

TEST(masks_host_bits_off)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "192.0.2.77/24", &ann);
	add(&a, "2001:db8::77/32", &ann);
	expect_list(&a, NULL, "192.0.2.0/24 2001:db8::/32 ");
	assert_ptr_equal(find(&a, "192.0.2.200"), &ann);
	assert_true(remove_from(&a, "192.0.2.99/24", &ann));
	assert_int_equal(a.count, 1);
	allowed_free(&a);

	for (unsigned len = 0; len <= 128; len++) {
		struct prefix p = {.family = ADDR_V6, .len = (uint8_t)len};
		char text[PREFIX_TEXT_MAX], expected[PREFIX_TEXT_MAX + 1];

		memset(p.ip, 0xff, sizeof p.ip);
		assert_int_equal(allowed_add(&a, &p, &ann), 0);
		prefix_mask(&p);
		snprintf(expected, sizeof expected, "%s ", prefix_print(&p, text));
		expect_list(&a, &ann, expected);
		allowed_free(&a);
	}
}

TEST(adding_again_moves_an_entry_to_its_new_owner)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "10.66.0.0/16", &ann);
	add(&a, "10.66.0.0/24", &ann);
	add(&a, "10.66.0.0/16", &bob);
	assert_int_equal(a.count, 2);
	assert_ptr_equal(find(&a, "10.66.9.9"), &bob);
	assert_ptr_equal(find(&a, "10.66.0.9"), &ann);
	expect_list(&a, &ann, "10.66.0.0/24 ");
	expect_list(&a, &bob, "10.66.0.0/16 ");
	allowed_free(&a);
}

TEST(a_fork_becomes_an_entry_and_a_fork_again)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "192.0.2.0/25", &ann);
	add(&a, "192.0.2.128/25", &bob);
	add(&a, "192.0.2.0/24", &cem);
	assert_int_equal(a.count, 3);
	expect_list(&a, NULL, "192.0.2.0/24 192.0.2.0/25 192.0.2.128/25 ");
	assert_true(remove_from(&a, "192.0.2.0/24", &cem));
	assert_false(remove_from(&a, "192.0.2.0/24", &cem));
	expect_list(&a, NULL, "192.0.2.0/25 192.0.2.128/25 ");
	assert_ptr_equal(find(&a, "192.0.2.1"), &ann);
	assert_ptr_equal(find(&a, "192.0.2.129"), &bob);
	allowed_free(&a);
}

TEST(removes_only_the_exact_prefix_and_only_for_its_owner)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "10.66.0.0/16", &ann);
	assert_false(remove_from(&a, "10.66.0.0/16", &bob));
	assert_false(remove_from(&a, "10.66.0.0/16", NULL));
	assert_false(remove_from(&a, "10.66.0.0/15", &ann));
	assert_false(remove_from(&a, "10.66.0.0/17", &ann));
	assert_false(remove_from(&a, "10.67.0.0/16", &ann));
	assert_false(remove_from(&a, "::/16", &ann));
	assert_int_equal(a.count, 1);
	assert_true(remove_from(&a, "10.66.0.0/16", &ann));
	assert_null(find(&a, "10.66.0.1"));
	assert_int_equal(a.count, 0);
	allowed_free(&a);
}

TEST(removing_an_owner_leaves_the_others)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "0.0.0.0/0", &ann);
	add(&a, "10.66.0.0/16", &bob);
	add(&a, "10.66.1.0/24", &ann);
	add(&a, "10.66.1.1/32", &cem);
	add(&a, "10.66.1.2/32", &ann);
	add(&a, "2001:db8::/32", &ann);
	add(&a, "2001:db8::1/128", &bob);
	allowed_remove_owner(&a, NULL);
	assert_int_equal(a.count, 7);
	allowed_remove_owner(&a, &ann);
	assert_int_equal(a.count, 3);
	expect_list(&a, NULL, "10.66.0.0/16 10.66.1.1/32 2001:db8::1/128 ");
	expect_list(&a, &ann, "");
	assert_null(find(&a, "192.0.2.1"));
	assert_ptr_equal(find(&a, "10.66.1.2"), &bob);
	allowed_free(&a);
}

TEST(lists_in_a_stable_order_whatever_the_order_of_adding)
{
	const char *texts[] = {
		"0.0.0.0/0",       "10.0.0.0/8",      "10.66.0.0/16", "10.66.0.0/24",
		"10.66.0.0/32",    "10.66.0.1/32",    "10.66.1.0/24", "192.0.2.0/24",
		"198.51.100.1/32", "203.0.113.0/24",  "::/0",         "2001:db8::/32",
		"2001:db8::/128",  "2001:db8::1/128", "fd00::/8"};
	enum { COUNT = sizeof texts / sizeof *texts };
	struct rand rand = rand_seeded(3);
	char expected[1000] = "";

	for (size_t i = 0; i < COUNT; i++) {
		strcat(expected, texts[i]);
		strcat(expected, " ");
	}
	for (int round = 0; round < 50; round++) {
		struct allowed a;

		for (uint32_t i = COUNT - 1; i > 0; i--) {
			uint32_t j = rand_below(&rand, i + 1);
			const char *text = texts[i];

			texts[i] = texts[j];
			texts[j] = text;
		}
		allowed_init(&a);
		for (size_t i = 0; i < COUNT; i++)
			add(&a, texts[i], &ann);
		expect_list(&a, NULL, expected);
		expect_list(&a, &ann, expected);
		allowed_free(&a);
	}
}

TEST(stops_listing_when_told_to)
{
	struct allowed a;
	struct listing l = {.visits_left = 2};

	allowed_init(&a);
	add(&a, "2001:db8::/32", &ann);
	add(&a, "10.66.1.0/24", &ann);
	add(&a, "10.66.0.0/24", &bob);
	allowed_each(&a, NULL, write_down, &l);
	assert_string_equal(l.text, "10.66.0.0/24 10.66.1.0/24 ");
	allowed_free(&a);
}

TEST(holds_a_chain_of_all_lengths)
{
	struct allowed a;
	struct prefix p = {.family = ADDR_V6};
	static char owners[129];

	allowed_init(&a);
	memset(p.ip, 0xff, sizeof p.ip);
	for (unsigned len = 0; len <= 128; len++) {
		p.len = (uint8_t)len;
		assert_int_equal(allowed_add(&a, &p, &owners[len]), 0);
	}
	for (unsigned bit = 0; bit < 128; bit++) {
		uint8_t ip[16];

		memset(ip, 0xff, sizeof ip);
		ip[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		assert_ptr_equal(allowed_find(&a, ADDR_V6, ip), &owners[bit]);
	}
	assert_ptr_equal(allowed_find(&a, ADDR_V6, p.ip), &owners[128]);
	allowed_free(&a);
	assert_int_equal(live_nodes, 0);
}

TEST(without_memory_nothing_changes)
{
	struct allowed a;
	struct prefix beside = prefix("192.0.2.128/25"), above = prefix("192.0.2.0/24"),
		      there = prefix("192.0.2.0/25");

	allowed_init(&a);
	add(&a, "192.0.2.0/25", &ann);
	/* an entry and a fork: the first of them fails, the second, or both */
	for (uint64_t which = 1; which <= 3; which++) {
		failures = which;
		assert_int_equal(allowed_add(&a, &beside, &bob), -ENOMEM);
		assert_int_equal(live_nodes, 1);
	}
	failures = UINT64_MAX;
	assert_int_equal(allowed_add(&a, &above, &bob), -ENOMEM);
	assert_int_equal(a.count, 1);
	assert_int_equal(live_nodes, 1);
	expect_list(&a, NULL, "192.0.2.0/25 ");
	assert_int_equal(allowed_add(&a, &there, &bob), 0); /* a move needs none */
	failures = 0;
	expect_list(&a, &bob, "192.0.2.0/25 ");
	allowed_free(&a);
	assert_int_equal(live_nodes, 0);
}

TEST(additions_on_reserved_memory_cannot_fail)
{
	struct allowed a;
	struct prefix four[] = {prefix("192.0.2.0/25"), prefix("192.0.2.128/25"),
				prefix("2001:db8::1/128"), prefix("2001:db8::2/128")};
	struct prefix fifth = prefix("0.0.0.0/0");

	allowed_init(&a);
	failures = 1 << 7;
	assert_int_equal(allowed_reserve(&a, 4), -ENOMEM);
	/* what was had before is still there: one node is missing, then no more are to be had */
	failures = ~UINT64_C(1);
	assert_int_equal(allowed_reserve(&a, 4), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(allowed_add(&a, &four[i], &ann), 0);

	/* the reserve was for eight nodes; four entries and two forks took six */
	assert_int_equal(allowed_reserve(&a, 0), 0);
	assert_int_equal(live_nodes, 6);
	assert_int_equal(allowed_add(&a, &fifth, &ann), -ENOMEM);
	failures = 0;
	allowed_free(&a);
	assert_int_equal(live_nodes, 0);
}

TEST(clearing_removes_entries_and_keeps_the_reserve)
{
	struct allowed a;

	allowed_init(&a);
	add(&a, "10.66.0.0/16", &ann);
	add(&a, "2001:db8::/32", &ann);
	assert_int_equal(allowed_reserve(&a, 1), 0);
	failures = UINT64_MAX;
	allowed_clear(&a);
	assert_int_equal(a.count, 0);
	assert_null(find(&a, "10.66.0.1"));
	assert_null(find(&a, "2001:db8::1"));
	add(&a, "192.0.2.0/24", &bob);
	failures = 0;
	expect_list(&a, NULL, "192.0.2.0/24 ");
	allowed_free(&a);
	assert_int_equal(live_nodes, 0);
}

TEST(churn_of_100000_cycles_returns_to_the_baseline)
{
	struct allowed a;
	struct rand rand = rand_seeded(16);
	size_t baseline;

	allowed_init(&a);
	add(&a, "10.66.0.0/16", &ann);
	add(&a, "10.66.7.0/24", &ann);
	add(&a, "2001:db8::/32", &ann);
	baseline = live_nodes;
	for (int cycle = 0; cycle < 100000; cycle++) {
		struct prefix p[3];

		for (size_t i = 0; i < 3; i++) {
			p[i] = prefix(cycle % 2 ? "10.66.0.0/32" : "2001:db8::/64");
			p[i].len = (uint8_t)(p[i].len - rand_below(&rand, 15));
			rand_bytes(&rand, p[i].ip + 2, 2);
			/* an entry of ann's stays hers */
			if (allowed_find(&a, p[i].family, p[i].ip) != &ann || p[i].len == 24)
				p[i].len--;
			assert_int_equal(allowed_add(&a, &p[i], &bob), 0);
		}
		if (cycle % 3 == 0)
			for (size_t i = 0; i < 3; i++)
				allowed_remove(&a, &p[i], &bob);
		else
			allowed_remove_owner(&a, &bob);
		assert_int_equal(live_nodes, baseline);
		assert_int_equal(a.count, 3);
	}
	allowed_free(&a);
	assert_int_equal(live_nodes, 0);
}

/* --- a plain list of prefixes, which is easy to believe -------------------------------------------------------------- */

struct model {
	struct {
		struct prefix p;
		void *owner;
	} entries[400];
	size_t count;
};

static void model_add(struct model *m, struct prefix p, void *owner)
{
	prefix_mask(&p);
	for (size_t i = 0; i < m->count; i++)
		if (prefix_equal(&m->entries[i].p, &p)) {
			m->entries[i].owner = owner;
			return;
		}
	m->entries[m->count].p = p;
	m->entries[m->count++].owner = owner;
}

static bool model_remove(struct model *m, struct prefix p, const void *owner)
{
	prefix_mask(&p);
	for (size_t i = 0; i < m->count; i++)
		if (prefix_equal(&m->entries[i].p, &p) && m->entries[i].owner == owner) {
			m->entries[i] = m->entries[--m->count];
			return true;
		}
	return false;
}

static void model_remove_owner(struct model *m, const void *owner)
{
	for (size_t i = 0; i < m->count;)
		if (m->entries[i].owner == owner)
			m->entries[i] = m->entries[--m->count];
		else
			i++;
}

static void *model_find(const struct model *m, uint8_t family, const uint8_t *ip)
{
	int best = -1;
	void *owner = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct prefix *p = &m->entries[i].p;

		if (p->family == family && p->len > best && prefix_contains(p, ip)) {
			best = p->len;
			owner = m->entries[i].owner;
		}
	}
	return owner;
}

/* Few different addresses, so that prefixes nest and meet. */
static struct prefix random_prefix(struct rand *rand)
{
	struct prefix p = {.family = rand_below(rand, 2) ? ADDR_V4 : ADDR_V6};
	size_t len = addr_ip_len(p.family);

	for (size_t i = 0; i < len; i++)
		p.ip[i] = (uint8_t)(0xaa ^ (rand_below(rand, 3) ? 0 : 1 << rand_below(rand, 8)));
	p.len = (uint8_t)rand_below(rand, (uint32_t)(8 * len + 1));
	return p;
}

TEST(agrees_with_a_plain_list)
{
	char owners[5];

	for (uint64_t seed = 0; seed < 8; seed++) {
		struct rand rand = rand_seeded(seed);
		static struct model m;
		struct allowed a;

		allowed_init(&a);
		m.count = 0;
		for (int step = 0; step < 1000; step++) {
			struct prefix p = random_prefix(&rand);
			void *owner = &owners[rand_below(&rand, 5)];
			uint32_t what = rand_below(&rand, 200);

			if (what == 0) {
				allowed_remove_owner(&a, owner);
				model_remove_owner(&m, owner);
			} else if (what < 60 && m.count > 0) {
				p = m.entries[rand_below(&rand, (uint32_t)m.count)].p;
				assert_int_equal(allowed_remove(&a, &p, owner),
						 model_remove(&m, p, owner));
			} else if (m.count < 400) {
				assert_int_equal(allowed_add(&a, &p, owner), 0);
				model_add(&m, p, owner);
			}
			for (int i = 0; i < 10; i++) {
				p = random_prefix(&rand);
				assert_ptr_equal(allowed_find(&a, p.family, p.ip),
						 model_find(&m, p.family, p.ip));
			}
			assert_int_equal(a.count, m.count);
			assert_true(live_nodes <= 2 * a.count);
		}
		allowed_free(&a);
		assert_int_equal(live_nodes, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(finds_nobody_in_an_empty_table),
		RUN(the_longest_prefix_wins),
		RUN(refuses_an_address_beside_every_prefix),
		RUN(masks_host_bits_off),
		RUN(adding_again_moves_an_entry_to_its_new_owner),
		RUN(a_fork_becomes_an_entry_and_a_fork_again),
		RUN(removes_only_the_exact_prefix_and_only_for_its_owner),
		RUN(removing_an_owner_leaves_the_others),
		RUN(lists_in_a_stable_order_whatever_the_order_of_adding),
		RUN(stops_listing_when_told_to),
		RUN(holds_a_chain_of_all_lengths),
		RUN(without_memory_nothing_changes),
		RUN(additions_on_reserved_memory_cannot_fail),
		RUN(clearing_removes_entries_and_keeps_the_reserve),
		RUN(churn_of_100000_cycles_returns_to_the_baseline),
		RUN(agrees_with_a_plain_list),
	};

	return RUN_TESTS(tests);
}
