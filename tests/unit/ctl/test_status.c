/* The JSON of `warren status`, of real meshes, and of events. With --samples (--events) it prints some
 * for check_schema instead. */
#include "ctl/status.h"

#include <jansson.h>

#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "nat/report_json.h"
#include "support/nodes.h"
#include "support/test.h"

#define HOST "host1"

static const struct stages stages = {
	.stage = {[STAGE_TUN_READ] = {.calls = 11, .messages = 12, .packets = 13},
		  [STAGE_UDP_SEND] = {.calls = 21,
				      .messages = 22,
				      .packets = UINT64_MAX,
				      .batches = {1, 2, 3, 4, 5, 6}}},
	.tun_super = 32,
	.tun_joined = 33,
	.udp_apart = 31,
};

/* --- reading the JSON ------------------------------------------------------------------- */

static json_t *status_of(const struct node *n, usec now)
{
	char *text = status_json(n->m, "warren0", HOST, &stages, now);

	assert_non_null(text);
	assert_null(strchr(text, '\n'));
	json_t *status = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(status);
	free(text);
	return status;
}

/* The value at "peers.0.path.kind"; fails when there is none. */
static json_t *value_at(json_t *status, const char *path)
{
	char names[128], *save = NULL;
	json_t *value = status;

	snprintf(names, sizeof names, "%s", path);
	for (char *name = strtok_r(names, ".", &save); name != NULL;
	     name = strtok_r(NULL, ".", &save))
		value = json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10))
					     : json_object_get(value, name);
	if (value == NULL)
		fail_msg("no field %s", path);
	return value;
}

static void assert_text(json_t *status, const char *path, const char *expected)
{
	json_t *value = value_at(status, path);

	if (!json_is_string(value) || strcmp(json_string_value(value), expected) != 0)
		fail_msg("%s is %s, not %s", path,
			 json_is_string(value) ? json_string_value(value) : "no text", expected);
}

static void assert_number(json_t *status, const char *path, json_int_t expected)
{
	json_t *value = value_at(status, path);

	if (!json_is_integer(value) || json_integer_value(value) != expected)
		fail_msg("%s is %lld, not %lld", path, json_integer_value(value), expected);
}

static void assert_null_at(json_t *status, const char *path)
{
	if (!json_is_null(value_at(status, path)))
		fail_msg("%s is not null", path);
}

/* --- tests ------------------------------------------------------------------------------ */

TEST(a_node_without_configuration_says_what_it_does_not_know)
{
	static const char *const unknown[] = {"nat.mapping", "nat.filtering", "nat.port_pattern",
					      "nat.hairpin", "nat.double_nat"};
	struct node *n = node_start(1);
	json_t *s = status_of(n, SEC(1));
	assert_text(s, "schema", STATUS_SCHEMA);
	assert_text(s, "interface", "warren0");
	assert_text(s, "name", HOST);
	assert_null_at(s, "public_key");
	assert_null_at(s, "listen_port");
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		assert_text(s, unknown[i], "unknown");
	assert_int_equal(json_array_size(value_at(s, "nat.public")), 0);
	assert_true(json_is_false(value_at(s, "nat.udp_blocked")));
	assert_null_at(s, "nat.checked_unix_ns");
	assert_int_equal(json_array_size(value_at(s, "peers")), 0);
	json_decref(s);
	node_stop(n);
}

/* What natcheck might have found out. */
static void set_report(struct node *n)
{
	struct nat_report *r = &n->m->outside.report;

	*r = (struct nat_report){.checked_at = SEC(3)};
	r->v4 = (struct nat_view){.tested = true,
				  .mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT,
				  .filtering = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
				  .ports = NAT_PORTS_PRESERVE,
				  .hairpin = NAT_NO,
				  .double_nat = NAT_YES,
				  .public_count = 1,
				  .servers_answered = 2};
	r->v6 = (struct nat_view){.tested = true, .public_count = 1};
	assert_true(addr_parse(&r->v4.public[0], "198.51.100.7:51820"));
	assert_true(addr_parse(&r->v6.public[0], "[2001:db8::7]:51820"));
}

TEST(the_nat_is_what_was_found_out)
{
	static char text[REPORT_JSON_MAX];
	struct node *n = node_start(1);

	set_report(n);
	json_t *s = status_of(n, SEC(4));
	assert_text(s, "nat.mapping", "endpoint-independent");
	assert_text(s, "nat.filtering", "address-and-port-dependent");
	assert_text(s, "nat.port_pattern", "preserve");
	assert_text(s, "nat.public.0", "198.51.100.7:51820");
	assert_text(s, "nat.public.1", "[2001:db8::7]:51820");
	assert_true(json_is_false(value_at(s, "nat.udp_blocked")));
	assert_text(s, "nat.hairpin", "no");
	assert_text(s, "nat.double_nat", "yes");
	assert_number(s, "nat.checked_unix_ns", (json_int_t)(ENV_FAKE_WALL + SEC(3)) * 1000);

	/* netcheck's is the same. */
	report_json_write(&n->m->outside.report, ENV_FAKE_WALL, text);
	json_t *found = json_loads(text, 0, NULL);
	assert_true(json_equal(value_at(s, "nat"), value_at(found, "nat")));
	json_decref(found);
	json_decref(s);

	n->m->outside.report.v4 = (struct nat_view){.tested = true, .blocked = NAT_YES};
	s = status_of(n, SEC(4));
	assert_true(json_is_true(value_at(s, "nat.udp_blocked")));
	json_decref(s);
	node_stop(n);
}

TEST(a_peer_that_was_never_spoken_to_is_idle_and_has_no_path)
{
	struct node *n = node_start(1), *other = node_start(2);
	struct delta *d = node_identity(n);
	node_add_peer(d, other, "", false, false);
	node_apply(n, d, SEC(1));

	json_t *s = status_of(n, SEC(1));
	char key[KEY_TEXT_LEN + 1], short_key[KEY_SHORT_MAX];
	text_base64_print(key, n->key.bytes);
	assert_text(s, "public_key", key);
	text_base64_print(key, other->key.bytes);
	assert_text(s, "peers.0.public_key", key);
	assert_text(s, "peers.0.name", key_public_short(&other->key, short_key));
	assert_text(s, "peers.0.allowed_ips.0", "10.66.0.2/32");
	assert_true(json_is_false(value_at(s, "peers.0.anchor")));
	assert_true(json_is_true(value_at(s, "peers.0.plain")));
	assert_text(s, "peers.0.state", "idle");
	assert_text(s, "peers.0.reason", "none");
	assert_text(s, "peers.0.path.kind", "none");
	assert_null_at(s, "peers.0.path.remote");
	assert_null_at(s, "peers.0.path.since_unix_ns");
	assert_null_at(s, "peers.0.path.mtu");
	assert_null_at(s, "peers.0.standby");
	assert_null_at(s, "peers.0.latest_handshake_unix_ns");
	assert_number(s, "peers.0.rx_bytes", 0);
	assert_number(s, "peers.0.switches", 0);
	json_decref(s);
	node_stop(other);
	node_stop(n);
}

/* Node 1 with peers 2 (in session), 3 (never answers) and 4 (nothing known but its key). Returns
 * now. */
static usec busy_nodes(void)
{
	struct node *n = node_start(1), *live = node_start(2), *silent = node_start(3),
		    *unknown = node_start(4);
	usec now = SEC(1);

	struct delta *d = node_identity(n);
	d->has_name = true;
	snprintf(d->name, sizeof d->name, "laptop1");
	node_add_peer(d, live, "nas", false, true);
	node_add_peer(d, silent, "old-pi", true, true);
	node_add_peer(d, unknown, "", false, false);
	node_apply(n, d, now);
	mesh_mtu_changed(n->m, 1400);
	d = node_identity(live);
	node_add_peer(d, n, "", false, false);
	node_apply(live, d, now);

	node_send(n, 3, now);
	outbox_clear(&n->out);
	node_pass_time(n, now, now + SEC(100));
	now += SEC(100);
	node_connect(n, live, now);
	mesh_count_drop(n->m, DROP_REPLAY, UINT64_MAX);
	return now;
}

static void busy_nodes_stop(void)
{
	for (int i = 4; i >= 1; i--)
		node_stop(&nodes[i]);
}

TEST(a_plain_peer_in_session_is_direct_on_a_plain_path)
{
	usec now = busy_nodes();
	json_t *s = status_of(&nodes[1], now + SEC(5));

	assert_text(s, "name", "laptop1");
	assert_number(s, "listen_port", 51820);
	assert_text(s, "peers.0.name", "nas");
	assert_text(s, "peers.0.state", "direct");
	assert_text(s, "peers.0.path.kind", "plain");
	assert_text(s, "peers.0.path.remote", "192.0.2.2:51820");
	assert_number(s, "peers.0.path.mtu", 1400);
	assert_number(s, "peers.0.path.since_unix_ns", (now + ENV_FAKE_WALL) * 1000);
	assert_number(s, "peers.0.latest_handshake_unix_ns", (now + ENV_FAKE_WALL) * 1000);
	assert_null_at(s, "peers.0.path.rtt_us");
	assert_true(json_integer_value(value_at(s, "peers.0.tx_bytes")) >= 148);
	assert_true(json_integer_value(value_at(s, "peers.0.rx_bytes")) >= 92);
	json_decref(s);
	busy_nodes_stop();
}

TEST(a_peer_that_does_not_answer_is_down_and_its_address_still_shown)
{
	usec now = busy_nodes();
	json_t *s = status_of(&nodes[1], now);

	assert_text(s, "peers.1.name", "old-pi");
	assert_true(json_is_true(value_at(s, "peers.1.anchor")));
	assert_text(s, "peers.1.state", "down");
	assert_text(s, "peers.1.path.kind", "none");
	assert_text(s, "peers.1.path.remote", "192.0.2.3:51820");
	assert_null_at(s, "peers.1.latest_handshake_unix_ns");
	json_decref(s);
	busy_nodes_stop();
}

TEST(every_reason_to_drop_has_its_count)
{
	usec now = busy_nodes();
	json_t *s = status_of(&nodes[1], now);
	json_t *drops = value_at(s, "drops");

	assert_int_equal(json_object_size(drops), DROP_COUNT - 1);
	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		assert_true(json_is_integer(json_object_get(drops, drop_name(i))));
	json_decref(s);
	busy_nodes_stop();
}

TEST(every_stage_has_its_counts)
{
	struct node *n = node_start(1);
	json_t *s = status_of(n, SEC(1));

	assert_int_equal(json_object_size(value_at(s, "stages")), STAGE_COUNT + 3);
	assert_number(s, "stages.tun_read.calls", 11);
	assert_number(s, "stages.tun_read.messages", 12);
	assert_number(s, "stages.tun_read.packets", 13);
	assert_number(s, "stages.tun_read.batches.to_1", 0);
	assert_number(s, "stages.udp_send.packets", INT64_MAX);
	assert_number(s, "stages.udp_send.batches.to_1", 1);
	assert_number(s, "stages.udp_send.batches.to_4", 2);
	assert_number(s, "stages.udp_send.batches.to_16", 3);
	assert_number(s, "stages.udp_send.batches.to_64", 4);
	assert_number(s, "stages.udp_send.batches.to_256", 5);
	assert_number(s, "stages.udp_send.batches.more", 6);
	assert_number(s, "stages.udp_receive.messages", 0);
	assert_number(s, "stages.tun_write.messages", 0);
	assert_number(s, "stages.tun_super_packets", 32);
	assert_number(s, "stages.tun_joined_packets", 33);
	assert_number(s, "stages.udp_apart_messages", 31);
	json_decref(s);
	node_stop(n);
}

TEST(numbers_stop_at_the_greatest_signed_one)
{
	usec now = busy_nodes();

	nodes[1].env.env.wall_offset = INT64_MAX - SEC(1000);
	json_t *s = status_of(&nodes[1], now);
	assert_number(s, "drops.replay", INT64_MAX);
	assert_number(s, "peers.0.latest_handshake_unix_ns", INT64_MAX);
	json_decref(s);
	busy_nodes_stop();
}

static void assert_health(const struct node *n, usec now, const char *health, const char *reason)
{
	json_t *s = status_of(n, now);

	assert_text(s, "health", health);
	assert_text(s, "health_reason", reason);
	json_decref(s);
}

TEST(health_follows_the_port_the_anchors_and_the_peers_that_spoke)
{
	struct node *n = node_start(1), *one = node_start(2), *two = node_start(3);
	usec now = SEC(1);

	assert_health(n, now, "unhealthy", "no UDP port is open");
	struct delta *d = node_identity(n);
	node_add_peer(d, one, "", false, true);
	node_apply(n, d, now);
	assert_health(n, now, "healthy", "none");

	/* silent from the beginning: not missed */
	node_send(n, 2, now);
	node_pass_time(n, now, now + SEC(100));
	now += SEC(100);
	assert_health(n, now, "healthy", "none");

	/* it spoke, then fell silent */
	d = node_identity(one);
	node_add_peer(d, n, "", false, false);
	node_apply(one, d, now);
	node_connect(n, one, now);
	assert_health(n, now, "healthy", "none");
	node_pass_time(n, now, now + SEC(200));
	now += SEC(200);
	node_send(n, 2, now);
	node_pass_time(n, now, now + SEC(100));
	now += SEC(100);
	assert_health(n, now, "degraded", "a peer does not answer");

	/* nobody wants it any more: missed for 120 s after the last packet */
	assert_health(n, now + SEC(19), "degraded", "a peer does not answer");
	assert_health(n, now + SEC(20), "healthy", "none");

	/* now it is one of two anchors, then the only one */
	d = delta_new();
	assert_non_null(d);
	node_add_peer(d, one, "", true, true);
	node_add_peer(d, two, "", true, true);
	node_apply(n, d, now);
	assert_health(n, now, "degraded", "an anchor does not answer");
	d = delta_new();
	assert_non_null(d);
	delta_add_peer(d, &two->key)->remove = true;
	node_apply(n, d, now);
	assert_health(n, now, "unhealthy", "no anchor answers");

	node_stop(two);
	node_stop(one);
	node_stop(n);
}

TEST(health_follows_the_interface)
{
	struct node *n = node_start(1);
	struct host h = {.overlay = {.name = "warren0", .mtu = 1400}};

	node_apply(n, node_identity(n), SEC(1));
	mesh_host_changed(n->m, &h, SEC(1), &n->out);
	assert_health(n, SEC(1), "unhealthy", "the interface is down");
	h.overlay.up = true;
	mesh_host_changed(n->m, &h, SEC(1), &n->out);
	assert_health(n, SEC(1), "healthy", "none");
	node_stop(n);
}

/* --- events ----------------------------------------------------------------------------- */

#define HEAD "{\"schema\":\"warren.event/1\",\"time_unix_ns\":7000000000,"

static const struct {
	struct event event;
	const char *text;
} told[] = {
	{{.wall = SEC(7), .peer = "nas", .reason = EVENT_ADDED, .took = USEC_NEVER},
	 HEAD "\"peer\":\"nas\",\"from\":null,\"to\":\"idle\",\"reason\":\"added\",\"took_us\":"
	      "null}"},
	{{.wall = SEC(7),
	  .peer = "nas",
	  .to = MESH_PEER_DIRECT,
	  .reason = EVENT_HANDSHAKE,
	  .took = 37100},
	 HEAD "\"peer\":\"nas\",\"from\":\"idle\",\"to\":\"direct\",\"reason\":\"handshake\","
	      "\"took_us\":37100}"},
	{{.wall = SEC(7),
	  .peer = "nas",
	  .from = MESH_PEER_DOWN,
	  .to = MESH_PEER_DIRECT,
	  .reason = EVENT_HEARD,
	  .took = 0},
	 HEAD "\"peer\":\"nas\",\"from\":\"down\",\"to\":\"direct\",\"reason\":\"heard\","
	      "\"took_us\":0}"},
	{{.wall = SEC(7),
	  .peer = "nas",
	  .from = MESH_PEER_DIRECT,
	  .to = MESH_PEER_DIRECT,
	  .reason = EVENT_ROAMED,
	  .took = USEC_NEVER},
	 HEAD "\"peer\":\"nas\",\"from\":\"direct\",\"to\":\"direct\",\"reason\":\"roamed\","
	      "\"took_us\":null}"},
	{{.wall = SEC(7),
	  .peer = "nas",
	  .from = MESH_PEER_DIRECT,
	  .to = MESH_PEER_DOWN,
	  .reason = EVENT_NO_ANSWER,
	  .took = SEC(105)},
	 HEAD "\"peer\":\"nas\",\"from\":\"direct\",\"to\":\"down\",\"reason\":\"no-answer\","
	      "\"took_us\":105000000}"},
	{{.wall = SEC(7), .peer = "nas", .from = MESH_PEER_DIRECT, .reason = EVENT_EXPIRED},
	 HEAD "\"peer\":\"nas\",\"from\":\"direct\",\"to\":\"idle\",\"reason\":\"expired\","
	      "\"took_us\":0}"},
	{{.wall = SEC(7), .peer = "nas", .from = MESH_PEER_DIRECT, .reason = EVENT_NEW_KEY},
	 HEAD "\"peer\":\"nas\",\"from\":\"direct\",\"to\":\"idle\",\"reason\":\"new-key\","
	      "\"took_us\":0}"},
	{{.wall = SEC(7), .peer = "nas", .from = MESH_PEER_DOWN, .reason = EVENT_REMOVED},
	 HEAD "\"peer\":\"nas\",\"from\":\"down\",\"to\":null,\"reason\":\"removed\",\"took_us\":"
	      "0}"},
	{{.wall = SEC(7), .reason = EVENT_LOST, .took = USEC_NEVER},
	 HEAD "\"peer\":null,\"from\":null,\"to\":null,\"reason\":\"lost\",\"took_us\":null}"},
	{{.wall = -1, .peer = "\xff", .reason = EVENT_ADDED, .took = USEC_NEVER},
	 "{\"schema\":\"warren.event/1\",\"time_unix_ns\":null,\"peer\":\"?\",\"from\":null,\"to\":"
	 "\"idle\",\"reason\":\"added\",\"took_us\":null}"},
};
#define TOLD (sizeof told / sizeof told[0])

TEST(every_event_has_every_field)
{
	for (size_t i = 0; i < TOLD; i++) {
		char *text = status_event(&told[i].event);
		assert_non_null(text);
		assert_string_equal(text, told[i].text);
		free(text);
	}
}

static int print_events(void)
{
	for (size_t i = 0; i < TOLD; i++) {
		char *text = status_event(&told[i].event);
		puts(text);
		free(text);
	}
	return 0;
}

/* --- both ------------------------------------------------------------------------------- */

TEST(names_that_are_no_utf8_are_shown_with_question_marks)
{
	struct node *n = node_start(1);
	char *text = status_json(n->m, "w\xffg0", "h\xc3\nx", &stages, SEC(1));
	assert_non_null(text);
	assert_non_null(strstr(text, "\"interface\":\"w?g0\",\"name\":\"h?\\nx\""));
	free(text);
	text = status_json(n->m, "wg0", "h\xc3\xa9", &stages, SEC(1));
	assert_non_null(strstr(text, "\"name\":\"h\xc3\xa9\""));
	free(text);
	node_stop(n);
}

static size_t failing_allocation; /* counted down; the one at 0 fails */

static void *failing_malloc(size_t len)
{
	return failing_allocation-- != 0 ? malloc(len) : NULL;
}

TEST(says_all_or_nothing_when_memory_runs_out)
{
	usec now = busy_nodes();
	char *whole = status_json(nodes[1].m, "warren0", HOST, &stages, now);
	bool failed = true;
	size_t nothing = 0;

	assert_non_null(whole);
	json_set_alloc_funcs(failing_malloc, free);
	for (size_t n = 0; failed && n < 10000; n++) {
		failing_allocation = n;
		char *text = status_json(nodes[1].m, "warren0", HOST, &stages, now);
		failed = failing_allocation > n;
		if (text == NULL)
			nothing++;
		else
			assert_string_equal(text, whole);
		free(text);
	}
	json_set_alloc_funcs(malloc, free);
	assert_false(failed);
	assert_true(nothing > 100);
	free(whole);
	busy_nodes_stop();
}

/* The last has everything. */
static int print_samples(void)
{
	usec now = busy_nodes();
	set_report(&nodes[1]);
	char *samples[] = {status_json(nodes[4].m, "w\xff", "", &stages, now),
			   status_json(nodes[2].m, "wg0", HOST, &stages, now),
			   status_json(nodes[1].m, "warren0", HOST, &stages, now)};

	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		puts(samples[i]);
		free(samples[i]);
	}
	busy_nodes_stop();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(a_node_without_configuration_says_what_it_does_not_know),
		RUN(the_nat_is_what_was_found_out),
		RUN(a_peer_that_was_never_spoken_to_is_idle_and_has_no_path),
		RUN(a_plain_peer_in_session_is_direct_on_a_plain_path),
		RUN(a_peer_that_does_not_answer_is_down_and_its_address_still_shown),
		RUN(every_reason_to_drop_has_its_count),
		RUN(every_stage_has_its_counts),
		RUN(numbers_stop_at_the_greatest_signed_one),
		RUN(health_follows_the_port_the_anchors_and_the_peers_that_spoke),
		RUN(health_follows_the_interface),
		RUN(every_event_has_every_field),
		RUN(names_that_are_no_utf8_are_shown_with_question_marks),
		RUN(says_all_or_nothing_when_memory_runs_out),
	};

	if (crypto_init(NULL) != 0)
		return 1;
	if (argc == 2 && strcmp(argv[1], "--samples") == 0)
		return print_samples();
	if (argc == 2 && strcmp(argv[1], "--events") == 0)
		return print_events();
	return RUN_TESTS(tests);
}
