/* The judge is judged: whatever it is there to see, it sees; and it does not cry without need. Here are also the inner packets that it
 * counts (sim/flow). */
#include "sim/oracle.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "sim/flow.h"
#include "sim/node.h"
#include "support/test.h"

static struct world *w;
static struct node *a, *b;

/* Two nodes with a session. */
static int start(void **state)
{
	(void)state;
	w = world_new(1, false);
	a = node_add(w, "a", &w->net.internet);
	b = node_add(w, "b", &w->net.internet);
	node_introduce_as(a, b, &(struct acquaintance){0});
	flow_start_both(a, b, MSEC(100), 100);
	world_run(w, SEC(2));
	assert_false(world_failed(w));
	assert_true(oracle_agree(a, b));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

static bool complains_of(const char *words)
{
	return strstr(w->failure, words) != NULL;
}

/* --- inner packets ---------------------------------------------------------------------------------------------- */

/* The packet that the next flow_send() would send. */
static const uint8_t *next_packet(struct flow *f)
{
	static uint8_t packet[FLOW_LEN_MAX];

	flow_write(f, f->sent, w->now, packet, f->len);
	return packet;
}

TEST(a_packet_is_delivered_once)
{
	struct flow *f = flow_between(a, b);
	const uint8_t *packet = next_packet(f);

	f->sent++;
	flow_delivered(b, packet, f->len);
	assert_false(world_failed(w));
	flow_delivered(b, packet, f->len);
	assert_true(complains_of("twice"));
}

TEST(not_before_it_is_sent)
{
	struct flow *f = flow_between(a, b);

	flow_delivered(b, next_packet(f), f->len);
	assert_true(complains_of("before it was sent"));
}

TEST(not_to_somebody_else)
{
	struct flow *f = flow_between(a, b);
	const uint8_t *packet = next_packet(f);

	f->sent++;
	flow_delivered(a, packet, f->len);
	assert_true(complains_of("nobody sent"));
}

TEST(not_with_one_bit_wrong_nor_cut_short)
{
	struct flow *f = flow_between(a, b);
	uint8_t packet[FLOW_LEN_MAX];

	memcpy(packet, next_packet(f), f->len);
	f->sent++;
	for (size_t bit = 0; bit < f->len * 8; bit++) {
		w->failure[0] = '\0';
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		flow_delivered(b, packet, f->len);
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* but when it says that it was sent is its own word */
		assert_true(world_failed(w) || (bit / 8 >= 40 && bit / 8 < 48));
		f->seen[(f->sent - 1) % FLOW_REMEMBER / 8] = 0;
	}
	w->failure[0] = '\0';
	flow_delivered(b, packet, f->len - 1);
	assert_true(complains_of("nobody sent"));
}

TEST(nor_after_so_many_others_that_nobody_remembers_it)
{
	struct flow *f = flow_between(a, b);
	const uint8_t *packet = next_packet(f);

	f->sent += 1 + FLOW_REMEMBER;
	flow_delivered(b, packet, f->len);
	assert_true(complains_of("twice"));
}

/* --- datagrams -------------------------------------------------------------------------------------------------- */

static void seal(uint32_t index, uint64_t counter)
{
	uint8_t data[32] = {0};
	struct packet p = {.data = data, .len = sizeof data};

	p.via.remote = node_endpoint(b);
	store_le32(data, MESSAGE_DATA);
	store_le32(data + 4, index);
	store_le64(data + 8, counter);
	oracle_datagram(a, &p);
}

TEST(a_counter_serves_once_per_key_in_whatever_order)
{
	static const uint64_t order[] = {0, 1, 3, 2, 66, 65, 4};

	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		seal(77, order[i]);
		seal(77 + ORACLE_KEYS, order[i]);
	}
	assert_false(world_failed(w));
	seal(77, 65);
	assert_true(complains_of("again"));
}

TEST(a_counter_that_is_far_behind_was_used)
{
	seal(77, 100);
	seal(77, 36);
	assert_true(complains_of("again"));
}

TEST(an_index_may_come_again_when_its_key_is_dead)
{
	seal(77, 0);
	flow_stop(flow_between(a, b));
	flow_stop(flow_between(b, a));
	world_run(w, SEC(201));
	seal(77, 0);
	assert_false(world_failed(w));
}

TEST(an_inner_packet_or_a_key_in_a_datagram_is_seen)
{
	uint8_t data[200] = {0};
	struct packet p = {.data = data, .len = sizeof data};

	p.via.remote = node_endpoint(b);
	oracle_datagram(a, &p);
	assert_false(world_failed(w));
	memcpy(data + 99, w->mark, sizeof w->mark);
	oracle_datagram(a, &p);
	assert_true(complains_of("in the clear"));

	w->failure[0] = '\0';
	memset(data, 0, sizeof data);
	memcpy(data + 3, a->secret.bytes, sizeof a->secret.bytes);
	oracle_datagram(a, &p);
	assert_true(complains_of("private key"));
}

TEST(nobody_sends_to_nobody)
{
	uint8_t data[32] = {0};
	struct packet p = {.data = data, .len = sizeof data};

	p.via.remote = addr_v4((uint8_t[]){127, 0, 0, 1}, 1);
	oracle_datagram(a, &p);
	assert_true(complains_of("nobody's"));
}

/* --- strangers -------------------------------------------------------------------------------------------------- */

/* A datagram of `len` bytes comes, is dropped for a reason that proves nothing, and this many of that length leave. */
static void refuse(enum drop why, size_t len, unsigned answers, size_t answer_len)
{
	struct addr to = node_endpoint(b);
	struct via via = via_direct(&to);

	oracle_before_input(a);
	mesh_count_drop(a->mesh, why, 1);
	for (unsigned i = 0; i < answers; i++)
		outbox_datagram(&w->out, &via, answer_len);
	oracle_after_input(a, len);
	outbox_clear(&w->out);
}

TEST(a_stranger_gets_one_answer_that_is_no_longer_than_what_he_sent)
{
	refuse(DROP_UNDER_LOAD, 148, 1, 64);
	refuse(DROP_MAC1, 148, 0, 0);
	refuse(DROP_SOURCE, 32, 3, 400); /* a peer's */
	assert_false(world_failed(w));
	refuse(DROP_UNDER_LOAD, 148, 1, 149);
	assert_true(complains_of("149"));
	w->failure[0] = '\0';
	refuse(DROP_TAG, 1000, 2, 32);
	assert_true(complains_of("2 datagrams"));
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

static struct tunnel *tunnel(void)
{
	return &((struct peer *)mesh_peer_find(a->mesh, &b->key))->tunnel;
}

TEST(vuln_41_a_session_without_a_timer_is_seen)
{
	tunnel()->timers.erase_at = tunnel()->timers.persistent_at = USEC_NEVER;
	tunnel()->timers.keepalive_at = tunnel()->timers.silence_at = USEC_NEVER;
	oracle_step(a);
	assert_true(world_failed(w));
}

TEST(vuln_41_waiting_for_an_answer_without_an_end_is_seen)
{
	tunnel()->timers.unanswered_since = node_now(a);
	tunnel()->timers.silence_at = USEC_NEVER;
	tunnel()->timers.wanted = false;
	((struct peer *)mesh_peer_find(a->mesh, &b->key))->deadline.at = tunnel_deadline(tunnel());
	oracle_step(a);
	assert_true(complains_of("vuln_41") || complains_of("does not wake"));
}

TEST(vuln_41_a_deadline_that_the_mesh_does_not_know_is_seen)
{
	struct peer *p = (struct peer *)mesh_peer_find(a->mesh, &b->key);

	heap_set(&a->mesh->deadlines, &p->deadline, USEC_NEVER);
	oracle_step(a);
	assert_true(complains_of("does not wake"));
}

/* --- liveness --------------------------------------------------------------------------------------------------- */

TEST(ends_that_do_not_agree_have_16_s_while_nothing_is_broken)
{
	b->life = NODE_STOPPED; /* behind everybody's back */
	world_run(w, SEC(17));
	assert_false(world_failed(w));
	world_run(w, SEC(3));
	assert_true(complains_of("have not agreed"));
	b->life = NODE_AWAKE;
}

TEST(and_all_the_time_they_like_while_something_is)
{
	world_disturb(w);
	b->life = NODE_STOPPED;
	world_run(w, SEC(60));
	assert_false(world_failed(w));
	w->calm_since = w->now;
	world_run(w, SEC(15));
	assert_false(world_failed(w));
	world_run(w, SEC(3));
	assert_true(complains_of("have not agreed"));
	b->life = NODE_AWAKE;
}

#define RUN_THERE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_THERE(a_packet_is_delivered_once),
		RUN_THERE(not_before_it_is_sent),
		RUN_THERE(not_to_somebody_else),
		RUN_THERE(not_with_one_bit_wrong_nor_cut_short),
		RUN_THERE(nor_after_so_many_others_that_nobody_remembers_it),
		RUN_THERE(a_counter_serves_once_per_key_in_whatever_order),
		RUN_THERE(a_counter_that_is_far_behind_was_used),
		RUN_THERE(an_index_may_come_again_when_its_key_is_dead),
		RUN_THERE(an_inner_packet_or_a_key_in_a_datagram_is_seen),
		RUN_THERE(nobody_sends_to_nobody),
		RUN_THERE(a_stranger_gets_one_answer_that_is_no_longer_than_what_he_sent),
		RUN_THERE(vuln_41_a_session_without_a_timer_is_seen),
		RUN_THERE(vuln_41_waiting_for_an_answer_without_an_end_is_seen),
		RUN_THERE(vuln_41_a_deadline_that_the_mesh_does_not_know_is_seen),
		RUN_THERE(ends_that_do_not_agree_have_16_s_while_nothing_is_broken),
		RUN_THERE(and_all_the_time_they_like_while_something_is),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
