/* The page of `warren metrics`, read back as strictly as Prometheus' text format is written down. With --sample it prints one for
 * check_metrics instead. */
#include "ctl/metrics.h"

#include <ctype.h>

#include "base/text.h"
#include "config.h"
#include "crypto/crypto.h"
#include "mesh/mesh_impl.h"
#include "support/nodes.h"
#include "support/test.h"

#define NOW        SEC(50)
#define LABELS_MAX 5

/* --- reading a page --------------------------------------------------------------------- */

struct label {
	char name[32], value[256];
};

struct sample {
	char name[80];
	struct label labels[LABELS_MAX];
	size_t label_count;
	char value[32];
};

static struct page {
	struct sample samples[512];
	size_t count;
	char families[64][80], types[64][16];
	size_t family_count;
} page;

static const char *label_of(const struct sample *s, const char *name)
{
	for (size_t i = 0; i < s->label_count; i++)
		if (strcmp(s->labels[i].name, name) == 0)
			return s->labels[i].value;
	return NULL;
}

/* Takes a word of letters, digits and underscores. */
static const char *read_word(const char *at, char *word, size_t room)
{
	size_t n = 0;

	assert_true(isalpha((unsigned char)*at) || *at == '_');
	while (isalnum((unsigned char)*at) || *at == '_') {
		assert_true(n + 1 < room);
		word[n++] = *at++;
	}
	word[n] = '\0';
	return at;
}

static const char *read_label(const char *at, struct sample *s)
{
	struct label l = {0};
	size_t n = 0;

	at = read_word(at, l.name, sizeof l.name);
	assert_null(label_of(s, l.name));
	assert_memory_equal(at, "=\"", 2);
	for (at += 2; *at != '"'; at++) {
		assert_true(*at != '\0' && n + 1 < sizeof l.value);
		if (*at != '\\') {
			l.value[n++] = *at;
			continue;
		}
		at++;
		assert_true(*at == '\\' || *at == '"' || *at == 'n');
		l.value[n++] = *at == 'n' ? '\n' : *at;
	}
	assert_true(s->label_count < LABELS_MAX);
	s->labels[s->label_count++] = l;
	return at + 1;
}

static void read_value(const char *at, struct sample *s)
{
	size_t whole = strspn(at, "0123456789");

	assert_true(whole > 0 && (whole == 1 || *at != '0'));
	if (at[whole] != '\0') { /* microseconds */
		assert_int_equal(at[whole], '.');
		assert_int_equal(strspn(at + whole + 1, "0123456789"), 6);
		assert_int_equal(at[whole + 7], '\0');
	}
	assert_true(strlen(at) < sizeof s->value);
	memcpy(s->value, at, strlen(at) + 1);
}

static bool same_series(const struct sample *a, const struct sample *b)
{
	if (strcmp(a->name, b->name) != 0 || a->label_count != b->label_count)
		return false;
	for (size_t i = 0; i < a->label_count; i++) {
		const char *other = label_of(b, a->labels[i].name);
		if (other == NULL || strcmp(other, a->labels[i].value) != 0)
			return false;
	}
	return true;
}

static void read_sample(const char *line)
{
	struct sample *s = &page.samples[page.count];
	const char *family = page.families[page.family_count - 1];
	const char *type = page.types[page.family_count - 1], *suffix;

	assert_true(page.count < sizeof page.samples / sizeof page.samples[0]);
	*s = (struct sample){0};
	line = read_word(line, s->name, sizeof s->name);
	assert_int_equal(strncmp(s->name, family, strlen(family)), 0);
	suffix = s->name + strlen(family);
	if (strcmp(type, "histogram") == 0)
		assert_true(strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_sum") == 0 ||
			    strcmp(suffix, "_count") == 0);
	else
		assert_string_equal(suffix, "");

	assert_int_equal(*line, '{');
	do
		line = read_label(line + 1, s);
	while (*line == ',');
	assert_memory_equal(line, "} ", 2);
	read_value(line + 2, s);
	for (size_t i = 0; i < page.count; i++)
		assert_false(same_series(s, &page.samples[i]));
	page.count++;
}

static void read_help(const char *line)
{
	char *family = page.families[page.family_count];

	assert_true(page.family_count < sizeof page.families / sizeof page.families[0]);
	line = read_word(line, family, sizeof page.families[0]);
	for (size_t i = 0; i < page.family_count; i++)
		assert_string_not_equal(family, page.families[i]);
	assert_int_equal(*line, ' ');
	assert_true(isupper((unsigned char)line[1]) || isdigit((unsigned char)line[1]));
	assert_int_equal(line[strlen(line) - 1], '.');
	assert_null(strchr(line, '\\'));
	page.types[page.family_count++][0] = '\0';
}

static void read_type(const char *line)
{
	char word[80], *type = page.types[page.family_count - 1];

	assert_string_equal(type, "");
	line = read_word(line, word, sizeof word);
	assert_string_equal(word, page.families[page.family_count - 1]);
	assert_int_equal(*line, ' ');
	line = read_word(line + 1, type, sizeof page.types[0]);
	assert_int_equal(*line, '\0');
	assert_true(strcmp(type, "gauge") == 0 || strcmp(type, "counter") == 0 ||
		    strcmp(type, "histogram") == 0);
	size_t len = strlen(word);
	assert_int_equal(strcmp(type, "counter") == 0,
			 len > 6 && strcmp(word + len - 6, "_total") == 0);
}

static void read_page(const char *text, size_t len)
{
	char *copy = strdup(text);

	assert_int_equal(strlen(text), len);
	page.count = page.family_count = 0;
	for (char *line = copy, *end; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		assert_true(text_is_printable_utf8(line, strlen(line)));
		if (strncmp(line, "# HELP ", 7) == 0)
			read_help(line + 7);
		else if (strncmp(line, "# TYPE ", 7) == 0)
			read_type(line + 7);
		else
			read_sample(line);
	}
	for (size_t i = 0; i < page.family_count; i++)
		assert_string_not_equal(page.types[i], "");
	free(copy);
}

static char *take_page_of(const struct node *n, const char *interface, const struct stages *stages)
{
	size_t len;
	char *text = metrics_text(n->m, interface, stages, NOW, &len);

	assert_non_null(text);
	read_page(text, len);
	return text;
}

static void read_page_of(const struct node *n, const struct stages *stages)
{
	free(take_page_of(n, "warren0", stages));
}

/* The value of the one sample of this name with this label (and that one). */
static const char *value2(const char *name, const char *label, const char *is, const char *label2,
			  const char *is2)
{
	const char *found = NULL;

	for (size_t i = 0; i < page.count; i++) {
		const struct sample *s = &page.samples[i];
		const char *has = label != NULL ? label_of(s, label) : "",
			   *has2 = label2 != NULL ? label_of(s, label2) : "";

		if (strcmp(s->name, name) != 0 || has == NULL || has2 == NULL ||
		    (label != NULL && strcmp(has, is) != 0) ||
		    (label2 != NULL && strcmp(has2, is2) != 0))
			continue;
		if (found != NULL)
			fail_msg("more than one %s", name);
		found = s->value;
	}
	if (found == NULL)
		fail_msg("no %s", name);
	return found;
}

static const char *value(const char *name, const char *label, const char *is)
{
	return value2(name, label, is, NULL, NULL);
}

/* --- tests ------------------------------------------------------------------------------ */

static const struct stages counted = {
	.stage = {[STAGE_TUN_READ] = {.calls = 1001, .messages = 1002, .packets = 1003},
		  [STAGE_UDP_SEND] = {.calls = 2001, .messages = 2002, .packets = 2003},
		  [STAGE_UDP_RECEIVE] = {.calls = 3001, .messages = 3002, .packets = 3003},
		  [STAGE_TUN_WRITE] = {.calls = 4001,
				       .messages = 4002,
				       .packets = UINT64_MAX,
				       .batches = {1, 2, 3, 4, 5, 6},
				       .batched = 7777}},
	.tun_super = 56,
	.tun_joined = 57,
	.udp_apart = 55,
};

/* Node 1 with peers 2 (in session) and 3 (of no name, never spoken to). */
static struct node *two_peers(const char *name)
{
	struct node *n = node_start(1), *live = node_start(2), *other = node_start(3);
	struct delta *d = node_identity(n);

	node_add_peer(d, live, name, false, true);
	node_add_peer(d, other, "", false, false);
	node_apply(n, d, NOW);
	d = node_identity(live);
	node_add_peer(d, n, "", false, false);
	node_apply(live, d, NOW);
	node_connect(n, live, NOW);
	return n;
}

static void stop_all(void)
{
	for (int i = 3; i >= 1; i--)
		node_stop(&nodes[i]);
}

TEST(a_node_without_peers_has_every_family)
{
	struct node *n = node_start(1);

	read_page_of(n, &counted);
	assert_true(page.family_count >= 21);
	assert_string_equal(value("warren_info", "version", PACKAGE_VERSION), "1");
	assert_string_equal(value("warren_peers", "interface", "warren0"), "0");
	assert_string_equal(value("warren_mtu_bytes", NULL, NULL), "0");
	for (size_t i = 0; i < page.count; i++)
		assert_null(label_of(&page.samples[i], "peer"));
	node_stop(n);
}

TEST(the_nat_is_in_labels_and_its_checks_are_counted)
{
	struct node *n = node_start(1);
	struct outside *o = &n->m->outside;

	read_page_of(n, &counted);
	assert_string_equal(value("warren_nat_info", "mapping", "unknown"), "1");
	assert_string_equal(value("warren_nat_checked_timestamp_seconds", NULL, NULL), "0");
	o->report.v4 = (struct nat_view){.tested = true,
					 .mapping = NAT_MAPPING_ADDRESS_DEPENDENT,
					 .filtering = NAT_FILTERING_ENDPOINT_INDEPENDENT,
					 .ports = NAT_PORTS_BLOCK};
	o->report.checked_at = SEC(3) + 5;
	o->started = 9;
	o->successes = 7;
	o->failures = 1;
	read_page_of(n, &counted);
	assert_string_equal(value("warren_nat_info", "mapping", "address-dependent"), "1");
	assert_string_equal(value("warren_nat_info", "filtering", "endpoint-independent"), "1");
	assert_string_equal(value("warren_nat_info", "port_pattern", "block"), "1");
	assert_string_equal(value("warren_nat_checks_total", NULL, NULL), "9");
	assert_string_equal(value("warren_nat_traversal_attempts_total", "result", "success"), "7");
	assert_string_equal(value("warren_nat_traversal_attempts_total", "result", "failure"), "1");
	assert_string_equal(value("warren_nat_checked_timestamp_seconds", NULL, NULL),
			    "1795260003.000005");
	node_stop(n);
}

TEST(every_sample_names_the_interface_and_every_peer_its_key)
{
	struct node *n = two_peers("nas");

	read_page_of(n, &counted);
	for (size_t i = 0; i < page.count; i++) {
		const struct sample *s = &page.samples[i];
		assert_string_equal(label_of(s, "interface"), "warren0");
		if (strncmp(s->name, "warren_peer_", 12) == 0)
			assert_int_equal(strlen(label_of(s, "public_key")), KEY_TEXT_LEN);
	}
	stop_all();
}

TEST(every_reason_to_drop_has_its_count)
{
	struct node *n = node_start(1);

	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++)
		mesh_count_drop(n->m, i, UINT64_MAX - (uint64_t)i);
	read_page_of(n, &counted);
	for (int i = DROP_NONE + 1; i < DROP_COUNT; i++) {
		char text[32];
		snprintf(text, sizeof text, "%llu", (unsigned long long)(UINT64_MAX - (uint64_t)i));
		assert_string_equal(value("warren_drops_total", "reason", drop_name(i)), text);
	}
	node_stop(n);
}

TEST(every_stage_has_its_counts)
{
	static const char *const stages[] = {"tun_read", "udp_send", "udp_receive", "tun_write"};
	struct node *n = node_start(1);
	char text[32];

	read_page_of(n, &counted);
	for (int i = 0; i < STAGE_COUNT; i++) {
		snprintf(text, sizeof text, "%d001", i + 1);
		assert_string_equal(value("warren_stage_calls_total", "stage", stages[i]), text);
		snprintf(text, sizeof text, "%d002", i + 1);
		assert_string_equal(value("warren_stage_messages_total", "stage", stages[i]), text);
		snprintf(text, sizeof text, "%d003", i + 1);
		assert_string_equal(value("warren_stage_packets_total", "stage", stages[i]),
				    i == STAGE_TUN_WRITE ? "18446744073709551615" : text);
	}
	assert_string_equal(value("warren_tun_super_packets_total", NULL, NULL), "56");
	assert_string_equal(value("warren_tun_joined_packets_total", NULL, NULL), "57");
	assert_string_equal(value("warren_udp_apart_messages_total", NULL, NULL), "55");
	node_stop(n);
}

TEST(buckets_count_what_is_below_them_as_well)
{
	static const char *const limits[] = {"1", "4", "16", "64", "256", "+Inf"},
				 *const counts[] = {"1", "3", "6", "10", "15", "21"};
	struct node *n = node_start(1);

	read_page_of(n, &counted);
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		assert_string_equal(value2("warren_stage_batch_packets_bucket", "stage",
					   "tun_write", "le", limits[i]),
				    counts[i]);
	assert_string_equal(value("warren_stage_batch_packets_sum", "stage", "tun_write"), "7777");
	assert_string_equal(value("warren_stage_batch_packets_count", "stage", "tun_write"), "21");
	assert_string_equal(
		value2("warren_stage_batch_packets_bucket", "stage", "udp_send", "le", "+Inf"),
		"0");
	node_stop(n);
}

TEST(peers_have_their_counts)
{
	struct node *n = two_peers("nas");
	char text[32];

	/* An initiation and a packet of 28 bytes, padded; a response. */
	read_page_of(n, &counted);
	assert_string_equal(value("warren_peers", NULL, NULL), "2");
	assert_string_equal(value("warren_peer_sent_bytes_total", "peer", "nas"), "212");
	assert_string_equal(value("warren_peer_sent_packets_total", "peer", "nas"), "2");
	assert_string_equal(value("warren_peer_received_bytes_total", "peer", "nas"), "92");
	assert_string_equal(value("warren_peer_received_packets_total", "peer", "nas"), "1");
	assert_string_equal(value("warren_peer_handshakes_total", "peer", "nas"), "1");
	assert_string_equal(value("warren_peer_handshake_initiations_total", "peer", "nas"), "1");
	assert_string_equal(value("warren_peer_endpoint_changes_total", "peer", "nas"), "0");
	snprintf(text, sizeof text, "%lld.000000", (long long)((ENV_FAKE_WALL + NOW) / SEC(1)));
	assert_string_equal(value("warren_peer_latest_handshake_timestamp_seconds", "peer", "nas"),
			    text);
	assert_string_equal(value2("warren_peer_state", "peer", "nas", "state", "direct"), "1");
	assert_string_equal(value2("warren_peer_state", "peer", "nas", "state", "idle"), "0");
	assert_string_equal(value2("warren_peer_state", "peer", "nas", "state", "down"), "0");

	/* The responder. */
	key_public_short(&n->key, text);
	read_page_of(&nodes[2], &counted);
	assert_string_equal(value("warren_peer_handshakes_total", "peer", text), "1");
	assert_string_equal(value("warren_peer_handshake_initiations_total", "peer", text), "0");
	stop_all();
}

TEST(a_peer_that_was_never_spoken_to_has_zeros)
{
	struct node *n = two_peers("nas");
	char short_key[KEY_SHORT_MAX];

	key_public_short(&nodes[3].key, short_key);
	read_page_of(n, &counted);
	assert_string_equal(value("warren_peer_sent_bytes_total", "peer", short_key), "0");
	assert_string_equal(
		value("warren_peer_latest_handshake_timestamp_seconds", "peer", short_key), "0");
	assert_string_equal(value2("warren_peer_state", "peer", short_key, "state", "idle"), "1");
	stop_all();
}

TEST(the_handshake_is_told_to_the_microsecond)
{
	struct node *n = two_peers("nas");

	n->env.env.wall_offset = SEC(1795260000) + 7 - NOW;
	read_page_of(n, &counted);
	assert_string_equal(value("warren_peer_latest_handshake_timestamp_seconds", "peer", "nas"),
			    "1795260000.000007");
	n->env.env.wall_offset = -SEC(100); /* before 1970 */
	read_page_of(n, &counted);
	assert_string_equal(value("warren_peer_latest_handshake_timestamp_seconds", "peer", "nas"),
			    "0");
	stop_all();
}

TEST(names_are_escaped_and_stay_what_they_are)
{
	static const char *const names[][2] = {
		{"a\"b", "a\"b"},
		{"a\\", "a\\"},
		{"\\n", "\\n"},
		{"a\nb", "a\nb"},
		{"\"} 1\nwarren_info{x=\"", "\"} 1\nwarren_info{x=\""},
		{"na\xc3\xafve \xf0\x9f\x90\x87", "na\xc3\xafve \xf0\x9f\x90\x87"},
		{"\x1b[2J\t\x7f", "?[2J??"},
		{"\xff\xc3*", "??*"},
		{"\xe2\x80\xae"
		 "abc",
		 "???abc"}, /* right to left from here */
		{"cut \xf0\x9f\x90", "cut ???"},
		{" {}=,#", " {}=,#"},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct node *n = two_peers(names[i][0]);
		read_page_of(n, &counted);
		assert_string_equal(value("warren_peer_handshakes_total", "peer", names[i][1]),
				    "1");
		free(take_page_of(n, names[i][0], &counted));
		assert_string_equal(value("warren_peers", "interface", names[i][1]), "2");
		stop_all();
	}
}

TEST(peers_of_one_name_are_told_apart)
{
	struct node *n = node_start(1), *one = node_start(2), *two = node_start(3);
	struct delta *d = node_identity(n);
	char key[KEY_TEXT_LEN + 1];

	node_add_peer(d, one, "nas", false, false);
	node_add_peer(d, two, "nas", false, false);
	node_apply(n, d, NOW);
	read_page_of(n, &counted); /* fails for a series that comes twice */
	text_base64_print(key, two->key.bytes);
	assert_string_equal(
		value2("warren_peer_handshakes_total", "peer", "nas", "public_key", key), "0");
	stop_all();
}

TEST(the_order_is_always_the_same)
{
	struct node *n = two_peers("nas");
	char *first = take_page_of(n, "warren0", &counted),
	     *second = take_page_of(n, "warren0", &counted);

	assert_string_equal(first, second);
	free(first);
	free(second);
	stop_all();
}

TEST(an_interface_that_is_down_is_told)
{
	struct node *n = node_start(1);
	struct host h = {.overlay = {.name = "warren0", .mtu = 1400}};

	read_page_of(n, &counted);
	assert_string_equal(value("warren_interface_up", NULL, NULL), "1");
	mesh_mtu_changed(n->m, 1400);
	mesh_host_changed(n->m, &h, NOW, &n->out);
	read_page_of(n, &counted);
	assert_string_equal(value("warren_interface_up", NULL, NULL), "0");
	assert_string_equal(value("warren_mtu_bytes", NULL, NULL), "1400");
	node_stop(n);
}

/* --- without memory --------------------------------------------------------------------- */

static size_t failing_allocation = SIZE_MAX; /* counted down; the one at 0 fails */

void *__real_realloc(void *p, size_t len);
void *__wrap_realloc(void *p, size_t len);

void *__wrap_realloc(void *p, size_t len)
{
	return failing_allocation-- != 0 ? __real_realloc(p, len) : NULL;
}

TEST(says_all_or_nothing_when_memory_runs_out)
{
	struct node *n = two_peers("nas");
	char *whole = take_page_of(n, "warren0", &counted), *text = NULL;
	size_t len, tries = 0;

	for (; text == NULL && tries < 100; tries++) {
		failing_allocation = tries;
		text = metrics_text(n->m, "warren0", &counted, NOW, &len);
	}
	failing_allocation = SIZE_MAX;
	assert_non_null(text);
	assert_true(tries > 3);
	assert_string_equal(text, whole);
	free(text);
	free(whole);
	stop_all();
}

static int print_sample(void)
{
	struct node *n = two_peers("na\xc3\xafve \"nas\"\\\n");
	size_t len;
	char *text = metrics_text(n->m, "warren0", &counted, NOW, &len);

	fputs(text, stdout);
	free(text);
	stop_all();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(a_node_without_peers_has_every_family),
		RUN(the_nat_is_in_labels_and_its_checks_are_counted),
		RUN(every_sample_names_the_interface_and_every_peer_its_key),
		RUN(every_reason_to_drop_has_its_count),
		RUN(every_stage_has_its_counts),
		RUN(buckets_count_what_is_below_them_as_well),
		RUN(peers_have_their_counts),
		RUN(a_peer_that_was_never_spoken_to_has_zeros),
		RUN(the_handshake_is_told_to_the_microsecond),
		RUN(names_are_escaped_and_stay_what_they_are),
		RUN(peers_of_one_name_are_told_apart),
		RUN(the_order_is_always_the_same),
		RUN(an_interface_that_is_down_is_told),
		RUN(says_all_or_nothing_when_memory_runs_out),
	};

	if (crypto_init(NULL) != 0)
		return 1;
	if (argc == 2 && strcmp(argv[1], "--sample") == 0)
		return print_sample();
	return RUN_TESTS(tests);
}
